"""The figures of an answer about hits: one after the other in the window, drawn in any thread and saved as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matplotlib.figure import Figure

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.compose import SIMULATED
from napari_phenotyper.pages.plate_map import plate_map
from napari_phenotyper.pages.profile_heat import HeatMap, profile_heat_map
from napari_phenotyper.pages.style import colours_of, to_png
from napari_phenotyper.pages.treatments import class_intervals, class_shares, hit_bars
from napari_phenotyper.session.hit_finding import Findings
from napari_phenotyper.session.profiling import DEFAULT_PROFILER

TREATMENTS, WELLS, INTERVALS, SHARES, BARS, MAP = "treatments", "wells", "intervals", "shares", "bars", "map"
FIGURES = {
    TREATMENTS: "Profiles of treatments, clustered",
    WELLS: "Profiles of wells, clustered",
    INTERVALS: "Class shares of every well, with intervals",
    SHARES: "Class shares by treatment",
    BARS: "Strongest hits",
    MAP: "Plate map of the score",
}
"""What there is, and how it is called."""

OF_HITS = (BARS, MAP)
"""Figures whose numbers are the hits; those of the others are the profile."""


@dataclass(frozen=True, eq=False)
class Subject:
    """What figures are drawn of.

    Attributes
    ----------
    found
        The answer.
    phenotypes
        The class set, for its colours.
    plate, scores
        The plate on the map, and well to score.
    column
        The class or feature that is shown, "" for all.
    """

    found: Findings
    phenotypes: tuple[Phenotype, ...]
    plate: Plate
    scores: Mapping[str, float]
    column: str = ""

    @property
    def name(self) -> str:
        """The plate that was profiled, or how many."""
        plates = list(dict.fromkeys(well.plate for well in self.found.profile.wells))
        return plates[0] if len(plates) == 1 else f"{len(plates)} plates"


@dataclass(frozen=True, eq=False)
class Drawn:
    """A figure, its picture as PNG, and the heat map if it is one, whose rows can be clicked."""

    figure: Figure
    png: bytes
    heat: HeatMap | None = None


def kinds_of(found: Findings) -> tuple[str, ...]:
    """Return which figures there are of an answer: shares only of classes."""
    shares = found.question.profiler == DEFAULT_PROFILER
    return tuple(kind for kind in FIGURES if shares or kind not in (INTERVALS, SHARES))


def draw(subject: Subject, kind: str, dpi: float, progress: Progress) -> Drawn:
    """Draw a figure. `dpi`: dots per inch of its picture."""
    progress(0.0, FIGURES[kind])
    found = subject.found
    if kind in (TREATMENTS, WELLS):
        simulated = any(well.plate.startswith(SIMULATED) for well in found.profile.wells)
        heat = profile_heat_map(
            found.profile, found.layout, subject.name, by="treatment" if kind == TREATMENTS else "well",
            simulated=simulated,
        )  # fmt: skip
        return Drawn(heat.figure, to_png(heat.figure, round(dpi)), heat)
    figure = _map(subject) if kind == MAP else _bars(subject, kind)
    return Drawn(figure, to_png(figure, round(dpi)))


def _bars(subject: Subject, kind: str) -> Figure:
    found, name = subject.found, subject.name
    simulated = any(well.plate.startswith(SIMULATED) for well in found.profile.wells)
    if kind == BARS:
        hits = [hit for hit in found.hits if not subject.column or hit.column == subject.column]
        classes = found.profile.columns if found.question.profiler == DEFAULT_PROFILER else ()
        return hit_bars(hits, found.layout, colours_of(classes, subject.phenotypes), name, simulated=simulated)
    colours = colours_of(found.profile.columns, subject.phenotypes)
    make = class_shares if kind == SHARES else class_intervals
    return make(found.profile, found.layout, colours, name, simulated=simulated)


def _map(subject: Subject) -> Figure:
    plate, layout = subject.plate, subject.found.layout
    kind = "class" if subject.found.question.upwards else "feature"
    title = f"Hit score of {subject.column or f'the strongest {kind}'}"
    roles = {well.name: layout.of(WellRef(plate.name, well.name)).role for well in plate.wells}
    simulated = plate.name.startswith(SIMULATED)
    return plate_map(
        subject.scores, plate.name, title, roles=roles, shape=plate.shape, diverging=True, simulated=simulated
    )
