"""Codecs: encodings of arrays that a program brings along, as `locum::Codec` in C++ and `locum_codec` in C."""

from typing import Any, Protocol, Tuple

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import TypeMismatchError
from ._values import Stored, code_of


class Codec(Protocol):
    """What `Store.put_coded`, `replace_coded` and `get_coded` ask of a codec."""

    name: str
    """1 to 64 letters, digits and `_.+-`: part of the object's type, `f64[]@name`, by which readers know the codec."""

    def encode(self, value: NDArray[Any]) -> Any:
        """Returns the bytes of an array: `bytes`, or what else has a contiguous buffer."""
        ...

    def decode(self, data: memoryview, dtype: "np.dtype[Any]") -> Any:
        """Returns the array. The bytes are not to be trusted: another program may have written them."""
        ...


_LETTERS = {"i": "i", "u": "u", "f": "f", "c": "c"}


def _element(dtype: "np.dtype[Any]") -> str:
    """Returns the name of an element type as all languages have it: f64."""
    code_of(dtype)  # TypeError if the library has none
    return "bool" if dtype.kind == "b" else f"{_LETTERS[dtype.kind]}{8 * dtype.itemsize}"


_DTYPES = {_element(dtype): dtype for code, dtype in _native.dtypes.items() if code not in (_native.CHAR, _native.BYTE)}


def _encoded(array: NDArray[Any], codec: Codec) -> NDArray[Any]:
    """Returns the bytes that the codec makes of an array."""
    data = codec.encode(array)
    try:
        view = memoryview(data)
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"encode() of the codec {codec.name} returns bytes, or an object with a buffer of them; it has returned"
            f" {type(data).__name__}"
        ) from error
    if "O" in view.format:
        raise TypeError(f"encode() of the codec {codec.name} has returned an array of objects, which are no bytes")
    if not view.c_contiguous:
        raise ValueError(
            f"encode() of the codec {codec.name} has returned an array with gaps, or in Fortran's order; let it return"
            " a contiguous one: numpy.ascontiguousarray(…)"
        )
    return np.frombuffer(view, np.uint8) if view.nbytes else np.empty(0, np.uint8)


def coded(value: Any, codec: Codec) -> Stored:
    """Returns the bytes of a value as its codec writes them."""
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(
            f"a codec encodes arrays of numbers; this {type(value).__name__} is none: its parts differ in length"
        ) from error
    element = _element(array.dtype)
    return Stored(_encoded(array, codec), _native.ENCODED, f"{element}{'[]' if array.ndim else ''}@{codec.name}")


def decoded(found: Any, codec: Codec) -> Any:
    """Returns the array of an object. TypeMismatchError if another codec, or none, has written it."""
    parts: Tuple[str, str, str] = ("", "", "")
    if type(found) is _native.Encoded:
        parts = found.type_name.rpartition("@")
    dtype = _DTYPES.get(parts[0][:-2] if parts[0].endswith("[]") else parts[0])
    if parts[2] != codec.name or dtype is None:
        what = found.type_name if type(found) is _native.Encoded else "another type"
        raise TypeMismatchError(
            f"type_mismatch: asked for an array by the codec {codec.name}, the object is of {what}; read it as what it is"
        )
    return codec.decode(found.bytes.data, dtype)
