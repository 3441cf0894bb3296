"""Shares of classes by treatment as bars, each with the interval in which the true share lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.pages.style import INK, RULE, bare, new_figure, plain, shorten
from napari_phenotyper.pages.treatments import name_treatments, shown_treatments
from napari_phenotyper.session.exporting import Rows


@dataclass(frozen=True)
class Share:
    """The share of a class among the cells of a treatment.

    Attributes
    ----------
    treatment, phenotype
        Whose, and which.
    wells, cells
        What it rests on.
    value, low, high
        Mean of the wells and its 95 % interval, 0 … 1; NaN where it is not known. Of several wells, the interval is
        Student's t of their mean, so it tells how wells differ; of a single one, it is that of its cells.
    """

    treatment: str
    phenotype: str
    wells: int
    cells: int
    value: float
    low: float
    high: float


def treatment_shares(profile: Profile, layout: Layout) -> dict[str, list[Share]]:
    """Return, class by class, its share in each treatment that fits on a figure (see `shown_treatments`)."""
    groups = shown_treatments(profile, layout)
    return {
        name: [_share(profile, j, treatment, rows) for treatment, rows in groups.items()]
        for j, name in enumerate(profile.columns)
    }


def share_rows(shares: Mapping[str, list[Share]]) -> Rows:
    """Return shares as a table."""
    columns = ["treatment", "phenotype", "wells", "cells", "share", "low", "high"]
    rows: list[dict[str, object]] = [
        {
            "treatment": one.treatment, "phenotype": one.phenotype, "wells": one.wells, "cells": one.cells,
            "share": one.value, "low": one.low, "high": one.high,
        }
        for found in shares.values()
        for one in found
    ]  # fmt: skip
    return columns, rows


def share_bars(
    profile: Profile, layout: Layout, colours: Mapping[str, str], plate: str, *, simulated: bool = False
) -> Figure:
    """Return one panel per class: a bar for each treatment, with the 95 % interval of its mean.

    Every panel has its own scale, because the rare classes are those one looks for.
    """
    groups, shares = shown_treatments(profile, layout), treatment_shares(profile, layout)
    down = -(-max(len(profile.columns), 1) // 4)
    across = -(-max(len(profile.columns), 1) // down)
    height = 0.8 + down * (0.75 + 0.2 * max(len(groups), 1))
    title = "Class shares by treatment (%), with 95 % intervals"
    figure = new_figure(8.4, height, title, plate, simulated=simulated)
    panels = figure.subplots(down, across, squeeze=False, sharey=True)
    for panel in panels.ravel()[len(profile.columns) :]:
        panel.set_visible(False)
    for j, (panel, name) in enumerate(zip(panels.ravel(), profile.columns, strict=False)):
        _draw_panel(panel, shares[name], colours[name])
        if j % across == 0:
            name_treatments(panel, groups, profile, layout)
    return figure


def _draw_panel(panel: Any, shares: list[Share], colour: str) -> None:
    bare(panel)
    panel.grid(axis="x", color=RULE, linewidth=0.5)
    panel.set_title(plain(shorten(shares[0].phenotype, 22)) if shares else "", fontsize=9, color=INK, loc="left")
    values = np.array([one.value for one in shares]) * 100
    panel.barh(np.arange(len(shares)), np.nan_to_num(values), height=0.68, color=colour, alpha=0.75)
    for y, one in enumerate(shares):
        if np.isfinite(one.low) and np.isfinite(one.high):
            panel.plot([one.low * 100, one.high * 100], [y, y], color=INK, linewidth=1.1)
    # up to the bars, as an interval of two wells reaches anywhere and would flatten all others
    panel.set_xlim(0, max(float(np.nanmax(values, initial=0.0)) * 1.35, 1.0))


def _share(profile: Profile, j: int, treatment: str, rows: NDArray[np.intp]) -> Share:
    values = profile.values[rows, j]
    known = np.isfinite(values)
    cells, wells = int(profile.counts[rows].sum()), int(known.sum())
    name = profile.columns[j]
    if not wells:
        return Share(treatment, name, 0, cells, np.nan, np.nan, np.nan)
    mean = float(values[known].mean())
    if wells > 1:
        from scipy.stats import t

        reach = float(t.ppf(0.975, wells - 1) * values[known].std(ddof=1) / np.sqrt(wells))
        return Share(treatment, name, wells, cells, mean, max(mean - reach, 0.0), min(mean + reach, 1.0))
    if profile.low is None or profile.high is None:
        return Share(treatment, name, wells, cells, mean, np.nan, np.nan)
    row = rows[known][0]
    return Share(treatment, name, wells, cells, mean, float(profile.low[row, j]), float(profile.high[row, j]))
