"""Shards and epochs: what is set is got, and each sample comes once, also after a restart."""

import json
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest

import locum


def sample(number):
    return {
        "image": np.full((3, 3, 3), number, "f4"),
        "label": number % 2,
        "metadata": {"key": number, "name": f"n{number}", "raw": b"\0" * (number % 3)},
    }


@pytest.fixture
def store(tmp_path):
    return locum.ShardStore(f"file:{tmp_path}")


def key_of(one):
    return one["metadata"]["key"]


def test_samples_are_set_under_a_key_or_a_new_one_and_iterated(store):
    for number in range(10):
        assert store.set([sample(10 * number + at) for at in range(10)], key=f"shard_{number}") == f"shard_{number}"
    generated = store.set(sample(at) for at in range(2))
    assert len(list(store.keys())) == 11 and generated in store.keys()
    assert store.remove(generated) and not store.remove(generated)
    for key in store.keys():
        for at, one in enumerate(store.get(key)):
            expected = sample(10 * int(key[6:]) + at)
            assert one.keys() == expected.keys() and one["metadata"] == expected["metadata"]
            assert np.array_equal(one["image"], expected["image"]) and one["image"].dtype == np.float32
            assert not one["image"].flags.writeable
    assert store.samples() == 100
    assert store.index()["shard_3"]["samples"] == 10


def test_a_shard_is_a_sequence_without_the_rest(store):
    store.set(range(7), key="k")
    shard = store.get("k")
    assert len(shard) == 7 and shard[3] == 3 and shard[-1] == 6
    assert shard[1:5:2] == [1, 3] and shard[::-1] == list(range(6, -1, -1)) and list(shard) == list(range(7))
    for wrong in (7, -8):
        with pytest.raises(IndexError, match="'k' has 7 samples"):
            shard[wrong]
    with pytest.raises(TypeError):
        shard["a"]


@pytest.mark.parametrize("value", [None, True, 2.5, 1j, "text", b"bytes", [1, "a"], {"a": {"b": [None]}}, 2**63])
def test_any_value_of_a_record_is_a_sample(store, value):
    store.set([value], key="k")
    got = store.get("k")[0]
    assert got == value and type(got) is type(value)


def test_what_raises_leaves_nothing(store):
    def broken():
        yield 1
        raise RuntimeError("the source broke")

    with pytest.raises(RuntimeError, match="the source broke"):
        store.set(broken(), key="k")
    with pytest.raises(TypeError, match="set, which a Record does not hold"):
        store.set([{"a": 1}, {"b": {1, 2}}], key="k")
    assert list(store.keys()) == []
    store.set([1], key="k")
    with pytest.raises(locum.KeyExistsError):
        store.set([2], key="k")
    with pytest.raises(locum.NotFoundError):
        store.get("none")
    assert list(store.get("k")) == [1]


def test_a_read_only_set_is_a_type_without_set(tmp_path, store):
    store.set([1], key="k")
    shards = locum.Shards(f"file:{tmp_path}")
    assert list(shards.get("k")) == [1] and not hasattr(shards, "set") and not hasattr(shards, "remove")
    with pytest.raises(locum.UnsupportedError):
        locum.ShardStore(f"readonly+file:{tmp_path}").set([2])


def test_a_set_without_shards_tells_what_is_there(tmp_path, store):
    assert store.samples() == 0 and list(store.keys()) == []
    (tmp_path / "a.tar").touch()
    shards = locum.Shards(f"file:{tmp_path}")
    for call in (shards.samples, lambda: list(shards.keys()), lambda: list(locum.epochs(shards)), lambda: list(locum.epochs(store))):
        with pytest.raises(locum.NotFoundError, match=r"1 other file \('a.tar'\)"):
            call()
    with pytest.raises(locum.InvalidArgumentError, match="file:/scratch/run17"):
        locum.Shards("/scratch/train")
    with pytest.raises(locum.UnsupportedError, match=r"webdataset\+"):
        locum.Shards(f"webdatset+file:{tmp_path}")


def test_shards_in_a_folder_of_files_and_in_memory(tmp_path):
    with locum.Files("memory:") as files:
        store = locum.ShardStore(files, "train", codec="")
        store.set([1, 2], key="k")
        assert list(locum.Shards(files, "train").get("k")) == [1, 2]
        with pytest.raises(TypeError, match="open them by a URL"):
            pickle.dumps(store)
    with pytest.raises(TypeError, match="by a URL"):
        locum.ShardStore(17)


def test_shards_in_a_store():
    with locum.open("memory:") as store:
        shards = locum.ShardStore(store, codec="")
        shards.set(range(10), key="k")
        assert list(locum.Shards(store).get("k")) == list(range(10)) and "k.shard" in store
        assert sorted(locum.epochs(shards, seed=1)) == list(range(10))
        with pytest.raises(TypeError, match="name of a folder"):
            locum.ShardStore(store, "train")
        with pytest.raises(TypeError, match="open them by a URL"):
            pickle.dumps(shards)
        assert shards.remove("k") and "k.shard" not in store


class Stuck(locum.Backend):
    """Keeps bytes, and gives back none of a shard before it is told."""

    scheme = "stuck"
    records = {}
    told = threading.Event()
    is_asked = threading.Event()

    def get(self, key):
        if self.told.is_set() or "index" in key:
            return self.records.get(key)
        self.is_asked.set()
        assert self.told.wait(60)
        return self.records.get(key)

    def put(self, key, data):
        self.records[key] = data

    def remove(self, key):
        return self.records.pop(key, None) is not None

    def names(self, prefix):
        return [key for key in list(self.records) if key.startswith(prefix)]


def test_an_interrupt_ends_a_wait_for_a_sample():
    Stuck.told.set()
    shards = locum.ShardStore("stuck:x")
    shards.set(range(10), key="k")
    shards.index()
    Stuck.told.clear()
    Stuck.is_asked.clear()

    def interrupt():
        assert Stuck.is_asked.wait(60)
        os.kill(os.getpid(), signal.SIGINT)

    for wait in (lambda: next(reader), lambda: shards.get("k")):
        reader = locum.epochs(shards).split(0, 1)
        Stuck.is_asked.clear()
        thread = threading.Thread(target=interrupt)
        thread.start()
        try:
            with pytest.raises(KeyboardInterrupt):
                wait()
        finally:
            thread.join()
    Stuck.told.set()
    assert sorted(reader) == list(range(10))


def test_a_store_is_pickled_by_its_url(store):
    store.set([1], key="k")
    assert list(pickle.loads(pickle.dumps(store)).get("k")) == [1]


@pytest.mark.parametrize("first_ranks, later_ranks", [(1, 3), (3, 2), (4, 1), (2, 2)])
def test_each_sample_comes_once_also_after_a_restart_at_other_ranks(store, first_ranks, later_ranks):
    for at in range(5):
        store.set(range(21 * at, 21 * at + 21), key=f"s{at}")
    how = {"seed": 7, "shuffle_block": 16}
    whole = list(locum.epochs(store, **how))
    assert sorted(whole) == list(range(105)) != whole
    readers = [locum.epochs(store, **how).split(rank, first_ranks) for rank in range(first_ranks)]
    seen = [next(reader) for _ in range(9) for reader in readers]
    assert seen == whole[: len(seen)]
    states = [json.loads(json.dumps(reader.state())) for reader in readers]
    if first_ranks > 1:
        with pytest.raises(locum.InvalidArgumentError, match="rank"):
            locum.join_states(states[1:])
    state = json.loads(json.dumps(locum.join_states(reversed(states))))
    later = [list(locum.epochs(store, state=state, **how).split(rank, later_ranks)) for rank in range(later_ranks)]
    assert sorted(seen + sum(later, [])) == list(range(105))
    assert max(map(len, later)) - min(map(len, later)) <= 1


def test_a_state_at_a_position_leaves_out_what_was_read_ahead(store):
    store.set(range(20), key="k")
    reader = locum.epochs(store, seed=1).split(0, 1)
    order = [next(reader) for _ in range(10)]
    assert reader.position == 10
    state = locum.join_states([reader.state(4)])
    assert list(locum.epochs(store, seed=1, state=state))[:6] == order[4:]


def test_damaged_samples_are_an_error_or_left_out(tmp_path):
    url = f"file:{tmp_path}"
    locum.ShardStore(url, codec="", block_bytes=1024).set([bytes([at]) * 100 for at in range(100)], key="k")
    with open(tmp_path / "k.shard", "r+b") as file:
        file.seek(5000)
        file.write(b"\xff")
    reader = locum.epochs(locum.Shards(url), seed=2).split(0, 1)
    good = []
    while reader.position < 100:
        try:
            good.append(next(reader))
        except locum.CorruptError:
            assert reader.skip(1) == 1
    assert 85 <= len(good) < 100
    reader = locum.epochs(locum.Shards(url), seed=2, skip_damaged=True).split(0, 1)
    batches = locum.pipeline(reader).batch(10, list).prefetch(1)
    seen = []
    for batch in batches:
        seen += batch
        state = batches.state()
        assert reader.state(batches.position) == state
        rest = list(locum.epochs(locum.Shards(url), seed=2, skip_damaged=True, state=locum.join_states([state])))
        assert seen + rest == good
    assert seen == good and reader.damaged == 100 - len(good)


def test_options_of_epochs_have_bounds(store):
    store.set([1], key="k")
    for wrong in ({"seed": -1}, {"seed": 2**64}, {"shuffle_block": 0}, {"shuffle_block": 2**32}, {"count": 0}, {"first": -1}):
        with pytest.raises(ValueError, match=f"{next(iter(wrong))} of epochs is"):
            locum.epochs(store, **wrong)
    with pytest.raises(TypeError, match="seed of epochs is an int"):
        locum.epochs(store, seed=1.5)
    with pytest.raises(TypeError, match="locum.join_states"):
        locum.epochs(store, state=[locum.epochs(store).split(0, 1).state()])
    with pytest.raises(TypeError, match="a dict"):
        locum.join_states(["state"])
    with pytest.raises(TypeError, match="give a list"):
        locum.join_states(locum.epochs(store).split(0, 1).state())
    with pytest.raises(ValueError, match="no state of epochs"):
        locum.join_states([{"version": 2**70}])
    for rank, size in ((-1, 2), (2, 2), (0, 0), (0, 2**31)):
        with pytest.raises(ValueError):
            locum.epochs(store).split(rank, size)


# Small states of ranks that are far apart would take all memory.
@pytest.mark.parametrize(
    "parts",
    [
        [(2**64 - 1, 2**64 - 1, 0)],
        [(0, 0, 0), (0, 0, 2**52)],
        [(0, 0, 0), (0, 10**6, 0)],
    ],
)
def test_states_that_are_far_apart_are_refused(parts):
    states = [
        {
            "version": 1,
            "order": 5,
            "samples": 2**53,
            "epoch": epoch,
            "epochs": [],
            "rank": {"rank": rank, "of": len(parts), "epoch": rank_epoch, "consumed": consumed},
        }
        for rank, (epoch, rank_epoch, consumed) in enumerate(parts)
    ]
    with pytest.raises((locum.CorruptError, locum.InvalidArgumentError), match="too far apart|too large"):
        locum.join_states(states)


def test_the_end_of_an_epoch_is_the_beginning_of_the_next_one(store):
    store.set(range(3), key="k")
    for remainder in ("exact", "drop", "pad"):
        readers = [locum.epochs(store, seed=1, count=2, remainder=remainder).split(rank, 2) for rank in range(2)]
        ends = [{"exact": [2, 1], "drop": [1, 1], "pad": [2, 2]}[remainder][rank] for rank in range(2)]
        for reader, end in zip(readers, ends):
            for _ in range(end):
                next(reader)
        early = [reader.state(end) for reader, end in zip(readers, ends)]
        for reader in readers:
            next(reader)
        assert early == [reader.state(end) for reader, end in zip(readers, ends)]  # whatever was read ahead
        rest = locum.epochs(store, seed=1, count=2, state=locum.join_states(early))
        assert list(rest) == list(locum.epochs(store, seed=1, first=1))


def test_remainders_and_epochs(store):
    store.set(range(10), key="k")
    for remainder, counts in (("exact", [4, 3, 3]), ("drop", [3, 3, 3]), ("pad", [4, 4, 4])):
        epochs = locum.epochs(store, remainder=remainder)
        assert [len(list(epochs.split(rank, 3))) for rank in range(3)] == counts
    two = list(locum.epochs(store, seed=3, count=2))
    assert sorted(two[:10]) == sorted(two[10:]) == list(range(10)) and two[:10] != two[10:]
    assert two[10:] == list(locum.epochs(store, seed=3, first=1))
    assert list(locum.epochs(store, shuffle=False)) == list(range(10))
    with pytest.raises(ValueError, match="'exact', 'drop', 'pad'"):
        locum.epochs(store, remainder="half")
    with pytest.raises(TypeError, match="not of list"):
        locum.epochs([1, 2])


def test_iteration_beside_pickle(store, tmp_path):
    samples = [{"x": float(at), "y": at} for at in range(20_000)]
    store.set(samples, key="k")
    with open(tmp_path / "pickles", "wb") as file:
        for one in samples:
            pickle.dump(one, file)
    began = time.perf_counter()
    assert sum(one["y"] for one in store.get("k")) == sum(range(20_000))
    ours = time.perf_counter() - began
    began = time.perf_counter()
    with open(tmp_path / "pickles", "rb") as file:
        assert sum(pickle.load(file)["y"] for _ in samples) == sum(range(20_000))
    theirs = time.perf_counter() - began
    print(f"20 000 small samples: {ours:.3f} s, as pickles {theirs:.3f} s: {ours / theirs:.1f} times")
