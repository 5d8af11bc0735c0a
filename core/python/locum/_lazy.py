"""Arrays that are read when they are indexed."""

from typing import TYPE_CHECKING, Any, Optional, Tuple, Union

import numpy as np
from numpy.typing import NDArray

from ._durations import Duration
from ._info import Info
from ._native import Key

if TYPE_CHECKING:
    from ._store import Store

_HOST = (1, 0)
"""Where DLPack finds memory of the host."""


class LazyArray:
    """An array of a store, of which only what is indexed is moved: `store.lazy("T")[10:20, ::2]`.

    Type and shape are those of the object when this was made. Indexing reads the object that then has the
    name. The arrays that it returns are copies of the caller's own.
    """

    def __init__(self, store: "Store", id: Union[str, Key], info: Info, timeout: Optional[Duration]):
        self._store = store
        self._id = id
        self._info = info
        self._timeout = timeout

    @property
    def info(self) -> Info:
        return self._info

    @property
    def shape(self) -> Tuple[int, ...]:
        return self._info.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        assert self._info.dtype is not None
        return self._info.dtype

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
        return self._info.size_bytes

    def __len__(self) -> int:
        if not self.shape:
            raise TypeError("an array without dimensions has no length")
        return self.shape[0]

    def __getitem__(self, box: Any) -> NDArray[Any]:
        return self._store._read_box(self._id, self._info, box, None, self._timeout)

    def __array__(self, dtype: Any = None, copy: Optional[bool] = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("what is read from a store is a copy; store.get() reads in place")
        array = self[...]
        return array if dtype is None else array.astype(dtype, copy=False)

    def __dlpack__(self, **how: Any) -> Any:
        return self[...].__dlpack__(**how)  # of a copy, which may be written

    def __dlpack_device__(self) -> "tuple[int, int]":
        return _HOST

    def __repr__(self) -> str:
        return f"<locum.LazyArray {self._id!r}: {self.dtype} {self.shape}>"
