"""Pipelines: lazy sequences of steps over any iterable."""

import collections
import concurrent.futures
import inspect
import itertools
import random
from typing import Any, Callable, Deque, Generic, Iterable, Iterator, List, Optional, Tuple, TypeVar

from ._ahead import prefetched
from ._batch import Batch, RowsOf, rows_in
from ._durations import Duration
from ._errors import UnsupportedError
from ._interrupts import interruptible
from ._pipeline_cache import Cache, bytes_of
from ._pipeline_calls import LEFT_OUT, Calls, PipelineReport, Policy, add_place, reported
from ._pipeline_source import Pass, Placed, Source
from ._shards import State
from ._store import Store

T = TypeVar("T")
U = TypeVar("U")


def _mapped(source: "Iterable[Placed[T]]", calls: "Calls[T, U]") -> "Iterator[Placed[U]]":
    for place, element in source:
        made = calls.made(calls.attempt(element))
        if made is not LEFT_OUT:
            yield place, made


def _mapped_in_threads(source: "Iterable[Placed[T]]", calls: "Calls[T, U]", depth: int, begun_pass: Pass) -> "Iterator[Placed[U]]":
    begun: "Deque[Placed[concurrent.futures.Future[Any]]]" = collections.deque()
    pool = concurrent.futures.ThreadPoolExecutor(depth, "locum.pipeline")
    try:
        elements = iter(source)
        is_over = False
        while not is_over or begun:
            while not is_over and len(begun) < depth:
                try:
                    place, element = next(elements)
                    begun.append((place, pool.submit(calls.attempt, element)))
                except StopIteration:
                    is_over = True
            if begun:
                place, future = begun.popleft()
                made = calls.made(interruptible(future.result))
                if made is not LEFT_OUT:
                    yield place, made
    except BaseException:  # a call that is repeated ends with it
        begun_pass.leave()
        raise
    finally:  # also where the program breaks off
        for _, future in begun:
            future.cancel()
        pool.shutdown()


def _filtered(source: "Iterable[Placed[T]]", calls: "Calls[T, Any]") -> "Iterator[Placed[T]]":
    for place, element in source:
        keeps = calls.made(calls.attempt(element))
        if keeps is not LEFT_OUT and keeps:
            yield place, element


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


def _taken(source: "Iterable[Placed[T]]", count: int, begun: Pass) -> "Iterator[Placed[T]]":
    begun.is_cut = True
    yield from (placed for _, placed in zip(range(count), source))  # the range first: at its end zip() has not taken an element more


def _inner(elements: "Callable[[], Iterator[T]]", number: int, step: str) -> "Iterator[T]":
    """The elements of an element."""
    try:
        yield from elements()
    except Exception as error:
        add_place(error, number, step)
        raise


def _interleaved(source: "Iterable[Placed[Any]]", width: int, begun: Pass) -> "Iterator[Placed[Any]]":
    step = "flatten()" if width == 1 else "interleave()"
    elements = enumerate(source)
    opened: "List[Tuple[Any, Iterator[Any]]]" = []  # with the next element of each
    turn = 0
    while True:
        begun.go_on()
        while len(opened) < width and (numbered := next(elements, None)) is not None:
            number, (_, ranged) = numbered
            inner = _inner(ranged.__iter__, number, step) if hasattr(ranged, "__iter__") else iter(ranged)
            opened.extend((first, inner) for first in itertools.islice(inner, 1))
        if not opened:
            return
        turn = turn if turn < len(opened) else 0
        element, inner = opened[turn]
        yield None, element
        following = [(element, inner) for element in itertools.islice(inner, 1)]
        opened[turn : turn + 1] = following
        turn += len(following)  # behind the end of one, the next has its turn


def _collated(samples: List[Any], collate: "Callable[[List[Any]], Any]", number: int) -> Any:
    try:
        return collate(samples)
    except Exception as error:
        add_place(error, number - len(samples), "batch(), whose collate failed for those from there on,")
        raise


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
                add_place(error, number, "batch()")
                raise
            count += 1
            number += 1
            if count == size:
                break
        if count == 0 or (count < size and drops):
            return
        yield place, _collated(batch, collate, number) if collate is not None else batch.made(count)


class Pipeline(Generic[T]):
    """Steps over an iterable, which run when the elements are asked for: see `locum.pipeline`.

    Each method but the ends `collect`, `for_each` and `join` gives a pipeline of one step more. An error ends it, unless `on_error`
    says otherwise, and has a note (from Python 3.11 on) with the step and the number of the element. Each loop begins a pass: an iterator, which
    has one, goes on in it where the last one ended.
    """

    def __init__(self, source: "Source[Any]", begin: "Callable[[Pass], Iterable[Placed[T]]]", policy: Policy):
        self._source = source
        self._begin_steps = begin
        self._policy = policy  # of the steps that follow
        self._pass: Optional[Pass] = None  # the last one

    def _with(self, make: "Callable[[Iterable[Placed[T]], Pass], Iterable[Placed[U]]]") -> "Pipeline[U]":
        def begin(begun: Pass) -> "Iterable[Placed[U]]":
            steps = make(self._begin_steps(begun), begun)
            begun.steps.append(steps)
            return steps

        return Pipeline(self._source, begin, self._policy)

    def __iter__(self) -> "Iterator[T]":
        begun = Pass(self._source.position)
        steps = self._begin_steps(begun)
        self._pass = begun
        return self._consumed(steps, begun)

    def _consumed(self, steps: "Iterable[Placed[T]]", begun: Pass) -> "Iterator[T]":
        try:
            for begun.place, element in steps:
                begun.succeeded += 1
                yield element
            if begun.has_taken_all and not begun.is_cut:  # what was left out at the end is behind it, too
                begun.place = begun.taken
        finally:  # now: the traceback of an error would keep the threads of steps
            begun.end()

    @property
    def report(self) -> PipelineReport:
        """What was counted in the last pass until now, and the elements that were left out; also of what was read ahead."""
        return PipelineReport() if self._pass is None else reported(self._pass.succeeded, self._pass.calls)

    @property
    def position(self) -> int:
        """How many elements of the source the loop has got in this pass, whatever was read ahead; of a reader of epochs, its
        position.

        UnsupportedError behind `shuffle`, `flatten` and `interleave`, whose elements have no place in the source.
        """
        place = self._source.position if self._pass is None else self._pass.place
        if place is None:
            raise UnsupportedError(
                "behind shuffle(), flatten() and interleave() elements have no place in the source; let locum.epochs shuffle, or save states"
                " between two epochs, of the reader"
            )
        return place

    def state(self) -> State:
        """Returns the state of the epochs that this reads: which samples the loop has got, whatever was read ahead.

        A dict that JSON holds, for `locum.join_states`; also in the middle of the loop. The errors of `position`; TypeError, if
        the source is no reader of epochs.
        """
        return self._source.reader().state(self.position)

    def on_error(self, *, skip: bool = False, retries: int = 0) -> "Pipeline[T]":
        """Sets what becomes of an element for which a function of `map`, `async_map` or `filter` raises an Exception, in the steps
        that follow, up to the next `on_error`.

        All other errors end the loop: those of the source, of elements in `flatten`, of `batch` and its `collate`.

        :param skip: leave the element out, and note it in `report`; else the error ends the loop
        :param retries: call the function so many times more before that, at once
        """
        if retries < 0:
            raise ValueError(f"a function is called again 0 times or more, not {retries}")
        return Pipeline(self._source, self._begin_steps, Policy(skip, retries))

    def map(self, function: "Callable[[T], U]") -> "Pipeline[U]":
        """Calls the function with each element; its results are the elements."""
        return self._mapped("map()", function, self._policy)

    def _mapped(self, step: str, function: "Callable[[T], U]", policy: Policy) -> "Pipeline[U]":
        return self._with(lambda source, begun: _mapped(source, begun.calling(step, function, policy)))

    def async_map(self, function: "Callable[[T], U]", depth: int = 8) -> "Pipeline[U]":
        """Calls the function in `depth` threads, so many elements ahead at most. The order stays.

        Where the loop is left, it waits for the calls that are being made.
        """
        _at_least_one(depth, "depth")
        if inspect.iscoroutinefunction(function):
            raise TypeError("async_map() calls a function in threads; nobody would await what this coroutine function returns")
        policy = self._policy
        return self._with(lambda source, begun: _mapped_in_threads(source, begun.calling("async_map()", function, policy), depth, begun))

    def filter(self, keeps: "Callable[[T], Any]") -> "Pipeline[T]":
        """Keeps the elements for which the function returns something true."""
        policy = self._policy
        return self._with(lambda source, begun: _filtered(source, begun.calling("filter()", keeps, policy)))

    def take(self, count: int) -> "Pipeline[T]":
        """Ends behind so many elements, and reads no more of them."""
        _not_negative(count, "number of elements to take")
        return self._with(lambda source, begun: _taken(source, count, begun))

    def skip(self, count: int) -> "Pipeline[T]":
        """Leaves out so many elements at the beginning."""
        _not_negative(count, "number of elements to skip")
        return self._with(lambda source, _: (placed for number, placed in enumerate(source) if number >= count))

    def split(self, rank: int, size: int) -> "Pipeline[T]":
        """Keeps the elements whose number is `rank` modulo `size`: each belongs to one rank."""
        if not 0 <= rank < size:
            raise ValueError(f"there is no rank {rank} of {size}: give a rank below the number of ranks")
        return self._with(lambda source, _: itertools.islice(source, rank, None, size))

    def flatten(self) -> "Pipeline[Any]":
        """Gives the elements of the elements, such as the samples of shards."""
        return self.interleave(1)

    def interleave(self, width: int) -> "Pipeline[Any]":
        """As `flatten`, of `width` elements at a time, by turns."""
        _at_least_one(width, "width of an interleave")
        return self._with(lambda source, begun: _interleaved(source, width, begun))

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
        return self._with(lambda source, _: _batched(source, size, collate, drop_last, rows_of))

    def shuffle(self, buffer: int, seed: int = 0) -> "Pipeline[T]":
        """Gives the elements in an order that is random within `buffer` of them, always the same for a seed."""
        _at_least_one(buffer, "buffer of a shuffle")
        return self._with(lambda source, _: _shuffled(source, buffer, seed))

    def cache(self, most_bytes: int, size: "Callable[[T], int]" = bytes_of) -> "Pipeline[T]":
        """Keeps the elements of the first pass that comes to its end, for the passes after it; the steps before do not run again.

        The program gets these very objects again: what it changes in them stays changed.

        :param most_bytes: QueueFullError, if the elements have more
        :param size: returns the bytes of an element; by default, those of its arrays and texts are counted, and of what holds them
        """
        kept: "Cache[Placed[T]]" = Cache(most_bytes, lambda placed: size(placed[1]))
        return self._with(lambda source, _: kept.elements(source, self._source.is_read_once))

    def prefetch(self, count: int = 2) -> "Pipeline[T]":
        """Reads up to `count` elements ahead, in a thread that ends with the loop."""
        _at_least_one(count, "number of elements to prefetch")
        return self._with(lambda source, begun: prefetched(source, count, begun.leave))

    def collect(self) -> "List[T]":
        """Runs all, and returns the elements."""
        return list(self)

    def for_each(self, function: "Callable[[T], Any]") -> None:
        """Runs all, and calls the function with each element."""
        for _ in self._mapped("for_each()", function, Policy()):
            pass

    def join(self) -> int:
        """Runs all, and returns the number of elements."""
        return sum(1 for _ in self)


def _at_least_one(number: int, noun: str) -> None:
    if number < 1:
        raise ValueError(f"the {noun} is 1 or more, not {number}")


def _not_negative(number: int, noun: str) -> None:
    if number < 0:
        raise ValueError(f"the {noun} is 0 or more, not {number}")


def pipeline(elements: "Iterable[T]") -> "Pipeline[T]":
    """Begins a pipeline: `locum.pipeline(store.keys()).async_map(store.get).flatten().batch(32).prefetch(2)`."""
    source = Source(elements)
    return Pipeline(source, source.elements, Policy())
