"""Elements that a pipeline keeps for later passes."""

import sys
from typing import Any, Callable, Generic, Iterable, Iterator, List, Mapping, Optional, TypeVar

from ._errors import QueueFullError, UnsupportedError

T = TypeVar("T")


def bytes_of(element: Any) -> int:
    """Returns about how many bytes of memory an element has: arrays with their data, containers with what they hold."""
    bytes_ = getattr(element, "nbytes", None)
    if isinstance(bytes_, int):
        return bytes_
    held: Iterable[Any] = ()
    if isinstance(element, Mapping):
        held = (one for item in element.items() for one in item)
    elif isinstance(element, (list, tuple, set, frozenset)):
        held = element
    return sys.getsizeof(element) + sum(map(bytes_of, held))


class Cache(Generic[T]):
    """The elements of the first pass that came to its end."""

    def __init__(self, most_bytes: int, size: "Callable[[T], int]"):
        self._most_bytes = most_bytes
        self._size = size
        self._kept: "Optional[List[T]]" = None
        self._has_begun = False

    def elements(self, source: "Iterable[T]", is_read_once: bool) -> "Iterator[T]":
        if self._kept is not None:
            yield from self._kept
            return
        if self._has_begun and is_read_once:
            raise UnsupportedError(
                "the pass that was to fill the cache() did not come to its end, and the iterator that the pipeline reads can be"
                " read once: begin with a list, or read the first pass to its end"
            )
        self._has_begun = True
        kept: List[T] = []
        bytes_ = 0
        for element in source:
            bytes_ += self._size(element)
            if bytes_ > self._most_bytes:
                raise QueueFullError(
                    f"element {len(kept)} does not fit into the {self._most_bytes} bytes of cache(): give it more, or leave it out"
                )
            kept.append(element)
            yield element
        self._kept = kept
