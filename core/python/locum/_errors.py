"""The exceptions: one for each code of the library, most of them also a built-in one."""

import builtins
import enum
from typing import ClassVar

from . import _native


class Code(enum.IntEnum):
    """The numbers of `locum::Errc` in C++ and `locum_status` in C."""

    INVALID_ARGUMENT = 1
    NOT_FOUND = 2
    KEY_EXISTS = 3
    TYPE_MISMATCH = 4
    STALE = 5
    OUT_OF_MEMORY = 6
    TIMEOUT = 7
    PEER_LOST = 8
    CORRUPT = 9
    CLOSED = 10
    OPTIONS_DIFFER = 11
    UNSUPPORTED = 12
    SYSTEM = 13
    CANCELLED = 14
    BROKEN_PROMISE = 15
    END_OF_STREAM = 16
    QUEUE_FULL = 17
    VALUE_TOO_LARGE = 18


class Error(Exception):
    """An error of the library. `str(error)` is its whole text, which says what to do; `code` is the cause."""

    code: ClassVar[Code]

    def __str__(self) -> str:  # KeyError would give the repr
        return str(self.args[0]) if self.args else ""


class InvalidArgumentError(Error, ValueError):
    """The call itself is wrong: an empty name, a box outside of the array …"""

    code = Code.INVALID_ARGUMENT


class NotFoundError(Error, KeyError):
    """The object does not exist now."""

    code = Code.NOT_FOUND


class KeyExistsError(Error, FileExistsError):
    """The name is in use; its value is unchanged."""

    code = Code.KEY_EXISTS


class TypeMismatchError(Error, TypeError):
    """The object is of another type."""

    code = Code.TYPE_MISMATCH


class StaleError(Error):
    """The name was replaced since this key or generation was taken."""

    code = Code.STALE


class OutOfMemoryError(Error, MemoryError):
    """The memory of the store is full."""

    code = Code.OUT_OF_MEMORY


class TimeoutError(Error, builtins.TimeoutError):
    """The deadline passed."""

    code = Code.TIMEOUT


class PeerLostError(Error, ConnectionError):
    """A process or server that the call needed is dead, or cannot be reached."""

    code = Code.PEER_LOST


class CorruptError(Error):
    """Stored bytes are damaged."""

    code = Code.CORRUPT


class ClosedError(Error, ValueError):
    """The store or session was closed."""

    code = Code.CLOSED


class OptionsDifferError(Error, ValueError):
    """Openers of one store ask for different options."""

    code = Code.OPTIONS_DIFFER


class UnsupportedError(Error, NotImplementedError):
    """This build, or this backend, cannot do it."""

    code = Code.UNSUPPORTED


class OperatingSystemError(Error, OSError):
    """The operating system or another library failed."""

    code = Code.SYSTEM


class CancelledError(Error):
    """The caller cancelled the operation."""

    code = Code.CANCELLED


class BrokenPromiseError(Error):
    """The promise was destroyed before its value was set."""

    code = Code.BROKEN_PROMISE


class EndOfStreamError(Error, EOFError):
    """The stream of steps, or the queue of tasks, was closed and is used up."""

    code = Code.END_OF_STREAM


class QueueFullError(Error):
    """The stream of steps has no room, and the writer is not to wait for it; or the cache of a pipeline has none."""

    code = Code.QUEUE_FULL


class ValueTooLargeError(Error, ValueError):
    """The backend holds no value of that size; nothing was sent."""

    code = Code.VALUE_TOO_LARGE


_native.set_errors([Error] + sorted(Error.__subclasses__(), key=lambda kind: kind.code))
