"""Backends of stores whose class is in Python: a contract, over one that keeps bytes in a dict."""

import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest

import locum

HERE = os.path.dirname(__file__)
SHELVES = {}
NAMES = ["T", "a/b", "with blanks", "温度", "per%cent", "@at", ".dot", "line\nbreak", "\x7f\x01", "n" * 300, "é" * 200]


class Shelf(locum.Backend):
    scheme = "shelf"
    opened = 0

    def __init__(self, where, fails="no"):
        if fails != "no":
            raise ConnectionError(f"there is no shelf {fails}")
        super().__init__(where)
        self.records = SHELVES.setdefault(where, {})
        Shelf.opened += 1

    def get(self, key):
        assert re.fullmatch(r"[\w\-.,+=@~%]+/[\w\-.,+=@~%]+", key, re.ASCII) and len(key.split("/")[1]) <= 200
        return self.records.get(key)

    def put(self, key, data):
        assert type(data) is bytes
        self.records[key] = data

    def remove(self, key):
        return self.records.pop(key, None) is not None

    def names(self, prefix):
        return [key for key in list(self.records) if key.startswith(prefix)]

    def close(self):
        Shelf.opened -= 1


class Plain(Shelf):
    """The same, with what a test puts in the place of its methods."""

    scheme = "plain"
    instead = {}

    def get(self, key):
        return self.instead["get"](super().get, key) if "get" in self.instead else super().get(key)

    def put(self, key, data):
        return self.instead["put"](super().put, key, data) if "put" in self.instead else super().put(key, data)

    def remove(self, key):
        return self.instead["remove"](super().remove, key) if "remove" in self.instead else super().remove(key)

    def names(self, prefix):
        return self.instead["names"](super().names, prefix) if "names" in self.instead else super().names(prefix)


@pytest.fixture
def url(request):
    yield f"shelf:{request.node.name}"
    SHELVES.pop(request.node.name, None)


@pytest.fixture
def store(url):
    with locum.open(url) as opened:
        yield opened


@pytest.fixture
def plain():
    with locum.open("plain:p") as opened:
        yield opened
    Plain.instead = {}
    SHELVES.clear()


class TestContract:
    def test_values_come_back(self, store):
        for value in (5, 2.5, "text", b"bytes", np.arange(6.0).reshape(2, 3), {"a": [1, np.arange(3)]}, locum.Record({"b": 1}), np.zeros(0)):
            store.replace("v", value)
            got = store["v"]
            expected = value.value if isinstance(value, locum.Record) else value
            if isinstance(value, np.ndarray):
                assert got.dtype == value.dtype and np.array_equal(got, value)
            elif isinstance(value, dict):
                assert got["a"][0] == 1 and np.array_equal(got["a"][1], np.arange(3))
            else:
                assert got == expected and type(got) is type(expected)
        key = store.put(np.arange(4))
        assert store[key].sum() == 6

    @pytest.mark.parametrize("name", NAMES, ids=ascii)
    def test_names(self, store, name):
        with pytest.raises(locum.NotFoundError):
            store[name]
        store[name] = 1
        store[name + "2"] = 2
        assert store[name] == 1 and store[name + "2"] == 2 and sorted(store.keys()) == sorted([name, name + "2"])
        assert store.keys(name) == sorted([name, name + "2"], key=str.encode) and name in store
        assert store.evict(name) and not store.evict(name) and name not in store and store[name + "2"] == 2

    def test_a_name_is_put_once(self, store):
        store.put("a", 1)
        with pytest.raises(locum.KeyExistsError):
            store.put("a", 2)
        assert store["a"] == 1

    def test_generations(self, store):
        store.put("a", 1)
        first = store.info("a").generation
        store.replace("a", 2, expected_generation=first)
        with pytest.raises(locum.StaleError):
            store.replace("a", 3, expected_generation=first)
        with pytest.raises(locum.NotFoundError):
            store.replace("none", 3, expected_generation=first)
        assert store["a"] == 2

    def test_of_several_threads_one_wins(self, store):
        won, together = [], threading.Barrier(8)

        def put(number):
            for name in range(20):
                together.wait(60)
                try:
                    store.put(f"n{name}", number)
                    won.append(name)
                except locum.KeyExistsError:
                    pass

        run_in_threads([lambda number=number: put(number) for number in range(8)])
        assert sorted(won) == list(range(20))

    def test_numbers_are_counted_by_threads(self, store, url):
        with locum.open(url) as other:  # another object of the class, over the same records

            def count(counting):
                for _ in range(25):
                    counting.fetch_add("n", 2)

            run_in_threads([lambda counting=counting: count(counting) for counting in (store, store, other, other)])
        assert store["n"] == 200

    def test_views_stay_as_they_are(self, store):
        store["a"] = np.arange(1000.0)
        view = store["a"]
        store.replace("a", np.zeros(1000))
        store.evict("a")
        assert view.sum() == 499500 and not view.flags.writeable

    def test_batches_and_calls_that_do_not_wait(self, store):
        store.put_batch({f"n{number}": number for number in range(50)})
        assert store.get_batch([f"n{number}" for number in range(50)]) == list(range(50))
        assert store.get_batch(["none", "n1"], None) == [None, 1]
        futures = [store.get_async(f"n{number}") for number in range(50)]
        assert [future.result() for future in futures] == list(range(50))
        assert store.put_async("later", 7).result() and store["later"] == 7
        assert len(store) == 51
        assert store.clear() == 51 and store.keys() == []

    def test_who_waits_is_told(self, store):
        got = []
        thread = threading.Thread(target=lambda: got.append(store.wait("w", timeout=60)))
        thread.start()
        store["w"] = 5
        thread.join(60)
        assert got == [5]
        with pytest.raises(locum.TimeoutError):
            store.wait("never", timeout=0.01)

    def test_stores_are_apart_and_find_each_other(self, url):
        with locum.Session(url) as session, locum.Session(url) as other:
            one, two = session.store("one"), session.store("two")
            one["a"], two["a"] = 1, 2
            assert (one["a"], two["a"], other.store("one")["a"]) == (1, 2, 1)
            one.clear()
            assert "a" not in one and two["a"] == 2 and "a" not in other.store("one")

    def test_promises_stand_ins_and_tasks(self, store):
        pytest.importorskip("lazy_object_proxy")
        store["T"] = np.arange(5.0)
        assert store.proxy("T").sum() == 10
        promise = store.promise("later")
        promise.set(np.arange(3))
        assert store["later"].sum() == 3

    def test_wrappers(self, url):
        with locum.open("checksum+" + url) as store:
            store["a"] = np.arange(100)
            assert store["a"].sum() == 4950

    def test_files(self, url):
        with locum.Files(url) as files, locum.Files("memory:") as others:
            files.save("run/T.npy", np.arange(4.0))
            files.save("config.json", {"a": [1]})
            assert files.load("run/T.npy").sum() == 6 and files.load("config.json") == {"a": [1]}
            assert files.list(recursive=True) == ["config.json", "run/T.npy"] and files.is_dir("run")
            others.add("my_backend", url)
            assert others.load("run/T.npy", backend="my_backend").sum() == 6
            others.save("run/U.npy", 1, backend="my_backend")
            assert files.load("run/U.npy") == 1 and files.remove("run/T.npy") and not files.exists("run/T.npy")

    def test_they_are_closed(self, url):
        before = Shelf.opened
        with locum.open(url) as store:
            store["a"] = 1
            assert Shelf.opened == before + 1
        assert Shelf.opened == before

    def test_what_was_put_is_found_again(self, url):
        with locum.open(url) as store:
            store["a"] = 1
        with locum.open(url) as store:
            assert store["a"] == 1 and store.info("a").generation > 0


def run_in_threads(functions):
    failed = []

    def work(function):
        try:
            function()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(function,)) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert failed == [] and not any(thread.is_alive() for thread in threads)


class TestExceptions:
    @pytest.mark.parametrize(
        "raised, kind",
        [
            (ConnectionError("gone"), locum.PeerLostError),
            (TimeoutError("slow"), locum.TimeoutError),
            (MemoryError(), locum.OutOfMemoryError),
            (locum.ValueTooLargeError("at most 5 bytes"), locum.ValueTooLargeError),
            (KeyError("a name of the program"), locum.OperatingSystemError),
            (TypeError("a mistake"), locum.OperatingSystemError),
            (OSError(28, "No space left"), locum.OperatingSystemError),
        ],
        ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
    )
    def test_are_the_cause_of_the_error(self, plain, raised, kind):
        def fail(*_):
            raise raised

        plain["there"] = 1
        for method, call in (
            ("get", lambda: plain["there"]),
            ("get", lambda: plain.get_async("there").result()),
            ("put", lambda: plain.put("new", 1)),
            ("remove", lambda: plain.evict("there")),
            ("names", plain.keys),
        ):
            Plain.instead = {method: fail}
            with pytest.raises(kind) as error:
                call()
            assert type(error.value) is kind and error.value.__cause__ is raised, method
            assert "failure of Python" not in str(error.value)
        Plain.instead = {}
        assert plain["there"] == 1 and "new" not in plain

    @pytest.mark.parametrize("raised", [ValueError("bad magic"), EOFError("no more")], ids=["ValueError", "EOFError"])
    def test_of_what_is_damaged(self, plain, raised):
        def fail(*_):
            raise raised

        plain["there"] = 1
        for method, call, kind in (
            ("get", lambda: plain["there"], locum.CorruptError),
            ("put", lambda: plain.put("new", 1), locum.OperatingSystemError),
        ):
            Plain.instead = {method: fail}
            with pytest.raises(kind) as error:
                call()
            Plain.instead = {}
            assert type(error.value) is kind and error.value.__cause__ is raised and str(raised) in str(error.value)

    def test_of_a_constructor(self):
        with pytest.raises(locum.PeerLostError, match="no shelf 3") as error:
            locum.open("shelf:x?fails=3")
        assert isinstance(error.value.__cause__, ConnectionError)
        for option in ("colour=red", "fails=no&colour="):
            with pytest.raises(locum.InvalidArgumentError, match="colour"):
                locum.Files(f"shelf:x?{option}")

    def test_what_methods_return_is_checked(self, plain):
        plain["a"] = 1
        for method, returned, call, kind in (
            ("get", 5, lambda: plain["a"], locum.OperatingSystemError),
            ("get", "text", lambda: plain["a"], locum.OperatingSystemError),
            ("get", b"", lambda: plain["a"], locum.CorruptError),
            ("get", b"x" * 200, lambda: plain["a"], locum.CorruptError),
            ("remove", None, lambda: plain.evict("a"), locum.OperatingSystemError),
            ("names", None, plain.keys, locum.OperatingSystemError),
            ("names", [1], plain.keys, locum.OperatingSystemError),
            ("names", ["a\0b"], plain.keys, locum.OperatingSystemError),
        ):
            Plain.instead = {method: lambda *_: returned}
            with pytest.raises(kind):
                call()
        Plain.instead = {"get": lambda get, key: (lambda found: found and found[:-1])(get(key))}
        with pytest.raises(locum.CorruptError, match="plain:"):
            plain["a"]
        for kind in (bytearray, memoryview, lambda found: np.frombuffer(found, np.uint8)):
            Plain.instead = {"get": lambda get, key: (lambda found: None if found is None else kind(found))(get(key))}
            assert plain["a"] == 1
        Plain.instead = {"names": lambda names, prefix: (key for key in [*names(""), *names(""), "other/x", "x"])}
        assert plain.keys() == ["a"]

    def test_damaged_records_are_found(self, plain):
        plain["a"] = np.arange(10)
        ((key, whole),) = [(key, data) for key, data in SHELVES["p"].items() if key == "default/a"]
        for size in range(len(whole)):
            SHELVES["p"][key] = whole[:size]
            with pytest.raises(locum.CorruptError):
                plain["a"]
        SHELVES["p"][key] = whole
        assert plain["a"].sum() == 45

    def test_a_backend_that_uses_its_own_store(self, plain):
        def get(get, key):
            if key.endswith("/outer"):
                Plain.instead = {}
                plain.put("inner", 5)
            return get(key)

        plain["outer"] = 1
        Plain.instead = {"get": get}
        assert plain["outer"] == 1 and plain["inner"] == 5

    def test_a_close_that_fails_is_printed(self, capfd):
        class Sticky(Shelf):
            scheme = "sticky"

            def close(self):
                raise RuntimeError("it sticks")

        seen = []
        sys.unraisablehook, before = (lambda told: seen.append(str(told.exc_value))), sys.unraisablehook
        try:
            locum.open("sticky:").close()
        finally:
            sys.unraisablehook = before
        assert seen == ["it sticks"]


class TestClasses:
    def test_that_lack_something(self):
        methods = {name: getattr(Shelf, name) for name in ("get", "put", "remove")}
        for kind, text, members in (
            (TypeError, "without a scheme", methods),
            (TypeError, "without put and remove", {"scheme": "new", "get": Shelf.get}),
            (ValueError, '"process", "host" or "hosts"', {"scheme": "new", "shared_by": "all", **methods}),
            (OverflowError, "longest name", {"scheme": "new", "longest_name": 10, **methods}),
            (OverflowError, "largest record", {"scheme": "new", "largest_record": 10, **methods}),
            (locum.InvalidArgumentError, "scheme 'New'", {"scheme": "New", **methods}),
            (locum.KeyExistsError, "shelf", {"scheme": "shelf", **methods}),
            (locum.KeyExistsError, "redis", {"scheme": "redis", **methods}),
        ):
            with pytest.raises(kind, match=text):
                type("Lacking", (locum.Backend,), members)
        with pytest.raises(locum.UnsupportedError, match="'new'.*shelf"):
            locum.open("new:")

    def test_without_names_nothing_is_listed(self):
        class Memory(locum.Backend):
            scheme = "unlisted"
            records = {}

            def get(self, key):
                return self.records.get(key)

            def put(self, key, data):
                self.records[key] = data

            def remove(self, key):
                return self.records.pop(key, None) is not None

        with locum.open("unlisted:x") as store:
            store["a"] = 1
            assert store["a"] == 1 and store.evict("a")
            with pytest.raises(locum.UnsupportedError, match="unlisted"):
                store.keys()
        with pytest.raises(locum.UnsupportedError, match="list"):
            locum.Files("unlisted:x")

    def test_limits(self):
        class Small(Shelf):
            scheme = "small"
            largest_record = 1024
            longest_name = 64

            def put(self, key, data):
                assert len(data) <= 1024 and len(key.split("/")[1]) <= 64
                super().put(key, data)

        with locum.open("small:small") as store:
            store["n" * 100] = b"x" * 500
            assert store["n" * 100] == b"x" * 500
            with pytest.raises(locum.ValueTooLargeError):
                store["large"] = b"x" * 1025
        SHELVES.clear()

    def test_that_are_shared(self):
        class Shared(Shelf):
            scheme = "shared"
            shared_by = "hosts"
            is_durable = True

        with locum.open("shared:s") as store:
            store["a"] = 1
            assert store["a"] == 1 and store.fetch_add("n", 2) == 0 and store["n"] == 2
        SHELVES.clear()

    def test_that_are_defined_again(self):
        def define(said, **more):
            class Again(Shelf):
                scheme = "again"
                is_durable = more.get("is_durable", False)

                def get(self, key):
                    said.append(key)
                    return super().get(key)

            return Again

        first, second = [], []
        define(first)
        with locum.open("again:a") as store:
            store["a"] = 1
            count = len(first)
            define(second)
            assert store["a"] == 1 and len(first) == count + 1 and not second
        with locum.open("again:a") as store:
            assert store["a"] == 1 and second
        with pytest.raises(TypeError, match="other abilities"):
            define([], is_durable=True)
        SHELVES.clear()

    def test_where_it_is(self):
        seen = []

        class Place(Shelf):
            scheme = "place"

            def __init__(self, where, **options):
                seen.append((where, options))
                super().__init__(where)

        locum.open("place:a%20b/c+d?x=1%2B2&y=%26&store=s").close()
        locum.open("place://host:12/path").close()
        assert seen == [("a b/c+d", {"x": "1+2", "y": "&"}), ("//host:12/path", {})]
        SHELVES.clear()


DEFINED = """
import atexit, os, sys, threading, warnings
def late():
    try:
        print(store["a"])
    except locum.ClosedError as error:
        print("closed", "interpreter" in str(error))
if "late" in sys.argv:
    atexit.register(late)
import locum, numpy as np
class Own(locum.Backend):
    scheme = "own"
    records = {}
    def get(self, key):
        return self.records.get(key)
    def put(self, key, data):
        self.records[key] = data
    def remove(self, key):
        return self.records.pop(key, None) is not None
    def names(self, prefix):
        return [key for key in list(self.records) if key.startswith(prefix)]
    def close(self):
        print("closed by the program")
store = locum.open("own:")
store["a"] = 1
"""


def run(program, *arguments):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", DEFINED + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    return done.stdout


class TestTheEndOfTheInterpreter:
    def test_of_a_store_that_is_open(self):
        run("print(store['a'])")

    def test_while_calls_are_made(self):
        program = """
def work():
    while True:
        futures = [store.get_async("a") for _ in range(8)]
        for future in futures:
            try:
                future.result()
            except locum.ClosedError:  # from the exit hook of the package on
                return
        begun.set()
begun = threading.Event()
for _ in range(3):
    threading.Thread(target=work, daemon=True).start()
print(begun.wait(60))
"""
        for _ in range(5):
            assert run(program).startswith("True\n")

    def test_calls_after_it_are_refused(self):
        assert run("", "late").startswith("closed True\n")

    def test_a_child(self):
        program = """
warnings.simplefilter("ignore", DeprecationWarning)
child = os.fork()
if child == 0:
    with locum.open("own:") as own:
        own["b"] = np.arange(3)
        print(own["a"], own["b"].sum(), flush=True)
    try:
        store["a"]
    except locum.ClosedError:
        sys.exit(5)
    sys.exit(6)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), store["a"])
"""
        assert "1 3\n" in run(program) and "5 1\n" in run(program)
