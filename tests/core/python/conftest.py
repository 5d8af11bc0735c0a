import numpy as np
import pytest

import locum


@pytest.fixture
def store():
    with locum.open("memory:") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path):
    """The URL of a store in files, which are not synchronised."""
    return f"file:{tmp_path}/files?sync=0"


def memory_of(array):
    """Returns the first and last address of a contiguous array's memory."""
    first = array.__array_interface__["data"][0]
    return first, first + array.nbytes


def lies_in(array, block):
    first, last = memory_of(array)
    begin, end = memory_of(np.asarray(block))
    return begin <= first and last <= end
