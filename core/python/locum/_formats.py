"""Formats of files in Python."""

from typing import Any, ClassVar, Dict, Mapping, Optional, Sequence, Tuple, Type

import numpy as np
from numpy.typing import NDArray

from . import _native, _record
from ._errors import CorruptError
from ._failures import CONTENT_CODES, VALUE_CODES, described
from ._files import saved_as
from ._integers import extents_of
from ._values import Stored, code_of, stored_record


class FileBytes:
    """A file that a format loads. Its calls are refused once the method of the format has returned; its arrays stay."""

    __slots__ = ("_native", "_has_made")

    def __init__(self, native: _native.FileBytes):
        self._native = native
        self._has_made = False

    @property
    def size(self) -> int:
        """The number of bytes."""
        return self._native.size

    @property
    def path(self) -> Optional[str]:
        """The path of a file of the operating system, for libraries that open it themselves; None if it is none."""
        return self._native.path or None

    def read(self, offset: int = 0, size: Optional[int] = None) -> bytes:
        """Returns `size` bytes, or all behind the offset. CorruptError if the file ends before them."""
        there = max(self.size - offset, 0)
        if offset < 0 or (size is not None and size < 0):
            raise ValueError(f"an offset and a number of bytes are not negative; these are {offset} and {size}")
        if size is not None and size > there:  # before there is memory for them
            raise CorruptError(
                f"corrupt: the file ends at byte {self.size}, within the {size} bytes from {offset} on; it is incomplete"
            )
        memory = bytearray(there if size is None else size)
        self._native.read(offset, memory)
        return bytes(memory)

    def readinto(self, array: Any, offset: int = 0) -> None:
        """Fills an array, or other memory without gaps, with bytes. CorruptError if the file ends before them."""
        self._native.read(offset, array)

    def view(self) -> NDArray[np.uint8]:
        """Returns all bytes in place, read-only: mapped if the caller asked for that, else read. It may be kept."""
        return self._native.view()

    def make_array(self, dtype: Any, shape: "int | Sequence[int]") -> NDArray[Any]:
        """Returns memory for an array that is loaded: the first one is where all ranks of the node will read it.

        Fill it and return it: then nothing is copied, unless somebody else still refers to it. Not cleared.
        """
        made = self._native.make(extents_of(shape), code_of(dtype))
        self._has_made = True
        return made


class FileDraft:
    """A file that a format saves: nobody sees it before it is complete. Refused once the method has returned."""

    __slots__ = ("_native",)

    def __init__(self, native: _native.FileDraft):
        self._native = native

    @property
    def size(self) -> int:
        """The number of bytes that were written."""
        return self._native.size

    def write(self, data: Any) -> None:
        """Appends bytes: of a `bytes`, a row-major array without gaps, or anything else with such a buffer."""
        self._native.write(data)

    def write_at(self, offset: int, data: Any) -> None:
        """Replaces bytes that were written."""
        self._native.write_at(offset, data)


class Format:
    """A format of files. A subclass registers itself, for `Files.save`, `load` and `info` of this process:

        class Raw(locum.Format):
            name = "raw"
            endings = (".raw",)
            holds = "frames of u8"
            options = {"width": "pixels of a row"}

            def load(self, file, options): ...
            def save(self, value, file, options): ...

    One object of the class is made; its methods are called by several threads at once. An exception of a method is the
    cause of the error with which the call of `Files` ends: a `locum.Error` gives it its class (`CorruptError("at byte
    0: no picture")`), as do TypeError, MemoryError, TimeoutError, ConnectionError and NotImplementedError. ValueError,
    EOFError, LookupError (KeyError, IndexError), ArithmeticError, struct.error and zlib.error of `load` and `info` are
    a CorruptError: raise InvalidArgumentError for a wrong option. A ValueError of `save` is an InvalidArgumentError.
    Any other exception is an OperatingSystemError. Files are not trusted: check what they say before there is memory
    for it.

    A class that is defined again in the same place, as in a notebook, takes the place of the former one. `class
    Base(locum.Format, abstract=True)` registers nothing.
    """

    name: ClassVar[str]
    """`raw`; as in `format="raw"`: lower-case letters, digits, _ and -."""
    endings: ClassVar[Sequence[str]] = ()
    """Lower case, with their dots."""
    holds: ClassVar[str] = ""
    """One sentence."""
    options: ClassVar[Mapping[str, str]] = {}
    """One sentence for each option that the calls of Files have by name; any other is refused."""

    def load(self, file: FileBytes, options: Dict[str, Any]) -> Any:
        """Returns the value: an array, a number, a str, bytes, None, or a dict or list of these."""
        raise NotImplementedError

    def save(self, value: Any, file: FileDraft, options: Dict[str, Any]) -> None:
        """Writes a value, whose arrays are read-only. TypeError if the format does not hold it."""
        raise NotImplementedError

    def info(self, file: FileBytes, options: Dict[str, Any]) -> Dict[str, Any]:
        """Returns what the file holds, without reading it all: of an array, `type` (as "u8") and `extents`."""
        return {}

    def recognises(self, first: bytes) -> bool:
        """Returns whether a file that begins with these bytes, at most 512, is probably of this format.

        The error of a load of a file whose ending no format has names the formats that say so.
        """
        return False

    def __init_subclass__(cls, *, abstract: bool = False, **others: Any):
        super().__init_subclass__(**others)
        if not abstract:
            _register(cls)


class _NotStored(Exception):
    """The exception of a value that a format has returned, and that no store holds, is its cause."""


class _Methods:
    """What the module calls. It takes values apart, and makes them."""

    def __init__(self, made: Format):
        self.format = made

    def load(self, native: _native.FileBytes, options: NDArray[np.uint8]) -> Stored:
        file = FileBytes(native)
        value = self.format.load(file, _options(options))
        if value is None and file._has_made:
            raise TypeError(f"{_named(self.format, 'load')} made an array and returned None: return the array")
        try:
            return saved_as(value)
        except Exception as error:
            raise _NotStored from error

    def info(self, native: _native.FileBytes, options: NDArray[np.uint8]) -> Stored:
        told = self.format.info(FileBytes(native), _options(options))
        if not isinstance(told, dict):
            raise TypeError(f"{_named(self.format, 'info')} returned a {type(told).__name__}; return a dict")
        return stored_record(told)

    def save(self, value: Any, is_record: bool, native: _native.FileDraft, options: NDArray[np.uint8]) -> None:
        told: object = self.format.save(  # type: ignore[func-returns-value]
            _record.decode(value, False) if is_record else value, FileDraft(native), _options(options)
        )
        if told is not None:
            raise TypeError(f"{_named(self.format, 'save')} returned a {type(told).__name__}: write the bytes by file.write")

    def recognises(self, first: bytes) -> bool:
        return bool(self.format.recognises(first))

    def failed(self, function: str, error: BaseException) -> Tuple[int, str]:
        codes = VALUE_CODES if function == "save" else CONTENT_CODES
        if isinstance(error, _NotStored) and error.__cause__ is not None:
            error, codes = error.__cause__, VALUE_CODES
        return described(error, _named(self.format, function), codes)


def _options(block: NDArray[np.uint8]) -> Dict[str, Any]:
    return _record.decode(block, False) or {}


def _named(made: object, function: str) -> str:
    return f"{type(made).__qualname__}.{function}"


_registered: Dict[str, Tuple[Any, _Methods]] = {}


def _register(cls: Type[Format]) -> None:
    place = f"{cls.__module__}.{cls.__qualname__}"
    name = getattr(cls, "name", None)
    if not isinstance(name, str):
        raise TypeError(f"{place} is a locum.Format without a name: set `name = \"…\"`, or say abstract=True")
    if isinstance(cls.endings, str):
        raise TypeError(f"{place}.endings is a str: write `endings = ({cls.endings!r},)`")
    loads, saves = cls.load is not Format.load, cls.save is not Format.save
    if not loads and not saves:
        raise TypeError(f"{place} is a locum.Format without load and save: define one of them, or both")
    tells, recognises = cls.info is not Format.info, cls.recognises is not Format.recognises
    traits = (place, tuple(cls.endings), dict(cls.options), loads, saves, tells, recognises)
    made = cls()
    known = _registered.get(name)
    if known is not None and known[0][0] == place:
        if known[0] != traits:
            raise TypeError(
                f"{place} was registered as the format {name} with other endings, options or methods, which cannot be"
                " changed: choose another name, or start the interpreter anew"
            )
        known[1].format = made
        return
    methods = _Methods(made)
    told = [(option, meaning) for option, meaning in cls.options.items()]
    _native.register_format(name, list(cls.endings), cls.holds, told, *traits[3:], methods)
    _registered[name] = (traits, methods)
