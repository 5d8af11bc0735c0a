"""Durations: a number of seconds, or a timedelta; in the C interface, a double with two special values."""

import datetime
import math
import numbers
from typing import Union

Duration = Union[float, int, datetime.timedelta]

_DEFAULT = 0.0
_AT_ONCE = -1.0


def _seconds(duration: Duration, noun: str) -> float:
    if isinstance(duration, datetime.timedelta):
        return duration.total_seconds()
    if not isinstance(duration, numbers.Real):
        raise TypeError(f"a {noun} is a number of seconds or a datetime.timedelta, not {type(duration).__name__}")
    seconds = float(duration)
    if math.isnan(seconds):
        raise ValueError(f"a {noun} is a number of seconds, not NaN")
    return seconds


def deadline(timeout: "Duration | None") -> float:
    """Returns the timeout of a call as C takes it: None is the default, 0 does not wait."""
    if timeout is None:
        return _DEFAULT
    seconds = _seconds(timeout, "timeout")
    if seconds < 0:
        raise ValueError(f"a timeout is not negative; this one is {seconds:g} s")
    return seconds or _AT_ONCE


def positive(duration: "Duration | None", noun: str) -> float:
    """Returns a duration that is more than 0 as C takes it: None is the default, infinity has no end."""
    if duration is None:
        return _DEFAULT
    seconds = _seconds(duration, noun)
    if seconds <= 0:
        raise ValueError(f"a {noun} is more than 0; this one is {seconds:g} s")
    return seconds
