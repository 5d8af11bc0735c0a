"""Values in files, and Records: what is saved is loaded, and what is stored as a Record is nested as it was."""

import asyncio
import gc
import json
import os
import pathlib
import subprocess
import sys
import time

import numpy as np
import pytest
from conftest import memory_of

import locum
from locum import _record

TYPES = "i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c8 c16 ?".split()
NESTED = {
    "null": None,
    "flags": [True, False],
    "integers": [0, -1, 2**63 - 1, -(2**63), 2**63, 2**64 - 1],
    "reals": [0.5, -0.0, 1e300],
    "text": "Temperatur 温度\0",
    "": {"": []},
    "deeper": {"list": [[], [{"a": 1}], {}]},
}


def endings():
    """Returns the endings of the formats that this build has."""
    with locum.Files("memory:") as files:
        with pytest.raises(locum.UnsupportedError) as error:
            files.load("x.unknown")
    return set(word for word in str(error.value).replace(";", " ").split() if word.startswith("."))


def needs(ending):
    return pytest.mark.skipif(ending not in endings(), reason=f"this build has no format of {ending} files")


@pytest.fixture
def files(tmp_path):
    with locum.Files(f"file:{tmp_path}/files?sync=0") as opened:
        yield opened


def same(a, b):
    """Whether two values are equal, and of the same types, with their arrays."""
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and a.shape == b.shape and bool(np.all((a == b) | (a != a)))
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[name], b[name]) for name in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def through(value):
    return _record.decode(np.frombuffer(_record.encode(value), np.uint8))


class TestArrays:
    @pytest.mark.parametrize("dtype", TYPES)
    def test_come_back_in_place_and_read_only(self, files, dtype):
        given = np.arange(30).reshape(2, 3, 5).astype(dtype)
        files.save("T.npy", given)
        got = files.load("T.npy")
        assert same(given, got)
        assert not got.flags.writeable and not got.flags.owndata and got.flags.aligned and got.flags.c_contiguous
        with pytest.raises(ValueError):
            got.flags.writeable = True

    def test_are_loaded_once(self, files):
        files.save("T.npy", np.zeros(1 << 16))
        first = files.load("T.npy")
        assert memory_of(first) == memory_of(files.load(pathlib.Path("./T.npy")))
        files.save("T.npy", np.ones(1 << 16))
        assert files.load("T.npy").sum() == 1 << 16 and first.sum() == 0

    def test_outlive_the_files(self, tmp_path):
        files = locum.Files(f"file:{tmp_path}?sync=0")
        files.save("T.npy", np.arange(1000.0))
        part = files.load("T.npy")[500:]
        files.remove("T.npy")
        files.close()
        del files
        gc.collect()
        assert part.sum() == np.arange(500.0, 1000).sum()

    @pytest.mark.parametrize(
        "given",
        [
            np.arange(24.0).reshape(4, 6)[1:-1, ::-2],
            np.asfortranarray(np.arange(6.0).reshape(2, 3)),
            np.arange(12).reshape(3, 4).T,
            np.broadcast_to(np.float32(2), (3, 2)),
            np.zeros((3, 0, 2), "f4"),
            np.arange(5, dtype=">f8"),
            np.arange(5, dtype=">i2"),
        ],
        ids=["strides", "fortran", "transposed", "repeated", "empty", "f8", "i2"],
    )
    def test_of_any_strides_and_byte_order(self, files, given):
        files.save("a.npy", given)
        got = files.load("a.npy")
        assert got.dtype == given.dtype.newbyteorder("=") and got.shape == given.shape and np.array_equal(got, given)

    @pytest.mark.parametrize("value", [2.5, 7, True, 1 - 2j, np.float32(1.5), np.uint8(9), np.array(3.0), np.array(-1, "i2")])
    def test_of_one_element_are_numbers(self, files, value):
        files.save("x.npy", value)
        got = files.load("x.npy")
        assert got == value and np.ndim(got) == 0 and np.asarray(got).dtype == np.asarray(value).dtype

    def test_of_other_libraries(self, files):
        import array

        files.save("a.npy", array.array("h", [1, 2, 3]))
        assert same(files.load("a.npy"), np.array([1, 2, 3], "i2"))
        files.save("a.npy", memoryview(np.arange(4.0)))
        assert same(files.load("a.npy"), np.arange(4.0))

    @needs(".npz")
    def test_of_other_libraries_under_names(self, files):
        import array

        files.save("all.npz", {"a": array.array("h", [1, 2, 3]), "b": memoryview(np.arange(6.0).reshape(2, 3))})
        got = files.load("all.npz")
        assert same(got, {"a": np.array([1, 2, 3], "i2"), "b": np.arange(6.0).reshape(2, 3)})

    @needs(".pt")
    def test_of_pytorch(self, files, tmp_path):
        torch = pytest.importorskip("torch")
        weights = torch.arange(6, dtype=torch.float32).reshape(2, 3)
        files.save("w.npy", weights)
        assert same(files.load("w.npy"), weights.numpy())
        files.save("model.pt", {"layer": {"weight": weights.T}, "step": 3})
        got = files.load("model.pt")
        assert got["step"] == 3 and np.array_equal(got["layer"]["weight"], weights.numpy().T)
        assert torch.equal(torch.tensor(got["layer"]["weight"]), weights.T)
        theirs = torch.load(tmp_path / "files" / "model.pt")
        assert theirs["step"] == 3 and torch.equal(theirs["layer"]["weight"], weights.T)

    def test_are_those_of_numpy(self, files, tmp_path):
        given = np.arange(6.0).reshape(2, 3)
        files.save("ours.npy", given)
        assert same(np.load(tmp_path / "files" / "ours.npy"), given)
        np.save(tmp_path / "files" / "theirs.npy", np.asfortranarray(given))
        assert np.array_equal(files.load("theirs.npy"), given)

    def test_that_no_format_holds(self, files):
        for value in (np.array([1, "a"], object), np.array(["2026-01-01"], "M8[D]"), np.zeros((1,) * 9)):
            with pytest.raises((TypeError, ValueError), match="array of"):
                files.save("a.npy", value)
        with pytest.raises(TypeError, match="set"):
            files.save("a.npy", {1, 2})
        with pytest.raises(locum.TypeMismatchError):
            files.save("a.npy", {"a": 1})
        assert not files.exists("a.npy")

    @needs(".npz")
    def test_of_several_names(self, files, tmp_path):
        given = {"T": np.arange(6.0).reshape(2, 3), "n": np.arange(4, dtype="i2")}
        files.save("all.npz", given)
        got = files.load("all.npz")
        assert same(got, given) and not got["T"].flags.writeable and not got["T"].flags.owndata
        assert memory_of(got["T"]) == memory_of(files.load("all.npz")["T"])
        with np.load(tmp_path / "files" / "all.npz") as theirs:
            assert np.array_equal(theirs["T"], given["T"])


class TestOtherValues:
    @needs(".json")
    def test_in_json(self, files, tmp_path):
        for given in (NESTED, [1, 2.5, "a"], "a text", None, True, 2**64 - 1, -7, 2.5, {}, []):
            given = json.loads(json.dumps(given))
            files.save("x.json", given)
            with open(tmp_path / "files" / "x.json", encoding="utf-8") as file:
                assert json.load(file) == given
            got = files.load("x.json")
            assert np.array_equal(got, given) if isinstance(got, np.ndarray) else plain(got) == plain(given)

    @needs(".csv")
    def test_in_csv(self, files):
        files.save("t.csv", {"time": np.array([0.0, 0.5]), "n": np.array([1, 2])})
        got = files.load("t.csv")
        assert list(got) == ["time", "n"] and got["time"].tolist() == [0, 0.5] and got["n"].tolist() == [1, 2]
        files.save("t.csv", got, separator=";")
        assert files.load("t.csv", separator=";")["n"].tolist() == [1, 2]

    @needs(".csv")
    def test_tables_come_from_pandas_and_go_there(self, files, tmp_path):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame({"time": [0.0, 0.5], "n": [1, 2], "name": ["a", "b,c"]})
        files.save("t.csv", frame.to_dict("list"))
        pandas.testing.assert_frame_equal(pandas.DataFrame(files.load("t.csv")), frame)
        pandas.testing.assert_frame_equal(pandas.read_csv(tmp_path / "files" / "t.csv"), frame)
        frame.to_csv(tmp_path / "files" / "theirs.csv", index=False)
        pandas.testing.assert_frame_equal(pandas.DataFrame(files.load("theirs.csv")), frame)
        with pytest.raises(TypeError, match='"time".*Series.*convert it'):
            files.save("t.csv", dict(frame))

    def test_that_are_no_text_of_a_path(self, files):
        for path in (1, None, ["T.npy"]):
            with pytest.raises(TypeError):
                files.load(path)
        with pytest.raises(ValueError):
            files.load("a\0.npy")


def plain(value):
    """Returns a value with its arrays as lists."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: plain(member) for name, member in value.items()}
    return [plain(one) for one in value] if isinstance(value, list) else value


class TestFiles:
    def test_info(self, files, tmp_path):
        files.save("T.npy", np.zeros((2, 3), "f4"))
        info = files.info("T.npy")
        assert info["format"] == "npy" and info["type"] == "f32" and list(info["extents"]) == [2, 3]
        assert info["bytes"] == os.path.getsize(tmp_path / "files" / "T.npy")

    def test_folders(self, files):
        files.make_dirs("tree/branch")
        files.save("tree/branch/b.npy", 1.5)
        files.copy("tree/branch/b.npy", pathlib.PurePath("tree", "a.npy"))
        assert files.load("tree/a.npy") == 1.5
        assert files.list("tree") == ["tree/a.npy"]
        assert files.list(pathlib.Path("tree"), recursive=True) == ["tree/a.npy", "tree/branch/b.npy"]
        assert files.list("tree", "b*", recursive=True) == ["tree/branch/b.npy"] and files.list() == []
        assert files.exists("tree") and files.is_dir("tree") and not files.is_file("tree")
        assert files.exists("tree/a.npy") and files.is_file("tree/a.npy") and not files.is_dir("tree/a.npy")
        assert not files.exists("none") and not files.is_file("none") and not files.is_dir("none")
        assert files.remove("tree/a.npy") and not files.remove("tree/a.npy")
        with pytest.raises(locum.NotFoundError):
            files.list("none")

    def test_names_of_any_bytes(self, files):
        for name in ("Tö 温.npy", os.fsdecode(b"\xff\xfe.npy")):
            files.save(name, 1.5)
            assert files.load(name) == 1.5 and name in files.list()

    def test_formats_and_their_options(self, files):
        files.save("T.dat", np.zeros(2), format="npy")
        assert files.load("T.dat", format="npy").shape == (2,)
        for call in (lambda: files.load("T.dat"), lambda: files.load("T.dat", format="papyrus")):
            with pytest.raises(locum.UnsupportedError, match="npy"):
                call()
        for call in (files.load, files.info):
            with pytest.raises(locum.InvalidArgumentError, match="no_such"):
                call("T.dat", format="npy", no_such=1)
        with pytest.raises(TypeError, match='"no_such"'):
            files.load("T.dat", format="npy", no_such={1})

    def test_folders_are_listed_where_that_is_asked_for(self, files):
        for path in ("run/a.npy", "run/deep/b.npy", "run/deep/er/c.npy"):
            files.save(path, 1.5)
        assert files.list("run") == ["run/a.npy"]
        entries = files.list("run", folders=True)
        assert entries == ["run/a.npy", "run/deep"]
        assert [files.is_dir(entry) for entry in entries] == [False, True]
        assert files.list("run", "*e*", recursive=True, folders=True) == ["run/deep", "run/deep/er"]
        assert files.list(folders=True) == ["run"]

    def test_what_another_process_has_saved(self, files, tmp_path):
        path = tmp_path / "files"
        saves = "import sys, numpy, locum; locum.Files(sys.argv[1]).save('shared/data.npy', numpy.array([1, 2, 3]))"
        subprocess.run([sys.executable, "-c", saves, f"file:{path}?sync=0"], check=True, timeout=120)
        assert files.load("shared/data.npy").tolist() == [1, 2, 3]

    def test_other_places(self, files):
        files.add("fast", "memory:")
        files.save("T.npy", 1.5, backend="fast")
        assert files.load("T.npy", backend="fast", timeout=2) == 1.5 and not files.exists("T.npy")
        assert files.list(backend="fast") == ["T.npy"] and files.is_file("T.npy", backend="fast")
        with pytest.raises(locum.KeyExistsError):
            files.add("fast", "memory:")
        with pytest.raises(locum.NotFoundError, match="slow"):
            files.load("T.npy", backend="slow")

    def test_mapped(self, files, tmp_path):
        field = np.arange(12.0).reshape(3, 4)
        files.save("T.npy", field)
        files.save("F.npy", np.asfortranarray(field))
        files.save("config.json", {"a": [1, 2.5]})
        files.save("t.txt", "text")
        with open(tmp_path / "files" / "T.npy", "r+b") as file:
            mapped = files.load("T.npy", map=True)
            read = files.load("T.npy")
            assert np.array_equal(mapped, field) and mapped.dtype == field.dtype and not mapped.flags.writeable
            file.seek(-8, os.SEEK_END)
            file.write(np.float64(99).tobytes())
            file.flush()
            assert mapped[2, 3] == 99 and read[2, 3] == 11  # the file itself, and what was read
        with pytest.raises(ValueError):
            mapped.flags.writeable = True
        files.remove("T.npy")
        part = mapped[1:, ::2]
        del mapped
        gc.collect()
        assert np.array_equal(part, [[4, 6], [8, 10]])
        assert np.array_equal(files.load("F.npy", map=True), field)
        assert files.load("config.json", map=True) == {"a": [1, 2.5]} and files.load("t.txt", map=True) == "text"
        assert [type(value) for value in files.load_batch(["F.npy", "t.txt"], map=True)] == [np.ndarray, str]
        with pytest.raises(locum.UnsupportedError), locum.Files("memory:") as others:
            others.save("T.npy", 1)
            others.load("T.npy", map=True)

    def test_members(self, files):
        files.save("config.json", {"solver": {"name": "cg", "steps": 40, "tolerances": [1, 2.5]}, "a/b": True})
        files.save("run.csv", {"step": np.arange(3), "energy": np.array([0.5, 0.25, 0.125]), "note": ["a", "b", "c"]})
        for load in (files.load, lambda path, **how: files.load_async(path, **how).result(20)):
            energy = load("run.csv", member="energy")
            assert energy.tolist() == [0.5, 0.25, 0.125] and not energy.flags.writeable
            assert load("run.csv", member="note") == ["a", "b", "c"]
            assert load("run.csv", member="step", types={"step": "f32"}).dtype == np.float32
            assert load("config.json", member="solver/steps") == 40 and load("config.json", member="a/b") is True
            assert load("config.json", member="solver/name") == "cg"
            assert load("config.json", member="solver/tolerances") == [1, 2.5]
            assert load("config.json", member="solver", map=True) == files.load("config.json")["solver"]
            with pytest.raises(locum.NotFoundError, match="there are 'step', 'energy', 'note'.*run.csv"):
                load("run.csv", member="T")
            with pytest.raises(locum.TypeMismatchError, match="'solver/name' has no members.*config.json"):
                load("config.json", member="solver/name/x")
        files.save("more.csv", {"energy": np.array([1.0])})
        assert [list(each) for each in files.load_batch(["run.csv", "more.csv"], member="energy")] == [
            [0.5, 0.25, 0.125],
            [1.0],
        ]
        found, none = files.load_batch(["run.csv", "more.csv"], member="step", return_exceptions=True)
        assert found.tolist() == [0, 1, 2] and isinstance(none, locum.NotFoundError)
        files.remove("run.csv")
        gc.collect()
        assert energy.sum() == 0.875  # what was loaded stays as long as the member
        with pytest.raises(locum.InvalidArgumentError, match="'member'"):
            files.save("run.csv", {"a": np.arange(3)}, member="a")
        with pytest.raises(locum.InvalidArgumentError, match="'member'"):
            files.info("more.csv", member="energy")

    def test_a_stand_in_is_for_all_of_a_file(self, files):
        files.save("more.csv", {"energy": np.array([1.0])})
        with pytest.raises(locum.InvalidArgumentError, match="'member'; take the member of what the stand-in leads to"):
            files.proxy("more.csv", member="energy")
        with pytest.raises(locum.InvalidArgumentError, match="mapped"):
            files.proxy("more.csv", map=True)
        assert files.proxy("more.csv")["energy"].tolist() == [1.0]

    def test_batches(self, files):
        fields = {pathlib.Path(f"{number}.npy"): np.full(5, float(number)) for number in range(30)}
        assert files.save_batch(fields) == [None] * 30
        assert [loaded[0] for loaded in files.load_batch(fields)] == list(range(30))
        assert files.load_batch([]) == [] and files.save_batch({}) == []
        values = [("t.txt", "text"), ("c.json", {"a": 1}), ("n.npy", 2.5), ("none.unknown", 1), ("b.bin", b"bytes")]
        saved = files.save_batch(values, return_exceptions=True)
        assert saved[:3] + saved[4:] == [None] * 4 and isinstance(saved[3], locum.UnsupportedError)
        paths = ["t.txt", "c.json", "no.npy", "n.npy", "no.txt"]
        loaded = files.load_batch(iter(paths), return_exceptions=True)
        assert loaded[:2] + loaded[3:4] == ["text", {"a": 1}, 2.5]
        assert [type(loaded[2]), type(loaded[4])] == [locum.NotFoundError] * 2
        assert "no.npy" in str(loaded[2]) and "no.txt" in str(loaded[4])
        with pytest.raises(locum.NotFoundError, match=r"no\.npy.*2 of 5 files failed: return_exceptions=True"):
            files.load_batch(paths)
        with pytest.raises(locum.NotFoundError) as error:
            files.load_batch(paths[:3])
        assert "failed" not in str(error.value)
        with pytest.raises(locum.UnsupportedError, match="none.unknown"):
            files.save_batch(values)
        with pytest.raises(TypeError, match="set"):
            files.save_batch({"new.npy": 1, "wrong.json": {1}}, return_exceptions=True)
        assert not files.exists("new.npy")
        with pytest.raises(locum.InvalidArgumentError, match="no_such"):
            files.load_batch(["n.npy"], no_such=1)
        assert files.load_batch(["n.npy"] * 3, format="npy", timeout=5) == [2.5] * 3
        files.close()
        for call in (lambda: files.load_batch(["n.npy"]), lambda: files.save_batch({"n.npy": 1})):
            with pytest.raises(locum.ClosedError):
                call()

    def test_times(self, tmp_path):
        url = f"file:{tmp_path}?sync=0"
        with locum.Files(url, kept=1, timeout=2.5) as files:
            files.save("a.npy", np.arange(3))
            assert files.load("a.npy").sum() == 3
        with locum.Session("memory:") as session, session.files(url, kept=5, timeout=5) as files:
            assert files.load("a.npy").sum() == 3
        for wrong in ({"kept": 0}, {"kept": -1}, {"timeout": 0}, {"timeout": float("nan")}):
            with pytest.raises(ValueError):
                locum.Files(url, **wrong)
        with pytest.raises(TypeError):
            locum.Files(url, kept="long")

    def test_errors(self, files, tmp_path):
        with pytest.raises(locum.NotFoundError, match="none.npy"):
            files.load("none.npy")
        with pytest.raises(locum.InvalidArgumentError):
            files.load("../T.npy")
        (tmp_path / "files" / "bad.npy").write_bytes(b"\x93NUMPY\1\0")
        with pytest.raises(locum.CorruptError, match="byte"):
            files.load("bad.npy")
        with pytest.raises(locum.InvalidArgumentError):
            locum.Files("nonsense")
        with pytest.raises(TypeError):
            locum.Files(1)

    def test_the_end(self, tmp_path):
        url = f"file:{tmp_path}?sync=0"
        with locum.Files(url) as files:
            assert files.is_open and url in repr(files)
        assert not files.is_open and "closed" in repr(files)
        files.close()
        for call in (lambda: files.load("x.npy"), lambda: files.save("x.npy", 1), files.list, lambda: files.add("a", "memory:")):
            with pytest.raises(locum.ClosedError):
                call()

    def test_in_a_session(self, tmp_path):
        url = f"file:{tmp_path}?sync=0"
        session = locum.Session("memory:")
        first, second = session.files(url), locum.Files.open_in(session, url)
        first.save("T.npy", np.arange(5.0))
        got = first.load("T.npy")
        assert memory_of(got) == memory_of(second.load("T.npy"))
        session.close()
        with pytest.raises(locum.ClosedError):
            second.load("T.npy")
        with pytest.raises(locum.ClosedError):
            session.files(url)
        assert got.sum() == 10


class TestRecords:
    @pytest.mark.parametrize(
        "value", [None, True, 0, -(2**63), 2**64 - 1, 2.5, float("inf"), 1 - 2j, "", "温\0", b"", b"\0\xff", [], {}, NESTED]
    )
    def test_come_back_as_they_were(self, store, value):
        store["r"] = locum.Record(value)
        assert store.info("r").type == "locum.record" and store.info("r").codec is None
        assert same(store["r"], value) and same(store.get("r"), value) and same(store.wait("r", timeout=2), value)
        assert same(store.get_batch(["r"])[0], value) and same(store.get_async("r").result(), value)

    def test_arrays_of_every_type_are_in_place(self, store):
        given = {dtype: np.arange(6).reshape(2, 3).astype(dtype) for dtype in TYPES}
        given.update(empty=np.zeros((2, 0)), none=np.array(2.5, "f4"), text=np.array([b"a", b"b"], "S1"))
        store["r"] = locum.Record({"a": 1, "fields": [given]})
        block = store.get_bytes("r")
        first, last = memory_of(np.asarray(block))
        got = store["r"]["fields"][0]
        assert same(got, given)
        for name, array in got.items():
            assert not array.flags.writeable and not array.flags.owndata or array.size == 0
            begin, end = memory_of(array)
            assert array.size == 0 or (first <= begin and end <= last and begin % 16 == 0)
        with pytest.raises(ValueError):
            got["f8"].flags.writeable = True
        store["r"] = 1
        del store["r"], block
        gc.collect()
        assert same(got, given)
        copy = store.get(store.put(locum.Record(given)), copy=True)
        copy["f8"][0, 0] = 9
        assert copy["f8"].flags.owndata

    def test_what_becomes_of_similar_values(self, store):
        class Point(tuple):
            pass

        field = np.arange(6.0).reshape(2, 3)
        for given, expected in [
            ((1, (2,)), [1, [2]]),
            (Point([3]), [3]),
            ([locum.Record({"a": 1})], [{"a": 1}]),
            (bytearray(b"ab"), b"ab"),
            (np.float32(1.5), 1.5),
            (np.float16(0.5), 0.5),
            (np.uint64(2**64 - 1), 2**64 - 1),
            (np.bool_(True), True),
            (np.complex64(1j), 1j),
            (np.str_("a"), "a"),
            (np.arange(3, dtype=">i4"), np.arange(3, dtype="i4")),
            (np.asfortranarray(field), field),
            (field[::-1, ::2], field[::-1, ::2]),
        ]:
            store["r"] = locum.Record(given)
            assert same(store["r"], expected)

    @pytest.mark.parametrize(
        "value, kind, text",
        [
            ({"a": [0, 1, 2, {1}]}, TypeError, r'^\["a"\]\[3\] is of type set'),
            ({1, 2}, TypeError, "^this value is of type set"),
            ([2**64], OverflowError, r"^\[0\] is 1.84467e\+19"),
            ([-(2**63) - 1], OverflowError, "float"),
            ([10**5000], OverflowError, "300 digits"),
            ({"a": {1: 2}}, TypeError, r'^\["a"\] has a key of type int'),
            ([np.zeros(2, "f2")], TypeError, "float16"),
            ([np.zeros(2, object)], TypeError, "object"),
            ([np.zeros((1,) * 9)], ValueError, "9 dimensions"),
            ([np.ma.masked_array([1.0], [True])], TypeError, "MaskedArray"),
            ([np.longdouble(1)], TypeError, "longdouble|float128"),
            ([np.datetime64("2026-01-01")], TypeError, "datetime64"),
            (["\ud800"], ValueError, "surrogate"),
        ],
        ids=lambda part: part if isinstance(part, str) and part.isascii() else type(part).__name__,
    )
    def test_what_none_holds_is_named(self, store, value, kind, text):
        with pytest.raises(kind, match=text):
            store["r"] = locum.Record(value)
        assert "r" not in store

    def test_depth(self, store):
        value = []
        for _ in range(255):
            value = [value]
        assert same(through(value), value)
        loop = []
        loop.append(loop)
        for deeper in ([value], {"a": value}, loop):
            with pytest.raises(ValueError, match="256 levels"):
                _record.encode(deeper)
        block = bytearray(b"\1") + (b"\x0a" + (1).to_bytes(8, "little")) * 300 + b"\0"
        with pytest.raises(locum.CorruptError, match="256 levels"):
            _record.decode(np.frombuffer(block, np.uint8))

    def test_stand_ins_stay_what_they_are(self, store):
        pytest.importorskip("lazy_object_proxy")
        store["T"] = np.arange(5.0)
        store["r"] = locum.Record({"T": store.proxy("T")})
        got = store["r"]["T"]
        assert type(got).__name__ == "Proxy" and got.sum() == 10
        assert locum.handle_of(got) == locum.handle_of(store.proxy("T"))

    def test_without_it_a_dict_is_pickled(self, store):
        store["d"] = NESTED
        assert store.info("d").codec == "pickle" and store["d"] == NESTED

    def test_is_not_pickled(self, folder):
        with locum.open(folder, allow_pickle=False) as store:
            store["r"] = locum.Record(NESTED)
            assert same(store["r"], NESTED) and repr(locum.Record([1])) == "locum.Record([1])"

    def test_damage_is_an_error(self):
        value = {"a": [1, 2**63, 2.5, None, True, 1j, b"ab", "text"], "T": np.arange(3, dtype="i2"), "e": np.zeros((0, 2))}
        block = np.frombuffer(_record.encode(value), np.uint8)
        assert same(_record.decode(block), value)
        for size in range(block.size):
            with pytest.raises(locum.CorruptError, match="corrupt: at byte"):
                _record.decode(block[:size])
        with pytest.raises(locum.CorruptError, match="more bytes"):
            _record.decode(np.append(block, np.uint8(0)))
        refused = 0
        for at in range(block.size):
            for byte in (0, 1, 9, 13, 0x7F, 0x80, 0xFF):
                damaged = block.copy()
                damaged[at] = byte
                try:
                    _record.decode(damaged)
                except locum.CorruptError:
                    refused += 1
        assert refused > block.size

    def test_large_ones(self, store):
        members = {f"member {number}": number for number in range(100_000)}
        began = time.perf_counter()
        store["r"] = locum.Record(members)
        assert store["r"] == members
        assert time.perf_counter() - began < 2

    @pytest.mark.parametrize(
        "value, expected",
        [
            (None, "0100"),
            (False, "0101"),
            (True, "0102"),
            (-2, "0103feffffffffffffff"),
            (2**63, "01040000000000000080"),
            (1.0, "0105000000000000f03f"),
            (1j, "01060000000000000000000000000000f03f"),
            ("ab", "010702000000000000006162"),
            (b"\0", "0108010000000000000000"),
            (np.array([5], "i4"), "0109030000000000000069333201010000000000000000000000000000000000" + "05000000"),
            ([1, None], "010a020000000000000003010000000000000000"),
            ({"a": True}, "010b01000000000000000100000000000000" + "6102"),
        ],
        ids=lambda part: part[:6] if isinstance(part, str) else type(part).__name__,
    )
    def test_have_the_bytes_that_cxx_writes(self, value, expected):
        """The same as in RecordArchive.IsAsItsDescriptionSays."""
        assert _record.encode(value).hex() == expected and same(through(value), value)


def test_a_path_alone_is_no_batch():
    with locum.Files("memory:") as files, pytest.raises(TypeError, match="load_batch takes several paths"):
        files.load_batch("a.npy")


class TestInTheBackground:
    def test_files_are_loaded_while_the_program_computes(self, tmp_path):
        with locum.Files(f"file:{tmp_path}?sync=0") as files:
            files.save("T.npy", np.arange(4.0))
            files.save("a.json", {"dt": 0.1})
            T, config, none = (files.load_async(path) for path in ("T.npy", "a.json", "none.npy"))
            assert T.result(20).tolist() == [0, 1, 2, 3] and not T.result().flags.owndata
            assert config.result(20) == {"dt": 0.1}
            with pytest.raises(locum.NotFoundError):
                none.result(20)

    def test_files_may_be_closed_while_they_load(self, tmp_path):
        files = locum.Files(f"file:{tmp_path}?sync=0")
        files.save("T.npy", np.arange(4.0))
        begun = [files.load_async("T.npy") for _ in range(20)]
        files.close()
        assert all(future.result(20).tolist() == [0, 1, 2, 3] for future in begun)

    def test_a_coroutine_may_wait(self, tmp_path):
        async def total():
            with locum.Files(f"file:{tmp_path}?sync=0") as files:
                files.save("T.npy", np.arange(4.0))
                return (await files.load_async("T.npy")).sum()

        assert asyncio.run(total()) == 6

    def test_a_stand_in_leads_to_what_a_file_holds(self, tmp_path):
        with locum.Files(f"file:{tmp_path}?sync=0") as files:
            files.save("T.npy", np.arange(4.0))
            files.save("a.json", {"dt": 0.1})
            assert np.asarray(files.proxy("T.npy")).tolist() == [0, 1, 2, 3]
            assert files.proxy("a.json")["dt"] == 0.1
            with pytest.raises(locum.NotFoundError):
                files.proxy("none.npy")
            (tmp_path / "broken.npy").write_bytes(b"nothing of NumPy")
            with pytest.raises(locum.BrokenPromiseError, match="corrupt: .*broken.npy"):
                np.asarray(files.proxy("broken.npy"))


@pytest.mark.parametrize(
    "array, instead, paths",
    [
        (np.array(["a", "bb"]), lambda array: array.tolist(), ("t.npy", "t.json", "t.mpk")),
        (np.array([b"a", b"bb"]), lambda array: array.astype(str).tolist(), ("t.npy", "t.json", "t.mpk")),
        (np.array(["a", 1, None], object), lambda array: array.tolist(), ("t.json", "t.mpk")),
        (np.array(["2026-01-02"], "M8[D]"), lambda array: array.astype("int64"), ("t.npy", "t.csv")),
        (
            np.array([(1, 2.5)], [("n", "i4"), ("x", "f8")]),
            lambda array: {name: array[name] for name in array.dtype.names},
            ("t.csv", "t.mpk"),
        ),
    ],
    ids=["texts", "bytes", "objects", "times", "fields"],
)
def test_an_array_that_no_file_holds_tells_what_to_give(array, instead, paths):
    with locum.Files("memory:") as files:
        for path in paths:
            with pytest.raises(TypeError, match=r"array\.") as error:
                files.save(path, array)
            assert str(error.value).endswith((".tolist()", "beside it", "array.dtype.names}"))
            files.save(path, instead(array))
            if array.dtype.kind in "US":
                assert files.load(path) == ["a", "bb"]


def test_nothing_is_held_by_what_was_loaded(tmp_path):
    program = """
import sys, numpy as np, locum
files = locum.Files(sys.argv[1])
files.save("T.npy", np.zeros(4))
kept = files.load("T.npy")
"""
    url = f"file:{tmp_path}?sync=0"
    done = subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program, url], capture_output=True, text=True)
    assert done.returncode == 0 and done.stderr == ""
