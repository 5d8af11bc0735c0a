# usage: damaged_checkpoints.py MPIEXEC FLAG RANKS PROGRAM    LOCUM_DAMAGES damaged checkpoints, or 40, from LOCUM_TEST_SEED, or 1
#
# Some ranks write a checkpoint; then a file of it is damaged, again and again in another way: bytes that are changed, an end that is cut off.
# Each time a rank restores it, and must find all objects as they were, or say what is wrong. It must not die by a signal, wait, or
# find other values.
import collections
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

mpiexec, flag, ranks, program = sys.argv[1:5]
seed = int(os.environ.get("LOCUM_TEST_SEED", "1"))
count = int(os.environ.get("LOCUM_DAMAGES", "40"))
choice = random.Random(seed)


def damage(path):
    with open(path, "rb") as file:
        content = bytearray(file.read())
    size = len(content)
    for _ in range(choice.choice([1, 1, 1, 4, 32])):
        # HDF5 keeps what it needs itself mostly at the beginning, our tables are at the end.
        first, end = choice.choice([(0, min(size, 4096)), (max(0, size - 65536), size), (0, size)])
        content[choice.randrange(first, end)] = choice.randrange(256)
    if choice.random() < 0.1:
        content = content[: choice.randrange(size)]
    with open(path, "wb") as file:
        file.write(content)


outcomes = collections.Counter()
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/checkpoint.h5"
    whole = folder + "/whole"
    subprocess.run([mpiexec, flag, ranks, program, "write", path], check=True, timeout=60)
    # Beside it is a description for other programs, in XML: of all large arrays of two extents.
    items = [item for item in xml.etree.ElementTree.parse(folder + "/checkpoint.xdmf").iter("DataItem") if item.get("Format") == "HDF"]
    for item in items:
        file, name = item.text.split(":")
        assert os.path.exists(folder + "/" + file), file
        number = int(name.removeprefix("/named/"))
        assert item.get("Dimensions") == f"7 {number**2}" and item.get("NumberType") == "UInt", item.text
    assert len(items) == 25, len(items)
    os.mkdir(whole)
    for each in [path, path + ".parts"]:
        shutil.move(each, whole)
    for number in range(count):
        shutil.rmtree(path + ".parts", ignore_errors=True)
        shutil.copytree(whole + "/checkpoint.h5.parts", path + ".parts")
        shutil.copy(whole + "/checkpoint.h5", path)
        damage(choice.choice([path] + sorted(glob.glob(path + ".parts/*"))))
        done = subprocess.run([program, "read", path], capture_output=True, text=True, timeout=60)
        said = [line for line in done.stdout.splitlines() if line.startswith("FAILED: ")]
        if done.returncode == 0:
            outcomes["restored"] += 1
        elif done.returncode > 0 and said and " is another value" not in said[0]:
            outcomes[said[0].split(":")[1].strip()] += 1
        else:
            print(f"FAILED (LOCUM_TEST_SEED={seed}, damage {number}): status {done.returncode}: {done.stdout}{done.stderr}")
            sys.exit(1)
print(f"passed: {count} damages, seed {seed}:", ", ".join(f"{name} {times}" for name, times in outcomes.most_common()))
if outcomes["restored"] == count:
    print("FAILED: no damage was found")
    sys.exit(1)
