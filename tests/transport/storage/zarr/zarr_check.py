"""Exchanges metadata of Zarr, version 2, with python_test.cpp, in a folder: `write FOLDER` makes arrays by
zarr-python 2, `read FOLDER` opens by it what the test wrote. index.json says what each array is."""
import itertools
import json
import os
import sys

import numcodecs
import numpy as np
import zarr

TYPES = ["|b1", "|i1", "|u1"] + [
    order + kind for order in "<>" for kind in ("i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16")
]


def fills(dtype):
    kind = np.dtype(dtype).kind
    if kind == "b":
        return [True, False, None]
    if kind in "iu":
        limits = np.iinfo(dtype)
        return [limits.min, limits.max, 7, None]
    if kind == "f":
        return [0.1, -0.0, float("nan"), float("inf"), float(np.finfo(dtype).max), None]
    # zarr-python multiplies the second part by 1j, which makes NaN of others than numbers.
    return [0.1 - 2j, complex(float("-inf"), 3), complex(float("nan"), -1), None]


def native_hex(fill, dtype):
    if fill is None:
        return None
    kind = np.dtype(dtype).newbyteorder("=")
    value = np.array(fill, kind)
    return (value.astype("f4") if kind == np.dtype("f2") else value).tobytes().hex()


def codecs():
    blosc = numcodecs.Blosc("zstd", 3, numcodecs.Blosc.BITSHUFFLE)
    filters = [numcodecs.Zlib(1), numcodecs.GZip(2)]
    return itertools.cycle([
        (None, None), (numcodecs.Zlib(5), None), (blosc, filters), (None, filters[:1]), (numcodecs.Zstd(2), filters),
        (numcodecs.GZip(1), None), ("default", None), (numcodecs.LZ4(), filters[1:]),
    ])


def shapes():
    return itertools.cycle([((10, 7), (3, 4)), ((5,), (5,)), ((), ()), ((2, 3, 4), (1, 2, 4)), ((0, 3), (1, 3)),
                            ((1,) * 7 + (2,), (1,) * 8), ((3, 2), (100, 1))])


def write(path):
    store = zarr.DirectoryStore(path)
    zarr.group(store).attrs["made"] = "by zarr-python"
    index = []
    codec, extents = codecs(), shapes()
    for dtype in TYPES:
        for number, fill in enumerate(fills(dtype)):
            for order in "CF":
                separator = "./"[(number + len(index)) % 2]
                compressor, filters = next(codec)
                shape, chunks = next(extents)
                name = f"g{len(index) % 3}/a{len(index)}"
                array = zarr.create(shape, store=store, path=name, chunks=chunks, dtype=dtype, fill_value=fill,
                                    order=order, compressor=compressor, filters=filters,
                                    dimension_separator=separator)
                if number == 0:
                    array.attrs["units"] = "K"
                    array.attrs["scale"] = [0.1, 2, float("nan")]
                before = set(files_below(os.path.join(path, name)))
                if array.size:
                    array[...] = np.ones(shape, dtype)
                new = sorted(set(files_below(os.path.join(path, name))) - before)
                index.append({
                    "path": name, "shape": list(shape), "chunks": list(chunks), "dtype": dtype,
                    "fill": native_hex(array.fill_value, dtype), "order": order, "separator": separator,
                    "compressor": array.compressor and array.compressor.get_config(),
                    "filters": [one.get_config() for one in array.filters or []],
                    "has_attributes": number == 0, "files": new,
                })
    zarr.consolidate_metadata(store)
    with open(os.path.join(path, "index.json"), "w") as out:
        json.dump(index, out)
    print(f"zarr_check.py: {len(index)} arrays made by zarr-python {zarr.__version__}")


def files_below(path):
    for folder, _, names in os.walk(path):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), path)


def check(array, said):
    assert array.shape == tuple(said["shape"]), array.shape
    assert array.chunks == tuple(said["chunks"]), array.chunks
    assert array.dtype.str == said["dtype"], array.dtype
    assert array.order == said["order"], array.order
    assert array._dimension_separator == said["separator"], array._dimension_separator
    assert native_hex(array.fill_value, array.dtype) == said["fill"], array.fill_value
    config = array.compressor and array.compressor.get_config()
    assert config == said["compressor"], config
    assert [one.get_config() for one in array.filters or []] == said["filters"], array.filters
    assert array.attrs.asdict() == said["attributes"], array.attrs.asdict()
    if array.size:
        array[...] = np.ones(array.shape, array.dtype)


def read(path):
    with open(os.path.join(path, "index.json")) as file:
        index = json.load(file)
    group = zarr.open_consolidated(zarr.DirectoryStore(path))
    for said in index:
        try:
            before = set(files_below(os.path.join(path, said["path"])))
            check(zarr.open_array(os.path.join(path, said["path"]), mode="r+"), said)
            new = set(files_below(os.path.join(path, said["path"]))) - before
            assert new == set(said["files"]), (new, said["files"])
            consolidated = group[said["path"]]
            assert consolidated.shape == tuple(said["shape"]), consolidated.shape
            assert consolidated.dtype.str == said["dtype"], consolidated.dtype
            assert consolidated.attrs.asdict() == said["attributes"], consolidated.attrs.asdict()
        except Exception:
            print("zarr_check.py:", said, file=sys.stderr)
            raise
    assert group.attrs.asdict() == {"made": "by locum"}, group.attrs.asdict()
    assert len(list(group.groups())) == 3, list(group.groups())
    print(f"zarr_check.py: {len(index)} arrays opened by zarr-python {zarr.__version__}")


if __name__ == "__main__":
    if not zarr.__version__.startswith("2."):
        print(f"zarr_check.py: zarr-python {zarr.__version__} is not version 2")
        sys.exit(77)
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
