"""A function in C that holds the interpreter's lock of one rank for long delays no other rank.

The function is poll(), called by ctypes.PyDLL, which keeps the lock: rank 0 is in it until the other ranks have got its
objects, and have waited for names that are at home there. If one of these needed the lock of rank 0, the poll would end by its
own deadline, and so would the test.
"""

import ctypes
import os
import shutil
import tempfile
import threading

import numpy as np
from mpi4py import MPI

import locum

PATIENCE_S = 240

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
side = comm.Split(rank == 0, rank)


class Poll(ctypes.Structure):
    _fields_ = [("descriptor", ctypes.c_int), ("events", ctypes.c_short), ("found", ctypes.c_short)]


def hold_the_lock_until_readable(descriptor):
    poll = ctypes.PyDLL(None).poll
    one = Poll(descriptor, 1, 0)  # POLLIN
    assert poll(ctypes.byref(one), ctypes.c_ulong(1), PATIENCE_S * 1000) == 1, "no rank got on while rank 0 held its lock"


folder = comm.bcast(tempfile.mkdtemp() if rank == 0 else None)
path = os.path.join(folder, "done")
with locum.Runtime(comm, memory_bytes="64MiB", timeout=PATIENCE_S) as runtime:
    store = runtime.store("fields")
    called = threading.Event()
    if rank == 0:
        os.mkfifo(path)
        descriptor = os.open(path, os.O_RDWR)
        store["small"] = 1
        store["large"] = np.arange(1 << 20, dtype="f8")
        store["object"] = {"a": np.arange(1000)}
        # A thread of the library will ask for the lock meanwhile, and wait.
        woken = store.wait_async("ended/1")
        woken.add_done_callback(lambda ended: called.set())
        comm.Barrier()
        hold_the_lock_until_readable(descriptor)
        assert called.wait(PATIENCE_S)
        os.close(descriptor)
    else:
        comm.Barrier()
        store[f"ended/{rank}"] = 1  # by which rank 0 is to be told, while it cannot be
        assert store["small"] == 1 and store["large"][-1] == (1 << 20) - 1 and store["object"]["a"][999] == 999
        for other in range(1, size):
            assert store.wait(f"ended/{other}") == 1
        assert store.fetch_add("count") >= 0
        proxy = store.proxy("large")
        assert proxy[5] == 5
        for number in range(20):  # names at home on all nodes
            store[f"{rank}/{number}"] = np.full(1000, number)
            assert store[f"{rank}/{number}"][999] == number
        side.Barrier()
        if rank == 1:
            with open(path, "wb", buffering=0) as file:
                file.write(b"x")
if rank == 0:
    shutil.rmtree(folder)
    print("passed")
