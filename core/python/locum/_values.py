"""How values of Python are stored: as arrays and numbers that other languages read, or pickled."""

import sys
from typing import Any, NamedTuple, Union

import numpy as np
from numpy.typing import NDArray

from . import _native, _pickled, _record
from ._errors import TypeMismatchError, UnsupportedError
from ._pickled import Pickle
from ._record import Record

# Of texts and bytes NumPy has no type of its own.
_CODES = {
    dtype: code for code, dtype in _native.dtypes.items() if code not in (_native.CHAR, _native.BYTE)
}
_I64 = _CODES[np.dtype(np.int64)]
_F64 = _CODES[np.dtype(np.float64)]
_C128 = _CODES[np.dtype(np.complex128)]
_BOOL = _CODES[np.dtype(np.bool_)]
_FOREIGN_ORDER = ">" if sys.byteorder == "little" else "<"


stand_ins: "set[type]" = set()
"""The class of stand-ins, where there is one: asked for more than its type, one becomes its object."""


class Stored(NamedTuple):
    """Memory, the number of the type of its elements, and the name of a type that has none."""

    memory: NDArray[Any]
    code: int
    type_name: str = ""


def code_of(dtype: Any) -> int:
    """Returns the number of an element type. TypeError if the library has none for it."""
    asked = np.dtype(dtype)
    code = _CODES.get(asked)
    if code is None:
        known = ", ".join(known.name for known in _CODES)
        raise TypeError(f"the library has no elements of type {asked}; in the machine's byte order it has {known}")
    return code


def _bytes(data: "bytes | bytearray", code: int) -> Stored:
    memory = np.frombuffer(data, np.uint8) if data else np.empty(0, np.uint8)
    return Stored(memory, code)


def _array(array: NDArray[Any]) -> "Union[Stored, Pickle]":
    dtype = array.dtype
    if dtype.byteorder == _FOREIGN_ORDER and dtype.fields is None:
        native = dtype.newbyteorder("=")
        if native in _CODES:
            array = array.astype(native)
            dtype = native
    code = _CODES.get(dtype)
    if code is None or array.ndim > _native.MAX_RANK:
        return Pickle(array)
    if array.size > 1 and not any(array.strides):  # one element for all: to C, strides of 0 are none
        array = np.ascontiguousarray(array)
    return Stored(array, code)


def stored(value: Any) -> Stored:
    """Returns the memory of a value, or that of a copy."""
    described = described_by(value)
    return stored_pickle(described) if isinstance(described, Pickle) else described


def stored_pickle(pickle: Pickle) -> Stored:
    """Returns the memory of a pickled object, which is a copy."""
    return Stored(pickle.block(), _native.ENCODED, _pickled.TYPE_NAME)


def stored_record(value: Any) -> Stored:
    """Returns the memory of a value as a Record. TypeError, OverflowError or ValueError if it is none."""
    return Stored(np.frombuffer(_record.encode(value), np.uint8), _native.ENCODED, _record.TYPE_NAME)


def described_by(value: Any) -> "Union[Stored, Pickle]":
    """Returns the memory of a value, or what is to be written of it. The guide has the table."""
    kind = type(value)
    if kind in stand_ins:  # which stays one
        return Pickle(value)
    if kind is Record:
        return stored_record(value)
    if kind is np.ndarray or isinstance(value, np.memmap):
        return _array(value)
    if kind is float:
        return Stored(np.array(value, np.float64), _F64)
    if kind is bool:
        return Stored(np.array(value, np.bool_), _BOOL)
    if kind is int:
        if not -(2**63) <= value < 2**63:
            raise OverflowError(
                f"{value} is no 64-bit integer with sign, as which an int is stored: put numpy.uint64(…), a float,"
                " or the int in a tuple, which is pickled"
            )
        return Stored(np.array(value, np.int64), _I64)
    if kind is complex:
        return Stored(np.array(value, np.complex128), _C128)
    if kind is str:
        return _bytes(value.encode("utf-8", "surrogateescape"), _native.CHAR)
    if kind is bytes or kind is bytearray:
        return _bytes(value, _native.BYTE)
    if isinstance(value, np.ndarray):  # masked arrays and the like are more than their elements
        return Pickle(value)
    if isinstance(value, np.generic):
        code = _CODES.get(value.dtype)
        return Pickle(value) if code is None else Stored(np.asarray(value), code)
    try:
        return _array(np.asarray(memoryview(value)))
    except TypeError:  # it has no buffer
        pass
    if hasattr(value, "__dlpack__") and not isinstance(value, type):  # an array of another library
        return _array(np.from_dlpack(value))
    return Pickle(value)


def given(value: Any, allows_pickle: bool, copy: bool) -> Any:
    """Returns what the module gives of an object, with pickled ones unpickled where that is allowed."""
    if isinstance(value, np.ndarray):
        return np.array(value) if copy else value
    if type(value) is not _native.Encoded:
        return value
    if value.type_name == _record.TYPE_NAME:
        return _record.decode(value.bytes, copy)
    if value.type_name != _pickled.TYPE_NAME:
        raise TypeMismatchError(
            f"type_mismatch: the object is of the type {value.type_name}, which Python does not know; get_bytes()"
            " returns its bytes"
        )
    if not (allows_pickle and _pickled.is_allowed()):
        raise UnsupportedError(
            "unsupported: the object is pickled, and unpickling, which may run any code of whoever put it, was"
            " switched off: by locum.allow_pickle(), or where the store was opened"
        )
    return _pickled.load(value.bytes, copy)
