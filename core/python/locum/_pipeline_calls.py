"""Functions that the steps of a pipeline call: how often again, what is left out where they fail, and a report of that."""

import itertools
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, Iterable, List, NamedTuple, Optional, TypeVar

T = TypeVar("T")
U = TypeVar("U")

_MOST_FAILURES = 16

LEFT_OUT: Any = object()


class Policy(NamedTuple):
    """What a step does where its function fails for an element."""

    skip: bool = False
    retries: int = 0


@dataclass(frozen=True)
class ElementFailure:
    """An element that was left out, as a function failed for it each time."""

    step: str
    element: int  #: number of the element in this step, from 0
    error: Exception  #: without its traceback, which would keep what the function used; not without what it holds itself


@dataclass(frozen=True)
class PipelineReport:
    """What was counted in a pass."""

    succeeded: int = 0  #: elements that the loop has got
    failed: int = 0  #: elements for which a function failed, left out or not
    retried: int = 0  #: calls that were repeated
    failures: List[ElementFailure] = field(default_factory=list)  #: of elements that were left out, by step, the first 16


def add_place(error: BaseException, number: int, step: str) -> None:
    """Makes an error say at which element of which step it was raised, where the interpreter has notes."""
    if hasattr(error, "add_note"):
        error.add_note(f"in {step} of a locum.pipeline, at element {number}, counted from 0")


def _without_frames(error: Exception) -> Exception:
    """Drops what the function used: frames refer to each other, and would stay until garbage is looked for."""
    seen: List[BaseException] = []
    left: List[Optional[BaseException]] = [error]
    while left:
        one = left.pop()
        if one is not None and not any(one is other for other in seen):
            seen.append(one)
            one.__traceback__ = None
            left += [one.__cause__, one.__context__]
    return error


@dataclass
class _Attempt:
    made: Any
    retried: int
    error: Optional[Exception]  # taken out by who raises it: its traceback may refer to this


class Calls(Generic[T, U]):
    """The calls of one step in one pass. Other threads may call; the one that takes the results counts them.

    `is_left` tells whether nobody takes them any more.
    """

    def __init__(self, step: str, function: "Callable[[T], U]", policy: Policy, is_left: "Callable[[], bool]"):
        self._step = step
        self._function = function
        self._policy = policy
        self._number = 0
        self.failed = 0
        self.retried = 0
        self.failures: List[ElementFailure] = []
        self._is_left = is_left

    def attempt(self, element: T) -> _Attempt:
        """Calls the function, again where it fails."""
        for retried in itertools.count():
            try:
                return _Attempt(self._function(element), retried, None)
            except Exception as error:
                if retried == self._policy.retries or self._is_left():
                    return _Attempt(None, retried, _without_frames(error) if self._policy.skip else error)
        raise AssertionError

    def made(self, attempt: _Attempt) -> U:
        """Returns the result for the next element, or LEFT_OUT; raises the error of the function."""
        number = self._number
        self._number += 1
        self.retried += attempt.retried
        error, attempt.error = attempt.error, None
        if error is None:
            result: U = attempt.made
            return result
        self.failed += 1
        if self._policy.skip:
            if len(self.failures) < _MOST_FAILURES:
                self.failures.append(ElementFailure(self._step, number, error))
            left_out: U = LEFT_OUT
            return left_out
        try:
            add_place(error, number, self._step)
            raise error
        finally:
            del error  # its traceback refers to this frame


def reported(succeeded: int, steps: "Iterable[Calls[Any, Any]]") -> PipelineReport:
    """Puts together what the steps of a pass have counted."""
    steps = list(steps)
    failures = [failure for step in steps for failure in list(step.failures)]
    return PipelineReport(
        succeeded, sum(step.failed for step in steps), sum(step.retried for step in steps), failures[:_MOST_FAILURES]
    )
