"""The kept models behind a window: which one cells wear, going back to an earlier one, comparing two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.gallery import Gallery
from napari_phenotyper.desk.live import Live
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.session.learning import kept_predictions
from napari_phenotyper.session.model_choice import chosen_for_now
from napari_phenotyper.session.model_history import (
    Differences,
    compare_models_steps,
    read_models,
    use_steps,
)
from napari_phenotyper.session.session import Session


class HistoryEvents(SignalGroup):
    """What changed."""

    listed = Signal(object)
    compared = Signal(object)
    used = Signal(str)
    predicted = Signal(object)


class History:
    """The kept models of a project.

    Parameters
    ----------
    session, background, live, predictions, surveys, gallery
        What is open, where work runs, what learns, what cells wear, what there is, and where cells are shown.

    Attributes
    ----------
    events
        listed(cards), compared(Differences), used(id) when somebody went back to a model, predicted(fields) when cells
        wear the kept model.
    """

    def __init__(
        self,
        session: Session,
        background: Background,
        live: Live,
        predictions: Predictions,
        surveys: Mapping[str, Survey],
        gallery: Gallery,
    ) -> None:
        self._session, self._background, self._live = session, background, live
        self._predictions, self._surveys, self._gallery = predictions, surveys, gallery
        self.events = HistoryEvents()
        self._loading = self._wanted = False
        self._record = ("", "")
        live.rests = self._suffices
        session.events.annotations.connect(self._annotated)

    @property
    def in_use(self) -> str:
        """Id of the model in use, "" while none was kept."""
        return str(self._session.setting("model").get("id") or "")

    @property
    def worn(self) -> str:
        """Id of the kept model that all measured cells wear, "" while they wear a live one or none."""
        name = self.in_use
        refs = [ref for survey in self._surveys.values() for ref in survey.measured]
        found = (self._predictions.get(ref) for ref in refs)
        return name if name and all(p is not None and p.model == name for p in found) else ""

    def look_up(self) -> None:
        """Look up the kept models and their scores; `listed` tells them."""
        snapshot = self._session.snapshot()
        self._background.read("models", "replace", read_models, snapshot, on_result=self.events.listed.emit)

    def load(self) -> None:
        """Show the predictions of the kept model, until live ones replace them."""
        if self._session.project.models.ids():
            self._loading = True
            snapshot = self._session.snapshot()
            self._background.read(
                "kept", "replace", kept_predictions, snapshot, on_result=self._show, on_failure=self._failed
            )

    def use(self, model: str) -> None:
        """Go back to an earlier model, or on to a later one; what it has not predicted yet is predicted first."""
        steps = use_steps(self._session, model)
        self._background.start("plate", "queue", f"Going to {model}", steps, self._session.runner, self._used)

    def compare(self, first: str, other: str) -> None:
        """Find out where two models differ; `compared` tells it."""
        steps = compare_models_steps(self._session, first, other)
        title = f"Comparing {first} with {other}"
        self._background.start("judging", "replace", title, steps, self._session.runner, self.events.compared.emit)

    def show_differences(self, found: Differences, first: str, other: str) -> None:
        """Show the cells that one model calls the first class and the other model the second, the surest first."""
        names = found.report["models"]
        cells = found.cells.get((first, other), ())
        title = f"{names[0]} says {first}, {names[1]} says {other}"
        self._gallery.show(CellQuery(cells=cells, said=(other,) * len(cells), title=title))

    def _suffices(self) -> bool:
        """Tell whether nothing is to be learnt: the kept model is being read, or it is worn and knows all labels."""
        worn = self.worn
        return self._loading or (bool(worn) and self._learns_as(worn) and chosen_for_now(self._session))

    def _learns_as(self, model: str) -> bool:
        """Tell whether what would learn now is the classifier that a kept model is of, with the same parameters."""
        if self._record[0] != model:
            self._record = model, digest(self._session.project.models.card(model)["classifier"])
        try:
            extension = self._session.registry.get("classifier", self._live.classifier)
            return digest(extension.record(extension.make(self._live.settings))) == self._record[1]
        except PhenotyperError:
            return False

    def _annotated(self) -> None:
        self._wanted = False  # who goes on annotating wants to see what is learnt from it

    def _used(self, model: str) -> None:
        record: Mapping[str, Any] = self._session.project.models.card(model)["classifier"]
        self._wanted = self._loading = True
        self._live.choose(str(record["id"]), record["settings"])
        self._live.forget()
        self._background.tell(f"{model} is in use: every plate wears it.")
        self.events.used.emit(model)
        self.load()

    def _show(self, found: list[Prediction]) -> None:
        self._loading = False
        if found and (self._wanted or self._live.model is None or not self._live.on):
            self.events.predicted.emit(self._predictions.put(found))
        self._live.nudge()

    def _failed(self, error: BaseException) -> None:
        self._loading = False
        self._background.fail(error)
        self._live.nudge()
