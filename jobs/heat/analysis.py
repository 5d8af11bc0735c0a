"""Reads the temperatures of a cube while heat_simulation computes them, checks that no heat is lost, and draws a picture."""

import argparse
import os

from mpi4py import MPI

import locum
from picture import Frame, draw

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--output", default=".", help="folder for the picture (default: %(default)s)")
output = parser.parse_args().output

side = MPI.COMM_WORLD.Split(1, MPI.COMM_WORLD.rank)  # the ranks of this program: those of the simulation have another color


def share(planes):
    """Returns which of these planes are this rank's to read, whichever ranks have computed them."""
    return slice(planes * side.rank // side.size, planes * (side.rank + 1) // side.size)


frames = []
with locum.Runtime(MPI.COMM_WORLD, memory_bytes="256MiB") as runtime:
    for step in locum.StepReader(runtime, "heat", side):
        time, simulated, given = step["account"].get()
        T = step["T"][share(step["T"].shape[0])]  # only these planes are moved
        cells = T.shape[-1]
        heat = side.allreduce(T.sum()) / cells**3
        hottest = side.allreduce(T.max(initial=0), MPI.MAX)
        if max(abs(heat - simulated), abs(heat - given)) > 1e-9 * given:
            raise ArithmeticError(f"step {step.number}: the cube has {heat}, by the simulation {simulated}; the chip gave {given}")
        if side.rank == 0:
            print(f"t = {time:.6f}: heat {heat:.9f}, that of the simulation {simulated:.9f}, hottest {hottest:.9f}", flush=True)
            frames.append(Frame(time, step["T"][:, cells // 2], heat, hottest))

if side.rank == 0 and frames:
    os.makedirs(output, exist_ok=True)
    draw(frames, os.path.join(output, "heat.png"))
    print(f"analysis: {len(frames)} steps, no heat is lost; picture: {os.path.join(output, 'heat.png')}")
