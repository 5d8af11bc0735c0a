"""Elements that a thread reads ahead of a loop."""

import _thread
import queue
from typing import Any, Callable, Generic, Iterable, Iterator, List, TypeVar

T = TypeVar("T")

_END = object()
_WAIT_S = 0.1  # a signal that arrives just before a thread sleeps does not wake it


def close_steps(steps: Any) -> None:
    """Ends a generator, and thereby its threads. One that a thread runs is ended by that thread."""
    close = getattr(steps, "close", None)
    if close is not None:
        try:
            close()
        except ValueError:  # it is running: its thread was told to end, and was not waited for
            pass


class _Ahead(Generic[T]):
    """A thread that reads up to so many elements ahead.

    Its consumer may be interrupted by Ctrl-C anywhere, so that it uses none of the module threading, whose locks are not
    released then.
    """

    def __init__(self, source: "Iterable[T]", count: int):
        self._source = source
        self._ready: "queue.SimpleQueue[Any]" = queue.SimpleQueue()
        self._room: "queue.SimpleQueue[None]" = queue.SimpleQueue()  # an entry for each element that may be read
        for _ in range(count):
            self._room.put(None)
        self._is_left = False
        self._failed: List[BaseException] = []
        self._ended = _thread.allocate_lock()  # locked until then
        self._ended.acquire()
        self._has_begun = False

    def begin(self) -> None:
        _thread.start_new_thread(self._read, ())
        self._has_begun = True

    def _read(self) -> None:
        try:
            elements = iter(self._source)
            while True:
                self._room.get()
                if self._is_left:
                    close_steps(self._source)
                    return
                self._ready.put(next(elements))
        except StopIteration:
            pass
        except BaseException as error:
            self._failed.append(error)
        finally:
            self._ready.put(_END)
            self._ended.release()

    def elements(self) -> "Iterator[T]":
        while True:
            try:
                element = self._ready.get(timeout=_WAIT_S)
            except queue.Empty:
                continue
            if element is _END:
                break
            self._room.put(None)
            yield element
        if self._failed:
            raise self._failed.pop()

    def end(self) -> None:
        self._is_left = True
        self._room.put(None)
        while self._has_begun and not self._ended.acquire(timeout=_WAIT_S):
            pass
        self._failed.clear()  # its traceback refers to this


def prefetched(source: "Iterable[T]", count: int, leave: "Callable[[], None]") -> "Iterator[T]":
    """Reads ahead. `leave`: ends the source soon; called where the loop is left, or interrupted while it waits here."""
    ahead = _Ahead(source, count)
    try:
        ahead.begin()
        yield from ahead.elements()
    except BaseException:
        leave()
        raise
    finally:
        ahead.end()
