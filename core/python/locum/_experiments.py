"""Experiments: what a run was given and what it found, in a folder, to be found again."""

import datetime
import importlib
from types import TracebackType
from typing import Any, Dict, Iterable, Iterator, List, Mapping, Optional, Tuple, Type, Union

import numpy as np
from numpy.typing import NDArray

from . import _native, _record
from ._durations import Duration, positive
from ._files import Files
from ._values import given

Scalar = Union[bool, int, float, str]
Filter = Union[Scalar, Tuple[Optional[Scalar], Optional[Scalar]]]


class Fields(Dict[str, Any]):
    """Members of a field, also as attributes: `e.parameters.dt` is `e.parameters["dt"]`. A dict of its own."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            known = ", ".join(map(repr, self)) or "none"
            raise AttributeError(f"there is no member {name!r}; there are {known}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = _with_attributes(value)

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(f"there is no member {name!r}") from None


def _with_attributes(value: Any) -> Any:
    if type(value) is dict:
        return Fields((name, _with_attributes(member)) for name, member in value.items())
    return [_with_attributes(element) for element in value] if type(value) is list else value


def _bytes(value: Any) -> NDArray[np.uint8]:
    return np.frombuffer(_record.encode(value), np.uint8)


def _files_of(url: "Optional[str]", files: Optional[Files]) -> _native.Files:
    if files is not None:
        if url is not None:
            raise TypeError("give experiments a url, or files, and not both")
        return files._native
    return _native.files_of_experiments(url)


def _time(ns: int) -> Optional[datetime.datetime]:
    return datetime.datetime.fromtimestamp(ns / 1e9, datetime.timezone.utc) if ns else None


def _row(told: Dict[str, Any]) -> Dict[str, Any]:
    """Returns what is told of an experiment, with times as those of Python, to the microsecond."""
    return {
        "id": told["id"],
        "status": told["status"],
        "reason": told["reason"],
        "created": _time(told["created_ns"]),
        "persisted": _time(told["persisted_ns"]),
        "host": told["host"],
        "commit": told["commit"],
        "parameters": _with_attributes(told["parameters"]),
    }


class Experiment:
    """A run that can be found again: `e = locum.Experiment("e17", "file:/scratch/experiments")`.

    Fields are attributes, `e.parameters = {"dt": 0.1}`, `e.result.T = field`, or items where the name is that of a method:
    `e["copy"]`. Their values are what a `locum.Record` holds; dicts in them have attributes, too: `e.parameters.dt`.
    `persist()` keeps them: small ones together, each large one in a file of its own, which is read when it is used
    again. In `with locum.Experiment(...) as e:` it is persisted at the end, as "done", or with an exception as "failed".

    One thread at a time may use one. In an MPI job one rank opens it; others read it, once for the node, with the
    files of the runtime: `files=runtime.files(url)`.

    :param id: the name of a folder: letters, digits and `_ - . , + = @ ~ %`
    :param url: of the folder with all experiments; None: the variable LOCUM_EXPERIMENTS, or what the file that
        LOCUM_STORES names says
    :param files: in place of the URL; `backend`: a name of `files.add`
    :param commit: version of the program; of a new experiment
    :param outside_bytes: stored size from which on a field has a file of its own; None: 4096
    :param table: whether the table, from which `Experiments.list` reads, is kept
    :param table_wait: for other processes that use the table; None: 10 s
    """

    __slots__ = ("_open", "_id", "_values")

    _open: _native.Experiment
    _id: str
    _values: Dict[str, Any]

    def __init__(
        self,
        id: str,
        url: Optional[str] = None,
        *,
        files: Optional[Files] = None,
        backend: Optional[str] = None,
        commit: Optional[str] = None,
        outside_bytes: Optional[int] = None,
        table: bool = True,
        table_wait: Optional[Duration] = None,
    ):
        how = _native.ExperimentOptions(
            commit, backend, outside_bytes or 0, table, positive(table_wait, "time to wait for the table")
        )
        self._begin(_native.Experiment(_files_of(url, files), id, how), id)

    def _begin(self, native: _native.Experiment, id: str) -> None:
        object.__setattr__(self, "_open", native)
        object.__setattr__(self, "_id", id)
        object.__setattr__(self, "_values", {})

    # ---- Fields ----

    def __getitem__(self, name: str) -> Any:
        """Returns a field; reads its file if it is outside. KeyError if there is none."""
        if name not in self._values:
            if name not in self._open.fields():
                known = ", ".join(map(repr, self._open.fields())) or "none"
                raise KeyError(f"there is no field {name!r}; there are {known}")
            self._values[name] = _with_attributes(given(self._open.get(name), False, False))
        return self._values[name]

    def __setitem__(self, name: str, value: Any) -> None:
        """Sets a field. TypeError, OverflowError or ValueError name the place of a value that no Record holds."""
        self._open.set(name, _bytes(value))
        self._values.pop(name, None)

    def __delitem__(self, name: str) -> None:
        self._values.pop(name, None)
        if not self._open.erase(name):
            raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return name in self._open.fields()

    def __iter__(self) -> Iterator[str]:
        return iter(self._open.fields())

    def __len__(self) -> int:
        return len(self._open.fields())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked by Python itself, of what an experiment is not
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError as error:
            raise AttributeError(error.args[0]) from None

    def __setattr__(self, name: str, value: Any) -> None:
        if hasattr(type(self), name):
            hint = " (the status of the experiment: by experiment.set_status(…))" if name == "status" else ""
            raise AttributeError(f"{name!r} is a name of the class; set a field by experiment[{name!r}] = …{hint}")
        self[name] = value

    def __delattr__(self, name: str) -> None:
        try:
            del self[name]
        except KeyError:
            raise AttributeError(name) from None

    def __dir__(self) -> List[str]:
        return [*super().__dir__(), *self._open.fields()]

    def url_of(self, name: str) -> Optional[str]:
        """Returns the URL of a field's file; None if it is kept inside, or was not persisted since it was set."""
        return self._open.url(name) or None

    # ---- The experiment ----

    @property
    def id(self) -> str:
        return self._id

    @property
    def url(self) -> str:
        """The URL of the folder."""
        return self._open.url(None)

    @property
    def info(self) -> Dict[str, Any]:
        """`id`, `status`, `reason`, `created`, `persisted` (None: never), `host`, `commit`, `parameters`; in memory."""
        self._keep_changes()
        return _row(_record.decode(self._open.info(), True))

    @property
    def status(self) -> str:
        """ "running", "done" or "failed"; see `set_status`."""
        return str(self.info["status"])

    def set_status(self, status: str, reason: str = "") -> None:
        """Sets the status, which `persist` keeps: "running", "done" or "failed", and why."""
        self._open.set_status(status, reason)

    def _keep_changes(self) -> None:
        """Sets the fields whose values in Python were changed in place."""
        for name, value in self._values.items():
            now = _bytes(value)
            if not np.array_equal(now, _bytes(given(self._open.get(name), False, False))):
                self._open.set(name, now)

    def persist(self) -> None:
        """Keeps the fields: whoever opens the experiment finds the old one, or the new one, whole.

        StaleError: another program has persisted it since it was read: `reload()`. Large fields leave memory, but for
        arrays that are in use.
        """
        self._keep_changes()
        self._open.persist()
        self._values.clear()

    def reload(self) -> None:
        """Reads the experiment again; changes are lost. NotFoundError if there is none."""
        self._open.reload()
        self._values.clear()

    def copy(self, id: str) -> "Experiment":
        """Persists the fields, changes included, under another ID. KeyExistsError if that is in use."""
        self._keep_changes()
        made = Experiment.__new__(Experiment)
        made._begin(self._open.copy(id), id)
        return made

    def remove(self) -> bool:
        """Removes the experiment and its folder, with all that is in it. Returns False if there was none."""
        removed = self._open.remove()
        self._values.clear()
        return removed

    def __enter__(self) -> "Experiment":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is None:
            self.set_status("done")
        else:
            text = f"{kind.__name__}: {error}".replace("\0", " ").encode("utf-8", "replace").decode()
            self.set_status("failed", text)
        self.persist()

    def __repr__(self) -> str:
        return f"<locum.Experiment {self._id}, {len(self)} fields>"


class Experiments:
    """The experiments of one place: `locum.Experiments("file:/scratch/experiments").list(dt=0.1)`.

    The parameters are those of `Experiment`.
    """

    def __init__(
        self, url: Optional[str] = None, *, files: Optional[Files] = None, backend: Optional[str] = None
    ):
        self._native = _files_of(url, files)
        self._backend = backend

    def list(
        self,
        where: Optional[Mapping[str, Filter]] = None,
        *,
        status: Optional[str] = None,
        wait: Optional[Duration] = None,
        **parameters: Filter,
    ) -> List[Dict[str, Any]]:
        """Returns a dict for each experiment, by ID, as `Experiment.info`; of those whose parameters are as asked for.

        `list(dt=0.1)` asks for a value, `list(dt=(0.01, 0.1))` for a range with its ends, of which None is open;
        `list({"solver.steps": 40})` for a member of a member. Asks the table beside the experiments of a folder, which
        is made if there is none. Damaged experiments are left out. A name that no experiment has finds none: that is how
        one asks whether a run has been made with a new parameter; `frame().columns` has the names that there are.

        :param wait: for other processes that use the table; None: 10 s
        """
        filters: List[Dict[str, Any]] = []
        for name, asked in {**(where or {}), **parameters}.items():
            if isinstance(asked, tuple):
                if len(asked) != 2:
                    raise ValueError(f"the range of {name!r} is not (least, most)")
                filters.append({"parameter": name, "at_least": asked[0], "at_most": asked[1]})
            else:
                filters.append({"parameter": name, "equals": asked})
        query: Dict[str, Any] = {"where": filters}
        if status is not None:
            query["status"] = status
        if wait is not None:
            query["wait_s"] = positive(wait, "wait")
        told = _record.decode(_native.experiments_list(self._native, self._backend, _bytes(query)), True)
        return [_row(row) for row in told]

    def frame(
        self,
        where: Optional[Mapping[str, Filter]] = None,
        *,
        status: Optional[str] = None,
        wait: Optional[Duration] = None,
        **parameters: Filter,
    ) -> Any:
        """Returns `list` as a DataFrame of pandas, with the ID as index and a column for each parameter: `parameters.dt`.

        ImportError without pandas.
        """
        pandas = importlib.import_module("pandas")
        rows = self.list(where, status=status, wait=wait, **parameters)
        flat = []
        for row in rows:
            known = {name: value for name, value in row.items() if name != "parameters"}
            flat.append({**known, **_flat(row["parameters"], "parameters")})
        columns = ["id", "status", "reason", "created", "persisted", "host", "commit"]
        return (pandas.DataFrame(flat) if flat else pandas.DataFrame(columns=columns)).set_index("id")

    def ids(self) -> List[str]:
        """Returns the IDs in the table, ascending; see `list`."""
        return [row["id"] for row in self.list()]

    def compare(self, *ids: Union[str, Iterable[str]]) -> Dict[str, List[Any]]:
        """Returns the parameters in which these differ, each with its values in their order; None where there is none.

        `compare("e1", "e2")`, or `compare(["e1", "e2"])`.
        """
        named = [id for one in ids for id in ([one] if isinstance(one, str) else one)]
        told: Dict[str, List[Any]] = _record.decode(
            _native.experiments_compare(self._native, self._backend, named), True
        )
        return told

    def garbage(self, *, remove: bool = False, older_than: Union[float, datetime.timedelta] = 3600.0) -> List[Dict[str, Any]]:
        """Returns the files of fields that no experiment refers to, `path` and `size_bytes`, and removes them if asked.

        :param older_than: younger ones are left alone, since a `persist` that has not ended may be writing them
        """
        seconds = older_than.total_seconds() if isinstance(older_than, datetime.timedelta) else float(older_than)
        told: List[Dict[str, Any]] = _record.decode(
            _native.experiments_garbage(self._native, self._backend, seconds, remove), True
        )
        return told

    def rebuild(self, *, wait: Optional[Duration] = None) -> List[str]:
        """Makes the table again from the folders. Returns the errors of experiments that cannot be read."""
        return _native.experiments_rebuild(self._native, self._backend, positive(wait, "wait"))

    def remove(self, id: str) -> bool:
        """Removes an experiment and its folder, also if it is damaged. Returns False if there was none."""
        return _native.experiments_remove(self._native, self._backend, id)

    def __repr__(self) -> str:
        return "<locum.Experiments>"


def _flat(value: Any, name: str) -> Dict[str, Any]:
    if not isinstance(value, dict):
        return {} if value is None else {name: value}
    return {key: flat for member, inner in value.items() for key, flat in _flat(inner, f"{name}.{member}").items()}


class RecordIO:
    """Values and bytes beside experiments, under a prefix that none of them owns: `RecordIO("shared", url).write(mesh)`.

    Each is a file with a URL, which fields can keep; who has written one removes it. The other parameters are those of
    `Experiment`. KeyExistsError if the prefix is the ID of an experiment.
    """

    def __init__(
        self, prefix: str, url: Optional[str] = None, *, files: Optional[Files] = None, backend: Optional[str] = None
    ):
        self._native = _files_of(url, files)
        self._prefix = prefix
        self._backend = backend

    def write(self, value: Any) -> str:
        """Writes what a `locum.Record` holds to a new file, and returns its URL."""
        return _native.record_io_write(self._native, self._backend, self._prefix, _bytes(value))

    def write_bytes(self, data: Any) -> str:
        """Writes the bytes of a buffer, as they are, to a new file, and returns its URL."""
        memory = np.frombuffer(data, np.uint8) if memoryview(data).nbytes else np.empty(0, np.uint8)
        return _native.record_io_write_bytes(self._native, self._backend, self._prefix, memory)

    def read(self, url: str) -> Any:
        """Returns what is at a URL of `write`, or of a field; bytes as an array of uint8."""
        value = _native.record_io_read(self._native, self._backend, self._prefix, url)
        return given(value, False, False)

    def remove(self, url: str) -> bool:
        """Removes a file that was written under this prefix. Returns False if there was none."""
        return _native.record_io_remove(self._native, self._backend, self._prefix, url)

    def __repr__(self) -> str:
        return f"<locum.RecordIO {self._prefix}>"
