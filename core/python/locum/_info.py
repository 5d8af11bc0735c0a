"""Metadata of an object."""

import datetime
import math
import re
from dataclasses import dataclass, field
from typing import Any, Optional, Tuple

import numpy as np

from . import _native
from ._native import Key


@dataclass(frozen=True)
class Info:
    """Metadata of an object."""

    key: Key
    name: Optional[str]
    """None: it has no name."""
    type: str
    """The library's name of its type: `f64[]` for an array of float64, `python` for a pickled object."""
    codec: Optional[str]
    """What wrote its bytes; None: it is an array, a number, a text or bytes, or of the library's own encoding."""
    dtype: Optional[np.dtype[Any]]
    """Of its elements; None: it has none."""
    shape: Tuple[int, ...]
    size_bytes: int
    owner: int
    """Rank that made it."""
    generation: int
    """Of its name: raised when the name is bound to another object; 0 without one."""
    expires: Optional[datetime.datetime]
    """In UTC; None: never."""
    _code: int = field(default=0, repr=False, compare=False)


def elements(code: int, type_name: str) -> Optional[np.dtype[Any]]:
    """Returns NumPy's type of elements; None if there are none."""
    if code == _native.CLASS:
        size = re.search(r"\{(\d+)\}(\[\])?$", type_name)
        return np.dtype(f"V{size.group(1)}") if size else None
    return _native.dtypes.get(code)


def info_of(found: "tuple[Any, ...]") -> Info:
    key, size_bytes, code, type_name, shape, owner, generation, name, codec, expires = found
    return Info(
        key=key,
        name=name or None,
        type=type_name,
        codec=codec or None,
        dtype=elements(code, type_name),
        shape=shape,
        size_bytes=size_bytes,
        owner=owner,
        generation=generation,
        expires=datetime.datetime.fromtimestamp(expires, datetime.timezone.utc)
        if expires and math.isfinite(expires)
        else None,
        _code=code,
    )
