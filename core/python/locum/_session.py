"""Sessions: stores over the backend of a URL."""

import re
from types import TracebackType
from typing import Optional, Type

from . import _native
from ._durations import Duration, positive
from ._files import Files
from ._integers import within
from ._store import Store


class Session:
    """Several stores over one backend, `locum.Session("file:results").store("fields")`.

    :param timeout: longest wait of a call without a timeout; None: 30 s
    :param most_threads: calls under way at once; 0: 64
    :param allow_pickle: False: its stores unpickle nothing; see `locum.allow_pickle`
    """

    def __init__(
        self, url: str, *, timeout: Optional[Duration] = None, most_threads: int = 0, allow_pickle: bool = True
    ):
        self._allows_pickle = allow_pickle
        self._native = _native.Session(url, positive(timeout, "timeout"), within(most_threads, 0, 2**32 - 1, "a number of threads"))

    def store(self, name: str) -> Store:
        """Opens a store; creates it if there is none."""
        return Store(self._native.store(name), name, self._allows_pickle)

    def files(self, url: str, *, kept: Optional[Duration] = None, timeout: Optional[Duration] = None) -> Files:
        """Opens the files of a URL: what is loaded from them is an object of this session. See `Files`."""
        return Files.open_in(self, url, kept=kept, timeout=timeout)

    @property
    def is_open(self) -> bool:
        return self._native.is_open

    def close(self) -> None:
        """Closes the session: calls on its stores are ClosedError from then on; arrays stay valid."""
        self._native.close()

    def __enter__(self) -> "Session":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return "<locum.Session>" if self.is_open else "<locum.Session, closed>"


def open(
    url: str, *, timeout: Optional[Duration] = None, most_threads: int = 0, allow_pickle: bool = True
) -> Store:
    """Opens the store of a URL, such as "file:results" or "redis://host/0?store=fields".

    The URL's option `store` names the store; "default" without one. The parameters are those of `Session`.
    """
    native = _native.open(url, positive(timeout, "timeout"), within(most_threads, 0, 2**32 - 1, "a number of threads"))
    named = re.search(r"[?&]store=([^&#]*)", url)
    return Store(native, named.group(1) if named else "default", allow_pickle)
