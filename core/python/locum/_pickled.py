"""The format of Python objects that are no arrays, numbers, texts or bytes: pickle, with buffers beside it.

All numbers are little-endian.

    0   8 bytes   "locum.py"
    8   u32       version: 1
    12  u32       CRC-32 of all bytes from 16 to the end of the pickle
    16  u32       number of buffers
    20  u32       0
    24  u64       length of the pickle
    32            for each buffer: u64 offset from the beginning, u64 length
                  the pickle, of protocol 5
                  the buffers, each at a multiple of 64, in the order of their offsets

The CRC finds damage. It does not show who wrote the bytes: unpickling runs whatever the writer chose.
"""

import pickle
import struct
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import CorruptError, UnsupportedError

TYPE_NAME = "python@pickle"

_MAGIC = b"locum.py"
_VERSION = 1
_ALIGNMENT = 64
_HEADER = struct.Struct("<8sIIIIQ")
_CHECKED_FROM = 16
_BUFFER = struct.Struct("<QQ")

_is_allowed = True


def allow_pickle(allowed: bool) -> None:
    """Sets whether this process unpickles what stores contain; it does by default.

    Unpickling may run any code that the writer of the object chose: switch it off where others may write. A
    store opened with `allow_pickle=False` unpickles nothing, whatever is set here.
    """
    global _is_allowed
    _is_allowed = bool(allowed)


def is_allowed() -> bool:
    return _is_allowed


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT


class Pickle:
    """A pickled object whose buffers are still where they were: to be written once, to memory of `size` bytes.

    Buffers that are contiguous, such as those of most arrays, are not pickled.
    """

    def __init__(self, value: Any):
        pickle_buffers: "list[pickle.PickleBuffer]" = []
        try:
            self._stream = pickle.dumps(value, protocol=5, buffer_callback=pickle_buffers.append)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            if hasattr(value, "__next__"):
                hint = "an iterator is used up when it is read: put list(…), or numpy.fromiter(…)"
            else:
                hint = "put its arrays, numbers and texts, or give its class a __reduce__"
            raise TypeError(
                f"an object of type {type(value).__name__} cannot be stored, for it cannot be pickled ({error}): {hint}"
            ) from error
        self._buffers = [buffer.raw() for buffer in pickle_buffers]
        self._begin = _HEADER.size + _BUFFER.size * len(self._buffers)
        self._offsets = []
        self.size = self._begin + len(self._stream)
        for buffer in self._buffers:
            offset = _aligned(self.size)
            self._offsets.append(offset)
            self.size = offset + buffer.nbytes

    def write(self, view: memoryview) -> None:
        """Writes all bytes of the view, which has `size`."""
        end = self._begin + len(self._stream)
        view[self._begin : end] = self._stream
        written = end
        for number, (offset, buffer) in enumerate(zip(self._offsets, self._buffers)):
            _BUFFER.pack_into(view, _HEADER.size + number * _BUFFER.size, offset, buffer.nbytes)
            view[written:offset] = bytes(offset - written)
            view[offset : offset + buffer.nbytes] = buffer
            written = offset + buffer.nbytes
        _HEADER.pack_into(view, 0, _MAGIC, _VERSION, 0, len(self._buffers), 0, len(self._stream))
        struct.pack_into("<I", view, 12, zlib.crc32(view[_CHECKED_FROM:end]))

    def block(self) -> NDArray[Any]:
        """Returns the bytes in memory of their own."""
        block = np.empty(self.size, np.uint8)
        self.write(block.data)
        return block


def dump(value: Any) -> NDArray[Any]:
    """Returns the bytes of an object."""
    return Pickle(value).block()


def _damaged(finding: str) -> CorruptError:
    return CorruptError(f"corrupt: the bytes of a Python object are damaged: {finding}; put the object again")


def _parts(view: memoryview) -> "tuple[memoryview, list[memoryview]]":
    """Returns the pickle and the buffers, after all checks that need no unpickling."""
    if view.nbytes < _HEADER.size:
        raise _damaged(f"they are {view.nbytes}, and the header alone has {_HEADER.size}")
    magic, version, checksum, count, zero, stream_bytes = _HEADER.unpack_from(view)
    if magic != _MAGIC:
        raise _damaged(f"they begin with {magic!r}")
    if version != _VERSION:
        raise UnsupportedError(
            f"unsupported: a Python object of version {version}, and this locum reads version {_VERSION}: read it by"
            " the locum that wrote it, or a later one"
        )
    begin = _HEADER.size + _BUFFER.size * count
    end = begin + stream_bytes
    if zero != 0 or stream_bytes == 0 or end > view.nbytes:
        raise _damaged(f"{count} buffers and a pickle of {stream_bytes} bytes do not fit into {view.nbytes}")
    if zlib.crc32(view[_CHECKED_FROM:end]) != checksum:
        raise _damaged("the checksum of the pickle is another one")
    buffers = []
    free_from = end
    for offset, length in _BUFFER.iter_unpack(view[_HEADER.size : begin]):
        if offset % _ALIGNMENT != 0 or offset < free_from or offset + length > view.nbytes:
            raise _damaged(f"a buffer of {length} bytes at {offset}")
        free_from = offset + length
        buffers.append(view[offset:free_from])
    return view[begin:end], buffers


def load(block: NDArray[Any], copy: bool) -> Any:
    """Returns the object. Its buffers stay in `block`, and keep it, or are copies that may be written."""
    stream, buffers = _parts(block.data)
    try:
        return pickle.loads(stream, buffers=map(bytearray, buffers) if copy else buffers)
    except pickle.UnpicklingError as error:
        raise _damaged(str(error)) from error
