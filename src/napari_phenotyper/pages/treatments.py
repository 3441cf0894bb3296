"""What treatments do: class shares by treatment, every well of it, and the hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from napari_phenotyper.core.plate import NEGATIVE, POSITIVE, Layout
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.style import (
    INK,
    PAPER,
    QUIET,
    ROLE_EDGES,
    RULE,
    add_legend,
    bare,
    legend_rows,
    new_figure,
    plain,
    shorten,
)

_MOST_ROWS = 24


def treatment_name(well: WellRef, layout: Layout) -> str:
    """Return what was done to a well ("nocodazole 0.1"); the well's own name where the layout does not say."""
    condition = layout.of(well)
    dose = f" {condition.dose:g}" if np.isfinite(condition.dose) else ""
    return f"{condition.treatment}{dose}" if condition.treatment else well.well


def by_treatment(profile: Profile, layout: Layout) -> Mapping[str, NDArray[np.intp]]:
    """Return each treatment's rows of a profile: negative controls first, then positive, then by name."""
    rows: dict[str, list[int]] = {}
    rank: dict[str, tuple[int, str]] = {}
    for i, well in enumerate(profile.wells):
        name, role = treatment_name(well, layout), layout.of(well).role
        rows.setdefault(name, []).append(i)
        rank.setdefault(name, ({NEGATIVE: 0, POSITIVE: 1}.get(role, 2), name.casefold()))
    return {name: np.array(rows[name], np.intp) for name in sorted(rows, key=lambda name: rank[name])}


def shown_treatments(profile: Profile, layout: Layout, most: int = _MOST_ROWS) -> Mapping[str, NDArray[np.intp]]:
    """Return the treatments that fit on a figure: controls, then those that differ most from the negative ones.

    Without negative controls, the difference is from all wells. Cells are pooled for it: a well of three cells says
    little.
    """
    groups = by_treatment(profile, layout)
    if len(groups) <= most:
        return groups
    control = np.array([layout.of(well).role == NEGATIVE for well in profile.wells])
    usual = _pooled(profile, np.flatnonzero(control) if control.any() else np.arange(len(profile.wells)))
    distance = {name: float(np.abs(_pooled(profile, rows) - usual).sum()) for name, rows in groups.items()}
    controls = [n for n, rows in groups.items() if layout.of(profile.wells[rows[0]]).role in (NEGATIVE, POSITIVE)]
    others = sorted((n for n in groups if n not in controls), key=lambda n: -np.nan_to_num(distance[n]))
    kept = set(controls[: most // 2] + others)
    chosen = [n for n in [*controls, *others] if n in kept][:most]
    return {name: groups[name] for name in groups if name in chosen}


def _pooled(profile: Profile, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the mean of each column over some rows, weighted by their cells; NaN without cells."""
    weight = profile.counts[rows, None].astype(np.float64)
    with np.errstate(invalid="ignore"):
        return np.asarray((np.nan_to_num(profile.values[rows]) * weight).sum(axis=0) / weight.sum(axis=0))


def _mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the mean of each column over the rows that have values; NaN where none has."""
    known = np.isfinite(values)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(known, values, 0).sum(axis=0) / known.sum(axis=0))


def class_shares(
    profile: Profile, layout: Layout, colours: Mapping[str, str], plate: str, *, simulated: bool = False
) -> Figure:
    """Return a stacked bar of the class shares per treatment: the mean of its wells.

    Parameters
    ----------
    profile
        Shares of the classes, 0 … 1.
    layout
        Says which wells belong together; wells it does not name stand for themselves.
    colours
        Class to colour.
    plate
        For the title.
    """
    groups = shown_treatments(profile, layout)
    height = 1.2 + 0.3 * max(len(groups), 1) + 0.2 * legend_rows(profile.columns, 7.2)[0]
    figure = new_figure(7.2, height, "Class shares by treatment (mean of wells)", plate, simulated=simulated)
    axes = figure.add_subplot()
    bare(axes)
    left = np.zeros(len(groups))
    means = np.array([_mean(profile.values[rows]) for rows in groups.values()]).reshape(len(groups), -1)
    for j, name in enumerate(profile.columns):
        width = np.nan_to_num(means[:, j]) * 100
        axes.barh(np.arange(len(groups)), width, left=left, height=0.72, color=colours[name], edgecolor=PAPER,
                  linewidth=0.6, label=plain(shorten(name, 24)))  # fmt: skip
        left = left + width
    name_treatments(axes, groups, profile, layout)
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of cells", fontsize=9, color=QUIET)
    add_legend(figure, axes.get_legend_handles_labels()[0])
    return figure


def class_intervals(
    profile: Profile, layout: Layout, colours: Mapping[str, str], plate: str, *, simulated: bool = False
) -> Figure:
    """Return one panel per class: a point per well with its 95 % interval, and the mean of each treatment as a bar.

    Every panel has its own scale, because the rare classes are those one looks for.
    """
    groups = shown_treatments(profile, layout)
    panels_needed = max(len(profile.columns), 1)
    down = -(-panels_needed // 4)
    across = -(-panels_needed // down)
    height = 0.8 + down * (0.75 + 0.2 * max(len(groups), 1))
    figure = new_figure(8.4, height, "Class shares of every well (%)", plate, simulated=simulated)
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for panel in panels.ravel()[len(profile.columns) :]:
        panel.set_visible(False)
    for j, (panel, name) in enumerate(zip(panels.ravel(), profile.columns, strict=False)):
        bare(panel)
        panel.grid(axis="x", color=RULE, linewidth=0.5)
        panel.set_title(plain(shorten(name, 22)), fontsize=9, color=INK, loc="left")
        for y, rows in enumerate(groups.values()):
            _draw_group(panel, profile, j, y, rows, colours[name])
        if j % across == 0:
            name_treatments(panel, groups, profile, layout)
        drawn = profile.values[np.concatenate(list(groups.values())), j] if groups else np.zeros(1)
        # up to the points: the interval of a nearly empty well reaches anywhere and would flatten all others
        panel.set_xlim(0, max(float(np.nanmax(drawn, initial=0.0)) * 115, 1.0))
    return figure


def _draw_group(panel: Any, profile: Profile, j: int, y: int, rows: NDArray[np.intp], colour: str) -> None:
    """Draw the wells of one treatment, side by side in its row, and their mean."""
    values = profile.values[rows, j] * 100
    offsets = y + (np.linspace(-0.28, 0.28, len(rows)) if len(rows) > 1 else np.zeros(1))
    if profile.low is not None and profile.high is not None and len(rows) <= 16:
        panel.hlines(
            offsets, profile.low[rows, j] * 100, profile.high[rows, j] * 100, color=colour, linewidth=1, alpha=0.55
        )
    panel.plot(values, offsets, "o", color=colour, markersize=3)
    mean = float(_mean(values[:, None])[0])
    panel.plot([mean, mean], [y - 0.4, y + 0.4], color=INK, linewidth=1.4)


def name_treatments(axes: Any, groups: Mapping[str, NDArray[np.intp]], profile: Profile, layout: Layout) -> None:
    """Write the treatments at the rows, controls in the colour of their role."""
    names = [plain(shorten(name, 26)) for name in groups]
    axes.set_yticks(range(len(groups)), names)
    axes.set_ylim(max(len(groups), 1) - 0.5, -0.5)
    for label, rows in zip(axes.get_yticklabels(), groups.values(), strict=True):
        role = layout.of(profile.wells[rows[0]]).role
        label.set_color(ROLE_EDGES[role][0] if role in ROLE_EDGES else INK)
        label.set_fontweight("bold" if role in (NEGATIVE, POSITIVE) else "normal")


def hit_bars(
    hits: Sequence[Hit], layout: Layout, colours: Mapping[str, str], plate: str, *, most: int = 30,
    simulated: bool = False,
) -> Figure:  # fmt: skip
    """Return the strongest hits as bars, strongest first, whichever their sign, coloured by class.

    Parameters
    ----------
    hits
        In any order; negative controls are left out, since they are what the others are compared with.
    layout, colours, plate
        Treatments, class to colour, and the title.
    most
        How many to show.
    """
    wells = [hit for hit in hits if layout.of(hit.well).role != NEGATIVE and np.isfinite(hit.score)]
    strongest = sorted(wells, key=lambda hit: -abs(hit.score))[:most]
    classes = [name for name in dict.fromkeys(hit.column for hit in strongest) if name in colours]
    height = 1.3 + 0.24 * max(len(strongest), 1) + 0.2 * legend_rows(classes, 7.2)[0]
    figure = new_figure(7.2, height, "Strongest hits", plate, simulated=simulated)
    axes = figure.add_subplot()
    bare(axes)
    axes.grid(axis="x", color=RULE, linewidth=0.6)
    shades = [colours.get(hit.column, "#59636e") for hit in strongest]
    axes.barh(np.arange(len(strongest)), [hit.score for hit in strongest], color=shades, height=0.72)
    several = len({hit.well.plate for hit in strongest}) > 1
    names = [_hit_name(hit, layout, several, hit.column in colours) for hit in strongest]
    axes.set_yticks(range(len(strongest)), names, color=INK)
    axes.set_ylim(max(len(strongest), 1) - 0.4, -0.6)
    axes.axvline(0, color=QUIET, linewidth=0.8)
    axes.set_xlabel("score: above the controls to the right, below to the left", fontsize=9, color=QUIET)
    add_legend(figure, [Line2D([], [], color=colours[c], linewidth=5, label=plain(shorten(c, 24))) for c in classes])
    return figure


def _hit_name(hit: Hit, layout: Layout, several: bool, is_class: bool) -> str:
    """Name treatment and well, and the column where no colour tells it."""
    where = f"{hit.well.plate} {hit.well.well}" if several else hit.well.well
    name = treatment_name(hit.well, layout)
    text = where if name == hit.well.well else f"{shorten(name, 26)} · {where}"
    return plain(text if is_class else f"{text} · {shorten(hit.column, 30)}")
