"""Stores: objects by name and by key."""

import time
from types import TracebackType
from typing import Any, Callable, Dict, Final, Iterable, Iterator, List, Mapping, Optional, Tuple, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._box import Box, box_of
from ._coded import Codec, coded, decoded
from ._durations import Duration, deadline, positive
from ._errors import Error, InvalidArgumentError, NotFoundError, StaleError, TimeoutError, TypeMismatchError
from ._futures import Future
from ._info import Info, info_of
from ._integers import extents_of, i64, within
from ._lazy import LazyArray
from ._native import Key
from ._pickled import TYPE_NAME, Pickle
from ._proxy import Promise, _proxy_of
from ._values import Stored, code_of, described_by, given, stored_pickle
from ._writer import Writer

Id = Union[str, Key]
_IN_PLACE_FROM = 16384  # bytes of a pickled object; smaller ones are sooner copied than prepared for
_UPDATE_S = 30.0  # for which an update without a timeout tries


class _Nothing:
    def __repr__(self) -> str:
        return "..."


_NOTHING: Final = _Nothing()  # in place of an argument that is left out


def _named(call: str, first: Any, second: Any) -> Tuple[Optional[str], Any]:
    """Returns the name, if there is one, and the value, of a call that was given a name and a value, or a value."""
    if isinstance(second, _Nothing):
        return None, first
    if not isinstance(first, str):
        raise TypeError(f"{call}: a name is a str, not {type(first).__name__}; the name comes first, then the value")
    return first, second


def _storing(
    timeout: Optional[Duration], lifetime: Optional[Duration], tag: Optional[str], listed: bool, when_full: str
) -> _native.Storing:
    if when_full not in ("error", "wait"):
        raise ValueError(f"when_full is 'error' or 'wait', not {when_full!r}")
    return _native.Storing(deadline(timeout), positive(lifetime, "lifetime"), when_full == "wait", listed, tag)


class Store:
    """A set of objects, found by their names or keys; `locum.open` and `Session.store` open it.

    `store[name] = value` binds the name to a new object, whether it is in use or not. Objects do not change:
    who has got one keeps it as it is. Any thread may call. In a `with` block the store is closed at the end.

    Values are NumPy arrays and numbers, `bool`, `int`, `float`, `complex`, `str` and `bytes`, which C++ and C
    read, too; any other object is pickled, with its arrays beside the pickle. What is got of an array is
    read-only, and in the memory of the store as long as the array, or a part of it, is referred to.
    """

    def __init__(self, native: _native.Store, name: str, allow_pickle: bool):
        """Made by `locum.open` and `Session.store`."""
        self._native = native
        self._name = name
        self._allows_pickle = allow_pickle

    # ---- Reading ----

    def get(self, id: Id, default: Any = None, *, timeout: Optional[Duration] = None, copy: bool = False) -> Any:
        """Returns the object under a name, or of a key; `default` if there is none.

        :param copy: whether arrays are copies of the caller's own, which may be written; in pickled objects
            those that were read-only when they were put remain so
        """
        value = self._native.get_or(id, deadline(timeout), default)
        return default if value is default else self._given(value, copy)

    def __getitem__(self, id: Id) -> Any:
        value = self._native.get(id, 0.0)
        return self._given(value, False) if type(value) is _native.Encoded else value

    def wait(self, name: str, *, timeout: Optional[Duration] = None, copy: bool = False) -> Any:
        """Blocks until there is an object under the name, and returns it. TimeoutError at the deadline.

        In the main thread an interrupt (Ctrl-C) ends the wait; other calls first reach their end.
        """
        return self._given(self._native.wait(name, deadline(timeout)), copy)

    def get_bytes(self, id: Id, *, timeout: Optional[Duration] = None) -> memoryview:
        """Returns the bytes of an object of any type, in place and read-only."""
        return self._native.get_bytes(id, deadline(timeout)).data

    def read(
        self, id: Id, box: Any = ..., *, out: Optional[NDArray[Any]] = None, timeout: Optional[Duration] = None
    ) -> NDArray[Any]:
        """Copies an array, or the box of it, to `out`, or to a new array, which is returned.

        :param box: indices and slices as in NumPy, `np.s_[10:20, ::2]`; only these elements are moved.
            IndexError for a negative step, a mask, or a list of indices
        :param out: an array of the object's type and of the shape of the box
        """
        found = info_of(self._native.info(id, deadline(timeout)))
        return self._read_box(id, found, box, out, timeout)

    def lazy(self, id: Id, *, timeout: Optional[Duration] = None) -> LazyArray:
        """Returns an array that moves what is indexed: `store.lazy("T")[10:20, ::2]`."""
        found = info_of(self._native.info(id, deadline(timeout)))
        self._require_elements(id, found)
        return LazyArray(self, id, found, timeout)

    def _require_elements(self, id: Id, found: Info) -> None:
        if found.dtype is None:
            raise TypeMismatchError(f"type_mismatch: {id!r} has no elements, its type is {found.type}: get() returns it")

    def _box_for(
        self, id: Id, found: Info, selection: Any, out: Optional[NDArray[Any]]
    ) -> Tuple[NDArray[Any], Box, Any, str]:
        """Returns the array to be read into, the box, its limits for the module, and the type of its elements."""
        self._require_elements(id, found)
        box = box_of(selection, found.shape)
        if out is None:
            out = np.empty(box.shape, found.dtype)
        elif not isinstance(out, np.ndarray):
            raise TypeError(f"what is to be read into is an array of NumPy, not {type(out).__name__}")
        elif out.shape != box.shape:
            raise ValueError(f"the box has the shape {box.shape}, and the array to be read into {out.shape}")
        elif out.dtype != found.dtype:
            raise TypeMismatchError(
                f"type_mismatch: the elements of {id!r} are {found.dtype}, and those of the array to be read into"
                f" {out.dtype}"
            )
        elif not out.flags.writeable:
            raise ValueError("the array to be read into is read-only")
        limits = None if box.is_all_of(found.shape) else (box.start, box.count, box.stride)
        return out, box, limits, found.type[:-2] if found.type.endswith("[]") else found.type

    def _read_box(
        self, id: Id, found: Info, selection: Any, out: Optional[NDArray[Any]], timeout: Optional[Duration]
    ) -> NDArray[Any]:
        out, box, limits, element = self._box_for(id, found, selection, out)
        if not box.is_empty:
            self._native.read(id, box.spread(out), found._code, element, limits, deadline(timeout))
        return out

    def _given(self, value: Any, copy: bool) -> Any:
        return given(value, self._allows_pickle, copy)

    def _given_in_place(self, value: Any) -> Any:
        return given(value, self._allows_pickle, False)

    # ---- While the program computes ----

    def get_async(self, id: Id, *, timeout: Optional[Duration] = None) -> "Future[Any]":
        """Starts a get: `await store.get_async(name)`, or `.result()` later. NotFoundError if there is no object."""
        return Future(self._native.get_async(id, deadline(timeout)), self._view)

    def wait_async(self, name: str, *, timeout: Optional[Duration] = None) -> "Future[Any]":
        """Starts a wait for an object under the name."""
        return Future(self._native.wait_async(name, deadline(timeout)), self._view)

    def _view(self, future: _native.Future, limit: float) -> Any:
        return self._given_in_place(future.view(limit))

    def put_async(
        self, name: str, value: Any, *, timeout: Optional[Duration] = None, lifetime: Optional[Duration] = None
    ) -> "Future[Key]":
        """Starts a put: the value is stored when this returns, and found by its name when the future has ended."""
        how = _storing(timeout, lifetime, None, False, "error")
        described = described_by(value)
        if isinstance(described, Pickle) and described.size >= _IN_PLACE_FROM:
            call = self._written(name, described, how).seal_async(deadline(timeout))
        else:
            memory, code, type_name = described if isinstance(described, Stored) else stored_pickle(described)
            call = self._native.put_async(name, memory, code, type_name, how)
        return Future(call, lambda call, limit: call.key(limit))

    def read_async(
        self, id: Id, box: Any = ..., *, out: Optional[NDArray[Any]] = None, timeout: Optional[Duration] = None
    ) -> "Future[NDArray[Any]]":
        """Starts a read, whose result is `out`, or a new array. It asks for the metadata first, and waits for these."""
        found = info_of(self._native.info(id, deadline(timeout)))
        into, selected, limits, element = self._box_for(id, found, box, out)
        if selected.is_empty:
            limits = None if not found.shape else (selected.start, selected.count, selected.stride)
        native = self._native.read_async(id, selected.spread(into), found._code, element, limits, deadline(timeout))

        def finish(call: _native.Future, limit: float) -> NDArray[Any]:
            call.wait(limit)
            return into

        return Future(native, finish, True)

    # ---- Several objects, stand-ins ----

    def get_batch(
        self, names: Iterable[str], default: Any = None, *, timeout: Optional[Duration] = None
    ) -> List[Any]:
        """Returns the objects of the names, with a few messages for all of them; `default` for one that is missing."""
        found = self._native.get_batch(list(names), default, deadline(timeout))
        return [value if value is default else self._given_in_place(value) for value in found]

    def put_batch(
        self, objects: "Union[Mapping[str, Any], Iterable[Tuple[str, Any]]]", *, timeout: Optional[Duration] = None
    ) -> List[Key]:
        """Puts values under names, with a few messages for all of them; returns their keys.

        A pickled object of 16 KiB or more is written in place, and its name has a message of its own.

        Raises the first error, such as KeyExistsError; the other values are put all the same.
        """
        pairs = list(objects.items() if isinstance(objects, Mapping) else objects)
        described = [described_by(value) for _, value in pairs]
        limit = deadline(timeout)
        how = _storing(timeout, None, None, False, "error")
        keys: Dict[int, Key] = {}
        begun: Dict[int, _native.Future] = {}
        others: Dict[int, Stored] = {}
        failed: Optional[Error] = None
        for at, value in enumerate(described):
            if isinstance(value, Stored):
                others[at] = value
            elif value.size < _IN_PLACE_FROM:
                others[at] = stored_pickle(value)
            else:
                try:
                    begun[at] = self._written(pairs[at][0], value, how).seal_async(limit)
                except Error as error:
                    failed = failed or error
        try:
            keys.update(zip(others, self._put_batch([pairs[at][0] for at in others], list(others.values()), limit)))
        except Error as error:
            failed = failed or error
        for at, future in begun.items():
            try:
                keys[at] = future.key(limit)
            except Error as error:
                failed = failed or error
        if failed is not None:
            raise failed
        return [keys[at] for at in range(len(pairs))]

    def _put_batch(self, names: List[str], values: List[Stored], limit: float) -> List[Key]:
        memory = [value.memory for value in values]
        codes = [value.code for value in values]
        return self._native.put_batch(names, memory, codes, [value.type_name for value in values], limit) if names else []

    def proxy(self, id: Id, *, timeout: Optional[Duration] = None) -> Any:
        """Returns a stand-in for an existing object: 64 bytes when it is sent, the object when it is used."""
        return _proxy_of(self._native.proxy(id, deadline(timeout)), self._given_in_place)

    def promise(self, name: Optional[str] = None, *, timeout: Optional[Duration] = None) -> Promise:
        """Returns a promise of an object that is put later, under a name or without one."""
        return Promise(self, name, timeout)

    # ---- Writing ----

    def put(
        self,
        name: Any,
        value: Any = _NOTHING,
        /,
        *,
        timeout: Optional[Duration] = None,
        lifetime: Optional[Duration] = None,
        tag: Optional[str] = None,
        listed: bool = False,
        when_full: str = "error",
    ) -> Key:
        """`put(name, value)` stores a value under a name, `put(value)` without one. Returns its key.

        KeyExistsError if the name is in use.

        :param lifetime: time until the object is evicted; None: as the store has it, `math.inf`: no end
        :param tag: where to keep it, for stores over several backends
        :param listed: whether `keys` lists an object without a name
        :param when_full: "error": OutOfMemoryError if there is no room; "wait": until there is, or the deadline
        """
        under, value = _named("put", name, value)
        how = _storing(timeout, lifetime, tag, listed, when_full)
        described = described_by(value)
        if isinstance(described, Pickle):
            if described.size >= _IN_PLACE_FROM:
                return self._written(under, described, how).seal(deadline(timeout))
            described = stored_pickle(described)
        return self._put(under, described, how)

    def _put(self, name: Optional[str], value: Stored, how: _native.Storing) -> Key:
        return self._native.put(name, value.memory, value.code, value.type_name, how)

    def _written(self, name: Optional[str], pickle: Pickle, how: _native.Storing) -> _native.Writer:
        """Writes a pickled object into memory of the store: its arrays are copied once."""
        writer = self._native.create_encoded(name, pickle.size, TYPE_NAME, how)
        pickle.write(writer.array.data)
        return writer

    def replace(
        self,
        name: str,
        value: Any,
        *,
        expected_generation: int = 0,
        timeout: Optional[Duration] = None,
        lifetime: Optional[Duration] = None,
        tag: Optional[str] = None,
        when_full: str = "error",
    ) -> Key:
        """Binds the name to a new object, whether it is in use or not, and returns its key.

        :param expected_generation: that of `info(name)`: StaleError if the name has another one. 0: any, or none
        """
        how = _storing(timeout, lifetime, tag, False, when_full)
        generation = within(expected_generation, 0, 2**64 - 1, "a generation")
        return self._replace(name, described_by(value), how, generation, deadline(timeout))

    def _replace(
        self, name: str, value: "Union[Stored, Pickle]", how: _native.Storing, generation: int, limit: float
    ) -> Key:
        if isinstance(value, Pickle):
            if value.size >= _IN_PLACE_FROM:
                return self._written(name, value, how).replace(generation, limit)
            value = stored_pickle(value)
        return self._native.replace(name, value.memory, value.code, value.type_name, how, generation)

    def put_coded(
        self,
        name: Any,
        value: Any,
        codec: Any = _NOTHING,
        /,
        *,
        timeout: Optional[Duration] = None,
        lifetime: Optional[Duration] = None,
        tag: Optional[str] = None,
    ) -> Key:
        """`put_coded(name, value, codec)`, or without the name, puts an array that the codec encodes; see `locum.Codec`.

        C++ and C read it by the codec of that name.
        """
        if isinstance(codec, _Nothing):
            under, value, codec = None, name, value
        else:
            under, value = _named("put_coded", name, value)
        return self._put(under, coded(value, codec), _storing(timeout, lifetime, tag, False, "error"))

    def replace_coded(
        self,
        name: str,
        value: Any,
        codec: Codec,
        *,
        expected_generation: int = 0,
        timeout: Optional[Duration] = None,
        lifetime: Optional[Duration] = None,
        tag: Optional[str] = None,
    ) -> Key:
        """Binds the name to an array that the codec encodes, whether it is in use or not; see `replace`."""
        how = _storing(timeout, lifetime, tag, False, "error")
        generation = within(expected_generation, 0, 2**64 - 1, "a generation")
        return self._replace(name, coded(value, codec), how, generation, deadline(timeout))

    def get_coded(self, id: Id, codec: Codec, *, timeout: Optional[Duration] = None) -> Any:
        """Returns what the codec decodes of an object. TypeMismatchError if another codec, or none, wrote it."""
        return decoded(self._native.get(id, deadline(timeout)), codec)

    def update(self, name: str, change: Callable[[Any], Any], *, timeout: Optional[Duration] = None) -> Key:
        """Binds the name to `change(value)`, atomically, and returns the key of the new object.

        `change` is called again if another process was faster. NotFoundError if there is no object, TimeoutError if
        others are faster until the deadline.
        """
        limit = deadline(timeout)
        last = time.monotonic() + (limit if limit > 0 else 0.0 if limit < 0 else _UPDATE_S)
        while True:
            found = info_of(self._native.info(name, limit))
            try:
                value = self._native.get(found.key, limit)
            except NotFoundError:
                pass
            else:
                changed = described_by(change(self._given_in_place(value)))
                how = _storing(timeout, None, None, False, "error")
                try:
                    return self._replace(name, changed, how, found.generation, limit)
                except StaleError:
                    pass
            if time.monotonic() >= last:
                raise TimeoutError(f"timeout: other processes replaced {name!r} until the deadline; try again")

    def __setitem__(self, name: str, value: Any) -> None:
        self.replace(name, value)

    def create(
        self,
        name: Optional[str],
        shape: Union[int, Tuple[int, ...]],
        dtype: Any = np.float64,
        *,
        timeout: Optional[Duration] = None,
        lifetime: Optional[Duration] = None,
        tag: Optional[str] = None,
        listed: bool = False,
        when_full: str = "error",
    ) -> Writer:
        """Makes memory of the store for an array; see `Writer`.

            with store.create("T", (ny, nx), np.float64) as writer:
                solve(writer.array)
        """
        how = _storing(timeout, lifetime, tag, listed, when_full)
        code = code_of(dtype)
        extents = extents_of(shape)

        def publish(array: NDArray[Any], limit: float, generation: Optional[int]) -> Key:
            again = _native.Storing(limit, positive(lifetime, "lifetime"), when_full == "wait", listed, tag)
            if generation is None:
                return self._put(name, Stored(array, code), again)
            if name is None:
                raise InvalidArgumentError("invalid_argument: an object without a name replaces nothing; seal it")
            return self._native.replace(name, array, code, "", again, generation)

        return Writer(self._native.create(name, extents, code, how), publish)

    def fetch_add(self, name: str, difference: int = 1, *, timeout: Optional[Duration] = None) -> int:
        """Adds to the int under a name, atomically, and returns what it was; a missing one counts as 0."""
        return self._native.fetch_add(name, i64(difference, "the difference"), deadline(timeout))

    # ---- Names, metadata ----

    def info(self, id: Id, *, timeout: Optional[Duration] = None) -> Info:
        """Returns the metadata of an object. NotFoundError if there is none."""
        return info_of(self._native.info(id, deadline(timeout)))

    def __contains__(self, id: object) -> bool:
        return isinstance(id, (str, Key)) and self._native.exists(id, 0.0)

    def exists(self, id: Id, *, timeout: Optional[Duration] = None) -> bool:
        """Returns whether the object exists."""
        return self._native.exists(id, deadline(timeout))

    def evict(self, id: Id, *, timeout: Optional[Duration] = None) -> bool:
        """Removes an object; returns whether it existed. Arrays on its memory stay valid."""
        return self._native.evict(id, deadline(timeout))

    def evict_batch(self, names: Iterable[str], *, timeout: Optional[Duration] = None) -> List[bool]:
        """Removes objects by their names, with a few messages for all of them; returns of each whether it existed.

        Raises the first error; the other objects are removed all the same.
        """
        return self._native.evict_batch(list(names), deadline(timeout))

    def __delitem__(self, id: Id) -> None:
        if not self._native.evict(id, 0.0):
            raise NotFoundError(f"not_found: there is no object under {id!r}, which was to be removed")

    def keys(self, prefix: str = "", *, timeout: Optional[Duration] = None) -> List[str]:
        """Returns the names that begin with `prefix`, in ascending order of their bytes."""
        return self._native.keys(prefix, deadline(timeout))

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        return self._native.size(0.0)

    def __bool__(self) -> bool:
        return True  # and not whether it has objects, for which it would ask the backend

    def clear(self, *, timeout: Optional[Duration] = None) -> int:
        """Removes all objects that `keys` lists; returns their number."""
        return self._native.clear(deadline(timeout))

    def collection(self, name: str) -> "Store":
        """Returns the store of the names that begin with "name/", without that beginning."""
        return Store(self._native.collection(name), f"{self._name}/{name}", self._allows_pickle)

    # ---- The store itself ----

    @property
    def name(self) -> str:
        """What it was opened by."""
        return self._name

    @property
    def is_open(self) -> bool:
        return self._native.is_open

    def close(self) -> None:
        """Ends the use of the store: later calls are ClosedError. The objects, and arrays on them, stay."""
        self._native.close()

    def __enter__(self) -> "Store":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<locum.Store {self._name!r}{'' if self.is_open else ', closed'}>"
