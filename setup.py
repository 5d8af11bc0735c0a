"""Makes the wheel of the Python package, which CMake builds. Everything else is in pyproject.toml.

Environment variables:
    LOCUM_BUILD_FOLDER  a build folder of CMake in which the package was built; without it, all of it is built anew, which
                        takes minutes
    CMAKE_ARGS          options of CMake for a new build, such as -DLOCUM_WITH_MPI=OFF
    CMAKE_BUILD_PARALLEL_LEVEL  how many compilers run at a time; without it, as many as there are cores
"""

import atexit
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tempfile

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import SetupError

ROOT = pathlib.Path(__file__).resolve().parent
OPTIONS = [
    "-DCMAKE_BUILD_TYPE=Release",
    "-DLOCUM_BUILD_TESTS=OFF",
    "-DLOCUM_BUILD_BENCH=OFF",
    "-DLOCUM_BUILD_JOBS=OFF",
    "-DLOCUM_WITH_FORTRAN=OFF",
    "-DLOCUM_WITH_PYTHON=ON",
    f"-DPython3_EXECUTABLE={sys.executable}",
]


class BuildByCMake(build_ext):
    """Has CMake build the package, and install it into the folder of which setuptools makes the wheel."""

    def run(self) -> None:
        if self.inplace or getattr(self, "editable_mode", False):
            raise SetupError("locum cannot be installed in editable mode; set PYTHONPATH to python/ of its build folder")
        folder = os.environ.get("LOCUM_BUILD_FOLDER")
        if folder is None:
            folder = os.path.abspath(self.build_temp)
            subprocess.check_call(["cmake", "-S", ROOT, "-B", folder, *OPTIONS, *shlex.split(os.environ.get("CMAKE_ARGS", ""))])
            jobs = [] if "CMAKE_BUILD_PARALLEL_LEVEL" in os.environ else ["--parallel", str(os.cpu_count() or 1)]
            subprocess.check_call(["cmake", "--build", folder, "--target", "locum_python_package", *jobs])
        into = os.path.abspath(self.build_lib)
        subprocess.check_call(["cmake", "--install", folder, "--component", "wheel", "--prefix", into])

    def get_outputs(self) -> "list[str]":
        return [str(file) for file in pathlib.Path(self.build_lib, "locum").glob("*")]


def version() -> str:
    found = re.search(r"^project\(locum VERSION ([0-9.]+)", (ROOT / "CMakeLists.txt").read_text(), re.MULTILINE)
    assert found is not None
    return found[1]


def made_elsewhere() -> "dict[str, dict[str, str]]":
    """Options by which setuptools writes nothing to the sources."""
    folder = tempfile.mkdtemp(prefix="locum-wheel-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return {"build": {"build_base": folder}, "egg_info": {"egg_base": folder}}


setup(
    version=version(),
    ext_modules=[Extension("locum._native", [])],
    cmdclass={"build_ext": BuildByCMake},
    options=made_elsewhere(),
)
