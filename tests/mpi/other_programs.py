# usage: other_programs.py CHECKPOINT    Reads what `checkpoint_restart_tests write CHECKPOINT` has written with the programs of
# docs/checkpoint.md, as that page says: h5ls, h5dump, and the lines of Python in it. What is not installed is named and left out; ParaView,
# which takes seconds to start, without LOCUM_TEST_PARAVIEW=1, too. Called by damaged_checkpoints.py.
import os
import re
import subprocess
import sys
import tempfile

page = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/checkpoint.md")
large = range(35, 60)  # the numbers of the objects that have datasets
last = 59


def value(number, at):
    return at * 2654435761 + number


def said(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=500).stdout


def read_by_h5ls(path):
    found = re.findall(r"^/named/(\d+) .*Dataset \{7, (\d+)\}", said("h5ls", "-r", "-E", path), re.M)
    assert sorted((int(number), int(columns)) for number, columns in found) == [(number, number**2) for number in large], found


def read_by_h5dump(path):
    text = said("h5dump", "-d", f"/named/{last}", "-s", "6,0", "-c", "1,3", "-y", path)
    first = 6 * last**2
    wanted = ", ".join(str(value(last, first + column)) for column in range(3))
    assert "H5T_STD_U64LE" in text and wanted in text, (wanted, text)


# The lines of the page, with this path and the name of an object that is here; then what they have to find.
def read_by_python(path):
    lines = re.search(r"```python\n(import h5py.*?)```", open(page).read(), re.S)[1]
    lines = lines.replace("run17/step0042.h5", path).replace("T/0042/3", f"named/{last}")
    lines += f"""
    assert checkpoint["named/{last}"].attrs["locum_type"] in ("u64[]", b"u64[]")
first = temperature.ravel()
assert temperature.shape == (7, {last**2}) and [int(each) for each in first[:3]] == {[value(last, at) for at in range(3)]}
assert len(table) > 0 and set(table.loc[table.name_bytes > 0, "name"]) <= {{f"{{kind}}/{{number}}" for kind in ("named", "handle") for number in range(60)}}
assert table.loc[table.name == "named/{last}", "size_bytes"].item() == temperature.nbytes
"""
    for python in (sys.executable, "/usr/bin/python3"):
        if subprocess.run([python, "-c", "import h5py, pandas"], capture_output=True).returncode == 0:
            said(python, "-c", lines)
            return
    raise FileNotFoundError


def read_by_paraview(path):
    description = os.path.abspath(path).replace(".h5", ".xdmf")
    lines = f"""
from paraview import servermanager, simple
for reader in (simple.XDMFReader, simple.Xdmf3ReaderS):
    opened = reader(FileNames=["{description}"]) if reader is simple.XDMFReader else reader(FileName=["{description}"])
    opened.UpdatePipeline()
    data = servermanager.Fetch(opened)
    blocks = [data]
    if data.IsA("vtkCompositeDataSet"):
        blocks = []
        each = data.NewIterator()
        each.InitTraversal()
        while not each.IsDoneWithTraversal():
            blocks.append(each.GetCurrentDataObject())
            each.GoToNextItem()
    found = {{}}
    for block in blocks:
        for arrays in (block.GetPointData(), block.GetCellData()):
            for at in range(arrays.GetNumberOfArrays()):
                found[arrays.GetArrayName(at)] = arrays.GetArray(at)
    assert len(found) == {len(large)}, (reader, sorted(found))
    assert found["named/{last}"].GetNumberOfTuples() == {7 * last**2} and found["named/{last}"].GetTuple1(0) == {last}
"""
    with tempfile.NamedTemporaryFile("w", suffix=".py") as script:
        script.write(lines)
        script.flush()
        said("pvpython", script.name)


def read_all(path):
    readers = {"h5ls": read_by_h5ls, "h5dump": read_by_h5dump, "h5py and pandas": read_by_python}
    if os.environ.get("LOCUM_TEST_PARAVIEW"):
        readers["pvpython"] = read_by_paraview
    for name, read in readers.items():
        try:
            read(path)
            print("read by", name)
        except FileNotFoundError:
            print("not installed:", name)
        except subprocess.CalledProcessError as error:
            print(f"FAILED: {name}: {error.stdout}{error.stderr}")
            sys.exit(1)


if __name__ == "__main__":
    read_all(sys.argv[1])
