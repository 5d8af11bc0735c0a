"""The connector for ProxyStore, by the contract of its connectors. ProxyStore itself is no package of the distributions."""

import pickle
import subprocess
import sys
from array import array
from types import SimpleNamespace

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
    for value in (b"", bytearray(b"abc"), memoryview(b"defg"), memoryview(b"a.b.c")[::2], memoryview(array("d", [1, 2])), memoryview(b"")):
        expected = value.tobytes() if isinstance(value, memoryview) else bytes(value)
        assert connector.get(connector.put(value)) == expected and connector.get_batch([connector.put(value)]) == [expected]


def test_memory_in_place(folder):
    with LocumConnector(folder, as_memoryview=True) as connector:
        key = connector.put(b"value")
        for found in (connector.get(key), connector.get_batch([key])[0]):
            connector.evict(key)
            assert found.readonly and found == b"value"  # which stays as long as it is referred to


@pytest.mark.parametrize("names, kind", [({"BytesLike": bytes}, memoryview), ({}, bytes)])
def test_what_its_proxystore_deserializes(folder, monkeypatch, names, kind):
    with LocumConnector(folder) as connector:
        key = connector.put(b"value")
        assert type(connector.get(key)) is bytes  # without ProxyStore
        monkeypatch.setitem(sys.modules, "proxystore.serialize", SimpleNamespace(**names))
        assert type(connector.get(key)) is kind and type(connector.get_batch([key])[0]) is kind
        assert "as_memoryview" not in connector.config()  # another process may have another one


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
    again = LocumConnector(**connector.config())  # as ProxyStore makes it from 0.7 on
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
