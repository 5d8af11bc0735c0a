"""Pipelines: lazy sequences of steps over any iterable."""

import _thread
import collections
import itertools
import queue
import random
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Callable, Deque, Generic, Iterable, Iterator, List, Optional, Tuple, TypeVar

from ._batch import Batch, RowsOf, rows_in
from ._durations import Duration
from ._errors import UnsupportedError
from ._interrupts import interruptible
from ._shards import EpochReader, Epochs, State
from ._store import Store

T = TypeVar("T")
U = TypeVar("U")

# What goes from step to step: an element, and how many elements of the source were taken when it was made; none: behind a
# step that does not tell.
Placed = Tuple[Optional[int], T]

_END = object()
_WAIT_S = 0.1  # a signal that arrives just before a thread sleeps does not wake it


class _Source(Generic[T]):
    """The iterable of a pipeline, and the iterator of its last pass."""

    def __init__(self, elements: "Iterable[T]"):
        self._elements = elements
        self._pass: "Optional[Iterator[T]]" = None
        self._is_over = False

    @property
    def position(self) -> int:
        """The position before the first element of the next pass."""
        return self._elements.position if isinstance(self._elements, EpochReader) else 0

    def reader(self) -> EpochReader:
        """Returns the reader of epochs of the last pass."""
        reader = iter(self._elements) if self._pass is None and isinstance(self._elements, (Epochs, EpochReader)) else self._pass
        if not isinstance(reader, EpochReader):
            raise TypeError("a state is one of epochs, and this pipeline reads something else: its position tells how far it is")
        return reader

    def __iter__(self) -> "Iterator[Placed[T]]":
        self._pass = iter(self._elements)
        if self._is_over and self._pass is self._elements:
            raise UnsupportedError(
                "the iterator that this pipeline reads is at its end: it can be read once; begin with a list, or make a new"
                " iterator and a new pipeline for each pass"
            )
        return self._placed(self._pass)

    def _placed(self, elements: "Iterator[T]") -> "Iterator[Placed[T]]":
        reader = elements if isinstance(elements, EpochReader) else None
        number = 0
        while True:
            try:
                element = next(elements)
            except StopIteration:
                self._is_over = True
                return
            except Exception as error:
                _add_place(error, number, "the source")
                raise
            number += 1
            yield number if reader is None else reader.position, element


def _add_place(error: BaseException, number: int, step: str) -> None:
    """Makes an error say at which element of which step it was raised, where the interpreter has notes."""
    if hasattr(error, "add_note"):
        error.add_note(f"in {step} of a locum.pipeline, at element {number}, counted from 0")


def _mapped(source: "Iterable[Placed[T]]", function: "Callable[[T], U]") -> "Iterator[Placed[U]]":
    for number, (place, element) in enumerate(source):
        try:
            made = function(element)
        except Exception as error:
            _add_place(error, number, "map()")
            raise
        yield place, made


def _mapped_in_threads(source: "Iterable[Placed[T]]", function: "Callable[[T], U]", depth: int) -> "Iterator[Placed[U]]":
    begun: "Deque[Placed[Future[U]]]" = collections.deque()
    number = 0
    pool = ThreadPoolExecutor(depth, "locum.pipeline")
    try:
        elements = iter(source)
        is_over = False
        while not is_over or begun:
            while not is_over and len(begun) < depth:
                try:
                    place, element = next(elements)
                    begun.append((place, pool.submit(function, element)))
                except StopIteration:
                    is_over = True
            if begun:
                place, future = begun.popleft()
                try:
                    made = interruptible(future.result)
                except Exception as error:
                    _add_place(error, number, "async_map()")
                    raise
                number += 1
                yield place, made
    finally:  # also where the program breaks off
        for _, future in begun:
            future.cancel()
        pool.shutdown()


def _close(steps: Any) -> None:
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
                    _close(self._source)
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


def _prefetched(source: "Iterable[T]", count: int) -> "Iterator[T]":
    ahead = _Ahead(source, count)
    try:
        ahead.begin()
        yield from ahead.elements()
    finally:
        ahead.end()


def _shuffled(source: "Iterable[Placed[T]]", buffer: int, seed: int) -> "Iterator[Placed[T]]":
    chosen = random.Random(seed)
    kept: List[T] = []
    for _, element in source:
        if len(kept) < buffer:
            kept.append(element)
            continue
        at = chosen.randrange(buffer)
        kept[at], element = element, kept[at]
        yield None, element
    chosen.shuffle(kept)
    yield from ((None, element) for element in kept)


def _flattened(source: "Iterable[Placed[Any]]") -> "Iterator[Placed[Any]]":
    for _, element in source:
        for inner in element:
            yield None, inner


def _batched(
    source: "Iterable[Placed[Any]]", size: int, collate: "Optional[Callable[[List[Any]], Any]]", drops: bool, rows_of: RowsOf
) -> "Iterator[Placed[Any]]":
    elements = iter(source)
    number = 0
    place: Optional[int] = None
    while True:
        batch: Any = [] if collate is not None else None
        count = 0
        for place, element in elements:
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
        yield place, collate(batch) if collate is not None else batch.made(count)


class Pipeline(Generic[T]):
    """Steps over an iterable, which run when the elements are asked for: see `locum.pipeline`.

    Each method but the ends `collect`, `for_each` and `join` gives a pipeline of one step more. An error ends it, and
    has a note (from Python 3.11 on) with the step and the number of the element. Each loop begins a pass: an iterator, which
    has one, goes on in it where the last one ended.
    """

    def __init__(self, source: "_Source[Any]", begin: "Callable[[List[Any]], Iterable[Placed[T]]]"):
        self._source = source
        self._begin_steps = begin  # appends each step to a list
        self._begin: Optional[int] = None  # position of the source before the pass
        self._place: Optional[int] = None
        self._has_begun = False

    def _with(self, make: "Callable[[Iterable[Placed[T]]], Iterable[Placed[U]]]") -> "Pipeline[U]":
        def begin(begun: List[Any]) -> "Iterable[Placed[U]]":
            steps = make(self._begin_steps(begun))
            begun.append(steps)
            return steps

        return Pipeline(self._source, begin)

    def __iter__(self) -> "Iterator[T]":
        begun: List[Any] = []
        steps = self._begin_steps(begun)
        self._begin, self._has_begun = self._source.position, False
        return self._consumed(steps, begun)

    def _consumed(self, steps: "Iterable[Placed[T]]", begun: List[Any]) -> "Iterator[T]":
        try:
            for self._place, element in steps:
                self._has_begun = True
                yield element
        finally:  # now: the traceback of an error would keep the threads of steps
            for step in reversed(begun):
                _close(step)

    @property
    def position(self) -> int:
        """How many elements of the source the loop has got in this pass, whatever was read ahead; of a reader of epochs, its
        position.

        UnsupportedError behind `shuffle` and `flatten`, whose elements have no place in the source.
        """
        if not self._has_begun:
            return self._source.position if self._begin is None else self._begin
        if self._place is None:
            raise UnsupportedError(
                "behind shuffle() and flatten() elements have no place in the source; let locum.epochs shuffle, or save states"
                " between two epochs, of the reader"
            )
        return self._place

    def state(self) -> State:
        """Returns the state of the epochs that this reads: which samples the loop has got, whatever was read ahead.

        A dict that JSON holds, for `locum.join_states`; also in the middle of the loop. The errors of `position`; TypeError, if
        the source is no reader of epochs.
        """
        return self._source.reader().state(self.position)

    def map(self, function: "Callable[[T], U]") -> "Pipeline[U]":
        """Calls the function with each element; its results are the elements."""
        return self._with(lambda source: _mapped(source, function))

    def async_map(self, function: "Callable[[T], U]", depth: int = 8) -> "Pipeline[U]":
        """Calls the function in `depth` threads, so many elements ahead at most. The order stays."""
        _at_least_one(depth, "depth")
        return self._with(lambda source: _mapped_in_threads(source, function, depth))

    def filter(self, keeps: "Callable[[T], Any]") -> "Pipeline[T]":
        """Keeps the elements for which the function returns something true."""
        return self._with(lambda source: (placed for placed in source if keeps(placed[1])))

    def take(self, count: int) -> "Pipeline[T]":
        """Ends behind so many elements, and reads no more of them."""
        # The range first: at its end zip() has not taken an element more.
        return self._with(lambda source: (placed for _, placed in zip(range(count), source)))

    def skip(self, count: int) -> "Pipeline[T]":
        """Leaves out so many elements at the beginning."""
        return self._with(lambda source: (placed for number, placed in enumerate(source) if number >= count))

    def split(self, rank: int, size: int) -> "Pipeline[T]":
        """Keeps the elements whose number is `rank` modulo `size`: each belongs to one rank."""
        if not 0 <= rank < size:
            raise ValueError(f"there is no rank {rank} of {size}: give a rank below the number of ranks")
        return self._with(lambda source: itertools.islice(source, rank, None, size))

    def flatten(self) -> "Pipeline[Any]":
        """Gives the elements of the elements, such as the samples of shards."""
        return self._with(_flattened)

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
        return self._with(lambda source: _batched(source, size, collate, drop_last, rows_of))

    def shuffle(self, buffer: int, seed: int = 0) -> "Pipeline[T]":
        """Gives the elements in an order that is random within `buffer` of them, always the same for a seed."""
        _at_least_one(buffer, "buffer of a shuffle")
        return self._with(lambda source: _shuffled(source, buffer, seed))

    def prefetch(self, count: int = 2) -> "Pipeline[T]":
        """Reads up to `count` elements ahead, in a thread that ends with the loop."""
        _at_least_one(count, "number of elements to prefetch")
        return self._with(lambda source: _prefetched(source, count))

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


def _at_least_one(number: int, noun: str) -> None:
    if number < 1:
        raise ValueError(f"the {noun} is 1 or more, not {number}")


def pipeline(elements: "Iterable[T]") -> "Pipeline[T]":
    """Begins a pipeline: `locum.pipeline(store.keys()).async_map(store.get).flatten().batch(32).prefetch(2)`."""
    source = _Source(elements)
    return Pipeline(source, lambda begun: source)
