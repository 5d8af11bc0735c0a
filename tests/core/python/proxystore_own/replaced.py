"""A plugin of pytest in place of the conftest of ProxyStore's tests, which needs packages that the distributions lack.

LocalConnector, which its tests of stores and proxies use, is LocumConnector here.
"""

import os
import uuid
from unittest import mock

import proxystore.connectors.local
import proxystore.store
import pytest

import locum
from left_out import reason_for
from locum.proxystore import LocumConnector

KIND = os.environ["LOCUM_REPLACED_BY"]

calls = {"put": 0, "put_batch": 0, "get": 0, "get_batch": 0, "set": 0, "exists": 0, "evict": 0}
left_out = {}
runtime = None


def place():
    return {"url": f"file:{os.environ['LOCUM_REPLACED_FOLDER']}/files?sync=0"} if KIND == "file" else {"runtime": ""}


class LocalConnector(LocumConnector):
    """Each has objects of its own, as the one whose name it has; but one that is made of a config has those of the other."""

    def __init__(self, include_data_in_config=True, **how):
        super().__init__(**(how or dict(place(), store=uuid.uuid4().hex)))


def counted(name):
    method = getattr(LocumConnector, name)

    def call(self, *arguments, **named):
        calls[name] += 1
        return method(self, *arguments, **named)

    return call


for name in calls:
    setattr(LocalConnector, name, counted(name))
proxystore.connectors.local.LocalConnector = LocalConnector


def pytest_collection_modifyitems(config, items):
    for item in list(items):
        reason = reason_for(item.nodeid)
        if reason is not None:
            left_out[item.nodeid] = reason
            items.remove(item)
    config.hook.pytest_deselected(items=list(left_out))


def pytest_sessionstart():
    global runtime
    if KIND == "runtime":
        runtime = locum.Runtime(memory_bytes="64MiB")


def pytest_sessionfinish(session):
    """The tests must have used it."""
    if runtime is not None:
        runtime.close()
    if min(calls.values()) == 0 and session.exitstatus == 0:
        session.exitstatus = 1


def pytest_terminal_summary(terminalreporter):
    for name, reason in left_out.items():
        terminalreporter.write_line(f"left out: {name}: {reason}")
    terminalreporter.write_line(f"calls of LocumConnector: {', '.join(f'{name} {count}' for name, count in calls.items())}")


@pytest.fixture(scope="session")
def connectors():
    with LocalConnector() as connector:
        with mock.patch.object(connector, "close", side_effect=RuntimeError("a test closes the connector of all")):
            yield connector


@pytest.fixture
def store():
    with proxystore.store.Store(uuid.uuid4().hex, LocalConnector(), cache_size=0) as made:
        with proxystore.store.store_registration(made):
            yield made


@pytest.fixture(autouse=True)
def registers_no_stores():
    yield
    assert not proxystore.store._stores, "the test left a store registered"
