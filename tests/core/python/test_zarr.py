"""Arrays of Zarr: what is written is read, by the rules of NumPy, and by zarr-python."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

import locum

with locum.Files("memory:") as probe:
    try:
        for at, needed in enumerate(("zstd(1)", "gzip(5)", "blosc(lz4)")):
            probe.create_zarr(f"{at}.zarr", 1, "f8", codecs=needed)
    except locum.UnsupportedError as error:
        pytest.skip(f"this build lacks a codec: {error}", allow_module_level=True)

TYPES = "i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c8 c16 ?".split()


@pytest.fixture
def files(tmp_path):
    with locum.Files(f"file:{tmp_path}?sync=0") as opened:
        yield opened


def zarr_python():
    """Returns zarr-python 2, or skips the test."""
    zarr = pytest.importorskip("zarr", reason="zarr-python is not installed (package python3-zarr)")
    if not zarr.__version__.startswith("2."):
        pytest.skip(f"these calls were tried with zarr-python 2.13 alone, and this is {zarr.__version__}")
    return zarr


def numbers(shape, dtype="f8"):
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype)


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("dtype", TYPES)
def test_written_and_read_whole(files, dtype, version):
    made = files.create_zarr("a/T.zarr", (5, 7), dtype, chunks=(2, 3), version=version)
    values = numbers((5, 7), dtype)
    made[...] = values
    for array in (made, files.zarr("a/T.zarr")):
        read = array[...]
        assert read.dtype == np.dtype(dtype) == array.dtype and np.array_equal(read, values)
        assert np.array_equal(np.asarray(array), values)
        assert (array.shape, array.chunks, array.shards, array.version) == ((5, 7), (2, 3), None, version)
        assert (array.ndim, array.size, len(array), array.nbytes) == (2, 35, 5, values.nbytes)


def test_selections_are_those_of_numpy(files):
    values = numbers((6, 8, 5))
    array = files.create_zarr("T.zarr", values.shape, "f8", chunks=(2, 3, 2), shards=(4, 6, 4))
    array[...] = values
    s = np.s_
    for selection in (
        s[...], s[2], s[-1], s[2, 3:7, ::2], s[2, 3, 4], s[-6, -8, -5], s[1:5:3], s[..., -1], s[2, ...], s[:, -3:, 1:100],
        s[np.int64(3), :, np.uint8(2)], s[0:0], s[5:2], s[4, 2:2, :], s[2, 3, 4, ...], s[()], s[::7, ::9, ::6], s[-2:, :-6],
    ):  # fmt: skip
        expected, read = values[selection], array[selection]
        assert type(read) is type(expected) and read.dtype == expected.dtype
        assert read.shape == expected.shape and np.array_equal(read, expected), selection
    for selection in (s[::-1], s[6], s[-7], s[0, 0, 0, 0], s[None], s[[1, 2]], s[..., ...], s["x"], s[1.0], values > 3):
        with pytest.raises(IndexError):
            array[selection]
    assert [float(plane[0, 0]) for plane in array] == list(values[:, 0, 0])


def test_reads_by_start_count_and_stride(files):
    values = numbers((6, 8), "i4")
    array = files.create_zarr("T.zarr", values.shape, "i4", chunks=(4, 4))
    array.write(values)
    assert np.array_equal(array.read(), values)
    assert np.array_equal(array.read((1, 2)), values[1:, 2:])
    assert np.array_equal(array.read((1, 2), (2, 3)), values[1:3, 2:5])
    assert np.array_equal(array.read((1, 2), (2, 3), (3, 2)), values[1:5:3, 2:8:2])
    assert np.array_equal(array.read(stride=(4, 3)), values[::4, ::3])
    out = np.zeros((4, 6), "i4")[::2, ::-2]
    assert array.read((1, 2), (2, 3), out=out) is out and np.array_equal(out, values[1:3, 2:5])
    for wrong in (dict(start=(1,)), dict(stride=(0, 1)), dict(start=(1, 2), count=(2, 3), out=np.zeros((2, 3, 1), "i4"))):
        with pytest.raises(ValueError):
            array.read(**wrong)
    with pytest.raises(locum.TypeMismatchError):
        array.read(out=np.zeros((6, 8), "i8"))
    with pytest.raises(locum.InvalidArgumentError, match="outside"):
        array.read((5, 0), (2, 8))


@pytest.mark.parametrize("takes", ["index", "out", "read"])
def test_reads_ahead(files, takes):
    array = files.create_zarr("T.zarr", (4, 6), "f8", chunks=(2, 6))
    other = files.zarr("T.zarr")
    now = numbers((4, 6))
    other[...] = now
    end = time.monotonic() + 60
    was_ahead = False
    while not was_ahead and time.monotonic() < end:  # not yet where the thread had not begun before the read asked
        before = now.copy()
        array.prefetch(np.s_[1, ::2])
        now += 1
        other[...] = now  # which a read that nothing was read ahead for shows
        if takes == "index":
            read = array[1, ::2]
        elif takes == "read":
            read = array.read((1, 0), (1, 3), (1, 2))[0]
        else:
            read = array.read((1, 0), (1, 3), (1, 2), out=np.zeros((1, 3)))[0]
        was_ahead = np.array_equal(read, before[1, ::2])
        assert was_ahead or np.array_equal(read, now[1, ::2])
        assert np.array_equal(array[1, ::2], now[1, ::2])  # taken once
    assert was_ahead
    array.prefetch(1)
    array[0:2] = -now[0:2]  # its own writes are seen
    assert np.array_equal(array[1], -now[1])
    array.prefetch(...)
    with pytest.raises(IndexError):
        array.prefetch(4)
    one = files.create_zarr("one.zarr", (), "i4")
    one.prefetch(())
    assert one[()] == 0
    array.prefetch(3, strict=True)  # left behind


def test_what_is_read_is_in_place_and_ones_own(files):
    array = files.create_zarr("T.zarr", (100, 100), "f8", chunks=(50, 50))
    array[...] = 1.5
    read = array[10:20]
    assert read.flags.writeable and read.flags.c_contiguous
    assert read.flags.owndata or read.base.flags.owndata  # memory of NumPy, to which the library has read
    read[...] = 7
    assert array[10, 0] == 1.5
    with pytest.raises(locum.OutOfMemoryError, match="T.zarr"):
        files.create_zarr("endless/T.zarr", (2**30, 2**29), "f8", chunks=(1, 1024))[...]
    del array
    files.close()
    gc.collect()
    assert read[9, 99] == 7


def test_writes_cover_whole_files(files):
    array = files.create_zarr("T.zarr", (10, 10), "f4", chunks=(2, 5), shards=(4, 5))
    array[4:8, 5:] = np.ones((4, 5), "f4")
    array[8:, :5] = np.full(5, 2, "f4")  # to the end of the array; the row is for both of them
    array.write(np.full((4, 5), 3, "f4"), (0, 5))
    expected = np.zeros((10, 10), "f4")
    expected[4:8, 5:], expected[8:, :5], expected[:4, 5:] = 1, 2, 3
    assert np.array_equal(array[...], expected)
    for selection in (np.s_[1:4], np.s_[0], np.s_[0:4, 2:5], np.s_[-1, -1]):
        with pytest.raises(locum.InvalidArgumentError, match=r"in part.*multiples of 4 x 5"):
            array[selection] = 0
    with pytest.raises(IndexError, match="without steps"):
        array[::2] = 0
    with pytest.raises(ValueError):
        array[...] = np.zeros((3, 3), "f4")
    with pytest.raises(ValueError):
        array.write(np.zeros(10, "f4"))
    with pytest.raises(locum.InvalidArgumentError):
        array.write(np.zeros((4, 5), "f4"), (8, 5))
    assert np.array_equal(array[...], expected)


def test_numbers_are_for_all_elements_and_take_no_memory(files):
    array = files.create_zarr("T.zarr", (1 << 20, 1 << 10), "f8", chunks=(1 << 18, 1 << 10), codecs="zstd(1)")
    assert array.nbytes == 1 << 33
    part = array[0:1, 0:1]
    assert part[0, 0] == 0
    small = files.create_zarr("small.zarr", (4, 4), "f8", chunks=(2, 2))
    small[...] = 2.5
    assert np.array_equal(small[...], np.full((4, 4), 2.5))
    small[0:2] = np.broadcast_to(np.array([[1.0], [2.0]]), (2, 4))
    assert np.array_equal(small[:3], [[1] * 4, [2] * 4, [2.5] * 4])
    small[...] = np.asfortranarray(numbers((4, 4)))[::-1]
    assert np.array_equal(small[...], numbers((4, 4))[::-1])


def test_codecs_are_a_text_or_a_list(files, tmp_path):
    for number, codecs in enumerate((["gzip(5)", "crc32c"], ("gzip(5)", "crc32c"), "gzip(5), crc32c")):
        array = files.create_zarr(f"{number}.zarr", 8, "f8", codecs=codecs)
        array[...] = numbers(8)
        assert np.array_equal(array[...], numbers(8))
    texts = [(tmp_path / f"{number}.zarr/zarr.json").read_text() for number in range(3)]
    assert texts[0] == texts[1] == texts[2] and "gzip" in texts[0] and "crc32c" in texts[0]
    plain = files.create_zarr("plain.zarr", 8, "f8", codecs=[])
    plain[...] = 0
    assert (tmp_path / "plain.zarr/c/0").stat().st_size == 64
    for wrong in ([5], 5):
        with pytest.raises(TypeError, match="codecs are a text or a list"):
            files.create_zarr("wrong.zarr", 8, "f8", codecs=wrong)


def test_masks_are_not_dropped(files):
    array = files.create_zarr("T.zarr", 4, "f8", fill_value=-1.0)
    masked = np.ma.masked_greater(numbers(4), 2)
    for write in (lambda: array.write(masked), lambda: array.append(masked), lambda: array.__setitem__(..., masked)):
        with pytest.raises(locum.TypeMismatchError, match=r"\.filled\("):
            write()
    array.write(masked.filled(-1.0))
    assert list(array[...]) == [0, 1, 2, -1]


def test_nothing_is_made_in_an_array(files):
    files.create_zarr("a/T.zarr", 4, "f8")
    for make in (
        lambda: files.create_zarr("a/T.zarr/U.zarr", 4, "f8"),
        lambda: files.create_zarr("a/T.zarr/c/deep/U.zarr", 4, "f8"),
        lambda: files.create_zarr_group("a/T.zarr/run"),
        lambda: files.save("a/T.zarr/U.zarr", numbers(4)),
    ):
        with pytest.raises(locum.InvalidArgumentError, match="'a/T.zarr' above is an array"):
            make()
    files.create_zarr_group("run.zarr").create_array("p/T", 4, "f8")
    files.create_zarr("run.zarr/p/U", 4, "f8")
    with pytest.raises(locum.InvalidArgumentError, match="'run.zarr/p/U' above is an array"):
        files.create_zarr("run.zarr/p/U/V", 4, "f8")


def test_values_that_would_change_are_refused(files):
    for dtype, value in (
        ("i4", 2.5), ("i4", np.arange(4)), ("f4", np.arange(4.0)), ("f8", np.arange(4) + 2**60), ("u1", np.int8(1)),
        ("?", 1), ("f8", 1j), ("f8", "text"), ("f8", np.arange(4, dtype="u8") + np.uint64(2**63)),
    ):  # fmt: skip
        array = files.create_zarr(f"{dtype}{id(value)}.zarr", 4, dtype, chunks=4)
        with pytest.raises(locum.TypeMismatchError, match=r"\.astype\("):
            array[...] = value
    for dtype, value in (("u1", 256), ("u1", -1), ("i8", 2**63), ("f4", 2**24 + 1), ("f4", 1e300), ("f8", 2**63 + 1)):
        array = files.create_zarr(f"{dtype}_{value}.zarr", 4, dtype, chunks=4)
        with pytest.raises(OverflowError):
            array[...] = value
    for dtype, value in (
        ("f8", 3), ("f4", 0.1), ("c16", 2), ("u1", 255), ("f8", [1, 2, 3, 4]), ("f8", np.arange(4, dtype="f4")),
        ("f8", np.arange(4, dtype=">f8")), ("i8", np.arange(4, dtype="i2")), ("f4", float("inf")), ("i4", True),
    ):  # fmt: skip
        array = files.create_zarr(f"{dtype}{id(value)}ok.zarr", 4, dtype, chunks=4)
        array[...] = value
        assert np.array_equal(array[...], np.broadcast_to(np.asarray(value).astype(dtype), 4))


def test_layouts(files):
    array = files.create_zarr(
        "T.zarr", (4, 6), np.float32, chunks=(2, 2), shards=(4, 2), codecs="gzip(5), crc32c", fill_value=-1.5,
        dimensions=["y", "x"], attributes={"unit": "K", "levels": [1, 2.5, None]},
    )  # fmt: skip
    again = files.zarr("T.zarr")
    for one in (array, again):
        assert one.shards == (4, 2) and one.chunks == (2, 2) and one.dimensions == ["y", "x"]
        assert one.attributes == {"unit": "K", "levels": [1, 2.5, None]}
        assert np.array_equal(one[...], np.full((4, 6), -1.5, "f4"))
    assert files.create_zarr("one.zarr", (), "i4", fill_value=7)[...] == 7
    one = files.zarr("one.zarr")
    one[...] = 9
    assert one[()] == 9 and one[...].shape == () and one.shape == () and files.zarr("one.zarr").read() == 9
    with pytest.raises(TypeError):
        len(one)
    chosen = files.create_zarr("chosen.zarr", 3_000_000, "f8")
    assert chosen.chunks == (131072,) and chosen.shards is None
    with pytest.raises(locum.KeyExistsError):
        files.create_zarr("one.zarr", (), "i4")
    with pytest.raises(locum.NotFoundError):
        files.zarr("none.zarr")
    for wrong in (
        dict(chunks=(2,)), dict(chunks=(0, 0)), dict(shards=(0, 2)), dict(dimensions=["y"]),
        dict(fill_value=np.zeros(2, "f4")), dict(chunks=(2, -2)),
    ):  # fmt: skip
        with pytest.raises(ValueError):
            files.create_zarr("wrong.zarr", (4, 6), "f4", **wrong)
    for wrong in (
        dict(codecs="lzma"), dict(version=1), dict(chunks=(2, 2), shards=(3, 2)), dict(version=2, shards=(4, 6), chunks=(2, 2))
    ):  # fmt: skip
        with pytest.raises((locum.InvalidArgumentError, locum.UnsupportedError)):
            files.create_zarr("wrong.zarr", (4, 6), "f4", **wrong)
    with pytest.raises(locum.InvalidArgumentError):
        files.create_zarr("wrong.zarr", (4, -6), "f4")
    with pytest.raises(ValueError):
        files.create_zarr("wrong.zarr", (1,) * 9, "f4")
    with pytest.raises(TypeError):
        files.create_zarr("wrong.zarr", 4, "S3")
    with pytest.raises(TypeError, match="files.zarr"):
        locum.ZarrArray()
    assert not files.exists("wrong.zarr")


def test_parts_of_files_are_written_where_that_is_allowed(files):
    array = files.create_zarr("T.zarr", (6, 6), "i4", chunks=(4, 4))
    expected = np.zeros((6, 6), "i4")
    with pytest.raises(locum.InvalidArgumentError):
        array.write(np.ones((2, 2), "i4"), (1, 1))
    for value, start in enumerate([(1, 1), (3, 3), (0, 4)], 1):
        array.write(np.full((2, 2), value, "i4"), start, partial=True, timeout=60)
        expected[start[0] : start[0] + 2, start[1] : start[1] + 2] = value
    assert np.array_equal(array[...], expected)


def test_arrays_grow(files):
    array = files.create_zarr("T.zarr", (0, 3), "f8", chunks=(2, 3))
    for step in range(3):
        array.append(np.full((1, 3), step, "f8"), timeout=60)
    assert array.shape == (3, 3) and np.array_equal(files.zarr("T.zarr")[:, 0], [0, 1, 2])
    with pytest.raises(locum.InvalidArgumentError):
        array.append(np.zeros((1, 4)))
    with pytest.raises(locum.TypeMismatchError):
        array.append(np.zeros((1, 3), "c16"))


def test_missing_elements_are_told_where_that_is_asked_for(files):
    array = files.create_zarr("T.zarr", 8, "i4", chunks=4)
    array[:4] = np.arange(4, dtype="i4")
    assert array.read([0], [4], strict=True).tolist() == [0, 1, 2, 3]
    assert array.read().tolist() == [0, 1, 2, 3, 0, 0, 0, 0]
    with pytest.raises(locum.NotFoundError, match="c/1"):
        array.read(strict=True)


def test_extents_and_attributes_change(files):
    array = files.create_zarr("T.zarr", (4, 4), "i4", chunks=(2, 2), fill_value=-1)
    other = files.zarr("T.zarr")
    array[...] = numbers((4, 4), "i4")
    array.resize((6, 3))
    assert array.shape == (6, 3) and other.shape == (4, 4) and files.zarr("T.zarr").shape == (6, 3)
    assert np.array_equal(array[3:], [[12, 13, 14], [-1] * 3, [-1] * 3])
    with pytest.raises(locum.InvalidArgumentError):
        array.resize(6)
    field = np.arange(3.0)
    array.attributes = {"unit": "K", "names": ["a", "b"], "field": field}
    del field
    gc.collect()
    assert array.attributes["unit"] == "K" and list(array.attributes["field"]) == [0, 1, 2]
    assert list(files.zarr("T.zarr").attributes["field"]) == [0, 1, 2]
    with pytest.raises(TypeError):  # it would change nothing
        array.attributes["unit"] = "C"
    array.attributes = {**array.attributes, "unit": "C"}
    assert files.zarr("T.zarr").attributes["unit"] == "C"
    with pytest.raises(TypeError):
        array.attributes = {"set": {1}}


def test_goes_on_when_its_files_are_closed(files, tmp_path):
    array = files.create_zarr("T.zarr", 4, "i4", chunks=2)
    files.close()
    array[...] = 3
    assert list(array[...]) == [3] * 4
    with pytest.raises(locum.ClosedError):
        files.zarr("T.zarr")
    with locum.Files("memory:") as others:
        others.add("results", f"file:{tmp_path}")
        assert list(others.zarr("T.zarr", backend="results")[...]) == [3] * 4
        others.create_zarr("U.zarr", 2, "f8", backend="results")
        assert os.path.isdir(tmp_path / "U.zarr")
        assert locum.ZarrArray.open(others, "U.zarr", backend="results").shape == (2,)


def test_damage_names_the_file(files, tmp_path):
    array = files.create_zarr("T.zarr", 4, "f8", chunks=2, codecs="crc32c")
    array[...] = 1.5
    chunk = tmp_path / "T.zarr" / "c" / "1"
    chunk.write_bytes(b"\0" * len(chunk.read_bytes()))
    with pytest.raises(locum.CorruptError, match="T.zarr/c/1"):
        array[3]
    assert array[0] == 1.5
    (tmp_path / "T.zarr" / "zarr.json").write_text("{")
    with pytest.raises(locum.CorruptError, match="T.zarr"):
        files.zarr("T.zarr")


def test_several_threads(files):
    array = files.create_zarr("T.zarr", (8, 64), "i8", chunks=(1, 16))
    failed = []

    def work(row):
        try:
            array[row : row + 1] = row
            assert np.array_equal(array[row], [row] * 64)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(row,)) for row in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failed and np.array_equal(array[:, 5], range(8))


class Waits(locum.Backend):
    """Keeps bytes in a dict. Once armed, each get interrupts the program, and then waits for the test."""

    scheme = "waits"
    is_armed = False
    thread = None
    told = threading.Event()
    ended = threading.Event()

    def __init__(self, where):
        super().__init__(where)
        self.records = {}

    def get(self, key):
        if Waits.is_armed:
            Waits.is_armed = False
            Waits.thread = threading.current_thread()
            os.kill(os.getpid(), signal.SIGINT)
            try:
                assert Waits.told.wait(60)
            finally:
                Waits.ended.set()
        return self.records.get(key)

    def put(self, key, data):
        self.records[key] = data

    def remove(self, key):
        return self.records.pop(key, None) is not None

    def names(self, prefix):
        return [key for key in list(self.records) if key.startswith(prefix)]


@pytest.mark.parametrize(
    "call",
    [lambda files, array: files.zarr("T.zarr"), lambda files, array: array[...], lambda files, array: array.read(out=np.zeros(4))],
    ids=["open", "index", "read"],
)
def test_a_call_is_left_at_once(call):
    Waits.told.clear()
    Waits.ended.clear()
    with locum.Files("waits:here") as files:
        array = files.create_zarr("T.zarr", 4, "f8", chunks=4)
        array[...] = 2.5
        Waits.is_armed = True
        with pytest.raises(KeyboardInterrupt):
            call(files, array)
        assert Waits.thread is not threading.main_thread()  # which was left
        Waits.told.set()
        assert Waits.ended.wait(60)
        assert list(array[...]) == [2.5] * 4


def test_zarr_python_reads_what_was_written(files, tmp_path):
    zarr = zarr_python()
    for number, (dtype, codecs) in enumerate((d, c) for d in TYPES for c in ("", "zstd(3)", "gzip(5)", "blosc(lz4)")):
        values = numbers((7, 5), dtype)
        array = files.create_zarr(
            f"{number}.zarr", (7, 5), dtype, chunks=(3, 2), codecs=codecs, version=2, attributes={"n": number}
        )
        array[...] = values
        theirs = zarr.open_array(str(tmp_path / f"{number}.zarr"), mode="r")
        assert theirs.dtype == values.dtype and theirs.chunks == (3, 2) and theirs.attrs["n"] == number
        assert np.array_equal(theirs[...], values)
        assert np.array_equal(theirs[2:, 1::2], array[2:, 1::2])
    theirs = zarr.open_array(str(tmp_path / "theirs.zarr"), mode="w", shape=(4, 6), chunks=(3, 4), dtype="<i4", fill_value=5)
    theirs[1:3, 2:5] = [[1, 2, 3], [4, 5, 6]]
    assert np.array_equal(files.zarr("theirs.zarr")[...], theirs[...])


def test_chunks_are_kept_by_a_backend_of_the_programs_own():
    large = np.random.default_rng(1).random((30, 40, 50), np.float32).round(2)
    with locum.Files("waits:chunks") as files:
        files.save("data.zarr", large, chunks=(10, 10, 10))
        array = files.zarr("data.zarr")
        assert array.chunks == (10, 10, 10)
        assert np.array_equal(files.load("data.zarr"), large) and np.array_equal(array[5:25, ::3, 7], large[5:25, ::3, 7])
        assert len(files.list("data.zarr", recursive=True)) == 3 * 4 * 5 + 1


def test_files_save_and_load_whole_arrays(files):
    values = numbers((5, 6), "f4")
    files.save("T.zarr", values, chunks=[2, 3], codecs="gzip(5)", version=2)
    loaded = files.load("T.zarr")
    assert np.array_equal(loaded, values) and loaded.dtype == values.dtype and not loaded.flags.owndata
    assert files.info("T.zarr")["extents"] == [5, 6] and files.zarr("T.zarr").version == 2
    files.save("U.zarr", {"data": values, "@attributes": {"unit": "K"}}, attributes=True)
    assert files.zarr("U.zarr").attributes == {"unit": "K"} and np.array_equal(files.load("U.zarr"), values)
    with pytest.raises(locum.KeyExistsError):
        files.save("T.zarr", values)


@pytest.mark.parametrize("version", [2, 3])
def test_archives(files, tmp_path, version):
    values = numbers((7, 5), "f8")
    files.create_zarr("T.zarr", (7, 5), "f8", chunks=(3, 2), codecs="gzip(5)", version=version)[...] = values
    files.pack(tmp_path / "T.zarr", "T.zarr.zip")
    with locum.Files(f"zip:{tmp_path}/T.zarr.zip") as packed:
        array = packed.zarr("")
        assert np.array_equal(array[...], values) and array[2, 1] == values[2, 1]
        assert len(packed.list(recursive=True)) == (10 if version == 3 else 9)  # `*` matches no .zarray
        with pytest.raises(locum.UnsupportedError, match="make a new archive"):
            array[...] = values
        with pytest.raises(locum.UnsupportedError):
            packed.save("a.npy", values)
    with pytest.raises(locum.NotFoundError):
        files.pack("none.zarr", "none.zip")
    with pytest.raises(locum.InvalidArgumentError, match="would be in the folder"):
        files.pack("T.zarr", "T.zarr/T.zip")
    with pytest.raises(locum.NotFoundError, match="no archive"):
        locum.Files(f"zip:{tmp_path}/none.zip")
    if version == 2:
        zarr = zarr_python()
        with zarr.ZipStore(str(tmp_path / "T.zarr.zip"), mode="r") as store:
            assert np.array_equal(zarr.open(store, mode="r")[...], values)


@pytest.mark.parametrize("version", [2, 3])
def test_groups(files, tmp_path, version):
    run = files.create_zarr_group("run.zarr", attributes={"title": "run 17"}, version=version)
    values = numbers((3, 4))
    made = run.create_array("fields/T", values.shape, "f8", chunks=(2, 2), codecs="gzip(5)", attributes={"unit": "K"})
    made[...] = values
    run.create_group("walls", {"n": 4}).create_array("q", 2, "i4", fill_value=7)
    run.create_array("step", (), "i4", fill_value=40)
    assert made.version == version
    run.consolidate()
    for consolidated in (False, True):
        again = files.zarr_group("run.zarr", consolidated=consolidated)
        assert again.is_consolidated == consolidated and again.version == version
        assert again.attributes == {"title": "run 17"}
        assert again.arrays() == ["step"] and again.groups() == ["fields", "walls"] and list(again) == ["fields", "step", "walls"]
        assert "fields/T" in again and "fields/p" not in again and 3 not in again
        assert np.array_equal(again["fields/T"][...], values) and again["fields"]["T"].attributes == {"unit": "K"}
        assert np.array_equal(again.array("fields/T")[1:, ::2], values[1:, ::2])
        assert again.group("walls").attributes == {"n": 4} and list(again["walls/q"][...]) == [7, 7]
        assert again["step"][()] == 40
        with pytest.raises(KeyError):
            again["fields/p"]
        with pytest.raises(locum.InvalidArgumentError):
            again.array("fields")
        with pytest.raises(locum.InvalidArgumentError):
            again.group("step")
        with pytest.raises(locum.InvalidArgumentError):
            again["../run.zarr"]
    with pytest.raises(locum.KeyExistsError):
        run.create_array("step", 4, "f8")
    with pytest.raises(locum.KeyExistsError):
        files.create_zarr_group("run.zarr")
    with pytest.raises(locum.NotFoundError):
        files.zarr_group("none.zarr")
    with pytest.raises(TypeError, match="files.zarr_group"):
        locum.ZarrGroup()
    run.attributes = {**run.attributes, "dt": 0.5}
    assert files.zarr_group("run.zarr").attributes == {"title": "run 17", "dt": 0.5}
    with pytest.raises(TypeError):
        run.attributes["dt"] = 1
    if version == 2:
        zarr = zarr_python()
        for theirs in (zarr.open_group(str(tmp_path / "run.zarr"), mode="r"), zarr.open_consolidated(str(tmp_path / "run.zarr"))):
            assert dict(theirs.attrs) == {"title": "run 17", "dt": 0.5}
            assert np.array_equal(theirs["fields/T"][...], values) and theirs["fields/T"].attrs["unit"] == "K"
            assert list(theirs["walls/q"][...]) == [7, 7]


def test_chunks_are_shared_as_the_program_says(files):
    array = files.create_zarr("shared.zarr", (64, 512), "f8", chunks=(32, 512))
    values = np.arange(64 * 512, dtype="f8").reshape(64, 512)
    array.write(values)
    for shared in ("parts", "none", "all"):
        for _ in range(2):
            assert np.array_equal(array.read((30, 1), (4, 7), shared=shared), values[30:34, 1:8])
        array.prefetch(np.s_[3], shared=shared)
        assert np.array_equal(array[3], values[3])
    with pytest.raises(ValueError, match="'parts', 'none' or 'all', not 'some'"):
        array.read(shared="some")
