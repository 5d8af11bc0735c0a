"""Futures, batches, updates, stand-ins, promises and tasks."""

import asyncio
import collections.abc
import concurrent.futures
import copy
import pickle
import threading

import numpy as np
import pytest
from test_processes import run

import locum


def test_futures(store):
    waiting = store.wait_async("later")
    assert not waiting.done()
    with pytest.raises(locum.TimeoutError):
        waiting.result(timeout=0)
    key = store.put_async("later", np.arange(4.0)).result()
    assert np.array_equal(waiting.result(), [0, 1, 2, 3]) and waiting.done()
    assert np.array_equal(store.get(key), [0, 1, 2, 3])
    assert store.get_async("later").result()[3] == 3
    into = np.zeros(2)
    assert store.read_async("later", np.s_[1:3], out=into).result() is into and into[1] == 2
    assert store.read_async("later", np.s_[3]).result() == 3
    with pytest.raises(KeyError):
        store.get_async("none").result()
    with pytest.raises(locum.TypeMismatchError):
        store.read_async("later", out=np.zeros(4, np.float32))
    assert store.get_async(key).result()[3] == 3
    assert store.read_async(key, np.s_[1:3]).result()[1] == 2
    with pytest.raises(TypeError, match="by a str, its name, or by a locum.Key, not by int"):
        store.get_async(3)
    with pytest.raises(TypeError, match="is a str, not Key"):
        store.wait_async(key)
    with pytest.raises(TypeError, match="is a str, not int"):
        store.put_async(3, 4)
    store["object"] = {"a": np.arange(3)}
    assert store.get_async("object").result()["a"][2] == 2


def test_memory_of_a_read_stays_until_it_has_ended(folder):
    with locum.open(folder) as store:
        store["T"] = np.arange(1000.0)
        for _ in range(20):
            store.read_async("T", out=np.empty(1000))  # dropped at once
        assert store["T"][999] == 999


def test_await(store):
    async def all_of_them():
        turns = 0

        async def counts():
            nonlocal turns
            for _ in range(5):
                turns += 1
                await asyncio.sleep(0)

        counting = asyncio.create_task(counts())
        waiting = [asyncio.ensure_future(a_wait(index)) for index in range(50)]
        await counting
        assert turns == 5
        for index in range(50):
            await store.put_async(f"n/{index}", index)
        values = await asyncio.gather(*waiting)
        with pytest.raises(KeyError):
            await store.get_async("none")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(a_wait("never"), 0.01)
        return values

    async def a_wait(index):
        return await store.wait_async(f"n/{index}")

    assert asyncio.run(all_of_them()) == list(range(50))


def test_callbacks(store):
    called = threading.Event()
    seen = []
    future = store.wait_async("a")
    future.add_done_callback(lambda ended: (seen.append(ended.result()), called.set()))
    store["a"] = 7
    assert called.wait(60) and seen == [7]
    again = threading.Event()
    future.add_done_callback(lambda ended: again.set())  # of a call that has ended
    assert again.wait(60)
    cancelled = threading.Event()
    dropped = store.wait_async("never")
    dropped._native.then(cancelled.set)
    del dropped
    assert cancelled.wait(60)


def test_what_asyncio_waits_for(store):
    async def first_of_two():
        never, later = store.wait_async("never"), store.wait_async("a")
        loop = asyncio.get_running_loop()
        loop.call_soon(lambda: store.put("a", 1))
        done, pending = await asyncio.wait([never, later], timeout=60, return_when=asyncio.FIRST_COMPLETED)
        assert done == {later} and pending == {never} and later.result() == 1
        never.cancel()
        seen = asyncio.Event()
        on = []
        later.add_done_callback(lambda future: (on.append(threading.current_thread()), seen.set()))
        await asyncio.wait_for(seen.wait(), 60)
        assert on == [threading.current_thread()]
        unwanted = []
        assert later.remove_done_callback(unwanted.append) == 0
        later.add_done_callback(unwanted.append)
        assert later.remove_done_callback(unwanted.append) == 1
        await asyncio.wait([later, store.get_async("a")])
        assert unwanted == []

    asyncio.run(first_of_two())


def test_the_end_while_calls_run():
    run(
        """
import locum, numpy
store = locum.open("memory:")
futures = [store.wait_async("never") for _ in range(10)]
for future in futures:
    future.add_done_callback(lambda ended: print("called at the end"))
kept = store.put_async("a", numpy.arange(5.0))
kept.add_done_callback(lambda ended: None)
stand_in = store.promise().proxy()
"""
    )


def test_batches(store):
    keys = store.put_batch({"a": 1, "b": np.arange(3), "c": {"d": 2}})
    assert store.get(keys[0]) == 1
    assert store.put_batch([]) == [] and store.get_batch([]) == []
    found = store.get_batch(["c", "none", "b", "a"])
    assert found[0] == {"d": 2} and found[1] is None and found[2][2] == 2 and found[3] == 1
    assert store.get_batch(["none"], default=5) == [5]
    for names in (["none", ""], ["", "none"], ["a", ""]):  # what is no missing name is an error, wherever it is
        with pytest.raises(locum.InvalidArgumentError):
            store.get_batch(names)
    with pytest.raises(FileExistsError):
        store.put_batch([("b", 5), ("e", 6)])
    assert store["e"] == 6 and store["b"][2] == 2
    with pytest.raises(TypeError):
        store.get_batch([3])
    assert store.evict_batch(["a", "none", "e"]) == [True, False, True]
    assert store.keys() == ["b", "c"] and store.evict_batch([]) == [] and store[keys[1]][2] == 2
    with pytest.raises(TypeError):
        store.evict_batch([3])


def test_update(store):
    store["n"] = 0
    ready = threading.Barrier(4)

    def adds():
        ready.wait()
        for _ in range(25):
            store.update("n", lambda value: value + 1, timeout=60)

    threads = [threading.Thread(target=adds) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert store["n"] == 100
    with pytest.raises(KeyError):
        store.update("none", lambda value: value)
    with pytest.raises(ZeroDivisionError):
        store.update("n", lambda value: value / 0)
    store["d"] = {"a": 1}
    store.update("d", lambda old: {**old, "b": 2})
    assert store["d"] == {"a": 1, "b": 2}


def test_stand_ins(store):
    store["T"] = np.arange(6.0).reshape(2, 3)
    proxy = store.proxy("T")
    assert not locum.is_resolved(proxy) or proxy.shape == (2, 3)
    sent = pickle.dumps(proxy)
    assert len(sent) < 256
    received = pickle.loads(sent)
    assert isinstance(received, np.ndarray) and received[1, 2] == 5 and (received + 1).sum() == 21
    assert np.array_equal(np.asarray(received), store["T"])
    assert locum.is_resolved(received) and locum.resolve(received) is received.__wrapped__
    # In place, as what is got.
    assert received.__array_interface__["data"][0] == store["T"].__array_interface__["data"][0]
    assert locum.handle_of(received) == locum.handle_of(proxy) and len(locum.handle_of(proxy)) == 64
    assert locum.proxy_of_handle(locum.handle_of(proxy))[0, 1] == 1
    assert copy.copy(proxy)[0, 2] == 2 and copy.deepcopy(proxy)[0, 2] == 2
    locum.prefetch(proxy, received)
    store["in"] = {"T": proxy}  # a stand-in in an object stays one
    kept = store["in"]["T"]
    assert type(kept) is type(proxy) and kept[1, 1] == 4
    store["d"] = {"a": 1}
    of_dict = pickle.loads(pickle.dumps(store.proxy("d")))
    assert of_dict["a"] == 1 and len(of_dict) == 1 and isinstance(of_dict, dict)
    with pytest.raises(KeyError):
        store.proxy("none")
    with pytest.raises(ValueError):
        locum.proxy_of_handle(b"short")
    with pytest.raises(locum.InvalidArgumentError):
        locum.resolve(locum.proxy_of_handle(bytes(64)))
    with pytest.raises(TypeError):
        locum.prefetch("text")
    with pytest.raises(KeyError):
        evicted = store.proxy("d")
        del store["d"]
        len(evicted)


@pytest.mark.parametrize(
    "value, kind, others",
    [
        (np.arange(3, dtype="f4"), np.ndarray, (list, collections.abc.Sequence)),
        (5, int, (float, str)),
        (2.5, float, (int, complex)),
        (1j, complex, (float,)),
        (True, bool, (str, np.bool_)),
        ("text", str, (bytes, np.ndarray)),
        (b"bytes", bytes, (str, np.ndarray)),
        (np.float32(1), np.float32, (float, np.ndarray)),
        (np.uint8(1), np.integer, (int,)),
    ],
    ids=str,
)
def test_the_class_of_a_stand_in_is_that_of_its_handle(store, value, kind, others):
    store["a"] = value
    proxy = pickle.loads(pickle.dumps(store.proxy("a")))
    assert isinstance(proxy, kind) and not any(isinstance(proxy, other) for other in others)
    assert not proxy.__resolved__
    assert proxy.__class__ is type(locum.resolve(proxy)) and isinstance(proxy, kind)


def test_the_class_of_a_stand_in_whose_handle_does_not_say_it(store):
    for value in ({"a": 1}, np.zeros(2, "f2"), None):
        store["a"] = value
        proxy = store.proxy("a")
        assert isinstance(proxy, type(value)) and proxy.__resolved__
    promise = store.promise()
    proxy = promise.proxy()
    promise.set(5)
    assert isinstance(proxy, int)
    evicted = store.proxy("a")
    del store["a"]
    with pytest.raises(KeyError):
        isinstance(evicted, dict)


def test_calculating_with_a_stand_in_changes_no_object(store):
    store["n"] = 2.5
    proxy = store.proxy("n")
    kept = proxy
    proxy += 1
    assert type(proxy) is float and proxy == 3.5 and kept == 2.5
    assert pickle.loads(pickle.dumps(kept)) == 2.5 and f"{kept:.2f}" == "2.50"
    store["m"] = kept  # a handle, not the number
    assert type(store["m"]) is type(kept) and store["m"] == 2.5
    promise = store.promise()
    store["later"] = promise.proxy()  # waits for nothing
    promise.set(1)
    assert store["later"] == 1
    with pytest.raises(TypeError):
        locum.is_resolved(5)


def test_a_read_that_is_done_has_filled_its_array(store):
    store["T"] = np.arange(4.0)
    into = np.zeros(4)
    reading = store.read_async("T", out=into)
    while not reading.done():
        pass
    assert into[3] == 3
    failing = store.read_async("T", out=np.zeros(4))
    failing.cancel()
    assert failing.done()


def test_a_fork_while_a_callback_runs():
    assert "child ended\n" in run(
        """
import locum, os, threading, warnings
warnings.simplefilter("ignore", DeprecationWarning)  # of later Pythons: a fork beside threads
store = locum.open("memory:")
inside, leave = threading.Event(), threading.Event()
future = store.wait_async("a")
future.add_done_callback(lambda ended: (inside.set(), leave.wait()))
store["a"] = 1
inside.wait()
child = os.fork()
if child == 0:
    raise SystemExit(0)
assert os.waitpid(child, 0)[1] == 0
print("child ended", flush=True)
leave.set()
"""
    )


def test_promises(store):
    promise = store.promise("p")
    stand_in = pickle.loads(pickle.dumps(promise.proxy()))
    assert not locum.is_resolved(stand_in) and "p" not in store
    promise.set({"a": np.arange(3)})
    assert stand_in["a"][2] == 2 and store["p"]["a"][1] == 1
    with pytest.raises(locum.Error):
        promise.set(2)
    broken = store.promise()
    stand_in = broken.proxy()
    del broken
    with pytest.raises(locum.BrokenPromiseError):
        len(stand_in)
    kept = [store.promise("later")]
    breaking = threading.Timer(0.05, kept.clear)
    breaking.start()
    with pytest.raises(locum.BrokenPromiseError):
        store.wait("later", timeout=60)
    breaking.join()


def test_tasks(store):
    queue = locum.TaskQueue(store, "work")
    assert queue.put(1.5) != queue.put({"a": [2]})
    queue.put(np.arange(3))
    taken = [queue.take() for _ in range(3)]
    with pytest.raises(locum.TimeoutError):
        queue.take(timeout=0)
    del taken  # they are given back
    queue.close()
    done = []
    failed = False
    for task in queue:
        try:
            with task:
                if not failed:
                    failed = True
                    raise RuntimeError
                done.append(str(task.value))
        except RuntimeError:
            pass
    assert sorted(done) == ["1.5", "[0 1 2]", "{'a': [2]}"]
    assert queue.take() is None
    with pytest.raises(locum.Error):
        queue.put(1)
    with pytest.raises(locum.ClosedError):
        task.done()


def test_futures_of_concurrent_futures(store):
    waiting = [store.wait_async(f"n/{index}").concurrent() for index in range(20)]
    assert not any(future.done() for future in waiting)
    with pytest.raises(concurrent.futures.TimeoutError):
        waiting[0].result(timeout=0.01)
    done, pending = concurrent.futures.wait(waiting, timeout=0)
    assert not done and len(pending) == 20
    for index in range(20):
        store[f"n/{index}"] = index
    assert sorted(future.result() for future in concurrent.futures.as_completed(waiting, timeout=60)) == list(range(20))
    put = store.put_async("a", {"a": np.arange(3)}).concurrent()
    got = store.wait_async("a").concurrent()
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        done, pending = concurrent.futures.wait([put, got, pool.submit(int, "5")], timeout=60)
    assert len(done) == 3 and not pending and isinstance(put.result(), locum.Key) and got.result()["a"][2] == 2
    called = threading.Event()
    got.add_done_callback(lambda future: called.set())
    assert called.wait(60)
    failed = store.get_async("none").concurrent()
    assert isinstance(failed.exception(timeout=60), KeyError)
    with pytest.raises(locum.NotFoundError):
        failed.result()
    into = np.zeros(3)
    store["T"] = np.arange(3.0)
    assert store.read_async("T", out=into).concurrent().result(timeout=60) is into and into[2] == 2


def test_a_future_of_concurrent_futures_is_cancelled(store):
    call = store.wait_async("never")
    waiting = call.concurrent()
    assert waiting.cancel() and waiting.cancelled() and waiting.done()
    with pytest.raises(locum.CancelledError):
        call.result(timeout=60)
    store["a"] = 1
    got = store.wait_async("a").concurrent()
    assert got.result(timeout=60) == 1 and not got.cancel()
    with locum.open("memory:") as other:  # a store that is closed while one waits ends it by an error
        left = other.wait_async("never").concurrent()
    assert isinstance(left.exception(timeout=60), locum.Error)


def test_cancel(store):
    waiting = store.wait_async("never")
    waiting.cancel()
    assert waiting.done()
    with pytest.raises(locum.CancelledError):
        waiting.result()
