"""A connector for ProxyStore: its stores keep their objects in a store of locum.

    from proxystore.store import Store
    from locum.proxystore import LocumConnector

    with Store("my-store", LocumConnector("file:results")) as store: ...
    with Store("my-store", LocumConnector(runtime=runtime)) as store: ...      # in the memory of an MPI job

This module imports nothing of ProxyStore; LocumConnector has the methods that its Connector protocols ask for. What a
proxy of ProxyStore resolves to is what ProxyStore's deserialiser makes of the bytes, which it copies. Stand-ins of locum
(`Store.proxy`) resolve in place.
"""

import sys
import uuid
from types import TracebackType
from typing import Any, Dict, Iterable, List, NamedTuple, Optional, Sequence, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._errors import ClosedError, InvalidArgumentError
from ._runtime import Runtime, find_runtime
from ._session import Session
from ._store import Store

_Bytes = Union[bytes, bytearray, memoryview]


class LocumKey(NamedTuple):
    """The key of an object of a connector: its name in the store."""

    name: str


def _memory_of(obj: _Bytes) -> NDArray[Any]:
    if not isinstance(obj, (bytes, bytearray, memoryview)):
        raise TypeError(f"a connector stores bytes, which a serialiser made, not {type(obj).__name__}")
    view = memoryview(obj)
    if view.nbytes == 0:
        return np.empty(0, np.uint8)
    return np.frombuffer(view if view.c_contiguous else bytes(view), np.uint8)


def _deserializer_takes_memoryview() -> bool:
    """Returns whether the ProxyStore that this process has loaded, if any, deserialises more than `bytes`."""
    return hasattr(sys.modules.get("proxystore.serialize"), "BytesLike")


class LocumConnector:
    """Keeps ProxyStore's objects in a store over the backend of a URL, or of a runtime.

    A connector that another process makes of `config()` opens the same URL, or uses the runtime of that process that has
    the same name (`Runtime(name=…)`; without a name, its only one). Any thread may call.

    :param url: of a backend that other processes see: "file:results", "redis://host/0"
    :param runtime: in place of a URL: a runtime, or the name of one that is open; "" is the only one that is open
    :param store: the name of the store
    :param as_memoryview: whether `get` returns the bytes in place, as a memoryview that pins them; False: a copy of them,
        as `bytes`; None: as the deserialiser of this process's ProxyStore takes them, `bytes` before version 0.8.3
    """

    def __init__(
        self,
        url: Optional[str] = None,
        *,
        runtime: Union[Runtime, str, None] = None,
        store: str = "proxystore",
        as_memoryview: Optional[bool] = None,
    ):
        if (url is None) == (runtime is None):
            raise InvalidArgumentError("invalid_argument: a connector is given either a URL or a runtime")
        if isinstance(runtime, str):
            runtime = find_runtime(runtime or None)
        self._url = url
        self._runtime_name = "" if runtime is None else runtime.name or ""
        self._name = store
        self._as_memoryview = as_memoryview
        self._session = None if url is None else Session(url, allow_pickle=False)
        opener: Any = runtime if self._session is None else self._session
        self._store: Optional[Store] = opener.store(store)

    def _opened(self) -> Store:
        if self._store is None:
            raise ClosedError("closed: this connector was closed; make another one of its config()")
        return self._store

    def _returned(self, found: Optional[NDArray[Any]]) -> Optional[_Bytes]:
        if found is None:
            return None
        if self._as_memoryview if self._as_memoryview is not None else _deserializer_takes_memoryview():
            return found.data
        return _native.copied_bytes(found)

    def put(self, obj: _Bytes) -> LocumKey:
        """Stores the bytes, and returns their key."""
        key = self.new_key()
        self._opened().put(key.name, _memory_of(obj))
        return key

    def put_batch(self, objs: Sequence[_Bytes]) -> List[LocumKey]:
        """Stores several, with a few messages for all of them."""
        keys = [self.new_key() for _ in objs]
        self._opened().put_batch((key.name, _memory_of(obj)) for key, obj in zip(keys, objs))
        return keys

    def new_key(self, obj: Optional[_Bytes] = None) -> LocumKey:
        """Returns a key under which nothing is stored yet: see `set`."""
        return LocumKey(uuid.uuid4().hex)

    def set(self, key: LocumKey, obj: _Bytes) -> None:
        """Stores the bytes under a key of `new_key`, in place of those that are there."""
        self._opened().replace(key.name, _memory_of(obj))

    def get(self, key: LocumKey) -> Optional[_Bytes]:
        """Returns the bytes; None if there are none."""
        return self._returned(self._opened().get(key.name))

    def get_batch(self, keys: Iterable[LocumKey]) -> List[Optional[_Bytes]]:
        """Returns the bytes of several keys, with a few messages for all of them."""
        return [self._returned(found) for found in self._opened().get_batch(key.name for key in keys)]

    def exists(self, key: LocumKey) -> bool:
        """Returns whether there are bytes."""
        return self._opened().exists(key.name)

    def evict(self, key: LocumKey) -> None:
        """Removes the bytes; does nothing if there are none."""
        self._opened().evict(key.name)

    def config(self) -> Dict[str, Any]:
        """Returns what `from_config` makes this connector of, and the constructor, by names; it can be pickled."""
        how: Dict[str, Any] = {"store": self._name}
        if self._as_memoryview is not None:
            how["as_memoryview"] = self._as_memoryview
        if self._url is None:
            how["runtime"] = self._runtime_name
        else:
            how["url"] = self._url
        return how

    @classmethod
    def from_config(cls, config: Dict[str, Any]) -> "LocumConnector":
        """Makes a connector of another one's `config()`, perhaps of another process."""
        return cls(**config)

    def close(self, clear: bool = False) -> None:
        """Ends the use of the connector; with `clear`, removes all objects of its store. The second time does nothing."""
        store, self._store = self._store, None
        if store is not None:
            if clear:
                store.clear()
            store.close()
        if self._session is not None:
            self._session.close()
            self._session = None

    def __enter__(self) -> "LocumConnector":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LocumConnector({self._url!r})" if self._url is not None else f"LocumConnector(runtime={self._runtime_name!r})"
