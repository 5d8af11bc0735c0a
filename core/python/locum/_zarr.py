"""Arrays of Zarr: larger than memory, in chunks that are files of their own."""

import os
import types
from typing import TYPE_CHECKING, Any, Callable, List, Mapping, Optional, Sequence, Tuple, TypeVar, Union

import numpy as np
from numpy.typing import DTypeLike, NDArray

from . import _native, _record
from ._box import Box, box_of
from ._durations import Duration, deadline
from ._errors import OutOfMemoryError, TypeMismatchError
from ._integers import extents_of
from ._interrupts import interruptible
from ._values import code_of, given

if TYPE_CHECKING:
    from ._files import Files

T = TypeVar("T")
_Path = Union[str, "os.PathLike[str]"]
Shape = Union[int, Sequence[int]]
Codecs = Union[str, Sequence[str]]
_WEAK: "Tuple[type, ...]" = (bool, int, float, complex)  # in the order in which one holds the other
_KINDS = {"b": 0, "i": 1, "u": 1, "f": 2, "c": 3}
_EXACT = 2**53  # up to here float64 has all integers


def _number(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns a number of Python as an element. OverflowError for one that the type does not hold."""
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= value <= limits.max:
            raise OverflowError(f"{value} is no {dtype.name}, the type of the elements of the array")
    with np.errstate(over="ignore"):
        element = np.array(value, dtype)
    if (type(value) is int and int(element.real) != value) or bool(np.isinf(element)) != bool(np.isinf(value)):
        raise OverflowError(f"{value} is no {dtype.name}, the type of the elements of the array")
    return element


def _elements(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Returns what is to be written as elements of the type. TypeMismatchError if that may change a value."""
    if type(value) in _WEAK and _WEAK.index(type(value)) <= _KINDS[dtype.kind]:
        return _number(value, dtype)
    if isinstance(value, np.ma.MaskedArray):
        raise TypeMismatchError(
            "type_mismatch: an array of Zarr has no mask; write values.filled(number), with the number that stands for what"
            " is masked, such as the fill value of the array"
        )
    array: NDArray[Any] = np.asarray(value)
    if array.dtype == dtype:
        return array
    is_exact = np.can_cast(array.dtype, dtype, "safe")
    if is_exact and array.dtype.kind in "iu" and array.dtype.itemsize == 8 and dtype.kind in "fc":
        is_exact = bool(np.all((array <= _EXACT) & (array >= -_EXACT)))
    if not is_exact:
        raise TypeMismatchError(
            f"type_mismatch: the elements of the array are {dtype.name}, those given {array.dtype}; give"
            f" numpy.asarray(value).astype({dtype.name!r}) if that is meant"
        )
    return array.astype(dtype)


def _fill(value: Any, dtype: np.dtype[Any]) -> Optional[NDArray[Any]]:
    if value is None:
        return None
    element = _elements(value, dtype)
    if element.shape != ():
        raise ValueError(f"the fill value is one element, not an array of the shape {element.shape}")
    return element


def _extents(given_extents: Optional[Shape], rank: int, noun: str) -> Optional[Tuple[int, ...]]:
    if given_extents is None:
        return None
    extents = extents_of(given_extents)
    if len(extents) != rank or any(extent < 1 for extent in extents):
        raise ValueError(f"the extents of {noun} are {rank} numbers from 1 on, as many as the shape has, not {extents}")
    return extents


def _listed(codecs: Sequence[str]) -> str:
    """Returns a list of codecs as one text."""
    try:
        return ", ".join(codecs)
    except TypeError:
        raise TypeError("codecs are a text or a list of texts, in the order of encoding: 'gzip(5), crc32c'") from None


def members(attributes: Mapping[str, Any]) -> NDArray[np.uint8]:
    """Returns attributes as the bytes of a stored Record."""
    return np.frombuffer(_record.encode(dict(attributes)), np.uint8)


_Layout = Tuple[
    int,
    Tuple[Tuple[int, ...], Optional[Tuple[int, ...]], Optional[Tuple[int, ...]]],
    str,
    Optional[NDArray[Any]],
    Optional[List[str]],
    Optional[NDArray[np.uint8]],
]


def laid_out(
    shape: Shape,
    dtype: DTypeLike,
    chunks: Optional[Shape],
    shards: Optional[Shape],
    codecs: Codecs,
    fill_value: Any,
    dimensions: Optional[Sequence[str]],
    attributes: Optional[Mapping[str, Any]],
) -> _Layout:
    """Returns the layout of a new array as the module takes it. ValueError if it contradicts itself."""
    extents = extents_of(shape)
    code = code_of(dtype)
    names = None if dimensions is None else [str(dimension) for dimension in dimensions]
    if names is not None and len(names) != len(extents):
        raise ValueError(f"give a name for each of the {len(extents)} dimensions, or none; these are {len(names)}")
    return (
        code,
        (extents, _extents(chunks, len(extents), "a chunk"), _extents(shards, len(extents), "a shard")),
        codecs if isinstance(codecs, str) else _listed(codecs),
        _fill(fill_value, np.dtype(dtype)),
        names,
        None if attributes is None else members(attributes),
    )


def _shared(name: str) -> int:
    names = ("parts", "none", "all")
    if name not in names:
        raise ValueError(f"shared is 'parts', 'none' or 'all', not {name!r}")
    return names.index(name)


def _limits(box: Box) -> "Optional[Tuple[Tuple[int, ...], Tuple[int, ...], Tuple[int, ...]]]":
    """Returns a box as the module takes it; None for the element of an array without dimensions."""
    return (box.start, box.count, box.stride) if box.count else None


class ZarrArray:
    """An array of Zarr, of version 2 or 3: `T = files.zarr("T.zarr")`, `T[40, ::2]`, `T[0:64] = plane`.

    Only the chunks are read that have elements of what is indexed: by indices, slices with positive steps, and `...`, as
    in NumPy. What is read is an array of the caller's own. Writing covers whole files: chunks, or shards where there are
    some; others are an InvalidArgumentError that tells where to begin and end.

    Several threads, ranks or programs may write at a time if no two of them write the same file. In the main thread
    Ctrl-C ends a call at once; a write that it has begun goes on by itself. The array goes on working when the files
    that it was opened by are closed.
    """

    def __init__(self) -> None:
        raise TypeError("an array of Zarr is opened by files.zarr(path), and made by files.create_zarr(path, …)")

    @classmethod
    def _of(cls, native: _native.ZarrArray, path: str, is_interruptible: bool) -> "ZarrArray":
        made = cls.__new__(cls)
        made._native = native
        made._path = path
        made._is_interruptible = is_interruptible
        return made

    _native: _native.ZarrArray
    _path: str
    _is_interruptible: bool

    @classmethod
    def open(cls, files: "Files", path: _Path, *, backend: Optional[str] = None) -> "ZarrArray":
        """Opens the array in a folder of these files. The same as `files.zarr(path)`."""
        name = os.fsdecode(path)
        return cls._of(files._call(_native.ZarrArray.open, files._native, name, backend), name, files._is_interruptible)

    @classmethod
    def create(
        cls,
        files: "Files",
        path: _Path,
        shape: Shape,
        dtype: DTypeLike,
        *,
        chunks: Optional[Shape] = None,
        shards: Optional[Shape] = None,
        codecs: Codecs = "zstd(1)",
        fill_value: Any = None,
        dimensions: Optional[Sequence[str]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
        version: int = 3,
        backend: Optional[str] = None,
    ) -> "ZarrArray":
        """Makes an array. The same as `files.create_zarr(path, …)`."""
        name = os.fsdecode(path)
        layout = laid_out(shape, dtype, chunks, shards, codecs, fill_value, dimensions, attributes)
        native = files._call(_native.ZarrArray.create, files._native, name, *layout, version, backend)
        return cls._of(native, name, files._is_interruptible)

    def _call(self, function: "Callable[..., T]", *arguments: Any) -> T:
        return interruptible(function, *arguments) if self._is_interruptible else function(*arguments)

    # ---- What it is ----

    @property
    def shape(self) -> Tuple[int, ...]:
        """The extents, as of the last open or resize by this object."""
        return self._native.info()[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return _native.dtypes[self._native.info()[0]]

    @property
    def ndim(self) -> int:
        return len(self.shape)

    @property
    def size(self) -> int:
        size = 1
        for extent in self.shape:
            size *= extent
        return size

    @property
    def nbytes(self) -> int:
        """The bytes of all elements in memory; their files are smaller."""
        return self.size * self.dtype.itemsize

    @property
    def chunks(self) -> Tuple[int, ...]:
        """The extents of a chunk."""
        return self._native.info()[2]

    @property
    def shards(self) -> Optional[Tuple[int, ...]]:
        """The extents of a file of several chunks; None: each chunk is a file."""
        _, _, chunks, files, _ = self._native.info()
        return None if files == chunks else files

    @property
    def version(self) -> int:
        """Of the format: 2 or 3."""
        return self._native.info()[4]

    @property
    def dimensions(self) -> List[str]:
        """The names of the dimensions; empty where there are none."""
        return self._native.dimensions()

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes, which are replaced as a whole: `T.attributes = {**T.attributes, "unit": "K"}`."""
        return types.MappingProxyType(given(self._native.attributes(), False, True))

    @attributes.setter
    def attributes(self, attributes: Mapping[str, Any]) -> None:
        self._call(self._native.set_attributes, members(attributes))

    # ---- Reading ----

    def __getitem__(self, selection: Any) -> Any:
        indices = selection if isinstance(selection, tuple) else (selection,)
        read = self._read(box_of(selection, self.shape))
        return read if any(index is Ellipsis for index in indices) else read[()]  # as NumPy: a number for one element

    def read(
        self,
        start: Optional[Sequence[int]] = None,
        count: Optional[Sequence[int]] = None,
        stride: Optional[Sequence[int]] = None,
        *,
        out: Optional[NDArray[Any]] = None,
        strict: bool = False,
        shared: str = "parts",
    ) -> NDArray[Any]:
        """Reads `count` elements from `start` on, each `stride`-th of them, to `out`, or to a new array.

        :param start: an index for each dimension; None: 0
        :param count: None: all that there are from `start` on
        :param stride: None: 1
        :param out: an array of the same type, and of the shape `count`
        :param strict: elements that were never written are a NotFoundError, and do not have the fill value
        :param shared: the chunks that are decoded once for all processes of the node that share the session: "parts", those
            of which the box has a part; "all", for boxes that several of them read; "none"
        """
        shape = self.shape
        first = self._indices(start, 0, "start")
        step = self._indices(stride, 1, "stride")
        if any(one < 1 for one in step):
            raise ValueError(f"a stride is 1 or more, not {step}")
        if count is None:
            count = [max(0, -(-(extent - at) // by)) for extent, at, by in zip(shape, first, step)]
        box = Box(first, self._indices(count, 0, "count"), step, (True,) * len(shape))
        return self._read(box, out, strict, _shared(shared))

    def prefetch(self, selection: Any, *, strict: bool = False, shared: str = "parts") -> None:
        """Begins to read what `self[selection]` is to return, in the background: the next slab, while the program computes.

        `T.prefetch(np.s_[step + 1])`. One box at a time, in memory of its size: another one drops it, as does each write
        by this object. What others write meanwhile may be in it or not. An error of reading is raised by the read.

        :param selection: as in indexing; a `read` of the same box takes it, too
        :param strict: the same as that of the `read`
        :param shared: as in `read`
        """
        box = box_of(selection, self.shape)
        self._native.prefetch(_limits(box), strict, _shared(shared))

    def _indices(self, numbers: Optional[Sequence[int]], default: int, noun: str) -> Tuple[int, ...]:
        rank = self.ndim
        if numbers is None:
            return (default,) * rank
        indices = extents_of(numbers)
        if len(indices) != rank:
            raise ValueError(f"{noun} has {len(indices)} numbers, and the array {rank} dimensions")
        return indices

    def _read(self, box: Box, out: Optional[NDArray[Any]] = None, strict: bool = False, shared: int = 0) -> NDArray[Any]:
        dtype = self.dtype
        limits = _limits(box)
        if out is None:
            read = self._memory(box.count, dtype)
            self._call(self._native.read, read, code_of(dtype), limits, strict, shared)
            return read.reshape(box.shape)
        if not isinstance(out, np.ndarray):
            raise TypeError(f"what is to be read into is an array of NumPy, not {type(out).__name__}")
        if out.shape != box.shape:
            raise ValueError(f"the box has the shape {box.shape}, and the array to be read into {out.shape}")
        if out.dtype != dtype:
            raise TypeMismatchError(
                f"type_mismatch: the elements of {self._path!r} are {dtype}, and those of the array to be read into"
                f" {out.dtype}"
            )
        if not out.flags.writeable:
            raise ValueError("the array to be read into is read-only")
        self._call(self._native.read, out, code_of(dtype), limits, strict, shared)
        return out

    def _memory(self, shape: Tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Returns memory of NumPy, which has huge pages where it is large: without them its first use takes as long as it
        takes to decode what is read to it.
        """
        try:
            return np.empty(shape, dtype)
        except (MemoryError, ValueError) as error:
            raise OutOfMemoryError(
                f"out_of_memory: this process has no memory for an array of the shape {shape}; raise its limits, or read"
                f" parts [key {self._path}]"
            ) from error

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("what is read from an array of Zarr is a copy")
        array: NDArray[Any] = self._read(box_of(..., self.shape))
        return array if dtype is None else array.astype(dtype, copy=False)

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without dimensions has no length")
        return self.shape[0]

    # ---- Writing ----

    def __setitem__(self, selection: Any, value: Any) -> None:
        box = box_of(selection, self.shape)
        if any(step != 1 and count > 1 for step, count in zip(box.stride, box.count)):
            raise IndexError("elements are written in boxes without steps, which cover whole chunks or shards")
        values = _elements(value, self.dtype)
        self._write(box.spread(np.broadcast_to(values, box.shape)), box.start)

    def write(
        self,
        values: Any,
        start: Optional[Sequence[int]] = None,
        *,
        partial: bool = False,
        timeout: Optional[Duration] = None,
    ) -> None:
        """Writes an array of as many dimensions, whose first element becomes that with the indices `start`.

        InvalidArgumentError if it is not within the array, or covers a file in part: the error tells where it may begin
        and end. TypeMismatchError if its elements are of a type whose values might change.

        :param start: None: the beginning of the array
        :param partial: files that are covered in part are read, changed and written whole. Threads, ranks and programs
            that write elements of the same files at the same time all say so, and none loses another's elements.
        :param timeout: of waiting for others who change the same file; None: 600 s
        """
        elements = _elements(values, self.dtype)
        if elements.ndim != self.ndim:
            raise ValueError(f"what is written has {elements.ndim} dimensions, and the array {self.ndim}")
        self._write(elements, self._indices(start, 0, "start"), partial, deadline(timeout))

    def _write(
        self, values: NDArray[Any], start: Tuple[int, ...], partial: bool = False, timeout_s: float = 0.0
    ) -> None:
        self._call(self._native.write, values, code_of(values.dtype), start, partial, timeout_s)

    def append(self, values: Any, *, timeout: Optional[Duration] = None) -> None:
        """Writes an array of as many dimensions behind the last elements in the first one, then the new extents.

        A last file that is not full is read, changed and written whole. One program at a time.

        :param timeout: of waiting for others who change the last file; None: 600 s
        """
        elements = _elements(values, self.dtype)
        self._call(self._native.append, elements, code_of(elements.dtype), deadline(timeout))

    def resize(self, shape: Shape) -> None:
        """Changes the extents; elements outside are not shown any more. Their files stay: if the array
        grows again, they are shown again; others that are new have the fill value.

        One program at a time. Others see the new extents when they open the array again.
        """
        self._call(self._native.resize, extents_of(shape))

    def __repr__(self) -> str:
        return f"<locum.ZarrArray {self._path!r}: {self.dtype} {self.shape}>"
