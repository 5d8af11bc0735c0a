"""The loader of epochs for PyTorch beside a dataset by hand, of the same samples: usage: torch_loader.py [rounds]

Needs the package in PYTHONPATH, and PyTorch.
"""

import os
import pickle
import random
import statistics
import sys
import tempfile
import time

import numpy as np
import torch

import locum
import locum.torch

SHARDS, SAMPLES_OF_SHARD, BATCH = 40, 200, 64


class ByHand(torch.utils.data.IterableDataset):
    """Shards that are pickled lists: each worker reads its own part, ten shards at a time, and shuffles these."""

    def __init__(self, folder):
        self.folder = folder

    def __iter__(self):
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        chosen = random.Random(1)
        shards = list(range(SHARDS))
        chosen.shuffle(shards)
        for first in range(worker * 10, SHARDS, workers * 10):
            samples = []
            for shard in shards[first : first + 10]:
                with open(os.path.join(self.folder, str(shard)), "rb") as file:
                    samples += pickle.load(file)
            chosen.shuffle(samples)
            yield from samples


def samples_a_second(loader):
    began = time.perf_counter()
    samples = sum(len(batch["y"]) for batch in loader)
    assert samples == SHARDS * SAMPLES_OF_SHARD
    return samples / (time.perf_counter() - began)


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    torch.set_num_threads(1)
    random_numbers = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        url = f"file:{folder}/locum"
        store = locum.ShardStore(url, codec="")
        for shard in range(SHARDS):
            samples = [
                {"x": random_numbers.random((64, 64), "f4"), "y": shard * SAMPLES_OF_SHARD + number}
                for number in range(SAMPLES_OF_SHARD)
            ]
            store.set(samples, key=f"{shard:03}")
            with open(os.path.join(folder, str(shard)), "wb") as file:
                pickle.dump(samples, file, pickle.HIGHEST_PROTOCOL)
        for workers in (0, 2):
            ratios = []
            for _ in range(rounds):
                ours = samples_a_second(
                    locum.torch.EpochLoader(locum.Shards(url), BATCH, seed=1, shuffle_block=2000, num_workers=workers)
                )
                twin = samples_a_second(torch.utils.data.DataLoader(ByHand(folder), batch_size=BATCH, num_workers=workers))
                ratios.append(ours / twin)
            print(f"{workers} workers: {ours:.0f} samples/s, by hand {twin:.0f}; ratio {statistics.median(ratios):.2f}"
                  f" ({min(ratios):.2f} to {max(ratios):.2f})")


main()
