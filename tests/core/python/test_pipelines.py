"""Pipelines of Python: their steps, errors, and threads that end."""

import gc
import itertools
import os
import random
import signal
import threading
import time
import weakref

import numpy as np
import pytest

import locum


before = set()


def threads():
    """Returns the threads that the test has left: those that were told to end may still be seen for a while."""
    deadline = time.monotonic() + 30
    while (left := set(os.listdir("/proc/self/task")) - before) and time.monotonic() < deadline:
        time.sleep(0.001)
    return left


@pytest.fixture(autouse=True)
def leaves_no_thread():
    locum.pipeline([1]).async_map(str).collect()  # the thread that waits for calls of the main thread stays
    before.clear()
    before.update(os.listdir("/proc/self/task"))
    yield
    assert not threads()


def test_steps_are_lazy_and_in_order():
    read = []
    source = (read.append(at) or at for at in range(100))
    steps = locum.pipeline(source).map(lambda at: at * 2).filter(lambda at: at % 3 == 0).skip(1).take(3)
    assert read == []
    assert steps.collect() == [6, 12, 18]
    assert read == list(range(10))
    assert locum.pipeline([[1, 2], [], [3]]).flatten().collect() == [1, 2, 3]
    assert locum.pipeline(range(4)).join() == 4
    assert [locum.pipeline(range(7)).split(rank, 3).collect() for rank in range(3)] == [[0, 3, 6], [1, 4], [2, 5]]
    for wrong in ((3, 3), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="there is no rank"):
            locum.pipeline([]).split(*wrong)
    seen = []
    locum.pipeline(range(3)).for_each(seen.append)
    assert seen == [0, 1, 2]


def test_shards_are_written_and_read_in_parallel(tmp_path):
    store = locum.ShardStore(f"file:{tmp_path}")
    shards = [list(range(10 * at, 10 * at + 10)) for at in range(10)]
    assert locum.pipeline(shards).async_map(store.set).join() == 10
    assert len(list(store.keys())) == 10
    assert sorted(locum.pipeline(store.keys()).async_map(store.get).flatten().collect()) == list(range(100))
    assert not threads()


def test_async_map_overlaps_and_keeps_the_order():
    met = threading.Barrier(4, timeout=30)

    def meet(at):
        met.wait()
        return at

    assert locum.pipeline(range(16)).async_map(meet, 4).collect() == list(range(16))


@pytest.mark.parametrize("step", ["map", "async_map"])
def test_an_error_names_the_element_and_ends_all(step):
    with pytest.raises(ZeroDivisionError) as raised:
        getattr(locum.pipeline([2, 1, 0, 1]), step)(lambda at: 1 // at).prefetch(2).collect()
    if hasattr(raised.value, "__notes__"):
        assert f"in {step}() of a locum.pipeline, at element 2" in raised.value.__notes__[0]
    assert not threads()


@pytest.mark.parametrize("steps", [lambda one: one.prefetch(2), lambda one: one.async_map(str, 2).map(int).prefetch(2)])
def test_an_error_ends_the_threads_of_all_steps(steps):
    def fail(at):
        if at == 20:
            raise LookupError("not this one")
        return at

    with pytest.raises(LookupError) as raised:  # whose traceback keeps all that its frames refer to
        steps(locum.pipeline(range(10**6))).async_map(fail, 2).collect()
    assert not threads(), raised


def test_an_interrupt_ends_the_threads_wherever_it_comes():
    chosen = random.Random(1)
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(60):
            try:
                signal.setitimer(signal.ITIMER_REAL, chosen.random() * 0.004 + 0.0002)
                for _ in locum.pipeline(itertools.count()).async_map(str, 2).prefetch(2):
                    pass
            except KeyboardInterrupt:
                pass
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, handler)


def fails_at(*numbers):
    """Returns a function that raises for these numbers, and a list of all that it was called with."""
    called = []

    def function(at):
        called.append(at)
        if at in numbers:
            raise LookupError(f"not {at}")
        return at

    return function, called


@pytest.mark.parametrize("step", ["map", "async_map"])
def test_what_fails_is_called_again_and_left_out(step):
    function, called = fails_at(3, 5)
    steps = getattr(locum.pipeline(range(8)).on_error(skip=True, retries=2), step)(function).prefetch(2)
    assert steps.report == locum.PipelineReport()
    assert steps.collect() == [0, 1, 2, 4, 6, 7]
    assert sorted(called) == [0, 1, 2, 3, 3, 3, 4, 5, 5, 5, 6, 7]
    report = steps.report
    assert (report.succeeded, report.failed, report.retried) == (6, 2, 4)
    assert [(one.step, one.element, str(one.error)) for one in report.failures] == [
        (f"{step}()", 3, "not 3"),
        (f"{step}()", 5, "not 5"),
    ]
    assert steps.position == 8
    assert steps.take(2).collect() == [0, 1] and steps.report == report  # of its own passes
    assert not threads()


def test_a_call_that_succeeds_at_last_is_no_failure():
    left = [2, 0, 1]

    def function(at):
        left[at] -= 1
        if left[at] >= 0:
            raise OSError("not yet")
        return at

    steps = locum.pipeline(range(3)).on_error(retries=2).async_map(function, 2)
    assert steps.collect() == [0, 1, 2]
    assert steps.report == locum.PipelineReport(succeeded=3, retried=3)


def test_policies_hold_for_the_steps_behind_them():
    function, _ = fails_at(1)
    steps = locum.pipeline(range(4)).on_error(skip=True).filter(function)
    assert steps.collect() == [2, 3] and steps.report.failures[0].step == "filter()"
    for strict in (locum.pipeline(range(4)).map(function).on_error(skip=True), steps.on_error().map(fails_at(2)[0])):
        with pytest.raises(LookupError):
            strict.collect()
        assert strict.report.failed >= 1
    with pytest.raises(LookupError):  # the program's own call is none of a step
        locum.pipeline(range(4)).on_error(skip=True).for_each(function)
    with pytest.raises(ValueError, match="0 times or more"):
        locum.pipeline([]).on_error(retries=-1)
    with pytest.raises(KeyboardInterrupt):  # no error of an element
        locum.pipeline([1]).on_error(skip=True, retries=9).map(lambda at: signal.raise_signal(signal.SIGINT)).collect()


def test_a_report_keeps_few_failures_and_counts_all():
    steps = locum.pipeline(range(1000)).on_error(skip=True).map(lambda at: 1 // (at % 2))
    assert steps.collect() == [1] * 500
    assert steps.report.failed == 500 and [one.element for one in steps.report.failures] == list(range(0, 32, 2))
    assert all(one.error.__traceback__ is None for one in steps.report.failures)


def test_a_break_ends_calls_that_are_repeated():
    begun = threading.Event()

    def function(at):
        if at == 1:
            begun.set()
            raise OSError("never")
        return at

    for _ in locum.pipeline(range(2)).on_error(retries=10**12).async_map(function, 2):
        assert begun.wait(30)
        break


def test_interleave_takes_turns():
    ranges = [[1, 2, 3], [], [4], [5, 6], iter([7])]
    assert locum.pipeline(ranges).interleave(2).collect() == [1, 4, 5, 2, 6, 7, 3]  # as in C++
    assert locum.pipeline([[1, 2], [3]]).interleave(9).collect() == [1, 3, 2]
    opened = []
    lazy = iter(locum.pipeline([1, 2, 3]).map(lambda at: opened.append(at) or [at, at]).interleave(2))
    assert next(lazy) == 1 and opened == [1, 2]
    with pytest.raises(ValueError, match="1 or more"):
        locum.pipeline([]).interleave(0)


def test_a_cache_is_filled_by_the_first_whole_pass():
    function, called = fails_at()
    steps = locum.pipeline(range(4)).map(function).cache(10**6)
    assert steps.take(2).collect() == [0, 1]
    assert steps.collect() == [0, 1, 2, 3] and called == [0, 1, 0, 1, 2, 3]
    both = steps.map(str)
    for _ in both:
        assert both.position == int(_) + 1
    assert both.collect() == ["0", "1", "2", "3"] and steps.async_map(str).collect() == both.collect() and len(called) == 6
    once = locum.pipeline(iter(range(3))).cache(10**6)
    assert once.collect() == once.collect() == [0, 1, 2]  # an iterator, too
    broken = locum.pipeline(iter(range(3))).cache(10**6)
    assert broken.take(1).collect() == [0]
    with pytest.raises(locum.UnsupportedError, match="did not come to its end"):
        broken.collect()


def test_a_cache_is_bounded_in_bytes():
    arrays = [{"x": np.zeros(1000)} for _ in range(3)]
    with pytest.raises(locum.QueueFullError, match="element 1 does not fit into the 10000 bytes"):
        locum.pipeline(arrays).cache(10_000).collect()
    assert locum.pipeline(arrays).cache(30_000).join() == 3
    assert locum.pipeline(["ab", "c"]).cache(3, size=len).collect() == ["ab", "c"]
    with pytest.raises(locum.QueueFullError, match="element 1 "):
        locum.pipeline(["ab", "cd"]).cache(3, size=len).collect()


def test_a_break_in_the_middle_ends_the_threads():
    endless = iter(int, 1)
    for _ in locum.pipeline(endless).async_map(lambda at: at, 3).prefetch(2):
        break
    loop = iter(locum.pipeline(range(10**9)).prefetch(2))
    next(loop)
    loop.close()
    assert not threads()


def fail(_):
    raise ValueError("always")


FIND_NOTHING_MORE = pytest.mark.parametrize(
    "steps",
    [
        lambda one: one.filter(lambda at: at < 1),
        lambda one: one.on_error(skip=True).filter(lambda at: at < 1 or fail(at)),
        lambda one: one.on_error(skip=True, retries=10**12).map(lambda at: at if at < 1 else fail(at)),
        lambda one: one.on_error(skip=True).async_map(lambda at: at if at < 1 else fail(at), 2),
        lambda one: one.map(lambda at: [at] if at < 1 else []).flatten(),
        lambda one: one.map(lambda at: itertools.repeat(at)).interleave(2).filter(lambda at, seen=[]: seen.append(at) or len(seen) < 2),
        lambda one: one.batch(2).take(1).map(list),
        lambda one: one.split(0, 10**12),
        lambda one: one.filter(lambda at: at < 1).prefetch(1).map(lambda at: at),
    ],
)


@FIND_NOTHING_MORE
def test_threads_that_find_nothing_more_end_with_the_loop(steps):
    for _ in steps(locum.pipeline(itertools.count())).prefetch(2):
        break
    assert not threads()


@FIND_NOTHING_MORE
@pytest.mark.parametrize("ahead", [lambda one: one.prefetch(2), lambda one: one.async_map(lambda at: at, 2)])
def test_an_interrupt_ends_what_finds_nothing_more(steps, ahead):
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            for _ in ahead(steps(locum.pipeline(itertools.count())).skip(2)):
                pass
            while True:  # of pipelines that end by themselves
                pass
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert not threads()


def test_an_interrupt_ends_calls_that_are_repeated():
    handler = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.setitimer(signal.ITIMER_REAL, 0.05)
            locum.pipeline([1]).on_error(skip=True, retries=10**12).async_map(fail, 2).join()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
    assert not threads()


def test_what_was_read_ahead_is_not_lost_in_silence():
    store = locum.ShardStore("memory:")
    store.set(range(100), key="k")
    options = {"seed": 4, "shuffle_block": 30}
    order = list(locum.epochs(store, **options))
    for steps in (lambda one: one.batch(10, list).prefetch(3), lambda one: one.batch(10, list).async_map(list, 3)):
        batches = steps(locum.pipeline(locum.epochs(store, **options).split(0, 1)))
        assert next(iter(batches)) == order[:10] and batches.position == 10
        for _ in range(2):
            with pytest.raises(locum.UnsupportedError, match="a new reader of epochs from state"):
                batches.collect()
            state = locum.join_states([batches.state()])
            assert list(locum.epochs(store, **options, state=state)) == order[10:]
    shuffled = locum.pipeline(iter(range(100))).shuffle(20)
    next(iter(shuffled))
    with pytest.raises(locum.UnsupportedError, match="that is gone"):
        shuffled.collect()
    ahead = iter(locum.pipeline(iter(range(100))).prefetch(3))
    assert list(itertools.islice(ahead, 10)) + list(ahead) == list(range(100))  # one loop that goes on
    again = locum.pipeline(locum.epochs(store, **options)).prefetch(3)  # which has a reader for each pass
    assert next(iter(again)) == order[0] and again.collect() == order


def test_the_position_at_the_end_is_that_of_the_source():
    store = locum.ShardStore("memory:")
    store.set(range(100), key="k")
    reader = locum.epochs(store, seed=1).split(0, 1)
    assert len(list(reader)) == 100
    for steps in (
        lambda one: one.batch(30, drop_last=True),
        lambda one: one.filter(lambda at: at != 99).prefetch(2),
        lambda one: one.on_error(skip=True).async_map(lambda at: 1 // (99 - at), 3),
        lambda one: one.shuffle(10),
    ):
        whole = steps(locum.pipeline(range(100)))
        whole.join()
        assert whole.position == 100
        epoch = steps(locum.pipeline(locum.epochs(store, seed=1).split(0, 1)))
        epoch.join()
        assert epoch.state() == reader.state()
    cut = locum.pipeline(range(100)).batch(10).prefetch(20).take(3)
    cut.join()
    assert cut.position == 30


def test_errors_have_notes_of_their_steps():
    for run, note in (
        (lambda: locum.pipeline([1, 0]).for_each(lambda at: 1 // at), "in for_each() of a locum.pipeline, at element 1"),
        (lambda: locum.pipeline([[1], (1 // at for at in [0])]).flatten().collect(), "in flatten() of a locum.pipeline, at element 1"),
        (lambda: locum.pipeline([1, 2, 0]).batch(2, lambda some: 1 // some[0]).collect(), "collate failed for those from there on"),
    ):
        with pytest.raises(ZeroDivisionError) as raised:
            run()
        if hasattr(raised.value, "__notes__"):
            assert note in raised.value.__notes__[0], raised.value.__notes__


def test_failures_keep_nothing_of_the_calls():
    class Large:
        pass

    kept = weakref.WeakSet()

    def function(at):
        large = Large()
        kept.add(large)
        try:
            fail(at)
        except ValueError:
            raise LookupError("a second one")

    gc.collect()
    gc.disable()
    try:
        for step in ("map", "async_map"):
            steps = getattr(locum.pipeline(range(40)).on_error(skip=True, retries=1), step)(function)
            assert steps.join() == 0 and steps.report.failed == 40
            assert not kept
    finally:
        gc.enable()


@pytest.mark.parametrize(
    "steps",
    [
        lambda one: one.map(fail),
        lambda one: one.async_map(fail, 4),
        lambda one: one.async_map(fail, 4).prefetch(2),
        lambda one: one.on_error(skip=True).async_map(fail, 4),
        lambda one: one.batch(2).prefetch(2),
    ],
)
def test_a_loop_that_is_over_keeps_nothing(steps):
    class Large:
        def __iter__(self):
            return self

        def __next__(self):
            return 1

    gc.collect()
    gc.disable()
    try:
        source = Large()
        kept = weakref.ref(source)
        try:
            for _ in steps(locum.pipeline(itertools.islice(source, 1000))):
                break
        except ValueError:
            pass
        del source
        assert not threads()
        assert kept() is None  # without the search for garbage: readers of epochs hold much memory
    finally:
        gc.enable()


def test_arguments_that_make_no_sense_are_refused():
    async def function(at):
        return at

    with pytest.raises(TypeError, match="nobody would await"):
        locum.pipeline([1]).async_map(function)
    for call in (lambda one: one.take(-1), lambda one: one.skip(-1)):
        with pytest.raises(ValueError, match="0 or more, not -1"):
            call(locum.pipeline([1]))
    with pytest.raises(TypeError):
        locum.pipeline([1]).flatten().collect()


def test_a_generator_that_failed_is_read_once():
    def source():
        yield 1
        raise RuntimeError("broken")

    steps = locum.pipeline(source())
    with pytest.raises(RuntimeError, match="broken"):
        steps.collect()
    with pytest.raises(locum.UnsupportedError, match="can be read once"):
        steps.collect()


def test_an_iterator_is_read_once():
    steps = locum.pipeline(iter(range(10))).map(lambda at: at)
    assert steps.take(4).collect() == [0, 1, 2, 3]  # another pass goes on
    assert steps.collect() == [4, 5, 6, 7, 8, 9]
    for again in (steps, steps.batch(2).prefetch(1), steps.filter(bool).take(1)):
        with pytest.raises(locum.UnsupportedError, match="can be read once"):
            again.collect()
    assert not threads()
    both = locum.pipeline([1, 2])
    assert both.collect() == both.collect() == [1, 2]
    assert locum.pipeline(both).collect() == [1, 2]


def test_the_position_is_what_the_loop_has_got():
    batches = locum.pipeline(range(20)).filter(lambda at: at % 2 == 0).async_map(str, 3).batch(3, list).prefetch(2)
    assert batches.position == 0
    seen = []
    for batch in batches:
        seen.append((batches.position, batch[-1]))
    assert seen == [(5, "4"), (11, "10"), (17, "16"), (19, "18")]
    assert locum.pipeline(range(5)).skip(2).take(2).position == 0
    for steps in (locum.pipeline(range(5)).shuffle(2), locum.pipeline([[1, 2]]).flatten(), locum.pipeline([[1]]).interleave(2)):
        next(iter(steps))
        with pytest.raises(locum.UnsupportedError, match="no place in the source"):
            _ = steps.position
    with pytest.raises(TypeError, match="that of one reader of epochs"):
        batches.state()


def test_the_state_is_what_the_loop_has_got():
    store = locum.ShardStore("memory:")
    store.set(range(100), key="k")
    options = {"seed": 4, "shuffle_block": 30, "count": 2}
    order = list(locum.epochs(store, **options))
    batches = locum.pipeline(locum.epochs(store, **options).split(0, 1)).async_map(lambda at: at, 4).batch(7, list).prefetch(3)
    seen = []
    assert list(locum.epochs(store, **options, state=locum.join_states([batches.state()]))) == order
    for batch in batches:
        seen += batch
        state = locum.join_states([batches.state()])
        assert seen + list(locum.epochs(store, **options, state=state)) == order
    passes = locum.pipeline(locum.epochs(store, **options)).take(5)  # a new reader for each pass
    for _ in range(2):
        assert passes.collect() == order[:5] and passes.position == 5
        state = locum.join_states([passes.state()])
        assert list(locum.epochs(store, **options, state=state)) == order[5:]


def test_an_error_of_the_source_has_a_number():
    with pytest.raises(ZeroDivisionError) as raised:
        locum.pipeline(1 // (2 - at) for at in range(9)).map(str).batch(1).collect()
    if hasattr(raised.value, "__notes__"):
        assert "in the source of a locum.pipeline, at element 2" in raised.value.__notes__[0]


def test_batches_are_collated_to_one_array():
    samples = [{"x": np.full((2, 3), at, "f4"), "y": at, "n": {"name": str(at)}} for at in range(5)]
    batches = locum.pipeline(samples).batch(2).collect()
    assert [len(batch["y"]) for batch in batches] == [2, 2, 1]
    assert batches[1]["x"].shape == (2, 2, 3) and batches[1]["x"].dtype == np.float32
    assert np.array_equal(batches[1]["x"][1], samples[3]["x"]) and batches[1]["n"]["name"] == ["2", "3"]
    assert batches[2]["y"].tolist() == [4]
    assert len(locum.pipeline(samples).batch(2, drop_last=True).collect()) == 2
    assert locum.pipeline(range(5)).batch(3, list).collect() == [[0, 1, 2], [3, 4]]
    with pytest.raises(ValueError, match=r"shape \(3,\)"):
        locum.pipeline([np.zeros(2), np.zeros(3)]).batch(2).collect()
    with pytest.raises(ValueError, match="float64"):
        locum.pipeline([1, 2.5]).batch(2).collect()


def test_tuples_are_collated_by_member():
    batches = locum.pipeline((at, np.full(2, at)) for at in range(3)).batch(2).collect()
    assert batches[0][0].tolist() == [0, 1] and batches[0][1].tolist() == [[0, 0], [1, 1]] and batches[1][0].tolist() == [2]
    with pytest.raises(ValueError, match="no tuple of 2 values"):
        locum.pipeline([(1, 2), (1, 2, 3)]).batch(2).collect()


def test_batches_are_collated_into_the_memory_of_a_store():
    samples = [{"x": np.full((2, 3), at, "f4"), "y": at, "name": str(at)} for at in range(5)]
    with locum.open("memory:") as store:
        batches = locum.pipeline(samples).batch(2, into=store).collect()
        assert [batch["name"] for batch in batches] == [["0", "1"], ["2", "3"], ["4"]]
        handles = [locum.handle_of(batch["x"]) for batch in batches]
        assert not any(locum.is_resolved(batch["x"]) for batch in batches)
        arrays = [np.asarray(locum.proxy_of_handle(handle)) for handle in handles]  # as another rank gets it
        assert [array.shape for array in arrays] == [(2, 2, 3), (2, 2, 3), (1, 2, 3)]
        assert arrays[1].dtype == np.float32 and not arrays[1].flags.writeable and arrays[1][1, 0, 0] == 3
        assert batches[2]["y"].tolist() == [4]
        with pytest.raises(ValueError, match="float64"):
            locum.pipeline([1, 2.5]).batch(2, into=store).collect()
        for wrong in ({"collate": list, "into": store}, {"lifetime": 3}):
            with pytest.raises(ValueError):
                locum.pipeline(samples).batch(2, **wrong)
        with pytest.raises(TypeError, match="not into str"):
            locum.pipeline(samples).batch(2, into="memory:")


def test_shuffle_gives_each_element_once_by_its_seed():
    once = locum.pipeline(range(100)).shuffle(10, seed=1).collect()
    assert once != list(range(100)) and sorted(once) == list(range(100))
    assert once == locum.pipeline(range(100)).shuffle(10, seed=1).collect()
    assert once != locum.pipeline(range(100)).shuffle(10, seed=2).collect()
    with pytest.raises(ValueError, match="1 or more"):
        locum.pipeline(range(3)).shuffle(0)
