"""Stand-ins: what is sent in place of an object, and becomes the object when it is first used."""

import operator
from typing import TYPE_CHECKING, Any, Callable, Optional, Tuple

import numpy as np

from . import _native, _record
from ._durations import Duration, deadline
from ._errors import Error, UnsupportedError
from ._native import Key
from ._values import given, stand_ins, stored

if TYPE_CHECKING:
    from ._store import Store

try:
    import lazy_object_proxy as _lazy  # type: ignore
except ImportError:  # only stand-ins need it
    _lazy = None


class _Resolve:
    """Gets the object of a stand-in."""

    def __init__(self, stand_in: _native.StandIn, given: Callable[[Any], Any]):
        self.stand_in = stand_in
        self.given = given

    def __call__(self) -> Any:
        return self.given(self.stand_in.get(0.0))


def _class_of(stand_in: _native.StandIn) -> Optional[type]:
    """Returns the class of the object of a stand-in, without its transfer; None if its handle does not say it."""
    try:
        code, is_array = stand_in.type()
    except Error:  # the use of the object will tell
        return None
    if code in (_native.CHAR, _native.BYTE):
        return str if code == _native.CHAR else bytes
    dtype = _native.dtypes.get(code)
    if dtype is None:
        return None
    return np.ndarray if is_array else _NUMBERS.get(dtype, dtype.type)


def _of_handle(handle: bytes) -> Any:
    """Makes the stand-in that was pickled. What its object is allowed to be pickled as, the process says."""
    return _proxy_of(_native.StandIn(handle), lambda value: given(value, True, False))


_NUMBERS: "dict[np.dtype[Any], type]" = {
    np.dtype(np.int64): int,
    np.dtype(np.float64): float,
    np.dtype(np.complex128): complex,
    np.dtype(np.bool_): bool,
}
"""What one element of these types is."""



def _plain(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    def calculate(self: Any, other: Any) -> Any:
        return function(self.__wrapped__, other)

    return calculate


if _lazy is not None:

    class Proxy(_lazy.Proxy):  # type: ignore[misc]
        """Behaves like an object of a store, which is got when it is first used; made by `Store.proxy`.

        Pickled, or sent by mpi4py, it is its handle of 64 bytes: the object is not got for that. `isinstance`, `len`,
        arithmetic, indexing and attributes are those of the object. `isinstance` does not get an array, a number, a text
        or bytes, whose type the handle tells; it gets an object that was pickled. What looks at the stand-in itself differs:
        `p is None` is False, `type(p)` is Proxy, and functions in C that ask for an exact type, such as `str.join`,
        refuse it: give them `locum.resolve(p)`.
        """

        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            known = None if self.__resolved__ else _class_of(self.__factory__.stand_in)
            return self.__wrapped__.__class__ if known is None else known

        def __reduce_ex__(self, protocol: Any) -> Tuple[Any, ...]:
            return _of_handle, (self.__factory__.stand_in.handle(),)

        def __reduce__(self) -> Tuple[Any, ...]:
            return self.__reduce_ex__(2)

        def __copy__(self) -> Any:
            return _proxy_of(_native.StandIn(self.__factory__.stand_in.handle()), self.__factory__.given)

        def __deepcopy__(self, memo: Any) -> Any:
            return self.__copy__()

        # `p += 1` is a new value, not another object for the stand-in, whose handle stays.
        __iadd__ = _plain(operator.add)
        __isub__ = _plain(operator.sub)
        __imul__ = _plain(operator.mul)
        __imatmul__ = _plain(operator.matmul)
        __itruediv__ = _plain(operator.truediv)
        __ifloordiv__ = _plain(operator.floordiv)
        __imod__ = _plain(operator.mod)
        __ipow__ = _plain(operator.pow)
        __ilshift__ = _plain(operator.lshift)
        __irshift__ = _plain(operator.rshift)
        __iand__ = _plain(operator.and_)
        __ior__ = _plain(operator.or_)
        __ixor__ = _plain(operator.xor)

        def __format__(self, spec: str) -> str:
            return format(self.__wrapped__, spec)

        def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> Any:
            array = np.asarray(self.__wrapped__)
            return array if dtype is None else array.astype(dtype, copy=False)

    stand_ins.add(Proxy)
    _record.stand_ins[Proxy] = lambda proxy: _stand_in(proxy).handle()


def _proxy_of(stand_in: _native.StandIn, given: Callable[[Any], Any]) -> Any:
    if _lazy is None:
        raise UnsupportedError("unsupported: stand-ins need lazy-object-proxy (package python3-lazy-object-proxy)")
    return Proxy(_Resolve(stand_in, given))


def _stand_in(proxy: Any) -> _native.StandIn:
    if _lazy is None or type(proxy) is not Proxy:
        raise TypeError(f"this is no stand-in of locum, but of type {type(proxy).__name__}")
    stand_in: _native.StandIn = proxy.__factory__.stand_in
    return stand_in


def prefetch(*proxies: Any) -> None:
    """Begins to transfer the objects of stand-ins, and returns."""
    for proxy in proxies:
        _stand_in(proxy).prefetch()


def is_resolved(proxy: Any) -> bool:
    """Returns whether the object of a stand-in is here: its use would not block."""
    stand_in = _stand_in(proxy)
    return bool(proxy.__resolved__) or stand_in.ready()


def resolve(proxy: Any) -> Any:
    """Returns the object of a stand-in; blocks until it has come."""
    _stand_in(proxy)
    return proxy.__wrapped__


def handle_of(proxy: Any) -> bytes:
    """Returns the 64 bytes that identify the object of a stand-in on all ranks, and in C++, C and Fortran."""
    return _stand_in(proxy).handle()


def proxy_of_handle(handle: bytes) -> Any:
    """Returns the stand-in of a handle, perhaps of another rank or language. Transfers nothing."""
    return _of_handle(handle)


class Promise:
    """An object that is put later: who uses its stand-in waits until then. Made by `Store.promise`.

    One that is dropped without a value breaks: BrokenPromiseError for who waits.
    """

    def __init__(self, store: "Store", name: Optional[str], timeout: Optional[Duration]):
        self._native = _native.promise(store._native.handle, name, deadline(timeout))
        self._given = store._given_in_place

    def proxy(self) -> Any:
        """Returns a stand-in for the object; it can be sent before the object exists."""
        return _proxy_of(self._native.proxy(), self._given)

    def set(self, value: Any, *, timeout: Optional[Duration] = None) -> Key:
        """Puts the object. Once."""
        given = stored(value)
        return self._native.set(given.memory, given.code, given.type_name, deadline(timeout))
