"""Exchanges files of TIFF with tiff_test.cpp, in a folder: `write FOLDER` writes some by tifffile, `read
FOLDER` reads by tifffile what the test wrote. index.txt has a line for each file: its name, its type of
elements, its extents, an option to load it by; its elements lie beside it, row-major, in name.bin."""
import os
import shutil
import subprocess
import sys

import numpy as np
import tifffile

TYPES = {
    "bool": "?", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "i8": "i1", "i16": "i2", "i32": "i4",
    "i64": "i8", "f32": "f4", "f64": "f8", "c64": "c8", "c128": "c16",
}


def sample(dtype, extents):
    numbers = np.random.default_rng(7).integers(0, 120, extents)
    if dtype == "?":
        return numbers % 2 == 1
    array = numbers.astype(dtype)
    return array * dtype_one(dtype) if np.dtype(dtype).kind == "c" else array


def dtype_one(dtype):
    return np.dtype(dtype).type(1 - 2j)


class Folder:
    def __init__(self, path):
        self.path = path
        self.index = open(os.path.join(path, "index.txt"), "w")
        self.count = 0

    def add(self, name, data, option="", **how):
        """Writes a file, and what is to be loaded of it."""
        path = os.path.join(self.path, name)
        tifffile.imwrite(path, data, **how)
        self.expect(name, data, option)
        return path

    def expect(self, name, data, option=""):
        data = np.ascontiguousarray(data)
        names = {np.dtype(v): k for k, v in TYPES.items()}
        native = data.astype(data.dtype.newbyteorder("="))
        native.tofile(os.path.join(self.path, name + ".bin"))
        extents = ",".join(map(str, data.shape))
        self.index.write(f"{name} {names[native.dtype]} {extents} {option}\n")
        self.count += 1


def write(path):
    folder = Folder(path)
    plain = {"metadata": None}
    for name, dtype in TYPES.items():
        for order in "<>":
            for compression in (None, "zlib", "lzma"):
                if compression == "lzma" and name not in ("u8", "f64"):
                    continue
                if compression is None and order == "<" and name not in ("bool", "u8", "f64"):
                    continue
                for tile in (None, (16, 32)):
                    for pages in (1, 3):
                        if name == "bool" and (compression or tile) or tile and pages == 1:
                            continue
                        data = sample(dtype, (pages, 37, 45) if pages > 1 else (37, 45))
                        label = f"{name}_{'le' if order == '<' else 'be'}_{compression}_{tile is not None}_{pages}.tif"
                        folder.add(label, data, byteorder=order, compression=compression, tile=tile,
                                   photometric="minisblack", rowsperstrip=None if tile else 10, **plain)
    for name in ("u8", "u16", "f32"):
        for tile in (None, (16, 16)):
            data = sample(TYPES[name], (2, 21, 19, 3))
            folder.add(f"rgb_{name}_{tile is not None}.tif", data, photometric="rgb", tile=tile, **plain)
            planes = f"planes_{name}_{tile is not None}.tif"
            tifffile.imwrite(os.path.join(path, planes), np.moveaxis(data, -1, 1), photometric="rgb", tile=tile,
                             planarconfig="separate", **plain)
            folder.expect(planes, data)
    for name in ("u8", "u16", "u32", "i16"):
        data = sample(TYPES[name], (33, 40))
        folder.add(f"predictor_{name}.tif", data, compression="zlib", predictor=True, byteorder=">", **plain)
    folder.add("big.tif", sample("u2", (2, 5, 7)), bigtiff=True, photometric="minisblack", **plain)
    folder.add("big_be.tif", sample("f8", (2, 5, 7)), bigtiff=True, byteorder=">", photometric="minisblack", **plain)
    half = (sample("f4", (9, 11)) / 16 - 3).astype("f2")
    half[0, :4] = [np.inf, -0.0, 6e-8, 65504]
    tifffile.imwrite(os.path.join(path, "half.tif"), half, metadata=None)
    folder.expect("half.tif", half.astype("f4"), "half=f32")
    palette = sample("u1", (8, 9))
    folder.add("palette.tif", palette, "palette=indices", photometric="palette",
               colormap=np.zeros((3, 256), "u2"), metadata=None)
    stack = sample("u2", (2, 3, 4, 5, 6))
    tifffile.imwrite(os.path.join(path, "imagej.tif"), stack, imagej=True, metadata={"axes": "TZCYX"})
    folder.expect("imagej.tif", stack.reshape(24, 5, 6))
    tifffile.imwrite(os.path.join(path, "ome.tif"), stack, ome=True, metadata={"axes": "TZCYX"},
                     photometric="minisblack")
    folder.expect("ome.tif", stack.reshape(24, 5, 6))
    # As ImageJ writes stacks of more than 4 GiB: one directory, and the other images behind the first one.
    for name, order in (("hyperstack.tif", ">"), ("hyperstack_le.tif", "<")):
        data = sample("f4", (5, 6, 7))
        file = os.path.join(path, name)
        tifffile.imwrite(file, data[:1], byteorder=order, metadata=None,
                         description="ImageJ=1.53t\nimages=5\nslices=5\n", rowsperstrip=6)
        with tifffile.TiffFile(file) as read:
            at = read.pages[0].dataoffsets[0]
        with open(file, "r+b") as out:
            whole = bytearray(out.read())
            rest = whole[at + data[0].nbytes:]
            assert not rest, "the data is not at the end"
            out.write(data[1:].astype(order + "f4").tobytes())
        folder.expect(name, data)
    with tifffile.TiffWriter(os.path.join(path, "pyramid.tif")) as out:
        data = sample("u1", (40, 48))
        out.write(data, metadata=None)
        out.write(data[::2, ::2], subfiletype=1, metadata=None)
        out.write(data[::4, ::4], subfiletype=1, metadata=None)
    folder.expect("pyramid.tif", data)
    folder.add("truncated.tif", sample("u2", (6, 4, 5)), truncate=True, photometric="minisblack", byteorder=">")
    folder.add("truncated_one.tif", sample("u2", (4, 5)), truncate=True, photometric="minisblack")
    with tifffile.TiffWriter(os.path.join(path, "differing.tif")) as out:
        out.write(sample("u1", (4, 5)), metadata=None, description="several")
        out.write(sample("f4", (6, 7)), metadata=None)
    if shutil.which("tiffcp"):
        data = sample("u1", (2, 50, 60, 3))
        source = folder.add("copied.tif", data, photometric="rgb", **plain)
        for method in ("lzw", "lzw:2", "packbits", "zip:2", "zstd", "lzma"):
            for more in ([], ["-t", "-w", "16", "-l", "16", "-B"], ["-p", "separate"]):
                name = f"tiffcp_{method.replace(':', '_')}_{''.join(more)}.tif"
                subprocess.run(["tiffcp", "-c", method, *more, source, os.path.join(path, name)], check=True)
                folder.expect(name, data)
        subprocess.run(["tiffcp", "-c", "jpeg:r:90", "-r", "16", source, os.path.join(path, "jpeg.tif")], check=True)
    else:
        print("tiff_check.py: no files of LZW and PackBits, since there is no tiffcp (Debian: libtiff-tools)")
    print(f"tiff_check.py: {folder.count} files written by tifffile {tifffile.__version__}")


def read(path):
    count = 0
    skipped = 0
    for line in open(os.path.join(path, "index.txt")):
        name, kind, extents = line.split()
        shape = [int(extent) for extent in extents.split(",")]
        expected = np.fromfile(os.path.join(path, name + ".bin"), TYPES[kind]).reshape(shape)
        file = os.path.join(path, name)
        if "lzw" in name:  # tifffile needs a package for it, which Debian does not have
            if not shutil.which("tiffcp"):
                skipped += 1
                continue
            subprocess.run(["tiffcp", "-c", "zip:1", file, file + ".copy"], check=True)
            file += ".copy"
        with tifffile.TiffFile(file) as tiff:
            got = np.stack([page.asarray() for page in tiff.pages])
            assert tiff.is_bigtiff == ("big" in name), name
        got = got.reshape(expected.shape)
        assert got.dtype == expected.dtype, (name, got.dtype, expected.dtype)
        assert got.tobytes() == expected.tobytes(), name
        count += 1
    print(f"tiff_check.py: {count} files read by tifffile {tifffile.__version__}, {skipped} left out")


if __name__ == "__main__":
    {"write": write, "read": read}[sys.argv[1]](sys.argv[2])
