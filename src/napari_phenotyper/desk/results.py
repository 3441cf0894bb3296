"""Hits: what is asked, what was found, which column of it is shown, and the way from a hit to its cells."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import replace

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.gallery import Gallery
from napari_phenotyper.desk.live import Live
from napari_phenotyper.desk.viewing import Viewing
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.session.hit_finding import (
    Findings,
    HitQuestion,
    Learner,
    best_field,
    compared_plates,
    control_wells,
    find_hits_steps,
)
from napari_phenotyper.session.hit_table import strength, treatment
from napari_phenotyper.session.profiling import DEFAULT_PROFILER
from napari_phenotyper.session.session import Session

QUICK = 1.0
"""A classifier that was fitted in fewer seconds is tested before its model is kept, so that the card tells scores."""


class ResultsEvents(SignalGroup):
    """What changed."""

    found = Signal(object)
    recalled = Signal(object)
    shown = Signal(str)
    opened = Signal(object)
    kept = Signal()


class Results:
    """The hits of a project.

    Parameters
    ----------
    session, background, live, viewing, gallery
        What is open, where work runs, what would be kept, and where a hit's field and cells are shown.

    Attributes
    ----------
    events
        found(Findings), recalled(Findings) for those of an earlier window, shown(column) when another one is chosen,
        opened(Hit) when its cells are asked for, kept() when a model was kept on the way.
    findings
        The last answer, None before the first.
    column
        The class or feature that is shown, "" for all.
    """

    def __init__(
        self, session: Session, background: Background, live: Live, viewing: Viewing, gallery: Gallery
    ) -> None:
        self._session, self._background, self._live = session, background, live
        self._viewing, self._gallery = viewing, gallery
        self.events = ResultsEvents()
        self.findings: Findings | None = None
        self.column = ""
        self._by_plate: dict[str, list[Hit]] = {}

    @property
    def obstacle(self) -> PhenotyperError | None:
        """What stands in the way of finding hits, None if nothing does."""
        try:
            compared_plates(self._session)
        except PhenotyperError as error:
            return error
        return None

    @property
    def stale(self) -> bool:
        """Whether the hits are of a model of other annotations than those that stand."""
        found = self.findings
        if found is None or found.question.learner is None:
            return False
        return found.annotations.active != self._session.annotations.active

    def learner(self) -> Learner:
        """Return the classifier that is chosen, to be trained and kept before hits are looked for."""
        live = self._live
        return Learner(live.classifier, dict(live.settings), live.model is not None and live.seconds < QUICK)

    def find(self, question: HitQuestion) -> Job:
        """Answer a question in the background."""
        steps = find_hits_steps(self._session, question)
        return self._background.start("plate", "queue", "Finding hits", steps, self._session.runner, self._found)

    def choose(self, column: str) -> None:
        """Show another class or feature, "" for all."""
        if column != self.column:
            self.column = column
            self.events.shown.emit(column)

    def open(self, hit: Hit, wells: Collection[WellRef] = ()) -> None:
        """Show the field that has most of the cells that make a hit, and its cells beside those of the controls.

        Where wells are given, as those of a treatment, the cells are theirs.
        """
        if self.findings is not None:
            args = self._session.snapshot(), self.findings.model, hit
            self._background.read("hit", "replace", best_field, *args, on_result=self._show)
            self._gallery.show(*self._queries(self.findings, hit, tuple(wells) or (hit.well,)))
            self.events.opened.emit(hit)

    def open_best(self, wells: Collection[WellRef]) -> None:
        """Open the strongest hit among some wells in what is shown, and all their cells beside the controls'.

        Of wells none of which was scored, as the controls themselves, the first one and their cells.
        """
        if self.findings is None or not wells:
            return
        table = self.findings.table
        hit = next((table.hits[i] for i in table.rows(self.column) if table.hits[i].well in wells), None)
        if hit is not None:
            self.open(hit, wells)
        else:
            well = next(iter(wells))
            self._show(FieldRef(well.plate, well.well, 1))
            title = _name_of(self.findings, tuple(wells))
            self._gallery.show(CellQuery(wells=tuple(wells), sort="random", title=title))

    def scores(self, plate: str, column: str) -> Mapping[str, float]:
        """Return each well's score in a column, for "" its strongest one; NaN for wells that were not scored."""
        known = self._session.plates.get(plate)
        found = {well.name: math.nan for well in known.wells} if known is not None else {}
        if self.findings is None:
            return found
        best, upwards = dict.fromkeys(found, -math.inf), self.findings.question.upwards
        for hit in (hit for hit in self._by_plate.get(plate, ()) if not column or hit.column == column):
            name, how_strong = hit.well.well, strength(hit, upwards)
            if how_strong > best.get(name, math.inf):
                best[name], found[name] = how_strong, hit.score
        return found

    def _queries(self, found: Findings, hit: Hit, wells: tuple[WellRef, ...]) -> tuple[CellQuery, CellQuery]:
        """Return which cells make a hit, and the like of the negative controls of its plate.

        Where a class is rarer than in the controls, what the cells are instead is to be seen: all of them, by chance.
        """
        is_class = found.question.profiler == DEFAULT_PROFILER
        model = "" if self._is_worn(found) else found.model
        controls = control_wells(found, hit.well.plate)
        amount = _amount(hit, "value", is_class) if len(wells) == 1 else hit.column
        if not is_class:
            both = CellQuery(model=model, sort="feature", by=hit.column, descending=hit.score > 0)
        elif hit.score >= 0:
            both = CellQuery(model=model, predicted=hit.column, sort="probability", by=hit.column, descending=True)
        else:
            both = CellQuery(model=model, sort="random")
        many = "1 well" if len(controls) == 1 else f"{len(controls)} wells"
        return (
            replace(both, wells=wells, title=f"{_name_of(found, wells)}: {amount}"),
            replace(both, wells=controls, title=f"Negative controls ({many}): {_amount(hit, 'control', is_class)}"),
        )

    def _is_worn(self, found: Findings) -> bool:
        """Whether the cells on the screen wear the classes that were counted: nothing needs to be read for them."""
        if found.question.learner is not None:
            return True  # and newer ones, as soon as somebody corrects them
        return self._live.model is None and found.model == self._session.setting("model").get("id")

    def take_up(self, findings: Findings, column: str) -> None:
        """Show what an earlier window found, and the class or feature that was shown of it."""
        self.column = column
        self._take(findings)
        self.events.recalled.emit(findings)

    def _take(self, findings: Findings) -> None:
        self.findings = findings
        self._by_plate = defaultdict(list)
        for hit in findings.hits:
            self._by_plate[hit.well.plate].append(hit)
        if self.column not in findings.table.columns:
            self.column = ""

    def _found(self, findings: Findings) -> None:
        self._take(findings)
        if findings.question.learner is not None:
            self.events.kept.emit()
        self.events.found.emit(findings)

    def _show(self, ref: FieldRef | None) -> None:
        if ref is not None and ref.plate in self._session.plates:
            self._viewing.show(ref)


def _name_of(found: Findings, wells: tuple[WellRef, ...]) -> str:
    """Return what was done to some wells, and which or how many they are."""
    names = dict.fromkeys(name for well in wells if (name := treatment(found.layout.of(well))))
    where = wells[0].well if len(wells) == 1 else f"({len(wells)} wells)"
    return " ".join([", ".join(names), where]).strip()


def _amount(hit: Hit, of: str, is_class: bool) -> str:
    """Return how much of a hit's column there is in the well or the controls: "45 % Mitotic", "Area 312"."""
    value = hit.evidence.get(of)
    if not isinstance(value, int | float):
        return hit.column
    return f"{value * 100:.0f} % {hit.column}" if is_class else f"{hit.column} {value:.4g}"
