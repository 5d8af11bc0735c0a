"""usage: pairs.py LANGUAGES    The program in Python of README.md."""

import sys

import numpy as np
from mpi4py import MPI

import locum

CXX, C, FORTRAN, PYTHON, TOGETHER = range(5)
NAMES = ("C++", "C", "Fortran", "Python", "all")
MOST_RANK = 7
BOOL, CHAR, BYTE = 13, 14, 15
ELEMENTS = {  # by the number of the type: what NumPy calls it, and its element of v
    1: ("i1", lambda v: v - 50),
    2: ("i2", lambda v: (v - 50) * 601),
    3: ("i4", lambda v: (v - 50) * 42000007),
    4: ("i8", lambda v: (v - 50) * 180143985094819841),
    5: ("u1", lambda v: v * 2),
    6: ("u2", lambda v: v * 601),
    7: ("u4", lambda v: v * 42000007),
    8: ("u8", lambda v: v.astype("u8") * np.uint64(180143985094819841)),
    9: ("f4", lambda v: (v - 50) * 0.75),
    10: ("f8", lambda v: (v - 50) * (1 + 2.0**-40)),
    11: ("c8", lambda v: (v - 50) * 0.75 + 1j * (v * 0.25 + 1)),
    12: ("c16", lambda v: (v - 50) * 0.75 + 1j * (v * 0.25 + 1)),
    13: ("?", lambda v: v % 2 != 0),
    14: ("S1", lambda v: (v % 26 + ord("a")).astype("u1")[..., np.newaxis].view("S1")[..., 0]),
    15: ("u1", lambda v: v * 2),
}
languages = [int(digit) for digit in sys.argv[1]]
arrays = elements = failures = 0


def has(language, type):
    if language == FORTRAN:
        return type <= 4 or 9 <= type <= BOOL
    return language != PYTHON or type <= BOOL


def stores(language, type, rank):
    return has(language, type) or rank == 1 and (type == CHAR or type == BYTE and language == PYTHON)


def extents_of(language, rank):
    return tuple((2, 3, 5)[(k + language + rank) % 3] for k in range(rank))


def part(rank):
    return tuple(np.s_[1::2] if k % 2 == 0 else np.s_[::3] for k in range(rank))


def values(language, type, extents, start=None):
    """The elements of an array, or of a block of one that begins at `start`."""
    rank = len(extents)
    v = np.full(extents, 13 * language + 7 * type + 17 * rank)
    for k, indices in enumerate(np.ogrid[tuple(slice(extent) for extent in extents)] if extents else ()):
        v = v + (3, 5, 7, 11, 19, 23, 29)[k] * (indices + (start[k] if start else 0))
    dtype, element = ELEMENTS[type]
    return np.asarray(element(v % 101)).astype(dtype)


def compare(what, language, seen, expected):
    global arrays, elements, failures
    arrays += 1
    elements += expected.size
    seen = np.asarray(seen)
    if seen.dtype != expected.dtype or seen.shape != expected.shape or not np.array_equal(seen, expected):
        failures += 1
        if failures <= 5:
            print(f"FAILED: Python reads {what} of {NAMES[language]} otherwise: {seen.dtype} {seen.shape}", flush=True)


def as_array(value, type, rank):
    """What the package gives of text and bytes, which are no arrays in Python."""
    if type == CHAR and rank <= 1:
        value = np.frombuffer(value.encode(), "S1")
    elif type == BYTE and rank <= 1:
        value = np.frombuffer(value, "u1")
    return value[0] if rank == 0 and type in (CHAR, BYTE) else value


def write_objects(store):
    for type in ELEMENTS:
        for rank in range(MOST_RANK + 1):
            if not stores(PYTHON, type, rank):
                continue
            name = f"{PYTHON}/{type}/{rank}"
            mine = values(PYTHON, type, extents_of(PYTHON, rank))
            if has(PYTHON, type):
                store.put(name, mine)
                if rank > 0:
                    with store.create(f"{name}/made", mine.shape, mine.dtype) as writer:
                        writer.array[...] = mine
            else:
                store.put(name, mine.tobytes().decode() if type == CHAR else mine.tobytes())


def read_objects(store, language):
    for type in ELEMENTS:
        for rank in range(MOST_RANK + 1):
            if not stores(language, type, rank):
                continue
            name = f"{language}/{type}/{rank}"
            expected = values(language, type, extents_of(language, rank))
            compare(name, language, as_array(store[name], type, rank), expected)
            if rank > 0:
                compare("a box", language, store.read(name, part(rank)), expected[part(rank)])
                if has(language, type):
                    compare(f"{name}/made", language, as_array(store[f"{name}/made"], type, rank), expected)


def place(type, rank):
    """Returns the extents of the global array, the start of Python's block of it, and its extents."""
    cut = type % rank
    extents, start, count = list(extents_of(TOGETHER, rank)), [0] * rank, list(extents_of(TOGETHER, rank))
    extents[cut] = 0
    for language in languages:
        if has(language, type):
            length = (2, 3, 5, 2)[language]
            if language == PYTHON:
                start[cut], count[cut] = extents[cut], length
            extents[cut] += length
    return tuple(extents), tuple(start), tuple(count)


def write_step(out, rank):
    with out.step() as step:
        for type in filter(lambda type: has(PYTHON, type), ELEMENTS):
            mine = values(PYTHON, type, extents_of(PYTHON, rank))
            extents, start, count = place(type, rank)
            block = values(TOGETHER, type, count, start)
            if type % 2 == 0:
                step[f"own/{type}"] = mine
                step[f"all/{type}"] = locum.block(block, shape=extents, start=start)
            else:
                step.create(f"own/{type}", mine.shape, mine.dtype)[...] = mine
                step.create(f"all/{type}", count, block.dtype, shape=extents, start=start)[...] = block


def read_step(step, rank):
    for type in ELEMENTS:
        for writer, language in enumerate(languages):
            if has(language, type):
                own = as_array(step[f"own/{type}"].get(writer), type, rank)
                compare("own", language, own, values(language, type, extents_of(language, rank)))
        expected = values(TOGETHER, type, place(type, rank)[0])
        compare("all", TOGETHER, step[f"all/{type}"][...], expected)
        compare("a box of a step", TOGETHER, step[f"all/{type}"][part(rank)], expected[part(rank)])


def record_of(language):
    record = {
        "name": "\u6e29",
        "flags": [True, None],
        "integers": [-(2**63), 2**64 - 1],
        "numbers": [0.5, 1 - 2j],
        "bytes": b"\0\xff",
        "nested": {"": []},
    }
    for type in range(1, CHAR):
        record[f"type {type}"] = values(language, type, extents_of(language, 2))
    return record


def read_record(store, language):
    global failures
    got, expected = store[f"record/{language}"], record_of(language)
    is_same = list(got) == list(expected)
    for name, value in expected.items():
        if isinstance(value, np.ndarray):
            is_same = is_same and got[name].dtype == value.dtype and np.array_equal(got[name], value)
        else:
            is_same = is_same and repr(got[name]) == repr(value)
    if not is_same:
        failures += 1
        print(f"FAILED: Python: the Record of {NAMES[language]} is {got}", flush=True)


def main():
    global failures
    with locum.Runtime(MPI.COMM_WORLD, memory_bytes="64MiB") as runtime:
        store = runtime.store("pairs")
        write_objects(store)
        store.put(f"record/{PYTHON}", locum.Record(record_of(PYTHON)))
        MPI.COMM_WORLD.Barrier()
        for language in languages:
            before = arrays
            read_objects(store, language)
            if language in (CXX, PYTHON):
                read_record(store, language)
            print(f"Python read {arrays - before} arrays of {NAMES[language]}", flush=True)
            failures += arrays - before < 100
        with locum.StepWriter(runtime, "pairs") as out, locum.StepReader(runtime, "pairs", MPI.COMM_SELF) as reader:
            for rank in range(1, MOST_RANK + 1):
                write_step(out, rank)
                with reader.next(timeout=60) as step:
                    read_step(step, rank)
                    MPI.COMM_WORLD.Barrier()  # a reader that joins later would not find the step any more
        print("Python writes text and bytes of one dimension alone: NumPy has no such elements", flush=True)
    print(f"Python compared {elements} elements of {arrays} arrays; {failures} are wrong", flush=True)
    sys.exit(1 if failures else 0)


main()
