"""Archives of Zarr by zarr-python and zipfile. Usage: zip_check.py write|read FOLDER. Beside each NAME.zip is NAME.npy, with the elements of
the array at its root, or of fields/T where it is a group.
"""

import os
import sys
import warnings
import zipfile

import numcodecs
import numpy as np
import zarr


class Stream:
    """A file that cannot go back: the sizes of members follow their bytes."""

    def __init__(self, file):
        self.write = file.write
        self.flush = file.flush


def write_otherwise(folder, made):
    """Writes the same arrays as other programs do: to a stream, with records of zip64, with folders, and with a comment."""
    with zipfile.ZipFile(folder + "/a3.zip") as archive:  # whose chunks are in folders
        members = {name: archive.read(name) for name in archive.namelist()}
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        with open(f"{folder}/a{made}.zip", "wb") as file, zipfile.ZipFile(Stream(file), "w", method) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
        with zipfile.ZipFile(f"{folder}/a{made + 1}.zip", "w", method) as archive:
            archive.comment = b"PK\x05\x06 made by hand" * 100
            for number in range(4):
                archive.writestr(f"{number}/", "")
            for name, data in members.items():
                with archive.open(name, "w", force_zip64=True) as into:
                    into.write(data)
        for number in range(made, made + 2):
            np.save(f"{folder}/a{number}.npy", np.load(folder + "/a3.npy"))
        made += 2
    return made


def write(folder):
    made = 0
    values = np.arange(600.0).reshape(20, 30)
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        for codec in (None, numcodecs.Zlib(3), numcodecs.Blosc("lz4")):
            for separator in "./":
                name = f"{folder}/a{made}"
                with zarr.ZipStore(name + ".zip", compression=method, mode="w") as store:
                    array = zarr.create((20, 30), chunks=(6, 10), dtype="f8", store=store, compressor=codec, dimension_separator=separator)
                    array[...] = values + made
                np.save(name + ".npy", values + made)
                made += 1
    made = write_otherwise(folder, made)
    with zarr.ZipStore(folder + "/group.zip", mode="w") as store, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of members that are there already
        group = zarr.group(store=store)
        for step in range(3):
            group.attrs["steps"] = step
        array = group.zeros("fields/T", shape=(20, 30), chunks=(6, 10), dtype="f8")
        array[...] = 0.0
        array[...] = values
    np.save(folder + "/group.npy", values)
    return made + 1


def read(folder):
    seen = 0
    for name in sorted(os.listdir(folder)):
        if not name.endswith(".zip"):
            continue
        path = f"{folder}/{name}"
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None, name
            assert len(set(archive.namelist())) == len(archive.namelist()), name
            for info in archive.infolist():
                assert info.date_time == (1980, 1, 1, 0, 0, 0) and info.compress_type == zipfile.ZIP_STORED, info
                assert info.is_dir() or info.external_attr >> 16 == 0o100644, info
                if not info.is_dir():
                    with open(f"{path[:-4]}.zarr/{info.filename}", "rb") as file:
                        assert archive.read(info) == file.read(), info
            files = sum(len(names) for _, _, names in os.walk(path[:-4] + ".zarr"))
            assert files == sum(not info.is_dir() for info in archive.infolist()), name
        seen += 1
        if name.startswith("v3"):  # which this version of zarr-python does not read
            continue
        expected = np.load(path[:-4] + ".npy")
        with zarr.ZipStore(path, mode="r") as store:
            found = zarr.open(store, mode="r")
            if name.startswith("group"):
                assert found.attrs["steps"] == 2 and {"fields", "none"} <= set(found.group_keys()), list(found.group_keys())
                found = found["fields/T"]
            else:
                assert found.attrs["unit"] == "K"
            assert np.array_equal(found[...], expected), name
    return seen


if sys.argv[1] == "write":
    print("zip_check.py:", write(sys.argv[2]), "archives of zarr-python", zarr.__version__, "written")
else:
    count = read(sys.argv[2])
    assert count == 4, count
    print("zip_check.py:", count, "archives read")
