"""usage: scaling_run.py BENCH NODES MPIEXEC... PROGRAM    Runs locum_scaling, small, and passes if its file has every case
with sound figures; compares the file with itself, and with a copy that is slower; draws a picture if gnuplot is there."""

import json
import math
import pathlib
import shutil
import subprocess
import sys
import tempfile

bench = pathlib.Path(sys.argv[1])
nodes = int(sys.argv[2])
command = sys.argv[3:]


def expect(condition, what):
    if not condition:
        sys.exit(f"scaling_run.py: {what}")


def refuse_constant(name):
    sys.exit(f"scaling_run.py: the file has the number {name}")


def check(row):
    where = f"{row['case']} {row['mode']} {row['bytes']}"
    expect(row["nodes"] == nodes and row["repetitions"] >= 3 and row["operations"] >= 1, f"{where}: {row}")
    times = [row["p50"], row["p99"], row["p99_9"], row["throughput"], *row["batches"]]
    expect(all(isinstance(x, (int, float)) and math.isfinite(x) and x > 0 for x in times), f"{where}: {times}")
    expect(row["p50"] <= row["p99"] <= row["p99_9"], f"{where}: quantiles do not ascend")
    expect(row["bytes_per_second"] > 0 or row["bytes"] == 0, f"{where}: no throughput")
    if row["ratio"] is None:
        expect(row["no_twin"] and row["ranks"] == 1, f"{where}: no twin")
    else:
        expect(row["ratio"] > 0 and row["twin_p50"] > 0 and len(row["ratio_batches"]) > 0, f"{where}: {row['ratio']}")


with tempfile.TemporaryDirectory() as name:
    folder = pathlib.Path(name)
    file = folder / "run.json"
    listed = subprocess.run([*command, "--list"], check=True, capture_output=True, text=True, timeout=500).stdout
    cases = {line.split()[0] for line in listed.splitlines() if line.strip()}
    expect(len(cases) == 18, f"--list shows {sorted(cases)}")
    options = ["--sizes", "8,4Ki", "--record", "240", "--seconds", "0.02", "--mode", "both", "--json", str(file)]
    run = subprocess.run([*command, *options], check=False, capture_output=True, text=True, timeout=500)
    print(run.stdout, run.stderr, sep="\n")
    expect(run.returncode == 0, f"ended with status {run.returncode}")
    content = json.loads(file.read_text(encoding="utf-8"), parse_constant=refuse_constant)
    expect(content["schema"] == "locum_scaling" and content["schema_version"] == 1, "another schema")
    expect(content["machine"]["nodes"] == nodes and content["machine"]["mpi"] and content["machine"]["kernel"], content["machine"])

    for row in content["rows"]:
        check(row)
    left_out = {row["case"] for row in content["skipped"]}
    expect(left_out == (set() if nodes > 1 else {"get_remote"}), f"left out: {left_out}")
    for mode in ("weak", "strong"):
        found = {row["case"] for row in content["rows"] if row["mode"] == mode}
        expect(found | left_out == cases, f"{mode}: of {sorted(cases)} only {sorted(found)}")

    def status_of(a, b):
        compared = subprocess.run(
            [sys.executable, bench / "compare", a, b], check=False, capture_output=True, text=True, timeout=500
        )
        print(compared.stdout[-300:], compared.stderr, sep="\n")
        return compared.returncode

    expect(status_of(file, file) == 0, "the file differs from itself")
    # A busy machine has time for three batches of a case, in which nothing is significant: each counts ten times, in both files.
    many, slower = folder / "many.json", folder / "slower.json"
    for row in content["rows"]:
        row["batches"] = 10 * row["batches"]
    many.write_text(json.dumps(content), encoding="utf-8")
    for row in content["rows"]:
        row["batches"] = [1000 * time for time in row["batches"]]
    slower.write_text(json.dumps(content), encoding="utf-8")
    expect(status_of(many, slower) == 1, "a thousand times the time is no regression")

    if shutil.which("gnuplot"):
        subprocess.run([sys.executable, bench / "plot", "--output", folder / "png", file], check=True, timeout=500)
        pictures = list((folder / "png").glob("*.png"))
        expect(len(pictures) == 2 * len(cases - left_out), f"{len(pictures)} pictures")
        expect(all(p.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n" for p in pictures), "a picture is no PNG")
    else:
        print("no pictures were drawn, for want of gnuplot")
