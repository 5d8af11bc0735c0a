"""Objects that are written into memory of the store: pickled ones, and those of codecs."""

import tracemalloc
import zlib

import numpy as np
import pytest
from conftest import lies_in

import locum

MIB = 1 << 20


class Gaps:
    """Pickling it fails when most is done."""

    def __reduce__(self):
        raise RuntimeError("not this one")


@pytest.mark.parametrize("url", ["memory:", "folder"])
def test_arrays_of_a_pickled_object_are_copied_once(url, folder):
    """Of 16 MiB no copy is in memory of Python, as one would be that is copied to the store once more."""
    with locum.open(folder if url == "folder" else url) as store:
        value = {"a": np.arange(2 * MIB, dtype="f8"), "b": [np.ones(3), "text"]}
        calls = (
            lambda: store.put("d", value),
            lambda: store.replace("d", value),
            lambda: store.put(value),
            lambda: store.put_async("async", value).result(),
            lambda: store.put_batch({"batch": value, "number": 3}),
            lambda: store.update("async", lambda _: value),
        )
        for call in calls:
            tracemalloc.start()
            call()
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most < MIB
        for name in ("d", "async", "batch"):
            got = store[name]
            assert np.array_equal(got["a"], value["a"]) and got["b"][1] == "text"
        if url == "memory:":  # which has the one copy
            assert lies_in(got["a"], store.get_bytes("batch"))


def test_what_cannot_be_written_leaves_nothing(store):
    large = np.zeros(MIB)
    store.put("d", {"a": large})
    with pytest.raises(locum.KeyExistsError):
        store.put("d", {"a": large})
    generation = store.info("d").generation
    store.replace("d", {"a": large + 1}, expected_generation=generation)
    with pytest.raises(locum.StaleError):
        store.replace("d", {"a": large}, expected_generation=generation)
    with pytest.raises(RuntimeError):
        store["d"] = {"a": large, "b": Gaps()}
    assert store["d"]["a"][0] == 1 and len(store) == 1


def test_errors_of_a_batch_leave_the_others(store):
    large = {"a": np.zeros(MIB)}
    store["taken"] = 1
    store["taken too"] = 2
    for pairs in ([("a", large), ("taken", large), ("b", 3)], [("c", large), ("d", 3), ("taken too", 4)]):
        with pytest.raises(locum.KeyExistsError):
            store.put_batch(pairs)
    assert store["a"]["a"].size == MIB and store["b"] == 3 and store["c"]["a"].size == MIB and store["d"] == 3
    keys = store.put_batch([("e", 5), ("f", large), ("g", {"small": 7})])
    assert store[keys[0]] == 5 and store[keys[1]]["a"].size == MIB and store[keys[2]]["small"] == 7
    assert store.put_batch([]) == []


class Squeezed:
    name = "zlib"

    def __init__(self):
        self.decoded = 0

    def encode(self, value):
        return zlib.compress(np.ascontiguousarray(value))

    def decode(self, data, dtype):
        self.decoded += 1
        return np.frombuffer(zlib.decompress(data), dtype)


@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "c8", "i1", "u2", "i4", "u8", "?"])
def test_a_codec_of_the_program(store, dtype):
    codec = Squeezed()
    value = (np.arange(1000) % 2).astype(dtype)
    key = store.put_coded("T", value, codec)
    assert store.info("T").codec == "zlib" and store.info("T").size_bytes < value.nbytes
    for id in ("T", key):
        got = store.get_coded(id, codec)
        assert np.array_equal(got, value) and got.dtype == value.dtype
    assert codec.decoded == 2
    with pytest.raises(locum.TypeMismatchError):
        store["T"]


def test_what_a_codec_refuses(store):
    codec = Squeezed()
    store["plain"] = np.ones(3)
    store["pickled"] = {"a": 1}
    for name in ("plain", "pickled"):
        with pytest.raises(locum.TypeMismatchError, match="by the codec zlib"):
            store.get_coded(name, codec)
    with pytest.raises(locum.NotFoundError):
        store.get_coded("none", codec)
    with pytest.raises(TypeError):
        store.put_coded("T", np.array(["text"]), codec)
    with pytest.raises(ValueError, match="this list is none: its parts differ in length"):
        store.put_coded("T", [[1.0], [2.0, 3.0]], codec)
    codec.name = "no name"
    with pytest.raises(locum.InvalidArgumentError):
        store.put_coded("T", np.ones(3), codec)
    assert len(store) == 2


@pytest.mark.parametrize(
    "encoded, error, text",
    [
        ("text", TypeError, r"encode\(\) of the codec odd returns bytes.*it has returned str"),
        (np.array(["2001-01-01"], "M8[D]"), TypeError, "it has returned ndarray"),
        (np.array([None]), TypeError, "an array of objects"),
        (np.ones((4, 4))[:, :2], ValueError, "the codec odd has returned an array with gaps"),
    ],
)
def test_what_is_not_encoded(store, encoded, error, text):
    class Odd:
        name = "odd"

        def encode(self, value):
            return encoded

    with pytest.raises(error, match=text):
        store.put_coded("T", np.ones(3), Odd())
    assert len(store) == 0


def test_what_a_codec_replaces(store):
    codec = Squeezed()
    store["T"] = 1
    key = store.replace_coded("T", np.arange(1000.0), codec, expected_generation=store.info("T").generation)
    assert store.info("T").key == key and store.get_coded("T", codec)[999] == 999
    with pytest.raises(locum.StaleError):
        store.replace_coded("T", np.zeros(3), codec, expected_generation=1 << 60)
    store.replace_coded("new", np.float32(2), codec)
    assert store.get_coded("new", codec)[0] == 2


def test_a_codec_may_write_nothing(store):
    class Nothing:
        name = "nothing"

        def encode(self, value):
            return b""

        def decode(self, data, dtype):
            return np.empty(data.nbytes, dtype)

    store.put_coded("T", np.empty((0, 3)), Nothing())
    assert store.get_coded("T", Nothing()).size == 0
