"""Calls that are carried out while the program computes."""

import asyncio
import atexit
import concurrent.futures
import contextvars
from typing import Any, Callable, Generator, Generic, List, Optional, TypeVar

from . import _native
from ._durations import Duration, deadline
from ._errors import Error

T = TypeVar("T")


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class _Concurrent(concurrent.futures.Future):  # type: ignore[type-arg]
    """A future of `concurrent.futures` that is completed by a call of the library."""

    def __init__(self, call: "Future[Any]"):
        super().__init__()
        self._call = call

    def cancel(self) -> bool:
        is_cancelled = super().cancel()
        if is_cancelled:
            self._call.cancel()
        return is_cancelled

    def _complete(self) -> None:
        if not self.set_running_or_notify_cancel():  # it was cancelled
            return
        try:
            value = self._call._finish(self._call._native, 0.0)
        except BaseException as error:
            self.set_exception(error)
        else:
            self.set_result(value)


class _Callback(Generic[T]):
    """What is called at the end of a future, unless it is removed before."""

    def __init__(self, function: "Callable[[Future[T]], Any]"):
        self.function: "Optional[Callable[[Future[T]], Any]]" = function

    def __call__(self, future: "Future[T]") -> None:
        function, self.function = self.function, None  # which may refer to the future
        if function is not None:
            function(future)


class Future(Generic[T]):
    """The result of an asynchronous call, perhaps later: `await future`, or `future.result()`.

    The call ends within its timeout whether or not anybody waits, and costs no thread. A future that is dropped
    cancels a get, a wait or a read that has not ended. `asyncio.gather`, `wait`, `wait_for` and `as_completed` take
    futures as they are, a task group `asyncio.wait_for(future, None)`, which is a coroutine; `concurrent.futures.wait`
    and `as_completed` take `future.concurrent()`.
    """

    def __init__(self, native: _native.Future, finish: Callable[[_native.Future, float], T], is_read: bool = False):
        self._native = native
        self._finish = finish
        self._is_read = is_read
        self._callbacks: "List[_Callback[T]]" = []

    def done(self) -> bool:
        """Returns whether `result` would not block. The array of a read is filled then."""
        ready = self._native.ready()
        if ready and self._is_read:
            try:
                self._native.wait(0.0)  # which fills it
            except Error:
                pass  # result() raises it
            self._is_read = False
        return ready

    def result(self, timeout: Optional[Duration] = None) -> T:
        """Blocks until the call has ended, and returns what it gives, or raises its error.

        TimeoutError at the deadline, after which the call goes on. In the main thread an interrupt (Ctrl-C) ends the
        wait alike. Without a timeout the wait ends with the call, which has one of its own.
        """
        return self._finish(self._native, deadline(timeout))

    def cancel(self) -> None:
        """Ends the call with CancelledError, if it has not ended."""
        self._native.cancel()

    def add_done_callback(
        self, function: "Callable[[Future[T]], Any]", *, context: Optional[contextvars.Context] = None
    ) -> None:
        """Calls `function(future)` when the call has ended, soon: by the event loop that runs in the calling thread, with
        `context` if it is given; without a loop on a thread of the library.
        """
        callback = _Callback(function)
        self._callbacks.append(callback)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self._native.then(lambda: callback(self))
            return

        def ended() -> None:
            try:
                loop.call_soon_threadsafe(callback, self, context=context)
            except RuntimeError:  # the loop was closed meanwhile
                pass

        self._native.then(ended)

    def remove_done_callback(self, function: "Callable[[Future[T]], Any]") -> int:
        """Does not call that function any more; returns how often it was to be called."""
        removed = [callback for callback in self._callbacks if callback.function == function]
        for callback in removed:
            callback.function = None
            self._callbacks.remove(callback)
        return len(removed)

    def concurrent(self) -> "concurrent.futures.Future[T]":
        """Returns a future of `concurrent.futures` for the same result: for `wait`, `as_completed`, and code that has futures
        of executors. It keeps the call: dropping it does not cancel, `cancel()` does.
        """
        made = _Concurrent(self)
        self._native.then(made._complete)
        return made

    def __await__(self) -> Generator[Any, None, T]:
        if not self._native.ready():
            loop = asyncio.get_running_loop()
            waiter: "asyncio.Future[None]" = loop.create_future()

            def ended() -> None:
                try:
                    loop.call_soon_threadsafe(_wake, waiter)
                except RuntimeError:  # the loop was closed meanwhile
                    pass

            self._native.then(ended)
            yield from waiter
        return self._finish(self._native, 0.0)

    def __repr__(self) -> str:
        return f"<locum.Future, {'ended' if self.done() else 'pending'}>"


atexit.register(_native.stop_callbacks)
