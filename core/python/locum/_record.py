"""Records: nested values that C++ reads as `locum::Record`. The bytes are described in core/record_archive.hpp."""

import struct
from math import prod
from typing import Any, Callable, Dict, List, Optional, Tuple, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import CorruptError

TYPE_NAME = "locum.record"

_VERSION = 1
_ALIGNMENT = 16  # of the elements of arrays, counted from the version
_DEEPEST = 256
_NULL, _NO, _YES, _INTEGER, _LARGE, _REAL, _COMPLEX, _TEXT, _BYTES, _ARRAY, _LIST, _MEMBERS, _STAND_IN = range(13)
_HANDLE_BYTES = 64

_U64 = struct.Struct("<Q")
_I64 = struct.Struct("<q")
_F64 = struct.Struct("<d")
_TWO_F64 = struct.Struct("<dd")
_pack_integer = struct.Struct("<Bq").pack
_pack_large = struct.Struct("<BQ").pack  # also a tag with a length
_pack_real = struct.Struct("<Bd").pack
_pack_complex = struct.Struct("<Bdd").pack

_DTYPES = {
    "bool": np.dtype("?"),
    "char": np.dtype("S1"),
    "byte": np.dtype("u1"),
    **{f"{kind}{8 * size}": np.dtype(f"{kind}{size}") for kind in "iu" for size in (1, 2, 4, 8)},
    **{f"f{8 * size}": np.dtype(f"f{size}") for size in (4, 8)},
    **{f"c{8 * size}": np.dtype(f"c{size}") for size in (8, 16)},
}
_NAMES = {dtype: name.encode() for name, dtype in _DTYPES.items() if name != "byte"}


stand_ins: "Dict[type, Callable[[Any], bytes]]" = {}
"""Returns the handle of a stand-in, by the class of stand-ins, where there is one."""


class Record:
    """A value that is stored as other languages read it: `store["config"] = locum.Record({"dt": 0.1, "T": field})`.

    C++ gets it by `store.get("config")` as a `locum::Record`. What is got in Python is the value: its arrays are
    read-only, and in the memory of the store. A dict without this is pickled.

    It is None, a `bool`, an `int` from -2**63 to 2**64 - 1, a `float`, `complex`, `str`, `bytes`, a NumPy array, a
    number of NumPy, a stand-in, or a list, tuple, or dict with names of type `str` of these, up to 256 levels deep.
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
    else:
        kind = type(value)
        name = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        raise _Refused(
            TypeError, f"is of type {name}, which a Record does not hold; convert it to numbers, texts, arrays, lists and dicts"
        )


def _write_number(out: bytearray, value: "np.generic") -> None:
    """Writes a number, text or bytes of NumPy as that of Python; one that has no equal there is refused."""
    plain = value.item()
    is_exact = type(plain) in (bool, int, float, complex, str, bytes) and value.dtype.kind in "biufcSU"
    if not is_exact or value.dtype.itemsize > 16 and value.dtype.kind in "fc":
        raise _Refused(TypeError, f"is a number of {value.dtype}, which a Record does not hold; convert it")
    _write(out, plain, _DEEPEST)


def _damaged(at: int, finding: str) -> CorruptError:
    return CorruptError(f"corrupt: at byte {at} of a stored Record, {finding}; store it again")


def decode(memory: NDArray[np.uint8], copy: bool = False) -> Any:
    """Returns the value of a stored Record. Its arrays stay in the memory, and keep it, or are copies. CorruptError."""
    reader = _Reader(memory, copy)
    try:
        value = reader.whole()
    except struct.error:
        raise _damaged(reader.at, "the bytes end within a value") from None
    return value


class _Reader:
    """Reads a value from bytes, which are not trusted."""

    __slots__ = ("memory", "data", "at", "end", "copy")

    def __init__(self, memory: NDArray[np.uint8], copy: bool):
        self.memory = memory
        self.data = memory.data
        self.at = 0
        self.end = memory.size
        self.copy = copy

    def whole(self) -> Any:
        if self.end == 0 or self.data[0] != _VERSION:
            raise _damaged(0, "the version is unknown to this version of locum")
        self.at = 1
        value = self.value(0)
        if self.at != self.end:
            raise _damaged(self.at, "more bytes follow than there should be")
        return value

    def number(self, form: struct.Struct) -> Any:
        (number,) = form.unpack_from(self.data, self.at)
        self.at += form.size
        return number

    def length(self, least_bytes: int) -> int:
        """Returns a length of what has at least that many bytes each."""
        length: int = self.number(_U64)
        if length * least_bytes > self.end - self.at:
            raise _damaged(self.at - _U64.size, "a length is greater than what follows")
        return length

    def taken(self) -> memoryview:
        """Returns the bytes that follow their length."""
        length = self.length(1)
        begin = self.at
        self.at += length
        return self.data[begin : self.at]

    def value(self, depth: int) -> Any:
        if self.at >= self.end:
            raise _damaged(self.at, "the bytes end before a value")
        tag = self.data[self.at]
        self.at += 1
        if tag == _REAL:
            return self.number(_F64)
        if tag == _INTEGER:
            return self.number(_I64)
        if tag == _TEXT:
            return str(self.taken(), "utf-8", "surrogateescape")
        if tag == _ARRAY:
            return self.array()
        if tag == _MEMBERS:
            self.check_depth(depth)
            members: Dict[str, Any] = {}
            for _ in range(self.length(9)):
                name = str(self.taken(), "utf-8", "surrogateescape")
                if name in members:
                    raise _damaged(self.at, "two members have the same name")
                members[name] = self.value(depth + 1)
            return members
        if tag == _LIST:
            self.check_depth(depth)
            return [self.value(depth + 1) for _ in range(self.length(1))]
        if tag == _NULL:
            return None
        if tag == _NO or tag == _YES:
            return tag == _YES
        return self.rarer(tag)

    def rarer(self, tag: int) -> Any:
        if tag == _COMPLEX:
            real, imaginary = _TWO_F64.unpack_from(self.data, self.at)
            self.at += _TWO_F64.size
            return complex(real, imaginary)
        if tag == _BYTES:
            return bytes(self.taken())
        if tag == _LARGE:
            large: int = self.number(_U64)
            if large < 2**63:
                raise _damaged(self.at, "a large integer is small")
            return large
        if tag == _STAND_IN:
            from ._proxy import proxy_of_handle

            handle = bytes(self.data[self.at : self.at + _HANDLE_BYTES])
            if len(handle) != _HANDLE_BYTES:
                raise _damaged(self.at, "the bytes end within a stand-in")
            self.at += _HANDLE_BYTES
            return proxy_of_handle(handle)
        raise _damaged(self.at - 1, "there is an unknown tag")

    def check_depth(self, depth: int) -> None:
        if depth == _DEEPEST:
            raise _damaged(self.at, f"values nest deeper than {_DEEPEST} levels")

    def array(self) -> NDArray[Any]:
        dtype = self.element(str(self.taken(), "utf-8", "replace"))
        if self.at >= self.end:
            raise _damaged(self.at, "the bytes end within an array")
        rank = self.data[self.at]
        self.at += 1
        if rank > _native.MAX_RANK:
            raise _damaged(self.at, f"an array has more than {_native.MAX_RANK} extents")
        shape: Tuple[int, ...] = struct.unpack_from(f"<{rank}Q", self.data, self.at)
        self.at += _U64.size * rank
        begin = self.at + -self.at % _ALIGNMENT
        if any(self.data[self.at : begin]):
            raise _damaged(self.at, "there is something in front of the elements of an array")
        size = prod(shape) * dtype.itemsize
        if size > self.end - begin:
            raise _damaged(self.at, "an array has larger extents than there are elements")
        try:
            array: NDArray[Any] = np.ndarray(shape, dtype, self.memory, begin) if size else np.empty(shape, dtype)
        except (ValueError, OverflowError):  # an extent of 0 beside one that is too large
            raise _damaged(self.at, "an extent of an array is too large") from None
        self.at = begin + size
        if self.copy:
            return array.copy()
        array.flags.writeable = False
        return array

    def element(self, name: str) -> "np.dtype[Any]":
        dtype = _DTYPES.get(name)
        if dtype is None:
            dtype = _class_dtype(name)
        if dtype is None:
            raise _damaged(self.at, "an array has elements of no type")
        return dtype


def _class_dtype(name: str) -> "Optional[np.dtype[Any]]":
    """Returns the type of elements of a class of C++, `particle{48}`: bytes. None if it is no such name."""
    stem, brace, digits = name.rpartition("{")
    is_class = stem and brace and digits.endswith("}") and digits[:-1].isascii() and digits[:-1].isdigit()
    size = int(digits[:-1]) if is_class and len(digits) <= 11 else 0
    return np.dtype(f"V{size}") if 0 < size < 2**31 else None
