"""Profiles as a clustered heat map: wells or treatments against classes or features, with their dendrograms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_phenotyper.core.plate import NEGATIVE, Layout
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.ranges import robust_range
from napari_phenotyper.pages.style import INK, PAPER, QUIET, ROLE_EDGES, new_figure, plain, shorten
from napari_phenotyper.pages.treatments import by_treatment, treatment_name

By = Literal["treatment", "well"]
Float64 = NDArray[np.float64]

MOST_ROWS = 400
"""Of more, those that differ most from the controls are shown: nobody reads further, and clustering slows down."""

MOST_COLUMNS = 80
"""Of more, those that tell the rows best from the scatter of the controls: more names nobody reads."""

_TREE, _TOP, _RIM, _BAR = 0.8, 0.45, 0.12, 0.6
"""Inches: dendrogram, title, rim, colour bar with its words."""
_LETTER = 0.068
"""Inches of a letter of 8 points, at most."""


@dataclass(frozen=True, eq=False)
class HeatMap:
    """A heat map and where its rows lie.

    Attributes
    ----------
    figure
        To be shown or saved.
    rows, columns
        From top to bottom: wells of each row; names from left to right.
    values
        (rows, columns) what is coloured.
    top, bottom
        Of all rows, as shares of the figure's height, from above.
    """

    figure: Figure
    rows: tuple[tuple[WellRef, ...], ...]
    columns: tuple[str, ...]
    values: Float64
    top: float
    bottom: float

    def row_at(self, y: float) -> int:
        """Return the row at a share of the figure's height from above, −1 beside all rows."""
        if not self.rows or not self.top <= y < self.bottom:
            return -1
        return min(int((y - self.top) / (self.bottom - self.top) * len(self.rows)), len(self.rows) - 1)


def differences(profile: Profile, layout: Layout) -> Float64:
    """Return (W, C) how far each well lies from the negative controls of its plate (their median).

    On a plate without negative controls, from the median of all its wells. NaN where a well has no value.
    """
    found = profile.values.copy()
    plates = np.array([well.plate for well in profile.wells])
    control = np.array([layout.of(well).role == NEGATIVE for well in profile.wells], bool)
    control &= np.isfinite(profile.values).any(axis=1)
    for plate in dict.fromkeys(plates.tolist()):
        here = plates == plate
        usual = here & control if (here & control).any() else here & np.isfinite(profile.values).any(axis=1)
        if usual.any():
            with np.errstate(all="ignore"):
                found[here] -= np.nan_to_num(_median(profile.values[usual]))
    return found


def _median(values: Float64) -> Float64:
    """Return the median of each column over its finite values; NaN where there is none."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a feature that is nowhere defined is no news
        return np.asarray(np.nanmedian(values, axis=0), np.float64)


def profile_heat_map(
    profile: Profile, layout: Layout, plate: str, *, by: By = "treatment", simulated: bool = False
) -> HeatMap:
    """Return the clustered heat map of a profile.

    A row is the mean of a treatment's wells, or a well. Every column is shown as the difference from the negative
    controls (see `differences`) in units of its standard deviation over all rows, so that rare classes and features
    of any scale can be compared. Rows and columns stand in the order of an average-linkage clustering of euclidean
    distances, with leaves arranged so that neighbours are alike (Bar-Joseph et al. 2001, Bioinformatics 17:S22).

    Parameters
    ----------
    profile, layout
        What to show, and what was done to the wells.
    plate
        For the title.
    by
        What a row is.
    """
    groups, names = _groups(profile, layout, by)
    found = differences(profile, layout)
    kept = _telling(found, np.array([layout.of(well).role == NEGATIVE for well in profile.wells], bool))
    values = _standardised(found[:, kept], groups)
    values, groups, names = _strongest(values, groups, names)
    rows, columns = _ordered(values), _ordered(values.T)
    shown = values[np.ix_(rows.order, columns.order)]
    heads = [profile.columns[kept[j]] for j in columns.order]
    labels = [names[i] for i in rows.order]
    roles = [layout.of(profile.wells[groups[i][0]]).role for i in rows.order]
    title = f"Profiles of {'treatments' if by == 'treatment' else 'wells'}, clustered"
    if len(kept) < len(profile.columns):
        title += f": the {len(kept)} of {len(profile.columns)} columns that differ most"
    figure, top, bottom = _draw(shown, labels, roles, heads, (rows, columns), title, plate, simulated)
    wells = tuple(tuple(profile.wells[k] for k in groups[i]) for i in rows.order)
    return HeatMap(figure, wells, tuple(heads), shown, top, bottom)


def _groups(profile: Profile, layout: Layout, by: By) -> tuple[list[NDArray[np.intp]], list[str]]:
    """Return the profile's rows that make each row of the map, without those that have no cells, and its name."""
    known = np.asarray(np.isfinite(profile.values).any(axis=1))
    if by == "treatment":
        found = {name: rows[known[rows]] for name, rows in by_treatment(profile, layout).items()}
        counts = {name: f" · {len(rows)} wells" if len(rows) > 1 else "" for name, rows in found.items()}
        return [r for r in found.values() if len(r)], [f"{n}{counts[n]}" for n, r in found.items() if len(r)]
    several = len({well.plate for well in profile.wells}) > 1
    rows = [np.array([i], np.intp) for i in np.flatnonzero(known)]
    return rows, [_well_name(profile.wells[int(i)], layout, several) for i in np.flatnonzero(known)]


def _well_name(well: WellRef, layout: Layout, several: bool) -> str:
    where = f"{well.plate} {well.well}" if several else well.well
    name = treatment_name(well, layout)
    return where if name == well.well else f"{where} · {name}"


def _telling(found: Float64, control: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return which columns to show, in their order: all, or those whose spread over wells is largest.

    The spread is counted in that of the control wells, where there are two at least, else in the column's own size.
    """
    if found.shape[1] <= MOST_COLUMNS:
        return np.arange(found.shape[1])
    known = np.where(np.isfinite(found), found, 0.0)
    spread = known.std(axis=0)
    noise = known[control].std(axis=0) if int(control.sum()) > 1 else np.abs(known).mean(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        telling = np.where(noise > 0, spread / noise, 0.0)
    return np.sort(np.argsort(-telling, kind="stable")[:MOST_COLUMNS])


def _standardised(found: Float64, groups: Sequence[NDArray[np.intp]]) -> Float64:
    """Return (rows, C) means over groups of rows in units of the column's standard deviation; 0 where unknown."""
    values = np.zeros((len(groups), found.shape[1]))
    for i, rows in enumerate(groups):
        known = np.isfinite(found[rows])
        values[i] = np.where(known, found[rows], 0).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    spread = values.std(axis=0, ddof=1) if len(values) > 1 else np.ones(found.shape[1])
    return np.asarray(values / np.where(spread > 0, spread, 1.0))


def _strongest(
    values: Float64, groups: list[NDArray[np.intp]], names: list[str]
) -> tuple[Float64, list[NDArray[np.intp]], list[str]]:
    """Return the rows that lie farthest from zero, in their old order."""
    if len(values) <= MOST_ROWS:
        return values, groups, names
    kept = np.sort(np.argsort(-np.square(values).sum(axis=1), kind="stable")[:MOST_ROWS])
    return values[kept], [groups[i] for i in kept], [names[i] for i in kept]


@dataclass(frozen=True, eq=False)
class _Tree:
    """The order of the leaves, and the dendrogram: (n, 4, 2) corners of its forks, place of leaves and height."""

    order: NDArray[np.intp]
    forks: Float64


def _ordered(values: Float64) -> _Tree:
    from scipy.cluster.hierarchy import dendrogram, linkage
    from scipy.spatial.distance import pdist

    if len(values) < 2 or not values.shape[1]:
        return _Tree(np.arange(len(values)), np.zeros((0, 4, 2)))
    drawn = dendrogram(linkage(pdist(values), "average", optimal_ordering=True), no_plot=True)
    places = (np.array(drawn["icoord"]) - 5.0) / 10.0
    return _Tree(np.array(drawn["leaves"], np.intp), np.stack([places, np.array(drawn["dcoord"])], axis=-1))


def _draw(
    shown: Float64, labels: Sequence[str], roles: Sequence[str], heads: Sequence[str], trees: tuple[_Tree, _Tree],
    title: str, plate: str, simulated: bool,
) -> tuple[Figure, float, float]:  # fmt: skip
    """Return the figure, and the shares of its height at which the rows begin and end."""
    rows, columns = max(len(labels), 1), max(len(heads), 1)
    pitch = 0.18 if rows <= 60 else 0.13
    step = 0.32 if columns <= 12 else 0.2 if columns <= 40 else 0.13
    names = [plain(shorten(name, 34)) for name in labels]
    tall = [plain(shorten(name, 34)) for name in heads]
    words = max((len(name) for name in names), default=0) * _LETTER * (1.0 if pitch > 0.15 else 0.8) + 0.1
    feet = max((len(name) for name in tall), default=0) * _LETTER * (1.1 if step > 0.15 else 0.75) + 0.15
    left, above, below = _RIM + _TREE, _TOP + 0.6 * _TREE, feet + _BAR + _RIM + 0.25 * simulated
    width = max(left + columns * step + words + _RIM, 4.2)
    height = above + rows * pitch + below
    figure = new_figure(width, height, title, plate, simulated=simulated)
    figure.set_layout_engine("none")
    for text, inches in zip(figure.texts, (height - 0.1, 0.06), strict=False):
        text.set_y(inches / height)  # title and mark stay at the rims, however tall the map is

    def box(x: float, y: float, wide: float, high: float) -> Any:
        """Return axes at a place in inches from the upper left."""
        return figure.add_axes((x / width, 1 - (y + high) / height, wide / width, high / height))

    axes = box(left, above, columns * step, rows * pitch)
    norm, extend = robust_range(shown, diverging=True)
    if shown.size:
        axes.imshow(shown, cmap="RdBu_r", norm=norm, aspect="auto", interpolation="nearest")
    size = 8 if pitch > 0.15 else 6.5
    _name(axes, names, roles, tall, size, 8 if step > 0.15 else 6.5)
    _draw_tree(box(_RIM, above, _TREE - 0.05, rows * pitch), trees[0], len(labels), upright=False)
    _draw_tree(box(left, _TOP, columns * step, 0.6 * _TREE - 0.05), trees[1], len(heads), upright=True)
    colours = box(left, above + rows * pitch + feet + 0.2, min(max(columns * step, 1.6), 3.0), 0.1)
    bar = figure.colorbar(ScalarMappable(norm, "RdBu_r"), cax=colours, orientation="horizontal", extend=extend)
    bar.ax.tick_params(labelsize=8, colors=QUIET, length=3)
    bar.outline.set_visible(False)
    bar.ax.set_title("SD from the controls", fontsize=8, color=QUIET, loc="left", pad=3)
    return figure, above / height, (above + rows * pitch) / height


def _name(
    axes: Any, names: Sequence[str], roles: Sequence[str], heads: Sequence[str], size: float, small: float
) -> None:
    """Write rows at the right, controls in the colour of their role, and columns under the map."""
    axes.yaxis.tick_right()
    axes.tick_params(length=0, pad=3)
    axes.set_yticks(range(len(names)), names, fontsize=size, color=INK)
    axes.set_xticks(range(len(heads)), heads, fontsize=small, rotation=90, color=INK)
    for label, role in zip(axes.get_yticklabels(), roles, strict=True):
        label.set_color(ROLE_EDGES[role][0] if role in ROLE_EDGES else INK)
        label.set_fontweight("bold" if role in ROLE_EDGES else "normal")
    for side in axes.spines.values():
        side.set_visible(False)
    if len(names) <= 60 and len(heads) <= 40:  # a rim between cells, while they are larger than it
        axes.set_xticks(np.arange(len(heads) - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
        axes.grid(which="minor", color=PAPER, linewidth=0.7)
        axes.tick_params(which="minor", length=0)


def _draw_tree(axes: Any, tree: _Tree, leaves: int, *, upright: bool) -> None:
    """Draw a dendrogram whose leaves touch the map: above it if upright, else left of it."""
    axes.axis("off")
    leaves = max(leaves, 1)
    lines = tree.forks if upright else tree.forks[:, :, ::-1]
    axes.add_collection(LineCollection(list(lines), colors=QUIET, linewidths=0.8))
    high = float(tree.forks[:, :, 1].max(initial=0.0)) * 1.02 or 1.0
    if upright:
        axes.set_xlim(-0.5, leaves - 0.5)
        axes.set_ylim(0.0, high)
    else:
        axes.set_xlim(high, 0.0)
        axes.set_ylim(leaves - 0.5, -0.5)
