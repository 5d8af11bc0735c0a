"""Groups of Zarr, version 2, by zarr-python. Usage: zarr_groups_check.py write|read FOLDER. `write` makes a group there that is
consolidated, `read` checks one that the test has made."""

import sys

import numpy as np
import zarr

VALUES = np.arange(12.0).reshape(3, 4)


def write(folder):
    root = zarr.open_group(folder + "/theirs.zarr", mode="w")
    root.attrs["title"] = "run 17"
    fields = root.create_group("fields")
    fields.attrs["unit"] = "K"
    made = fields.create_dataset("T", data=VALUES, chunks=(2, 2))
    made.attrs["levels"] = [1, 2.5, None]
    root.create_dataset("step", data=np.int32(40))
    root.create_group("a/b/c")
    zarr.consolidate_metadata(folder + "/theirs.zarr")


def read(folder):
    for root in (zarr.open_group(folder + "/ours.zarr", mode="r"), zarr.open_consolidated(folder + "/ours.zarr")):
        assert dict(root.attrs) == {"title": "run 18"}, dict(root.attrs)
        assert sorted(root) == ["a", "fields", "step"], sorted(root)
        assert root["fields"].attrs["unit"] == "K"
        assert np.array_equal(root["fields/T"][...], VALUES) and root["fields/T"].attrs["levels"] == [1, 2.5, None]
        assert root["step"][()] == 40
        assert "c" in root["a/b"] and list(root["a/b/c"]) == []


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
