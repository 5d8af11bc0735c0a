"""Files in the formats that everybody reads."""

import os
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Dict,
    Iterable,
    List,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Type,
    TypeVar,
    Union,
)

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _native, _record
from ._durations import Duration, deadline, positive
from ._errors import Error
from ._futures import Future
from ._interrupts import interruptible
from ._proxy import _proxy_of
from ._values import Stored, described_by, given, stored_record
from ._zarr import Codecs, ZarrArray
from ._zarr_group import ZarrGroup

if TYPE_CHECKING:
    from ._session import Session

T = TypeVar("T")
Path = Union[str, "os.PathLike[str]"]
_FLAT: "Tuple[type, ...]" = (float, bool, int, complex, str, bytes, bytearray)
_FILE, _FOLDER = 1, 2


def _has_elements(value: Any) -> bool:
    """Returns whether a value is an array of NumPy or of another library, a number, a text or bytes."""
    if type(value) is int:  # a larger one is a Record
        return -(2**63) <= value < 2**63
    if type(value) in _FLAT or isinstance(value, (np.ndarray, np.generic)):
        return True
    try:
        memoryview(value)
    except TypeError:
        return hasattr(value, "__dlpack__") and not isinstance(value, type)
    return True


def saved_as(value: Any) -> Stored:
    """Returns the memory of a value that is saved, or that of a Record that is made of it."""
    if _has_elements(value):
        described = described_by(value)
        if isinstance(described, Stored):
            return described
    return stored_record(value)


def times(kept: Optional[Duration], timeout: Optional[Duration]) -> Tuple[float, float]:
    """Returns the options of files as C takes them."""
    return positive(kept, "time for which files are kept"), positive(timeout, "timeout")


def _how(
    format: Optional[str],
    backend: Optional[str],
    limit: float,
    options: Dict[str, Any],
    map: bool = False,
    member: Optional[str] = None,
) -> _native.FileOptions:
    record: Optional[NDArray[np.uint8]] = np.frombuffer(_record.encode(options), np.uint8) if options else None
    return _native.FileOptions(format, backend, limit, record, map, member)


def _outcomes(outcomes: List[Any], return_exceptions: bool) -> List[Any]:
    """Returns the outcomes of a batch, or raises the first exception among them."""
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    interrupt = next((error for error in failed if not isinstance(error, Exception)), None)
    if interrupt is not None:  # KeyboardInterrupt
        raise interrupt
    if not failed or return_exceptions:
        return outcomes
    first = failed[0]
    if len(failed) > 1:
        more = f"{first} ({len(failed)} of {len(outcomes)} files failed: return_exceptions=True returns each error)"
        first.args = (more, *first.args[1:])
    raise first


def _loaded(call: _native.Future, limit: float) -> Any:
    return given(call.view(limit), False, False)


def _loaded_interruptibly(call: _native.Future, limit: float) -> Any:
    return _loaded(call, limit) if call.ready() else interruptible(_loaded, call, limit)


class Files:
    """Values in files: `locum.Files("file:/scratch/run17").save("T.npy", field)`, and `load("T.npy")`.

    The ending of a path says which format; `format="npy"` is for other endings. Other named arguments of `save`, `load`
    and `info` are options of the format: `load("t.csv", separator=";")`. Paths are relative to the URL, and cannot
    leave it: that of a folder, or of another backend that lists its names, such as "memory:".

    A file is loaded once for all who share the session (`Session.files`, `Runtime.files`); a file that was changed is
    loaded again. An array is got read-only and in the memory of the store, as are those in a dict or list. Saving is
    atomic: who loads the path finds the old file, or all of the new one.

    Any thread may call. In the main thread Ctrl-C ends a call at once. What it has begun goes on by itself, so that a file
    may still be saved, whole; code of a format in Python is interrupted. Errors name the path, and the place in the file; an ending that no format has is an
    UnsupportedError that lists the formats. A format of one's own is a subclass of `Format`.

    :param kept: how long what was loaded stays in memory after its last load, at least a second; None: 60 s
    :param timeout: longest wait of a load for another rank that loads the same file; None: 600 s
    """

    _is_interruptible = True

    def __init__(self, url: str, *, kept: Optional[Duration] = None, timeout: Optional[Duration] = None):
        self._native = _native.Files(url, *times(kept, timeout))
        self._url = url

    @classmethod
    def open_in(
        cls, session: "Session", url: str, *, kept: Optional[Duration] = None, timeout: Optional[Duration] = None
    ) -> "Files":
        """Opens the files of a URL: what is loaded is an object of the session. The same as `session.files(url)`."""
        return cls._of(session._native.files(url, *times(kept, timeout)), url)

    @classmethod
    def _of(cls, native: _native.Files, url: str, is_interruptible: bool = True) -> "Files":
        made = cls.__new__(cls)
        made._native = native
        made._url = url
        made._is_interruptible = is_interruptible
        return made

    def _call(self, function: "Callable[..., T]", *arguments: Any) -> T:
        return interruptible(function, *arguments) if self._is_interruptible else function(*arguments)

    def add(self, name: str, url: str) -> None:
        """Names another URL, for `backend=name` of the other calls. KeyExistsError if the name is in use."""
        self._native.add(name, url)

    # ---- Values ----

    def save(
        self, path: Path, value: Any, *, format: Optional[str] = None, backend: Optional[str] = None, **options: Any
    ) -> None:
        """Saves a value: an array, a number, a text, bytes, None, or a dict, list or tuple of these.

        TypeMismatchError if the format does not hold such a value. TypeError, OverflowError or ValueError name the
        place of a value within it that none holds: `["a"][3] is of type set …`.

        :param options: of the format
        """
        memory, code, type_name = saved_as(value)
        self._call(self._native.save, os.fsdecode(path), memory, code, type_name, _how(format, backend, 0.0, options))

    def load(
        self,
        path: Path,
        *,
        format: Optional[str] = None,
        backend: Optional[str] = None,
        timeout: Optional[Duration] = None,
        map: bool = False,
        member: Optional[str] = None,
        **options: Any,
    ) -> Any:
        """Loads a file: an array in place, a number, a str, bytes, None, or a dict or list, with arrays in place.

        NotFoundError; CorruptError, which names the place in the file.

        :param timeout: longest wait for another rank that loads the same file; None: that of the files
        :param map: whether an array is shown in the file itself, unread, where format and layout allow that: this
            process alone has it. A program that shortens the file then ends the process by SIGBUS
        :param member: what is returned of a file that holds members, by its name, or by a path of names, as
            "solver/steps"; None: all. NotFoundError names those that there are
        :param options: of the format
        """
        how = _how(format, backend, deadline(timeout), options, map, member)
        return given(self._call(self._native.load, os.fsdecode(path), how), False, False)

    def load_async(
        self,
        path: Path,
        *,
        format: Optional[str] = None,
        backend: Optional[str] = None,
        timeout: Optional[Duration] = None,
        map: bool = False,
        member: Optional[str] = None,
        **options: Any,
    ) -> "Future[Any]":
        """Begins a load in a thread of these files: `await files.load_async(path)`, or `.result()` later.

        Up to four files are loaded at a time. `close` waits for the loads that were begun. The parameters are those of
        `load`; an array that has no room in the store is an OutOfMemoryError, without `map` and `member`.
        """
        how = _how(format, backend, deadline(timeout), options, map, member)
        begun = self._native.load_async(os.fsdecode(path), how)
        return Future(begun, _loaded_interruptibly if self._is_interruptible else _loaded)  # which keep no Files

    def proxy(
        self,
        path: Path,
        *,
        format: Optional[str] = None,
        backend: Optional[str] = None,
        timeout: Optional[Duration] = None,
        **options: Any,
    ) -> Any:
        """Returns a stand-in for what a file holds, which is loaded in the background from now on.

        It is loaded once for the node of this rank; ranks of other nodes fetch it from there, and need not see the
        file. The object lasts until it is evicted by its key. NotFoundError if there is no file. If the file cannot be
        loaded, who uses the stand-in gets BrokenPromiseError, which tells why. The parameters are those of `load`, but
        `map` and `member` are InvalidArgumentError: a stand-in is for all that the file holds.
        """
        map, member = options.pop("map", False), options.pop("member", None)
        how = _how(format, backend, deadline(timeout), options, map, member)
        stand_in = self._native.proxy(os.fsdecode(path), how)
        return _proxy_of(stand_in, lambda value: given(value, False, False))

    def load_batch(
        self,
        paths: Iterable[Path],
        *,
        format: Optional[str] = None,
        backend: Optional[str] = None,
        timeout: Optional[Duration] = None,
        map: bool = False,
        member: Optional[str] = None,
        return_exceptions: bool = False,
        **options: Any,
    ) -> List[Any]:
        """Loads several files, some at a time, in threads: returns the values in the order of the paths.

        Raises the first error in that order, when all have ended. `return_exceptions=True` returns the errors in the
        places of their values, as `asyncio.gather` does. The other parameters are those of `load`.
        """
        if isinstance(paths, (str, os.PathLike)):
            raise TypeError(f"load_batch takes several paths: write [{os.fspath(paths)!r}], or load() for one")
        names = [os.fsdecode(path) for path in paths]
        how = _how(format, backend, deadline(timeout), options, map, member)
        loaded = self._call(self._native.load_batch, names, how)
        return [given(value, False, False) for value in _outcomes(loaded, return_exceptions)]

    def save_batch(
        self,
        values: "Union[Mapping[Path, Any], Iterable[Tuple[Path, Any]]]",
        *,
        format: Optional[str] = None,
        backend: Optional[str] = None,
        return_exceptions: bool = False,
        **options: Any,
    ) -> List[Optional[Error]]:
        """Saves several values under their paths, some at a time, in threads. Returns None for each.

        Raises the first error, when all have ended: the others are saved all the same. `return_exceptions=True` returns
        the errors in their places. A value that no file holds is an error before any is saved, as in `save`.
        """
        pairs = [(os.fsdecode(path), value) for path, value in (values.items() if isinstance(values, Mapping) else values)]
        stored = [saved_as(value) for _, value in pairs]
        outcomes: List[Optional[Error]] = self._call(
            self._native.save_batch,
            [path for path, _ in pairs],
            [one.memory for one in stored],
            [one.code for one in stored],
            [one.type_name for one in stored],
            _how(format, backend, 0.0, options),
        )
        return _outcomes(outcomes, return_exceptions)

    def info(
        self, path: Path, *, format: Optional[str] = None, backend: Optional[str] = None, **options: Any
    ) -> Dict[str, Any]:
        """Describes what a file holds without loading it all: `format`, `bytes`, and for an array `type`, `extents`."""
        block = self._call(self._native.info, os.fsdecode(path), _how(format, backend, 0.0, options))
        told: Dict[str, Any] = given(block, False, True)
        return told

    # ---- Arrays of Zarr ----

    def zarr(self, path: Path, *, backend: Optional[str] = None) -> ZarrArray:
        """Opens an array of Zarr, which is a folder of these files: `files.zarr("T.zarr")[10:20, ::2]`.

        NotFoundError if there is none; InvalidArgumentError if it is a group.
        """
        return ZarrArray.open(self, path, backend=backend)

    def create_zarr(
        self,
        path: Path,
        shape: Union[int, Sequence[int]],
        dtype: DTypeLike,
        *,
        chunks: Union[int, Sequence[int], None] = None,
        shards: Union[int, Sequence[int], None] = None,
        codecs: Codecs = "zstd(1)",
        fill_value: Any = None,
        dimensions: Optional[Sequence[str]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        version: int = 3,
        backend: Optional[str] = None,
    ) -> ZarrArray:
        """Makes an array of Zarr, in a folder that is made for it. KeyExistsError if there is an array or a group.

        :param chunks: extents of a chunk; None: chosen, of about 1 MiB
        :param shards: extents of a file of several chunks, multiples of those of a chunk (version 3); None: each chunk is
            a file
        :param codecs: what compresses a chunk, in the order of encoding: `zstd(3)`, `gzip(5), crc32c`, or a list of these;
            empty: nothing
        :param fill_value: the value of elements that were never written; None: 0
        :param dimensions: their names (version 3)
        :param version: of the format: 2 or 3
        """
        return ZarrArray.create(
            self,
            path,
            shape,
            dtype,
            chunks=chunks,
            shards=shards,
            codecs=codecs,
            fill_value=fill_value,
            dimensions=dimensions,
            attributes=attributes,
            version=version,
            backend=backend,
        )

    def zarr_group(self, path: Path, *, consolidated: bool = False, backend: Optional[str] = None) -> ZarrGroup:
        """Opens a group of arrays of Zarr. NotFoundError if there is none; InvalidArgumentError if it is an array.

        :param consolidated: whether what is below is found in the consolidated metadata of the group, if it has some, as
            it was when it was consolidated
        """
        return ZarrGroup.open(self, path, consolidated=consolidated, backend=backend)

    def create_zarr_group(
        self,
        path: Path,
        *,
        attributes: Optional[Mapping[str, Any]] = None,
        version: int = 3,
        backend: Optional[str] = None,
    ) -> ZarrGroup:
        """Makes a group of arrays of Zarr, in a folder that is made for it. KeyExistsError if there is an array or a group.

        :param version: of the format, also of all below: 2 or 3
        """
        return ZarrGroup.create(self, path, attributes=attributes, version=version, backend=backend)

    # ---- Files and folders ----

    def list(
        self,
        folder: Path = "",
        pattern: str = "*",
        recursive: bool = False,
        *,
        folders: bool = False,
        backend: Optional[str] = None,
    ) -> List[str]:
        """Returns the paths of the files in a folder, in ascending order. NotFoundError if there is no such folder.

        :param pattern: of names, as in a shell: `*.npy`
        :param recursive: whether in all folders below, too
        :param folders: whether of folders as well as of files; `is_dir` tells them apart
        """
        return self._call(self._native.list, os.fsdecode(folder), pattern, recursive, folders, backend)

    def exists(self, path: Path, *, backend: Optional[str] = None) -> bool:
        """Returns whether there is a file or folder."""
        return self._native.kind(os.fsdecode(path), backend) != 0

    def is_file(self, path: Path, *, backend: Optional[str] = None) -> bool:
        """Returns whether there is a file."""
        return self._native.kind(os.fsdecode(path), backend) == _FILE

    def is_dir(self, path: Path, *, backend: Optional[str] = None) -> bool:
        """Returns whether there is a folder."""
        return self._native.kind(os.fsdecode(path), backend) == _FOLDER

    def make_dirs(self, path: Path, *, backend: Optional[str] = None) -> None:
        """Makes a folder and those above it, where there is none. Saving makes the folder that it needs."""
        self._native.make_dirs(os.fsdecode(path), backend)

    def remove(self, path: Path, *, backend: Optional[str] = None) -> bool:
        """Removes a file, or an empty folder. Returns False if there was none."""
        return self._native.remove(os.fsdecode(path), backend)

    def copy(self, source: Path, target: Path, *, backend: Optional[str] = None) -> None:
        """Copies a file, atomically, its bytes unread."""
        self._call(self._native.copy, os.fsdecode(source), os.fsdecode(target), backend)

    def pack(self, folder: Path, archive: Path, *, backend: Optional[str] = None) -> None:
        """Makes an archive of ZIP, atomically, of all files in a folder and below it: `files.pack("T.zarr", "T.zarr.zip")`.

        `locum.Files("zip:T.zarr.zip")` reads it, and ZipStore of zarr-python, and zipfile. Members are stored, under their
        paths below the folder. StaleError if files in the folder were changed meanwhile.
        """
        self._call(self._native.pack, os.fsdecode(folder), os.fsdecode(archive), backend)

    # ---- The end ----

    @property
    def is_open(self) -> bool:
        return self._native.is_open

    def close(self) -> None:
        """Ends the use of the files: later calls are ClosedError. What was loaded stays valid."""
        self._call(self._native.close)

    def __enter__(self) -> "Files":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<locum.Files {self._url}{'' if self.is_open else ', closed'}>"
