"""Formats of files whose class is in Python."""

import gc
import os
import struct
import subprocess
import sys
import threading
import traceback
import weakref
import zlib

import numpy as np
import pytest
from conftest import memory_of

import locum

HERE = os.path.dirname(__file__)


class Grid(locum.Format):
    """Numbers of f64 in two dimensions, behind their extents."""

    name = "grid"
    endings = (".grid", ".grid2")
    holds = "an array of f64 with two dimensions"
    options = {"add": "a number that is added to all elements"}
    loaded_at = None
    loads = 0

    def load(self, file, options):
        Grid.loads += 1
        rows, columns = np.frombuffer(file.read(0, 16), "<u8")
        if int(rows) * int(columns) != (file.size - 16) // 8:
            raise locum.CorruptError(f"at byte 0: {rows} x {columns} numbers are not {file.size - 16} bytes; save it again")
        array = file.make_array(float, (rows, columns))
        file.readinto(array, 16)
        array += options.get("add", 0)
        Grid.loaded_at = memory_of(array)
        return array

    def save(self, value, file, options):
        if not isinstance(value, np.ndarray) or value.dtype != float or value.ndim != 2:
            raise TypeError("a grid is an array of float64 with two dimensions")
        file.write(np.zeros(2, "<u8"))
        file.write(np.ascontiguousarray(value))
        file.write_at(0, np.array(value.shape, "<u8"))
        assert file.size == 16 + value.nbytes

    def recognises(self, first):
        if first[:4] == b"oops":
            raise LookupError("a mistake")
        return len(first) >= 16 and first[2:8] == first[10:16] == bytes(6)

    def info(self, file, options):
        return {"type": "f64", "extents": np.frombuffer(file.read(0, 16), "<u8")}


class Anything(locum.Format):
    """What the test says; keeps what it was given."""

    name = "anything"
    endings = (".any",)
    returned = None
    given = None
    kept = ()

    def load(self, file, options):
        return Anything.returned(file) if callable(Anything.returned) else Anything.returned

    def save(self, value, file, options):
        Anything.given = value
        Anything.kept = (file,)
        file.write(b"any")


@pytest.fixture
def files():
    with locum.Files("memory:") as opened:
        yield opened


@pytest.fixture
def loads(files):
    """Returns a function that loads what a format returns."""
    files.save("a.any", 0)

    def load(returned):
        Anything.returned = staticmethod(returned) if callable(returned) else returned
        try:
            files.save("a.any", 0)  # another file than before
            return files.load("a.any")
        finally:
            Anything.returned = Anything.given = None

    return load


def test_what_somebody_may_still_write_to_is_given_as_a_copy(loads):
    for view in (lambda a: a[:], lambda a: a.view(), lambda a: a.reshape(2, 2), lambda a: a):
        kept = []

        def load(file):
            kept.append(file.make_array("f8", 4))
            kept[0][:] = 1
            return view(kept[0])

        loaded = loads(load)
        kept[0][:] = 99
        assert loaded.tolist() in ([1, 1, 1, 1], [[1, 1], [1, 1]])


def test_files_may_end_and_load_within_a_load():
    for _ in range(10):
        files = locum.Files("memory:")
        files.save("a.any", 0)
        files.save("a.txt", "as ever")

        def load(file):
            text = files.load_async("a.txt").result(20)
            files.close()
            return text

        Anything.returned = staticmethod(load)
        try:
            assert files.load_async("a.any").result(20) == "as ever"
        finally:
            Anything.returned = Anything.given = None


def test_texts_that_are_none_are_told_with_their_cause(loads):
    def load(file):
        raise RuntimeError("half of a character: \ud800")

    with pytest.raises(locum.OperatingSystemError, match="half of a character") as error:
        loads(load)
    assert isinstance(error.value.__cause__, RuntimeError)


class TestForgottenReturns:
    def test_of_an_array_that_was_made_are_an_error(self, loads):
        with pytest.raises(locum.TypeMismatchError, match="Anything.load made an array and returned None"):
            loads(lambda file: [file.make_array("f8", 3), None][1])

    def test_of_what_save_should_have_written_are_an_error(self, files, monkeypatch):
        monkeypatch.setattr(Anything, "save", lambda self, value, file, options: b"any")
        with pytest.raises(locum.TypeMismatchError, match="returned a bytes: write"):
            files.save("a.any", 1)


class TestValues:
    def test_come_back(self, files):
        field = np.arange(12.0).reshape(3, 4)
        files.save("run/a.grid", field)
        assert np.array_equal(files.load("run/a.grid"), field) and files.list("run") == ["run/a.grid"]
        assert np.array_equal(files.load("run/a.grid", add=1), field + 1)
        files.save("B.GRID2", field[::-1, ::2])
        assert np.array_equal(files.load("B.GRID2"), field[::-1, ::2])
        files.save("c.dat", field, format="grid")
        assert np.array_equal(files.load("c.dat", format="grid"), field)
        told = files.info("run/a.grid")
        assert (told["format"], told["bytes"], told["type"], list(told["extents"])) == ("grid", 112, "f64", [3, 4])
        assert files.info("c.dat", format="anything") == {"format": "anything", "bytes": 112}
        with pytest.raises(locum.InvalidArgumentError, match="'colour'.*add"):
            files.load("run/a.grid", colour="red")

    def test_an_array_is_loaded_in_place_and_once(self, files):
        files.save("a.grid", np.ones((100, 100)))
        before = Grid.loads
        loaded = files.load("a.grid")
        assert Grid.loads == before + 1 and memory_of(loaded) == Grid.loaded_at and not loaded.flags.writeable
        assert memory_of(files.load("a.grid")) == Grid.loaded_at and Grid.loads == before + 1

    @pytest.mark.parametrize(
        "value",
        [None, True, 5, -(2**63), 2**64 - 1, 2.5, 1 - 2j, "Text 温", b"\0bytes", [], {}, {"a": [1, {"b": None}]}, [1, "2"]],
        ids=repr,
    )
    def test_of_every_kind(self, files, loads, value):
        got = loads(value)
        assert got == value and (type(got) is type(value) or value == 2**64 - 1)  # which is a u64 of the store
        files.save("b.any", value)
        assert type(Anything.given) is type(value) and Anything.given == value

    @pytest.mark.parametrize("dtype", "i1 i2 i4 i8 u1 u2 u4 u8 f4 f8 c8 c16 ? S1 >i4".split())
    def test_arrays_of_every_type(self, files, loads, dtype):
        for given in (np.ones((2, 3), dtype), np.zeros((0, 2), dtype), np.asfortranarray(np.arange(6).reshape(2, 3).astype(dtype))):
            for got in (loads(given), loads({"a": [given]})["a"][0]):
                assert got.shape == given.shape and np.array_equal(got, given) and not got.flags.writeable
            files.save("b.any", given)
            assert Anything.given.dtype == np.dtype(dtype).newbyteorder("=") and np.array_equal(Anything.given, given)
            files.save("b.any", {"a": given})
            assert np.array_equal(Anything.given["a"], given)

    def test_numbers_of_numpy(self, files, loads):
        for number in (np.float32(1.5), np.int16(-3), np.uint8(7)):
            got = loads(number)
            assert got == number and got.dtype == number.dtype
            files.save("b.any", number)
            assert Anything.given == number and Anything.given.dtype == number.dtype

    def test_what_is_saved_is_in_place_and_may_be_kept(self, files):
        field = np.arange(12.0).reshape(3, 4)
        for given in (field, field[::-1, 1::2], np.asfortranarray(field)):
            files.save("b.any", given)
            kept = Anything.given
            assert kept.__array_interface__["data"][0] == given.__array_interface__["data"][0] and kept.strides == given.strides
            with pytest.raises(ValueError):
                kept[0, 0] = 1
        files.save("b.any", np.arange(1000.0))
        kept, Anything.given = Anything.given, None
        gc.collect()
        filler = [np.zeros(1000) for _ in range(100)]
        assert kept.sum() == 499500 and len(filler) == 100
        seen = weakref.ref(kept.base)
        del kept
        assert seen() is None

    def test_what_none_holds(self, loads):
        for value in ({1, 2}, object(), [2**64], {1: 2}):
            with pytest.raises(locum.Error) as error:
                loads(value)
            assert isinstance(error.value.__cause__, (TypeError, OverflowError))


class TestMemoryOfTheStore:
    def test_that_is_kept_elsewhere_is_given_as_a_copy(self, loads):
        kept = []

        def load(file):
            kept.append(file.make_array("f8", 1000))
            kept[0][:] = 1
            return kept[0]

        got = loads(load)
        kept[0][:] = 2
        assert memory_of(kept[0]) != memory_of(got) and got.sum() == 1000 and kept[0].sum() == 2000

    def test_a_part_of_it_is_kept(self, loads):
        kept = []

        def load(file):
            array = file.make_array("f8", (10, 10))
            array[:] = 1
            kept.append(array[3])
            return array

        got = loads(load)
        kept[0][:] = 2
        assert got.sum() == 100

    def test_other_arrays_than_the_first(self, loads):
        def load(file):
            first, second = file.make_array("i4", 5), file.make_array("f8", (2, 2))
            first[:], second[:] = 1, 2
            return second

        assert np.array_equal(loads(load), np.full((2, 2), 2.0))

        def of_another_shape(file):
            array = file.make_array("i4", 6)
            array[:] = np.arange(6)
            return array.reshape(2, 3)

        assert np.array_equal(loads(of_another_shape), np.arange(6).reshape(2, 3))

        def several(file):
            return {"a": file.make_array("i4", 0), "b": np.arange(3)}

        assert loads(several)["b"].sum() == 3

    @pytest.mark.parametrize("shape", [2**62, (2**40, 2**40), (-1,), (1,) * 9])
    def test_that_there_is_not(self, loads, shape):
        with pytest.raises(locum.Error):
            loads(lambda file: file.make_array("f8", shape))

    def test_bytes_in_place_may_be_kept(self, files, loads):
        kept = []

        def load(file):
            kept.append(file.view())
            return len(kept[0])

        assert loads(load) == 3
        files.remove("a.any")
        assert bytes(kept[0]) == b"any" and not kept[0].flags.writeable


class TestFilesOfFormats:
    def test_are_read_as_far_as_they_go(self, loads):
        def load(file):
            assert file.size == 3 and file.path is None
            assert (file.read(), file.read(1), file.read(1, 1), file.read(3), file.read(3, 0)) == (b"any", b"ny", b"n", b"", b"")
            for offset, size in ((0, 4), (3, 1), (2**63, 1), (0, 2**62)):
                with pytest.raises(locum.CorruptError, match="ends at byte 3"):
                    file.read(offset, size)
            with pytest.raises(locum.CorruptError, match="ends at byte 3"):
                file.readinto(bytearray(4))
            for offset, size in ((-1, None), (0, -1)):
                with pytest.raises(ValueError):
                    file.read(offset, size)
            with pytest.raises((BufferError, TypeError)):
                file.readinto(b"read-only")
            return True

        assert loads(load)

    def test_have_a_path_in_a_folder(self, tmp_path):
        with locum.Files(f"file:{tmp_path}?sync=0") as files:
            files.save("a.any", 1)
            Anything.returned = staticmethod(lambda file: open(file.path, "rb").close() or file.path)
            assert files.load("a.any") == str(tmp_path / "a.any")
            Anything.returned = staticmethod(lambda file: file.view())
            mapped = files.load("a.any", map=True)
            Anything.returned = None
            assert bytes(mapped) == b"any"

    def test_are_refused_afterwards(self, files, loads):
        kept = []
        loads(lambda file: kept.append(file))
        (file,) = kept
        for call in (lambda: file.size, lambda: file.path, file.read, file.view, lambda: file.make_array("f8", 1)):
            with pytest.raises(locum.InvalidArgumentError, match="being loaded"):
                call()
        files.save("b.any", 1)
        (draft,) = Anything.kept
        for call in (lambda: draft.size, lambda: draft.write(b"x"), lambda: draft.write_at(0, b"x")):
            with pytest.raises(locum.InvalidArgumentError, match="being saved"):
                call()

    def test_that_fail_leave_nothing(self, files):
        with pytest.raises(TypeError):
            files.save("b.grid", np.zeros(3))
        assert not files.exists("b.grid")

    def test_damage_is_an_error(self, files):
        files.save("a.grid", np.ones((2, 3)))
        whole = bytes(files.load("a.grid", format="bytes"))
        for size in range(len(whole)):
            files.save("b.grid", whole[:size], format="bytes")
            with pytest.raises(locum.CorruptError, match="b.grid"):
                files.load("b.grid")
        for at in range(16):
            damaged = bytearray(whole)
            damaged[at] ^= 0xFF
            files.save("b.grid", bytes(damaged), format="bytes")
            with pytest.raises(locum.Error):
                files.load("b.grid")


class Unusual(Exception):
    def __str__(self):
        raise RuntimeError("no text")


class TestExceptions:
    @pytest.mark.parametrize(
        "raised, kind",
        [
            (locum.CorruptError("at byte 7: no grid"), locum.CorruptError),
            (locum.UnsupportedError("unsupported: version 2"), locum.UnsupportedError),
            (TypeError("of that type"), locum.TypeMismatchError),
            (ValueError("not that value"), locum.CorruptError),
            (EOFError("no more"), locum.CorruptError),
            (struct.error("unpack requires a buffer of 4 bytes"), locum.CorruptError),
            (zlib.error("incomplete"), locum.CorruptError),
            (locum.InvalidArgumentError("the option 'height' is an integer"), locum.InvalidArgumentError),
            (MemoryError(), locum.OutOfMemoryError),
            (TimeoutError("too late"), locum.TimeoutError),
            (ConnectionResetError("gone"), locum.PeerLostError),
            (NotImplementedError("not yet"), locum.UnsupportedError),
            (ZeroDivisionError("by zero"), locum.CorruptError),
            (KeyError("key"), locum.CorruptError),
            (IndexError("list index out of range"), locum.CorruptError),
            (OSError(5, "Input/output error"), locum.OperatingSystemError),
            (locum.Error("of no code"), locum.OperatingSystemError),
            (Unusual(), locum.OperatingSystemError),
            (RuntimeError("long\0" * 10000), locum.OperatingSystemError),
        ],
        ids=lambda part: type(part).__name__ if isinstance(part, Exception) else "",
    )
    def test_are_the_cause_of_the_error(self, loads, raised, kind):
        def load(file):
            raise raised

        with pytest.raises(kind) as error:
            loads(load)
        assert type(error.value) is kind and error.value.__cause__ is raised
        text = str(error.value)
        assert text.startswith(error.value.code.name.lower() + ": ") and "failure of Python" not in text and "a.any" in text
        assert not isinstance(raised, locum.Error) or text.count("unsupported:") < 2
        frames = [frame.name for frame in traceback.extract_tb(raised.__traceback__)]
        assert frames[-1] == "load"

    def test_of_saving_and_of_what_is_returned_are_no_damage(self, files, loads):
        class Refuses(locum.Format):
            name = "refuses"
            endings = (".refuses",)

            def save(self, value, file, options):
                raise raised

        for raised, kind in (
            (ValueError("not that value"), locum.InvalidArgumentError),
            (KeyError("key"), locum.OperatingSystemError),
        ):
            with pytest.raises(kind) as error:
                files.save("a.refuses", 1)
            assert error.value.__cause__ is raised
        with pytest.raises(locum.TypeMismatchError, match="set") as error:
            loads(lambda file: {"a": {1, 2}})
        assert type(error.value.__cause__) is TypeError
        with pytest.raises(locum.Error) as error:
            loads(lambda file: {"a": 2**70})
        assert not isinstance(error.value, locum.CorruptError) and isinstance(error.value.__cause__, OverflowError)

    def test_that_are_no_errors_go_through(self, loads):
        def load(file):
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            loads(load)
        with pytest.raises(SystemExit, match="7"):
            loads(lambda file: sys.exit(7))

    def test_of_a_format_that_uses_another_one(self, files, loads):
        files.save("a.grid", b"damaged", format="bytes")
        with pytest.raises(locum.CorruptError, match="a.any") as error:
            loads(lambda file: files.load("a.grid"))
        inner = error.value.__cause__
        assert isinstance(inner, locum.CorruptError) and "a.grid" in str(inner) and "failure of Python" not in str(error.value)

    def test_of_each_file_of_a_batch(self, files):
        numbers = {f"{number}.any": number for number in range(20)}
        files.save_batch(numbers)
        raised = []

        def load(file):
            raised.append(ValueError(f"number {len(raised)}"))
            raise raised[-1]

        Anything.returned = staticmethod(load)
        errors = files.load_batch(numbers, return_exceptions=True)
        assert all(isinstance(error, locum.CorruptError) for error in errors)
        assert {id(error.__cause__) for error in errors} == {id(error) for error in raised} and len(errors) == 20
        with pytest.raises(locum.CorruptError, match="0.any.*20 of 20 files failed"):
            files.load_batch(numbers)
        Anything.returned = staticmethod(lambda file: sys.exit(3))
        with pytest.raises(SystemExit):
            files.load_batch(numbers, return_exceptions=True)
        Anything.returned = None

    def test_are_not_kept(self, files, loads):
        class Large:
            pass

        seen = []

        def load(file):
            large = Large()
            seen.append(weakref.ref(large))
            raise ValueError

        for _ in range(3):
            with pytest.raises(locum.CorruptError):
                loads(load)
        gc.collect()
        assert [one() for one in seen] == [None] * 3


class TestClasses:
    def test_that_lack_something(self):
        with pytest.raises(TypeError, match="without a name"):

            class Nameless(locum.Format):
                def load(self, file, options):
                    return 1

        with pytest.raises(TypeError, match="without load and save"):

            class Idle(locum.Format):
                name = "idle"

        with pytest.raises(TypeError, match=r"\('\.one',\)"):

            class One(locum.Format):
                name = "one"
                endings = ".one"

                def load(self, file, options):
                    return 1

        with pytest.raises(locum.InvalidArgumentError, match="Upper"):

            class Upper(locum.Format):
                name = "Upper"

                def load(self, file, options):
                    return 1

        with pytest.raises(locum.InvalidArgumentError, match="'.UP'"):

            class Ending(locum.Format):
                name = "ending"
                endings = (".UP",)

                def load(self, file, options):
                    return 1

        with locum.Files("memory:") as files, pytest.raises(locum.UnsupportedError) as error:
            files.load("a", format="none")
        named = str(error.value)
        assert "grid" in named and not any(word in named for word in ("idle", "one,", "Upper", "ending"))

    @pytest.mark.parametrize("taken, text", [("npy", "the name"), ("grid", "the name")])
    def test_whose_name_is_taken(self, taken, text):
        with pytest.raises(locum.KeyExistsError, match=text):
            type("Taken", (locum.Format,), {"name": taken, "endings": (".new",), "load": lambda self, file, options: 1})

    @pytest.mark.parametrize("ending", [".npy", ".grid2"])
    def test_whose_ending_is_taken(self, ending):
        with pytest.raises(locum.KeyExistsError, match=f"the ending {ending}"):
            type("Taken", (locum.Format,), {"name": "taken", "endings": (".new", ending), "load": lambda self, file, options: 1})

    def test_that_are_abstract(self, files):
        class Base(locum.Format, abstract=True):
            def load(self, file, options):
                return self.said

        class First(Base):
            name, endings, said = "first", (".first",), 1

        class Second(Base):
            name, endings, said = "second", (".second",), 2

        files.save("a.first", b"", format="bytes")
        files.copy("a.first", "a.second")
        assert files.load("a.first") == 1 and files.load("a.second") == 2
        with pytest.raises(locum.UnsupportedError, match="read, and not written"):
            files.save("a.first", 1)

    def test_that_are_defined_again(self, files):
        def define(said, ending=".again"):
            class Again(locum.Format):
                name, endings = "again", (ending,)

                def load(self, file, options):
                    return said

        define(1)
        files.save("a.again", b"", format="bytes")
        assert files.load("a.again") == 1
        define(2)
        files.save("a.again", b"", format="bytes")
        assert files.load("a.again") == 2
        with pytest.raises(TypeError, match="other endings"):
            define(3, ".other")

    def test_that_only_save(self, files):
        class Sink(locum.Format):
            name, endings = "sink", (".sink",)

            def save(self, value, file, options):
                file.write(str(value).encode())

        files.save("a.sink", 12)
        with pytest.raises(locum.UnsupportedError, match="written, and not read"):
            files.load("a.sink")
        assert files.load("a.sink", format="text") == "12"


def test_an_array_without_room_names_its_path_and_what_is_free(tmp_path):
    with locum.Session("memory:?bytes=1000000") as session, session.files(f"file:{tmp_path}?sync=0") as files:
        files.save("a.any", 0)
        Anything.returned = staticmethod(lambda file: file.make_array("f8", (1000, 1000)))
        try:
            with pytest.raises(locum.OutOfMemoryError) as error:
                files.load("a.any")
        finally:
            Anything.returned = Anything.given = None
        text = str(error.value)
        assert "the array of f64" in text and "8000000 bytes" in text and "are free; evict" in text
        assert text.count("[key") == 1 and "[key a.any]" in text and "file/" not in text


def test_a_stand_in_tells_why_there_is_no_value(files, loads):
    raised = ValueError("no such grid")

    def load(file):
        raise raised

    with pytest.raises(locum.CorruptError):
        loads(load)
    Anything.returned = staticmethod(load)
    with pytest.raises(locum.BrokenPromiseError, match="corrupt: .*no such grid.*a.any") as error:
        repr(files.proxy("a.any") + 1)
    assert error.value.__cause__ is raised and "failure of Python" not in str(error.value)
    Anything.returned = None


def test_what_is_in_a_file_is_recognised(files):
    files.save("a", np.ones((2, 3)), format="grid")
    files.save("b", b"2", format="bytes")
    for call in (files.load, files.info, files.proxy, lambda path: files.load_async(path).result()):
        with pytest.raises(locum.UnsupportedError, match="its content looks like grid: name"):
            call("a")
        with pytest.raises(locum.UnsupportedError, match="no format has the ending") as error:
            call("b")
        assert "looks like" not in str(error.value)


def test_what_recognises_raises_is_printed(files, monkeypatch):
    printed = []
    monkeypatch.setattr(sys, "unraisablehook", lambda told: printed.append(repr(told.exc_value)))
    files.save("oops", b"oops" * 10, format="bytes")
    with pytest.raises(locum.UnsupportedError) as error:
        files.load("oops")
    assert printed == ["LookupError('a mistake')"] and "looks like" not in str(error.value)


def test_many_threads(files):
    fields = {f"{number}.grid": np.full((50, 40), float(number)) for number in range(40)}
    assert files.save_batch(fields) == [None] * 40
    failed = []

    def work():
        for _ in range(3):
            for number, loaded in enumerate(files.load_batch(fields)):
                if loaded.shape != (50, 40) or not (loaded == number).all():
                    failed.append(number)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert not failed and not any(thread.is_alive() for thread in threads)


DEFINED = """
import atexit, os, sys, threading, warnings
def late():
    try:
        print(files.load("a.own"))
    except locum.ClosedError as error:
        print("closed", "interpreter" in str(error))
if "late" in sys.argv:
    atexit.register(late)  # before locum's own, and called after it
import locum, numpy as np
class Own(locum.Format):
    name, endings = "own", (".own",)
    def load(self, file, options):
        return file.read().decode()
    def save(self, value, file, options):
        file.write(value.encode())
files = locum.Files("memory:")
files.save_batch({f"{n}.own": str(n) for n in range(20)})
"""


def run(program, *arguments):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", DEFINED + program, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HERE, timeout=120)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr + done.stdout
    return done.stdout


class TestTheEndOfTheInterpreter:
    def test_while_threads_load(self):
        program = """
def forever():
    while True:
        for n in range(20):
            files.remove(f"{n}.own")
        try:
            files.save_batch({f"{n}.own": str(n) for n in range(20)})
            files.load_batch([f"{n}.own" for n in range(20)])
        except locum.ClosedError:  # from the exit hook of the package on
            return
        begun.set()
begun = threading.Event()
threading.Thread(target=forever, daemon=True).start()
print(begun.wait(60))
"""
        for _ in range(5):
            assert run(program) == "True\n"

    def test_what_is_loaded_later_is_refused(self):
        assert run("files.save('a.own', 'late'); print(files.load('0.own'))", "late") == "0\nclosed True\n"

    def test_a_child_has_the_formats_of_its_parent(self):
        program = """
warnings.simplefilter("ignore", DeprecationWarning)
child = os.fork()
if child == 0:
    with locum.Files("memory:") as own:
        own.save("b.own", "child")
        print(own.load("b.own"), own.load_batch(["b.own"] * 3), flush=True)
    sys.exit(5)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), files.load("3.own"))
"""
        assert run(program) == "child ['child', 'child', 'child']\n5 3\n"

    def test_a_child_that_is_forked_by_a_format(self):
        program = """
warnings.simplefilter("ignore", DeprecationWarning)
class Forking(locum.Format):
    name, endings = "forking", (".fork",)
    def load(self, file, options):
        child = os.fork()
        if child == 0:
            with locum.Files("memory:") as own:
                own.save("b.own", "child")
                print(own.load("b.own"), flush=True)
            sys.stdout.flush()
            os._exit(6)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
files.save("a.fork", b"", format="bytes")
print(files.load("a.fork"))
"""
        assert run(program) == "child\n6\n"
