"""Arrays in the memory of a store: types, strides, lifetime."""

import array as array_module
import ctypes
import gc
import mmap
import resource
import sys
import tracemalloc

import numpy as np
import pytest
from conftest import lies_in, memory_of

import locum

TYPES = "i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c8 c16 ?".split()


@pytest.mark.parametrize("dtype", TYPES)
def test_every_type_comes_back_in_place_and_read_only(store, dtype):
    given = np.arange(30).reshape(2, 3, 5).astype(dtype)
    store["a"] = given
    got = store["a"]
    assert got.dtype == given.dtype and got.shape == (2, 3, 5)
    assert np.array_equal(got, given)
    assert not got.flags.writeable and not got.flags.owndata and got.flags.aligned and got.flags.c_contiguous
    info = store.info("a")
    assert info.dtype == given.dtype and info.shape == (2, 3, 5) and info.size_bytes == given.nbytes
    with pytest.raises(ValueError):
        got.flags.writeable = True


@pytest.mark.parametrize("dtype", TYPES)
def test_a_number_of_numpy_comes_back_as_one(store, dtype):
    given = np.dtype(dtype).type(1)
    store["x"] = given
    got = store["x"]
    assert got == given and np.asarray(got).dtype == given.dtype and np.ndim(got) == 0
    store["x"] = np.array(1, dtype)
    assert type(store["x"]) is type(got)


@pytest.mark.parametrize("value", [0, -(2**63), 2**63 - 1, 2.5, float("inf"), 1 - 2j, True, False, "", "\u00e9\u4e2d", "a\0b", b"", b"\0\xff"])
def test_python_values_come_back_as_they_were(store, value):
    store["x"] = value
    got = store["x"]
    assert type(got) is type(value) and got == value


def test_what_other_languages_call_them(store):
    for value, name in [
        (1, "i64"), (1.0, "f64"), (1j, "c128"), (True, "bool"), ("a", "char[]"), (b"a", "byte[]"),
        (np.float32(1), "f32"), (np.zeros((2, 2), "u2"), "u16[]"), ({}, "python"),
    ]:
        store["x"] = value
        assert store.info("x").type == name


def test_an_int_that_does_not_fit_is_an_error_and_stores_nothing(store):
    for value in (2**63, -(2**63) - 1):
        with pytest.raises(OverflowError, match="numpy.uint64"):
            store.put("x", value)
    assert "x" not in store
    store["x"] = np.uint64(2**64 - 1)
    assert store["x"] == 2**64 - 1


@pytest.mark.parametrize(
    "part",
    [np.s_[::2, ::3], np.s_[::-1, 1:], np.s_[1:3, ::-2], np.s_[:, 2], np.s_[:0, :], np.s_[1:2, 3:4]],
)
def test_strided_arrays(store, part):
    whole = np.arange(24.0).reshape(4, 6)
    given = whole[part]
    store["a"] = given
    assert np.array_equal(store["a"], given) and store["a"].shape == given.shape
    store["a"] = given.T
    assert np.array_equal(store["a"], given.T)


def test_one_element_that_stands_for_many(store):
    store["a"] = np.broadcast_to(np.float64(7), (3, 4))
    assert np.array_equal(store["a"], np.full((3, 4), 7.0))
    store["a"] = np.broadcast_to(np.arange(4.0), (3, 4))
    assert np.array_equal(store["a"], np.tile(np.arange(4.0), (3, 1)))


def test_fortran_order_is_told_by_the_values(store):
    given = np.asfortranarray(np.arange(30.0).reshape(2, 3, 5))
    store["a"] = given
    assert store["a"].flags.c_contiguous and np.array_equal(store["a"], given)


def test_any_buffer(store):
    for given, expected in [
        (array_module.array("d", [1, 2, 3]), np.array([1.0, 2, 3])),
        (memoryview(b"abc"), np.frombuffer(b"abc", "u1")),
        (memoryview(np.arange(6, dtype="i4").reshape(2, 3)), np.arange(6, dtype="i4").reshape(2, 3)),
        ((ctypes.c_int16 * 2)(3, 4), np.array([3, 4], "i2")),
    ]:
        store["a"] = given
        assert store["a"].dtype == expected.dtype and np.array_equal(store["a"], expected)
    store["a"] = bytearray(b"xyz")
    assert store["a"] == b"xyz"


def test_mapped_files(store, tmp_path):
    mapped = np.memmap(tmp_path / "file", "f4", "w+", shape=(2, 3))
    mapped[:] = 7
    store["a"] = mapped
    assert store.info("a").type == "f32[]" and np.array_equal(store["a"], mapped)
    with mmap.mmap(-1, 5) as pages:
        pages[:] = b"abcde"
        store["a"] = pages
    assert store["a"].tobytes() == b"abcde" and store["a"].dtype == np.uint8


def test_an_array_of_another_library(store):
    class Tensor:  # offers its elements by DLPack alone
        def __init__(self, array):
            self._array = array

        def __dlpack__(self, **how):
            return self._array.__dlpack__(**how)

        def __dlpack_device__(self):
            return self._array.__dlpack_device__()

    given = np.arange(6, dtype="f4").reshape(2, 3)
    store["a"] = Tensor(given.T)
    assert store["a"].dtype == np.float32 and np.array_equal(store["a"], given.T)


class TestDLPack:
    """Out of memory that may be written, or of copies; in, see above."""

    def test_of_a_writer_in_place(self, store):
        writer = store.create("T", (2, 3))
        tensor = np.from_dlpack(writer)  # which NumPy 1 makes read-only
        assert memory_of(tensor)[0] == memory_of(writer.array)[0]
        writer.array[:] = 7
        assert (tensor == 7).all()
        writer.seal()  # by a copy: the tensor keeps its memory
        store["T"] = store["T"] + 1
        assert (tensor == 7).all() and (store["T"] == 8).all()

    def test_of_copies(self, store):
        store["T"] = np.arange(6.0).reshape(2, 3)
        for tensor in (np.from_dlpack(store.get("T", copy=True)), np.from_dlpack(store.lazy("T"))):
            assert np.array_equal(tensor, store["T"]) and not lies_in(tensor, store["T"])

    def test_read_only_memory_is_given_only_as_such(self, store):
        store["T"] = np.arange(6.0)
        try:
            tensor = np.from_dlpack(store["T"])
        except (BufferError, TypeError) as error:  # NumPy before 2.1
            assert "writ" in str(error) or "readonly" in str(error)
        else:
            assert not tensor.flags.writeable


def test_what_c_plus_plus_asks_for(store):
    """An int is one i64, which get<int>() refuses, as the read of an i32 does here."""
    store["n"] = 5
    assert store.info("n").type == "i64" and store.read("n") == 5
    with pytest.raises(locum.TypeMismatchError, match="int32"):
        store.read("n", out=np.zeros((), np.int32))
    into = np.zeros((), np.int32)
    code = next(code for code, dtype in locum._native.dtypes.items() if dtype == np.int32)
    with pytest.raises(locum.TypeMismatchError, match="i64"):
        store._native.read("n", into, code, "", None, 0.0)


def test_another_byte_order_is_stored_in_that_of_the_machine(store):
    store["a"] = np.arange(5, dtype=">f8")
    assert store["a"].dtype == np.dtype("=f8") and np.array_equal(store["a"], np.arange(5.0))
    assert store.info("a").type == "f64[]"


@pytest.mark.parametrize(
    "given",
    [
        np.arange(5, dtype="f2"),
        np.array(["2026-01-01", "NaT"], "M8[D]"),
        np.array([(1, 2.5)], [("n", "i4"), ("x", "f8")]),
        np.zeros((1,) * 9),
        np.array(["abc", "d"]),
        np.array([b"abc", b"d"]),
        np.arange(3, dtype=np.longdouble),
        np.array([1, "a", None], object),
        np.ma.masked_array([1.0, 2.0], [False, True]),
        np.array([(1, 2)], [("a", ">i2"), ("b", "<i2")]),
    ],
    ids=lambda given: str(given.dtype) + str(given.ndim),
)
def test_arrays_that_only_python_has_are_pickled(store, given):
    store["a"] = given
    got = store["a"]
    assert type(got) is type(given) and got.dtype == given.dtype and got.shape == given.shape
    assert str(got) == str(given)
    assert store.info("a").codec == "pickle"


def test_an_array_of_no_elements(store):
    store["a"] = np.zeros((3, 0, 2), "f4")
    got = store["a"]
    assert got.shape == (3, 0, 2) and got.dtype == np.float32


def test_memoryview_of_what_was_got(store):
    store["a"] = np.arange(6, dtype="i4").reshape(2, 3)
    view = memoryview(store["a"])
    assert view.readonly and view.shape == (2, 3) and view.tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_array_keeps_its_object_when_all_else_is_gone():
    store = locum.open("memory:")
    store["a"] = np.arange(1000.0)
    part = store["a"][500:]
    store["a"] = np.zeros(1000)
    del store["a"]
    store.close()
    del store
    gc.collect()
    assert part[0] == 500 and part.sum() == np.arange(500.0, 1000).sum()


def test_two_gets_are_the_same_memory(store):
    store["a"] = np.zeros(1 << 20)
    assert memory_of(store["a"])[0] == memory_of(store["a"])[0]


def test_a_copy_is_the_callers_own(store):
    store["a"] = np.arange(5.0)
    copy = store.get("a", copy=True)
    copy[0] = 9
    assert copy.flags.owndata and store["a"][0] == 0


def test_bytes_of_any_object(store):
    store["a"] = np.arange(3, dtype="i2")
    view = store.get_bytes("a")
    assert view.readonly and view.format == "B" and bytes(view) == np.arange(3, dtype="i2").tobytes()
    store["a"] = "text"
    assert bytes(store.get_bytes("a")) == b"text"


@pytest.mark.parametrize("size", [(4 << 20) - 1, 4 << 20, (4 << 20) + 1, 9_000_001])
def test_large_bytes(store, size):
    given = np.arange(size, dtype=np.uint32).astype(np.uint8).tobytes()  # of 4 MiB and more: copied by other means
    store["a"] = given
    assert store["a"] == given and type(store["a"]) is bytes


def test_text_with_bytes_that_are_no_utf8(store):
    text = b"\xff\xfe".decode("utf-8", "surrogateescape")
    store["a"] = text
    assert store["a"] == text and bytes(store.get_bytes("a")) == b"\xff\xfe"
    with pytest.raises(UnicodeEncodeError):
        store["a"] = "\ud800"


class TestReading:
    @pytest.fixture
    def field(self, store):
        field = np.arange(2 * 6 * 7, dtype="f8").reshape(2, 6, 7)
        store["T"] = field
        return field

    @pytest.mark.parametrize(
        "box",
        [
            ..., np.s_[0], np.s_[-1], np.s_[1, 2], np.s_[:, 1:5:2, ::3], np.s_[..., 3], np.s_[1, ..., 2:], np.s_[:, :, -3:],
            np.s_[1, 2, 3], np.s_[:, 4:2], np.s_[np.int64(1)], np.s_[::5], (),
        ],
        ids=str,
    )
    def test_a_box_is_that_of_numpy(self, store, field, box):
        for got in (store.read("T", box), store.lazy("T")[box]):
            assert got.shape == field[box].shape and got.dtype == field.dtype and np.array_equal(got, field[box])
            assert got.flags.writeable

    @pytest.mark.parametrize(
        "box",
        [
            np.s_[::-1], np.s_[None], np.s_[[0, 1]], np.s_[2], np.s_[-3], np.s_[0, 0, 0, 0], np.s_[True], np.s_["a"], np.s_[1.0],
            np.s_[..., ...], np.ones((2, 6, 7), bool),
        ],
        ids=lambda box: str(type(box)),
    )
    def test_what_is_no_box_is_an_index_error(self, store, field, box):
        with pytest.raises(IndexError):
            store.read("T", box)
        with pytest.raises(IndexError):
            store.lazy("T")[box]

    def test_into_memory_of_the_caller(self, store, field):
        frame = np.zeros((8, 9))
        assert store.read("T", 1, out=frame[1:7, 1:8]) is not None
        assert np.array_equal(frame[1:7, 1:8], field[1]) and frame[0].sum() == 0 and frame[:, 0].sum() == 0
        column = np.zeros(6)[::-1]
        store.read("T", np.s_[0, :, 2], out=column)
        assert np.array_equal(column, field[0, :, 2])

    def test_into_memory_that_does_not_fit(self, store, field):
        with pytest.raises(ValueError, match="shape"):
            store.read("T", 0, out=np.zeros((7, 6)))
        with pytest.raises(TypeError, match="float32"):
            store.read("T", out=np.zeros((2, 6, 7), "f4"))
        with pytest.raises(TypeError, match="list"):
            store.read("T", np.s_[0, 0, :2], out=[0.0, 0.0])
        for call in (lambda out: store.read("T", out=out), lambda out: store._native.put("x", out, 10, "", store_plainly())):
            with pytest.raises(ValueError, match="same in memory"):
                call(np.lib.stride_tricks.as_strided(np.zeros(1), (2, 6, 7), (0, 0, 0)))
        frozen = np.zeros((2, 6, 7))
        frozen.flags.writeable = False
        with pytest.raises(ValueError, match="read-only"):
            store.read("T", out=frozen)

    def test_lazy_arrays_tell_their_shape_and_convert(self, store, field):
        lazy = store.lazy("T")
        assert (lazy.shape, lazy.dtype, lazy.ndim, lazy.size, lazy.nbytes, len(lazy)) == (
            (2, 6, 7), np.dtype("f8"), 3, 84, 672, 2,
        )
        assert np.array_equal(np.asarray(lazy), field) and np.asarray(lazy, "f4").dtype == np.float32
        assert "T" in repr(lazy)

    def test_by_key_and_one_element(self, store):
        key = store.put(np.arange(5, dtype="u2"))
        assert np.array_equal(store.read(key, np.s_[1:3]), [1, 2])
        assert store.read(store.put(2.5)) == 2.5
        with pytest.raises(TypeError):
            len(store.lazy(store.put(2.5)))

    def test_texts_bytes_and_what_has_no_elements(self, store):
        store["t"] = "abc"
        assert store.read("t", np.s_[1:]).tobytes() == b"bc"
        store["b"] = b"abc"
        assert store.read("b", np.s_[:2]).tobytes() == b"ab"
        store["d"] = {}
        for call in (store.read, store.lazy):
            with pytest.raises(locum.TypeMismatchError, match="get"):
                call("d")

    def test_only_the_box_is_moved(self, folder):
        """Of the file, which is mapped, only its pages; and memory of its size is all that is made for it."""
        with locum.open(folder) as files:
            files["T"] = np.zeros((64, 1 << 16))  # 32 MiB
            whole, row = np.ones((64, 1 << 16)), np.ones(1 << 16)
            faults = faults_of(lambda: files.read("T", 5, out=row))
            assert faults * 4 <= faults_of(lambda: files.read("T", out=whole))
            assert row.sum() == whole.sum() == 0
            tracemalloc.start()
            files.lazy("T")[3:5]
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            assert 1 << 20 <= peak < 2 << 20


def store_plainly():
    return locum._native.Storing(0.0, 0.0, False, False, None)


def faults_of(call):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    call()
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


class TestWriting:
    def test_in_place(self, store):
        with store.create("T", (3, 4), np.float32) as writer:
            assert writer.array.shape == (3, 4) and writer.array.dtype == np.float32 and writer.array.flags.writeable
            writer.array[:] = 7
            assert "T" not in store
        assert np.array_equal(store["T"], np.full((3, 4), 7, "f4")) and store[writer.key][0, 0] == 7
        assert not writer.is_open

    def test_an_exception_discards(self, store):
        with pytest.raises(ZeroDivisionError):
            with store.create("T", 5) as writer:
                1 / 0
        assert "T" not in store and not writer.is_open
        with pytest.raises(locum.InvalidArgumentError):
            writer.key

    def test_the_second_seal_is_an_error(self, store):
        writer = store.create("T", 5)
        writer.array[:] = 1
        writer.seal()
        for call in (writer.seal, lambda: writer.array, writer.__enter__):
            with pytest.raises(locum.InvalidArgumentError):
                call()
        writer.discard()
        assert store["T"].sum() == 5

    def test_arrays_that_outlive_the_seal_stay_readable(self, store):
        writer = store.create("T", (2, 3), "i4", lifetime=3600)
        array = writer.array
        array[:] = 5
        part = array[1]
        writer.seal()
        with pytest.raises(ValueError):
            array[0, 0] = 6
        assert store.info("T").expires is not None
        del store["T"]
        assert part.tolist() == [5, 5, 5] and array.sum() == 30

    def test_arrays_that_outlive_the_discard_stay_readable(self, store):
        writer = store.create(None, 1000, "i4")
        array = writer.array
        array[:] = 5
        writer.discard()
        del writer
        assert array.sum() == 5000

    def test_a_name_that_is_taken_meanwhile(self, store):
        for is_shared in (False, True):
            writer = store.create("T", 5)
            kept = writer.array if is_shared else None
            store["T"] = 1
            with pytest.raises(locum.KeyExistsError):
                writer.seal()
            assert not writer.is_open and store["T"] == 1
            del store["T"], kept

    def test_in_place_of_what_is_there(self, store):
        for is_shared in (False, True):
            for value in (1, 2):
                writer = store.create("T", 5)
                writer.array[:] = value
                kept = writer.array if is_shared else None
                assert store[writer.replace()].sum() == 5 * value == store["T"].sum()
                assert not writer.is_open and (kept is None or kept.sum() == 5 * value)
            stale = store.create("T", 5)
            kept = stale.array if is_shared else None
            with pytest.raises(locum.StaleError):
                stale.replace(expected_generation=store.info("T").generation - 1)
            assert not stale.is_open and store["T"].sum() == 10
            unnamed = store.create(None, 5)
            kept = unnamed.array if is_shared else None
            with pytest.raises(locum.InvalidArgumentError, match="name"):
                unnamed.replace()
            with pytest.raises(OverflowError):
                store.create("T", 5).replace(expected_generation=-1)
            del store["T"], kept

    def test_types_that_cannot_be_created(self, store):
        for dtype in ("f2", "M8[s]", ">f8", "S5", object, [("a", "i4")]):
            with pytest.raises(TypeError, match="float64"):
                store.create("T", 5, dtype)
        with pytest.raises(ValueError):
            store.create("T", (1,) * 9)
        with pytest.raises(locum.InvalidArgumentError):
            store.create("T", -1)

    def test_what_is_no_shape(self, store):
        for shape in (b"abc", "abc", bytearray(2), memoryview(b"ab"), np.zeros((2, 2), int), 2.5, np.zeros(3), [2, "x"], None):
            with pytest.raises(TypeError, match="integer"):
                store.create("T", shape)
        frozen = np.arange(3.0)
        frozen.flags.writeable = False
        with pytest.raises(TypeError, match="integer"):
            store.create("T", frozen)
        assert "T" not in store
        with store.create("T", (extent for extent in (2, 3))) as writer:
            writer.array[:] = 1
        assert store["T"].shape == (2, 3)

    def test_without_dimensions_and_name(self, store):
        writer = store.create(None, (), "i8")
        writer.array[...] = 3
        assert store[writer.seal()] == 3


def test_references_of_an_array(store):
    store["a"] = np.arange(5.0)
    got = store["a"]
    of_array, of_owner = sys.getrefcount(got), sys.getrefcount(got.base)
    assert of_array == 2 and of_owner == 2
    assert lies_in(got[1:3], got)
