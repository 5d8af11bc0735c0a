"""Integers that the C interface takes."""

from operator import index
from typing import Any, Iterable, SupportsIndex, Tuple


def within(value: SupportsIndex, least: int, most: int, noun: str) -> int:
    """Returns the integer. TypeError if it is none, OverflowError if it is not in the range."""
    number = index(value)
    if not least <= number <= most:
        raise OverflowError(f"{noun} is an integer from {least} to {most}, not {number}")
    return number


def i64(value: SupportsIndex, noun: str) -> int:
    return within(value, -(2**63), 2**63 - 1, noun)


def extents_of(shape: Any) -> Tuple[int, ...]:
    """Returns the extents of a shape: an integer, or a sequence of integers. TypeError for data in its place."""
    if isinstance(shape, (str, bytes, bytearray, memoryview)) or getattr(shape, "ndim", 0) > 1:
        raise TypeError(f"a shape is an integer or a sequence of integers, not {type(shape).__name__}: put() stores what exists")
    return tuple(i64(extent, "an extent") for extent in (shape if isinstance(shape, Iterable) else (shape,)))
