"""Whether pip can make and install a wheel here without the network; if not, prints why, and fails."""

import importlib.util
import sys


def has(module):
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of its parent
        return False


missing = [
    package
    for package, is_here in (
        ("python3-venv", has("venv") and has("ensurepip")),
        ("python3-setuptools", has("setuptools")),
        ("python3-wheel", has("wheel") or has("setuptools.command.bdist_wheel")),
    )
    if not is_here
]
if missing:
    sys.exit(f"skipped for want of the packages {', '.join(missing)}")
