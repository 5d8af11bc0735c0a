"""Draws a wave that meets a wall with two gaps: its heights at some times, what has arrived on the right, and its energy."""

from typing import List, NamedTuple

import matplotlib
import numpy as np
from numpy.typing import NDArray

matplotlib.use("Agg")
from matplotlib import pyplot  # noqa: E402 (the choice comes first)
from matplotlib.patches import Rectangle  # noqa: E402

WALL = 0.35, 0.362
GAPS = 0.07, 0.11
"""Where the wall begins and ends in x, and the gaps, from the middle on both sides: as in basin.c."""


class Frame(NamedTuple):
    """What is drawn of a step."""

    time: float
    height: NDArray[np.float64]
    """By row and column."""
    energy: NDArray[np.float64]
    """Of each column."""


def draw(frames: List[Frame], path: str) -> None:
    """Writes the picture of these steps, which are at least one."""
    figure = pyplot.figure(figsize=(12, 6), layout="constrained")
    above, below = figure.subfigures(2, 1, height_ratios=(1.25, 1))
    above.suptitle("A wave meets a wall with two gaps")
    shown = [frames[at] for at in np.unique(np.linspace(0, len(frames) - 1, 4).round().astype(int))]
    maps = above.subplots(1, len(shown), squeeze=False)[0]
    edges = 0, 0.5 - GAPS[1], 0.5 - GAPS[0], 0.5 + GAPS[0], 0.5 + GAPS[1], 1
    for axes, frame in zip(maps, shown):
        image = axes.imshow(frame.height, cmap="RdBu_r", vmin=-0.6, vmax=0.6, origin="lower", extent=(0, 1, 0, 1), interpolation="bilinear")
        for begin, end in zip(edges[::2], edges[1::2]):
            axes.add_patch(Rectangle((WALL[0], begin), WALL[1] - WALL[0], end - begin, color="black", linewidth=0))
        axes.set(title=f"t = {frame.time:.3f}", xticks=(0.25, 0.5, 0.75), yticks=(0, 0.5, 1), xlabel="x", ylabel="y")
        axes.label_outer()
    above.colorbar(image, ax=maps, label="height", extend="both")

    left, right = below.subplots(1, 2)
    columns = frames[0].height.shape[1]
    y = (np.arange(frames[0].height.shape[0]) + 0.5) / frames[0].height.shape[0]
    screen = int(0.95 * columns)
    strength = sum(frame.height[:, screen - columns // 50 : screen] ** 2 for frame in frames).mean(axis=1)
    left.fill_between(y, strength, color="steelblue", alpha=0.4)
    left.plot(y, strength, color="steelblue", linewidth=1)
    left.set(xlabel="y", ylabel="sum of height²", xlim=(0, 1), ylim=(0, None), title="what passes x = 0.95")
    times = [frame.time for frame in frames]
    wall = int(WALL[1] * columns)
    right.plot(times, [frame.energy.sum() for frame in frames], "o-", color="black", markersize=3, label="all")
    right.plot(times, [frame.energy[:wall].sum() for frame in frames], color="firebrick", label="before the wall")
    right.plot(times, [frame.energy[wall:].sum() for frame in frames], color="steelblue", label="behind it")
    right.set(xlabel="time", ylabel="energy", ylim=(0, None))
    right.legend(frameon=False, loc="center left")
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
