"""The loops in Python that bench/languages measures: each returns the seconds of one call."""

import pickle
from time import perf_counter

import numpy as np

import locum
from locum import _native


def open_store(handle):
    """The store of a runtime that was opened by the C interface."""
    return locum.Store(_native.Store.of_handle(handle, 0.0), "bench", True)


def get_by_name(store, names, times):
    began = perf_counter()
    for name in names[:times]:
        store[name]
    return (perf_counter() - began) / times


def get_one(store, name, times):
    began = perf_counter()
    for _ in range(times):
        store[name]
    return (perf_counter() - began) / times


def put_mapping(store, name):
    """A dictionary of ten arrays. Returns the same as pickle has it by itself, with its arrays beside."""
    mapping = {f"field {number}": np.full((16, 16), float(number)) for number in range(10)}
    store[name] = mapping
    buffers = []
    text = pickle.dumps(mapping, 5, buffer_callback=buffers.append)
    return text, [buffer.raw() for buffer in buffers]


def load(text, buffers, times):
    began = perf_counter()
    for _ in range(times):
        pickle.loads(text, buffers=buffers)
    return (perf_counter() - began) / times
