"""What a pipeline reads, and one pass through it."""

import collections.abc
import types
from typing import Any, Callable, Generic, Iterable, Iterator, List, Optional, Tuple, TypeVar

from ._ahead import close_steps
from ._errors import UnsupportedError
from ._pipeline_calls import Calls, Policy, add_place
from ._shards import EpochReader, Epochs

T = TypeVar("T")
U = TypeVar("U")

# What goes from step to step: an element, and how many elements of the source were taken when it was made; none: behind a
# step that does not tell.
Placed = Tuple[Optional[int], T]


class _PassLeft(BaseException):
    """The loop is over: a thread that reads ahead for it ends."""


class Pass:
    """One pass through a pipeline."""

    def __init__(self, place: Optional[int]):
        self.place = place  # of the last element that the loop has got, or before the first; none: it has none
        self.taken = place  # of the last element that was taken from the source
        self.has_taken_all = False
        self.is_cut = False  # by take(), which may end it before the source ends
        self.is_left = False
        self.succeeded = 0
        self.steps: List[Any] = []
        self.calls: "List[Calls[Any, Any]]" = []

    def calling(self, step: str, function: "Callable[[T], U]", policy: Policy) -> "Calls[T, U]":
        """Returns the calls of one more step."""
        calls = Calls(step, function, policy, lambda: self.is_left)
        self.calls.append(calls)
        return calls

    def go_on(self) -> None:
        """Ends the thread that calls it, if the loop is over."""
        if self.is_left:
            raise _PassLeft

    def leave(self) -> None:
        """Lets the threads of all steps end."""
        self.is_left = True

    def end(self) -> None:
        """Ends the threads of all steps, and drops what they hold."""
        self.leave()
        for step in reversed(self.steps):
            close_steps(step)


class Source(Generic[T]):
    """The iterable of a pipeline, and the iterator of its last pass."""

    def __init__(self, elements: "Iterable[T]"):
        self._elements = elements
        self._iterator: "Optional[Iterator[T]]" = None
        self._last: Optional[Pass] = None
        self._is_over = False

    @property
    def is_read_once(self) -> bool:
        return isinstance(self._elements, collections.abc.Iterator)

    @property
    def position(self) -> Optional[int]:
        """The position before the first element of the next pass; none, if it is not known."""
        if not isinstance(self._elements, EpochReader):
            return 0
        return self._elements.position if self._last is None else self._last.place

    def reader(self) -> EpochReader:
        """Returns the reader of epochs of the last pass."""
        is_new = self._iterator is None and isinstance(self._elements, (Epochs, EpochReader))
        reader = iter(self._elements) if is_new else self._iterator
        if not isinstance(reader, EpochReader):
            raise TypeError("a state is that of one reader of epochs, and this pipeline reads something else")
        return reader

    def elements(self, begun: Pass) -> "Iterator[Placed[T]]":
        elements = iter(self._elements)
        if elements is self._elements:
            self._refuse_what_is_gone()
        self._iterator, self._last = elements, begun
        reader = elements if isinstance(elements, EpochReader) else None
        number = 0
        while True:
            begun.go_on()
            try:
                element = next(elements)
            except StopIteration:
                self._is_over = begun.has_taken_all = True
                if reader is not None:
                    begun.taken = reader.position
                return
            except Exception as error:
                self._is_over = isinstance(elements, types.GeneratorType)  # which has ended then
                add_place(error, number, "the source")
                raise
            number += 1
            begun.taken = number if reader is None else reader.position
            yield begun.taken, element

    def _refuse_what_is_gone(self) -> None:
        if self._is_over:
            raise UnsupportedError(
                "the iterator that this pipeline reads is at its end: it can be read once; begin with a list, or make a new"
                " iterator and a new pipeline for each pass"
            )
        if self._last is not None and self._last.taken != self._last.place:
            raise UnsupportedError(
                "the loop before this one was left when more had been taken from the iterator than it had got, and that is gone: make"
                " a new reader of epochs from state(), or a new pipeline that goes on without it; to leave a loop and go on in it,"
                " keep iter(pipeline)"
            )
