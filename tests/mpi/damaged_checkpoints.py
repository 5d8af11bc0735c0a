# usage: damaged_checkpoints.py MPIEXEC FLAG RANKS PROGRAM COMMAND    LOCUM_DAMAGES damaged checkpoints, or 40, from LOCUM_TEST_SEED, or 1
#
# Some ranks write a checkpoint, and an incremental one, which has its bytes in two files; then a file of one of them is damaged, again and
# again in another way: bytes that are changed, an end that is cut off.
# Each time a rank restores it, every other time lazily, and must find all objects as they were, or say what is wrong. It must not die by a signal, wait, or
# find other values. COMMAND, locum-checkpoint, must find the same without restoring it, and makes the
# incremental one whole. What is whole is read by other programs, too.
import collections
import glob
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

sys.dont_write_bytecode = True
import other_programs

mpiexec, flag, ranks, program, command = sys.argv[1:6]
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


def verified(path):
    done = subprocess.run([command, "verify", path], capture_output=True, text=True, timeout=500)
    return done.returncode, done.stdout + done.stderr


def listed(path):
    return subprocess.run([command, "list", path], capture_output=True, text=True, check=True, timeout=500).stdout.splitlines()


# An incremental checkpoint is made whole; who does it is killed some times, at any moment. It is always one of the two.
def compact_by_killed_ones(path):
    before = listed(path)[:-1]
    for _ in range(5):
        compacting = subprocess.Popen([command, "compact", path], stdout=subprocess.DEVNULL)
        time.sleep(choice.random() * 0.05)
        compacting.kill()
        compacting.wait()
        if verified(path)[0] != 0 or listed(path)[:-1] != before:
            print(f"FAILED (LOCUM_TEST_SEED={seed}): after the death of who compacts it:", verified(path))
            sys.exit(1)
    subprocess.run([command, "compact", path], check=True, timeout=500, stdout=subprocess.DEVNULL)
    left = sorted(os.listdir(path + ".parts"))
    if verified(path)[0] != 0 or listed(path)[:-1] != before or len(left) != 1:
        print(f"FAILED (LOCUM_TEST_SEED={seed}): compacted, it has {left}:", verified(path))
        sys.exit(1)


# Beside it is a description for other programs, in XML: of all large arrays of two extents.
def check_description(folder):
    items = [item for item in xml.etree.ElementTree.parse(folder + "/checkpoint.xdmf").iter("DataItem") if item.get("Format") == "HDF"]
    for item in items:
        file, name = item.text.split(":")
        assert os.path.exists(folder + "/" + file), file
        number = int(name.removeprefix("/named/"))
        assert item.get("Dimensions") == f"7 {number**2}" and item.get("NumberType") == "UInt", item.text
    assert len(items) == 25, len(items)


# What verify has to end with, by what the restore says of a damage.
statuses = {"restored": [0], "corrupt": [1], "not_found": [1, 2]}
outcomes = collections.Counter()
with tempfile.TemporaryDirectory() as folder:
    path = folder + "/checkpoint.h5"
    wholes = [folder + "/whole", folder + "/incremental"]
    for whole, kind in zip(wholes, [[], ["incremental"]]):
        subprocess.run([mpiexec, flag, ranks, program, "write", path] + kind, check=True, timeout=500)
        if verified(path)[0] != 0:
            print("FAILED: what is whole is said to be damaged:", verified(path))
            sys.exit(1)
        check_description(folder)
        if not kind:
            other_programs.read_all(path)
        os.mkdir(whole)
        for each in [path, path + ".parts"]:
            shutil.move(each, whole)
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    rows = listed(path)
    if len(rows) != 181 or not any(row.split() == ["194936", "u64[]", "7x3481", "named/59"] for row in rows):
        print("FAILED: the list is", rows)
        sys.exit(1)
    description = folder + "/checkpoint.xdmf"
    shutil.copy(description, whole)
    subprocess.run([command, "compact", path], check=True, timeout=500, stdout=subprocess.DEVNULL)
    check_description(folder)
    shutil.rmtree(path + ".parts")
    shutil.copytree(whole, folder, dirs_exist_ok=True)
    compact_by_killed_ones(path)  # whose description may be of the one before
    for number in range(count):
        whole = wholes[number % 2]
        shutil.rmtree(path + ".parts", ignore_errors=True)
        shutil.copytree(whole + "/checkpoint.h5.parts", path + ".parts")
        shutil.copy(whole + "/checkpoint.h5", path)
        damage(choice.choice([path] + sorted(glob.glob(path + ".parts/*"))))
        mode = "lazy" if number % 2 == 1 else "read"
        done = subprocess.run([program, mode, path], capture_output=True, text=True, timeout=500)
        said = [line for line in done.stdout.splitlines() if line.startswith("FAILED: ")]
        outcome = "restored"
        if done.returncode > 0 and said and " is another value" not in said[0]:
            outcome = said[0].split(":")[1].strip()
        elif done.returncode != 0:
            print(f"FAILED (LOCUM_TEST_SEED={seed}, damage {number}): status {done.returncode}: {done.stdout}{done.stderr}")
            sys.exit(1)
        outcomes[outcome] += 1
        status, text = verified(path)
        if status not in statuses.get(outcome, [1, 2]):
            print(f"FAILED (LOCUM_TEST_SEED={seed}, damage {number}): {outcome}, but verify ends with {status}: {text}")
            sys.exit(1)
print(f"passed: {count} damages, seed {seed}:", ", ".join(f"{name} {times}" for name, times in outcomes.most_common()))
if outcomes["restored"] == count:
    print("FAILED: no damage was found")
    sys.exit(1)
