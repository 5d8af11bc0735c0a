"""Objects that are pickled: their arrays in place, and bytes that are damaged."""

import dataclasses
import pickle
import random
import struct
import zlib

import numpy as np
import pytest
from conftest import lies_in, memory_of

import locum
from locum import _pickled
from locum._values import Stored


@dataclasses.dataclass
class Mesh:
    name: str
    points: np.ndarray


class Trap:
    sprung = 0

    def __reduce__(self):
        return (Trap.spring, ())

    @staticmethod
    def spring():
        Trap.sprung += 1
        return "sprung"


def put_bytes(store, block, name="d", type_name=_pickled.TYPE_NAME):
    """Stores bytes as a pickled object, whatever they are."""
    value = Stored(np.frombuffer(bytes(block), np.uint8), locum._native.ENCODED, type_name)
    store.replace(name, 0)
    del store[name]
    return store._put(name, value, locum._native.Storing(0.0, 0.0, False, False, None))


def test_any_object(store):
    for value in (None, [1, 2.5, "x"], {"a": {"b": (1,)}}, {1, 2}, 2**100 * 1j, range(5), Mesh, len, ValueError("x")):
        store["d"] = value
        got = store["d"]
        assert got == value or str(got) == str(value)


def test_arrays_lie_in_the_memory_of_the_store(store):
    given = {f"a{n}": np.full((n + 1, 7), n, "f8") for n in range(10)}
    given["fortran"] = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    store["d"] = given
    block = store.get_bytes("d")
    got = store["d"]
    assert list(got) == list(given)
    for name, array in got.items():
        assert np.array_equal(array, given[name]) and array.dtype == given[name].dtype
        assert lies_in(array, block) and not array.flags.writeable
        assert memory_of(array)[0] % 64 == 0 and (memory_of(array)[0] - memory_of(np.asarray(block))[0]) % 64 == 0
    assert got["fortran"].flags.f_contiguous
    in_band = _pickled._HEADER.unpack_from(block)[5]
    assert in_band < 2000 and block.nbytes >= sum(array.nbytes for array in given.values())


def test_what_goes_into_the_pickle(store):
    strided = np.arange(1000.0)[::2]
    store["d"] = [strided, np.array(["a", None], object), b"x" * 500]
    header = _pickled._HEADER.unpack_from(store.get_bytes("d"))
    assert header[3] == 0 and header[5] > strided.nbytes + 500
    got = store["d"]
    assert np.array_equal(got[0], strided) and got[1].tolist() == ["a", None] and got[2] == b"x" * 500


def test_a_part_keeps_the_object(store):
    store["d"] = Mesh("m", np.arange(3000.0))
    points = store["d"].points
    del store["d"]
    store["d"] = Mesh("n", np.zeros(3000))
    assert points[2999] == 2999 and points.sum() == 2999 * 1500


def test_copies_are_the_callers_own(store):
    store["d"] = {"a": np.arange(5.0)}
    block = store.get_bytes("d")
    got = store.get("d", copy=True)
    got["a"][0] = 9
    assert not lies_in(got["a"], block) and store["d"]["a"][0] == 0


def test_empty_arrays_and_plain_buffers(store):
    store["d"] = [np.zeros(0), np.zeros((0, 3)), pickle.PickleBuffer(b"abc"), np.zeros((2, 0), order="F")]
    got = store["d"]
    assert [np.shape(item) for item in got] == [(0,), (0, 3), (3,), (2, 0)] and bytes(got[2]) == b"abc"


def test_it_is_another_type_for_other_languages(store):
    store["d"] = {"a": 1}
    info = store.info("d")
    assert (info.type, info.codec, info.dtype) == ("python", "pickle", None)
    into = np.zeros(info.size_bytes // 8)
    with pytest.raises(locum.TypeMismatchError):  # what get<double[]> of C++ asks for
        store._native.read("d", into, 10, "", None, 0.0)


def test_other_encoded_values_are_bytes(store):
    put_bytes(store, b"written by C++", "m", "mesh@theirs")
    with pytest.raises(locum.TypeMismatchError, match="mesh@theirs"):
        store["m"]
    assert bytes(store.get_bytes("m")) == b"written by C++"
    assert store.info("m").codec == "theirs"


def test_unpickling_can_be_switched_off(store):
    store["d"] = Trap()
    store["a"] = np.arange(3)
    before = Trap.sprung
    locum.allow_pickle(False)
    try:
        with pytest.raises(locum.UnsupportedError, match="allow_pickle"):
            store["d"]
        assert store["a"].sum() == 3
    finally:
        locum.allow_pickle(True)
    assert Trap.sprung == before
    assert store["d"] == "sprung" and Trap.sprung == before + 1


def test_a_store_can_be_opened_without_unpickling(folder):
    with locum.open(folder) as store:
        store["d"] = {}
    with locum.open(folder, allow_pickle=False) as store:
        with pytest.raises(locum.UnsupportedError):
            store["d"]
        with pytest.raises(locum.UnsupportedError):
            store.collection("c").get("x") or store["d"]


def header_of(magic=b"locum.py", version=1, count=0, zero=0, stream=pickle.dumps(Trap(), 5), length=None, table=()):
    """A header, and what follows it, with a checksum that is right."""
    length = len(stream) if length is None else length
    rest = struct.pack("<IIQ", count, zero, length) + b"".join(struct.pack("<QQ", *entry) for entry in table) + stream
    checked = rest[: 16 + 16 * count + length] if length < 1 << 40 else rest
    return magic + struct.pack("<II", version, zlib.crc32(checked)) + rest


@pytest.mark.parametrize(
    "block",
    [
        b"",
        b"locum.py",
        header_of(magic=b"locum.pi"),
        header_of(zero=1),
        header_of(length=1 << 63),
        header_of(length=2**64 - 1),
        header_of(count=2**32 - 1),
        header_of(count=1),
        header_of(count=1, table=[(0, 1)]),
        header_of(count=1, table=[(64, 1 << 20)]),
        header_of(count=1, table=[(128, 2**64 - 64)]),
        header_of(count=1, table=[(2**64 - 64, 64)]),
        header_of(count=1, table=[(100, 1)]) + b"x" * 64,
        header_of(count=2, table=[(192, 64), (192, 64)]) + b"x" * 256,
        header_of(count=2, table=[(256, 64), (192, 64)]) + b"x" * 256,
        header_of(stream=pickle.dumps(Trap(), 5)[:-3]),
        header_of(stream=b""),
        header_of(stream=pickle.dumps(np.zeros(5), 5, buffer_callback=lambda buffer: False)),
    ],
)
def test_damaged_headers_run_nothing(store, block):
    before = Trap.sprung
    put_bytes(store, block)
    with pytest.raises(locum.CorruptError, match="damaged"):
        store["d"]
    assert Trap.sprung == before


def test_a_later_version_is_unsupported(store):
    before = Trap.sprung
    put_bytes(store, header_of(version=2))
    with pytest.raises(locum.UnsupportedError, match="version 2"):
        store["d"]
    assert Trap.sprung == before


def test_the_header_of_these_tests_is_right(store):
    put_bytes(store, header_of())
    assert store["d"] == "sprung"


def test_each_changed_bit_is_noticed():
    """But those in buffers, which are elements, and in the gaps between them."""
    given = {"a": np.arange(4.0), "b": "text"}
    block = _pickled.dump(given)
    end = _pickled._HEADER.size + 16 + _pickled._HEADER.unpack_from(memoryview(block))[5]
    assert str(_pickled.load(block, False)) == str(given)
    for bit in range(8 * end):
        damaged = block.copy()
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises((locum.CorruptError, locum.UnsupportedError)):
            _pickled.load(damaged, False)
    for size in range(block.nbytes):
        with pytest.raises(locum.CorruptError):
            _pickled.load(block[:size], False)


def test_random_bytes_are_corrupt():
    for seed in range(300):
        made = random.Random(seed)
        block = np.frombuffer(made.randbytes(made.randrange(200)), np.uint8)
        with pytest.raises(locum.CorruptError):
            _pickled.load(block, False)


def test_the_format_is_that_of_version_1():
    """Bytes that an earlier locum has written: readers of them must not be forgotten."""
    golden = bytes.fromhex(
        "6c6f63756d2e7079" "01000000" "a2e6056e" "00000000" "00000000" "1500000000000000"
        "8005950a000000000000007d948c0161944b01732e"
    )
    assert _pickled.load(np.frombuffer(golden, np.uint8), False) == {"a": 1}
    assert bytes(_pickled.dump({"a": 1})[:12]) == golden[:12]
