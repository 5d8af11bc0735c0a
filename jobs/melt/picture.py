"""Draws how a crystal melts: atoms by the rank that has them, and g(r)."""

from typing import List, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the choice comes first)


class Frame(NamedTuple):
    """What is drawn of a step."""

    number: int
    temperature: float
    lengths: NDArray[np.float64]
    """Of the box."""
    atoms: List[NDArray[np.float64]]
    """The positions in the box of those that each rank has."""
    r: NDArray[np.float64]
    g: NDArray[np.float64]
    theirs: NDArray[np.float64]
    """g(r) as LAMMPS has it."""


def draw(frames: List[Frame], path: str) -> None:
    """Writes the picture of these steps, which are at least one."""
    first, last, later = frames[0], frames[-1], frames[len(frames) // 2 :]
    figure = pyplot.figure(figsize=(12, 4.4), layout="constrained")
    figure.suptitle(f"{sum(map(len, last.atoms))} atoms melt: a layer of them, in the colour of the rank that has each, and g(r)")
    crystal, liquid, curves = figure.subplots(1, 3, width_ratios=(1, 1, 1.25))
    for axes, frame in ((crystal, first), (liquid, last)):
        for rank, atoms in enumerate(frame.atoms):
            wrapped = atoms % frame.lengths
            layer = wrapped[wrapped[:, 1] < 0.09 * frame.lengths[1]]
            axes.scatter(layer[:, 0], layer[:, 2], s=30, color=pyplot.cm.Dark2(rank % 8), edgecolors="white", linewidths=0.4)
        axes.set(xlim=(0, frame.lengths[0]), ylim=(0, frame.lengths[2]), aspect="equal", xlabel="x", ylabel="z")
        axes.set_title(f"step {frame.number}: temperature {frame.temperature:.2f}")
        axes.label_outer()
    g, theirs = (np.mean([getattr(frame, name) for frame in later], axis=0) for name in ("g", "theirs"))
    curves.fill_between(first.r, first.g, color="lightgray", label=f"step {first.number}, a crystal: its peaks are cut")
    curves.plot(last.r, g, color="firebrick", label=f"mean of steps {later[0].number} to {last.number}, by the analysis")
    curves.plot(last.r[::3], theirs[::3], "o", color="black", markersize=3, label="the same, by LAMMPS")
    curves.axhline(1, color="gray", linewidth=0.6, linestyle=":")
    curves.set(xlabel="r", ylabel="g(r)", xlim=(0, last.r[-1]), ylim=(0, 1.6 * g.max()))
    curves.legend(frameon=False, loc="upper left", fontsize=9)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
