"""Pictures of cells: a field with outlines, and examples of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.pages.content import ClassExamples, FieldExample
from napari_phenotyper.pages.style import (
    INK,
    add_legend,
    composite,
    contrast,
    legend_rows,
    new_figure,
    plain,
    scale_bar,
    shorten,
)


def field_picture(
    example: FieldExample, colours: Mapping[str, str], title: str = "", *, simulated: bool = False
) -> Figure:
    """Return a field with the outlines of its masks, coloured by class.

    Parameters
    ----------
    example
        The field.
    colours
        Class to colour; cells without a class are outlined in white.
    title
        What the picture shows; the field is named in any case.
    """
    height, width = example.labels.shape
    # grey: on a coloured overlay, outlines of the colour of a stain would vanish
    picture = np.repeat(composite(example.image).max(axis=-1, keepdims=True), 3, axis=-1) * 0.85
    edge = outlines(example.labels, thickness=-(-width // 700))
    picture[edge] = _class_picture(example.labels, example.classes, colours)[edge]
    plate, well, number = example.ref
    named = f"{well} field {number}" + (f" · {title}" if title else "")
    shown = [name for name in colours if name in set(example.classes.values())]
    legend = 0.2 * legend_rows(shown, 6.4)[0] if shown else 0.0
    figure = new_figure(6.4, 6.2 * height / max(width, 1) + 0.55 + legend, named, plate, simulated=simulated)
    axes = figure.add_subplot()
    axes.imshow(picture)
    axes.set_axis_off()
    scale_bar(axes, example.pixel_size, width, height)
    axes.set_xlim(-0.5, width - 0.5)
    axes.set_ylim(height - 0.5, -0.5)
    handles = [Line2D([], [], color=colours[name], linewidth=3, label=plain(shorten(name, 24))) for name in shown]
    add_legend(figure, handles)
    return figure


def outlines(labels: Labels, thickness: int = 1) -> NDArray[np.bool_]:
    """Return (y, x) True on the pixels of a cell within `thickness` px of another cell or the background."""
    left, found = labels.copy(), np.zeros(labels.shape, bool)
    for _ in range(thickness):
        edge = _touching(left)
        found |= edge
        left[edge] = 0
    return found


def _touching(labels: Labels) -> NDArray[np.bool_]:
    """Return (y, x) True on the pixels of a cell that touch another cell or the background."""
    edge = np.zeros(labels.shape, bool)
    down, right = labels[1:] != labels[:-1], labels[:, 1:] != labels[:, :-1]
    edge[1:] |= down
    edge[:-1] |= down
    edge[:, 1:] |= right
    edge[:, :-1] |= right
    return edge & (labels > 0)


def _class_picture(labels: Labels, classes: Mapping[int, str], colours: Mapping[str, str]) -> NDArray[np.float32]:
    """Return (y, x, 3) the colour of each pixel's cell."""
    table = np.ones((int(labels.max(initial=0)) + 1, 3), np.float32)
    for cell, name in classes.items():
        if 0 < cell < len(table) and name in colours:
            table[cell] = to_rgb(colours[name])
    return table[labels]


def cell_gallery(
    examples: Sequence[ClassExamples],
    colours: Mapping[str, str],
    plate: str,
    *,
    per_class: int = 10,
    simulated: bool = False,
) -> Figure:
    """Return a row of example cells per class, all with the same contrast, so that bright cells look bright.

    Parameters
    ----------
    examples
        Crops by class; classes without crops keep an empty row.
    colours
        Class to colour, shown beside the name.
    plate
        For the title.
    per_class
        How many to show at most.
    """
    crops = [e.crops[:per_class] for e in examples]
    columns = max([len(c) for c in crops], default=1) or 1
    side = 7.0 / max(columns, 6)
    figure = new_figure(
        8.4, 0.75 + side * max(len(examples), 1) * 1.1, "Cells of each class", plate, simulated=simulated
    )
    grid = figure.subplots(max(len(examples), 1), 1, squeeze=False)[:, 0]
    limits = _common_limits(crops)
    for axes, example, chosen in zip(grid, examples, crops, strict=False):
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        axes.set_ylabel(
            plain(shorten(example.name, 20)), rotation=0, ha="right", va="center", fontsize=9, color=INK, labelpad=14
        )
        size = example.crops.shape[-1] if example.crops.size else 1
        axes.plot([-0.012], [0.5], marker="s", markersize=7, color=colours.get(example.name, "#999999"),
                  transform=axes.transAxes, clip_on=False)  # fmt: skip
        axes.imshow(_strip(chosen, columns, size, limits), interpolation="nearest")
        if len(chosen):
            axes.set_xlim(-0.5, columns * (size + 2) - 2.5)
            _bar_of_strip(axes, example.pixel_size, size)
    if not examples:
        grid[0].set_axis_off()
    return figure


def _bar_of_strip(axes: Any, pixel_size: float | None, size: int) -> None:
    """Draw the scale bar into the first crop of a row, without its figure: that stands in the caption."""
    if pixel_size:
        length = 10 / pixel_size
        axes.plot([2, 2 + length], [size - 4, size - 4], color="white", linewidth=1.6)


def _common_limits(crops: Sequence[NDArray[np.float32]]) -> list[tuple[float, float]]:
    """Return black and white of each channel over all crops."""
    filled = [c for c in crops if c.size]
    if not filled:
        return []
    channels = min(c.shape[1] for c in filled)
    return [contrast(np.concatenate([c[:, i].ravel() for c in filled])) for i in range(channels)]


def _strip(
    crops: NDArray[np.float32], columns: int, size: int, limits: Sequence[tuple[float, float]]
) -> NDArray[np.float32]:
    """Return (size, columns * (size + 2) − 2, 3): crops side by side on white."""
    strip = np.ones((size, columns * (size + 2) - 2, 3), np.float32)
    if len(crops):
        for i, picture in enumerate(composite(crops[:, : len(limits)], limits)):
            strip[:, i * (size + 2) : i * (size + 2) + size] = picture
    return strip
