"""Objects that programs share under names: NumPy arrays, read in place, and any other Python objects.

    import locum

    with locum.open("file:results") as store:
        store["T/0042"] = temperature                 # a NumPy array; C++ and C read it, too
        T = store["T/0042"]                           # a read-only array in the memory of the store
        part = store.read("T/0042", np.s_[10:20, ::2])  # only these elements are moved

`open` opens a store by its URL, and loads neither MPI nor UCX. Any thread may call anything, but what belongs
to one thread at a time says so. Calls that may wait release the interpreter's lock and take `timeout`, in
seconds or as a `datetime.timedelta`: None is the default of the store, 0 does not wait.

`Files` saves values to files in the formats that everybody reads, and loads them; `ZarrArray` is an array that is larger
than memory, of which parts are read and written. A subclass of `Format` is a format of
one's own, one of `Backend` a place where stores and files keep bytes. `Experiment` keeps what a run was
given and found, `Experiments` finds it again.

In an MPI job `Runtime` opens the stores that its ranks share; `StepWriter` and `StepReader` are streams of steps,
`TaskQueue` shares work. `help(locum.Store)`, `help(locum.Runtime)` and so on describe one class at a time.
"""

import numpy as _numpy  # its absence is told by itself

from . import _native
from ._errors import (
    BrokenPromiseError,
    CancelledError,
    ClosedError,
    Code,
    CorruptError,
    EndOfStreamError,
    Error,
    InvalidArgumentError,
    KeyExistsError,
    NotFoundError,
    OperatingSystemError,
    OptionsDifferError,
    OutOfMemoryError,
    PeerLostError,
    QueueFullError,
    StaleError,
    TimeoutError,
    TypeMismatchError,
    UnsupportedError,
    ValueTooLargeError,
)
from ._backends import Backend
from ._coded import Codec
from ._experiments import Experiment, Experiments, RecordIO
from ._files import Files
from ._formats import FileBytes, FileDraft, Format
from ._futures import Future
from ._info import Info
from ._lazy import LazyArray
from ._native import Key
from ._pickled import allow_pickle
from ._pipeline import Pipeline, pipeline
from ._pipeline_calls import ElementFailure, PipelineReport
from ._proxy import Promise, handle_of, is_resolved, prefetch, proxy_of_handle, resolve
from ._record import Record
from ._runtime import CheckpointReport, Runtime, find_runtime
from ._session import Session, open
from ._shards import EpochReader, Epochs, Shard, Shards, ShardStore, epochs, join_states
from ._steps import Block, InputStep, OutputStep, StepReader, StepWriter, Variable, block
from ._store import Store
from ._tasks import Task, TaskQueue
from ._writer import Writer
from ._zarr import ZarrArray
from ._zarr_group import ZarrGroup

__version__ = _native.version
del _numpy

__all__ = [
    "Backend",
    "Block",
    "BrokenPromiseError",
    "CancelledError",
    "CheckpointReport",
    "ClosedError",
    "Code",
    "Codec",
    "CorruptError",
    "ElementFailure",
    "EndOfStreamError",
    "EpochReader",
    "Epochs",
    "Error",
    "Experiment",
    "Experiments",
    "FileBytes",
    "FileDraft",
    "Files",
    "Format",
    "Future",
    "Info",
    "InputStep",
    "InvalidArgumentError",
    "Key",
    "KeyExistsError",
    "LazyArray",
    "NotFoundError",
    "OperatingSystemError",
    "OptionsDifferError",
    "OutOfMemoryError",
    "OutputStep",
    "PeerLostError",
    "Pipeline",
    "PipelineReport",
    "Promise",
    "QueueFullError",
    "Record",
    "RecordIO",
    "Runtime",
    "Session",
    "Shard",
    "ShardStore",
    "Shards",
    "StaleError",
    "StepReader",
    "StepWriter",
    "Store",
    "Task",
    "TaskQueue",
    "TimeoutError",
    "TypeMismatchError",
    "UnsupportedError",
    "ValueTooLargeError",
    "Variable",
    "Writer",
    "ZarrArray",
    "ZarrGroup",
    "allow_pickle",
    "block",
    "epochs",
    "find_runtime",
    "handle_of",
    "is_resolved",
    "join_states",
    "open",
    "pipeline",
    "prefetch",
    "proxy_of_handle",
    "resolve",
]

for _name in __all__:  # as users write them, in tracebacks and pickles
    globals()[_name].__module__ = __name__
del _name
