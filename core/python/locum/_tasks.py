"""Queues of tasks: each is done once, by one of the processes that take them, also if one of these dies."""

from types import TracebackType
from typing import Any, Iterator, Optional, Type

from . import _native
from ._durations import Duration, deadline, positive
from ._store import Store
from ._values import stored


class Task:
    """A task that this process has taken; `value` is what was put. Made by `TaskQueue`.

    It is given back unless it is `done()`: at the end of a `with` block without an exception it is. Whoever asks next
    takes it then, which may be this process again.
    """

    def __init__(self, native: _native.Task, value: Any):
        self._native = native
        self._value = value

    @property
    def value(self) -> Any:
        """What was put."""
        return self._value

    def done(self, *, timeout: Optional[Duration] = None) -> None:
        """Marks the task as done."""
        self._native.done(deadline(timeout))

    def give_back(self) -> None:
        """Returns the task to the queue."""
        self._native.give_back()

    def __enter__(self) -> "Task":
        return self

    def __exit__(
        self,
        kind: Optional[Type[BaseException]],
        error: Optional[BaseException],
        traceback: Optional[TracebackType],
    ) -> None:
        if kind is not None:
            self.give_back()
        elif self._native.is_open:
            self.done()


class TaskQueue:
    """The queue of tasks of that name over a store; any process puts tasks, and any takes them.

        queue = locum.TaskQueue(store, "work")
        for task in queue:               # until the queue is closed, and all tasks are done
            with task:                   # done at the end; given back if an exception leaves the block
                work_on(task.value)

    The loop raises TimeoutError if no task came for `patience`, because nobody has closed the queue, or others work on
    the last tasks for longer.
    """

    def __init__(self, store: Store, name: str, *, patience: Duration = 600):
        self._store = store
        self._patience = positive(patience, "patience")
        self._native = _native.TaskQueue(store._native.handle, name)

    def put(self, value: Any, *, timeout: Optional[Duration] = None) -> int:
        """Puts a task, of any type that a store takes; returns its number."""
        given = stored(value)
        return self._native.put(given.memory, given.code, given.type_name, deadline(timeout))

    def take(self, *, timeout: Optional[Duration] = None) -> Optional[Task]:
        """Blocks until there is a task that no other process has taken, and takes it.

        None once the queue was closed, and all tasks are done. TimeoutError at the deadline; without `timeout` that of
        the store, 30 s.
        """
        found = self._native.take(deadline(timeout))
        return None if found is None else Task(found, self._store._given_in_place(found.value))

    def close(self) -> None:
        """Closes the queue to puts, of all processes."""
        self._native.close()

    def __iter__(self) -> Iterator[Task]:
        while True:
            task = self.take(timeout=self._patience)
            if task is None:
                return
            yield task
