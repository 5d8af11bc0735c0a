"""Groups of arrays of Zarr."""

import os
import types
from typing import TYPE_CHECKING, Any, Callable, Iterator, List, Mapping, Optional, Sequence, TypeVar, Union

from numpy.typing import DTypeLike

from . import _native
from ._errors import InvalidArgumentError
from ._interrupts import interruptible
from ._values import given
from ._zarr import Codecs, Shape, ZarrArray, laid_out, members

if TYPE_CHECKING:
    from ._files import Files

T = TypeVar("T")
_Path = Union[str, "os.PathLike[str]"]


class ZarrGroup:
    """A group of Zarr: a folder of arrays and groups, with attributes. `files.zarr_group("run17.zarr")["fields/T"][40]`.

    Names are those below the group, also paths of names. A loop is over the names of what is directly below. Any thread
    may call. In the main thread Ctrl-C ends a call at once.
    """

    def __init__(self) -> None:
        raise TypeError("a group of Zarr is opened by files.zarr_group(path), and made by files.create_zarr_group(path)")

    @classmethod
    def _of(cls, native: _native.ZarrGroup, path: str, is_interruptible: bool) -> "ZarrGroup":
        made = cls.__new__(cls)
        made._native = native
        made._path = path
        made._is_interruptible = is_interruptible
        return made

    @classmethod
    def open(
        cls, files: "Files", path: _Path, *, consolidated: bool = False, backend: Optional[str] = None
    ) -> "ZarrGroup":
        """Opens the group in a folder of these files. The same as `files.zarr_group(path)`."""
        name = os.fsdecode(path)
        native = files._call(_native.ZarrGroup.open, files._native, name, consolidated, backend)
        return cls._of(native, name, files._is_interruptible)

    @classmethod
    def create(
        cls,
        files: "Files",
        path: _Path,
        *,
        attributes: Optional[Mapping[str, Any]] = None,
        version: int = 3,
        backend: Optional[str] = None,
    ) -> "ZarrGroup":
        """Makes a group. The same as `files.create_zarr_group(path)`."""
        name = os.fsdecode(path)
        native = files._call(_native.ZarrGroup.create, files._native, name, members(attributes or {}), version, backend)
        return cls._of(native, name, files._is_interruptible)

    def _call(self, function: "Callable[..., T]", *arguments: Any) -> T:
        return interruptible(function, *arguments) if self._is_interruptible else function(*arguments)

    def _below(self, name: str) -> str:
        return f"{self._path}/{name}" if self._path else name

    def _array(self, native: _native.ZarrArray, name: str) -> ZarrArray:
        return ZarrArray._of(native, self._below(name), self._is_interruptible)

    def _group(self, native: _native.ZarrGroup, name: str) -> "ZarrGroup":
        return ZarrGroup._of(native, self._below(name), self._is_interruptible)

    # ---- What it is ----

    @property
    def version(self) -> int:
        """Of the format, also of all below: 2 or 3."""
        return self._native.info()[0]

    @property
    def is_consolidated(self) -> bool:
        """Whether what is below is found in consolidated metadata."""
        return self._native.info()[1]

    @property
    def attributes(self) -> Mapping[str, Any]:
        """The attributes, which are replaced as a whole: `run.attributes = {**run.attributes, "dt": 0.1}`."""
        return types.MappingProxyType(given(self._native.attributes(), False, True))

    @attributes.setter
    def attributes(self, attributes: Mapping[str, Any]) -> None:
        self._call(self._native.set_attributes, members(attributes))

    # ---- What is below ----

    def arrays(self) -> List[str]:
        """Returns the names of the arrays directly below, in ascending order."""
        return self._call(self._native.list)[0]

    def groups(self) -> List[str]:
        """Returns the names of the groups directly below, in ascending order."""
        return self._call(self._native.list)[1]

    def __iter__(self) -> Iterator[str]:
        arrays, groups = self._call(self._native.list)
        return iter(sorted(arrays + groups))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._call(self._native.exists, name)

    def __getitem__(self, name: str) -> "Union[ZarrArray, ZarrGroup]":
        """Opens the array or the group of that name. NotFoundError, which is a KeyError, if there is none."""
        try:
            return self.array(name)
        except InvalidArgumentError:  # it is a group, or the name is none
            return self.group(name)

    def array(self, name: str) -> ZarrArray:
        """Opens an array below. NotFoundError; InvalidArgumentError if it is a group."""
        return self._array(self._call(self._native.array, name), name)

    def group(self, name: str) -> "ZarrGroup":
        """Opens a group below. NotFoundError; InvalidArgumentError if it is an array."""
        return self._group(self._call(self._native.group, name), name)

    def create_array(
        self,
        name: str,
        shape: Shape,
        dtype: DTypeLike,
        *,
        chunks: Optional[Shape] = None,
        shards: Optional[Shape] = None,
        codecs: Codecs = "zstd(1)",
        fill_value: Any = None,
        dimensions: Optional[Sequence[str]] = None,
        attributes: Optional[Mapping[str, Any]] = None,
    ) -> ZarrArray:
        """Makes an array below, and the groups above it where there are none. The parameters are those of `Files.create_zarr`.

        KeyExistsError if there is an array or a group of that name. Consolidated metadata do not have it until
        `consolidate`.
        """
        layout = laid_out(shape, dtype, chunks, shards, codecs, fill_value, dimensions, attributes)
        return self._array(self._call(self._native.create_array, name, *layout), name)

    def create_group(self, name: str, attributes: Optional[Mapping[str, Any]] = None) -> "ZarrGroup":
        """Makes a group below, and those above it where there are none. KeyExistsError."""
        return self._group(self._call(self._native.create_group, name, members(attributes or {})), name)

    def consolidate(self) -> None:
        """Writes the metadata of all below into one file of this group, for who opens it with `consolidated=True`.

        One program at a time, when nobody makes or resizes arrays any more: that file is not changed with them.
        """
        self._call(self._native.consolidate)

    _native: _native.ZarrGroup
    _path: str
    _is_interruptible: bool

    def __repr__(self) -> str:
        return f"<locum.ZarrGroup {self._path!r}>"
