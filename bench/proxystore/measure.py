"""Two ranks of one node: rank 0 puts an array and sends its stand-in, rank 1 resolves it. See README.md, and `run`, which starts this."""

import os
import shutil
import sys
import tempfile
import time
from statistics import median

import numpy as np
from mpi4py import MPI

import locum
from locum.proxystore import LocumConnector
from proxystore.connectors.file import FileConnector
from proxystore.proxy import get_factory, resolve
from proxystore.store import Store, register_store, unregister_store

comm = MPI.COMM_WORLD
rank = comm.rank
WARM_UP = 2
SIZES = {"1 KiB": (1 << 10, 64, 30), "1 MiB": (1 << 20, 8, 20), "64 MiB": (64 << 20, 1, 15)}  # bytes, arrays a round, rounds


class Locum:
    """Stores of locum, with its own stand-ins."""

    name = "locum.proxy"

    def __init__(self, runtime):
        self.store = runtime.store("fields")
        self.keys = []

    def put(self, value):
        key = self.store.put(value)
        self.keys.append(key)
        return self.store.proxy(key)

    def warm(self, values):
        """Makes the memory of the store warm that the values will take: nothing else does between slow rounds."""
        for key in [self.store.put(value) for value in values]:
            self.store.evict(key)

    def resolve(self, proxy):
        locum.resolve(proxy)

    def clear(self, proxies):
        for key in self.keys:
            self.store.evict(key)
        self.keys.clear()

    def end(self):
        pass


class ProxyStore:
    """A Store of ProxyStore over one of its connectors. It keeps no objects: each proxy gets its own."""

    def __init__(self, name, connector):
        self.name = name
        self.store = Store(name, connector, cache_size=0)
        register_store(self.store)  # where proxies look for it

    def put(self, value):
        return self.store.proxy(value)

    def warm(self, values):
        for key in self.store.put_batch(values):
            self.store.evict(key)

    def resolve(self, proxy):
        resolve(proxy)

    def clear(self, proxies):
        for proxy in proxies:
            self.store.evict(get_factory(proxy).key)

    def end(self):
        unregister_store(self.store.name)
        self.store.connector.close()


def timed(call, arguments):
    """Returns the time of a call in µs, and what the calls return."""
    began = time.perf_counter()
    results = [call(argument) for argument in arguments]
    return (time.perf_counter() - began) / len(arguments) * 1e6, results


def one_round(way, values):
    """Returns the times of put on rank 0, in memory that was used before; of resolve, and of the first sum over all elements, on rank 1, in µs."""
    comm.Barrier()
    if rank == 0:
        way.warm(values)
        put_us, proxies = timed(way.put, values)
        comm.send(proxies, 1)
        resolve_us, sum_us, sums = comm.recv(source=1)
        assert sums == [value.sum() for value in values], f"{way.name}: other arrays than were put"
        way.clear(proxies)
        return put_us, resolve_us, sum_us
    proxies = comm.recv(source=0)
    resolve_us, _ = timed(way.resolve, proxies)
    sum_us, sums = timed(lambda proxy: proxy.sum(), proxies)
    comm.send((resolve_us, sum_us, sums), 0)
    return None


def measure(ways, size, count, rounds):
    values = [np.random.default_rng(seed).random(size // 8) for seed in range(count)]
    times = {way.name: [] for way in ways}
    for number in range(WARM_UP + rounds):
        for way in ways:
            row = one_round(way, values)
            if rank == 0 and number >= WARM_UP:
                times[way.name].append(row)
    return times


GOALS = {  # put and resolve, as ratios to ProxyStore over files: more than, for each size
    ("locum.proxy", "1 KiB"): (1, 1),
    ("locum.proxy", "1 MiB"): (1, 1),
    ("locum.proxy", "64 MiB"): (5, 1000),
    ("ProxyStore over LocumConnector", "1 KiB"): (1, 1),
    ("ProxyStore over LocumConnector", "1 MiB"): (1, 1),
    ("ProxyStore over LocumConnector", "64 MiB"): (1, 1),
}


def number(value):
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def print_table(label, times, twin):
    for name, rows in times.items():
        cells = []
        for at in range(3):
            ours = median(row[at] for row in rows)
            ratio = median(theirs[at] / mine[at] for mine, theirs in zip(rows, times[twin]))
            text = number(ours) if name == twin else f"{number(ours)} ({number(ratio)})"
            goal = GOALS.get((name, label)) if at < 2 else None
            if goal is not None:
                text += f", goal {'≥' if goal[at] > 1 else '>'} {goal[at]}: {'met' if ratio > goal[at] else 'MISSED'}"
            cells.append(text)
        print(f"| {label} | {name} | {' | '.join(cells)} |", flush=True)


def main():
    labels = sys.argv[1].split(",") if len(sys.argv) > 1 else list(SIZES)
    folder = comm.bcast(tempfile.mkdtemp(prefix="locum_proxystore.", dir="/dev/shm") if rank == 0 else None)
    try:
        with locum.Runtime(comm, memory_bytes="1GiB") as runtime:
            ways = [
                Locum(runtime),
                ProxyStore("ProxyStore over LocumConnector", LocumConnector(runtime=runtime)),
                ProxyStore("ProxyStore over files", FileConnector(folder, clear=False)),
            ]
            if rank == 0:
                print("| size | | put, µs (times as fast) | resolve, µs | sum of all elements, µs |\n|---|---|---|---|---|")
            for label in labels:
                times = measure(ways, *SIZES[label])
                if rank == 0:
                    print_table(label, times, ways[-1].name)
            for way in ways:
                way.end()
    finally:
        comm.Barrier()
        if rank == 0:
            shutil.rmtree(folder)


main()
