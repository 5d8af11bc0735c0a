"""Epochs in PyTorch: each sample once and in the same order at any number of workers, also after a restart."""

import json
import os
import pickle
import random
import signal
import subprocess
import sys
import warnings

import numpy as np
import pytest

import locum

torch = pytest.importorskip("torch", reason="PyTorch is not installed (package python3-torch)")

import locum.torch  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore:This DataLoader will create")  # more workers than cores

SAMPLES = 103


@pytest.fixture
def url(tmp_path):
    store = locum.ShardStore(f"file:{tmp_path}")
    for first in range(0, SAMPLES, 10):
        store.set(
            [{"x": np.full((2, 3), at, "f4"), "number": at, "name": str(at)} for at in range(first, min(first + 10, SAMPLES))],
            key=f"shard_{first:03}",
        )
    return f"file:{tmp_path}"


def loader_of(url, batch_size=8, **how):
    how = {"seed": 3, "shuffle_block": 32, **how}
    return locum.torch.EpochLoader(locum.Shards(url), batch_size, **how)


def numbers(batches):
    return [batch["number"].tolist() for batch in batches]


def flat(batches):
    return [number for batch in numbers(batches) for number in batch]


def number_of(sample):
    return torch.tensor([sample["number"]]), sample["x"] + 1


def test_batches_are_tensors(url):
    batches = list(loader_of(url))
    assert len(batches) == 13 and [len(batch["name"]) for batch in batches] == [8] * 12 + [7]
    for batch in batches:
        assert batch["x"].dtype == torch.float32 and batch["x"].shape == (len(batch["name"]), 2, 3)
        assert batch["number"].dtype == torch.int64 and batch["name"] == [str(at) for at in batch["number"].tolist()]
        assert torch.equal(batch["x"][:, 1, 2], batch["number"].float())
        batch["x"] += 1  # is the program's own
    pairs = list(loader_of(url, transform=number_of))
    assert pairs[0][0].shape == (8, 1) and pairs[0][1].shape == (8, 2, 3)
    assert [len(batch) for batch in loader_of(url, collate=list)] == [8] * 12 + [7]
    assert len(loader_of(url)) == 13
    short = loader_of(url, drop_last=True)
    assert len(list(short)) == len(short) == 12


@pytest.mark.parametrize("workers", [1, 3, 17])
def test_the_order_does_not_depend_on_the_number_of_workers(url, workers):
    expected = [numbers(loader_of(url, rank=rank, size=2, remainder="exact")) for rank in range(2)]
    assert sorted(number for rank in expected for batch in rank for number in batch) == list(range(SAMPLES))
    for rank in range(2):
        assert numbers(loader_of(url, rank=rank, size=2, remainder="exact", num_workers=workers)) == expected[rank]


def test_workers_that_are_spawned_or_stay(url):
    plain = loader_of(url)
    expected = [numbers(plain) for _ in range(3)]
    assert expected[0] != expected[1] and sorted(map(len, expected[0])) == sorted(map(len, expected[1]))
    assert numbers(loader_of(url, num_workers=2, multiprocessing_context="spawn")) == expected[0]
    stays = loader_of(url, num_workers=2, persistent_workers=True)
    assert [numbers(stays) for _ in range(3)] == expected
    stays.epoch = 1
    assert numbers(stays) == expected[1] and stays.epoch == 2


def test_a_state_in_the_middle_counts_what_the_loop_has_got(url):
    chosen = random.Random(5)
    for _ in range(6):
        workers, later = chosen.choice([0, 2]), chosen.choice([0, 2])
        ranks, ranks_later = chosen.choice([1, 2, 3]), chosen.choice([1, 2])
        seen, states = [], []
        for rank in range(ranks):
            loader = loader_of(url, rank=rank, size=ranks, remainder="exact", num_workers=workers)
            left = chosen.randrange(0, 8)
            for batch in loader if left else ():
                seen += batch["number"].tolist()
                left -= 1
                if left == 0:
                    break  # what the workers have read ahead is not consumed
            states.append(json.loads(json.dumps(loader.state_dict())))
        for rank in range(ranks_later):
            loader = loader_of(url, 5, rank=rank, size=ranks_later, remainder="exact", num_workers=later)
            loader.load_state_dict(states)
            while loader.epoch == 0:
                seen += flat(loader)
        assert sorted(seen) == list(range(SAMPLES))


def test_a_loader_goes_on_in_the_order_that_it_would_have_had(url):
    plain = loader_of(url)
    expected = [numbers(plain) for _ in range(3)]
    stopped = loader_of(url, num_workers=2)
    list(stopped)
    for number, batch in enumerate(stopped):
        if number == 4:
            break
    state = stopped.state_dict()
    assert stopped.epoch == 2
    resumed = loader_of(url, num_workers=3, persistent_workers=True)
    list(resumed)  # its workers begin in another state
    resumed.load_state_dict(state)
    assert resumed.epoch == 1
    assert numbers(resumed) == expected[1][5:]
    ended = resumed.state_dict()
    assert numbers(resumed) == expected[2]
    resumed.load_state_dict(ended)
    assert resumed.epoch == 2 and numbers(resumed) == expected[2]
    resumed.epoch = 0
    assert numbers(resumed) == expected[0]


def test_states_that_do_not_fit_are_refused(url):
    loader = loader_of(url, rank=0, size=2, remainder="drop")
    next(iter(loader))
    with pytest.raises(locum.InvalidArgumentError, match="rank 1 of 2 is missing"):
        loader.load_state_dict(loader.state_dict())
    state = loader_of(url).state_dict()
    with pytest.raises(locum.InvalidArgumentError, match="another seed"):
        loader_of(url, seed=4).load_state_dict(state)
    for wrong in (None, 7, float("nan")):
        with pytest.raises(TypeError, match="a state is that of state_dict"):
            loader.load_state_dict(wrong)
    with pytest.raises(ValueError):
        loader.epoch = 2**63
    with pytest.raises(TypeError, match="give collate="):
        loader_of(url, collate_fn=list)
    for wrong in ({"rank": 5, "size": 2, "remainder": "drop"}, {"rank": 0, "size": 0, "remainder": "drop"}):
        with pytest.raises(ValueError):
            loader_of(url, **wrong)
    for wrong in ({"rank": 1}, {"size": 2, "rank": 0}, {"batch_size": 0}, {"rank": 2, "size": 2, "remainder": "no"}):
        with pytest.raises(ValueError):
            loader_of(url, **wrong)
    with pytest.raises(ValueError, match="give the batch_size"):
        locum.torch.EpochDataset(locum.Shards(url), drop_last=True)


@pytest.mark.parametrize("workers", [0, 2])
def test_damaged_samples_are_left_out_where_that_is_wanted(tmp_path, workers):
    url = f"file:{tmp_path}"
    locum.ShardStore(url, codec="", block_bytes=1024).set([{"number": at, "x": np.zeros(25)} for at in range(100)], key="k")
    with open(tmp_path / "k.shard", "r+b") as file:
        file.seek(5000)
        byte = file.read(1)
        file.seek(5000)
        file.write(bytes([byte[0] ^ 1]))
    with pytest.raises(locum.CorruptError, match="are damaged"):
        list(loader_of(url, num_workers=workers))
    loader = loader_of(url, skip_damaged=True, num_workers=workers)
    batches = numbers(loader)
    seen = [number for batch in batches for number in batch]
    assert 90 <= len(seen) == len(set(seen)) < 100 and len(batches) == 13 and max(map(len, batches)) == 8
    # A state in the middle counts positions, not samples.
    for got, _ in enumerate(loader):
        if got == 6:
            break
    state = loader.state_dict()
    expected = numbers(loader_of(url, skip_damaged=True, seed=3))
    again = loader_of(url, skip_damaged=True)
    again.epoch = 1
    whole = numbers(again)
    again.load_state_dict(state)
    assert numbers(again) == whole[7:] and expected == batches
    with pytest.raises(locum.CorruptError):  # there is no batch of no samples
        list(loader_of(url, 1, skip_damaged=True, num_workers=workers))
    # A batch that drop_last leaves out is none.
    plain = loader_of(url, 32, skip_damaged=True, drop_last=True, shuffle=False, num_workers=workers)
    assert len(list(plain)) == len(plain) == 3
    with open(tmp_path / "k.shard", "r+b") as file:  # all of the last ones, too
        file.seek(100 * 200)
        file.write(b"\xff" * 2000)
    assert len(list(plain)) == 3
    with pytest.raises(ValueError, match="give the batch_size"):
        locum.torch.EpochDataset(locum.Shards(url), skip_damaged=True)


def test_a_set_without_shards_is_an_error(tmp_path):
    loader = loader_of(f"file:{tmp_path}/tarin")
    with pytest.raises(locum.NotFoundError, match="no shards"):
        next(iter(loader))
    with pytest.raises(locum.NotFoundError, match="no shards"):
        len(loader)


def test_the_dataset_in_a_loader_of_the_program(url):
    expected = numbers(loader_of(url))
    shards = locum.Shards(url)
    dataset = locum.torch.EpochDataset(shards, batch_size=8, seed=3, shuffle_block=32)
    loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=2)
    assert numbers(loader) == expected and len(loader) == 13
    dataset.load_state_dict(dataset.state_dict(3))
    assert numbers(loader) == expected[3:]
    dataset.set_epoch(1)
    assert numbers(loader) != expected
    stays = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=1, persistent_workers=True)
    list(stays)
    dataset.load_state_dict(dataset.state_dict(None))
    with pytest.raises(RuntimeError, match="make a new\\s+DataLoader"):
        list(stays)
    samples = locum.torch.EpochDataset(shards, seed=3, shuffle_block=32)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for workers in (0, 2):
            loader = torch.utils.data.DataLoader(samples, batch_size=8, num_workers=workers)
            assert sorted(flat(loader)) == list(range(SAMPLES))
        assert numbers(torch.utils.data.DataLoader(samples, batch_size=8)) == expected


def dies(sample):
    if torch.utils.data.get_worker_info().id == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return sample


def fails(sample):
    raise ValueError(f"no image in {sample['name']}")


def test_workers_that_fail_or_die_are_told(url, tmp_path):
    with pytest.raises(RuntimeError, match="DataLoader worker .*exited unexpectedly|killed by signal"):
        list(loader_of(url, num_workers=2, transform=dies))
    with pytest.raises(ValueError, match="no image in"):
        list(loader_of(url, num_workers=2, transform=fails))
    damaged = tmp_path / "shard_050.shard"
    content = bytearray(damaged.read_bytes())
    content[len(content) // 3] ^= 255
    damaged.write_bytes(content)
    with pytest.raises(locum.CorruptError, match="shard_050"):
        list(loader_of(url, num_workers=2))


def test_shards_of_this_process_need_a_loader_without_workers():
    store = locum.ShardStore("tmp:")
    store.set(range(10))
    assert sorted(number for batch in locum.torch.EpochLoader(store, 4) for number in batch.tolist()) == list(range(10))
    with pytest.raises(TypeError, match="open them by a URL"):
        list(locum.torch.EpochLoader(store, 4, num_workers=1))


def test_a_pickled_dataset(url):
    dataset = locum.torch.EpochDataset(locum.Shards(url), batch_size=8, seed=3, shuffle_block=32)
    again = pickle.loads(pickle.dumps(dataset))
    assert numbers(again) == numbers(dataset)


def test_a_trained_model_of_two_processes_has_seen_each_sample(url, tmp_path):
    """torch.distributed says which rank this is, and all ranks make the same number of steps."""
    program = """
import sys, torch, torch.distributed, locum.torch
rank, url, rendezvous = int(sys.argv[1]), sys.argv[2], sys.argv[3]
torch.distributed.init_process_group("gloo", init_method="file://" + rendezvous, rank=rank, world_size=2)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(6, 1))
loader = locum.torch.EpochLoader(locum.Shards(url), 8, seed=3, remainder="pad", num_workers=1)
seen = torch.zeros(%d)
for batch in loader:
    model(batch["x"].flatten(1)).sum().backward()
    seen[batch["number"]] = 1
torch.distributed.all_reduce(seen)
assert (seen >= 1).all()
torch.distributed.destroy_process_group()
""" % SAMPLES
    ranks = [
        subprocess.Popen([sys.executable, "-c", program, str(rank), url, str(tmp_path / "rendezvous")], stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    for rank in ranks:
        _, errors = rank.communicate(timeout=120)
        assert rank.returncode == 0, errors.decode()
