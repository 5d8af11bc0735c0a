"""Checks of the programs that programs.py makes, for Python: each looks at a variable of the program."""

import sys
import threading

import numpy as np

_failures = []
_rows = 0


def _check(program, is_right, seen):
    global _rows
    _rows += 1
    if not is_right:
        _failures.append(program["row"])
        print("FAILED:", program["row"], ":", seen)


def checks_of(program):
    """Adds the checks to the program's own names."""

    def variable(name):
        return lambda expected: _check(program, program[name] == expected, program[name])

    for name in ("value", "number", "yes"):
        program[f"{name}_is"] = variable(name)
    program["size_is"] = lambda expected: _check(program, len(program["fields"]) == expected, len(program["fields"]))
    program["named_is"] = lambda name, expected: _check(
        program, program["fields"][name] == expected, program["fields"][name]
    )
    notes = []
    is_noted = threading.Event()

    def note(number):
        notes.append(number)
        is_noted.set()

    def noted():
        if not is_noted.wait(60):
            sys.exit("FAILED: nothing is noted")
        return notes[0]

    program["note"], program["noted"] = note, noted
    program["text_has"] = lambda part: _check(program, part in program["text"], program["text"])


class Narrow:
    """A codec of numbers with fewer digits."""

    name = "narrow"

    def encode(self, value):
        return value.astype(np.float32).tobytes()

    def decode(self, data, dtype):
        return np.frombuffer(data, np.float32).astype(dtype)[0]


def finish():
    print(_rows, "rows,", len(_failures), "failures")
    sys.exit(1 if _failures or _rows == 0 else 0)
