"""The figures of an answer about hits: one after the other in the window, drawn in any thread and saved as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.compose import SIMULATED
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.profile_heat import By, HeatMap
from napari_phenotyper.pages.result_plots import bars_plot, heat_plot, hits_plot, map_plot, stacked_plot, wells_plot
from napari_phenotyper.pages.style import colours_of, to_png
from napari_phenotyper.session.hit_finding import Findings
from napari_phenotyper.session.profiling import DEFAULT_PROFILER

TREATMENTS, WELLS, INTERVALS, SHARES, SHARE_BARS, BARS, MAP = (
    "treatments", "wells", "intervals", "shares", "share bars", "bars", "map",
)  # fmt: skip
FIGURES = {
    TREATMENTS: "Profiles of treatments, clustered",
    WELLS: "Profiles of wells, clustered",
    SHARE_BARS: "Class shares by treatment, with intervals",
    INTERVALS: "Class shares of every well, with intervals",
    SHARES: "Class shares by treatment, stacked",
    BARS: "Strongest hits",
    MAP: "Plate map of the score",
}
"""What there is, and how it is called."""


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

    @property
    def simulated(self) -> bool:
        """Whether a plate is one that no microscope ever saw."""
        return any(well.plate.startswith(SIMULATED) for well in self.found.profile.wells)


@dataclass(frozen=True, eq=False)
class Drawn:
    """A plot, its picture as PNG, and the heat map if it is one, whose rows can be clicked."""

    plot: Plot
    png: bytes
    heat: HeatMap | None = None


def kinds_of(found: Findings) -> tuple[str, ...]:
    """Return which figures there are of an answer: shares only of classes."""
    shares = found.question.profiler == DEFAULT_PROFILER
    return tuple(kind for kind in FIGURES if shares or kind not in (INTERVALS, SHARES, SHARE_BARS))


def draw(subject: Subject, kind: str, dpi: float, progress: Progress) -> Drawn:
    """Draw a figure. `dpi`: dots per inch of its picture."""
    progress(0.0, FIGURES[kind])
    found = subject.found
    heat: HeatMap | None = None
    if kind in (TREATMENTS, WELLS):
        by: By = "treatment" if kind == TREATMENTS else "well"
        plot, heat = heat_plot(found.profile, found.layout, subject.name, by, subject.simulated)
    elif kind == MAP:
        plot = _map(subject)
    elif kind == BARS:
        hits = [hit for hit in found.hits if not subject.column or hit.column == subject.column]
        classes = found.profile.columns if found.question.profiler == DEFAULT_PROFILER else ()
        colours = colours_of(classes, subject.phenotypes)
        plot = hits_plot(hits, found.layout, colours, subject.name, subject.simulated)
    else:
        make = {SHARES: stacked_plot, SHARE_BARS: bars_plot, INTERVALS: wells_plot}[kind]
        colours = colours_of(found.profile.columns, subject.phenotypes)
        plot = make(found.profile, found.layout, colours, subject.name, subject.simulated)
    return Drawn(plot, to_png(plot.figure, round(dpi)), heat)


def _map(subject: Subject) -> Plot:
    plate, layout = subject.plate, subject.found.layout
    kind = "class" if subject.found.question.upwards else "feature"
    title = f"Hit score of {subject.column or f'the strongest {kind}'}"
    roles = {well.name: layout.of(WellRef(plate.name, well.name)).role for well in plate.wells}
    return map_plot(
        subject.scores, plate.name, title, roles, layout, shape=plate.shape, diverging=True,
        simulated=plate.name.startswith(SIMULATED),
    )  # fmt: skip
