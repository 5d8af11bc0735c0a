"""Exchanges shards with the tests beside it, in a folder: `write FORMAT FOLDER` writes some by Python's own
modules, `read squirrel FOLDER` reads those that a test wrote. expected.json has a list of samples for each key:
what JSON does not hold is in it as members that say so."""
import base64
import gzip
import io
import json
import os
import random
import struct
import sys
import tarfile

import numpy as np

ELEMENTS = {"f8": "f64", "f4": "f32", "i1": "i8", "i2": "i16", "i4": "i32", "i8": "i64", "u1": "u8", "u2": "u16",
            "u4": "u32", "u8": "u64", "b1": "bool", "c8": "c64", "c16": "c128"}


def plain(value):
    if isinstance(value, bytes):
        return {"bytes": base64.b64encode(value).decode()}
    if isinstance(value, (complex, np.complexfloating)):
        return {"complex": [float(value.real), float(value.imag)]}
    if isinstance(value, np.ndarray):
        value = np.ascontiguousarray(value).reshape(value.shape)
        native = value.astype(value.dtype.newbyteorder("="))
        if native.dtype == np.float16:
            native = native.astype(np.float32)
        return {"array": ELEMENTS[native.dtype.str[1:]], "extents": list(value.shape),
                "values": base64.b64encode(native.tobytes()).decode()}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    return value


def expect(folder, shards):
    with open(os.path.join(folder, "expected.json"), "w") as file:
        json.dump({key: plain(samples) for key, samples in shards.items()}, file)


def samples(count):
    source = np.random.default_rng(count)
    for number in range(count):
        yield {
            "id": number - 3, "big": 2 ** 64 - 1 - number, "real": 1 / (number + 7), "text": "é" * (number % 40),
            "bytes": bytes(range(number % 256)), "list": [None, True, [1, "x"]], "nested": {"a": {"b": number}},
            "f64": source.random((number % 5, 3)), "f32": source.random(number % 700).astype("f4"),
            "i16": source.integers(-99, 99, 7).astype(">i2"), "fortran": np.asfortranarray(source.random((2, 4))),
            "bool": source.random(5) > 0.5, "c128": source.random(3) + 1j, "scalar": np.float32(number / 3),
            "integer": np.int8(-number % 100), "truth": np.bool_(number % 2), "complex": complex(0.5, -number),
            "zero": np.array(7.5)}


def write_squirrel(folder):
    import msgpack
    import msgpack_numpy
    shards = {"empty": [], "small": list(samples(3)), "large": list(samples(700))}
    os.makedirs(os.path.join(folder, "shards"))
    for key, all_samples in shards.items():
        with gzip.open(os.path.join(folder, "shards", key + ".gz"), "wb") as file:
            for sample in all_samples:
                file.write(msgpack.packb(sample, use_bin_type=True, default=msgpack_numpy.encode))
    lines = [{"id": number, "x": [0.1 * number, -1e300], "t": "ü\n" * number} for number in range(200)]
    os.makedirs(os.path.join(folder, "lines"))
    with gzip.open(os.path.join(folder, "lines", "lines.gz"), "wb") as file:
        for line in lines:
            file.write((json.dumps(line) + "\n").encode("utf-8"))
    expect(folder, {**shards, "lines": lines})


def read_squirrel(folder):
    import msgpack
    import msgpack_numpy
    with open(os.path.join(folder, "expected.json")) as file:
        expected = json.load(file)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".gz"))
    if [name[:-3] for name in names] != sorted(expected):
        sys.exit(f"shards_check.py: the shards are {names}")
    for key, all_samples in expected.items():
        with gzip.open(os.path.join(folder, key + ".gz"), "rb") as file:
            read = list(msgpack.Unpacker(file, use_list=False, object_hook=msgpack_numpy.decode))
        if plain(read) != all_samples:
            sys.exit(f"shards_check.py: {key} is read as {str(plain(read))[:500]}, not {str(all_samples)[:500]}")


def mds_array(array, dtype, shape):
    """An array as Streaming's documents describe it. dtype and shape: whether the column fixes them."""
    codes = {"uint8": 8, "int8": 9, "uint16": 16, "int16": 17, "float16": 18, "uint32": 32, "int32": 33,
             "float32": 34, "uint64": 64, "int64": 65, "float64": 66}
    data = b"" if dtype else bytes([codes[array.dtype.name]])
    if not shape:
        power = next(power for power in range(4) if max(array.shape) < 1 << (8 << power))
        data += bytes([array.ndim << 2 | power]) + np.array(array.shape, f"<u{1 << power}").tobytes()
    return data + array.tobytes()


def write_mds(folder):
    """Columns of all encodings, in the order of their names; a shard as it is, and one in gzip."""
    source = np.random.default_rng(5)
    columns = [("a_int", "int", 8), ("b_bytes", "bytes", None), ("c_str", "str", None)]
    numbers = ["uint8", "uint16", "uint32", "uint64", "int8", "int16", "int32", "int64", "float16", "float32", "float64"]
    columns += [("d_" + name, name, np.dtype(name).itemsize) for name in sorted(numbers)]
    columns += [("e_json", "json", None), ("f_any", "ndarray", None), ("g_typed", "ndarray:float32", None),
                ("h_fixed", "ndarray:int16:2,3", 12), ("i_half", "ndarray:float16", None), ("j_jpeg", "jpeg:90", None),
                ("k_int", "str_int", None), ("l_float", "str_float", None), ("m_decimal", "str_decimal", None)]

    def value(name, encoding, number):
        if encoding in numbers:
            made = np.dtype(encoding).type(number * 1.25) if "float" in encoding else np.dtype(encoding).type(number)
            return made.tobytes(), made.item()
        if encoding.startswith("ndarray"):
            shape = (2, 3) if name == "h_fixed" else (number % 3 + 1, 300) if name == "f_any" else (number % 7 + 1,)
            kind = {"f_any": ["uint8", "float64", "int64"][number % 3], "g_typed": "float32", "h_fixed": "int16",
                    "i_half": "float16"}[name]
            array = (source.random(shape) * 100).astype(kind)
            return mds_array(array, ":" in encoding, encoding.count(":") == 2), array
        made = {"int": -number, "bytes": b"\0\xff" * number, "str": "ß" * number, "json": {"n": [number, None]},
                "jpeg:90": b"\xff\xd8" + bytes([number]), "str_int": -number ** 3, "str_float": number / 7,
                "str_decimal": "0." + "1" * 40}[encoding]
        data = (np.int64(made).tobytes() if encoding == "int" else json.dumps(made).encode() if encoding == "json" else
                made if isinstance(made, bytes) else str(made).encode("utf-8"))
        return data, made

    shards, index = {}, []
    for shard in range(2):
        all_samples, encoded = [], []
        for number in range(30 * shard + 4):
            head, body, sample = b"", b"", {}
            for name, encoding, size in columns:
                data, sample[name] = value(name, encoding, number)
                head += b"" if size else struct.pack("<I", len(data))
                body += data
            all_samples.append(sample)
            encoded.append(head + body)
        config = json.dumps({"format": "mds", "column_names": [name for name, _, _ in columns]}).encode()
        offsets = np.array([0] + [len(one) for one in encoded]).cumsum() + 4 + 4 * (len(encoded) + 1) + len(config)
        raw = struct.pack("<I", len(encoded)) + offsets.astype("<u4").tobytes() + config + b"".join(encoded)
        basename = f"shard.{shard:05}.mds"
        stored = raw if shard == 0 else gzip.compress(raw, 9)
        with open(os.path.join(folder, basename + (".gz" if shard else "")), "wb") as file:
            file.write(stored)
        shards[basename[:-4]] = all_samples
        index.append({
            "column_encodings": [encoding for _, encoding, _ in columns], "column_names": [name for name, _, _ in columns],
            "column_sizes": [size for _, _, size in columns], "compression": "gz:9" if shard else None, "format": "mds",
            "hashes": [], "raw_data": {"basename": basename, "bytes": len(raw), "hashes": {}}, "samples": len(encoded),
            "size_limit": 1 << 26, "version": 2,
            "zip_data": {"basename": basename + ".gz", "bytes": len(stored), "hashes": {}} if shard else None})
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump({"shards": index, "version": 2}, file)
    expect(folder, shards)


def write_webdataset(folder):
    shards = {}
    source = np.random.default_rng(2)
    for form in ("ustar", "gnu", "pax"):
        for ending, mode in ((".tar", "w"), (".tar.gz", "w:gz"), (".tgz", "w:gz")):
            key = form + ending.replace(".", "-")
            all_samples = []
            with tarfile.open(os.path.join(folder, key + ending), mode,
                              format=getattr(tarfile, form.upper() + "_FORMAT")) as tar:
                def add(name, data, **more):
                    info = tarfile.TarInfo(name)
                    info.size = len(data)
                    for field, one in more.items():
                        setattr(info, field, one)
                    tar.addfile(info, io.BytesIO(data))

                add("__meta__/a.json", b"{}")
                for number in range(40):
                    stem = f"train/{number:04}" if number % 3 else "deep/" * (12 + number) + f"x{number}"
                    if form == "ustar":
                        stem = stem[-140:].lstrip("/")
                    array = source.random((number % 4, 2)).astype("f4")
                    saved = io.BytesIO()
                    np.save(saved, array)
                    image = source.bytes(number * 37 % 1500)
                    sample = {"__key__": stem, "jpg": image, "cls": number, "json": {"n": number, "t": "é"},
                              "seg.npy": array, "txt": "ü" * number}
                    add(stem + ".jpg", image, mtime=number + 0.5 if form == "pax" else number)
                    if number % 5 == 0:
                        directory = tarfile.TarInfo("folder.d")
                        directory.type = tarfile.DIRTYPE
                        tar.addfile(directory)
                    add(stem + ".CLS", str(number).encode())
                    add(stem + ".json", json.dumps(sample["json"]).encode())
                    add(stem + ".seg.npy", saved.getvalue())
                    add(stem + ".txt", sample["txt"].encode())
                    add("README", b"not in a sample: no dot")
                    all_samples.append(sample)
            shards[key] = all_samples
    expect(folder, shards)


random.seed(1)
{"write": {"squirrel": write_squirrel, "mds": write_mds, "webdataset": write_webdataset},
 "read": {"squirrel": read_squirrel}}[sys.argv[1]][sys.argv[2]](sys.argv[3])
