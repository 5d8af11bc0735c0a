"""Backends of stores in Python."""

from typing import Any, ClassVar, Dict, Iterable, List, Optional, Tuple, Type
from urllib.parse import parse_qsl, unquote

from . import _native
from ._errors import Code
from ._failures import ANY_CODE, RECORD_CODES, Codes, described
from ._integers import within

# Of a constructor: it has no such option, or the option no such value.
_OPENING_CODES: Codes = (*ANY_CODE, (TypeError, Code.INVALID_ARGUMENT), (ValueError, Code.INVALID_ARGUMENT))
_SHARED_BY = {"process": 0, "host": 1, "hosts": 2}


class Backend:
    """A place where stores and `Files` keep bytes. A subclass registers itself for the URLs of its scheme:

        class Shelf(locum.Backend):
            scheme = "shelf"

            def get(self, key): ...
            def put(self, key, data): ...
            def remove(self, key): ...
            def names(self, prefix): ...

        store = locum.open("shelf:upper")
        files = locum.Files("shelf:upper")

    For each URL that is opened an object is made: `Shelf("upper")`; options of the URL are named arguments, of type
    str. Its methods are called by several threads at once, with keys that have letters, digits and `_-.,+=@~%`, and
    one `/`. Puts and removes of one key follow each other within this process.

    An exception of a method is the cause of the error with which the call ends: a `locum.Error` gives it its class,
    MemoryError, TimeoutError, ConnectionError and NotImplementedError one that derives from them. ValueError, EOFError,
    struct.error and zlib.error of `get` are a CorruptError: what was kept is damaged. Any other exception is an
    OperatingSystemError; a KeyError is a mistake, and not an answer. A method has no deadline: give what it waits for one.

    A class that is defined again in the same place, as in a notebook, takes the place of the former one for URLs that
    are opened from then on. `class Base(locum.Backend, abstract=True)` registers nothing.
    """

    scheme: ClassVar[str]
    """Of its URLs: lower-case letters, digits, - and `.`."""
    is_durable: ClassVar[bool] = False
    """Whether what was put outlives the process."""
    shared_by: ClassVar[str] = "process"
    """"process", "host" or "hosts": who has the same. Beyond the process, a put of a name that another process puts at
    the same time may replace its value."""
    largest_record: ClassVar[Optional[int]] = None
    """In bytes; None: any."""
    longest_name: ClassVar[int] = 200
    """Of a key behind its `/`, in bytes, at least 64."""

    def __init__(self, where: str):
        self.where = where
        """The URL behind its scheme, and before its options."""

    def get(self, key: str) -> Any:
        """Returns what was put under the key: bytes, or anything else with a buffer; None if there is nothing."""
        raise NotImplementedError

    def put(self, key: str, data: bytes) -> None:
        """Keeps the bytes, in place of those of that key: nobody ever gets a part of them."""
        raise NotImplementedError

    def remove(self, key: str) -> bool:
        """Removes what was put under the key. Returns whether there was something."""
        raise NotImplementedError

    def names(self, prefix: str) -> Iterable[str]:
        """Returns the keys that begin with a prefix, in any order. Without this method, stores do not list names."""
        raise NotImplementedError

    def close(self) -> None:
        """Is called when no store uses this any more; not at the end of the interpreter."""

    def __init_subclass__(cls, *, abstract: bool = False, **others: Any):
        super().__init_subclass__(**others)
        if not abstract:
            _register(cls)


class _Opened:
    """What the module calls of an open backend."""

    def __init__(self, made: Backend):
        self.backend = made
        self.get = made.get
        self.put = made.put
        self.close = made.close

    def remove(self, key: str) -> bool:
        removed = self.backend.remove(key)
        if not isinstance(removed, bool):
            raise TypeError(f"it returned a {type(removed).__name__}; return whether there was something: True or False")
        return removed

    def names(self, prefix: str) -> List[str]:
        return list(self.backend.names(prefix))

    def failed(self, function: str, error: BaseException) -> Tuple[int, str]:
        return described(error, f"{type(self.backend).__qualname__}.{function}", RECORD_CODES if function == "get" else ANY_CODE)


class _Class:
    """What the module calls to open a backend."""

    def __init__(self, cls: Type[Backend]):
        self.cls = cls

    def open(self, url: str) -> _Opened:
        where, _, options = url.partition(":")[2].partition("?")
        named = parse_qsl(options.replace("+", "%2B"), keep_blank_values=True, strict_parsing=bool(options))
        return _Opened(self.cls(unquote(where, errors="surrogateescape"), **dict(named)))

    def failed(self, function: str, error: BaseException) -> Tuple[int, str]:
        return described(error, self.cls.__qualname__, _OPENING_CODES)


_registered: Dict[str, Tuple[Any, _Class]] = {}


def _register(cls: Type[Backend]) -> None:
    place = f"{cls.__module__}.{cls.__qualname__}"
    scheme = getattr(cls, "scheme", None)
    if not isinstance(scheme, str):
        raise TypeError(f"{place} is a locum.Backend without a scheme: set `scheme = \"…\"`, or say abstract=True")
    missing = [name for name in ("get", "put", "remove") if getattr(cls, name) is getattr(Backend, name)]
    if missing:
        raise TypeError(f"{place} is a locum.Backend without {' and '.join(missing)}: define get, put and remove")
    if cls.shared_by not in _SHARED_BY:
        raise ValueError(f"{place}.shared_by is {cls.shared_by!r}: it is \"process\", \"host\" or \"hosts\"")
    largest = 0 if cls.largest_record is None else within(cls.largest_record, 1024, 2**63, "the largest record")
    longest = within(cls.longest_name, 64, 65536, "the longest name")
    lists = cls.names is not Backend.names
    traits = (place, largest, longest, bool(cls.is_durable), _SHARED_BY[cls.shared_by], lists)
    known = _registered.get(scheme)
    if known is not None and known[0][0] == place:
        if known[0] != traits:
            raise TypeError(
                f"{place} was registered for the scheme {scheme} with other abilities, which cannot be changed: choose"
                " another scheme, or start the interpreter anew"
            )
        known[1].cls = cls
        return
    methods = _Class(cls)
    _native.register_backend(scheme, *traits[1:], methods)
    _registered[scheme] = (traits, methods)
