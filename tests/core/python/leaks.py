"""What a program does ten thousands of times must leave nothing: memory, objects of Python, descriptors, objects of the store."""

import atexit
import ctypes
import gc
import os
import shutil
import sys
import tempfile

import numpy as np

import locum

_ELSEWHERE = 16 << 10
"""Bytes that may be in use for other reasons, such as caches of the C library."""


class _Blob(locum.Format):
    name, endings = "blob", (".blob",)
    options = {"fails": "whether it does"}

    def load(self, file, options):
        array = file.make_array("f8", (3, 4))
        file.readinto(array)
        if options.get("fails"):
            raise ValueError(array)
        return array if file.view().size == 96 else None

    def save(self, value, file, options):
        file.write(value)

    def info(self, file, options):
        return {"first": file.read(0, 8)}


class _Drawer(locum.Backend):
    scheme = "drawer"

    def __init__(self, where):
        self.records = {}

    def get(self, key):
        return self.records.get(key)

    def put(self, key, data):
        if key.endswith("fails"):
            raise ValueError(data)
        self.records[key] = data

    def remove(self, key):
        return self.records.pop(key, None) is not None

    def names(self, prefix):
        return [key for key in self.records if key.startswith(prefix)]


class _Heap(ctypes.Structure):
    _fields_ = [
        (name, ctypes.c_size_t)
        for name in "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
    ]


def _heap_bytes():
    """Bytes that the process has allocated in C and C++; 0 where the C library does not count them."""
    try:
        mallinfo2 = ctypes.CDLL(None).mallinfo2
    except AttributeError:
        return 0
    mallinfo2.restype = _Heap
    found = mallinfo2()
    return found.uordblks + found.hblkhd


def _resident_bytes():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Usage:
    """What the process, and a store, have in use."""

    def __init__(self, store, node_bytes):
        gc.collect()
        self.objects_of_store = len(store)
        self.node_bytes = node_bytes()
        self.descriptors = len(os.listdir("/proc/self/fd"))
        self.objects = len(gc.get_objects())
        self.blocks = sys.getallocatedblocks()
        self.heap_bytes = _heap_bytes()
        self.resident_bytes = _resident_bytes()


def _fails(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind:
        return
    raise AssertionError(f"{call} raises no {kind.__name__}")


def _actions(store):
    small, wrong = np.arange(12.0).reshape(3, 4), np.zeros(3, np.int32)
    mapping = {"points": small, "name": "wing", "ids": np.arange(5)}
    store["T"], store["mesh"] = small, mapping

    def put_and_evict():
        store.put("p", small)
        del store["p"]

    def replace():
        store["q"] = 2.5

    def put_pickled():
        store["r"] = mapping

    def create():
        with store.create("c", (3, 4)) as writer:
            writer.array[:] = 1
        store.evict("c")

    def create_and_drop():
        store.create("d", 4)  # neither sealed nor discarded

    def get_and_drop():
        store["T"]

    def get_parts():
        kept = store["T"][1:, ::2]
        store["T"].sum() + kept[0, 0] + store["q"]

    def get_pickled():
        store["mesh"]["points"][0]

    def read_box():
        store.read("T", np.s_[1, ::2])

    def not_found():
        _fails(KeyError, store.__getitem__, "missing")
        store.get("missing")

    def type_mismatch():
        _fails(TypeError, store.read, "T", out=wrong[:, np.newaxis].repeat(4, 1))
        _fails(locum.KeyExistsError, store.put, "T", small)

    def stand_in():
        assert store.proxy("T")[1, 1] == 5

    def stand_in_and_drop():
        store.proxy("T")
        locum.proxy_of_handle(locum.handle_of(store.proxy("mesh")))

    def future():
        store.get_async("T").result()
        store.get_async("T")

    def record():
        store["R"] = locum.Record({"a": [1, 2.5, None], "T": small})
        assert store["R"]["T"][2, 3] == 11

    files = locum.Files("memory:")
    files.save("T.npy", small)

    def file():
        assert files.load("T.npy")[2, 3] == 11 and files.info("T.npy")["type"] == "f64" and files.list() == ["T.npy"]
        _fails(KeyError, files.load, "missing.npy")
        _fails(TypeError, files.save, "T.npy", {1})

    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    mapped = locum.Files(f"file:{folder}?sync=0")
    mapped.save_batch({"T.npy": small, "b.blob": small})

    def many_files():
        loaded = mapped.load_batch(["T.npy", "b.blob", "missing.npy"], map=True, return_exceptions=True)
        assert loaded[0][2, 3] == 11 and loaded[1][2, 3] == 11 and isinstance(loaded[2], KeyError)
        _fails(KeyError, mapped.load_batch, ["missing.npy"])

    def own_format():
        files.save("b.blob", small)
        assert len(files.info("b.blob")["first"]) == 8 and mapped.load("b.blob", map=True)[2, 3] == 11
        _fails(locum.CorruptError, files.load, "b.blob", fails=True)
        _fails(KeyError, files.load, "missing.blob")

    drawer = locum.open("drawer:")

    def own_backend():
        drawer.replace("T", small)
        assert drawer["T"][2, 3] == 11 and drawer.keys() == ["T"] and drawer.evict("T")
        _fails(OSError, drawer.put, "fails", 1)
        _fails(KeyError, drawer.__getitem__, "missing")

    def open_own_backend():
        with locum.open("drawer:") as opened:
            opened["a"] = 1

    def metadata():
        assert "T" in store and store.info("T").shape == (3, 4) and store.keys("m") == ["mesh"]

    actions = [put_and_evict, replace, put_pickled, create, create_and_drop, get_and_drop, get_parts, get_pickled, read_box]
    actions += [not_found, type_mismatch, future, metadata, record, file]
    actions += [many_files, own_format, own_backend, open_own_backend]
    try:
        store.proxy("T")
    except locum.UnsupportedError as error:
        print("not tested: stand-ins:", error)
    else:
        actions += [stand_in, stand_in_and_drop]
    return actions


def check(store, times, node_bytes=lambda: 0):
    """Does each of a program's actions that many times, 1000 or more. AssertionError if any of them leaves something."""
    for action in _actions(store):
        for _ in range(max(times // 5, 50)):  # what is made once, and kept, is made
            action()
        before = Usage(store, node_bytes)
        for _ in range(times):
            action()
        after = Usage(store, node_bytes)
        left = {name: value - getattr(before, name) for name, value in vars(after).items()}
        print(f"{action.__name__}, {times} times, leaves", ", ".join(f"{value} {name}" for name, value in left.items()))
        # A block of each call would be `times` of them; free lists of the interpreter's keep some hundreds.
        allowed = {"objects_of_store": 0, "descriptors": 0, "objects": 20, "blocks": times // 2 + 100}
        allowed["heap_bytes"] = allowed["node_bytes"] = 3 * times + _ELSEWHERE
        allowed["resident_bytes"] = 20 * times + (4 << 20)
        for name, most in allowed.items():
            assert left[name] <= most, f"{action.__name__}, {times} times, leaves {left[name]} {name}"
