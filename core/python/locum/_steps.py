"""Streams of steps: what a simulation gives to its readers while it runs."""

import os
from types import TracebackType
from typing import Any, Dict, Iterator, NamedTuple, Optional, Sequence, Tuple, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native
from ._box import box_of
from ._durations import Duration, deadline
from ._errors import InvalidArgumentError, NotFoundError, TypeMismatchError
from ._integers import extents_of, i64
from ._lazy import _HOST
from ._runtime import Path, Runtime
from ._values import code_of, stored

_WHEN_FULL = {"wait": 0, "error": 1, "drop_oldest": 2, "drop_newest": 3}
_START_AT = {"oldest": 0, "newest": 1, "next": 2}


def _text_of(file: Optional[Path]) -> Optional[str]:
    return None if file is None else os.fspath(file)


def _place(shape: Sequence[int], start: Optional[Sequence[int]]) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
    extents = tuple(i64(extent, "an extent of the shape") for extent in shape)
    return extents, tuple(i64(at, "a start") for at in start) if start is not None else (0,) * len(extents)


class Block(NamedTuple):
    """An array and its place in a global one; made by `block`."""

    array: Any
    shape: Tuple[int, ...]
    start: Tuple[int, ...]


def block(array: Any, *, shape: Sequence[int], start: Sequence[int]) -> Block:
    """Returns a block of a global array of that shape: `step["T"] = locum.block(mine, shape=(nz, ny), start=(z, 0))`."""
    return Block(array, *_place(shape, start))


class OutputStep:
    """A step that this rank writes: `step[name] = value`. Made by `StepWriter.step`. One thread at a time."""

    def __init__(self, native: _native.OutputStep):
        self._native = native

    def __setitem__(self, name: str, value: Any) -> None:
        self.put(name, value)

    def put(self, name: str, value: Any, *, timeout: Optional[Duration] = None) -> None:
        """Writes a `block` of a global array, an array of this rank alone, or a number, by one copy."""
        place = None
        if isinstance(value, Block):
            place = (value.shape, value.start)
            value = value.array
        given = stored(value)
        if given.type_name:
            raise TypeError(f"a step has arrays of numbers, texts and bytes; {type(value).__name__} is none: put it in a store")
        self._native.put(name, given.memory, given.code, place, deadline(timeout))

    def create(
        self,
        name: str,
        count: Union[int, Sequence[int]],
        dtype: Any = np.float64,
        *,
        shape: Optional[Sequence[int]] = None,
        start: Optional[Sequence[int]] = None,
        timeout: Optional[Duration] = None,
    ) -> NDArray[Any]:
        """Returns memory of the store for an array of this rank, to be written in place until the step ends.

        It is not cleared. When the step has ended, or was discarded, the array is read-only; it stays valid, and keeps its
        memory from being used again, for as long as it or a part of it exists. Parts must not be written from then on.

        :param count: its shape
        :param shape: that of the global array of which it is a block, from `start`; None: it is of this rank alone
        """
        place = None
        if shape is not None:
            place = _place(shape, start)
        elif start is not None:
            raise ValueError("a start is a place in a global array, whose shape is missing")
        return self._native.create(name, extents_of(count), code_of(dtype), place, deadline(timeout))

    def end(self, *, timeout: Optional[Duration] = None) -> None:
        """Completes this rank's part. Readers see the step when all ranks have ended it; does not wait for them."""
        self._native.end(deadline(timeout))

    def discard(self) -> None:
        """Removes this rank's part of the step; its next one is the same step again."""
        self._native.discard()

    def __enter__(self) -> "OutputStep":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is not None:
            self.discard()
        elif self._native.is_open:
            self.end()


class StepWriter:
    """Writes a stream of steps. Collective over the ranks of the communicator, as is closing it.

        with locum.StepWriter(runtime, "heat", comm) as out:
            for n in range(steps):
                with out.step() as step:                 # an exception in the block discards the step
                    step["T"] = locum.block(T, shape=(nz, ny, nx), start=(z0, 0, 0))

    Used by one thread at a time. If an exception leaves the block, readers get BrokenPromiseError behind the last whole step.

    :param comm: the ranks that write; None: those of the runtime
    :param queue_steps: how many steps exist at a time
    :param queue_bytes: how many bytes of these; 0: no limit
    :param when_full: "wait", "error" (QueueFullError), "drop_oldest" or "drop_newest"
    :param readers: how many readers the first step waits for
    :param file: a file to which each step is written, too: a group of Zarr if it ends in ``.zarr``, else of HDF5
    """

    def __init__(
        self,
        runtime: Runtime,
        stream: str,
        comm: Any = None,
        *,
        queue_steps: int = 4,
        queue_bytes: int = 0,
        when_full: str = "wait",
        readers: int = 0,
        file: Optional[Path] = None,
    ):
        if when_full not in _WHEN_FULL:
            raise ValueError(f"when_full is one of {', '.join(map(repr, _WHEN_FULL))}, not {when_full!r}")
        if queue_steps < 1:
            raise ValueError(f"queue_steps is at least 1, not {queue_steps}")
        ranks = runtime._ranks(comm)
        self._native = _native.StepWriter(
            ranks, stream, queue_steps, queue_bytes, _WHEN_FULL[when_full], readers, _text_of(file)
        )

    def step(self, *, timeout: Optional[Duration] = None) -> OutputStep:
        """Begins the next step; blocks until there is room for it. Also raises the error of the last one."""
        return OutputStep(self._native.begin(deadline(timeout)))

    def close(self, *, timeout: Optional[Duration] = None) -> None:
        """Ends the stream. Collective; blocks until its readers have released all steps, or left."""
        if self._native.is_open:
            self._native.close(deadline(timeout))

    def abandon(self) -> None:
        """Fails the stream: its readers and its other ranks get BrokenPromiseError behind the last step that all
        have ended. Not collective; blocks for a second at most. An exception that leaves the `with` block does so."""
        if self._native.is_open:
            self._native.abandon()

    def __enter__(self) -> "StepWriter":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()


class Variable:
    """A variable of a step: `variable[10:20, ::2]` moves that box only, into an array of its own."""

    def __init__(self, step: _native.InputStep, name: str, code: int, shape: Tuple[int, ...], blocks: int, nbytes: int):
        """Made by `InputStep`, to which it does not refer: the step is released with the last that does."""
        self._step = step
        self._code = code
        self._name = name
        self._shape = shape
        self._blocks = blocks
        self._nbytes = nbytes

    @property
    def name(self) -> str:
        return self._name

    @property
    def shape(self) -> Tuple[int, ...]:
        """That of the global array; () for arrays of ranks alone, and for values."""
        return self._shape

    @property
    def blocks(self) -> int:
        """How many ranks wrote a part."""
        return self._blocks

    @property
    def nbytes(self) -> int:
        """The bytes of all parts."""
        return self._nbytes

    @property
    def dtype(self) -> Optional[np.dtype[Any]]:
        """Of its elements; None if it has none."""
        return _native.dtypes.get(self._code)

    def __getitem__(self, box: Any) -> NDArray[Any]:
        return self.read(box)

    def read(
        self, box: Any = ..., *, out: Optional[NDArray[Any]] = None, timeout: Optional[Duration] = None
    ) -> NDArray[Any]:
        """Reads a box of a global array from all its blocks. IndexError for a negative step or a mask."""
        if self.dtype is None or not self.shape:
            how = "get() returns it" if self.blocks == 1 else f"get(writer) returns what one of its {self.blocks} blocks has"
            raise TypeMismatchError(f"type_mismatch: {self.name!r} is no global array of numbers: {how}")
        found = box_of(box, self.shape)
        if out is None:
            out = np.empty(found.shape, self.dtype)
        elif out.shape != found.shape or out.dtype != self.dtype:
            raise ValueError(f"the box is {self.dtype} {found.shape}, and the array to be read into {out.dtype} {out.shape}")
        limits = None if found.is_all_of(self.shape) else (found.start, found.count, found.stride)
        if not found.is_empty:
            self._step.read(self.name, found.spread(out), self._code, limits, deadline(timeout))
        return out

    def get(self, writer: int = -1, *, timeout: Optional[Duration] = None) -> Any:
        """Returns what one rank wrote, in place if it is on this node.

        :param writer: its rank in the communicator of the writer; -1: there is only one. InvalidArgumentError if
            there are several: a number that all readers want is put by one rank
        """
        if writer < 0 and self.blocks > 1:
            raise InvalidArgumentError(
                f"invalid_argument: {self.name!r} has {self.blocks} blocks: say whose, get(0) for that of rank 0 of the"
                " writer; or let one rank alone put what is the same on all"
            )
        return self._step.get(self.name, writer, deadline(timeout))

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        array = self[...]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self, **how: Any) -> Any:
        return self[...].__dlpack__(**how)  # of a copy, which may be written

    def __dlpack_device__(self) -> "tuple[int, int]":
        return _HOST

    def __repr__(self) -> str:
        return f"<locum.Variable {self.name!r}: {self.dtype} {self.shape}, {self.blocks} blocks>"


class InputStep:
    """A step that this rank reads: `step["T"][10:20]`, `step["time"].get()`. Made by `StepReader`.

    Released at the end of its turn of the loop, or of a `with` block. Arrays that were got of it stay.
    """

    def __init__(self, native: _native.InputStep):
        self._native = native
        self._variables: Optional[Dict[str, Variable]] = None
        self._number = native.number

    @property
    def number(self) -> int:
        """The number of the step in its stream."""
        return self._number

    @property
    def variables(self) -> Dict[str, Variable]:
        """The variables of the step, by name."""
        if self._variables is None:
            self._variables = {found[0]: Variable(self._native, *found) for found in self._native.variables()}
        return self._variables

    def __getitem__(self, name: str) -> Variable:
        found = self.variables.get(name)
        if found is None:
            raise NotFoundError(
                f"not_found: step {self._number} has no variable {name!r}; it has {', '.join(self.variables) or 'none'}"
            )
        return found

    def __contains__(self, name: str) -> bool:
        return name in self.variables

    def __iter__(self) -> Iterator[str]:
        return iter(self.variables)

    def release(self) -> None:
        """Releases the step on this rank; the writer gets its room back when all ranks have released it."""
        self._native.release()

    def __enter__(self) -> "InputStep":
        return self

    def __exit__(self, *error: Any) -> None:
        self.release()

    def __repr__(self) -> str:
        return f"<locum.InputStep {self.number}>"


class StepReader:
    """Reads a stream of steps; the ranks of a communicator are one reader, and see the same steps.

        for step in locum.StepReader(runtime, "heat", comm):
            part = step["T"][10:20, ::2]                 # only the box moves

    The loop ends with the stream. Used by one thread at a time. Without a timeout a step is waited for as long as
    collective calls wait (`Runtime(collective_timeout=…)`, 600 s).

    :param comm: the ranks that read: each of them makes this reader, and the first step waits for all of them. None:
        those of the runtime, which is wrong where some of them are the simulation: give `comm.Split(…)` then
    :param start_at: the first step: "oldest" that exists, "newest", or the "next" one that ends
    :param ahead: further steps that are fetched while this one is used
    :param group: readers of one group share the steps
    :param file: a file, or a group of Zarr, whose steps are read, in place of a stream
    :param first_step: of a file; every: each n-th step of it
    """

    def __init__(
        self,
        runtime: Runtime,
        stream: str,
        comm: Any = None,
        *,
        start_at: str = "oldest",
        ahead: int = 1,
        group: Optional[str] = None,
        file: Optional[Path] = None,
        first_step: int = 0,
        every: int = 1,
    ):
        if start_at not in _START_AT:
            raise ValueError(f"start_at is one of {', '.join(map(repr, _START_AT))}, not {start_at!r}")
        if ahead < 0 or every < 1:
            raise InvalidArgumentError("invalid_argument: ahead is not negative, and every at least 1")
        ranks = runtime._ranks(comm)
        self._native = _native.StepReader(
            ranks, stream, _START_AT[start_at], ahead or -1, group, _text_of(file), first_step, every
        )

    def next(self, *, timeout: Optional[Duration] = None) -> Optional[InputStep]:
        """Blocks until the next step can be read, and returns it; None at the end of the stream."""
        found = self._native.next(False, deadline(timeout))
        return InputStep(found) if found is not None else None

    def latest(self, *, timeout: Optional[Duration] = None) -> Optional[InputStep]:
        """Returns the newest step, at least the next one; those between are left out. For a reader of one rank."""
        found = self._native.next(True, deadline(timeout))
        return InputStep(found) if found is not None else None

    def __iter__(self) -> Iterator[InputStep]:
        while True:
            step = self.next()
            if step is None:
                return
            with step:
                yield step

    def close(self) -> None:
        """Leaves the stream."""
        self._native.close()

    def __enter__(self) -> "StepReader":
        return self

    def __exit__(self, *error: Any) -> None:
        self.close()
