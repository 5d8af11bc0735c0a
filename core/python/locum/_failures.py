"""Exceptions of formats and backends in Python: the library passes on their codes and texts, by which they are found again."""

import builtins
import os
import re
import struct
import zlib
from typing import Callable, Dict, Tuple, Type

from . import _native
from ._errors import Code, Error

_MOST_KEPT = 64
_LONGEST_TEXT = 1000
_MARK = " (failure of Python code "
# Errors may come from other processes, whose numbers are not those of this one.
_PROCESS = os.urandom(4).hex()
_MARKED = re.compile(re.escape(_MARK) + r"([0-9a-f]{8})\.([0-9]+)\)")

_kept: "Dict[int, BaseException]" = {}
_number = 0

Codes = Tuple[Tuple[Type[BaseException], Code], ...]

ANY_CODE: Codes = (
    (MemoryError, Code.OUT_OF_MEMORY),
    (builtins.TimeoutError, Code.TIMEOUT),
    (ConnectionError, Code.PEER_LOST),
    (NotImplementedError, Code.UNSUPPORTED),
)
VALUE_CODES: Codes = (*ANY_CODE, (TypeError, Code.TYPE_MISMATCH), (ValueError, Code.INVALID_ARGUMENT))
# What code raises that reads bytes which are not what it expects.
RECORD_CODES: Codes = (*ANY_CODE, *((kind, Code.CORRUPT) for kind in (ValueError, EOFError, struct.error, zlib.error)))
CONTENT_CODES: Codes = (
    *RECORD_CODES,
    (LookupError, Code.CORRUPT),
    (ArithmeticError, Code.CORRUPT),
    (TypeError, Code.TYPE_MISMATCH),
)


def _text_of(error: BaseException) -> str:
    try:
        text = str(error)
    except Exception:
        text = "whose text cannot be made"
    text = text.encode("utf-8", "backslashreplace").decode()  # of what is no text: a lone surrogate
    return text if len(text) <= _LONGEST_TEXT else text[:_LONGEST_TEXT] + "…"


def _code_of(error: BaseException, codes: Codes) -> Code:
    if isinstance(error, Error) and type(error) is not Error:
        return error.code
    if not isinstance(error, Exception):
        return Code.CANCELLED
    return next((code for kind, code in codes if isinstance(error, kind)), Code.SYSTEM)


def described(error: BaseException, where: str, codes: Codes) -> "Tuple[int, str]":
    """Returns code and text of the error with which a call ends, and keeps its exception as far as it is asked for soon."""
    global _number
    _number += 1
    number = _number
    _kept[number] = error
    while len(_kept) > _MOST_KEPT:  # of calls that were tried again, or whose error nobody has asked for
        _kept.pop(next(iter(_kept)), None)
    code = _code_of(error, codes)
    text = _text_of(error)
    if isinstance(error, Error):
        text = _MARKED.sub("", text)
        prefix = f"{code.name.lower()}: "
        text = text[len(prefix) :] if text.startswith(prefix) else text
    else:
        text = f"{where} raised {type(error).__name__}" + (f": {text}" if text else "")
    return int(code), f"{text}{_MARK}{_PROCESS}.{number})".replace("\0", "\\0")


def error_of(kind: "Callable[[str], Error]", text: str) -> BaseException:
    """Returns the exception of an error whose text names one of Python: with this as its cause."""
    cause = None
    for process, number in _MARKED.findall(text):
        if process == _PROCESS:
            cause = _kept.pop(int(number), None) or cause
    if cause is not None and not isinstance(cause, Exception):  # KeyboardInterrupt, SystemExit
        return cause
    error = kind(_MARKED.sub("", text))
    error.__cause__ = cause
    return error


_native.set_failures(_MARK, error_of)
