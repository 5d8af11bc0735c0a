"""Exchanges checkpoints with torch_test.cpp, in a folder: `write FOLDER` writes some by torch; the test loads
and saves each as NAME.again; `compare FOLDER` has torch load both, and compares them. `golden FOLDER` writes the
small files of the folder golden/."""
import collections
import os
import sys
import warnings

import torch

warnings.filterwarnings("ignore")


def tensors():
    generator = torch.Generator().manual_seed(5)
    base = torch.randint(0, 100, (4, 6), generator=generator)
    yield from ((str(dtype)[6:], base.to(dtype)) for dtype in (
        torch.float32, torch.float64, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool))
    for dtype in (torch.complex64, torch.complex128):
        yield str(dtype)[6:], torch.complex(base.double(), base.double() / 7).to(dtype)
    for dtype in (torch.float16, torch.bfloat16):
        yield str(dtype)[6:], torch.cat([base.flatten().float() / 9 - 3, torch.tensor(
            [float("inf"), -0.0, 6e-8, 1e-5])]).to(dtype)


def values():
    """Names of files and what they hold."""
    for name, tensor in tensors():
        yield name, tensor
    base = torch.arange(24.0).reshape(4, 6)
    yield "transposed", base.t()
    yield "sliced", base[1:3, ::2]
    yield "expanded", torch.tensor([1.5]).expand(3, 4)
    yield "scalar", torch.tensor(2.5, dtype=torch.float64)
    yield "empty", torch.zeros(0, 3)
    yield "none_of_many", torch.zeros(4, 0, 2, dtype=torch.int16)
    yield "parameter", torch.nn.Parameter(base)
    yield "shared", {"all": base, "row": base[2], "turned": base.t(), "same": base}
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4), torch.nn.Conv2d(1, 2, 3))
    optimizer = torch.optim.Adam(model[0].parameters(), lr=0.1)
    model[0](torch.ones(2, 3)).sum().backward()
    optimizer.step()
    yield "state_dict", model.state_dict()
    yield "checkpoint", {"epoch": 7, "model": model.state_dict(), "optimizer": optimizer.state_dict(),
                         "loss": 0.125, "names": ["a", "b"]}
    shared = [1, 2, "x"]
    yield "plain", {
        "none": None, "yes": True, "no": False, "integers": [0, 1, 255, 256, 65535, 65536, -1, -129, 2**31, -2**31,
                                                             2**40, -2**40, 2**63 - 1, -2**63, 2**64 - 1],
        "reals": [0.5, -1e300, float("inf"), float("nan")], "text": "Grüße\0\n𝄞", "bytes": b"\x00\xff\x80abc",
        "no bytes": b"", "complex": 1 - 2j, "tuple": (1, (2,), (3, 4), (5, 6, 7), (8, 9, 10, 11), ()),
        "size": torch.Size([3, 4]), "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
        "shared": [shared, shared], "empty": [{}, [], ""], "many": list(range(3000)),
        "dtype": torch.float32, "device": torch.device("cpu"), "place": torch.device("cuda", 1)}


def plain(value):
    """Returns what is loaded of a value."""
    if isinstance(value, torch.Tensor):
        value = value.detach()
        return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value
    if isinstance(value, dict):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if isinstance(value, (torch.dtype, torch.device)):
        return str(value)
    return value


def same(a, b):
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and a.shape == b.shape and (
            a.contiguous().numpy().tobytes() == b.contiguous().numpy().tobytes())
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return list(a) == list(b) and all(same(a[key], b[key]) for key in a)
    if isinstance(a, list):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b or (a != a and b != b)


def write(path):
    count = 0
    with open(os.path.join(path, "index.txt"), "w") as index:
        for name, value in values():
            for protocol in (2, 3, 4, 5):
                if protocol > 2 and name not in ("plain", "checkpoint", "float32"):
                    continue
                file = f"{name}_{protocol}.pt"
                torch.save(value, os.path.join(path, file), pickle_protocol=protocol)
                index.write(f"{file} - -\n")
                count += 1
    torch.save(torch.zeros(2), os.path.join(path, "early.pth"), _use_new_zipfile_serialization=False)
    torch.jit.script(torch.nn.Linear(2, 2)).save(os.path.join(path, "script.pt"))
    torch.save(torch.eye(3).to_sparse(), os.path.join(path, "sparse.pt"))
    torch.save(torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.quint8), os.path.join(path, "quantized.pt"))
    torch.save(torch.nn.Linear(2, 2), os.path.join(path, "module.pt"))
    torch.save({1, 2}, os.path.join(path, "set.pt"))
    torch.save(2**70, os.path.join(path, "long.pt"))
    cycle = []
    cycle.append(cycle)
    torch.save(cycle, os.path.join(path, "cycle.pt"))
    print(f"torch_check.py: {count} files written by torch {torch.__version__}")


def compare(path):
    count = 0
    restricted = 0
    for line in open(os.path.join(path, "index.txt")):
        file = os.path.join(path, line.split()[0])
        expected = plain(torch.load(file))
        again = torch.load(file + ".again")
        assert same(expected, again), (file, expected, again)
        if "shared" in file:
            assert again["same"].data_ptr() == again["all"].data_ptr(), file
        try:
            assert same(expected, torch.load(file + ".again", weights_only=True)), file
            restricted += 1
        except Exception as error:  # torch 1.13 takes no float, no bytes and no complex number of a value
            assert "plain" in file or "checkpoint" in file, (file, error)
        count += 1
    print(f"torch_check.py: {count} files read by torch {torch.__version__}, {restricted} of them with "
          "weights_only=True")


def golden(path):
    base = torch.arange(12, dtype=torch.int32).reshape(3, 4)
    torch.save({
        "all": base, "turned": base.t(), "part": base[1:, 1::2], "scalar": torch.tensor(-2.5),
        "half": torch.tensor([1.5, -2.0, 65504.0], dtype=torch.float16),
        "brain": torch.tensor([1.5, -3e38], dtype=torch.bfloat16), "epoch": 3,
        "shape": torch.Size([3, 4])}, os.path.join(path, "tensors.pt"))
    torch.manual_seed(1)
    model = torch.nn.Linear(2, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5, momentum=0.5)
    model(torch.ones(1, 2)).sum().backward()
    optimizer.step()
    torch.save({"model": model.state_dict(), "optimizer": optimizer.state_dict()},
               os.path.join(path, "optimizer.pt"))
    torch.jit.script(torch.nn.Identity()).save(os.path.join(path, "script.pt"))
    torch.save(torch.eye(2).to_sparse(), os.path.join(path, "sparse.pt"))
    torch.save(torch.ones(2), os.path.join(path, "early.pth"), _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    {"write": write, "compare": compare, "golden": golden}[sys.argv[1]](sys.argv[2])
