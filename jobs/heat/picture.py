"""Draws how a cube is heated: its middle plane at some times, and its heat."""

from typing import List, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the choice comes first)
from matplotlib.colors import PowerNorm  # noqa: E402

METAL = [0.4, 0.4, 0.2, 0.2, 0.8, 0.8, 0.6, 0.6], [0, 0.45, 0.45, 0.55, 0.55, 0.45, 0.45, 0]
CHIP = [0.35, 0.35, 0.65, 0.65], [0, 0.1, 0.1, 0]
"""Their outlines in the plane, x and z: as in cuboid.f90."""


class Frame(NamedTuple):
    """What is drawn of a step."""

    time: float
    plane: NDArray[np.float64]
    """Temperatures at y = 1/2, by z and x."""
    heat: float
    hottest: float


def draw(frames: List[Frame], path: str) -> None:
    """Writes the picture of these steps, which are at least one."""
    shown = [frames[at] for at in np.unique(np.linspace(0, len(frames) - 1, 3).round().astype(int))]
    figure = pyplot.figure(figsize=(11, 6.4), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.6, 1))
    above.suptitle("A cube heated by a chip (dotted), with a column and a plate of metal (blue): the plane y = 1/2")
    norm = PowerNorm(0.6, 0, frames[-1].hottest)
    levels = norm.inverse(np.linspace(0, 1, 14)[1:])
    planes = above.subplots(1, len(shown), squeeze=False)[0]
    for axes, frame in zip(planes, shown):
        x = (np.arange(frame.plane.shape[1]) + 0.5) / frame.plane.shape[1]
        image = axes.imshow(frame.plane, cmap="inferno", norm=norm, origin="lower", extent=(0, 1, 0, 1), interpolation="bilinear")
        axes.contour(x, x, frame.plane, levels, colors="white", linewidths=0.6, alpha=0.7)
        axes.plot(*METAL, color="deepskyblue", linewidth=0.9)
        axes.plot(*CHIP, color="white", linewidth=1.2, linestyle=":")
        axes.set(title=f"t = {frame.time:.4f}", xticks=(0.25, 0.5, 0.75), yticks=(0, 0.5, 1), xlabel="x", ylabel="z")
        axes.label_outer()
    above.colorbar(image, ax=planes, label="temperature")

    times = [frame.time for frame in frames]
    left, right = below.subplots(1, 2)
    left.plot([0, times[-1]], [0, times[-1]], color="lightgray", linewidth=5, label="given by the chip")
    left.plot(times, [frame.heat for frame in frames], "o", color="firebrick", markersize=4, label="summed by the analysis")
    left.set(xlabel="time", ylabel="heat of the cube")
    left.legend(frameon=False)
    right.plot(times, [frame.hottest for frame in frames], "o-", color="darkorange", markersize=4)
    right.set(xlabel="time", ylabel="hottest cell", xlim=left.get_xlim(), ylim=(0, None))
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
