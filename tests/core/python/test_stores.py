"""Names, keys, options and errors."""

import ast
import builtins
import copy
import datetime
import enum
import gc
import math
import os
import pathlib
import pickle
import resource
import signal
import sys
import threading
import time
import tracemalloc

import numpy as np
import pytest

import locum
from locum import _native


class TestNames:
    def test_as_a_dictionary(self, store):
        store["b"] = 1
        store["a/x"] = 2
        store["a/y"] = 3
        assert list(store) == store.keys() == ["a/x", "a/y", "b"]
        assert len(store) == 3 and store.keys("a/") == ["a/x", "a/y"]
        assert "b" in store and "c" not in store and 5 not in store
        del store["b"]
        assert "b" not in store
        with pytest.raises(KeyError):
            del store["b"]
        with pytest.raises(KeyError):
            store["b"]
        default = np.zeros(1)
        assert store.get("b") is None and store.get("b", default, copy=True) is default
        assert store.clear() == 2 and len(store) == 0 and store

    def test_put_replace_evict(self, store):
        with pytest.raises(TypeError, match="put: a name is a str, not ndarray; the name comes first"):
            store.put(np.zeros(2), "x")
        key = store.put("x", 1)
        with pytest.raises(locum.KeyExistsError):
            store.put("x", 2)
        assert store["x"] == 1
        assert store.replace("x", 2) != key and store["x"] == 2
        assert store.evict("x") is True and store.evict("x") is False
        assert not store.exists("x")

    def test_expected_generation(self, store):
        store["x"] = 1
        generation = store.info("x").generation
        store.replace("x", 2, expected_generation=generation)
        with pytest.raises(locum.StaleError):
            store.replace("x", 3, expected_generation=generation)
        assert store["x"] == 2

    def test_collections(self, store):
        step = store.collection("step42")
        step["T"] = 1
        assert store["step42/T"] == 1 and list(step) == ["T"]
        inner = step.collection("deep")
        inner["p"] = 2
        assert store.keys() == ["step42/T", "step42/deep/p"] and "step42" in repr(step)
        assert step.clear() == 2 and len(store) == 0

    def test_counters(self, store):
        assert [store.fetch_add("n"), store.fetch_add("n", 5), store.fetch_add("n", -2)] == [0, 1, 6]
        assert store["n"] == 4
        store["n"] = "text"
        with pytest.raises(locum.TypeMismatchError):
            store.fetch_add("n")

    def test_any_text_is_a_name(self, store):
        for name in ("\u00e9\u4e2d\U0001f600", "a b", b"\xff".decode("utf-8", "surrogateescape"), "x" * 500):
            store[name] = name
            assert store[name] == name and store.keys() == [name] and store.info(name).name == name
            del store[name]

    def test_what_is_no_name(self, store):
        for name in ("", "a\0b", "\ud800"):
            with pytest.raises(ValueError):
                store.put(name, 1)
        for name in (b"x", 5, None, ("a",)):
            with pytest.raises(TypeError):
                store[name]
        assert len(store) == 0

    def test_metadata(self, store):
        key = store.put("T", np.zeros((2, 3), "f4"), lifetime=datetime.timedelta(hours=1))
        info = store.info("T")
        assert info == store.info(key) and info.key == key and info.name == "T"
        assert (info.type, info.dtype, info.shape, info.size_bytes) == ("f32[]", np.dtype("f4"), (2, 3), 24)
        left = info.expires - datetime.datetime.now(datetime.timezone.utc)
        assert datetime.timedelta(minutes=55) < left <= datetime.timedelta(hours=1)
        assert store.info(store.put(1, lifetime=math.inf)).expires is None
        assert store.info(store.put({})).dtype is None and store.info(store.put(1)).name is None
        with pytest.raises(locum.NotFoundError):
            store.info("U")

    def test_listed_objects_without_a_name(self, store):
        store.put(1)
        assert len(store) == 0
        store.put(2, listed=True)
        assert len(store) == 1


class TestKeys:
    def test_are_values(self, store):
        key = store.put(1)
        other = store.put(1)
        assert key != other and len({key, other, locum.Key(bytes(key))}) == 2
        assert len(bytes(key)) == 16 and locum.Key(bytes(key)) == key and key.serial
        assert pickle.loads(pickle.dumps(key)) == copy.deepcopy(key) == key
        assert hash(pickle.loads(pickle.dumps(key))) == hash(key)
        assert key != 5 and not key == "x" and "serial" in repr(key)
        for wrong in (b"", b"x" * 15, b"x" * 17):
            with pytest.raises(ValueError, match="16 bytes"):
                locum.Key(wrong)

    def test_find_objects(self, store):
        key = store.put(np.arange(3))
        assert store[key].tolist() == [0, 1, 2] and key in store
        del store[key]
        assert key not in store
        with pytest.raises(KeyError):
            store[key]
        with pytest.raises(TypeError):
            store.wait(key)


class TestErrors:
    def test_each_code_has_an_exception(self):
        assert len(locum.Code) == _native.last_status
        kinds = {kind.code: kind for kind in locum.Error.__subclasses__()}
        for code in locum.Code:
            assert _native.status_name(code) == code.name.lower()
            assert kinds[code].__name__ in locum.__all__ and kinds[code].__doc__

    @pytest.mark.parametrize(
        "kind, builtin",
        [
            ("NotFoundError", KeyError), ("TimeoutError", builtins.TimeoutError), ("OutOfMemoryError", MemoryError),
            ("InvalidArgumentError", ValueError), ("TypeMismatchError", TypeError), ("KeyExistsError", FileExistsError),
            ("ClosedError", ValueError), ("UnsupportedError", NotImplementedError), ("PeerLostError", ConnectionError),
            ("EndOfStreamError", EOFError), ("OperatingSystemError", OSError),
        ],
    )
    def test_are_also_built_in_ones(self, kind, builtin):
        error = getattr(locum, kind)("the text")
        assert isinstance(error, builtin) and str(error) == "the text"
        assert f"locum.{kind}" in repr(type(error))
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == "the text" and again.code == error.code

    def test_have_the_whole_text(self, store):
        with pytest.raises(locum.NotFoundError) as caught:
            store["T/0042"]
        assert caught.value.code is locum.Code.NOT_FOUND
        text = str(caught.value)
        assert text.startswith("not_found") and "T/0042" in text and "'" != text[0]

    def test_of_urls(self):
        with pytest.raises(locum.UnsupportedError, match="nosuchscheme"):
            locum.open("nosuchscheme:x")
        with pytest.raises(locum.Error):
            locum.Session("")
        with pytest.raises(TypeError):
            locum.open(5)

    def test_an_unpicklable_object_stores_nothing(self, store):
        for value in ((x for x in ()), lambda: 0, threading.Lock(), {"a": np.zeros(5), "b": open}.values()):
            with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
                store.put("x", value)
        assert len(store) == 0
        with pytest.raises(TypeError, match="generator cannot be stored.*list"):
            store["x"] = (float(x) for x in range(3))
        with pytest.raises(TypeError, match="type lock cannot be stored.*__reduce__"):
            store.put_async("x", threading.Lock())
        with pytest.raises(TypeError, match="type function cannot be stored"):
            store.put_batch({"x": 1, "y": lambda: 0})
        with pytest.raises(TypeError, match="cannot be stored"):
            store.promise().set(threading.Lock())
        with pytest.raises(TypeError, match="cannot be stored"):
            locum.TaskQueue(store, "q").put(x for x in ())
        assert "x" not in store

    def test_wrong_options(self, store):
        with pytest.raises(ValueError, match="when_full"):
            store.put(1, when_full="maybe")
        for wrong in (-1, math.nan, datetime.timedelta(seconds=-1)):
            with pytest.raises(ValueError):
                store.get("x", timeout=wrong)
        for wrong in (0, -1):
            with pytest.raises(ValueError):
                store.put(1, lifetime=wrong)
            with pytest.raises(ValueError):
                locum.open("memory:", timeout=wrong)
        with pytest.raises(TypeError):
            store.get("x", timeout="soon")


    def test_wrong_types_are_told_plainly(self, store, tmp_path):
        for call in (
            lambda: store.replace(5, 1), lambda: store.put(5, 1), lambda: store.wait(5), lambda: store.keys(5), lambda: store.collection(5),
            lambda: locum.open(tmp_path), lambda: locum.Session(None), lambda: locum.Session("memory:").store(5), lambda: store.create(5, 5),
            lambda: store.put(1, tag=5),
        ):
            with pytest.raises(TypeError, match="is a str, not"):
                call()
        for call in (
            lambda: store.fetch_add("n", 1.5), lambda: store.create("x", (2.5,)), lambda: store.create("x", 2.5),
            lambda: store.replace("x", 1, expected_generation="3"), lambda: locum.open("memory:", most_threads=0.5),
        ):
            with pytest.raises(TypeError, match="integer"):
                call()
        for call in (
            lambda: store.create("x", 2**63), lambda: store.fetch_add("n", 2**63), lambda: store.replace("x", 1, expected_generation=-1),
            lambda: locum.Session("memory:", most_threads=-1),
        ):
            with pytest.raises(OverflowError, match="is an integer from"):
                call()
        with pytest.raises(locum.InvalidArgumentError, match="2.64 bytes"):
            store.create("x", (2**40, 2**40))
        assert len(store) == 0
        store.create("x", (np.int64(2), 3)).seal()
        assert store["x"].shape == (2, 3)


class TestClosing:
    def test_a_store(self):
        with locum.open("memory:") as store:
            store["x"] = np.arange(3)
            got = store["x"]
        assert not store.is_open and "closed" in repr(store) and got.tolist() == [0, 1, 2]
        for call in (
            lambda: store["x"], lambda: store.put(1), lambda: store.info("x"), lambda: len(store), lambda: "x" in store,
            lambda: store.create("y", 5), lambda: store.collection("c"), store.keys, store.clear,
        ):
            with pytest.raises(locum.ClosedError):
                call()
        store.close()

    def test_a_session(self):
        with locum.Session("memory:", timeout=5, most_threads=2) as session:
            one, other = session.store("one"), session.store("other")
            one["x"] = 1
            assert "x" not in other and session.store("one")["x"] == 1
            writer = one.create("y", 5)
        with pytest.raises(locum.ClosedError):
            one["x"]
        with pytest.raises(locum.ClosedError):
            session.store("third")
        with pytest.raises(locum.Error):
            writer.seal()
        session.close()

    def test_urls_name_the_store_and_are_not_shown(self, tmp_path):
        url = f"file:{tmp_path}/f?sync=0&store=fields"
        with locum.open(url) as store:
            store["x"] = 1
            assert store.name == "fields" and str(tmp_path) not in repr(store)
        with locum.Session(f"file:{tmp_path}/f?sync=0") as session:
            assert session.store("fields")["x"] == 1 and str(tmp_path) not in repr(session)


class TestWaiting:
    def test_for_a_name(self, store):
        def put_when_waited_for():
            waits.wait()
            store["x"] = 5

        waits = threading.Event()
        thread = threading.Thread(target=put_when_waited_for)
        thread.start()
        waits.set()
        assert store.wait("x", timeout=60) == 5  # the other thread runs: the lock is released
        thread.join()

    def test_the_deadline(self, store):
        for timeout in (0, 0.01, datetime.timedelta(milliseconds=10)):
            with pytest.raises(TimeoutError) as caught:
                store.wait("x", timeout=timeout)
            assert isinstance(caught.value, locum.TimeoutError) and "x" in str(caught.value)

    def test_the_timeout_of_the_store(self):
        with locum.open("memory:", timeout=datetime.timedelta(milliseconds=150)) as store:
            for waiting in (store, store.collection("c")):
                began = time.monotonic()
                with pytest.raises(locum.TimeoutError):
                    waiting.wait("x")
                assert 0.14 < time.monotonic() - began < 20

    def test_an_interrupt_ends_the_wait(self, store):
        def interrupt(number, frame):
            raise KeyboardInterrupt

        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            began = time.monotonic()
            with pytest.raises(KeyboardInterrupt):
                store.wait("x", timeout=300)
            assert time.monotonic() - began < 100
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def test_threads_share_a_store(self, store):
        def use(number):
            try:
                for at in range(200):
                    store[f"{number}/{at}"] = np.full(5, at)
                    assert store[f"{number}/{at}"].sum() == 5 * at
                    assert store.get(f"{number}/none") is None
            except BaseException as error:
                failures.append(error)

        failures = []
        threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures and len(store) == 800


def test_the_stub_of_the_module_names_what_it_has():
    tree = ast.parse(pathlib.Path(_native.__file__).with_name("_native.pyi").read_text())

    def names_in(body):
        return {node.target.id if isinstance(node, ast.AnnAssign) else node.name for node in body if hasattr(node, "name") or isinstance(node, ast.AnnAssign)}

    def public(owner):
        return {name for name in vars(owner) if not name.startswith("_")}

    assert {name for name in names_in(tree.body) if not name.startswith("_")} == public(_native)
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            assert {name for name in names_in(node.body) if not name.startswith("_")} == public(getattr(_native, node.name))
            for method in node.body:  # their parameters, in number: pybind11's have no names
                signature = (getattr(getattr(_native, node.name), method.name).__doc__ or "").split(" -> ")[0]
                if isinstance(method, ast.FunctionDef) and "(self" in signature and not method.decorator_list:
                    assert signature.count(": ") == len(method.args.args) + len(method.args.posonlyargs), method.name


def test_all_that_is_public_is_documented():
    for name in locum.__all__:
        public = getattr(locum, name)
        assert public.__doc__, name
        if isinstance(public, type) and not issubclass(public, (Exception, enum.Enum)):
            for member, value in vars(public).items():
                if callable(value) and not member.startswith("_"):
                    assert value.__doc__, f"{name}.{member}"


def descriptors():
    return len(os.listdir("/proc/self/fd"))


def test_nothing_grows(store):
    """10000 puts, gets, failures and dropped views, of which none may be left."""

    def round_trips(count):
        for at in range(count):
            store["a"] = block
            store["a"][1:]
            store["d"] = mapping
            store.get("d")["x"]
            store.get("none")
            try:
                store.put("a", 1)
            except locum.KeyExistsError:
                pass
            store.collection("c").close()
            store.collection("c")["x"] = 1
            with store.create("w", 10) as writer:
                writer.array[:] = 1
            writer = store.create("w", 10)
            writer.discard()
            del store["w"]

    block, mapping = np.zeros(1000), {"x": np.zeros(100), "y": "text"}
    round_trips(500)
    gc.collect()
    files = descriptors()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    round_trips(8500)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 8192  # KiB: 1 per round trip would be more
    assert descriptors() == files
    gc.collect()
    tracemalloc.start()
    round_trips(100)
    before = traced()
    round_trips(900)
    grown = traced() - before
    tracemalloc.stop()
    assert grown < 900 * 8  # bytes: less than one reference per round trip


def traced():
    """Returns the bytes of Python's own memory, without what its cache of attributes refers to."""
    gc.collect()
    sys._clear_type_cache()
    return tracemalloc.get_traced_memory()[0]
