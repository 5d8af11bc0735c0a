from typing import Any, Dict, List, Optional, Tuple

from ._native import _Box, _Made

communicator_bytes: int

def library_version() -> str: ...

_Report = Tuple[int, int, int, int, int, int]

class Runtime(_Made):
    def __init__(self, communicator: int, options: Dict[str, Any]) -> None: ...
    @property
    def is_open(self) -> bool: ...
    def close(self, timeout_s: float) -> None: ...
    def place(self) -> Tuple[int, int, int, int]: ...
    def store(self, name: str, options: Optional[Tuple[float, int, float, bool, Optional[str]]]) -> int: ...
    def files(self, url: str, kept_s: float, timeout_s: float) -> int: ...
    def drop(self, name: str, timeout_s: float) -> None: ...
    def flush(self, timeout_s: float) -> None: ...
    def report(self) -> str: ...
    def report_all(self, timeout_s: float) -> str: ...
    def lost_ranks(self) -> List[int]: ...
    def ranks(self, communicator: int) -> int: ...
    def checkpoint(
        self,
        store: str,
        path: str,
        prefix: Optional[str],
        keep: int,
        compress: int,
        incremental: bool,
        xdmf: bool,
        timeout_s: float,
    ) -> _Report: ...
    def checkpoint_async(
        self,
        store: str,
        path: str,
        prefix: Optional[str],
        keep: int,
        compress: int,
        incremental: bool,
        xdmf: bool,
        timeout_s: float,
    ) -> int: ...
    @staticmethod
    def checkpoint_of(number: int, timeout_s: float) -> _Report: ...
    def proxy_of_hdf5(
        self,
        path: str,
        dataset: str,
        type: int,
        box: _Box,
        store: str,
        timeout_s: float,
    ) -> int: ...
    def restore(
        self,
        store: str,
        path: str,
        latest: bool,
        prefix: Optional[str],
        forget_handles: bool,
        skip_damaged: bool,
        lazy: bool,
        timeout_s: float,
    ) -> _Report: ...
    def checkpoint_requested(self, timeout_s: float) -> bool: ...
