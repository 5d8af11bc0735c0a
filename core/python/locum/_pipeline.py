"""Pipelines: lazy sequences of steps over any iterable."""

import collections
import queue
import random
import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Generic, Iterable, Iterator, List, Optional, TypeVar

from ._batch import Batch, RowsOf, rows_in
from ._durations import Duration
from ._interrupts import interruptible
from ._store import Store

T = TypeVar("T")
U = TypeVar("U")

_END = object()
_WAIT_S = 0.1


def _add_place(error: BaseException, number: int, step: str) -> None:
    """Makes an error say at which element of which step it was raised, where the interpreter has notes."""
    if hasattr(error, "add_note"):
        error.add_note(f"in {step} of a locum.pipeline, at element {number}, counted from 0")


def _mapped(source: "Iterable[T]", function: "Callable[[T], U]") -> "Iterator[U]":
    for number, element in enumerate(source):
        try:
            made = function(element)
        except Exception as error:
            _add_place(error, number, "map()")
            raise
        yield made


def _mapped_in_threads(source: "Iterable[T]", function: "Callable[[T], U]", depth: int) -> "Iterator[U]":
    begun: "Deque[Future[U]]" = collections.deque()
    number = 0
    pool = ThreadPoolExecutor(depth, "locum.pipeline")
    try:
        elements = iter(source)
        is_over = False
        while not is_over or begun:
            while not is_over and len(begun) < depth:
                try:
                    begun.append(pool.submit(function, next(elements)))
                except StopIteration:
                    is_over = True
            if begun:
                try:
                    made = interruptible(begun.popleft().result)
                except Exception as error:
                    _add_place(error, number, "async_map()")
                    raise
                number += 1
                yield made
    finally:  # also where the program breaks off
        for future in begun:
            future.cancel()
        pool.shutdown()


def _prefetched(source: "Iterable[T]", count: int) -> "Iterator[T]":
    ready: "queue.Queue[Any]" = queue.Queue(count)
    is_left = threading.Event()
    failed: List[BaseException] = []

    def put(element: Any) -> None:
        while not is_left.is_set():
            try:
                ready.put(element, timeout=_WAIT_S)
                return
            except queue.Full:
                pass

    def read() -> None:
        try:
            for element in source:
                put(element)
                if is_left.is_set():
                    return
        except BaseException as error:
            failed.append(error)
        finally:
            put(_END)

    thread = threading.Thread(target=read, name="locum.pipeline", daemon=True)
    thread.start()
    try:
        while (element := interruptible(ready.get)) is not _END:
            yield element
        if failed:
            raise failed[0]
    finally:
        is_left.set()
        thread.join()


def _shuffled(source: "Iterable[T]", buffer: int, seed: int) -> "Iterator[T]":
    chosen = random.Random(seed)
    kept: List[T] = []
    for element in source:
        if len(kept) < buffer:
            kept.append(element)
            continue
        at = chosen.randrange(buffer)
        kept[at], element = element, kept[at]
        yield element
    chosen.shuffle(kept)
    yield from kept


def _batched(
    source: "Iterable[Any]", size: int, collate: "Optional[Callable[[List[Any]], Any]]", drops: bool, rows_of: RowsOf
) -> "Iterator[Any]":
    elements = iter(source)
    number = 0
    while True:
        batch: Any = [] if collate is not None else None
        count = 0
        for element in elements:
            try:
                if collate is not None:
                    batch.append(element)
                else:
                    batch = Batch(element, size, rows_of) if batch is None else batch
                    batch.set(count, element)
            except ValueError as error:
                _add_place(error, number, "batch()")
                raise
            count += 1
            number += 1
            if count == size:
                break
        if count == 0 or (count < size and drops):
            return
        yield collate(batch) if collate is not None else batch.made(count)


class Pipeline(Generic[T]):
    """Steps over an iterable, which run when the elements are asked for: see `locum.pipeline`.

    Each method but the ends `collect`, `for_each` and `join` gives a pipeline of one step more. An error ends it, and
    has a note (from Python 3.11 on) with the step and the number of the element.
    """

    def __init__(self, make: "Callable[[], Iterable[T]]"):
        self._make = make

    def __iter__(self) -> "Iterator[T]":
        return iter(self._make())

    def map(self, function: "Callable[[T], U]") -> "Pipeline[U]":
        """Calls the function with each element; its results are the elements."""
        return Pipeline(lambda: _mapped(self, function))

    def async_map(self, function: "Callable[[T], U]", depth: int = 8) -> "Pipeline[U]":
        """Calls the function in `depth` threads, so many elements ahead at most. The order stays."""
        _at_least_one(depth, "depth")
        return Pipeline(lambda: _mapped_in_threads(self, function, depth))

    def filter(self, keeps: "Callable[[T], Any]") -> "Pipeline[T]":
        """Keeps the elements for which the function returns something true."""
        return Pipeline(lambda: (element for element in self if keeps(element)))

    def take(self, count: int) -> "Pipeline[T]":
        """Ends behind so many elements, and reads no more of them."""
        return Pipeline(lambda: (element for element, _ in _zipped(self, count)))

    def skip(self, count: int) -> "Pipeline[T]":
        """Leaves out so many elements at the beginning."""
        return Pipeline(lambda: (element for number, element in enumerate(self) if number >= count))

    def flatten(self) -> "Pipeline[Any]":
        """Gives the elements of the elements, such as the samples of shards."""
        return Pipeline(lambda: (inner for element in self for inner in _iterable(element)))

    def batch(
        self,
        size: int,
        collate: "Optional[Callable[[List[Any]], Any]]" = None,
        *,
        drop_last: bool = False,
        into: Optional[Store] = None,
        lifetime: Optional[Duration] = None,
    ) -> "Pipeline[Any]":
        """Makes batches: arrays and numbers become one array, dicts and tuples one of these, other values a list.

        An array is copied once, to its place in the batch. `collate` makes something else of a list of samples.

        :param into: a store: each array of a batch is an object without a name in its memory, and is given as a stand-in,
            of which 64 bytes are sent to another rank
        :param lifetime: of these objects; None: as the store has it
        """
        _at_least_one(size, "size of a batch")
        if into is not None and collate is not None:
            raise ValueError("batch() collates into a store by itself: give either collate or into")
        rows_of = rows_in(into, lifetime)
        return Pipeline(lambda: _batched(self, size, collate, drop_last, rows_of))

    def shuffle(self, buffer: int, seed: int = 0) -> "Pipeline[T]":
        """Gives the elements in an order that is random within `buffer` of them, always the same for a seed."""
        _at_least_one(buffer, "buffer of a shuffle")
        return Pipeline(lambda: _shuffled(self, buffer, seed))

    def prefetch(self, count: int = 2) -> "Pipeline[T]":
        """Reads up to `count` elements ahead, in a thread that ends with the loop."""
        _at_least_one(count, "number of elements to prefetch")
        return Pipeline(lambda: _prefetched(self, count))

    def collect(self) -> "List[T]":
        """Runs all, and returns the elements."""
        return list(self)

    def for_each(self, function: "Callable[[T], Any]") -> None:
        """Runs all, and calls the function with each element."""
        for _ in self.map(function):
            pass

    def join(self) -> int:
        """Runs all, and returns the number of elements."""
        return sum(1 for _ in self)


def _iterable(element: Any) -> "Iterable[Any]":
    inner: "Iterable[Any]" = element
    return inner


def _zipped(source: "Iterable[T]", count: int) -> "Iterator[tuple[T, int]]":
    # The range first: at its end zip() has not taken an element more.
    return ((element, number) for number, element in zip(range(count), source))


def _at_least_one(number: int, noun: str) -> None:
    if number < 1:
        raise ValueError(f"the {noun} is 1 or more, not {number}")


def pipeline(source: "Iterable[T]") -> "Pipeline[T]":
    """Begins a pipeline: `locum.pipeline(store.keys()).async_map(store.get).flatten().batch(32).prefetch(2)`."""
    return Pipeline(lambda: source)
