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
    """Of 64 MiB no copy is in memory of Python, as one would be that is copied to the store once more."""
    with locum.open(folder if url == "folder" else url) as store:
        value = {"a": np.arange(8 * MIB, dtype="f8"), "b": [np.ones(3), "text"]}
        for call in (lambda: store.put(value, "d"), lambda: store.replace("d", value), lambda: store.put(value)):
            tracemalloc.start()
            call()
            _, most = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            assert most < MIB
        got = store["d"]
        assert np.array_equal(got["a"], value["a"]) and got["b"][1] == "text"
        if url == "memory:":  # which has the one copy
            assert lies_in(got["a"], store.get_bytes("d"))


def test_what_cannot_be_written_leaves_nothing(store):
    large = np.zeros(MIB)
    store.put({"a": large}, "d")
    with pytest.raises(locum.KeyExistsError):
        store.put({"a": large}, "d")
    generation = store.info("d").generation
    store.replace("d", {"a": large + 1}, expected_generation=generation)
    with pytest.raises(locum.StaleError):
        store.replace("d", {"a": large}, expected_generation=generation)
    with pytest.raises(RuntimeError):
        store["d"] = {"a": large, "b": Gaps()}
    assert store["d"]["a"][0] == 1 and len(store) == 1


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
    key = store.put_coded(value, codec, "T")
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
        store.put_coded(np.array(["text"]), codec, "T")
    codec.name = "no name"
    with pytest.raises(locum.InvalidArgumentError):
        store.put_coded(np.ones(3), codec, "T")
    assert len(store) == 2
