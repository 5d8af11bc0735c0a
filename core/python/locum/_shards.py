"""Sets of samples in shards, and epochs over them."""

import operator
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Union, overload

import numpy as np
from numpy.typing import NDArray

from . import _native, _record
from ._durations import Duration, deadline
from ._errors import EndOfStreamError
from ._files import Files
from ._interrupts import interruptible
from ._store import Store

_KEYS_AT_A_TIME = 1000
_REMAINDERS = {"exact": 0, "drop": 1, "pad": 2}

State = Dict[str, Any]


def _bytes_of_record(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(_record.encode(value), np.uint8)


def _sample_of(value: Any) -> Any:
    if type(value) is _native.Encoded:
        return _record.decode(value.bytes)
    return int(value) if type(value) is np.uint64 else value  # an int that is too large for i64


def _plain(value: Any) -> Any:
    """Returns a state as JSON holds it."""
    if isinstance(value, dict):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_plain(element) for element in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _state_of(memory: NDArray[np.uint8]) -> State:
    state: State = _plain(_record.decode(memory, True))
    return state


class Shard(Sequence[Any]):
    """A shard: a sequence of samples, each of which is read when it is asked for, without the others.

    Arrays of samples are read-only, and stay valid without the shard. It has the samples of when it was opened.
    """

    __slots__ = ("_native", "_count", "key")

    def __init__(self, native: _native.Shard, key: str):
        self._native = native
        self._count = native.count()
        self.key = key

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> Any: ...
    @overload
    def __getitem__(self, at: slice) -> List[Any]: ...
    def __getitem__(self, at: "Union[int, slice]") -> Any:
        if isinstance(at, slice):
            return [self._sample(number) for number in range(*at.indices(self._count))]
        number = operator.index(at)
        if not -self._count <= number < self._count:
            raise IndexError(f"the shard '{self.key}' has {self._count} samples, and none of the number {number}")
        return self._sample(number % self._count)

    def _sample(self, number: int) -> Any:
        return _sample_of(self._native.sample(number, 0.0))

    def __iter__(self) -> Iterator[Any]:
        return map(self._sample, range(self._count))

    def __repr__(self) -> str:
        return f"<locum.Shard {self.key}, {self._count} samples>"


class Shards:
    """A set of shards that is read: at a URL, `locum.Shards("file:///scratch/train")`, in a folder of `Files`, or in a `Store`.

    `tmp:` is a folder that is removed with its last user. In a store shards are objects, whose names end with ".shard": in
    the memory of the nodes of a job, or wherever that store keeps them. A set is pickled by its URL; one over Files or a
    Store is not pickled. In the main thread Ctrl-C ends a call that waits.
    """

    _is_readonly = True

    def __init__(
        self,
        place: "Union[str, Files, Store]",
        folder: str = "",
        *,
        codec: str = "zstd(7)",
        block_bytes: int = 64 << 10,
    ):
        files = place._native if isinstance(place, Files) else None
        store = place._native if isinstance(place, Store) else None
        if (files is None and folder) or (files is None and store is None and not isinstance(place, str)):
            raise TypeError("shards are opened by a URL, by a locum.Store, or by locum.Files and the name of a folder in them")
        self._opened_by = (place, folder, codec, block_bytes)
        self._native = _native.Shards(
            files,
            store,
            place if isinstance(place, str) else folder,
            codec,
            block_bytes,
            self._is_readonly,
        )

    def get(self, key: str, *, timeout: Optional[Duration] = None) -> Shard:
        """Opens a shard: its index is read, no sample. NotFoundError, CorruptError, TypeMismatchError."""
        return Shard(interruptible(self._native.get, key, deadline(timeout)), key)

    def keys(self) -> Iterator[str]:
        """Gives the keys in ascending order, lazily: some thousand are listed at a time."""
        after = ""
        while True:
            page = interruptible(self._native.keys, after, _KEYS_AT_A_TIME, 0.0)
            yield from page
            if len(page) < _KEYS_AT_A_TIME:
                return
            after = page[-1]

    def index(self, *, timeout: Optional[Duration] = None) -> "Dict[str, Dict[str, int]]":
        """Returns `samples` and `bytes` of each shard, by key."""
        facts = _record.decode(interruptible(self._native.index, deadline(timeout)), True)
        return {one["key"]: {"samples": one["samples"], "bytes": one["bytes"]} for one in facts}

    def samples(self, *, timeout: Optional[Duration] = None) -> int:
        """Returns the number of samples of all shards."""
        return sum(one["samples"] for one in self.index(timeout=timeout).values())

    def __reduce__(self) -> Any:
        place, folder, codec, block_bytes = self._opened_by
        if not isinstance(place, str) or place.startswith(("tmp:", "memory:")):
            raise TypeError(
                "shards over locum.Files or a locum.Store, tmp: and memory: belong to this process, and are not pickled: open them by a URL"
                " that other processes can open, such as file:///scratch/train"
            )
        return (_opened, (type(self), place, codec, block_bytes))

    def __repr__(self) -> str:
        return f"<locum.{type(self).__name__} {self._opened_by[0]!r}>"


def _opened(kind: "type[Shards]", url: str, codec: str, block_bytes: int) -> Shards:
    return kind(url, codec=codec, block_bytes=block_bytes)


def _opened_again(shards: Shards) -> Shards:
    """Opens shards for a process that was forked."""
    make, arguments = shards.__reduce__()
    again: Shards = make(*arguments)
    return again


class ShardStore(Shards):
    """A set of shards that is written, too: `locum.ShardStore("file:///scratch/train").set(samples)`.

    Samples are what a `locum.Record` holds. A shard is found by all ranks, whole, when `set` returns: nothing is kept
    back. Any thread, and any process, may write at the same time.
    """

    _is_readonly = False

    def set(self, samples: "Iterable[Any]", key: Optional[str] = None, *, timeout: Optional[Duration] = None) -> str:
        """Writes a shard, and returns its key: a new one, if none is given. KeyExistsError.

        If the iterable raises, nothing is written. A sample that no Record holds is a TypeError.
        """
        return self._native.set(map(_bytes_of_record, samples), key, deadline(timeout))

    def remove(self, key: str, *, timeout: Optional[Duration] = None) -> bool:
        """Removes a shard; False: there was none. Shards that are open stay readable."""
        return interruptible(self._native.remove, key, deadline(timeout))


class EpochReader(Iterator[Any]):
    """The samples of epochs that one rank gets, in order. One thread at a time uses it.

    After an error another call tries the same sample again; `skip(1)` goes past one that is damaged.
    """

    def __init__(self, native: _native.Epochs):
        self._native = native

    def __next__(self) -> Any:
        try:
            return _sample_of(self._native.next(0.0))
        except EndOfStreamError:
            raise StopIteration from None

    def skip(self, count: int, *, timeout: Optional[Duration] = None) -> int:
        """Leaves out the next `count` samples, as if it had given them, and reads none. Returns how many there were."""
        return interruptible(self._native.skip, _whole("count", count, 0, 2**64 - 1), deadline(timeout))

    @property
    def position(self) -> int:
        """How many samples it has given, or left out by `skip`."""
        return self._native.position()

    @property
    def damaged(self) -> int:
        """How many samples of these `skip_damaged` has left out."""
        return self._native.damaged()

    def state(self, position: Optional[int] = None) -> State:
        """Returns which samples were given so far, or when `position` were: a dict that JSON holds.

        Where a pipeline reads ahead, ask that for its `state`.
        """
        at = self.position if position is None else _whole("position", position, 0, 2**64 - 1)
        return _state_of(self._native.state_at(at))


class Epochs:
    """Epochs of a set of shards; see `locum.epochs`."""

    def __init__(self, shards: Shards, how: Dict[str, Any]):
        self._shards = shards
        self._how = how

    def split(self, rank: int, size: int) -> EpochReader:
        """Returns the samples of one rank of `size`. All ranks give the same options, and the same state."""
        _whole("size", size, 1, 2**31 - 1)
        return EpochReader(_native.Epochs(self._shards._native, _whole("rank", rank, 0, size - 1), size, self._how))

    def __iter__(self) -> EpochReader:
        return self.split(0, 1)


def epochs(
    shards: Shards,
    *,
    seed: int = 0,
    shuffle_block: Optional[int] = None,
    remainder: str = "exact",
    shuffle: bool = True,
    first: int = 0,
    count: int = 1,
    read_ahead: bool = True,
    skip_damaged: bool = False,
    state: "Optional[Mapping[str, Any]]" = None,
) -> Epochs:
    """Returns the samples of a set of shards in an order that depends on seed and epoch alone, not on the number of ranks.

    `for sample in locum.epochs(shards, seed=1).split(rank, size): …`. So many samples as `shuffle_block` are shuffled together,
    and in memory (None: as many as have 256 MiB in their files, but no more than 65 536). `remainder` says what becomes of the samples that
    are left when each rank has got the same number: "exact" (the first ranks get one more), "drop", or "pad" (the other
    ranks get samples from the beginning again). `skip_damaged` leaves out samples whose bytes are damaged, and counts them
    (`EpochReader.damaged`): ranks may get different numbers then. `state`: of all ranks, by `locum.join_states`; the epochs go
    on behind it. NotFoundError, when the first sample is asked for, if there are no shards.
    """
    if not isinstance(shards, Shards):
        raise TypeError(f"epochs are of a locum.ShardStore or locum.Shards, not of {type(shards).__name__}")
    if remainder not in _REMAINDERS:
        raise ValueError(f"a remainder is one of {', '.join(map(repr, _REMAINDERS))}, not {remainder!r}")
    return Epochs(
        shards,
        {
            "seed": _whole("seed", seed, 0, 2**64 - 1),
            "shuffle_block": 0 if shuffle_block is None else _whole("shuffle_block", shuffle_block, 1, 2**32 - 1),
            "remainder": _REMAINDERS[remainder],
            "shuffle": shuffle,
            "read_ahead": read_ahead,
            "skip_damaged": skip_damaged,
            "first": _whole("first", first, 0, 2**53 - 1),
            "count": _whole("count", count, 1, 2**64 - 1),
            "state": None if state is None else _bytes_of_state(state),
        },
    )


def _whole(name: str, number: int, least: int, most: int) -> int:
    """Returns an option of epochs as an int, if it is within its bounds."""
    try:
        made = operator.index(number)
    except TypeError:
        raise TypeError(f"{name} of epochs is an int, not {type(number).__name__}") from None
    if not least <= made <= most:
        raise ValueError(f"{name} of epochs is {least} to {most}, not {made}")
    return made


def _bytes_of_state(state: Any) -> NDArray[np.uint8]:
    if not isinstance(state, Mapping):
        raise TypeError(
            f"the state of epochs is a dict, as state() of a reader or locum.join_states gives it, not {type(state).__name__};"
            " join a list of the states of all ranks by locum.join_states"
        )
    try:
        return _bytes_of_record(dict(state))
    except (TypeError, OverflowError) as error:
        raise ValueError(f"this is no state of epochs, or a damaged one: {error}") from error


def join_states(states: "Iterable[Mapping[str, Any]]") -> State:
    """Joins the states of all ranks, in any order. InvalidArgumentError names ranks that are missing or there twice."""
    if isinstance(states, Mapping):
        raise TypeError("the states of all ranks are joined: give a list of them")
    return _state_of(_native.epochs_join([_bytes_of_state(state) for state in states]))
