"""Exchanges coded bytes with numcodecs_test.cpp, in a folder: `write FOLDER` encodes some by numcodecs, `read
FOLDER` decodes by numcodecs what the test encoded. index.txt has a line for each sample: its name, and the
members of its codec, `id=zstd level=3`; the plain bytes are in NAME.bin, the coded ones in NAME.coded."""
import os
import sys

import numcodecs
import numpy as np


def samples():
    random = np.random.default_rng(7)
    yield "zeros", np.zeros(5000)
    yield "smooth", np.sin(np.arange(40000) / 400)
    yield "integers", random.integers(0, 200, 30001).astype("i4")
    yield "random", random.integers(0, 256, 9999).astype("u1")
    yield "one", np.array([7], "u2")


def codecs():
    for level in (0, 1, 9):
        yield numcodecs.GZip(level)
        yield numcodecs.Zlib(level)
    for level in (1, 9):
        yield numcodecs.Zstd(level)
        yield numcodecs.LZ4(level)
    for name in numcodecs.blosc.list_compressors():
        for shuffle in (0, 1, 2):
            yield numcodecs.Blosc(name, 5, shuffle)
    yield numcodecs.Blosc("lz4", 0, 1)
    yield numcodecs.Blosc("lz4", 9, 1, blocksize=8192)
    for size in (1, 2, 4, 8):
        yield numcodecs.Shuffle(size)
    yield numcodecs.CRC32()


def write(folder):
    index = open(os.path.join(folder, "index.txt"), "w")
    for count, codec in enumerate(codecs()):
        for name, array in samples():
            config = codec.get_config()
            # What numcodecs 0.14 and later add to it, and earlier ones refuse.
            config = {key: value for key, value in config.items() if value is not None and (key, value) != ("checksum", False)}
            if array.nbytes % config.get("elementsize", 1) != 0:
                continue
            path = os.path.join(folder, f"{name}{count}")
            array.tofile(path + ".bin")
            with open(path + ".coded", "wb") as coded:
                coded.write(bytes(codec.encode(array)))
            index.write(f"{name}{count} " + " ".join(f"{k}={v}" for k, v in config.items()) + "\n")


def read(folder):
    wrong = 0
    lines = open(os.path.join(folder, "index.txt")).read().splitlines()
    for line in lines:
        name, *words = line.split()
        config = {}
        for word in words:
            key, value = word.split("=")
            config[key] = int(value) if value.lstrip("-").isdigit() else value
        if config["id"] not in numcodecs.registry.codec_registry:
            continue  # crc32c, before numcodecs 0.13
        path = os.path.join(folder, name)
        plain, coded = (open(path + ending, "rb").read() for ending in (".bin", ".coded"))
        try:
            decoded = bytes(numcodecs.get_codec(config).decode(coded))
        except (RuntimeError, ValueError, OSError) as error:
            decoded = repr(error)
        if decoded != plain:
            print(f"codecs_check.py: {line}: {len(plain)} bytes are decoded to {decoded[:80]!r}")
            wrong += 1
    sys.exit(1 if wrong or not lines else 0)


{"write": write, "read": read}[sys.argv[1]](sys.argv[2])
