"""Arrays of Zarr by other programs: zarr-python for version 2, and for version 3 an encoder and a decoder of our own, made from the
specification, over numpy and numcodecs. Usage: zarr_arrays_check.py write|read FOLDER. Beside each array NAME.zarr is NAME.npy, with its elements.
"""

import itertools
import json
import os
import struct
import sys

import numcodecs
import numpy as np
import zarr

TYPES = ["|b1", "|i1", "|u1", "<i2", ">u2", "<i4", ">i8", "<u8", "<f2", "<f4", ">f8", "<c8", ">c16"]


def pattern(shape, dtype):
    count = int(np.prod(shape, dtype=np.int64)) if shape else 1
    numbers = np.arange(count) * 7 % 113
    if np.dtype(dtype).kind == "b":
        return (numbers % 3 == 0).reshape(shape).astype(dtype)
    if np.dtype(dtype).kind == "c":
        return (numbers + 1j * (numbers % 5)).reshape(shape).astype(dtype)
    return numbers.reshape(shape).astype(dtype)


def save(name, values):
    kind = values.dtype.newbyteorder("=")
    np.save(name, values.astype("f4" if kind == "f2" else kind))  # where there is no type of 16 bits


def write_v2(folder):
    made = 0
    codecs = [None, numcodecs.Zlib(3), numcodecs.GZip(3), numcodecs.Zstd(1), numcodecs.LZ4(),
              numcodecs.Blosc("lz4", 5, numcodecs.Blosc.SHUFFLE), numcodecs.Blosc("zstd", 3, numcodecs.Blosc.BITSHUFFLE)]
    shapes = [((), ()), ((10,), (3,)), ((6, 7), (6, 2)), ((5, 4, 9), (2, 3, 4))]
    for number, (dtype, (shape, chunks)) in enumerate(itertools.product(TYPES, shapes)):
        name = f"{folder}/v2_{number}"
        values = pattern(shape, dtype)
        array = zarr.open(name + ".zarr", mode="w", shape=shape, chunks=chunks or True, dtype=dtype, compressor=codecs[number % len(codecs)],
                          order="FC"[number % 2], dimension_separator="./"[number // 2 % 2], fill_value=0,
                          filters=[numcodecs.Shuffle(np.dtype(dtype).itemsize)] if number % 5 == 0 and np.dtype(dtype).itemsize > 1 else None)
        array[...] = values
        array.attrs["unit"] = "K"
        save(name + ".npy", values)
        made += 1
    return made


# Version 3, from the specification: core, codecs (bytes, transpose, gzip, zstd, blosc, crc32c, sharding_indexed).
V3_NAMES = {"b1": "bool", "i1": "int8", "u1": "uint8", "i2": "int16", "u2": "uint16", "i4": "int32", "u4": "uint32", "i8": "int64",
            "u8": "uint64", "f2": "float16", "f4": "float32", "f8": "float64", "c8": "complex64", "c16": "complex128"}
CRC = []
for byte in range(256):
    state = byte
    for _ in range(8):
        state = state >> 1 ^ (0x82F63B78 if state & 1 else 0)
    CRC.append(state)


def crc32c(data):
    state = 0xFFFFFFFF
    for one in data:
        state = state >> 8 ^ CRC[(state ^ one) & 0xFF]
    return state ^ 0xFFFFFFFF


def encode(values, codecs, dtype):
    data = values
    for codec in codecs:
        name, settings = codec["name"], codec.get("configuration", {})
        if name == "transpose":
            data = data.transpose(settings["order"])
        elif name == "bytes":
            order = {"little": "<", "big": ">", None: "="}[settings.get("endian")]
            data = np.ascontiguousarray(data).astype(np.dtype(dtype).newbyteorder(order)).tobytes()
        elif name == "gzip":
            data = numcodecs.GZip(settings["level"]).encode(data)
        elif name == "zstd":
            data = numcodecs.Zstd(settings["level"]).encode(data)
        elif name == "blosc":
            shuffle = {"noshuffle": 0, "shuffle": 1, "bitshuffle": 2}[settings["shuffle"]]
            buffer = np.frombuffer(data, dtype=f"u{settings['typesize']}")
            data = bytes(numcodecs.Blosc(settings["cname"], settings["clevel"], shuffle, settings["blocksize"]).encode(buffer))
        elif name == "crc32c":
            data = bytes(data) + struct.pack("<I", crc32c(bytes(data)))
        elif name == "sharding_indexed":
            inner = settings["chunk_shape"]
            grid = [whole // part for whole, part in zip(data.shape, inner)]
            places, body = [], b""
            front = settings.get("index_location", "end") == "start"
            index_bytes = 16 * int(np.prod(grid)) + (4 if settings["index_codecs"][-1]["name"] == "crc32c" else 0)
            for at in itertools.product(*map(range, grid)):
                part = data[tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, inner))]
                if not part.any():  # the fill value is 0
                    places += [2**64 - 1, 2**64 - 1]
                    continue
                coded = encode(part, settings["codecs"], dtype)
                places += [len(body) + (index_bytes if front else 0), len(coded)]
                body += coded
            index = encode(np.array(places, dtype="u8").reshape(grid + [2]), settings["index_codecs"], "u8")
            assert len(index) == index_bytes
            data = index + body if front else body + index
        else:
            raise ValueError(name)
    return data


def decode(data, codecs, shape, dtype):
    codecs = list(codecs)
    stored, order = list(shape), list(range(len(shape)))
    for codec in codecs:
        if codec["name"] == "transpose":
            order = [order[i] for i in codec["configuration"]["order"]]
    stored = [shape[i] for i in order]
    for codec in reversed(codecs):
        name, settings = codec["name"], codec.get("configuration", {})
        if name == "bytes":
            sign = {"little": "<", "big": ">", None: "="}[settings.get("endian")]
            data = np.frombuffer(data, dtype=np.dtype(dtype).newbyteorder(sign)).reshape(stored)
        elif name == "transpose":
            data = data.transpose(np.argsort(settings["order"]))
        elif name == "gzip":
            data = numcodecs.GZip().decode(data)
        elif name == "zstd":
            data = numcodecs.Zstd().decode(data)
        elif name == "blosc":
            data = numcodecs.Blosc().decode(data)
        elif name == "crc32c":
            assert struct.unpack("<I", bytes(data)[-4:])[0] == crc32c(bytes(data)[:-4]), "crc32c"
            data = bytes(data)[:-4]
        elif name == "sharding_indexed":
            inner = settings["chunk_shape"]
            grid = [whole // part for whole, part in zip(shape, inner)]
            size = 16 * int(np.prod(grid)) + (4 if settings["index_codecs"][-1]["name"] == "crc32c" else 0)
            at_end = settings.get("index_location", "end") == "end"
            index = decode(data[-size:] if at_end else data[:size], settings["index_codecs"], grid + [2], "u8")
            whole = np.zeros(shape, dtype=dtype)
            for at in itertools.product(*map(range, grid)):
                offset, length = (int(number) for number in index[at])
                if offset != 2**64 - 1:
                    part = decode(data[offset:offset + length], settings["codecs"], inner, dtype)
                    whole[tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, inner))] = part
            data = whole
        else:
            raise ValueError(name)
    return data


def key_of(metadata, at):
    encoding = metadata["chunk_key_encoding"]
    separator = encoding.get("configuration", {}).get("separator", "/" if encoding["name"] == "default" else ".")
    if encoding["name"] == "default":
        return separator.join(["c"] + [str(i) for i in at])
    return separator.join(str(i) for i in at) or "0"


def pipelines(rank, size):
    endian = {"endian": "little"} if size > 1 else {}
    plain = [{"name": "bytes", "configuration": endian}]
    big = [{"name": "bytes", "configuration": {"endian": "big"}}] if size > 1 else plain
    index = [{"name": "bytes", "configuration": {"endian": "little"}}, {"name": "crc32c"}]
    turned = [{"name": "transpose", "configuration": {"order": list(range(rank))[::-1]}}]
    blosc = {"name": "blosc", "configuration": {"cname": "lz4", "clevel": 5, "shuffle": "shuffle", "typesize": size, "blocksize": 0}}
    zstd = {"name": "zstd", "configuration": {"level": 1, "checksum": False}}
    gzip = {"name": "gzip", "configuration": {"level": 5}}
    shards = lambda codecs, where: [{"name": "sharding_indexed", "configuration": {
        "chunk_shape": None, "codecs": codecs, "index_codecs": index, "index_location": where}}]
    yield plain, False
    yield turned + plain + [zstd], False
    yield big + [gzip, {"name": "crc32c"}], False
    yield plain + ([blosc] if size <= 8 else [zstd]), False
    if rank:
        yield shards(plain + [zstd], "end"), True
        yield shards(turned + big + [gzip], "start"), True


def write_v3(folder):
    made = 0
    for number, dtype in enumerate(TYPES):
        kind = np.dtype(dtype).str[1:]
        size = np.dtype(dtype).itemsize
        for shape, chunk, inner in [((), (), ()), ((10,), (4,), (2,)), ((7, 9), (4, 6), (2, 3)), ((5, 4, 9), (4, 4, 4), (2, 1, 4))]:
            for which, (codecs, is_sharded) in enumerate(pipelines(len(shape), size)):
                name = f"{folder}/v3_{number}_{len(shape)}_{which}"
                for codec in codecs if is_sharded else []:
                    codec["configuration"]["chunk_shape"] = list(inner)
                values = pattern(shape, dtype)
                if len(shape) == 2:
                    values[:4, :6] = 0  # chunks, or parts of a shard, that are never written
                metadata = {
                    "zarr_format": 3, "node_type": "array", "shape": list(shape), "data_type": V3_NAMES[kind],
                    "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": list(chunk)}},
                    "chunk_key_encoding": [{"name": "default"}, {"name": "v2", "configuration": {"separator": "/"}}][number % 2],
                    "fill_value": False if kind == "b1" else [0.0, 0.0] if kind[0] == "c" else 0, "codecs": codecs,
                    "attributes": {"unit": "K"}, "dimension_names": [None] * len(shape)}
                os.makedirs(name + ".zarr")
                with open(name + ".zarr/zarr.json", "w") as file:
                    json.dump(metadata, file)
                for at in itertools.product(*[range(-(-whole // part)) for whole, part in zip(shape, chunk)]):
                    whole = np.zeros(chunk, dtype=dtype)
                    part = values[tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, chunk))]
                    whole[tuple(slice(0, n) for n in part.shape)] = part
                    if not whole.any():
                        continue
                    path = name + ".zarr/" + key_of(metadata, at)
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    with open(path, "wb") as file:
                        file.write(encode(whole, codecs, dtype))
                save(name + ".npy", values)
                made += 1
    return made


def read_v3(name):
    with open(name + "/zarr.json") as file:
        metadata = json.load(file)
    dtype = next(kind for kind, known in V3_NAMES.items() if known == metadata["data_type"])
    shape = metadata["shape"]
    chunk = metadata["chunk_grid"]["configuration"]["chunk_shape"]
    values = np.zeros(shape, dtype=dtype)
    values[...] = np.array(metadata["fill_value"]).astype(dtype) if not isinstance(metadata["fill_value"], list) else 0
    for at in itertools.product(*[range(-(-whole // part)) for whole, part in zip(shape, chunk)]):
        path = name + "/" + key_of(metadata, at)
        if os.path.exists(path):
            with open(path, "rb") as file:
                part = decode(file.read(), metadata["codecs"], chunk, dtype)
            where = tuple(slice(i * n, (i + 1) * n) for i, n in zip(at, chunk))
            values[where] = part[tuple(slice(0, n) for n in values[where].shape)]
    return values


def read(folder):
    seen = 0
    for name in sorted(os.listdir(folder)):
        if name.endswith(".zarr"):
            path = f"{folder}/{name}"
            expected = np.load(path[:-5] + ".npy")
            found = read_v3(path) if os.path.exists(path + "/zarr.json") else zarr.open(path, mode="r")[...]
            assert found.shape == expected.shape, (name, found.shape, expected.shape)
            assert found.dtype.kind == expected.dtype.kind, name
            assert found.dtype.itemsize == expected.dtype.itemsize or found.dtype.itemsize == 2, name
            assert np.array_equal(found, expected), name
            seen += 1
    return seen


if __name__ == "__main__":
    if sys.argv[1] == "write":
        print("zarr_arrays_check.py:", write_v2(sys.argv[2]), "arrays of zarr-python", zarr.__version__, "and", write_v3(sys.argv[2]), "of version 3 written")
    else:
        count = read(sys.argv[2])
        assert count > 0
        print("zarr_arrays_check.py:", count, "arrays read")
