"""Reads the atoms of a crystal while LAMMPS melts it, computes g(r), and compares it with LAMMPS's own.

g(r): how many atoms are at a distance r from another one, by how many there would be if all were anywhere. Each rank takes its share
of the atoms, and their distances from all others, across the sides of the box as well.
"""

import argparse
import os

import numpy as np
from mpi4py import MPI

import locum
from picture import Frame, draw

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--output", default=".", help="folder for the picture (default: %(default)s)")
output = parser.parse_args().output

side = MPI.COMM_WORLD.Split(1, MPI.COMM_WORLD.rank)  # the ranks of this program: those of the simulation have another color


def neighbours_by_distance(x, lengths, width, bins):
    """Returns how many pairs of atoms have a distance in each of the bins: each pair twice, as each of its atoms sees it."""
    counts = np.zeros(bins, np.int64)
    at_a_time = 100
    for begin in range(at_a_time * side.rank, len(x), at_a_time * side.size):
        some, later = x[begin : begin + at_a_time], x[begin:]
        squared = np.zeros((len(some), len(later)))
        for axis, length in enumerate(lengths):
            apart = some[:, axis, np.newaxis] - later[:, axis]
            apart -= length * np.rint(apart / length)  # the nearest of its images
            squared += apart**2
        squared = squared[np.triu(np.ones(squared.shape, bool), 1)]  # each pair once, and no atom with itself
        near = squared[squared < (1.01 * bins * width) ** 2]
        bin_of = (np.sqrt(near) * (1 / width)).astype(np.int64)
        counts += 2 * np.bincount(bin_of[bin_of < bins], minlength=bins)
    return side.allreduce(counts)


frames = []
with locum.Runtime(MPI.COMM_WORLD, memory_bytes="256MiB") as runtime:
    for step in locum.StepReader(runtime, "melt", side):
        atoms, temperature, box, rdf = (step[name].get() for name in ("atoms", "temperature", "box", "rdf"))
        writers = range(step["x"].blocks)  # each has written the atoms that it has: in place, on this node
        parts = [step["x"].get(writer) for writer in writers]
        ids = np.concatenate([step["id"].get(writer) for writer in writers])
        x = np.concatenate(parts)
        if not (np.sort(ids) == np.arange(1, atoms + 1)).all() or len(x) != atoms:
            raise ArithmeticError(f"step {step.number}: {len(x)} atoms are here, of {len(np.unique(ids))} numbers; LAMMPS has {atoms}")

        lengths = box[3:] - box[:3]
        bins = len(rdf)
        ends = np.arange(bins + 1) * (2 * rdf[0, 0])  # a bin is as wide as twice the middle of the first one
        anywhere = atoms * (atoms - 1) * 4 / 3 * np.pi * np.diff(ends**3) / lengths.prod()
        counts = neighbours_by_distance(x, lengths, ends[1], bins)
        theirs = rdf[:, 1] * anywhere
        apart = abs(counts - theirs).max()
        if apart > 1e-6 or counts.sum() == 0:
            raise ArithmeticError(f"step {step.number}: in bin {abs(counts - theirs).argmax()} LAMMPS's g(r) has {apart} pairs more or less")
        if side.rank == 0:
            g = counts / anywhere
            print(
                f"step {step.number}: {len(x)} atoms of {len(parts)} ranks, temperature {temperature:.4f}, {counts.sum()} pairs nearer than"
                f" {ends[-1]:.1f}, highest g(r) {g.max():.6f} at r = {rdf[g.argmax(), 0]:.4f}; apart from LAMMPS's by {abs(g - rdf[:, 1]).max():.0e}",
                flush=True,
            )
            frames.append(Frame(step.number, temperature, lengths, [part - box[:3] for part in parts], rdf[:, 0], g, rdf[:, 1]))

if side.rank == 0 and frames:
    os.makedirs(output, exist_ok=True)
    draw(frames, os.path.join(output, "melt.png"))
    print(f"analysis: {len(frames)} steps, g(r) is LAMMPS's own; picture: {os.path.join(output, 'melt.png')}")
