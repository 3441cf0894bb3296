"""Live learning: a click, a pause, a fit; then the open field, the wells in view and the plate wear the new model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.annotations import Annotation
from napari_phenotyper.core.crops import Kept
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.live_tasks import LiveModel, learn, spread, warm_up
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.desk.viewing import Viewing, neighbours
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.engine.runner import ignore
from napari_phenotyper.session.gathering import FieldSample, Trainable, assemble_all, sample_field
from napari_phenotyper.session.imported import ImportedCrops, imported_crops, imports_key
from napari_phenotyper.session.learning import DEFAULT_CLASSIFIER
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted

PAUSE = 0.1
"""Seconds without a click after which a fit begins."""

Later = Callable[[float, Callable[[], None]], Callable[[], None]]
"""Calls a function after some seconds, on the session's thread; returns what takes the wish back."""


def nothing() -> None:
    """Take nothing back: where no call was asked for yet."""


@dataclass(frozen=True, eq=False)
class Known:
    """What was read for a training set, for the next time: annotated cells by field, and imported crops."""

    samples: Mapping[FieldRef, tuple[tuple[Annotation, ...], FieldSample | None]]
    imported: Sequence[ImportedCrops] = ()
    imports: str = ""


@dataclass(frozen=True, eq=False)
class Gathered:
    """A training set, or why there is none, and what was read for it."""

    known: Known
    trainable: Trainable | None
    problem: str = ""


class LiveEvents(SignalGroup):
    """What changed."""

    state = Signal(str)
    learnt = Signal()
    predicted = Signal(object)


class Live:
    """Learns from the annotations while the user goes on annotating.

    Parameters
    ----------
    session, background, viewing
        What is open, and where work runs.
    predictions
        Where predictions go.
    later
        Delays a call.

    Attributes
    ----------
    events
        state(sentence), learnt() after the last slice, predicted(fields that have new predictions).
    on
        Whether it learns.
    classifier, settings
        What it learns with.
    state
        How it stands, in words.
    seconds
        How long the last fit took.
    pause_before
        Seconds without a click after which a fit begins.
    rests
        Tells whether there is nothing to learn now: the kept model is worn, and has learnt from all annotations.
    """

    def __init__(
        self, session: Session, background: Background, viewing: Viewing, predictions: Predictions, later: Later
    ) -> None:
        self._session, self._background, self._viewing = session, background, viewing
        self._predictions, self._later = predictions, later
        self.events = LiveEvents()
        self.on = True
        self.classifier = DEFAULT_CLASSIFIER
        self.settings: Mapping[str, object] = {}
        self.state = ""
        self.seconds = 0.0
        self.pause_before = PAUSE
        self.rests: Callable[[], bool] = lambda: False
        self._surveys: dict[str, Survey] = {}
        self._known = Known({})
        self._crops: dict[FieldRef, Kept] = {}
        self._reader: Reading | None = None
        self._trained = ""
        self._model: ModelState | None = None
        self._made: Any = None
        self._slices = 0
        self._round = 0
        self._worn: dict[FieldRef, int] = {}
        self._pause = nothing
        self._learning: Job | None = None
        self._spreading: Job | None = None
        session.events.annotations.connect(self.nudge)
        viewing.events.opened.connect(lambda _: self._spread_soon())

    @property
    def model(self) -> ModelState | None:
        """The live model, None while there is none."""
        return self._model

    def switch(self, on: bool) -> None:
        """Begin to learn, or stop; what was predicted stays."""
        self.on, self._trained = on, ""
        if on:
            self._say("")
            self.nudge()
        else:
            self._pause()
            for job in (self._learning, self._spreading):
                if job is not None:
                    self._background.cancel(job)
            self._say("Live learning is off.")

    def choose(self, classifier: str, settings: Mapping[str, object]) -> None:
        """Learn with another classifier, or other parameters of it."""
        if (classifier, dict(settings)) != (self.classifier, dict(self.settings)):
            self.classifier, self.settings = classifier, dict(settings)
            self.forget()
            self.warm_up()
            self.events.state.emit(self.state)
            self.nudge()

    def forget(self) -> None:
        """Let the live model go, as where a kept one takes its place; the next change of annotations makes another."""
        self._model, self._trained = None, ""
        for job in (self._learning, self._spreading):
            if job is not None:
                self._background.cancel(job)

    def warm_up(self) -> None:
        """Let the worker load what the classifier needs, unless it is at work: a lane keeps only the newest wish."""
        if any(job is not None and not job.over for job in (self._learning, self._spreading)):
            return
        made = self._make()
        if made is not None:
            self._background.learn(
                "live", "coalesce", warm_up, made, title="", on_part=ignore, on_result=ignore, on_failure=self._failed
            )

    def nudge(self) -> None:
        """Learn anew after a pause, because annotations have changed."""
        if self.on and (self._session.annotations.active or imports_key(self._session)):
            self._pause()
            self._pause = self._later(self.pause_before, self._gather)

    def know(self, plate: str, survey: Survey) -> None:
        """Take what there is of a plate; cells that are new are gathered and predicted."""
        before = self._surveys.get(plate, Survey()).measured
        self._surveys[plate] = survey
        changed = {ref for ref, item in survey.measured.items() if _differs(before.get(ref), item)}
        if changed or before.keys() - survey.measured.keys():
            kept = {ref: entry for ref, entry in self._known.samples.items() if ref.plate != plate}
            self._known = replace(self._known, samples=kept)
            self._crops = {ref: crops for ref, crops in self._crops.items() if ref not in changed}
            for ref in changed:
                self._worn.pop(ref, None)
            self.nudge()
            self._spread_soon()

    def _gather(self) -> None:
        if self.rests():
            self._say("The kept model is worn; your next click makes it learn on.")
            return
        self._reader = self._session.snapshot(self._reader)
        args = self._reader, self._known, dict(self._crops), self._session.annotations.by_field()
        self._background.read("gather", "coalesce", gather, *args, on_result=self._gathered)

    def _gathered(self, found: Gathered) -> None:
        self._known = found.known
        if not self.on:
            return
        if found.trainable is None:
            self._say(found.problem)
            return
        trainable = found.trainable
        counts = dict(zip(trainable.training.classes, trainable.training.counts.tolist(), strict=True))
        if len([name for name, count in counts.items() if count]) < 2:
            self._say(f"All annotated cells are {next(iter(counts))}: annotate a second class to tell it from.")
        elif trainable.key != self._trained:
            self._trained, self._slices = trainable.key, 0
            self._learn(trainable)

    def _learn(self, trainable: Trainable) -> None:
        made = self._make()
        if made is None:
            return
        if self._spreading is not None:
            self._background.cancel(self._spreading)
        slices = getattr(made, "live_slices", 1)
        before = self._model if slices > 1 and self._made == made else None
        self._made = made
        ref = self._viewing.wish
        visible = self._surveys.get(ref.plate, Survey()).measured.get(ref) if ref is not None else None
        count = len(trainable.training)
        if not self._slices:
            self._say(f"Learning from {count} cells …")

        def learnt(_: Any) -> None:
            self._slices += 1
            self._say(_learnt(count, self._slices, slices))
            if self._slices < slices and self._trained == trainable.key and self.on:
                self._learn(trainable)
            else:
                self.events.learnt.emit()
                self._spread()

        self._learning = self._background.learn(
            "live",
            "coalesce",
            learn,
            made,
            trainable.training,
            before,
            self._session.folder,
            visible,
            title=f"Learning from {len(trainable.training)} cells",
            on_part=self._part,
            on_result=learnt,
            on_failure=self._failed,
        )

    def _make(self) -> Any:
        """Return the classifier as it is set, or None where it cannot be made."""
        try:
            return self._session.registry.get("classifier", self.classifier).make(self.settings)
        except PhenotyperError as error:
            self._background.fail(error)
            return None

    def _part(self, part: LiveModel | Prediction) -> None:
        if isinstance(part, LiveModel):
            self._model, self.seconds = part.state, part.seconds
            self._crops |= part.crops
            self._round += 1
        else:
            self._wear([part])

    def _spread_soon(self) -> None:
        if self.on and self._model is not None:
            self._spread()

    def _spread(self) -> None:
        """Predict what does not wear the newest model yet: the wells in view first, then what is oldest."""
        if self._model is None or self._made is None:
            return
        items = [item for s in self._surveys.values() for ref, item in s.measured.items() if self._is_old(ref)]
        whole = len(items) > 1 and len(items) >= sum(len(s.measured) for s in self._surveys.values()) - 1
        if whole:  # the open field wears it already, but a matrix is read fastest as a whole
            items = [item for s in self._surveys.values() for item in s.measured.values()]
        if not items:
            return
        near = {well: i for i, well in enumerate(self._in_view())}
        items.sort(key=lambda i: (near.get(i.field.ref.well, len(near)), self._worn.get(i.field.ref, 0)))
        self._spreading = self._background.learn(
            "spread",
            "replace",
            spread,
            self._made,
            self._model,
            self._session.folder,
            items,
            whole,
            title=f"Predicting {len(items)} fields",
            on_part=self._wear,
            on_result=ignore,
            on_failure=self._failed,
        )

    def _is_old(self, ref: FieldRef) -> bool:
        return self._worn.get(ref, 0) < self._round

    def _in_view(self) -> Sequence[str]:
        ref = self._viewing.wish
        if ref is None or ref.plate not in self._session.plates:
            return ()
        return neighbours(self._session.plates[ref.plate], ref.well)

    def _wear(self, found: Sequence[Prediction]) -> None:
        refs = self._predictions.put(found)
        self._worn |= dict.fromkeys(refs, self._round)
        self.events.predicted.emit(refs)

    def _failed(self, error: BaseException) -> None:
        self._trained = ""  # the next click tries again
        self._say(str(error))

    def _say(self, text: str) -> None:
        self.state = text
        self.events.state.emit(text)


def _learnt(cells: int, done: int, of: int) -> str:
    if of == 1:
        return f"Live model of {cells} annotated cells."
    return f"Live model of {cells} annotated cells, slice {done} of {of}: provisional until you keep it."


def _differs(before: Wanted | None, now: Wanted) -> bool:
    return before is None or (before.mask, dict(before.blocks)) != (now.mask, dict(now.blocks))


def gather(
    session: Reading,
    known: Known,
    crops: Mapping[FieldRef, Kept],
    wanted: Mapping[FieldRef, tuple[Annotation, ...]],
    progress: Progress,
) -> Gathered:
    """Read the annotated cells of fields whose annotations have changed, and put a training set together."""
    samples = {}
    for ref, standing in wanted.items():
        progress(0.0, f"Gathering the annotated cells of {ref}")
        before = known.samples.get(ref)
        if before is not None and before[0] == standing:
            samples[ref] = before
        else:
            samples[ref] = standing, sample_field(session, ref, standing, dict(crops.get(ref, {})))
    key = imports_key(session)
    try:
        imported = known.imported if key == known.imports else imported_crops(session)
        now = Known(samples, imported, key)
        return Gathered(now, assemble_all(session, [s for _, s in samples.values() if s is not None], imported))
    except PhenotyperError as error:
        return Gathered(replace(known, samples=samples), None, str(error))
