"""Runtimes: the stores that the ranks of an MPI job share."""

import atexit
import importlib
import os
import re
import sys
import weakref
from traceback import print_exception
from types import TracebackType
from typing import Any, List, NamedTuple, Optional, Sequence, Tuple, Type, Union

from . import _native
from ._durations import Duration, deadline, positive
from ._errors import ClosedError, Error, UnsupportedError
from ._files import Files, times
from ._futures import Future
from ._proxy import _proxy_of
from ._store import Store
from ._values import code_of, given

Path = Union[str, "os.PathLike[str]"]
_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_TRANSPORTS = {"auto": 0, "ucx": 1, "mpi": 2}
_PATIENCE_S = 2.0
"""How long a rank that an exception has ended waits for the others."""
_LOGS = {"warnings": 0, "off": 1, "info": 2}
_open: "List[weakref.ref[Runtime]]" = []
"""The runtimes that were opened, in that order, which is the same one on all ranks."""


def _forget(runtime: "Runtime") -> None:
    _open[:] = [other for other in _open if other() is not None and other() is not runtime]


def find_runtime(name: Optional[str] = None) -> "Runtime":
    """Returns the open runtime of that name; without a name, the only one. ClosedError if there is none."""
    found = [runtime for reference in _open if (runtime := reference()) is not None and runtime.is_open]
    if name is not None:
        found = [runtime for runtime in found if runtime.name == name]
    if len(found) != 1:
        which = "of this process" if name is None else f"of the name {name!r}"
        what = "is not open" if not found else "is not the only one"
        raise ClosedError(f"closed: the runtime {which} {what}; open it first, with a name of its own")
    return found[0]


def _bytes(size: Union[int, str], noun: str) -> int:
    """Returns a number of bytes; of "1.5GiB", "64M" and the like, in powers of 1024."""
    if isinstance(size, str):
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:iB|B)?\s*", size)
        if found is None:
            raise ValueError(f"{noun} is a number of bytes, or a text such as '1GiB', not {size!r}")
        return int(float(found[1]) * _UNITS[found[2]])
    if size < 0:
        raise ValueError(f"{noun} is not negative; this one is {size}")
    return int(size)


def _choice(value: str, choices: "dict[str, int]", noun: str) -> int:
    if value not in choices:
        raise ValueError(f"{noun} is one of {', '.join(map(repr, choices))}, not {value!r}")
    return choices[value]


def _module_of_mpi(mpi: Any) -> Any:
    """Returns the module over MPI. Its library must be the one that mpi4py has loaded."""
    try:
        maker = importlib.import_module("locum._mpi_maker").MAKER
    except ImportError:
        raise UnsupportedError("unsupported: this build of locum has no MPI; build it with LOCUM_WITH_MPI=ON") from None
    name, version = mpi.get_vendor()
    if maker and maker != f"{name} {version[0]}":
        raise UnsupportedError(
            f"unsupported: mpi4py uses {name} {version[0]}, and this build of locum {maker}; a process can use one MPI:"
            " build locum with that of mpi4py, or install an mpi4py for that of locum"
        )
    module = importlib.import_module("locum._mpi")
    theirs = mpi.Get_library_version().rstrip("\0").strip()
    ours = module.library_version().rstrip("\0").strip()
    if theirs != ours or mpi._sizeof(mpi.Comm) != module.communicator_bytes:
        raise UnsupportedError(f"unsupported: mpi4py has loaded another MPI ({theirs}) than locum uses ({ours})")
    return module


class CheckpointReport(NamedTuple):
    """Contents of a checkpoint: sums over all ranks, the same on each of them."""

    objects: int
    bytes: int
    reused_bytes: int
    """Not written, since an earlier checkpoint has them."""
    files: int
    number: int
    """The last number in its name: 42 of step0042.h5."""
    damaged_objects: int
    """Left out, by `skip_damaged`."""


class Runtime:
    """The stores of the ranks of an MPI job. Collective over the communicator, as is closing it.

        with locum.Runtime(MPI.COMM_WORLD, memory_bytes="1GiB") as runtime:
            fields = runtime.store("fields")

    At the end of a `with` block the runtime is closed. If an exception leaves the block on some ranks only, and the
    others do not follow within two seconds, the job is ended by MPI_Abort: nobody waits for ever. A runtime without a
    `with` block is closed when the interpreter ends, before mpi4py ends MPI.

    Options are those of `locum_mpi.h`; all ranks give the same. Environment variables override them.

    :param comm: a communicator of mpi4py; None: MPI.COMM_WORLD
    :param memory_bytes: of one node, for objects; "1GiB" and the like are understood. 0: half of /dev/shm
    :param timeout: longest wait of a call without a timeout; None: 30 s
    :param collective_timeout: the same of a collective call; None: 600 s
    :param allow_pickle: False: its stores unpickle nothing; see `locum.allow_pickle`
    """

    def __init__(
        self,
        comm: Any = None,
        *,
        memory_bytes: Union[int, str] = 0,
        timeout: Optional[Duration] = None,
        collective_timeout: Optional[Duration] = None,
        peer_timeout: Optional[Duration] = None,
        prefetch_bytes: Union[int, str] = 0,
        prepare_bytes: Union[int, str] = 0,
        spill_bytes: Union[int, str] = 0,
        spill_folder: Optional[str] = None,
        stores: Optional[str] = None,
        name: Optional[str] = None,
        ranks_per_node: int = 0,
        transport: str = "auto",
        log: str = "warnings",
        checkpoint_signal: int = 0,
        as_others: bool = False,
        allow_pickle: bool = True,
    ):
        try:
            from mpi4py import MPI
        except ImportError:
            raise UnsupportedError("unsupported: a runtime needs mpi4py (package python3-mpi4py)") from None
        module = _module_of_mpi(MPI)
        self._mpi: Any = MPI
        options = {
            "memory_bytes": _bytes(memory_bytes, "memory_bytes"),
            "timeout_s": positive(timeout, "timeout"),
            "collective_timeout_s": positive(collective_timeout, "collective_timeout"),
            "peer_timeout_s": positive(peer_timeout, "peer_timeout"),
            "prefetch_bytes": _bytes(prefetch_bytes, "prefetch_bytes"),
            "prepare_bytes": _bytes(prepare_bytes, "prepare_bytes"),
            "spill_bytes": _bytes(spill_bytes, "spill_bytes"),
            "spill_folder": spill_folder,
            "stores": stores,
            "name": name,
            "ranks_per_node": ranks_per_node,
            "transport": _choice(transport, _TRANSPORTS, "transport"),
            "log": _choice(log, _LOGS, "log"),
            "checkpoint_signal": int(checkpoint_signal),
            "as_others": as_others,
        }
        self._allows_pickle = allow_pickle
        self._name = name
        self._timeout_s = positive(timeout, "timeout")
        self._comm: Any = comm if comm is not None else MPI.COMM_WORLD
        self._runtime = module.Runtime(self._address(self._comm), options)
        place: Tuple[int, int, int, int] = self._runtime.place()
        self._rank, self._size, self._node, self._nodes = place
        self._process = os.getpid()
        _open.append(weakref.ref(self))

    @property
    def name(self) -> Optional[str]:
        """What it was named when it was opened."""
        return self._name

    @property
    def rank(self) -> int:
        """This rank in the communicator."""
        return self._rank

    @property
    def size(self) -> int:
        """The number of ranks."""
        return self._size

    @property
    def node(self) -> int:
        """The node of this rank. Ranks of one node share memory."""
        return self._node

    @property
    def nodes(self) -> int:
        """The number of nodes."""
        return self._nodes

    def _address(self, comm: Any) -> int:
        if not isinstance(comm, self._mpi.Comm):
            raise TypeError(f"a communicator of mpi4py is asked for, not {type(comm).__name__}")
        address: int = self._mpi._addressof(comm)
        return address

    def store(
        self,
        name: str,
        *,
        timeout: Optional[Duration] = None,
        memory_bytes: Union[int, str] = 0,
        lifetime: Optional[Duration] = None,
        checksum: bool = False,
        connector: Optional[str] = None,
    ) -> Store:
        """Opens the store of that name, which is the same one on all ranks. Not collective.

        Without options it has those in force. Otherwise all that open it give the same.

        :param memory_bytes: the most of each node that its objects take; 0: no limit but the node's memory
        :param lifetime: of objects without one of their own
        :param checksum: whether objects carry a checksum, which is checked when they are first used
        :param connector: the URL of the backend that keeps the objects, in place of the memory of the nodes
        """
        self._require_open()
        given = (
            positive(timeout, "timeout"),
            _bytes(memory_bytes, "memory_bytes"),
            positive(lifetime, "lifetime"),
            checksum,
            connector,
        )
        options = None if given == (0.0, 0, 0.0, False, None) else given
        native = _native.Store.of_handle(self._runtime.store(name, options), self._timeout_s)
        return Store(native, name, self._allows_pickle)

    def files(self, url: str, *, kept: Optional[Duration] = None, timeout: Optional[Duration] = None) -> Files:
        """Opens the files of a URL, each of which is loaded once for all ranks of a node. Not collective.

        Any rank may load any file; see `Files`.
        """
        self._require_open()
        # With less, messages between nodes may move only while the thread that made the runtime is in a call.
        any_thread = self._mpi.Query_thread() == self._mpi.THREAD_MULTIPLE
        return Files._of(_native.Files.of_handle(self._runtime.files(url, *times(kept, timeout))), url, any_thread)

    def drop(self, name: str, *, timeout: Optional[Duration] = None) -> None:
        """Ends a store and evicts its objects. Collective."""
        self._require_open()
        self._runtime.drop(name, deadline(timeout))

    def flush(self, *, timeout: Optional[Duration] = None) -> None:
        """Blocks until what this rank has put into stores over `nodes+`, written back, is in their backends."""
        self._require_open()
        self._runtime.flush(deadline(timeout))

    def report(self) -> str:
        """Returns a text about memory, objects and paths of this rank."""
        self._require_open()
        text: str = self._runtime.report()
        return text

    def report_all(self, *, timeout: Optional[Duration] = None) -> str:
        """Returns the same of all ranks. Collective."""
        self._require_open()
        text: str = self._runtime.report_all(deadline(timeout))
        return text

    @property
    def lost_ranks(self) -> List[int]:
        """The ranks that died while the runtime was open, as far as this rank knows."""
        self._require_open()
        ranks: List[int] = self._runtime.lost_ranks()
        return ranks

    def checkpoint(
        self,
        store: str,
        path: Path,
        *,
        prefix: Optional[str] = None,
        keep: int = 0,
        compress: int = 0,
        incremental: bool = False,
        xdmf: bool = False,
        timeout: Optional[Duration] = None,
    ) -> CheckpointReport:
        """Writes the objects of a store to HDF5 files. Collective; the runtime's guide has a page about it."""
        self._require_open()
        return CheckpointReport(
            *self._runtime.checkpoint(store, os.fspath(path), prefix, keep, compress, incremental, xdmf, deadline(timeout))
        )

    def checkpoint_async(
        self,
        store: str,
        path: Path,
        *,
        prefix: Optional[str] = None,
        keep: int = 0,
        compress: int = 0,
        incremental: bool = False,
        xdmf: bool = False,
        timeout: Optional[Duration] = None,
    ) -> "Future[CheckpointReport]":
        """Starts a checkpoint that is written in the background: `await` it, or take its `result()`. Collective.

        Objects may be replaced or evicted once this returns. The checkpoint is written whether or not the future is
        kept.
        """
        self._require_open()
        number = self._runtime.checkpoint_async(
            store, os.fspath(path), prefix, keep, compress, incremental, xdmf, deadline(timeout)
        )
        report_of = self._runtime.checkpoint_of
        return Future(
            _native.Future.of_handle(number), lambda call, limit: CheckpointReport(*report_of(call.handle, limit))
        )

    def proxy_from_hdf5(
        self,
        path: Path,
        dataset: str,
        *,
        dtype: Any = None,
        start: Optional[Sequence[int]] = None,
        count: Optional[Sequence[int]] = None,
        stride: Optional[Sequence[int]] = None,
        store: str = "hdf5",
        timeout: Optional[Duration] = None,
    ) -> Any:
        """Returns a stand-in for a dataset of an HDF5 file of any program, or for a box of it. Not collective.

        The elements are read when the stand-in, or one of its handle, is first used on any rank, once in the job.

        :param dtype: what the elements are; TypeMismatchError if they are not. None: whatever they are
        :param start: of the box, with `count`; `stride` takes every n-th element
        :param store: the store of which the elements are an object then
        """
        self._require_open()
        box = None
        if start is not None or count is not None or stride is not None:
            if start is None or count is None:
                raise ValueError("a box has a start and a count: give both, or none, and no stride, for the whole dataset")
            box = (tuple(start), tuple(count), tuple(stride if stride is not None else [1] * len(start)))
        code = 0 if dtype is None else code_of(dtype)
        number = self._runtime.proxy_of_hdf5(os.fspath(path), dataset, code, box, store, deadline(timeout))
        return _proxy_of(_native.StandIn.of_number(number), lambda value: given(value, self._allows_pickle, False))

    def restore(
        self,
        store: str,
        path: Path,
        *,
        prefix: Optional[str] = None,
        keep_handles: bool = True,
        skip_damaged: bool = False,
        lazy: bool = False,
        timeout: Optional[Duration] = None,
    ) -> CheckpointReport:
        """Makes the objects of a checkpoint again, on any number of ranks. Collective."""
        self._require_open()
        return CheckpointReport(
            *self._runtime.restore(store, os.fspath(path), False, prefix, not keep_handles, skip_damaged, lazy, deadline(timeout))
        )

    def restore_latest(
        self,
        store: str,
        pattern: Path,
        *,
        prefix: Optional[str] = None,
        keep_handles: bool = True,
        skip_damaged: bool = False,
        lazy: bool = False,
        timeout: Optional[Duration] = None,
    ) -> CheckpointReport:
        """Restores the latest whole checkpoint whose path is `pattern` with a number for its `*`. Collective.

        NotFoundError if there is none.
        """
        self._require_open()
        return CheckpointReport(
            *self._runtime.restore(store, os.fspath(pattern), True, prefix, not keep_handles, skip_damaged, lazy, deadline(timeout))
        )

    def checkpoint_requested(self, *, timeout: Optional[Duration] = None) -> bool:
        """Returns whether the scheduler has announced the end of the job to any rank. Collective."""
        self._require_open()
        requested: bool = self._runtime.checkpoint_requested(deadline(timeout))
        return requested

    def _ranks(self, comm: Any) -> _native.Ranks:
        """Describes the ranks of a communicator, or of the runtime, for a stream of steps. Collective over them."""
        self._require_open()
        return _native.Ranks(self._runtime.ranks(self._address(comm if comm is not None else self._comm)))

    @property
    def is_open(self) -> bool:
        is_open: bool = self._runtime.is_open
        return is_open

    def close(self, *, timeout: Optional[Duration] = None) -> None:
        """Closes the runtime. Collective. Its stores are ClosedError from then on; arrays stay valid."""
        try:
            self._runtime.close(deadline(timeout))
        finally:
            if not self.is_open:  # it is open if another thread is in a call of it
                _forget(self)

    def _require_open(self) -> None:
        if not self._runtime.is_open:
            raise ClosedError("closed: this runtime was closed; open another one")

    def __enter__(self) -> "Runtime":
        self._require_open()
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.close()
            return
        _forget(self)
        self._fail(error)

    def _fail(self, error: Optional[BaseException]) -> None:
        """Ends the runtime of a rank that an exception has ended: with the others, or else the job."""
        if self._process != os.getpid():
            return  # of a process forked from the rank, which is no rank
        try:
            self._runtime.close(_PATIENCE_S)
        except Error as failure:
            if error is not None and not isinstance(error, SystemExit):
                print_exception(type(error), error, error.__traceback__)
            print(
                f"locum: rank {self.rank}: an exception leaves a runtime that other ranks still use; the job ends here,"
                f" because they would wait for ever. ({failure})",
                file=sys.stderr,
                flush=True,
            )
            self._mpi.COMM_WORLD.Abort(1)

    def __repr__(self) -> str:
        what = f"rank {self.rank} of {self.size}" if self.is_open else "closed"
        return f"<locum.Runtime, {what}>"


@atexit.register
def _close_all() -> None:
    """Before mpi4py ends MPI: its hook is one of the interpreter itself, which is later."""
    failed = getattr(sys, "last_type", None) is not None and not hasattr(sys, "ps1")
    for reference in _open:
        runtime = reference()
        if runtime is None or not runtime.is_open or runtime._process != os.getpid():
            continue
        try:
            if failed:
                runtime._fail(None)  # the interpreter has printed the exception
            else:
                runtime._runtime.close(0.0)
        except Error as error:
            print(f"locum: rank {runtime.rank}: closing {runtime!r} at the end of the interpreter: {error}", file=sys.stderr)
    _open.clear()
