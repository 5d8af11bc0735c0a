"""Runs ProxyStore's own tests of connectors, stores, proxies and serialisers with LocumConnector in place of its LocalConnector.

usage: run.py file|runtime [LAUNCHER...]    over files in a temporary folder, or in the memory of a runtime of one process, which
                                           `mpiexec -n 1` starts

LOCUM_PROXYSTORE_TREE names a source tree of ProxyStore, which the distributions do not package: that of version 0.6.5 is
the last one that runs on Debian 12. Without the variable, or a package that the tests need, the status is 77, and the
reason is printed. Nothing is written to the tree.
"""

import importlib.util
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

SKIPPED = 77
TESTS = ["tests/connectors/connector_test.py", "tests/store", "tests/proxy", "tests/serialize_test.py"]
PACKAGES = {  # by module; in tests/packages.sh, packages_for_proxystore
    "cloudpickle": "python3-cloudpickle",
    "pytest": "python3-pytest",
    "pytest_asyncio": "python3-pytest-asyncio",
    "typing_extensions": "python3-typing-extensions",
}
PACKAGES_OF_LATER = {"pydantic": "python3-pydantic", "tomli_w": "python3-tomli-w"}  # from 0.7 on
LIMIT_S = 600


def skip(reason: str) -> None:
    print(f"SKIPPED: {reason}")
    sys.exit(SKIPPED)


def tree() -> Path:
    given = os.environ.get("LOCUM_PROXYSTORE_TREE")
    if not given:
        skip("LOCUM_PROXYSTORE_TREE names no source tree of ProxyStore, such as that of its tag v0.6.5")
    root = Path(given).resolve()
    if not (root / "proxystore" / "connectors" / "local.py").is_file() or not (root / TESTS[0]).is_file():
        sys.exit(f"LOCUM_PROXYSTORE_TREE={given}: this is no source tree of ProxyStore with its tests")
    return root


def version_of(root: Path) -> str:
    """Returns the version in the tree's pyproject.toml; later trees have it in their tags alone, and say 1.0 here."""
    found = re.search(r'^version = "([0-9][0-9.]*)"', (root / "pyproject.toml").read_text(), re.MULTILINE)
    return found.group(1) if found else "1.0.0"


def files_of(root: Path) -> "list[Path]":
    """Returns the files and folders of the tests, without those that import what the distributions lack."""
    files = [root / test for test in TESTS]
    for file in [file for file in files if file.suffix == ".py"]:
        if re.search("^import polars", file.read_text(), re.MULTILINE) and importlib.util.find_spec("polars") is None:
            print(f"left out: {file.relative_to(root)}: it imports polars, which the distributions do not package")
            files.remove(file)
    return files


def main() -> None:
    kind, *launcher = sys.argv[1:]
    root = tree()
    version = version_of(root)
    is_later = tuple(map(int, version.split(".")[:2])) >= (0, 7)
    packages = dict(PACKAGES, **PACKAGES_OF_LATER) if is_later else PACKAGES
    missing = [package for module, package in packages.items() if importlib.util.find_spec(module) is None]
    if missing:
        skip(f"for want of {', '.join(missing)} (packages_for_proxystore in tests/packages.sh)")
    with tempfile.TemporaryDirectory(prefix="locum_proxystore.") as folder:
        # ProxyStore asks for the version under which it was installed.
        installed = Path(folder, f"proxystore-{version}.dist-info")
        installed.mkdir()
        (installed / "METADATA").write_text(f"Metadata-Version: 2.1\nName: proxystore\nVersion: {version}\n")
        if is_later:
            Path(folder, "sitecustomize.py").write_text("import later\n")  # in the processes that tests start, too
        Path(folder, "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nmarkers = integration: unused here\n")
        path = [folder, str(root), str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]
        command = launcher + [sys.executable, "-B", "-m", "pytest", "-q", "-rs", "--color=no", "-p", "no:cacheprovider", "--noconftest"]
        command += ["-c", f"{folder}/pytest.ini", "--rootdir", str(root), "-p", "replaced"]
        command += map(str, files_of(root))
        environment = dict(os.environ, PYTHONPATH=os.pathsep.join(filter(None, path)))
        environment.update(LOCUM_REPLACED_BY=kind, LOCUM_REPLACED_FOLDER=folder)
        print(f"ProxyStore {version} over LocumConnector, {kind}", flush=True)
        sys.exit(subprocess.run(command, env=environment, cwd=folder, timeout=LIMIT_S).returncode)


main()
