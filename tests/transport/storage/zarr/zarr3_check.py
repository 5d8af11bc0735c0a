"""Arrays of Zarr, versions 2 and 3, by zarr-python 3. Usage: zarr3_check.py write|read FOLDER. Beside each array NAME.zarr is NAME.npy, with its elements.
"""

import itertools
import os
import sys

import numpy as np
import zarr
from zarr import codecs

TYPES = ["b1", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "c8", "c16"]
SHAPES = [((), (), None), ((10,), (2,), (4,)), ((7, 9), (2, 3), (4, 6)), ((5, 4, 9), (2, 1, 4), (4, 4, 4))]


def pattern(shape, dtype):
    count = int(np.prod(shape, dtype=np.int64)) if shape else 1
    numbers = np.arange(count) * 7 % 113
    kind = np.dtype(dtype).kind
    numbers = numbers % 3 == 0 if kind == "b" else numbers + 1j * (numbers % 5) if kind == "c" else numbers
    values = numbers.reshape(shape).astype(dtype)
    if len(shape) == 2:
        values[:4, :6] = 0  # chunks that are never written
    return values


def save(name, values):
    np.save(name, values.astype("f4") if values.dtype.str[1:] == "f2" else values)  # there is no type of 16 bits


def write(folder):
    zarr.config.set({"array.write_empty_chunks": False})
    compressors = [None, codecs.ZstdCodec(level=1), codecs.ZstdCodec(level=3, checksum=True), codecs.GzipCodec(level=3),
                   codecs.BloscCodec(cname="lz4", clevel=5, shuffle="shuffle"), (codecs.GzipCodec(level=1), codecs.Crc32cCodec())]
    made = 0
    for number, (dtype, (shape, inner, shard)) in enumerate(itertools.product(TYPES, SHAPES)):
        for which, shards in enumerate([None, shard] if shard else [None]):
            name = f"{folder}/z3_{number}_{which}"
            values = pattern(shape, dtype)
            compressor = compressors[(number + which) % len(compressors)]
            filters = [codecs.TransposeCodec(order=tuple(reversed(range(len(shape)))))] if number % 3 == 0 and len(shape) > 1 else None
            array = zarr.create_array(
                name + ".zarr", shape=shape, chunks=inner, shards=shards, dtype=dtype, fill_value=0, zarr_format=3, compressors=compressor, filters=filters,
                attributes={"unit": "K"}, chunk_key_encoding={"name": "v2" if number % 4 == 1 else "default", "separator": "./"[number // 2 % 2]})
            array[...] = values
            save(name + ".npy", values)
            made += 1
        name = f"{folder}/z2_{number}"
        values = pattern(shape, dtype)
        array = zarr.create_array(name + ".zarr", shape=shape, chunks=inner, dtype=dtype, fill_value=0, zarr_format=2, attributes={"unit": "K"},
                                  order="FC"[number % 2], chunk_key_encoding={"name": "v2", "separator": "./"[number // 2 % 2]})
        array[...] = values
        save(name + ".npy", values)
        made += 1
    return made


def read(folder):
    seen = 0
    left_out = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".zarr"):
            path = f"{folder}/{name}"
            expected = np.load(path[:-5] + ".npy")
            if expected.dtype.kind == "c" and os.path.exists(path + "/.zarray"):
                left_out += 1  # 3.0.6 does not read what it has written itself: the fill value is a list
                continue
            found = zarr.open_array(path, mode="r")[...]
            assert found.shape == expected.shape, (name, found.shape, expected.shape)
            assert found.dtype.kind == expected.dtype.kind, (name, found.dtype, expected.dtype)
            assert np.array_equal(found, expected), name
            seen += 1
    return seen, left_out


if sys.argv[1] == "write":
    print("zarr3_check.py:", write(sys.argv[2]), "arrays written by zarr-python", zarr.__version__)
else:
    count, left_out = read(sys.argv[2])
    assert count > 0
    print("zarr3_check.py:", count, "arrays read by zarr-python", zarr.__version__ + ",", left_out, "of complex numbers in version 2 left out")
