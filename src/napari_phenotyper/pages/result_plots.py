"""Plots of what treatments do, with their numbers: shares, profiles, hits and plate maps."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.plate_map import plate_map
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.profile_heat import By, HeatMap, profile_heat_map
from napari_phenotyper.pages.share_bars import share_bars, share_rows, treatment_shares
from napari_phenotyper.pages.treatments import class_intervals, class_shares, hit_bars, treatment_name
from napari_phenotyper.session.hit_table import strength
from napari_phenotyper.session.profiling import hit_numbers, profile_numbers
from napari_phenotyper.store.files import safe_name

_PLAIN = re.compile(r"[A-Za-z0-9_-]{1,80}")
Colours = Mapping[str, str]


def stacked_plot(profile: Profile, layout: Layout, colours: Colours, plate: str, simulated: bool = False) -> Plot:
    """Return the class shares by treatment as stacked bars."""
    figure = class_shares(profile, layout, colours, plate, simulated=simulated)
    return Plot("shares", "Class shares by treatment", figure, share_rows(treatment_shares(profile, layout)))


def bars_plot(profile: Profile, layout: Layout, colours: Colours, plate: str, simulated: bool = False) -> Plot:
    """Return the class shares by treatment as bars with intervals."""
    figure, shares = share_bars(profile, layout, colours, plate, simulated=simulated), treatment_shares(profile, layout)
    return Plot("share-bars", "Class shares by treatment, with intervals", figure, share_rows(shares))


def wells_plot(profile: Profile, layout: Layout, colours: Colours, plate: str, simulated: bool = False) -> Plot:
    """Return the class shares of every well with their intervals."""
    figure = class_intervals(profile, layout, colours, plate, simulated=simulated)
    return Plot("share-wells", "Class shares of every well, with intervals", figure, profile_numbers(layout, profile))


def heat_plot(
    profile: Profile, layout: Layout, plate: str, by: By = "treatment", simulated: bool = False
) -> tuple[Plot, HeatMap]:
    """Return the clustered heat map of a profile, and where its rows lie; its numbers are what is coloured."""
    heat = profile_heat_map(profile, layout, plate, by=by, simulated=simulated)
    rows: list[dict[str, object]] = [
        {
            "treatment": treatment_name(wells[0], layout),
            "wells": " ".join(f"{well.plate}/{well.well}" for well in wells),
            **dict(zip(heat.columns, map(float, values), strict=True)),
        }
        for wells, values in zip(heat.rows, heat.values, strict=True)
    ]
    title = f"Profiles of {by}s, clustered"
    return Plot(f"heat-{by}s", title, heat.figure, (["treatment", "wells", *heat.columns], rows)), heat


def hits_plot(
    hits: Sequence[Hit], layout: Layout, colours: Colours, plate: str, simulated: bool = False, most: int = 30
) -> Plot:
    """Return the strongest hits as bars; its numbers are all hits."""
    figure = hit_bars(hits, layout, colours, plate, most=most, simulated=simulated)
    return Plot("hits", "Strongest hits", figure, hit_numbers(layout, hits))


def map_plot(
    values: Mapping[str, float],
    plate: str,
    title: str,
    roles: Mapping[str, str],
    layout: Layout,
    *,
    shape: tuple[int, int] | None = None,
    percent: bool = False,
    diverging: bool = False,
    simulated: bool = False,
) -> Plot:
    """Return the heat map of a plate; its numbers are a row per well."""
    figure = plate_map(values, plate, title, roles=roles, shape=shape, percent=percent, diverging=diverging,
                       simulated=simulated)  # fmt: skip
    rows: list[dict[str, object]] = [
        {
            "plate": plate, "well": well, "treatment": layout.of(WellRef(plate, well)).treatment,
            "role": roles.get(well, ""), title: float(value),
        }
        for well, value in values.items()
    ]  # fmt: skip
    columns = ["plate", "well", "treatment", "role", title]
    return Plot(_file_name(f"map {plate} {title}"), f"{plate}: {title}", figure, (columns, rows))


def strongest_scores(hits: Sequence[Hit], plate: str, wells: Sequence[str], upwards: bool) -> dict[str, float]:
    """Return each well's strongest score, NaN for wells that were not scored."""
    best = dict.fromkeys(wells, (-np.inf, np.nan))
    for hit in hits:
        if hit.well.plate == plate and strength(hit, upwards) > best.get(hit.well.well, (np.inf, 0))[0]:
            best[hit.well.well] = strength(hit, upwards), hit.score
    return {well: score for well, (_, score) in best.items()}


def _file_name(text: str) -> str:
    """Return text as the name of a file: readable where its letters allow, else a safe one."""
    name = text.replace(" ", "-")
    return name if _PLAIN.fullmatch(name) else safe_name(text)
