"""Calls that Ctrl-C ends: the main thread waits for another one, which makes them."""

import _thread
import os
import sys
import threading
from typing import Any, Callable, Generic, List, Optional, TypeVar

from . import _native

T = TypeVar("T")

_BETWEEN_SIGNALS_S = 0.2  # a signal that arrives just before a thread sleeps does not wake it
_idle: "List[_Worker]" = []


class _Call(Generic[T]):
    """A call that a worker makes. Its caller waits for it, unless that has left it."""

    def __init__(self, function: "Callable[..., T]", arguments: Any):
        self._function: Any = function
        self._arguments = arguments
        self._value: Any = None
        self._error: Optional[BaseException] = None
        self._ended = _thread.allocate_lock()  # locked until then
        self._ended.acquire()
        self.is_left = False

    def make(self) -> None:
        try:
            self._value = self._function(*self._arguments)
        except BaseException as error:
            self._error = error
        self._function = self._arguments = None  # before the caller goes on
        self._ended.release()

    def wait(self) -> None:
        """Waits for the end. KeyboardInterrupt, and what other handlers of signals raise, comes at once."""
        while not self._ended.acquire(timeout=_BETWEEN_SIGNALS_S):
            pass

    def outcome(self) -> T:
        try:
            if self._error is not None:
                raise self._error
            value: T = self._value
            return value
        finally:
            self._error = self._value = None  # the traceback refers to this


class _Worker:
    """A thread that makes one call after the other."""

    def __init__(self) -> None:
        self._call: "Optional[_Call[Any]]" = None
        self._given = _thread.allocate_lock()  # locked while there is no call
        self._given.acquire()
        self._guard = _thread.allocate_lock()
        self._is_making = False
        self._thread = _thread.start_new_thread(self._work, ())

    def begin(self, call: "_Call[Any]") -> None:
        self._call = call
        if self._given.locked():
            self._given.release()

    def leave(self, call: "_Call[Any]") -> None:
        """Ends the thread when its call has ended, and interrupts the code in Python of that call."""
        with self._guard:
            call.is_left = True
            if self._is_making:
                _native.interrupt(self._thread)
            else:
                self.begin(call)  # which is not made: the thread may wait for a next one

    def _work(self) -> None:
        try:
            while self._make_next():
                pass
        except BaseException:  # it was interrupted behind the call
            pass

    def _make_next(self) -> bool:
        self._given.acquire()
        call, self._call = self._call, None
        with self._guard:
            if call is None or call.is_left:
                return False
            self._is_making = True
        call.make()
        with self._guard:
            self._is_making = False
        return not call.is_left


def interruptible(function: "Callable[..., T]", *arguments: Any) -> T:
    """Returns what the function returns.

    In the main thread Ctrl-C ends the wait for it at once. The call goes on by itself then, and nobody gets what it
    returns; its code in Python is interrupted, too.
    """
    # Python calls handlers of signals in the main thread alone. At the end of the interpreter there are no others.
    if _thread.get_ident() != threading.main_thread().ident or sys.is_finalizing():
        return function(*arguments)
    try:
        worker = _idle.pop() if _idle else _Worker()
    except RuntimeError:  # the system allows no more threads
        return function(*arguments)
    call = _Call(function, arguments)
    try:
        worker.begin(call)
        call.wait()
    except BaseException:
        worker.leave(call)
        raise
    _idle.append(worker)  # several, where a handler of a signal makes calls as well
    return call.outcome()


os.register_at_fork(after_in_child=_idle.clear)
