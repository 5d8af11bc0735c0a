"""Arrays that outlive what they are of: the step, the writer, the runtime, the parent process, the interpreter.

usage: outliving_test.py            all checks, on each rank; the first that fails ends the job
       outliving_test.py alive      the interpreter ends with all kinds of arrays alive, and an open runtime
       outliving_test.py closed     the same with a runtime that was closed
"""

import gc
import multiprocessing
import sys
import warnings

import numpy as np
from mpi4py import MPI

import locum

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
COUNT = 1 << 18  # 2 MiB of float64


def opened():
    return locum.Runtime(comm, memory_bytes="64MiB")


def arrays_of_a_step(how):
    """Returns an array that a step has made, and a part of it, when all else of them is gone."""
    with opened() as runtime:
        out = locum.StepWriter(runtime, "heat", when_full="drop_oldest")
        step = out.step()
        array = step.create("T", (size * COUNT,) if how == "whole" else COUNT)
        dropped = step.create("p", COUNT)
        dropped[:] = 1
        del dropped
        step.create("none", (0, 3))
        empty = step.create("empty", 0)
        array[:] = rank + 3
        part = array[5:]
        if how == "ended":
            step.end()
        elif how == "discarded":
            step.discard()
            assert not step._native.is_open
        elif how == "left by an exception":
            try:
                with step:
                    raise KeyError
            except KeyError:
                pass
        elif how == "forgotten":
            del step
        if how not in ("open", "whole"):
            assert not array.flags.writeable and not empty.flags.writeable
        comm.Barrier()
    del runtime, out
    step = None
    gc.collect()
    return array, part


def used_after_the_end():
    for how in ("open", "whole", "ended", "discarded", "left by an exception", "forgotten"):
        array, part = arrays_of_a_step(how)
        assert (array == rank + 3).all(), how
        part[:] = 7  # which it may still be: parts that were made before
        assert array[5] == 7 and array[4] == rank + 3
        del array
        gc.collect()
        assert part[-1] == 7


def of_a_writer():
    with opened() as runtime:
        store = runtime.store("fields")
        writers = [store.create(f"{number}/{rank}", COUNT) for number in range(2)]
        arrays = [writer.array for writer in writers]
        for array in arrays:
            array[:] = 5
        writers[0].discard()
        del store
    del runtime
    del writers
    gc.collect()
    assert all((array == 5).all() for array in arrays)


def not_used_again_while_it_lives():
    """A step's memory is its array's until that is gone; then the next steps have it."""
    with opened() as runtime:
        alone = locum.StepWriter(runtime, f"of {rank}", MPI.COMM_SELF, when_full="drop_oldest", queue_steps=1)
        with alone.step() as step:
            kept = step.create("T", COUNT)
            kept[:] = -1
        gone = alone.step()
        discarded = gone.create("T", COUNT)
        discarded[:] = -2
        gone.discard()
        for number in range(24):  # 48 MiB for each rank, of a node that has 64
            with alone.step() as step:
                T = step.create("T", COUNT)
                T[:] = number
        assert (kept == -1).all() and (discarded == -2).all() and (T == 23).all()
        reader = locum.StepReader(runtime, f"of {rank}", MPI.COMM_SELF)
        assert (reader.next(timeout=60)["T"].get() == 23).all()  # the step is released here
        reader.close()
        alone.close(timeout=60)


def an_array_shows_what_was_published():
    with opened() as runtime:
        out = locum.StepWriter(runtime, "heat")
        reader = locum.StepReader(runtime, "heat")
        with out.step() as step:
            T = step.create("T", 4, shape=(4 * size,), start=(4 * rank,))
            T[:] = rank
        found = reader.next(timeout=60)
        assert np.array_equal(found["T"][...], np.repeat(np.arange(size), 4.0).astype("f8"))
        assert T.tolist() == [rank] * 4
        found.release()
        reader.close()
        out.close(timeout=60)


def in_the_child(arrays, store, results):
    outcomes = [bool((array == 4).all()) for array in arrays]
    for call in (lambda: store["a"], lambda: store.put(1), store.keys, lambda: store.create("w", 5)):
        try:
            call()
        except locum.ClosedError:
            outcomes.append(True)
        else:
            outcomes.append(False)
    results.send(outcomes)


def a_child_of_multiprocessing():
    with opened() as runtime, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of later Pythons: a fork beside threads
        store = runtime.store("fields")
        store[f"a/{rank}"] = np.full(COUNT, 4.0)
        writer = store.create(f"w/{rank}", COUNT)
        writer.array[:] = 4
        out = locum.StepWriter(runtime, f"of {rank}", MPI.COMM_SELF)
        step = out.step()
        arrays = [store[f"a/{rank}"], store.wait(f"a/{(rank + 1) % size}"), writer.array, step.create("T", COUNT)]
        arrays[3][:] = 4
        results, given = multiprocessing.Pipe(False)
        child = multiprocessing.get_context("fork").Process(target=in_the_child, args=(arrays, store, given))
        child.start()
        child.join(120)
        assert child.exitcode == 0 and results.poll(60), child.exitcode
        assert results.recv() == [True] * 8
        del store[f"a/{rank}"]
        store[f"a/{rank}"] = np.zeros(COUNT)
        assert all((array == 4).all() for array in arrays)  # the parent's pins are as they were
        step.discard()
        out.close()
        comm.Barrier()


def all_kinds(runtime):
    store = runtime.store("fields")
    store[f"a/{rank}"] = np.arange(1000.0)
    store[f"d/{rank}"] = {"a": np.arange(1000.0)}
    theirs = store.wait(f"d/{(rank + 1) % size}")
    writer = store.create(None, COUNT)
    out = locum.StepWriter(runtime, "heat", when_full="drop_oldest")
    step = out.step()
    ended = step.create("T", COUNT)
    step.end()
    left = out.step()
    kept = [store[f"a/{rank}"], store[f"a/{rank}"][5:], memoryview(store[f"a/{rank}"]), theirs, store.get_bytes(f"d/{rank}")]
    kept += [writer.array, ended, ended[1:], left.create("T", COUNT), store.lazy(f"a/{rank}"), writer, left, out, store]
    kept.append(kept)
    return kept


if sys.argv[1:] == ["alive"]:
    runtime = opened()
    kept = all_kinds(runtime)
    comm.Barrier()
elif sys.argv[1:] == ["closed"]:
    with opened() as runtime:
        kept = all_kinds(runtime)
        comm.Barrier()
else:
    used_after_the_end()
    of_a_writer()
    not_used_again_while_it_lives()
    an_array_shows_what_was_published()
    a_child_of_multiprocessing()
