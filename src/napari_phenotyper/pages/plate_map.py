"""A plate as the eye knows it: wells where they lie, coloured by a value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import PatchCollection
from matplotlib.colors import Colormap, Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from numpy.typing import NDArray

from napari_phenotyper.core.wells import parse_well, plate_shape, row_letters
from napari_phenotyper.pages.ranges import robust_range
from napari_phenotyper.pages.style import PAPER, QUIET, ROLE_EDGES, RULE, add_legend, bare, ink_on, new_figure

_CELL = 0.86
_EDGE = 0.97
"""Sides of a well on the map and of its role's border, in the white between wells; the distance of wells is 1."""


def plate_map(
    values: Mapping[str, float],
    plate: str,
    title: str,
    *,
    roles: Mapping[str, str] | None = None,
    shape: tuple[int, int] | None = None,
    percent: bool = False,
    diverging: bool = False,
    simulated: bool = False,
) -> Figure:
    """Return the heat map of one plate.

    Parameters
    ----------
    values
        Well name to value. Wells that are not named are hatched as missing, wells with NaN crossed out as unknown.
    plate, title
        What is shown, in the title.
    roles
        Well name to role; negative and positive controls and empty wells get a border.
    shape
        (rows, columns) of the plate, also for 6 to 48 wells; by default the smallest of 96 wells up that holds all.
    percent
        Values are shares and shown in percent.
    diverging
        Values are signed: the colours diverge from white at zero.

    Notes
    -----
    Colours run from the 2nd to the 98th percentile of the wells (perceptually uniform viridis, or RdBu): one odd well
    does not flatten all others. The ends of the colour bar are pointed where wells lie beyond.
    """
    at = {parse_well(well): value * (100 if percent else 1) for well, value in values.items()}
    grid = _grid(at, shape or plate_shape(values))
    rows, columns = grid.shape
    width = 8.4 if rows * columns > 384 else 5.6
    figure = new_figure(width, 1.1 + (width - 1.0) * rows / columns, title, plate, simulated=simulated)
    axes = figure.add_subplot()
    norm, extend = robust_range(grid, diverging)
    colours = _colours(diverging)
    _draw_wells(axes, grid, set(at), colours, norm)
    if rows * columns <= 96:
        _write_values(axes, grid, colours, norm)
    _name_rows_and_columns(axes, rows, columns)
    shown = _draw_roles(axes, roles or {}, rows * columns)
    _legend(
        figure,
        shown,
        missing=len(at) < rows * columns,
        unknown=bool(np.isnan([grid[r - 1, c - 1] for r, c in at]).any()),
    )
    bar = figure.colorbar(ScalarMappable(norm, colours), ax=axes, extend=extend, fraction=0.045, pad=0.02)
    bar.ax.tick_params(labelsize=8, colors=QUIET)
    bar.outline.set_visible(False)
    if percent:
        bar.ax.set_title("%", fontsize=8, color=QUIET)
    return figure


def _grid(at: Mapping[tuple[int, int], float], shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return (rows, columns) values, NaN where there is none; a well outside the shape widens it."""
    rows, columns = max([shape[0], *(r for r, _ in at)]), max([shape[1], *(c for _, c in at)])
    grid = np.full((rows, columns), np.nan)
    for (row, column), value in at.items():
        grid[row - 1, column - 1] = value
    return grid


def _colours(diverging: bool) -> Colormap:
    from matplotlib import colormaps

    return colormaps["RdBu_r" if diverging else "viridis"]


def _draw_wells(
    axes: Any, grid: NDArray[np.float64], present: set[tuple[int, int]], colours: Colormap, norm: Normalize
) -> None:
    """Draw a square per well, in one collection per look: 1536 artists would take seconds."""
    boxes: dict[str, list[Rectangle]] = {"value": [], "unknown": [], "missing": []}
    faces = []
    for (row, column), value in np.ndenumerate(grid):
        look = "value" if np.isfinite(value) else "unknown" if (row + 1, column + 1) in present else "missing"
        boxes[look].append(Rectangle((column - _CELL / 2, row - _CELL / 2), _CELL, _CELL))
        if look == "value":
            faces.append(colours(norm(value)))
    axes.add_collection(PatchCollection(boxes["value"], facecolor=faces or "none", edgecolor="none"))
    axes.add_collection(PatchCollection(boxes["unknown"], facecolor=PAPER, edgecolor=QUIET, hatch="xxx", linewidth=0.4))
    axes.add_collection(
        PatchCollection(boxes["missing"], facecolor="#f1f3f5", edgecolor=RULE, hatch="///", linewidth=0.0)
    )


def _write_values(axes: Any, grid: NDArray[np.float64], colours: Colormap, norm: Normalize) -> None:
    known = grid[np.isfinite(grid)]
    digits = 0 if known.size and np.abs(known).max() >= 20 else 1 if known.size and np.abs(known).max() >= 2 else 2
    size = 8 if grid.size > 48 else 10
    for (row, column), value in np.ndenumerate(grid):
        if np.isfinite(value):
            ink = ink_on(colours(norm(value)))
            axes.text(column, row, f"{value:.{digits}f}", ha="center", va="center", fontsize=size, color=ink)


def _name_rows_and_columns(axes: Any, rows: int, columns: int) -> None:
    bare(axes)
    axes.spines[:].set_visible(False)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    size = 8 if columns <= 24 else 6
    every = 1 if columns <= 24 else 2
    axes.set_xticks(range(0, columns, every), [str(c + 1) for c in range(0, columns, every)], fontsize=size)
    every = 1 if rows <= 16 else 2
    axes.set_yticks(range(0, rows, every), [row_letters(r + 1) for r in range(0, rows, every)], fontsize=size)
    axes.set_xlim(-0.6, columns - 0.4)
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_aspect("equal")


def _draw_roles(axes: Any, roles: Mapping[str, str], wells: int) -> list[str]:
    """Draw the borders of wells that have a role and return the roles that are shown."""
    shown = []
    for role, (colour, dash) in ROLE_EDGES.items():
        boxes = [
            Rectangle((column - 1 - _EDGE / 2, row - 1 - _EDGE / 2), _EDGE, _EDGE)
            for row, column in (parse_well(well) for well, its in roles.items() if its == role)
        ]
        if boxes:
            line = 2.2 if wells <= 96 else 1.4 if wells <= 384 else 0.8
            axes.add_collection(
                PatchCollection(boxes, facecolor="none", edgecolor=colour, linestyle=dash, linewidth=line)
            )
            shown.append(role)
    return shown


def _legend(figure: Figure, roles: list[str], *, missing: bool, unknown: bool) -> None:
    handles: list[Any] = [
        Line2D([], [], color=ROLE_EDGES[role][0], linestyle=ROLE_EDGES[role][1], linewidth=2, label=_WORDS[role])
        for role in roles
    ]
    if missing:
        handles.append(Patch(facecolor="#f1f3f5", edgecolor=RULE, hatch="///", label="no images"))
    if unknown:
        handles.append(Patch(facecolor=PAPER, edgecolor=QUIET, hatch="xxx", label="no cells"))
    add_legend(figure, handles)


_WORDS = {"negative": "negative control", "positive": "positive control", "empty": "empty well"}
