"""Steps of a stream in a group of Zarr, by the decoder of version 3 in zarr_arrays_check.py. Usage: zarr_steps_check.py FOLDER STEPS NY
NX [VARIABLE]. The variable, T if none is given, has NY x NX numbers in each step, which count from a million times the step. Of a job that was
killed, arrays may be longer than its whole steps; STEPS is then "found", and the number is printed."""

import json
import sys

import numpy as np

import zarr_arrays_check


def main(folder, said, ny, nx, name="T"):
    with open(folder + "/zarr.json") as file:
        root = json.load(file)
    stream = root["attributes"]["locum_steps"]
    steps = stream["steps"]
    assert root["zarr_format"] == 3 and root["node_type"] == "group" and stream["format"] == 1, root
    assert said == "found" or int(said) == steps, (said, steps)
    consolidated = root["consolidated_metadata"]["metadata"]
    for path, described in consolidated.items():
        with open(f"{folder}/{path}/zarr.json") as file:
            alone = json.load(file)
        if described["node_type"] == "array":
            assert described["shape"][0] == steps and described["dimension_names"][0] == "step", (path, described)
            assert alone["shape"][0] >= steps and alone["shape"][1:] == described["shape"][1:], (path, alone)
    if steps > 0 or name in consolidated:
        values = zarr_arrays_check.read_v3(f"{folder}/{name}")[:steps]
        expected = np.arange(ny * nx) + 1000000 * np.arange(steps).reshape(-1, 1)
        assert np.array_equal(values.reshape(steps, ny * nx), expected), (values.shape, expected.shape)
    print("zarr_steps_check.py:", steps, "steps")


main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), *sys.argv[5:])
