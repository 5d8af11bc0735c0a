"""Each action of tests/core/python/leaks.py on stores of a runtime: on memory of the node, of which none stays in use or pinned."""

import re
import sys

from mpi4py import MPI

import leaks
import locum

UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}

with locum.Runtime(MPI.COMM_WORLD, memory_bytes="64MiB") as runtime:

    def node_bytes():
        """Bytes that are used, and that are pinned, by the report of this runtime."""
        found = re.search(r'"leaks", node 0: \d+ objects, ([\d.]+) (\w+) used, ([\d.]+) (\w+) of them pinned', runtime.report())
        assert found is not None, runtime.report()
        return float(found[1]) * UNITS[found[2]] + float(found[3]) * UNITS[found[4]]

    leaks.check(runtime.store("leaks"), int(sys.argv[1]), node_bytes)
