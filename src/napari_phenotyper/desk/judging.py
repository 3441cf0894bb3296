"""Questions about the classifier that is chosen, beyond its scores: asked in the window, answered in the background."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.gallery import Gallery
from napari_phenotyper.desk.live import Live
from napari_phenotyper.session.choosing import CellId, CellQuery
from napari_phenotyper.session.judging import compare_steps, confused_steps, learning_curve_steps, suspects_steps
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import Steps

CURVE, COMPARISON, SUSPECTS = "curve", "comparison", "suspects"


class JudgingEvents(SignalGroup):
    """What was found out."""

    found = Signal(str, object)


class Judging:
    """Learning curve, comparison and suspected labels of the classifier that is chosen.

    Attributes
    ----------
    events
        found(kind, report): kind is `CURVE`, `COMPARISON` or `SUSPECTS`, the report JSON as `session.judging` makes it.
    found
        Kind to the last report.
    """

    def __init__(self, session: Session, background: Background, live: Live, gallery: Gallery) -> None:
        self._session, self._background, self._live, self._gallery = session, background, live, gallery
        self.events = JudgingEvents()
        self.found: dict[str, Mapping[str, Any]] = {}

    def learning_curve(self) -> None:
        """Find out what more labels would bring."""
        steps = learning_curve_steps(self._session, self._live.classifier, self._live.settings)
        self._start(CURVE, f"Learning curve of {self._live.classifier}", steps)

    def compare(self, other: str) -> None:
        """Compare the classifier that is chosen with another on the same folds, both with their defaults."""
        steps = compare_steps(self._session, [self._live.classifier, other])
        self._start(COMPARISON, f"Comparing {self._live.classifier} with {other}", steps)

    def suspects(self) -> None:
        """Find annotated cells whose label looks wrong."""
        steps = suspects_steps(self._session, self._live.classifier, self._live.settings)
        self._start(SUSPECTS, f"Looking for wrong labels with {self._live.classifier}", steps)

    def show_suspects(self) -> None:
        """Show the suspects that were found in the gallery, the most doubted first."""
        found = self.found.get(SUSPECTS, {}).get("suspects", ())
        cells = tuple((FieldRef(s["plate"], s["well"], s["field"]), int(s["label"])) for s in found)
        said = tuple(str(s["predicted"]) for s in found)
        self._gallery.show(CellQuery(cells=cells, said=said, title="Labels that look wrong"))

    def show_confused(self, given: str, predicted: str) -> None:
        """Show the annotated cells of one entry of the confusion matrix in the gallery."""
        steps = confused_steps(self._session, self._live.classifier, self._live.settings, given, predicted)
        title = f"Annotated as {given}, predicted {predicted} by a classifier that never saw their wells"

        def show(cells: tuple[CellId, ...]) -> None:
            self._gallery.show(CellQuery(cells=cells, said=(predicted,) * len(cells), title=title))

        self._background.start("judging", "replace", "Looking up cells", steps, self._session.runner, show)

    def _start(self, kind: str, title: str, steps: Steps[dict[str, Any]]) -> None:
        def tell(report: dict[str, Any]) -> None:
            self.found[kind] = report
            self.events.found.emit(kind, report)

        self._background.start("judging", "replace", title, steps, self._session.runner, tell)
