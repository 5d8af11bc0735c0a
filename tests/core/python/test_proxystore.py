"""The connector for ProxyStore, by the contract of its connectors. ProxyStore itself is no package of the distributions."""

import pickle
import subprocess
import sys

import pytest

import locum
from locum.proxystore import LocumConnector, LocumKey


@pytest.fixture(params=[False, True])
def connector(folder, request):
    with LocumConnector(folder, as_memoryview=request.param) as made:
        yield made
        made.close(clear=True)


def test_one_object(connector):
    key = connector.put(b"value")
    assert isinstance(key, LocumKey) and pickle.loads(pickle.dumps(key)) == key
    assert connector.exists(key) and connector.get(key) == b"value"
    kind = type(connector.get(key))
    assert kind is (memoryview if connector.config()["as_memoryview"] else bytes)
    connector.evict(key)
    assert not connector.exists(key) and connector.get(key) is None
    connector.evict(key)  # of what is missing: silent
    assert connector.get(LocumKey("never")) is None
    for value in (b"", bytearray(b"abc"), memoryview(b"defg")):
        assert connector.get(connector.put(value)) == bytes(value)


def test_batches(connector):
    keys = connector.put_batch([b"a", b"b", b"c"])
    connector.evict(keys[1])
    assert connector.get_batch(keys) == [b"a", None, b"c"]
    assert connector.put_batch([]) == [] and connector.get_batch([]) == []


def test_keys_before_their_objects(connector):
    key = connector.new_key()
    assert key != connector.new_key() and not connector.exists(key) and connector.get(key) is None
    connector.set(key, b"1")
    connector.set(key, b"2")  # twice succeeds
    assert connector.get(key) == b"2"


def test_another_process(connector):
    key = connector.put(b"of the parent")
    program = """
import pickle, sys
from locum.proxystore import LocumConnector
config, key = pickle.loads(bytes.fromhex(sys.argv[1]))
with LocumConnector.from_config(config) as connector:
    assert connector.get(key) == b"of the parent"
    connector.set(key, b"of the child")
"""
    given = pickle.dumps((connector.config(), key)).hex()
    subprocess.run([sys.executable, "-X", "dev", "-W", "error", "-c", program, given], check=True, timeout=60)
    assert connector.get(key) == b"of the child"


def test_its_end(folder):
    connector = LocumConnector(folder)
    key = connector.put(b"a")
    again = LocumConnector.from_config(connector.config())
    connector.close()
    connector.close()
    with pytest.raises(locum.ClosedError):
        connector.get(key)
    assert again.get(key) == b"a"
    again.close(clear=True)
    with LocumConnector(folder) as last:
        assert last.get(key) is None


def test_wrong_arguments(folder):
    with pytest.raises(ValueError):
        LocumConnector()
    with pytest.raises(locum.ClosedError):
        LocumConnector.from_config({"runtime": "none", "store": "a"})
    with LocumConnector(folder) as connector:
        for wrong in ("text", 5, {"a": 1}):
            with pytest.raises(TypeError):
                connector.put(wrong)
