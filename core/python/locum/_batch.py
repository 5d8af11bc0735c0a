"""Batches of samples, in memory of one's own or in that of a store."""

from typing import Any, Callable, Optional, Tuple

import numpy as np
from numpy.typing import NDArray

from ._durations import Duration
from ._store import Store


class OwnRows:
    """An array of rows, which is the value of a batch."""

    def __init__(self, shape: Tuple[int, ...], dtype: Any):
        self.array: NDArray[Any] = np.empty(shape, dtype)

    def made(self, count: int) -> Any:
        return self.array[:count]


class StoredRows:
    """An array of rows in the memory of a store. The value is a stand-in for it."""

    def __init__(self, store: Store, lifetime: Optional[Duration], shape: Tuple[int, ...], dtype: Any):
        self._store = store
        self._lifetime = lifetime
        self._writer = self._created(shape, dtype)

    def _created(self, shape: Tuple[int, ...], dtype: Any) -> Any:
        return self._store.create(None, shape, dtype, lifetime=self._lifetime, when_full="wait")

    @property
    def array(self) -> "NDArray[Any]":
        array: NDArray[Any] = self._writer.array
        return array

    def made(self, count: int) -> Any:
        if count < len(self.array):
            longer = self._writer
            self._writer = self._created((count, *longer.array.shape[1:]), longer.array.dtype)
            self.array[:] = longer.array[:count]
            longer.discard()
        return self._store.proxy(self._writer.seal())


RowsOf = Callable[[Tuple[int, ...], Any], Any]


def rows_in(store: Optional[Store], lifetime: Optional[Duration]) -> RowsOf:
    """Returns what makes memory for the arrays of batches."""
    if store is None:
        if lifetime is not None:
            raise ValueError("a lifetime is that of batches in a store: give batch(n, into=store, lifetime=…)")
        return OwnRows
    if not isinstance(store, Store):
        raise TypeError(f"batches are collated into a locum.Store, not into {type(store).__name__}")
    kept_in = store
    return lambda shape, dtype: StoredRows(kept_in, lifetime, shape, dtype)


class Batch:
    """Samples that are collated as they come: an array goes straight to its place in that of the batch.

    Arrays and numbers become one array, dicts and tuples one of what their members become, other values a list.
    """

    def __init__(self, first: Any, most: int, rows_of: RowsOf = OwnRows):
        self._kind = type(first)
        self._rows: Any = None
        self._array: Any = None  # that of the rows
        self._parts: Any = None
        self._number: Any = None  # the class of numbers that the array has as they are
        if isinstance(first, dict):
            self._parts = {name: Batch(member, most, rows_of) for name, member in first.items()}
        elif isinstance(first, tuple):
            self._parts = [Batch(member, most, rows_of) for member in first]
        elif isinstance(first, (np.ndarray, np.generic, bool, int, float, complex)):
            like = np.asarray(first)
            self._rows = rows_of((most, *like.shape), like.dtype)
            self._array = self._rows.array
            if self._kind in (bool, float, complex) or (self._kind is int and like.dtype == np.int64):
                self._number = self._kind
        else:
            self._parts = [None] * most

    def set(self, at: int, sample: Any) -> None:
        """Sets a sample. ValueError, if it is not like the first one."""
        kind = type(sample)
        if self._array is not None:
            if kind is self._number:
                try:
                    self._array[at] = sample
                    return
                except OverflowError:  # an int that is too large for it
                    pass
            self._set_row(at, sample if kind is np.ndarray else np.asarray(sample))
        elif issubclass(self._kind, dict):
            if not isinstance(sample, dict) or sample.keys() != self._parts.keys():
                raise ValueError(f"a sample of a batch does not have the members {', '.join(map(str, self._parts))} of its first one")
            for name, member in sample.items():
                self._parts[name].set(at, member)
        elif issubclass(self._kind, tuple):
            if not isinstance(sample, tuple) or len(sample) != len(self._parts):
                raise ValueError(f"a sample of a batch is no tuple of {len(self._parts)} values, as its first one is")
            for part, member in zip(self._parts, sample):
                part.set(at, member)
        else:
            self._parts[at] = sample

    def _set_row(self, at: int, given: "NDArray[Any]") -> None:
        rows = self._array
        if given.shape != rows.shape[1:] or given.dtype != rows.dtype:
            raise ValueError(
                f"a batch of arrays of {rows.dtype} and the shape {rows.shape[1:]} has one of {given.dtype} and the shape"
                f" {given.shape}: make them alike before, or give collate=list"
            )
        rows[at] = given

    def made(self, count: int) -> Any:
        """Returns the batch of the first `count` samples, of which no more is set."""
        if self._rows is not None:
            self._array = None  # a store publishes an array to which nobody else refers
            return self._rows.made(count)
        if issubclass(self._kind, dict):
            return {name: part.made(count) for name, part in self._parts.items()}
        if issubclass(self._kind, tuple):
            return tuple(part.made(count) for part in self._parts)
        return self._parts[:count]
