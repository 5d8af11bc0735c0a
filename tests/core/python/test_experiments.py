"""Experiments: what is persisted is found again, by attributes, and listed by parameters."""

import datetime
import os

import numpy as np
import pytest

import locum


@pytest.fixture
def url(tmp_path):
    return f"file:{tmp_path}"


def test_fields_are_attributes(url):
    field = np.arange(2000, dtype=np.float32).reshape(40, 50)
    e = locum.Experiment("e17", url, commit="1a2b3c")
    e.parameters = {"dt": 0.1, "solver": {"name": "cg", "steps": 40}}
    e["result"] = {"T": field, "copy": [1, {"a": 2}]}
    e["copy"] = "a name of the class"
    assert e.parameters.dt == 0.1 and e.parameters.solver.steps == 40
    e.parameters.dt = 0.2  # in place
    e.result["copy"][1].a = 3
    e.persist()
    assert e.url_of("result").startswith(f"{e.url}/result.") and e.url_of("parameters") is None

    found = locum.Experiment("e17", url)
    assert list(found) == ["copy", "parameters", "result"] and len(found) == 3 and "result" in found
    assert found.parameters.dt == 0.2 and found["copy"] == "a name of the class"
    assert found.result["copy"][1].a == 3
    np.testing.assert_array_equal(found.result.T, field)
    assert found.result.T.dtype == np.float32
    assert found.info["commit"] == "1a2b3c" and found.status == "running"
    assert abs(found.info["persisted"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=10)
    with pytest.raises(AttributeError, match="there is no field 'none'"):
        found.none
    with pytest.raises(KeyError):
        found["none"]
    with pytest.raises(AttributeError, match="there is no member 'none'"):
        found.parameters.none
    with pytest.raises(AttributeError, match="is a name of the class"):
        found.copy = 1
    with pytest.raises(TypeError, match="set"):
        found.wrong = {"a": {1, 2}}
    del found["copy"]
    del found.result
    assert list(found) == ["parameters"]
    with pytest.raises(AttributeError):
        del found.result


def test_what_was_only_read_is_not_written_again(url):
    e = locum.Experiment("e", url)
    e.result = {"T": np.arange(1000.0), "nan": float("nan"), "b": b"1", "flags": np.array([True])}
    e.persist()
    before = e.url_of("result")
    found = locum.Experiment("e", url)
    assert found.result.T[7] == 7
    found.parameters = {"n": 1}
    found.persist()
    assert found.url_of("result") == before
    found.result.n = 1
    assert found.url_of("result") == before  # until it is persisted
    found.persist()
    assert found.url_of("result") != before and found.result.n == 1


def test_with_persists_at_the_end(url):
    with locum.Experiment("good", url) as e:
        e.parameters = {"dt": 0.1}
    with pytest.raises(ZeroDivisionError):
        with locum.Experiment("bad", url) as e:
            e.parameters = {"dt": 0.2}
            1 / 0
    assert locum.Experiment("good", url).status == "done"
    bad = locum.Experiment("bad", url)
    assert bad.status == "failed" and bad.info["reason"] == "ZeroDivisionError: division by zero"
    assert bad.parameters.dt == 0.2


def test_another_program_is_noticed(url):
    first = locum.Experiment("e", url)
    second = locum.Experiment("e", url)
    first.a = 1
    first.persist()
    second.a = 2
    with pytest.raises(locum.StaleError):
        second.persist()
    second.reload()
    assert second.a == 1
    copy = second.copy("f")
    assert copy.id == "f" and copy.a == 1
    with pytest.raises(locum.KeyExistsError):
        second.copy("f")
    assert second.remove() and not os.path.exists(second.url[7:])
    with pytest.raises(locum.NotFoundError):
        first.reload()
    for wrong in ("..", "a/b", ""):
        with pytest.raises(locum.InvalidArgumentError):
            locum.Experiment(wrong, url)


def make_some(url):
    for number in range(4):
        with locum.Experiment(f"e{number}", url) as e:
            e.parameters = {"dt": 0.1 / (number + 1), "n": number, "solver": {"steps": 40}, "name": "x" * number}


def test_lists(url):
    make_some(url)
    experiments = locum.Experiments(url)
    assert experiments.ids() == ["e0", "e1", "e2", "e3"]

    def ids(*arguments, **named):
        return [row["id"] for row in experiments.list(*arguments, **named)]

    assert ids(n=2) == ["e2"] and ids(n=2.0) == ["e2"] and ids(name="x") == ["e1"]
    assert ids(dt=(None, 0.05)) == ["e1", "e2", "e3"] and ids(n=(1, 2)) == ["e1", "e2"]
    assert ids({"solver.steps": 40}, n=(3, None)) == ["e3"]
    assert ids(status="failed") == [] and ids(status="done", n=0) == ["e0"]
    assert experiments.list(n=1)[0]["parameters"].solver.steps == 40
    with pytest.raises(ValueError):
        experiments.list(n=(1, 2, 3))
    with pytest.raises(locum.InvalidArgumentError):
        experiments.list(n=[1])
    with pytest.raises(locum.InvalidArgumentError):
        experiments.list(status="nothing")
    assert experiments.compare("e0", "e1")["n"] == [0, 1] and "solver.steps" not in experiments.compare("e0", "e1")
    assert experiments.compare(["e0", "e1"]) == experiments.compare("e0", "e1") == experiments.compare(id for id in ["e0", "e1"])
    assert experiments.compare([]) == experiments.compare() == {}
    assert ids(dtt=1) == []  # of a name that no experiment has
    assert experiments.rebuild() == []
    with open(os.path.join(url[5:], "e1", "experiment.json"), "w") as file:
        file.write("{")
    assert len(experiments.rebuild()) == 1 and experiments.ids() == ["e0", "e2", "e3"]
    assert experiments.remove("e1") and not experiments.remove("e1")


def test_a_frame_of_pandas(url):
    pandas = pytest.importorskip("pandas")
    make_some(url)
    frame = locum.Experiments(url).frame(n=(1, None))
    assert isinstance(frame, pandas.DataFrame)
    assert list(frame.index) == ["e1", "e2", "e3"] and list(frame["parameters.n"]) == [1, 2, 3]
    assert frame["parameters.solver.steps"].eq(40).all()
    assert len(locum.Experiments(url).frame(n=-1)) == 0


def test_who_only_looks_makes_no_folder(tmp_path):
    experiments = locum.Experiments(f"file:{tmp_path}/new/place")
    assert experiments.list() == [] and experiments.ids() == [] and experiments.garbage() == [] and experiments.rebuild() == []
    assert not experiments.remove("e")
    e = locum.Experiment("e", f"file:{tmp_path}/new/place")
    e.parameters = {"n": 1}
    assert os.listdir(tmp_path) == []
    e.persist()
    assert experiments.ids() == ["e"]
    with pytest.raises(locum.NotFoundError, match="there is no folder"):
        locum.Experiments(f"file:{tmp_path}/other?create=0")


def test_a_file_that_is_missing_or_damaged_is_named(url):
    e = locum.Experiment("e", url)
    e.T = np.arange(1000.0)
    e.persist()
    path = e.url_of("T")[7:]
    with open(path, "r+b") as file:
        file.seek(1000)
        file.write(b"x")
    with pytest.raises(locum.CorruptError, match="file of the field 'T'.*damaged.*" + os.path.basename(path)):
        locum.Experiment("e", url).T
    os.remove(path)
    with pytest.raises(locum.CorruptError, match="file of the field 'T' is missing.*" + os.path.basename(path)):
        locum.Experiment("e", url).T


def test_garbage(url):
    make_some(url)
    path = os.path.join(url[5:], "e1", "T.0000000000000001-01234567.record")
    with open(path, "wb") as file:
        file.write(b"left")
    experiments = locum.Experiments(url)
    assert experiments.garbage() == [{"path": "e1/T.0000000000000001-01234567.record", "size_bytes": 4}]
    assert experiments.garbage(remove=True, older_than=datetime.timedelta(hours=1)) != []
    assert not os.path.exists(path) and experiments.garbage() == []


def test_values_beside_experiments(url):
    files = locum.Files(url)
    io = locum.RecordIO("shared", files=files)
    where = io.write({"points": np.arange(3), "unit": "m"})
    assert io.read(where)["unit"] == "m" and list(io.read(where)["points"]) == [0, 1, 2]
    data = io.write_bytes(b"abc")
    assert bytes(io.read(data)) == b"abc" and io.read(data).dtype == np.uint8
    assert bytes(io.read(io.write_bytes(b""))) == b""
    assert io.read(io.write(5)) == 5 and io.read(io.write("x")) == "x"
    with pytest.raises(locum.KeyExistsError):
        locum.Experiment("shared", files=files)
    assert io.remove(data) and not io.remove(data)
    with pytest.raises(locum.InvalidArgumentError):
        io.read("file:///etc/passwd")
    with pytest.raises(TypeError):
        locum.RecordIO("shared", url, files=files)


def test_values_beside_experiments_outlast_those_that_name_them(url):
    io = locum.RecordIO("shared", url)
    where = io.write({"points": np.arange(3000.0)})
    for id in ("e17", "e18"):
        with locum.Experiment(id, url) as e:
            e.mesh = where
    assert locum.Experiment("e17", url).remove()
    e = locum.Experiment("e18", url)
    e.mesh = None
    e.persist()
    locum.Experiments(url).garbage(remove=True, older_than=datetime.timedelta(0))
    assert io.read(where)["points"].sum() == np.arange(3000.0).sum()


class Cupboard(locum.Backend):
    """A backend of the program's own, of which the library knows nothing."""

    scheme = "cupboard"
    records = {}

    def __init__(self, where):
        pass

    def get(self, key):
        return self.records.get(key)

    def put(self, key, data):
        self.records[key] = data

    def remove(self, key):
        return self.records.pop(key, None) is not None

    def names(self, prefix):
        return [key for key in list(self.records) if key.startswith(prefix)]


def test_a_backend_of_the_programs_own_is_a_place():
    with locum.Experiment("e17", "cupboard:runs") as e:
        e.parameters = {"dt": 0.1}
        e.result = {"T": np.arange(3000.0)}
    found = locum.Experiment("e17", "cupboard:runs")
    assert found.parameters.dt == 0.1 and found.result.T.sum() == np.arange(3000.0).sum()
    experiments = locum.Experiments("cupboard:runs")
    assert experiments.ids() == ["e17"] and [row["id"] for row in experiments.list(dt=0.1)] == ["e17"]
    assert Cupboard.records and found.remove() and experiments.ids() == []


def test_the_place_of_the_environment(url, monkeypatch):
    monkeypatch.delenv("LOCUM_STORES", raising=False)
    monkeypatch.delenv("LOCUM_EXPERIMENTS", raising=False)
    with pytest.raises(locum.InvalidArgumentError, match="LOCUM_EXPERIMENTS"):
        locum.Experiment("e")
    monkeypatch.setenv("LOCUM_EXPERIMENTS", url)
    with locum.Experiment("e") as e:
        e.a = 1
    assert locum.Experiment("e", url).a == 1
