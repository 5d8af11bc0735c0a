"""Boxes of arrays, given as in NumPy: `np.s_[10:20, ::2]`."""

import operator
from dataclasses import dataclass
from typing import Any, Optional, Tuple

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Box:
    """A box, in elements, slowest dimension first."""

    start: Tuple[int, ...]
    count: Tuple[int, ...]
    stride: Tuple[int, ...]
    kept: Tuple[bool, ...]
    """Whether the result has the dimension: it has not those of which one index was taken."""

    @property
    def shape(self) -> Tuple[int, ...]:
        return tuple(count for count, kept in zip(self.count, self.kept) if kept)

    @property
    def is_empty(self) -> bool:
        return 0 in self.count

    def is_all_of(self, shape: Tuple[int, ...]) -> bool:
        return self.count == shape

    def spread(self, array: NDArray[Any]) -> NDArray[Any]:
        """Returns the array with a dimension of length 1 where this box has a single index; in its memory."""
        return array if all(self.kept) else array[tuple(slice(None) if kept else None for kept in self.kept)]


def _one(index: Any, length: int, dimension: int) -> "tuple[int, int, int, bool]":
    if isinstance(index, slice):
        start, stop, step = index.indices(length)
        if step < 0:
            raise IndexError(f"the step in dimension {dimension} is {step}; read the box forwards, and reverse the result")
        count = len(range(start, stop, step))
        return start, count, step if count > 1 else 1, True
    if index is None or isinstance(index, (bool, np.bool_)) or np.ndim(index) != 0:
        raise IndexError(
            "a box has an index or a slice for each dimension; masks, lists of indices and None are for the array that"
            " was read"
        )
    try:
        number = operator.index(index)
    except TypeError:
        raise IndexError(f"{index!r} is neither an index nor a slice") from None
    if not -length <= number < length:
        raise IndexError(f"index {number} is outside of dimension {dimension}, which has {length}")
    return number % length, 1, 1, False


def box_of(selection: Any, shape: Tuple[int, ...]) -> Box:
    """Returns the box of an array that a selection names. IndexError if it is none."""
    indices = selection if isinstance(selection, tuple) else (selection,)
    rest = [at for at, index in enumerate(indices) if index is Ellipsis]
    if len(rest) > 1:
        raise IndexError("a box has one '...' at most")
    at: Optional[int] = rest[0] if rest else None
    before, after = (indices, ()) if at is None else (indices[:at], indices[at + 1 :])
    missing = len(shape) - len(before) - len(after)
    if missing < 0:
        raise IndexError(f"the box has {len(before) + len(after)} dimensions, and the array {len(shape)}")
    every = (*before, *[slice(None)] * missing, *after)
    if not every:
        return Box((), (), (), ())
    return Box(*zip(*(_one(index, length, at) for at, (index, length) in enumerate(zip(every, shape)))))
