"""Reads the heights of a wave while wave_simulation computes them, checks that no energy is lost, and draws a picture."""

import argparse
import os

import numpy as np
from mpi4py import MPI

import locum
from picture import Frame, draw

COURANT_SQUARED = 0.25  # as in basin.c


def energy_by_column(now, before):
    """Returns the energy of the leapfrog scheme in each column. What is between two columns is the right one's."""
    u, v = np.pad(now, 1), np.pad(before, 1)  # beyond the basin the height is 0
    kinetic = (u - v)[:, 1:] ** 2 / COURANT_SQUARED
    potential = np.diff(u) * np.diff(v)
    potential[1:] += np.diff(u, axis=0)[:, 1:] * np.diff(v, axis=0)[:, 1:]
    return (kinetic + potential).sum(axis=0) / 2


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--output", default=".", help="folder for the picture (default: %(default)s)")
output = parser.parse_args().output

side = MPI.COMM_WORLD.Split(1, MPI.COMM_WORLD.rank)  # the ranks of this program: those of the simulation have another color
frames = []
with locum.Runtime(MPI.COMM_WORLD, memory_bytes="256MiB") as runtime:
    for step in locum.StepReader(runtime, "wave", side):
        time, simulated = step["account"].get()
        now, before = step["now"][...], step["before"][...]
        energy = energy_by_column(now, before)
        frames.append(Frame(time, now, energy))
        at_first = frames[0].energy.sum()
        if max(abs(energy.sum() - simulated), abs(energy.sum() - at_first)) > 1e-9 * at_first:
            raise ArithmeticError(
                f"step {step.number}: the wave has the energy {energy.sum()}, by the simulation {simulated}; it had {at_first}"
            )
        if side.rank == 0:
            print(
                f"t = {time:.6f}: energy {energy.sum():.9f}, that of the simulation {simulated:.9f},"
                f" highest {now.max():.9f}, beyond the middle {energy[len(energy) // 2:].sum():.9f}",
                flush=True,
            )

if side.rank == 0 and frames:
    os.makedirs(output, exist_ok=True)
    draw(frames, os.path.join(output, "wave.png"))
    print(f"analysis: {len(frames)} steps, no energy is lost; picture: {os.path.join(output, 'wave.png')}")
