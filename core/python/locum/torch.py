"""Epochs over shards for PyTorch: a loader, which counts what the loop gets, and a dataset for one's own loader.

    import locum.torch

    shards = locum.Shards("file:///scratch/train")
    loader = locum.torch.EpochLoader(shards, batch_size=256, num_workers=4, seed=1, rank=rank, size=size, remainder="drop")
    loader.load_state_dict(saved)             # of all ranks, if there is any: each sample behind it comes exactly once
    while loader.epoch < 10:
        for batch in loader:                  # tensors, or dicts and tuples of them
            train(batch)
        saved = loader.state_dict()           # of this rank, also in the middle of the loop

The batches, and their order, depend neither on the number of workers nor on what these have read ahead: the state is what
the loop has got. See `locum.epochs` for the order, and for how samples are split over ranks.
"""

import os
from typing import Any, Callable, Dict, Iterable, Iterator, List, Mapping, Optional, Sequence, Union

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from ._batch import Batch
from ._errors import CorruptError
from ._shards import EpochReader, Shards, State, _opened_again, _whole, epochs, join_states

_ALL = 2**64 - 1


def _tensors(value: Any) -> Any:
    """Returns the value with tensors in place of its arrays; those that are read-only, as in samples, are copied."""
    if isinstance(value, np.ndarray):
        return torch.from_numpy(value if value.flags.writeable else value.copy())
    if isinstance(value, dict):
        return {name: _tensors(member) for name, member in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_tensors, value))
    if isinstance(value, list):
        return torch.stack(value) if value and all(map(torch.is_tensor, value)) else list(map(_tensors, value))
    return value


def _as_it_is(batch: Any) -> Any:
    return batch


def _place(rank: Optional[int], size: Optional[int]) -> "tuple[int, int]":
    if (rank is None) != (size is None):
        raise ValueError("give both the rank and the number of ranks, size, or neither")
    if rank is not None and size is not None:
        return rank, size
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank(), torch.distributed.get_world_size()
    return 0, 1


class EpochDataset(IterableDataset[Any]):
    """The samples of one rank in an epoch of shards, or its batches, for a `torch.utils.data.DataLoader`.

    `DataLoader(EpochDataset(shards, batch_size=256, seed=1), batch_size=None, num_workers=4)`: its workers make whole
    batches by turns, so that the order of batches is that of a loader without workers. Without a batch size it gives single
    samples, `DataLoader(EpochDataset(shards), batch_size=256, num_workers=4)`: each comes once, in an order that depends on
    the number of workers.

    The shards are those of a URL that processes of workers can open, if there are any. `len()` is of a whole epoch.

    :param batch_size: samples of a batch; the last one may have fewer, unless `drop_last` says that it is left out
    :param transform: is called with each sample, and returns what is batched; arrays of a sample are read-only
    :param collate: makes a batch of a list of samples; None: arrays, numbers and tensors become one tensor, dicts and tuples
        one of what their members become, other values a list
    :param rank, size: which samples are this rank's; None: those of torch.distributed, if that was initialised, else all
    :param remainder: as of `locum.epochs`; to be given if there are several ranks: "drop" or "pad" if all must get the same
        number of samples, as in a loop with a collective call, else "exact"
    :param skip_damaged: leaves samples out of batches that are damaged; a batch of which all are is a CorruptError
    """

    def __init__(
        self,
        shards: Shards,
        *,
        batch_size: Optional[int] = None,
        drop_last: bool = False,
        transform: "Optional[Callable[[Any], Any]]" = None,
        collate: "Optional[Callable[[List[Any]], Any]]" = None,
        rank: Optional[int] = None,
        size: Optional[int] = None,
        seed: int = 0,
        shuffle_block: Optional[int] = None,
        remainder: Optional[str] = None,
        shuffle: bool = True,
        read_ahead: bool = True,
        skip_damaged: bool = False,
    ):
        self.rank, self.size = _place(rank, size)
        if remainder is None and self.size > 1:
            raise ValueError(
                "say what becomes of the samples that are left when each rank has got the same number: remainder='drop' or 'pad'"
                " if each step of the loop is one of all ranks, as with DistributedDataParallel; else 'exact'"
            )
        if batch_size is not None:
            _whole("batch_size", batch_size, 1, 2**31)
        if batch_size is None and (collate is not None or drop_last):
            raise ValueError("collate and drop_last are of batches: give the batch_size, too, and DataLoader batch_size=None")
        if batch_size is None and skip_damaged:
            raise ValueError("skip_damaged makes batches shorter: give the batch_size, too, and DataLoader batch_size=None")
        self._shards = shards
        self._opener = os.getpid()
        self._batch_size = batch_size
        self._drops_last = drop_last
        self._skips_damaged = skip_damaged
        self._transform = transform
        self._collate = collate
        self._how: Dict[str, Any] = {
            "seed": seed,
            "shuffle_block": shuffle_block,
            "remainder": "exact" if remainder is None else remainder,
            "shuffle": shuffle,
            "read_ahead": read_ahead,
        }
        self._state: Optional[State] = None
        self._loads = 0
        # The epoch, and how many states were loaded: workers that stay for several epochs have copies of all else.
        self._shared = torch.zeros(2, dtype=torch.int64).share_memory_()
        self._reader(0)  # tells of wrong options here, not in a worker

    def _reader(self, epoch: int) -> EpochReader:
        return epochs(self._shards, first=epoch, state=self._state, **self._how).split(self.rank, self.size)

    @property
    def epoch(self) -> int:
        """The epoch that the next pass gives."""
        return int(self._shared[0])

    def set_epoch(self, epoch: int) -> None:
        """Chooses the epoch of the next pass. After `load_state_dict` that of the state is chosen."""
        _whole("epoch", epoch, 0, 2**53 - 1)
        if self._state is not None and epoch < self._state["epoch"]:
            self._state = None  # from the beginning again
            self._loads += 1
            self._shared[1] = self._loads
        self._shared[0] = epoch

    def _samples(self, reader: EpochReader, count: int, damage: List[CorruptError]) -> "Iterator[Any]":
        for _ in range(count):
            try:
                sample = next(reader)
            except StopIteration:
                return
            except CorruptError as error:
                if not self._skips_damaged:
                    raise
                damage.append(error)
                reader.skip(1)
                continue
            yield sample if self._transform is None else self._transform(sample)

    def _batch(self, reader: EpochReader, most: int) -> Any:
        """Returns the next batch; None: there is none."""
        begin = reader.position
        damage: List[CorruptError] = []
        batch: Any = None if self._collate is None else []
        count = 0
        for sample in self._samples(reader, most, damage):
            if self._collate is not None:
                batch.append(sample)
            else:
                batch = Batch(sample, most) if batch is None else batch
                batch.set(count, sample)
            count += 1
        if self._drops_last and reader.position - begin < most:
            return None
        if count == 0:
            if damage:
                raise damage[0]
            return None
        return self._collate(batch) if self._collate is not None else _tensors(batch.made(count))

    def __iter__(self) -> "Iterator[Any]":
        if os.getpid() != self._opener:  # a worker that was forked: threads and files of the opener are not its own
            self._inherited = self._shards
            self._shards, self._opener = _opened_again(self._shards), os.getpid()
        if self._loads != int(self._shared[1]):
            raise RuntimeError(
                "a state was loaded, or an earlier epoch set, after the workers of the DataLoader had begun: make a new"
                " DataLoader, or one without persistent_workers"
            )
        info = get_worker_info()
        worker, workers = (info.id, info.num_workers) if info is not None else (0, 1)
        reader = self._reader(self.epoch)
        turn = self._batch_size if self._batch_size is not None else 1
        reader.skip(worker * turn)
        while True:
            if self._batch_size is None:
                for sample in self._samples(reader, 1, []):
                    yield _tensors(sample)
                    break
                else:
                    return
            else:
                batch = self._batch(reader, turn)
                if batch is None:
                    return
                yield batch
            if workers > 1:
                reader.skip((workers - 1) * turn)

    def __len__(self) -> int:
        samples = epochs(self._shards, **self._how).split(self.rank, self.size).skip(_ALL)
        if self._batch_size is None:
            return samples
        return samples // self._batch_size if self._drops_last else -(-samples // self._batch_size)

    def state_dict(self, consumed: Optional[int]) -> State:
        """Returns the state of this rank when its loop has got so many batches of the epoch; None: all.

        Samples, where the dataset gives these, of a loader without workers.
        """
        if consumed is None:
            reader = self._reader(self.epoch + 1)
            reader.skip(0)
        else:
            reader = self._reader(self.epoch)
            reader.skip(consumed * (self._batch_size or 1))
        return reader.state()

    def load_state_dict(self, state: "Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]") -> None:
        """Goes on behind a state of all ranks: those of `state_dict` in a list, or joined by `locum.join_states`.

        The number of ranks, of workers and the batch size may be others than before. The state of one rank of several is an
        InvalidArgumentError.
        """
        if not isinstance(state, (Mapping, Iterable)):
            raise TypeError(f"a state is that of state_dict, or a list of those of all ranks, not {type(state).__name__}")
        joined = join_states([state] if isinstance(state, Mapping) else state)
        before, self._state = self._state, joined
        try:
            self._reader(joined["epoch"]).skip(0)  # whether it is of these shards, and this seed
        except BaseException:
            self._state = before
            raise
        self._loads += 1
        self._shared[1] = self._loads
        self._shared[0] = joined["epoch"]

    def __getstate__(self) -> Dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name not in ("_opener", "_inherited")}

    def __setstate__(self, members: Dict[str, Any]) -> None:
        self.__dict__.update(members)
        self._opener = os.getpid()


class EpochLoader(DataLoader[Any]):
    """A `torch.utils.data.DataLoader` of epochs of shards: each loop over it gives the next epoch.

    It counts what the loop gets, for `state_dict`. The other arguments are those of `EpochDataset`; `loader` has those of
    DataLoader, such as `num_workers`, `pin_memory`, `persistent_workers` and `multiprocessing_context`.
    """

    dataset: EpochDataset

    def __init__(
        self,
        shards: Shards,
        batch_size: int,
        *,
        drop_last: bool = False,
        transform: "Optional[Callable[[Any], Any]]" = None,
        collate: "Optional[Callable[[List[Any]], Any]]" = None,
        rank: Optional[int] = None,
        size: Optional[int] = None,
        seed: int = 0,
        shuffle_block: Optional[int] = None,
        remainder: Optional[str] = None,
        shuffle: bool = True,
        read_ahead: bool = True,
        skip_damaged: bool = False,
        **loader: Any,
    ):
        if "collate_fn" in loader:
            raise TypeError("batches of an EpochLoader are made by its dataset: give collate= in place of collate_fn=")
        dataset = EpochDataset(
            shards,
            batch_size=batch_size,
            drop_last=drop_last,
            transform=transform,
            collate=collate,
            rank=rank,
            size=size,
            seed=seed,
            shuffle_block=shuffle_block,
            remainder=remainder,
            shuffle=shuffle,
            read_ahead=read_ahead,
            skip_damaged=skip_damaged,
        )
        super().__init__(dataset, batch_size=None, collate_fn=_as_it_is, **loader)
        self._next = 0
        self._got: Optional[int] = None  # batches of the pass; None: none was begun, or it has ended

    @property
    def epoch(self) -> int:
        """The number of the epoch that the next loop gives. Setting it chooses another one."""
        return self._next

    @epoch.setter
    def epoch(self, number: int) -> None:
        loads = self.dataset._loads
        self.dataset.set_epoch(number)
        self._next, self._got = number, None
        if self.dataset._loads != loads:
            self._iterator = None  # ends workers that go on behind the state

    def __iter__(self) -> Any:  # an iterator of batches; DataLoader's is one of its own classes
        self.dataset.set_epoch(self._next)
        self._got = 0
        self._next += 1
        number = self._next
        batches = super().__iter__()
        try:
            for batch in batches:
                if self._next == number and self._got is not None:  # else another loop has begun
                    self._got += 1
                yield batch
        finally:
            # An error of a worker refers to itself, and thereby to these. If a later worker, which is forked, collects them
            # as garbage, it waits some seconds for processes that are not its own.
            if not self.persistent_workers and hasattr(batches, "_shutdown_workers"):
                batches._shutdown_workers()
        if self._next == number:
            self._got = None
            self.dataset.set_epoch(number)

    def state_dict(self) -> State:
        """Returns which samples the loops of this rank have got so far: a dict that JSON holds, and `torch.save`.

        In the loop the batch that it has got counts as consumed.
        """
        if self._got is None:
            reader = self.dataset._reader(self._next)
            reader.skip(0)
            return reader.state()
        return self.dataset.state_dict(self._got)

    def load_state_dict(self, state: "Union[Mapping[str, Any], Sequence[Mapping[str, Any]]]") -> None:
        """Goes on behind a state of all ranks, as `EpochDataset.load_state_dict`: the next loop gives the rest of its epoch."""
        self.dataset.load_state_dict(state)
        self._iterator = None  # ends workers that have another state
        self._next, self._got = self.dataset.epoch, None
