"""What concerns the whole process: what it loads, how it ends, how it forks."""

import ctypes
import multiprocessing
import os
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import locum
from locum import _native

HERE = os.path.dirname(__file__)


def run(program, *arguments):
    """Runs a program by a new interpreter, all of whose warnings are errors; returns what it prints."""
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    return done.stdout


def test_neither_mpi_nor_ucx_is_loaded():
    run(
        """
import locum, numpy
store = locum.open("memory:")
store["a"] = numpy.zeros(5)
store["a"]
with open("/proc/self/maps") as file:
    maps = file.read()
assert "liblocum_c.so" in maps
for library in ("libmpi", "libucp", "libuct", "libopen-", "libpmix"):
    assert library not in maps, library
"""
    )


def test_the_end_with_everything_alive():
    """Views, writers, stores, a session, and a thread that waits."""
    printed = run(
        """
import threading, locum, numpy
store = locum.open("memory:")
store["a"] = numpy.arange(1000.0)
store["d"] = {"a": numpy.arange(1000.0)}
kept = [store["a"], store["a"][5:], memoryview(store["a"]), store["d"], store.lazy("a"), store.get_bytes("d")]
writer = store.create("w", 100)
open_array = writer.array
session = locum.Session("memory:")
other = session.store("x")
cycle = [store, kept]
cycle.append(cycle)
begun = threading.Event()
def wait():
    begun.set()
    store.wait("never", timeout=60)
threading.Thread(target=wait, daemon=True).start()
begun.wait()
print("ends")
"""
    )
    assert printed == "ends\n"


def test_a_daemon_thread_that_asks_for_the_lock_while_the_process_ends():
    run(
        """
import atexit, os, threading, time, locum
store = locum.open("memory:")
def wait():
    while True:
        try:
            store.wait("never", timeout=0.001)
        except TimeoutError:
            pass
for _ in range(3):
    threading.Thread(target=wait, daemon=True).start()
"""
    )


def test_daemon_threads_in_files_while_the_process_ends():
    """Their stacks have objects of Python, which nobody may release without the lock."""
    for _ in range(5):
        run(
            """
import threading, locum
files = locum.Files("memory:")
def work():
    while True:
        files.save("a.txt", "text")
        files.load_batch(["a.txt"] * 3, return_exceptions=True)
        files.load("a.txt", format="text", encoding="utf-8")
        begun.set()
        files.remove("a.txt")
begun = threading.Event()
threading.Thread(target=work, daemon=True).start()
assert begun.wait(60)
"""
        )


WAITS_FOR_EVER = """
import os, signal, sys, threading, locum
never, begun = threading.Event(), threading.Event()
class Waits(locum.Format):
    name, endings = "waits", (".waits",)
    def load(self, file, options):
        begun.set()
        while sys.argv[1] == "computes" and not never.is_set():
            pass
        never.wait()
class Stuck(locum.Backend):
    scheme = "stuck"
    def __init__(self, where):
        self.records = {}
    def get(self, key):
        if key.endswith("/a"):  # the identity of the store is got, too
            begun.set()
            never.wait()
        return self.records.get(key)
    def put(self, key, data):
        self.records[key] = data
    def remove(self, key):
        return False
files = locum.Files("memory:")
for path in ("a.waits", "b.waits"):
    files.save(path, b"", format="bytes")
how = sys.argv[1]
if how in ("load_async", "computes"):
    future = files.load_async("a.waits")
elif how == "more than threads":
    futures = [files.load_async(path) for path in ("a.waits", "b.waits") * 4]
elif how == "batch":
    threading.Thread(target=lambda: files.load_batch(["a.waits", "b.waits"]), daemon=True).start()
elif how == "backend":
    store = locum.open("stuck:here")
    threading.Thread(target=lambda: store.get("a"), daemon=True).start()
else:
    threading.Timer(0.1, lambda: begun.wait() and os.kill(os.getpid(), signal.SIGINT)).start()
    try:
        files.load("a.waits")
    except KeyboardInterrupt:
        pass
begun.wait()
print("ends", flush=True)
sys.exit(7)
"""


def test_the_end_waits_some_seconds_for_code_that_waits_for_it():
    """A thread that asks for the interpreter's lock later stops there, and Files are not waited for."""
    began = time.monotonic()
    children = {
        how: subprocess.Popen(
            [sys.executable, "-X", "dev", "-W", "error", "-c", WAITS_FOR_EVER, how],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )
        for how in ("load_async", "computes", "more than threads", "batch", "backend", "interrupted")
    }
    try:
        for how, child in children.items():
            output, errors = child.communicate(timeout=120)
            assert (how, child.returncode, output) == (how, 7, "ends\n"), errors
            assert "has not returned within 5 s" in errors and errors.count("\n") == 1, (how, errors)
    finally:
        for child in children.values():
            child.kill()
            child.wait()
    assert time.monotonic() - began > 5


def test_files_of_another_process(tmp_path):
    url = f"file:{tmp_path}/files?sync=0"
    run(
        """
import sys, locum, numpy
with locum.open(sys.argv[1]) as store:
    store["T"] = numpy.arange(30.0).reshape(2, 3, 5)
    store["d"] = {"T": numpy.arange(5), "name": "text"}
""",
        url,
    )
    with locum.open(url) as store:
        assert np.array_equal(store["T"], np.arange(30.0).reshape(2, 3, 5))
        assert store["d"]["T"].tolist() == [0, 1, 2, 3, 4] and store["d"]["name"] == "text"


@pytest.mark.skipif("LOCUM_TEST_C_PROGRAM" not in os.environ, reason="ctest names the program in C: run it by ctest")
def test_exchange_with_c(tmp_path):
    """A program in C writes what Python reads, and checks what Python has written: extents 2, 3, 5, by index."""
    url = f"file:{tmp_path}/files?sync=0"
    program = os.environ["LOCUM_TEST_C_PROGRAM"]
    index = np.arange(2)[:, None, None] * 100 + np.arange(3)[:, None] * 10 + np.arange(5)
    with locum.open(url) as store:
        for code, dtype in _native.dtypes.items():
            if code not in (_native.CHAR, _native.BYTE):
                store[f"python/{code}"] = (index % 2 if dtype.kind == "b" else index).astype(dtype)
        store["python/fortran"] = np.asfortranarray(index.astype("f8"))
        store["python/text"] = "caf\u00e9"
        store["python/bytes"] = b"\0\1\2"
        store["python/int"] = -5
        store["python/object"] = {"a": 1}
    done = subprocess.run([program, url], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    with locum.open(url) as store:
        for code, dtype in _native.dtypes.items():
            if code not in (_native.CHAR, _native.BYTE):
                got = store[f"c/{code}"]
                assert got.dtype == dtype and np.array_equal(got, (index % 2 if dtype.kind == "b" else index).astype(dtype))
        assert np.array_equal(store["c/strided"], index[:, ::-1, ::2].astype("f8"))
        assert store["c/text"] == "caf\u00e9" and store["c/bytes"] == b"\0\1\2" and store["c/int"] == -5
        points = store["c/class"].view([("x", "f8"), ("n", "i8")])
        assert points["x"].tolist() == [1.5, 2.5, 3.5] and points["n"].tolist() == [1, 2, 3]
        assert store["c/one class"].view([("x", "f8"), ("n", "i8")])["n"] == 1
        assert store.read("c/class", np.s_[1:2]).view([("x", "f8"), ("n", "i8")])["n"].tolist() == [2]
        with pytest.raises(locum.TypeMismatchError, match="mesh@theirs"):
            store["c/encoded"]


@pytest.mark.skipif("LOCUM_TEST_OTHER_LIBRARY" not in os.environ, reason="ctest names the library: run it by ctest")
def test_a_second_copy_of_the_library_is_an_import_error():
    run(
        """
import ctypes, sys
ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL)
try:
    import locum
except ImportError as error:
    assert sys.argv[1] in str(error) and "liblocum_c.so" in str(error), error
else:
    raise SystemExit("was imported")
""",
        os.environ["LOCUM_TEST_OTHER_LIBRARY"],
    )


def test_a_program_that_has_loaded_this_copy_is_none():
    with open("/proc/self/maps") as maps:
        library = next(line.split()[-1] for line in maps if "liblocum_c.so" in line)
    run("import ctypes, sys; ctypes.CDLL(sys.argv[1], ctypes.RTLD_GLOBAL); import locum", library)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of later Pythons: a fork beside threads
def test_a_child_reads_what_its_parent_had_got(store):
    store["a"] = np.arange(1000.0)
    store["d"] = {"a": np.arange(1000)}
    array, mapping = store["a"], store["d"]
    child = os.fork()
    if child == 0:
        status = 1
        try:
            status = 0 if array.sum() == 499500 and mapping["a"].sum() == 499500 else 2
            del array, mapping  # releases the child's pins
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert array.sum() == 499500 and mapping["a"].sum() == 499500 and store["a"].sum() == 499500


def test_a_child_that_ends_as_programs_do():
    """Calls on its parent's stores are errors there; a store of its own works; its end takes nothing away."""
    printed = run(
        """
import os, sys, warnings, locum, numpy
warnings.simplefilter("ignore", DeprecationWarning)
store = locum.open("memory:")
session = locum.Session("memory:")
store["a"] = numpy.arange(1000.0)
array, writer = store["a"], store.create("w", 10)
child = os.fork()
if child == 0:
    for call in (lambda: store["a"], lambda: store.put(1), store.keys, lambda: session.store("s"), writer.seal):
        try:
            call()
        except locum.ClosedError:
            continue
        sys.exit(3)
    with locum.open("memory:") as own:
        own["a"] = array
        sys.exit(0 if own["a"].sum() == 499500 else 4)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
writer.seal()
print(store.keys(), array.sum(), store["a"].sum())
"""
    )
    assert printed == "0\n['a', 'w'] 499500.0 499500.0\n"


def test_callbacks_in_a_child(folder):
    printed = run(
        """
import os, sys, threading, warnings, locum
warnings.simplefilter("ignore", DeprecationWarning)
with locum.open(sys.argv[1]) as store:
    store["a"] = 1
child = os.fork()
if child == 0:
    called = threading.Event()
    with locum.open(sys.argv[1]) as own:
        own.get_async("a").add_done_callback(lambda future: called.set())
        sys.exit(5 if called.wait(60) else 6)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
""",
        folder,
    )
    assert printed == "5\n"


def in_the_child(array, mapping, part, store, results):
    outcomes = [array.sum(), mapping["a"].sum(), part[0]]
    for call in (lambda: store["a"], lambda: store.put(1), store.keys, lambda: store.get_async("a").result()):
        try:
            call()
        except locum.ClosedError:
            outcomes.append("closed")
    results.send(outcomes)


def test_a_child_of_multiprocessing(store):
    store["a"] = np.arange(1000.0)
    store["d"] = {"a": np.arange(1000)}
    array, mapping = store["a"], store["d"]
    writer = store.create("w", 5)
    writer.array[:] = 7
    results, given = multiprocessing.Pipe(False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of later Pythons: a fork beside threads
        child = multiprocessing.get_context("fork").Process(
            target=in_the_child, args=(array, mapping, writer.array[1:], store, given)
        )
        child.start()
    child.join(120)
    assert child.exitcode == 0 and results.poll(60)
    assert results.recv() == [499500.0, 499500, 7.0] + 4 * ["closed"]
    del store["a"], store["d"]
    for _ in range(20):  # memory that the child's end had freed would be used again
        store["a"] = np.zeros(1000)
        store["d"] = {"a": np.zeros(1000)}
    assert array.sum() == 499500 and mapping["a"].sum() == 499500
    writer.seal()
    assert store["w"].sum() == 35


def test_other_threads_run_while_a_call_waits(store):
    """Each call that may wait: here wait(), which is held until another thread has counted."""
    counted = threading.Event()

    def count():
        for _ in range(1000):
            pass
        store["x"] = 1
        counted.set()

    thread = threading.Thread(target=count)
    began = time.monotonic()
    thread.start()
    assert store.wait("x", timeout=60) == 1
    thread.join()
    assert counted.is_set() and time.monotonic() - began < 50


def test_large_arrays_are_got_without_a_copy(store):
    store["a"] = np.zeros(8 << 20)  # 64 MiB
    before = resident_kib()
    got = [store["a"] for _ in range(10)]
    assert resident_kib() - before < 32 << 10
    assert len({array.__array_interface__["data"][0] for array in got}) == 1


def resident_kib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))


def test_the_library_is_the_one_beside_the_module():
    library = ctypes.CDLL(None)
    assert not hasattr(library, "locum_version")  # of a package: it is in nobody's way
    assert locum.__version__
