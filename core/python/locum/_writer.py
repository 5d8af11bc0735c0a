"""Objects that are written in place."""

from types import TracebackType
from typing import TYPE_CHECKING, Any, Callable, Optional, Type

from numpy.typing import NDArray

from . import _native
from ._durations import Duration, deadline
from ._errors import InvalidArgumentError
from ._integers import within
from ._lazy import _HOST
from ._native import Key

if TYPE_CHECKING:
    from ._store import Store


class Writer:
    """Memory of a new object: write to `array`, then `seal()`. Other processes see the object from then on.

    In a `with` block the end of the block seals, and an exception discards. The memory is not cleared. One
    thread at a time.

    Publishing copies nothing if no other reference to `array`, or to a part of it, is left. With one, the
    object is published by a copy, and the array, which is read-only from then on, keeps memory of its own.
    """

    def __init__(self, writer: _native.Writer, publish: Callable[[NDArray[Any], float, Optional[int]], Key]):
        self._writer = writer
        self._publish = publish
        self._key: Optional[Key] = None

    @property
    def array(self) -> NDArray[Any]:
        """The array to be written."""
        self._require_open()
        return self._writer.array

    def __dlpack__(self, **how: Any) -> Any:
        return self.array.__dlpack__(**how)  # refers to the array, as any other user of it

    def __dlpack_device__(self) -> "tuple[int, int]":
        return _HOST

    @property
    def key(self) -> Key:
        """The key of the object that was sealed."""
        if self._key is None:
            raise InvalidArgumentError("invalid_argument: the object was not sealed, and has no key yet")
        return self._key

    @property
    def is_open(self) -> bool:
        """Whether the object was neither sealed nor discarded."""
        return self._writer.is_open

    def seal(self, *, timeout: Optional[Duration] = None) -> Key:
        """Publishes the object. The array must not be written from then on.

        KeyExistsError if the name was taken meanwhile; the object is then discarded, as after any error.
        """
        return self._published(None, timeout)

    def replace(self, *, expected_generation: int = 0, timeout: Optional[Duration] = None) -> Key:
        """Publishes the object in place of what its name is bound to, if anything.

        StaleError if `expected_generation` is neither 0 nor that of the name; InvalidArgumentError of an object
        without a name. The object is discarded after any error.
        """
        return self._published(within(expected_generation, 0, 2**64 - 1, "a generation"), timeout)

    def _published(self, generation: Optional[int], timeout: Optional[Duration]) -> Key:
        self._require_open()
        limit = deadline(timeout)
        if self._writer.is_shared:
            array = self._writer.array
            array.flags.writeable = False
            self._writer.discard()
            self._key = self._publish(array, limit, generation)
        elif generation is None:
            self._key = self._writer.seal(limit)
        else:
            self._key = self._writer.replace(generation, limit)
        return self._key

    def discard(self) -> None:
        """Frees the memory, as soon as no array refers to it; does nothing the second time, or once sealed."""
        if self._writer.is_open:
            self._writer.array.flags.writeable = False
            self._writer.discard()

    def _require_open(self) -> None:
        if not self._writer.is_open:
            raise InvalidArgumentError("invalid_argument: the object was sealed or discarded; create another one")

    def __enter__(self) -> "Writer":
        self._require_open()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is not None:
            self.discard()
        elif self.is_open:
            self.seal()
