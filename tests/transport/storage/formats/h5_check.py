"""Exchanges HDF5 files with h5_test.cpp, in a folder: `write FOLDER` writes some by h5py, `read FOLDER` reads
by h5py what the test wrote. index.txt has a line for each dataset of arrays.h5: its path, its type of elements,
its extents, an option to load it by; its elements lie beside it, row-major, in name.bin ('/' as '_')."""
import os
import sys

import h5py
import numpy as np

TYPES = {
    "bool": "?", "u8": "u1", "u16": "u2", "u32": "u4", "u64": "u8", "i8": "i1", "i16": "i2", "i32": "i4",
    "i64": "i8", "f32": "f4", "f64": "f8", "c64": "c8", "c128": "c16",
}


def sample(kind, extents):
    numbers = np.random.default_rng(7).integers(0, 120, extents)
    if kind == "bool":
        return numbers % 2 == 1
    array = numbers.astype(TYPES[kind])
    return array * (1 - 2j) if kind[0] == "c" else array


def write_arrays(path):
    index = open(os.path.join(path, "index.txt"), "w")
    count = 0
    with h5py.File(os.path.join(path, "arrays.h5"), "w", libver=("earliest", "latest")) as file:

        def expect(name, data, option=""):
            nonlocal count
            names = {np.dtype(v): k for k, v in TYPES.items()}
            native = np.ascontiguousarray(data.astype(data.dtype.newbyteorder("=")))
            native.tofile(os.path.join(path, name.replace("/", "_") + ".bin"))
            extents = ",".join(map(str, data.shape))
            index.write(f"{name} {names[native.dtype]} {extents} {option}\n")
            count += 1

        def add(name, data, option="", **how):
            file.create_dataset(name, data=data, **how)
            expect(name, data, option)

        for kind, dtype in TYPES.items():
            for order in "<>":
                data = sample(kind, (11, 7, 5))
                data = data.astype(data.dtype.newbyteorder(order))
                group = f"{kind}/{'le' if order == '<' else 'be'}"
                add(f"{group}/plain", data)
                add(f"{group}/chunked", data, chunks=(4, 3, 5))
                add(f"{group}/deflate", data, chunks=(4, 7, 2), compression="gzip", shuffle=True, fletcher32=True)
                add(f"{group}/resizable", data, maxshape=(None, 7, 5))
        add("empty", np.zeros((3, 0, 2)))
        add("large", np.arange(3_000_000.0).reshape(3000, 1000), chunks=(70, 1000), compression="gzip",
            compression_opts=1)
        add("scaled", sample("i32", (100, 30)), scaleoffset=0)
        add("ranks", sample("u8", (2, 1, 2, 1, 2, 1, 2, 3)))
        half = np.array([[1.5, -2.0, np.inf], [0.0, 6e-8, 65504]], "f2")
        file["half"] = half
        expect("half", half.astype("f4"), "half=f32")
        file.create_dataset("filled", (20, 30), "f8", fillvalue=2.5)
        expect("filled", np.full((20, 30), 2.5))
        file.create_dataset("partly", (40, 30), "i4", chunks=(10, 10), fillvalue=-1)[:5] = 7
        partly = np.full((40, 30), -1, "i4")
        partly[:5] = 7
        expect("partly", partly)
        compact = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        compact.set_layout(h5py.h5d.COMPACT)
        data = sample("f64", (3, 4))
        h5py.h5d.create(file.id, b"compact", h5py.h5t.IEEE_F64LE, h5py.h5s.create_simple((3, 4)),
                        compact).write(h5py.h5s.ALL, h5py.h5s.ALL, data)
        expect("compact", data)
        file["named_type"] = np.dtype("i2")
        file.create_dataset("of_named_type", data=sample("i16", (5,)), dtype=file["named_type"])
        expect("of_named_type", sample("i16", (5,)))
        colours = h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 42}, basetype=">i2")
        file.create_dataset("colours", data=np.array([0, 42, 1]), dtype=colours)
        expect("colours", np.array([0, 42, 1], "i2"))
        file["hard"] = file["f64/le/plain"]
        expect("hard", sample("f64", (11, 7, 5)))
        file["soft"] = h5py.SoftLink("/f32/be/deflate")
        expect("soft", sample("f32", (11, 7, 5)))
        inner = file.create_dataset("inner", (6,), np.dtype((">f4", (2, 3))))
        inner[...] = sample("f32", (6, 2, 3))
        expect("inner", sample("f32", (6, 2, 3)))
    print(f"h5_check.py: {count} datasets written by h5py {h5py.__version__}, HDF5 {h5py.version.hdf5_version}")


def write_values(path):
    for name, how in (("values.h5", {}), ("latest.h5", {"libver": "latest"}), ("user_block.h5", {"userblock_size": 512}),
                      ("earliest.h5", {"libver": "earliest"})):
        with h5py.File(os.path.join(path, name), "w", track_order=True, **how) as file:
            file["text"] = "größe"
            file["fixed"] = np.bytes_("abc")
            file["texts"] = ["a", "", "größe"]
            file["grid"] = np.array([[b"ab", b"c"], [b"", b"defg"]])
            file["spaces"] = np.array([b"x"])
            file["integer"] = -7
            file["large"] = np.uint64(2**64 - 1)
            file["real"] = 0.25
            file["small"] = np.float32(0.5)
            file["truth"] = True
            file["complex"] = 1 - 2j
            file["nothing"] = h5py.Empty("f8")
            file["raw"] = np.void(b"\x00\x01\x02")
            table = np.zeros(3, [("x", "<f8"), ("n", ">i4"), ("name", "S3"), ("v", "<f4", (2,)), ("ok", "?")])
            table["x"], table["n"], table["name"] = [1, 2, 3], [7, 8, 9], [b"a", b"bcd", b""]
            table["v"], table["ok"] = [[1, 2], [3, 4], [5, 6]], [True, False, True]
            file["table"] = table
            nested = file.create_group("z/a", track_order=True)
            nested["T"] = np.arange(6.0).reshape(2, 3)
            nested["T"].attrs["units"] = "K"
            nested["T"].attrs["range"] = np.array([0.0, 5.0])
            nested.attrs["written by"] = np.bytes_("a model")
            file.attrs["version"] = 3
            file.create_group("bare")


def write_odd(path):
    with h5py.File(os.path.join(path, "other.h5"), "w") as file:
        file["T"] = np.arange(4.0)
    with h5py.File(os.path.join(path, "odd.h5"), "w") as file:
        file["good"] = np.arange(3)
        file["outside"] = h5py.ExternalLink("other.h5", "/T")
        file["through"] = h5py.SoftLink("/outside")
        file["dangling"] = h5py.SoftLink("/nowhere")
        file["itself"] = h5py.SoftLink("/itself")
        file["group/up"] = h5py.SoftLink("/group")
        file["group/x"] = 1.5
        file["reference"] = file["good"].ref
        ragged = file.create_dataset("ragged", (2,), h5py.vlen_dtype("i4"))
        ragged[0], ragged[1] = [1, 2], [3, 4, 5]
        file["named"] = np.dtype("f4")
        layout = h5py.VirtualLayout((4,), "f8")
        layout[:] = h5py.VirtualSource(os.path.join(path, "other.h5"), "T", (4,))
        file.create_virtual_dataset("virtual", layout)
        file.create_dataset("raw", (4,), "u1", external=[(os.path.join(path, "index.txt"), 0, 4)])
        file.create_dataset("lzf", data=np.zeros(1000), compression="lzf")
        file.create_dataset("times", data=np.arange(3).astype("M8[s]").astype(h5py.opaque_dtype("M8[s]")))
        file.create_dataset("nested", data=np.zeros(2, [("a", [("b", "f4")])]))
        file.create_dataset("longdouble", data=np.zeros(2, np.longdouble))


def read(path):
    count = 0
    for name in ("saved.h5", "packed.h5"):
        with h5py.File(os.path.join(path, name)) as file:
            for line in open(os.path.join(path, "index.txt")):
                dataset, kind, extents = line.split()
                shape = [] if extents == "-" else [int(extent) for extent in extents.split(",")]
                got = file["arrays/" + dataset]
                expected = np.fromfile(os.path.join(path, dataset + ".bin"), TYPES[kind]).reshape(shape)
                assert got.dtype == expected.dtype, (dataset, got.dtype, expected.dtype)
                assert got.shape == expected.shape, (dataset, got.shape)
                assert got[...].tobytes() == expected.tobytes(), dataset
                assert (got.compression == "gzip") == (name == "packed.h5" and 0 < got.size), dataset
                count += 1
            assert file["text"].asstr()[()] == "größe"
            assert file["texts"].asstr()[...].tolist() == [["a", ""], ["größe", "b"]]
            assert file["integer"][()] == -7 and file["integer"].dtype == "i8"
            assert file["large"][()] == 2**64 - 1
            assert file["real"][()] == 0.25
            assert file["truth"][()] == True and file["truth"].dtype == "?"  # noqa: E712
            assert file["complex"][()] == 1 - 2j
            assert file["raw"][()].tobytes() == b"\x00\x01\x02"
            assert file["none"].shape is None
            assert file["list"][...].tolist() == [[1, 2], [3, 4]]
            assert file["z"].attrs["units"] == "K" and file["z"].attrs["range"].tolist() == [0.0, 5.0]
            assert file["z/y"][...].tolist() == [1.5] and file.attrs["version"] == 3
            assert len(file["a"]) == 0
            if name == "packed.h5":
                assert file["arrays/f64"].chunks == (4, 7, 2), file["arrays/f64"].chunks
    print(f"h5_check.py: {count} datasets read by h5py {h5py.__version__}")


if __name__ == "__main__":
    if sys.argv[1] == "write":
        write_arrays(sys.argv[2])
        write_values(sys.argv[2])
        write_odd(sys.argv[2])
    else:
        read(sys.argv[2])
