"""Processes that write an array of Zarr together, each a part of it, and read it: by locum, and by zarr-python. See README.md, and `run`."""

import argparse
import multiprocessing
import os
import shutil
import sys
import tempfile
import time
from statistics import median

import numpy as np

try:
    import numcodecs
    import zarr
except ImportError as error:
    print(f"Not measured: there is no zarr-python here ({error}); install python3-zarr", file=sys.stderr)
    sys.exit(77)

import locum

WARM_UP = 1
MEBIBYTE = 1 << 20
CODECS = {  # as locum names them, and as zarr-python does
    "zstd(1)": lambda: numcodecs.Zstd(level=1),
    "blosc(lz4)": lambda: numcodecs.Blosc(cname="lz4", clevel=5, shuffle=numcodecs.Blosc.SHUFFLE),
}
TYPES = {"float32": (512, 1024), "float64": (512, 512)}  # and the extents of a chunk of 2 MiB
GOAL = 1.5


def field(shape, dtype):
    """Returns a smooth field with noise in its last digits, as simulations have them."""
    rows, columns = np.ogrid[0 : shape[0], 0 : shape[1]]
    values = (300 + 20 * np.sin(rows / 300) * np.cos(columns / 500)).astype(dtype)
    values += np.random.default_rng(1).standard_normal(shape, dtype) * dtype.type(0.01)
    return np.round(values, 4)


class Locum:
    name = "locum"

    def __init__(self, folder):
        self.files = locum.Files(f"file:{folder}?sync=0")
        self.path = os.path.join(folder, "locum.zarr")

    def create(self, shape, chunks, dtype, codec):
        self.files.create_zarr("locum.zarr", shape, dtype, chunks=chunks, codecs=codec, version=2)

    def open(self):
        return self.files.zarr("locum.zarr")


class ZarrPython:
    name = "zarr-python"

    def __init__(self, folder):
        self.path = os.path.join(folder, "zarr_python.zarr")

    def create(self, shape, chunks, dtype, codec):
        zarr.open(self.path, mode="w-", shape=shape, chunks=chunks, dtype=dtype, compressor=CODECS[codec]())  # of version 2

    def open(self):
        return zarr.open(self.path, mode="r+")


def timed(call):
    """Returns the time of a call, that of the processors, of all threads, and what it returns."""
    worked = time.process_time()
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, time.process_time() - worked, result


def process(number, together, results, *arguments):
    try:
        work(number, together, results, *arguments)
    except BaseException as error:
        together.abort()
        results.put(f"process {number}: {type(error).__name__}: {error}")
        raise


def work(number, together, results, count, folder, mib, rounds, is_limited):
    """What a process does: in each turn it writes its rows, and then reads them."""
    if is_limited:
        processors = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {processors[number % len(processors)]})  # locum uses a thread for each
        numcodecs.blosc.use_threads = False
    for dtype, chunks in TYPES.items():
        dtype = np.dtype(dtype)
        columns = 8192
        rows = mib * MEBIBYTE // (columns * dtype.itemsize)
        per_process = rows // count
        mine = slice(number * per_process, (number + 1) * per_process)
        values = field((per_process, columns), dtype)
        for codec in CODECS:
            ways = [Locum(folder), ZarrPython(folder)]
            for turn in range(WARM_UP + rounds):
                times = {}
                for way in ways if turn % 2 == 0 else ways[::-1]:
                    if number == 0:
                        shutil.rmtree(way.path, ignore_errors=True)
                        way.create((rows, columns), chunks, dtype, codec)
                    together.wait()
                    array = way.open()
                    together.wait()
                    wrote_s, wrote_cpu_s, _ = timed(lambda: array.__setitem__(mine, values))
                    together.wait()
                    array = way.open()
                    together.wait()
                    read_s, read_cpu_s, read = timed(lambda: array[mine])
                    if not np.array_equal(read, values):
                        raise AssertionError(f"{way.name}: another array was read than was written")
                    del read
                    size = sum(entry.stat().st_size for entry in os.scandir(way.path))
                    together.wait()
                    times[way.name] = ((wrote_s, wrote_cpu_s), (read_s, read_cpu_s), size)
                results.put((turn, times))


def print_row(label, row, runs):
    """`runs`: for each turn the times of the processes. The time of a turn is that of its slowest process, and the time of
    processors that of all of them."""

    def ratio(way, of, total):
        return median(total(one["zarr-python"][way][of] for one in run) / total(one["locum"][way][of] for one in run) for run in runs)

    cells = []
    for at in (0, 1):
        ours, theirs = (median(max(one[name][at][0] for one in run) for run in runs) for name in ("locum", "zarr-python"))
        reached = ratio(at, 0, max)
        goal = "met" if reached >= GOAL else "MISSED"
        cells.append(f"{ours:.3f}, {theirs:.3f}: {reached:.2f} ({ratio(at, 1, sum):.2f}), goal {GOAL}: {goal}")
    sizes = [runs[-1][0][name][2] / MEBIBYTE for name in ("locum", "zarr-python")]
    print(f"| {label} | {row[0]} | {row[1]} | {' | '.join(cells)} | {sizes[0]:.0f}, {sizes[1]:.0f} |", flush=True)


def measure(label, is_limited, arguments):
    context = multiprocessing.get_context("spawn")
    folder = tempfile.mkdtemp(prefix="locum_zarr.", dir=arguments.folder)
    together = context.Barrier(arguments.processes, timeout=300)
    results = context.Queue()
    given = (together, results, arguments.processes, folder, arguments.mib, arguments.rounds, is_limited)
    processes = [context.Process(target=process, args=(number, *given)) for number in range(arguments.processes)]
    try:
        for each in processes:
            each.start()
        for dtype in TYPES:
            for codec in CODECS:
                turns = {}
                for _ in range(arguments.processes * (WARM_UP + arguments.rounds)):
                    result = results.get(timeout=300)
                    if isinstance(result, str):
                        sys.exit(result)
                    turns.setdefault(result[0], []).append(result[1])
                print_row(label, (dtype, codec), [turns[turn] for turn in sorted(turns) if turn >= WARM_UP])
    finally:
        for each in processes:
            each.join(10)
            each.terminate()
        shutil.rmtree(folder)


def main():
    parser = argparse.ArgumentParser(prog="bench/zarr/run", description="Arrays of Zarr by locum beside zarr-python; see bench/zarr/README.md")
    parser.add_argument("--processes", type=int, default=2, help="each writes and reads a part (2)")
    parser.add_argument("--rounds", type=int, default=9, help="turns of both after the first one (9)")
    parser.add_argument("--mib", type=int, default=256, help="size of the array in memory, in MiB (256)")
    parser.add_argument("--folder", default="/dev/shm", help="where the arrays are (/dev/shm)")
    parser.add_argument("--threads", choices=("default", "one", "both"), default="both", help="of a process (both)")
    arguments = parser.parse_args()
    print("| threads | elements | codec | writes: locum, zarr-python in s: ratio (of processor time) | reads | files, MiB |\n|---|---|---|---|---|---|")
    for label, is_limited in (("default", False), ("one", True)):
        if arguments.threads in (label, "both"):
            measure(label, is_limited, arguments)


if __name__ == "__main__":
    main()
