"""The runtime, its stores, steps and checkpoints in Python: run by any number of ranks.

usage: runtime_test.py            all checks, on each rank; the first that fails ends the job
       runtime_test.py forgotten  the program ends without closing its runtime
       runtime_test.py leaves     an exception leaves the runtime of rank 0, while the others wait
       runtime_test.py uncaught   the same without a `with` block
       runtime_test.py unsplit    rank 0 does not split the communicator, which the others do before they open their runtime
"""

import re
import shutil
import sys
import tempfile
import threading

import numpy as np
from mpi4py import MPI

import locum
from locum.proxystore import LocumConnector

comm = MPI.COMM_WORLD
rank, size = comm.rank, comm.size
following = (rank + 1) % size


def raises(kind, call, *arguments, **named):
    try:
        call(*arguments, **named)
    except kind as error:
        return error
    raise AssertionError(f"{call} raises no {kind.__name__}")


def objects_of_other_ranks(runtime):
    fields = runtime.store("fields")
    fields[f"T/{rank}"] = np.arange(6.0).reshape(2, 3) + 100 * rank
    theirs = fields.wait(f"T/{following}")
    assert theirs.shape == (2, 3) and theirs[1, 2] == 100 * following + 5 and not theirs.flags.writeable
    assert np.array_equal(fields.read(f"T/{following}", np.s_[:, 2]), [100 * following + 2, 100 * following + 5])
    fields[f"mesh/{rank}"] = {"points": np.full((1000, 3), rank), "name": f"of {rank}"}
    mesh = fields.wait(f"mesh/{following}")
    assert mesh["name"] == f"of {following}" and mesh["points"][999, 2] == following
    assert not mesh["points"].flags.owndata  # in place, or in the copy of the node
    assert 0 <= fields.fetch_add("count", 1) < size
    comm.Barrier()
    assert fields["count"] == size
    key = fields.put(f"k/{rank}", np.float32(rank))
    keys = comm.allgather(key)  # a key can be sent
    assert fields.get(keys[following]) == following
    comm.Barrier()
    return theirs


def stores_and_options(runtime):
    assert (runtime.rank, runtime.size) == (rank, size) and 0 <= runtime.node < runtime.nodes
    assert runtime.lost_ranks == []
    assert "memory by node" in runtime.report() and "memory by node" in runtime.report_all()
    runtime.flush()
    checked = runtime.store("checked", checksum=True, lifetime=3600)
    if rank == 0:
        checked["a"] = 1.5
    assert checked.wait("a") == 1.5
    comm.Barrier()
    raises(locum.OptionsDifferError, runtime.store, "checked", checksum=False, lifetime=7200)
    runtime.drop("checked")
    raises(locum.ClosedError, lambda: checked["a"])
    raises(ValueError, locum.Runtime, comm, memory_bytes="many")
    raises(ValueError, locum.Runtime, comm, transport="pigeons")
    raises(TypeError, locum.Runtime, "everybody")
    raises(locum.InvalidArgumentError, runtime.store, "")
    # Closing one while other threads ask it.
    other = locum.Runtime(comm, memory_bytes="64MiB")
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            try:
                other.report()
            except locum.Error:
                return

    asking = threading.Thread(target=ask)
    asking.start()
    other.close()
    stop.set()
    asking.join()
    assert runtime.checkpoint_requested() is False


def steps(runtime):
    rows = 2 * size
    with locum.StepWriter(runtime, "heat", queue_steps=3) as out:
        reader = locum.StepReader(runtime, "heat")
        raises(OverflowError, locum.block, 1.0, shape=(2**63,), start=(0,))
        raises(OverflowError, locum.block, 1.0, shape=(1,), start=(-(2**63) - 1,))
        raises(TypeError, locum.block, 1.0, shape=(1.5,), start=(0,))
        for number in range(2):
            mine = np.arange(8.0).reshape(2, 4) + 8 * rank + 1000 * number
            with out.step() as step:
                if number == 0:
                    step.create("T", (2, 4), shape=(rows, 4), start=(2 * rank, 0))[:] = mine
                else:  # strides are no matter
                    step["T"] = locum.block(mine.T.copy().T, shape=(rows, 4), start=(2 * rank, 0))
                step["ids"] = np.arange(1 + rank % 3, dtype=np.int32)
                step["dt"] = 0.1 + rank
                if rank == 0:
                    step["time"] = 0.25 * number
        kept = None
        for step in reader:
            number = step.number
            T = step["T"]
            assert list(step) == ["T", "dt", "ids", "time"] and T.shape == (rows, 4) and T.dtype == np.float64
            whole = np.arange(4.0 * rows).reshape(rows, 4) + 1000 * number
            assert np.array_equal(T[1::2, 1:3], whole[1::2, 1:3])
            assert np.array_equal(T[-1], whole[-1]) and np.array_equal(np.asarray(T), whole)
            into = np.zeros((rows, 4), order="F")
            assert T.read(out=into) is into and np.array_equal(into, whole)
            raises(IndexError, lambda: T[::-1])
            raises(locum.TypeMismatchError, lambda: step["ids"][0])
            raises(KeyError, lambda: step["p"])
            ids = step["ids"].get(following)
            assert ids.dtype == np.int32 and len(ids) == 1 + following % 3
            assert step["time"].get() == 0.25 * number
            assert step["dt"].get(following) == 0.1 + following
            if size > 1:  # whose?
                asked = raises(locum.InvalidArgumentError, step["dt"].get)
                assert f"'dt' has {size} blocks: say whose, get(0)" in str(asked), asked
                asked = raises(locum.TypeMismatchError, lambda: step["dt"][...])
                assert f"get(writer) returns what one of its {size} blocks has" in str(asked), asked
            kept = ids
            if number == 1:
                break  # the step is released with the loop
        assert kept[0] == 0  # an array outlives its step
        assert step.number == 1 and raises(locum.ClosedError, step["time"].get)
        reader.close()
    raises(locum.ClosedError, out.step)
    comm.Barrier()

    # An exception discards a step, which is then written again.
    with locum.StepWriter(runtime, "again") as out:
        try:
            with out.step() as step:
                step["a"] = 1.0
                raise RuntimeError
        except RuntimeError:
            pass
        with out.step() as step:
            step["b" if rank == 0 else f"of {rank}"] = 2.0
            raises(TypeError, step.put, "c", {"a": 1})
        with locum.StepReader(runtime, "again") as reader:
            found = reader.next(timeout=30)
            assert list(found) == ["b"] + [f"of {other}" for other in range(1, size)]
            assert found["b"].get() == 2.0
            found.release()
    comm.Barrier()

    # Of a queue that is full the newest step is dropped.
    own = MPI.COMM_SELF
    with locum.StepWriter(runtime, f"newest/{rank}", own, queue_steps=1, when_full="drop_newest") as out:
        with locum.StepReader(runtime, f"newest/{rank}", own) as reader:
            with out.step() as step:
                step["a"] = 0.0
            with reader.next(timeout=30) as held:
                with out.step() as step:
                    step["a"] = 1.0
                assert held["a"].get() == 0.0
            with out.step() as step:
                step["a"] = 2.0
            with reader.next(timeout=30) as step:
                assert step["a"].get() == 2.0
    comm.Barrier()

    # One that leaves the writer fails the stream behind its last step. The ranks of a part of the runtime's.
    reader = None
    try:
        with locum.StepWriter(runtime, f"left/{rank}", own) as out:
            reader = locum.StepReader(runtime, f"left/{rank}", own)
            with out.step() as step:
                step["a"] = 1.0
            raise RuntimeError
    except RuntimeError:
        pass
    with reader.next(timeout=30) as step:
        assert step["a"].get() == 1.0
    raises(locum.BrokenPromiseError, reader.next, timeout=30)
    raises(locum.ClosedError, out.step)
    reader.close()
    comm.Barrier()


def counted(runtime):
    """Returns the gets that the library has counted on this rank, and the bytes that these have read."""
    lines = runtime.report().splitlines()
    at = next(number for number, line in enumerate(lines) if "traffic by rank" in line)
    of = dict(zip(*(re.split("  +", line.strip()) for line in lines[at + 1 : at + 3])))
    return of["gets"], of["read"]


def classes_of_stand_ins(runtime):
    """Are known without a transfer, of objects of other nodes, too: the library counts none."""
    store = runtime.store("classes")
    values = {"array": np.zeros(50000), "int": 5, "float": 0.5, "complex": 1j, "text": "a" * 50000, "bytes": b"a" * 50000}
    for name, value in values.items():
        store[f"{name}/{rank}"] = value
    comm.Barrier()
    proxies = {name: store.proxy(f"{name}/{following}") for name in values}
    before = counted(runtime)
    for name, proxy in proxies.items():
        assert isinstance(proxy, type(values[name])) and not isinstance(proxy, (dict, np.float32, list)), name
        assert not proxy.__resolved__
    assert counted(runtime) == before
    assert all(np.array_equal(proxy, values[name]) for name, proxy in proxies.items())
    assert counted(runtime) != before
    comm.Barrier()


def proxystore(runtime):
    assert locum.find_runtime() is runtime and locum.find_runtime("of this test") is runtime
    connector = LocumConnector(runtime=runtime)
    config, key = comm.bcast((connector.config(), connector.put(b"of rank 0")) if rank == 0 else None)
    with LocumConnector(runtime="", store="of its only runtime") as other:
        assert other.get(key) is None and other.config()["runtime"] == runtime.name
    with LocumConnector.from_config(config) as of_all:
        assert of_all.get(key) == b"of rank 0"
        comm.Barrier()
        if rank == size - 1:
            of_all.set(key, b"of the last")
        comm.Barrier()
        assert of_all.get(key) == b"of the last"
        comm.Barrier()


def in_background(runtime, folder):
    store = runtime.store("behind")
    store[f"B/{rank}"] = 7.5 + rank
    comm.Barrier()
    future = runtime.checkpoint_async("behind", f"{folder}/behind43.h5")
    del store[f"B/{rank}"]  # it is in the checkpoint nevertheless
    report = future.result()
    assert report.number == 43 and report.objects == size and future.done()
    assert runtime.restore("from behind", f"{folder}/behind43.h5").objects == size
    assert runtime.store("from behind")[f"B/{following}"] == 7.5 + following


def parts_of_files(runtime, folder):
    path = f"{folder}/steps.h5"
    with locum.StepWriter(runtime, "kept", comm, file=path, when_full="drop_oldest") as out:
        with out.step() as step:
            rows = np.arange(6.0).reshape(2, 3) + 10 * rank
            step["T"] = locum.block(rows, shape=(2 * size, 3), start=(2 * rank, 0))
    comm.Barrier()
    part = runtime.proxy_from_hdf5(path, "/step/000000/T", start=(2 * following, 2), count=(2, 1), store="columns")
    assert np.array_equal(np.asarray(part), [[10 * following + 2], [10 * following + 5]])
    whole = runtime.proxy_from_hdf5(path, "/step/000000/T", dtype=np.float64)
    assert np.asarray(whole).shape == (2 * size, 3)
    raises(locum.TypeMismatchError, runtime.proxy_from_hdf5, path, "/step/000000/T", dtype=np.int32)
    raises(locum.NotFoundError, runtime.proxy_from_hdf5, path, "/none")
    raises(ValueError, runtime.proxy_from_hdf5, path, "/step/000000/T", start=(0, 0))
    raises(ValueError, runtime.proxy_from_hdf5, path, "/step/000000/T", stride=(2, 2))
    comm.Barrier()


def steps_in_zarr(runtime, folder):
    """The ending of the path decides; the group is read as steps, and as arrays."""
    path = f"{folder}/steps.zarr"
    with locum.StepWriter(runtime, "in zarr", comm, file=path, when_full="drop_oldest") as out:
        for number in range(3):
            with out.step() as step:
                rows = np.arange(6.0).reshape(2, 3) + 10 * rank + 100 * number
                step["T"] = locum.block(rows, shape=(2 * size, 3), start=(2 * rank, 0))
                if rank == 0:
                    step["time"] = 0.5 * number
    comm.Barrier()
    expected = np.concatenate([np.arange(6.0).reshape(2, 3) + 10 * one for one in range(size)])
    reader = locum.StepReader(runtime, "any", comm, file=path)
    for number in range(3):
        with reader.next(timeout=30) as step:
            assert np.array_equal(step["T"][...], expected + 100 * number)
            assert step["time"].get() == 0.5 * number
    comm.Barrier()
    group = runtime.files(f"file:{folder}").zarr_group("steps.zarr", consolidated=True)
    assert group.attributes["locum_steps"]["steps"] == 3 and group.attributes["locum_steps"]["state"] == "ended"
    assert np.array_equal(group["T"][...], [expected, expected + 100, expected + 200])
    assert np.array_equal(group["time"][...], [0, 0.5, 1])
    raises(locum.KeyExistsError, locum.StepWriter, runtime, "again", comm, file=path)
    comm.Barrier()
    refused = locum.StepWriter(runtime, "refused", comm, file=f"{folder}/refused.zarr", when_full="drop_oldest")
    step = refused.step()
    step["name"] = "a text"
    try:
        step.end()
        raise AssertionError("it was not refused")
    except locum.UnsupportedError as error:
        assert "the variable 'name'" in str(error), error
    raises(locum.UnsupportedError, refused.close, timeout=30)
    comm.Barrier()


class Counted(locum.Format):
    name = "counted"
    endings = (".counted",)
    options = {"fails": "whether it does"}
    loads = 0

    def load(self, file, options):
        if options.get("fails"):
            raise locum.CorruptError(f"at byte 0: as rank {rank} was asked to")
        Counted.loads += 1
        array = file.make_array("f8", file.size // 8)
        file.readinto(array)
        return array

    def save(self, value, file, options):
        file.write(value)


def a_format_of_python(runtime, files):
    """Each file is loaded by one rank of a node; the others have its memory, and run no code for it."""
    if rank == 0:
        files.save("a.counted", np.arange(10.0))
    comm.Barrier()
    loaded = files.load("a.counted", timeout=60)
    assert loaded.sum() == 45 and not loaded.flags.owndata and not loaded.flags.writeable
    ranks = comm.allgather((runtime.node, Counted.loads))
    assert all(sum(loads for node, loads in ranks if node == one) == 1 for one, _ in ranks), ranks
    try:
        files.load("a.counted", fails=True, timeout=60)
        raise AssertionError("it did not fail")
    except locum.CorruptError as error:
        assert str(error.__cause__) == f"at byte 0: as rank {rank} was asked to", error


def files_and_records(runtime, folder):
    files = runtime.files(f"file:{folder}/files?sync=0", kept=60, timeout=60)
    if rank == 0:
        files.save("run17/T.npy", np.arange(6.0).reshape(2, 3))
        runtime.store("fields")["config"] = locum.Record({"dt": 0.5, "T": np.arange(5.0)})
    comm.Barrier()
    T = files.load("run17/T.npy", timeout=60)
    assert T[1, 2] == 5 and not T.flags.owndata and files.list("run17") == ["run17/T.npy"]
    a_format_of_python(runtime, files)
    config = runtime.store("fields").wait("config")
    assert config["dt"] == 0.5 and config["T"].sum() == 10 and not config["T"].flags.owndata
    raises(locum.NotFoundError, files.load, "run17/none.npy")
    comm.Barrier()
    return files


def checkpoints(runtime):
    folder = comm.bcast(tempfile.mkdtemp() if rank == 0 else None)
    try:
        report = runtime.checkpoint("fields", f"{folder}/step0042.h5")
        assert report.number == 42 and report.objects >= size
        assert runtime.restore("old", f"{folder}/step0042.h5", prefix="mesh/").objects == size
        assert runtime.store("old")[f"mesh/{following}"]["name"] == f"of {following}"
        assert runtime.restore_latest("latest", f"{folder}/step*.h5", lazy=True).number == 42
        assert runtime.store("latest")[f"T/{following}"][0, 1] == 100 * following + 1
        raises(locum.NotFoundError, runtime.restore_latest, "none", f"{folder}/none*.h5")
        in_background(runtime, folder)
        parts_of_files(runtime, folder)
        steps_in_zarr(runtime, folder)
        files = files_and_records(runtime, folder)
    finally:
        comm.Barrier()
        if rank == 0:
            shutil.rmtree(folder)
    return files


def all_checks():
    with locum.Runtime(memory_bytes="64 MiB", timeout=60, name="of this test") as runtime:
        kept = objects_of_other_ranks(runtime)
        stores_and_options(runtime)
        steps(runtime)
        classes_of_stand_ins(runtime)
        proxystore(runtime)
        files = checkpoints(runtime)
        store = runtime.store("fields")
    assert kept[0, 1] == 100 * following + 1  # a view outlives the runtime
    raises(locum.ClosedError, lambda: store["count"])
    raises(locum.ClosedError, runtime.store, "fields")
    raises(locum.ClosedError, runtime.files, "memory:")
    raises(locum.Error, files.load, "run17/T.npy")
    runtime.close()  # the second time does nothing
    if rank == 0:
        print("passed")


if sys.argv[1:] == ["forgotten"]:
    runtime = locum.Runtime(comm, memory_bytes="64MiB")
    second = locum.Runtime(comm, memory_bytes="64MiB")  # closed in the same order by all
    third = locum.Runtime(comm, memory_bytes="64MiB")
    array = runtime.store("fields")
    array[f"a/{rank}"] = np.arange(3.0)
    kept = array.wait(f"a/{following}")
elif sys.argv[1:] == ["leaves"]:
    with locum.Runtime(comm, memory_bytes="64MiB") as runtime:
        if rank == 0:
            raise RuntimeError("rank 0 cannot go on")
        runtime.store("fields").wait("never", timeout=600)
elif sys.argv[1:] == ["uncaught"]:
    runtime = locum.Runtime(comm, memory_bytes="64MiB")
    if rank == 0:
        raise RuntimeError("rank 0 cannot go on")
    runtime.store("fields").wait("never", timeout=600)
elif sys.argv[1:] == ["unsplit"]:
    if rank != 0:
        comm.Split(1, rank)
    try:
        locum.Runtime(comm, memory_bytes="64MiB", collective_timeout=12)
    except TimeoutError as error:
        print(error, flush=True)
    comm.Abort(1)
else:
    all_checks()
