"""A page of the gallery as a figure: cells side by side, what each is, and a scale bar."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.style import INK, PAPER, QUIET, UNLIKE, add_legend, legend_rows, new_figure, plain, shorten

_SIDE, _WORDS, _GAP = 0.95, 0.17, 0.06
"""Inches: a picture, the line below it, the room between two."""
_LETTERS = 17


@dataclass(frozen=True, eq=False)
class PageCell:
    """A cell on a page.

    Attributes
    ----------
    picture
        (s, s, 3) uint8, as the gallery shows it.
    words
        Below it.
    phenotype, colour
        Class that its frame wears, and that class's colour; "" for none.
    annotated
        Whether somebody gave that class, rather than a classifier.
    facts
        A row of the table: where it lies and what is known of it.
    """

    picture: NDArray[np.uint8]
    words: str
    phenotype: str = ""
    colour: str = ""
    annotated: bool = False
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PageGroup:
    """Cells under one title."""

    title: str
    cells: tuple[PageCell, ...]


def cell_page(
    groups: Sequence[PageGroup], side: float, unit: str, across: int, title: str, *, simulated: bool = False
) -> Plot:
    """Return a page of cells as a plot; its numbers are a row per cell.

    Parameters
    ----------
    groups
        One, or two below each other.
    side, unit
        How much of the field each picture shows: "µm", or "pixels" where the pixel size is not known.
    across
        Pictures in a row.
    title
        Of the figure.
    """
    figure = _draw(groups, side, unit, max(across, 1), title, simulated)
    cells = [cell for group in groups for cell in group.cells]
    columns = list(dict.fromkeys(name for cell in cells for name in cell.facts))
    return Plot("gallery", title, figure, (columns, [cell.facts for cell in cells]))


def bar_length(side: float) -> float:
    """Return a round length, about a third of a picture."""
    wanted = max(side, 1e-9) / 2.5
    step = 10.0 ** math.floor(math.log10(wanted))
    return max(m * step for m in (1, 2, 5) if m * step <= wanted)


def _draw(groups: Sequence[PageGroup], side: float, unit: str, across: int, title: str, simulated: bool) -> Figure:
    titled = [group for group in groups if group.title] if len(groups) > 1 else []
    lines = sum(-(-len(group.cells) // across) for group in groups)
    shown = {c.phenotype: c.colour for group in groups for c in group.cells if c.phenotype}
    width = max(across * (_SIDE + _GAP) + 0.2, 4.6)
    legend = 0.2 * legend_rows(list(shown), width)[0] if shown else 0.0
    below = 0.34 + legend + 0.2 * simulated
    height = 0.42 + lines * (_SIDE + _WORDS + _GAP) + 0.28 * len(titled) + below
    figure = new_figure(width, height, title, "", simulated=simulated)
    figure.set_layout_engine("none")
    for text, inches in zip(figure.texts, (height - 0.1, 0.06), strict=False):
        text.set_y(inches / height)
    y, last = height - 0.42, True
    for group in groups:
        if group in titled:
            named = plain(shorten(group.title, int(width * 12)))
            figure.text(0.1 / width, (y - 0.16) / height, named, fontsize=8.5, color=INK, fontweight="bold")
            y -= 0.28
        for i, cell in enumerate(group.cells):
            row, column = divmod(i, across)
            place = 0.1 + column * (_SIDE + _GAP), y - _SIDE - row * (_SIDE + _WORDS + _GAP)
            axes = figure.add_axes((place[0] / width, place[1] / height, _SIDE / width, _SIDE / height))
            _draw_cell(axes, cell)
            if last:
                _draw_bar(axes, cell.picture.shape[1], side)
                last = False
        y -= -(-len(group.cells) // across) * (_SIDE + _WORDS + _GAP)
    _explain(figure, shown, side, unit, (width, height, legend + 0.2 * simulated))
    return figure


def _draw_cell(axes: Any, cell: PageCell) -> None:
    axes.imshow(cell.picture, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(cell.colour or "#8c959f")
    axes.spines[:].set_linewidth(3.2 if cell.annotated else 1.2)
    parts = cell.words.split(UNLIKE)
    words = UNLIKE.join(shorten(part, _LETTERS // len(parts)) for part in parts)
    axes.set_xlabel(plain(words), fontsize=6.5, color=INK, labelpad=2.5)


def _draw_bar(axes: Any, pixels: int, side: float) -> None:
    """Draw the scale bar into a picture, white on a dark line, so that it shows on any cell."""
    length, left, y = bar_length(side) / side * pixels, pixels * 0.08, pixels * 0.91
    for colour, thick in (("#000000", 5.0), ("#ffffff", 3.0)):
        axes.plot([left, left + length], [y, y], color=colour, linewidth=thick, solid_capstyle="butt")
    axes.set_xlim(-0.5, pixels - 0.5)
    axes.set_ylim(pixels - 0.5, -0.5)


def _explain(figure: Figure, shown: dict[str, str], side: float, unit: str, room: tuple[float, float, float]) -> None:
    """Write what the bar means, and which class wears which colour."""
    width, height, below = room
    short = "px" if unit == "pixels" else unit
    text = f"Scale bar: {bar_length(side):g} {short}. Frames: thick where annotated, thin where predicted."
    figure.text(0.1 / width, (below + 0.1) / height, text, fontsize=7.5, color=QUIET)
    handles = [
        Line2D([], [], color=colour, linewidth=4, label=plain(shorten(name, 24))) for name, colour in shown.items()
    ]
    add_legend(figure, handles)
    figure.set_facecolor(PAPER)
