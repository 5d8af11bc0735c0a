"""Calls that are carried out while the program computes."""

import asyncio
import atexit
from typing import Any, Callable, Generator, Generic, Optional, TypeVar

from . import _native
from ._durations import Duration, deadline
from ._errors import Error

T = TypeVar("T")


def _wake(waiter: "asyncio.Future[None]") -> None:
    if not waiter.done():
        waiter.set_result(None)


class Future(Generic[T]):
    """The result of an asynchronous call, perhaps later: `await future`, or `future.result()`.

    The call ends within its timeout whether or not anybody waits, and costs no thread. A future that is dropped
    cancels a get, a wait or a read that has not ended. `asyncio.gather`, `wait_for` and `as_completed` take futures as
    they are; `asyncio.wait` and task groups take `asyncio.ensure_future(future)`.
    """

    def __init__(self, native: _native.Future, finish: Callable[[_native.Future, float], T], is_read: bool = False):
        self._native = native
        self._finish = finish
        self._is_read = is_read

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

        TimeoutError at the deadline, after which the call goes on.
        """
        return self._finish(self._native, deadline(timeout))

    def cancel(self) -> None:
        """Ends the call with CancelledError, if it has not ended."""
        self._native.cancel()

    def add_done_callback(self, function: "Callable[[Future[T]], Any]") -> None:
        """Calls `function(future)` when the call has ended, soon, on a thread of the library."""
        self._native.then(lambda: function(self))

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
