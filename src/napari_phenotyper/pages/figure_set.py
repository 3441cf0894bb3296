"""The figures of a project, one after the other: those of the report, to be saved as files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.pages.content import ReportContent
from napari_phenotyper.pages.pictures import cell_gallery
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.result_plots import (
    bars_plot,
    heat_plot,
    hits_plot,
    map_plot,
    stacked_plot,
    strongest_scores,
    wells_plot,
)
from napari_phenotyper.pages.score_plots import CONFUSION, CURVE, RELIABILITY, SCORES, curve_plot, evaluation_plots
from napari_phenotyper.pages.style import colours_of

Maker = Callable[[ReportContent], Iterator[Plot]]


def plots_of(content: ReportContent, only: Sequence[str] = ()) -> Iterator[Plot]:
    """Yield the figures of a project for which there is something to show.

    Parameters
    ----------
    content
        What `compose` gathered.
    only
        Names of `FIGURES`; all if there are none.

    Raises
    ------
    SettingError
        For a name that is none.
    """
    unknown = [name for name in only if name not in FIGURES]
    if unknown:
        raise SettingError(f"There is no figure {unknown[0]!r}.", f"Choose among {', '.join(FIGURES)}.")
    for name, make in FIGURES.items():
        if name in only or not only:
            yield from make(content)


def _evaluated(name: str) -> Maker:
    def make(content: ReportContent) -> Iterator[Plot]:
        if content.evaluation is not None:
            found = evaluation_plots(content.evaluation, plate_title(content), content.simulated)
            yield from (plot for plot in found if plot.name == name)

    return make


def _curve(content: ReportContent) -> Iterator[Plot]:
    if content.curve is not None:
        yield curve_plot(content.curve, plate_title(content), content.simulated)


def _cells(content: ReportContent) -> Iterator[Plot]:
    if content.examples:
        figure = cell_gallery(content.examples, colours_in(content), plate_title(content), simulated=content.simulated)
        rows: list[dict[str, object]] = [{"phenotype": e.name, "cells shown": len(e.crops)} for e in content.examples]
        yield Plot("cells", "Cells of each class", figure, (["phenotype", "cells shown"], rows))


def _of_shares(make: Callable[..., Plot]) -> Maker:
    def made(content: ReportContent) -> Iterator[Plot]:
        if content.shares is not None and content.shares.wells:
            drawn = content.shares, content.layout, colours_in(content), plate_title(content), content.simulated
            yield make(*drawn)

    return made


def _heat(by: str) -> Maker:
    def made(content: ReportContent) -> Iterator[Plot]:
        if content.shares is not None and content.shares.wells:
            args = content.shares, content.layout, plate_title(content), by
            yield heat_plot(*args, simulated=content.simulated)[0]  # type: ignore[arg-type]

    return made


def share_maps(content: ReportContent) -> Iterator[Plot]:
    """Yield a map of each plate and class: its share in every well."""
    found = content.shares
    if found is None:
        return
    for plate in content.plates:
        rows = [i for i, well in enumerate(found.wells) if well.plate == plate.name]
        roles = {w.well: c.role for w, c in content.layout.conditions.items() if w.plate == plate.name}
        for j, name in enumerate(found.columns if rows else ()):
            values = {found.wells[i].well: float(found.values[i, j]) for i in rows}
            yield map_plot(values, plate.name, name, roles, content.layout, shape=plate.shape, percent=True,
                           simulated=content.simulated)  # fmt: skip


def _hits(content: ReportContent) -> Iterator[Plot]:
    if content.hits:
        yield hits_plot(content.hits, content.layout, colours_in(content), plate_title(content), content.simulated)


def _hit_maps(content: ReportContent) -> Iterator[Plot]:
    wells = content.shares.wells if content.shares is not None else ()
    for plate in content.plates if content.hits else ():
        names = [well.well for well in wells if well.plate == plate.name]
        roles = {w.well: c.role for w, c in content.layout.conditions.items() if w.plate == plate.name}
        scores = strongest_scores(content.hits, plate.name, names, upwards=True)
        if scores:
            yield map_plot(scores, plate.name, "Hit score of the strongest class", roles, content.layout,
                           shape=plate.shape, diverging=True, simulated=content.simulated)  # fmt: skip


FIGURES: Mapping[str, Maker] = {
    CONFUSION: _evaluated(CONFUSION),
    SCORES: _evaluated(SCORES),
    RELIABILITY: _evaluated(RELIABILITY),
    CURVE: _curve,
    "cells": _cells,
    "maps": share_maps,
    "shares": _of_shares(stacked_plot),
    "share-bars": _of_shares(bars_plot),
    "share-wells": _of_shares(wells_plot),
    "heat-treatments": _heat("treatment"),
    "heat-wells": _heat("well"),
    "hits": _hits,
    "hit-maps": _hit_maps,
}
"""Name of a kind of figure to what makes its plots."""


def colours_in(content: ReportContent) -> Mapping[str, str]:
    """Return the colour of every class that the page speaks of."""
    names = [p.name for p in content.phenotypes]
    names += list(content.annotations.counts) if content.annotations else []
    names += (
        [*content.evaluation.classes, *(s.name for s in content.evaluation.per_class)] if content.evaluation else []
    )
    names += [e.name for e in content.examples]
    names += content.shares.columns if content.shares is not None else ()
    if content.segmentation is not None:
        names += [name for example in content.segmentation.examples for name in example.classes.values()]
    ordered = dict.fromkeys(name for name in names if name != NOT_A_CELL)
    return colours_of([*ordered, NOT_A_CELL], content.phenotypes)


def plate_title(content: ReportContent) -> str:
    """Return what figures of a report call its plate, or plates."""
    names = [plate.name for plate in content.plates]
    if not names and content.shares is not None:
        names = list(dict.fromkeys(well.plate for well in content.shares.wells))
    return names[0] if len(names) == 1 else f"{content.title} ({len(names)} plates)" if names else content.title
