"""Integers that the C interface takes."""

from operator import index
from typing import SupportsIndex


def within(value: SupportsIndex, least: int, most: int, noun: str) -> int:
    """Returns the integer. TypeError if it is none, OverflowError if it is not in the range."""
    number = index(value)
    if not least <= number <= most:
        raise OverflowError(f"{noun} is an integer from {least} to {most}, not {number}")
    return number


def i64(value: SupportsIndex, noun: str) -> int:
    return within(value, -(2**63), 2**63 - 1, noun)
