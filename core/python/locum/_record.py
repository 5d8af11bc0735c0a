"""Records: nested values that C++ reads as `locum::Record`. The bytes are described in core/record_archive.hpp."""

import struct
from typing import Any, Callable, Dict, List, Optional, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native

TYPE_NAME = "locum.record"

_VERSION = 1
_ALIGNMENT = 16  # of the elements of arrays, counted from the version
_DEEPEST = 256
_NULL, _NO, _YES, _INTEGER, _LARGE, _REAL, _COMPLEX, _TEXT, _BYTES, _ARRAY, _LIST, _MEMBERS, _STAND_IN = range(13)

_U64 = struct.Struct("<Q")
_pack_integer = struct.Struct("<Bq").pack
_pack_large = struct.Struct("<BQ").pack  # also a tag with a length
_pack_real = struct.Struct("<Bd").pack
_pack_complex = struct.Struct("<Bdd").pack

_NAMES = {
    np.dtype("?"): b"bool",
    np.dtype("S1"): b"char",
    **{np.dtype(f"{kind}{size}"): f"{kind}{8 * size}".encode() for kind in "iu" for size in (1, 2, 4, 8)},
    **{np.dtype(f"f{size}"): f"f{8 * size}".encode() for size in (4, 8)},
    **{np.dtype(f"c{size}"): f"c{8 * size}".encode() for size in (8, 16)},
}


stand_ins: "Dict[type, Callable[[Any], bytes]]" = {}
"""Returns the handle of a stand-in, by the class of stand-ins, where there is one."""


class Record:
    """A value that is stored as other languages read it: `store["config"] = locum.Record({"dt": 0.1, "T": field})`.

    C++ gets it by `store.get("config")` as a `locum::Record`. What is got in Python is the value: its arrays are
    read-only, and in the memory of the store. A dict without this is pickled.

    It is None, a `bool`, an `int` from -2**63 to 2**64 - 1, a `float`, `complex`, `str`, `bytes`, a NumPy array, one of
    another library that has a buffer or DLPack, a number of NumPy, a stand-in, or a list, tuple, or dict with names of
    type `str` of these, up to 256 levels deep.
    Tuples come back as lists, numbers of NumPy as those of Python. The put is a TypeError that names the place of
    another value.
    """

    __slots__ = ("value",)

    def __init__(self, value: Any):
        self.value = value

    def __repr__(self) -> str:
        return f"locum.Record({self.value!r})"


class _Refused(Exception):
    """A value that no Record holds, and where it is."""

    def __init__(self, kind: Type[Exception], text: str):
        super().__init__(text)
        self.kind = kind
        self.path: List[Union[str, int]] = []  # the innermost first

    def error(self) -> Exception:
        shown = [f'["{part}"]' if isinstance(part, str) else f"[{part}]" for part in reversed(self.path[-16:])]
        place = "".join(shown) + ("…" if len(self.path) > 16 else "")
        return self.kind(f"{place or 'this value'} {self}")


def encode(value: Any) -> bytearray:
    """Returns the bytes of a stored Record. TypeError, OverflowError or ValueError, which name the place of a value."""
    out = bytearray((_VERSION,))
    try:
        _write(out, value, 0)
    except _Refused as refused:
        raise refused.error() from refused.__cause__
    return out


def _write(out: bytearray, value: Any, depth: int) -> None:
    kind = type(value)
    if kind is float:
        out += _pack_real(_REAL, value)
    elif kind is int:
        _write_integer(out, value)
    elif kind is str:
        _write_text(out, value)
    elif kind is np.ndarray:
        _write_array(out, value)
    elif kind is dict:
        _check_depth(depth)
        out += _pack_large(_MEMBERS, len(value))
        for name, member in value.items():
            if type(name) is not str:
                raise _Refused(TypeError, f"has a key of type {type(name).__name__}; the names of a Record are str")
            raw = name.encode("utf-8", "surrogateescape")
            out += _U64.pack(len(raw))
            out += raw
            try:
                _write(out, member, depth + 1)
            except _Refused as refused:
                refused.path.append(name)
                raise
    elif kind is list or kind is tuple:
        _check_depth(depth)
        out += _pack_large(_LIST, len(value))
        for at, element in enumerate(value):
            try:
                _write(out, element, depth + 1)
            except _Refused as refused:
                refused.path.append(at)
                raise
    elif value is None:
        out.append(_NULL)
    elif kind is bool:
        out.append(_YES if value else _NO)
    elif kind is complex:
        out += _pack_complex(_COMPLEX, value.real, value.imag)
    elif kind is bytes or kind is bytearray:
        out += _pack_large(_BYTES, len(value))
        out += value
    else:
        _write_other(out, value, depth)


def _check_depth(depth: int) -> None:
    if depth == _DEEPEST:
        raise _Refused(ValueError, f"nests deeper than {_DEEPEST} levels, or contains itself; store it flatter")


def _write_integer(out: bytearray, value: int) -> None:
    if -(2**63) <= value < 2**63:
        out += _pack_integer(_INTEGER, value)
    elif 0 < value < 2**64:
        out += _pack_large(_LARGE, value)
    else:
        raise _Refused(
            OverflowError, f"is {value:.6g}, and a Record holds integers from -2**63 to 2**64 - 1; store it as a float or a text"
            if abs(value) < 10**300
            else "is an integer of more than 300 digits, and a Record holds those from -2**63 to 2**64 - 1"
        )


def _write_text(out: bytearray, value: str) -> None:
    try:
        raw = value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise _Refused(ValueError, "is a text with half a surrogate pair, which UTF-8 does not hold") from error
    out += _pack_large(_TEXT, len(raw))
    out += raw


_IN_PLACE_OF = {
    "U": "texts are a list: give array.tolist()",
    "S": "texts are a list: give array.astype(str).tolist()",
    "O": "give what is in it as a list: array.tolist()",
    "M": 'give array.astype("int64"), and the unit as a text beside it',
    "m": 'give array.astype("int64"), and the unit as a text beside it',
    "V": "give its fields as a dict: {name: array[name] for name in array.dtype.names}",
}


def _write_array(out: bytearray, array: NDArray[Any]) -> None:
    name = _NAMES.get(array.dtype)
    if name is None and array.dtype.fields is None:
        native = array.dtype.newbyteorder("=")
        name = _NAMES.get(native)
        if name is not None:
            array = array.astype(native)
    if name is None:
        known = ", ".join(dtype.name for dtype in _NAMES if dtype.kind != "S")
        instead = _IN_PLACE_OF.get(array.dtype.kind, "convert it")
        raise _Refused(TypeError, f"is an array of {array.dtype}; a Record holds arrays of {known}: {instead}")
    if array.ndim > _native.MAX_RANK:
        raise _Refused(ValueError, f"is an array of {array.ndim} dimensions; a Record holds up to {_native.MAX_RANK}: reshape it")
    out += _pack_large(_ARRAY, len(name))
    out += name
    out.append(array.ndim)
    for extent in array.shape:
        out += _U64.pack(extent)
    out += bytes(-len(out) % _ALIGNMENT)
    if array.size:
        out += np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _write_other(out: bytearray, value: Any, depth: int) -> None:
    handle_of = stand_ins.get(type(value))
    if handle_of is not None:  # asked for more than its type, a stand-in becomes its object
        out.append(_STAND_IN)
        out += handle_of(value)
    elif isinstance(value, dict):
        _write(out, dict(value), depth)
    elif isinstance(value, (list, tuple)):
        _write(out, list(value), depth)
    elif isinstance(value, Record):
        _write(out, value.value, depth)
    elif isinstance(value, np.memmap):
        _write_array(out, value.view(np.ndarray))
    elif isinstance(value, np.generic):
        _write_number(out, value)
    elif (array := _array_of(value)) is not None:
        _write_array(out, array)
    else:
        kind = type(value)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        raise _Refused(
            TypeError, f"is of type {name}, which a Record does not hold; convert it to numbers, texts, arrays, lists and dicts"
        )


def _array_of(value: Any) -> Optional[NDArray[Any]]:
    """Returns an array of another library as that of NumPy, in its memory; None if it is no array."""
    if isinstance(value, np.ndarray):  # masked arrays and the like are more than their elements
        return None
    try:
        return np.asarray(memoryview(value))
    except TypeError:  # it has no buffer
        pass
    return np.from_dlpack(value) if hasattr(value, "__dlpack__") and not isinstance(value, type) else None


def _write_number(out: bytearray, value: "np.generic") -> None:
    """Writes a number, text or bytes of NumPy as that of Python; one that has no equal there is refused."""
    plain = value.item()
    is_exact = type(plain) in (bool, int, float, complex, str, bytes) and value.dtype.kind in "biufcSU"
    if not is_exact or value.dtype.itemsize > 16 and value.dtype.kind in "fc":
        raise _Refused(TypeError, f"is a number of {value.dtype}, which a Record does not hold; convert it")
    _write(out, plain, _DEEPEST)


def decode(memory: NDArray[np.uint8], copy: bool = False) -> Any:
    """Returns the value of a stored Record. Its arrays stay in the memory, and keep it, or are copies. CorruptError."""
    return _native.decode_record(memory, copy)
