"""Checks the types that the package declares, and compares them with what its modules have. usage: stubs.py FOLDER

FOLDER has the package that was built.
"""

import importlib.util
import os
import pathlib
import subprocess
import sys
import tempfile

# Files in Python are compared with themselves, where what they import is no type for stubtest, or absent when they run.
EXPECTED = [
    r"locum\.\w+\.(Generator|Generic|Iterable|Iterator|Mapping|NamedTuple|Protocol|Sequence|Store|field)",
    r"locum\.\w+\.TypeVar\.__mro_entries__",  # of Python 3.13, which typeshed lacks
    r"locum\.(_files\.Session|_zarr(_group)?\.Files)",
    r"locum\.(_backends\.Backend|_formats\.Format|Backend|Format)",  # an empty subclass, which it makes, is refused
]

try:
    import mypy.stubtest  # noqa: F401
except ImportError:
    sys.exit("skipped for want of mypy.stubtest (package mypy)")

sys.path.insert(0, sys.argv[1])
if importlib.util.find_spec("locum._mpi") is None:  # a build without MPI
    EXPECTED.append(r"locum\._mpi")
if importlib.util.find_spec("torch") is None:
    EXPECTED.append(r"locum\.torch(\..*)?")
configuration = pathlib.Path(__file__).resolve().parents[3] / "core" / "python" / "mypy.ini"
with tempfile.TemporaryDirectory() as folder:
    expected = pathlib.Path(folder, "expected")
    expected.write_text("\n".join(EXPECTED))
    environment = {**os.environ, "MYPY_CACHE_DIR": folder, "MYPYPATH": sys.argv[1], "PYTHONDONTWRITEBYTECODE": "1"}
    for tool in (
        ["mypy", "--config-file", configuration, "--package", "locum"],
        ["mypy.stubtest", "locum", "--mypy-config-file", configuration, "--allowlist", expected, "--ignore-unused-allowlist"],
    ):
        done = subprocess.run([sys.executable, "-m", *tool], cwd=sys.argv[1], env=environment)
        if done.returncode != 0:
            sys.exit(f"{tool[0]} found what is above")
