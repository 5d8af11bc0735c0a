"""Ctrl-C ends calls of the main thread at once."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

import locum

HERE = os.path.dirname(__file__)
DEADLINE = 60


def interrupt():
    """Sends the signal of Ctrl-C to this process."""
    os.kill(os.getpid(), signal.SIGINT)


class Slow(locum.Format):
    """Loads and saves only when the test says so."""

    name = "slow"
    endings = (".slow",)
    begun = threading.Event()
    told = threading.Event()
    ended = threading.Event()
    interrupts = True
    raised = None

    def wait(self, then):
        try:
            Slow.begun.set()
            if Slow.interrupts:
                interrupt()
            assert Slow.told.wait(DEADLINE)
        except BaseException as error:
            Slow.raised = type(error)
            raise
        finally:
            Slow.ended.set()
        return then()

    def load(self, file, options):
        return self.wait(lambda: len(file.read()))

    def info(self, file, options):
        return self.wait(dict)

    def save(self, value, file, options):
        self.wait(lambda: file.write(b"slow"))


class Loops(locum.Format):
    """Loads for ever."""

    name = "loops"
    endings = (".loops",)
    raised = None
    ended = threading.Event()

    def load(self, file, options):
        try:
            interrupt()
            while True:
                pass
        except BaseException as error:
            Loops.raised = type(error)
            raise
        finally:
            Loops.ended.set()


@pytest.fixture
def files(tmp_path):
    Slow.interrupts = True
    Slow.raised = None
    for event in (Slow.begun, Slow.told, Slow.ended):
        event.clear()
    with locum.Files(f"file:{tmp_path}?sync=0") as opened:
        opened.save("a.slow", b"12345", format="bytes")
        opened.save("a.loops", b"12345", format="bytes")
        opened.save("a.npy", np.arange(5))
        yield opened
        Slow.told.set()


def ended():
    """Lets the format end what it does."""
    Slow.told.set()
    return Slow.ended.wait(DEADLINE)


@pytest.mark.parametrize(
    "call",
    [
        lambda files: files.load("a.slow"),
        lambda files: files.load("a.slow", map=True),
        lambda files: files.load_batch(["a.slow", "a.npy"]),
        lambda files: files.info("a.slow"),
        lambda files: files.save("b.slow", 1),
        lambda files: files.save_batch({"b.slow": 1, "b.npy": np.arange(3)}),
        lambda files: files.load_async("a.slow").result(),
    ],
    ids=["load", "map", "load_batch", "info", "save", "save_batch", "result"],
)
def test_a_call_is_left_whose_format_waits(files, call):
    with pytest.raises(KeyboardInterrupt):
        call(files)
    assert files.load("a.npy").tolist() == [0, 1, 2, 3, 4]
    assert ended()


def test_the_end_of_the_files_is_left(files):
    other = locum.Files("memory:")
    other.save("a.slow", b"12345", format="bytes")
    Slow.interrupts = False
    begun = other.load_async("a.slow")
    assert Slow.begun.wait(DEADLINE)
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.1, interrupt).start()
        other.close()
    assert not begun.done() and ended()
    assert begun.result(DEADLINE) == 5


def test_a_load_by_another_thread_is_no_longer_waited_for(files):
    Slow.interrupts = False
    loaded = []
    other = threading.Thread(target=lambda: loaded.append(files.load("a.slow")))
    other.start()
    assert Slow.begun.wait(DEADLINE)
    with pytest.raises(KeyboardInterrupt):
        threading.Timer(0.1, interrupt).start()
        files.load("a.slow")
    assert other.is_alive() and ended()
    other.join(DEADLINE)
    assert loaded == [5] and files.load("a.slow") == 5


def test_a_format_that_was_interrupted_saves_nothing(files):
    with pytest.raises(KeyboardInterrupt):
        files.save("b.slow", 1)
    assert ended() and Slow.raised is KeyboardInterrupt
    Slow.interrupts = False
    files.save("c.slow", 1)  # by a thread of its own, after that one
    assert files.list(pattern="*.slow") == ["a.slow", "c.slow"]


def test_code_in_python_is_interrupted(files):
    with pytest.raises(KeyboardInterrupt):
        files.load("a.loops")
    assert Loops.ended.wait(DEADLINE) and Loops.raised is KeyboardInterrupt
    assert files.load("a.npy").sum() == 10


def test_a_handler_that_raises_nothing(files):
    """The call goes on, and the handler may make calls, too."""
    seen = []

    def handle(number, frame):
        seen.append(files.load("a.npy").sum())
        Slow.told.set()

    former = signal.signal(signal.SIGINT, handle)
    try:
        assert files.load("a.slow") == 5
    finally:
        signal.signal(signal.SIGINT, former)
    assert seen == [10] and Slow.raised is None


def test_other_threads_are_not_interrupted(files):
    Slow.interrupts = False
    outcome = []

    def load():
        outcome.append(files.load("a.slow"))

    other = threading.Thread(target=load)
    other.start()
    assert Slow.begun.wait(DEADLINE)
    with pytest.raises(KeyboardInterrupt):
        interrupt()
        assert Slow.ended.wait(DEADLINE)
    assert ended()
    other.join(DEADLINE)
    assert outcome == [5]


def test_the_result_of_a_call_of_a_store_is_no_longer_waited_for():
    with locum.open("memory:") as store:
        later = store.wait_async("T", timeout=DEADLINE)
        with pytest.raises(KeyboardInterrupt):
            threading.Timer(0.1, interrupt).start()
            later.result()
        store.put("T", np.arange(3))
        assert later.result().tolist() == [0, 1, 2]
        never = store.wait_async("never", timeout=1)  # longer than the pieces of a wait
        with pytest.raises(locum.TimeoutError):
            never.result()


def test_in_a_child_that_was_forked(files):
    assert files.load("a.npy").sum() == 10  # by a thread that the child does not have
    child = os.fork()
    if child == 0:
        code = 1
        try:
            with locum.Files("memory:") as own:
                own.save("b.npy", np.arange(3))
                code = 0 if own.load("b.npy").sum() == 3 else 2
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


PROGRAM = """
import os, sys, threading, locum

begun = threading.Event()

class Pipe(locum.Format):
    name, endings = "pipe", (".pipe",)
    def load(self, file, options):
        if sys.argv[1] == "load":
            print("loads", flush=True)
        begun.set()
        return os.read(0, 1).decode()

files = locum.Files("memory:")
files.save("a.pipe", b"", format="bytes")
try:
    if sys.argv[1] == "wait":
        later = files.load_async("a.pipe")
        begun.wait()  # the main thread must find that another one loads the file
        print("loads", flush=True)
    print("ended by", files.load("a.pipe"))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


@pytest.mark.parametrize("how", ["load", "wait"])
def test_the_process_ends_after_an_interrupt(how):
    child = subprocess.Popen(
        [sys.executable, "-X", "dev", "-W", "error", "-c", PROGRAM, how],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=HERE,
    )
    try:
        assert child.stdout.readline() == "loads\n"
        child.send_signal(signal.SIGINT)
        assert child.stdout.readline() == "interrupted\n"
        output, errors = child.communicate("x", timeout=DEADLINE)
        assert (child.returncode, output, errors) == (0, "", "")
    finally:
        child.kill()
        child.wait()
