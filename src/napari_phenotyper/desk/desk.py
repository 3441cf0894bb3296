"""Everything behind one window: the session, what is open, what runs, what is learnt."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.parameters import as_json
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.coming_back import ComingBack
from napari_phenotyper.desk.gallery import Gallery
from napari_phenotyper.desk.history import History
from napari_phenotyper.desk.hit_memory import HitMemory
from napari_phenotyper.desk.judging import Judging
from napari_phenotyper.desk.label_files import LabelFiles
from napari_phenotyper.desk.live import Later, Live, nothing
from napari_phenotyper.desk.marking import Marking
from napari_phenotyper.desk.mosaic import Mosaic
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.results import Results
from napari_phenotyper.desk.resuming import Offer, Resuming
from napari_phenotyper.desk.strays import Strays
from napari_phenotyper.desk.survey import Survey, survey
from napari_phenotyper.desk.viewing import Viewing
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.session.channels import set_roles
from napari_phenotyper.session.illumination import light_steps
from napari_phenotyper.session.layouts import beside, set_format, set_layout
from napari_phenotyper.session.learning import evaluate_steps, keep_steps
from napari_phenotyper.session.measuring import segment_and_measure_steps
from napari_phenotyper.session.opening import Found
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.segmenting import Preview, preview_steps
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import PlateOutcome, Steps
from napari_phenotyper.session.unfinished import KEEP, SEGMENT, Unfinished
from napari_phenotyper.session.warming import is_compiled, warm_up, warm_up_steps

REFRESH, FIELDS_A_SECOND = 2.0, 300
"""Seconds between two looks at what a plate job has done so far: two, and longer for plates of many fields."""
READY = 2.0
"""Seconds after which worker processes start: until the first field is seen, it has the processor to itself."""
QUIET = 1.5
"""Seconds without a click after which the scores are brought up to date."""
QUICK = 1.0
"""A fit that takes no longer is cross-validated without being asked for."""


class DeskEvents(SignalGroup):
    """What changed; whoever shows it asks for the new value."""

    plates = Signal()
    survey = Signal(str)
    scores = Signal(object)
    predictions = Signal(object)
    selection = Signal(object)


class Desk:
    """What stands behind one window.

    Parameters
    ----------
    session
        Open. Its runner carries out plate jobs.
    background
        Where everything else runs.
    later
        Delays a call.

    Attributes
    ----------
    events
        plates(), survey(plate), scores(report), predictions(fields), selection(wells).
    viewing, marking, live
        The field that is open, its annotations, and what is learnt from them.
    judging
        What is asked about the classifier beyond its scores.
    mosaic
        The plate as thumbnails of all its fields.
    results
        The hits.
    strays
        Labels that hit no cell any more, and cells that two classes claim.
    label_files
        Labels to and from files.
    predictions
        What the cells wear.
    gallery
        Cells that were chosen, out of all plates.
    history
        The kept models.
    back, hit_memory, resuming
        How the window stood when it was closed, the hits that were found then, and the jobs that were interrupted.
    surveys
        Plate name to what there is of it.
    scores
        The last evaluation, None before the first.
    untestable
        Why there is no newer one, in words.
    selected
        Wells that jobs are restricted to; none for all.
    """

    def __init__(self, session: Session, background: Background, later: Later) -> None:
        self.session, self.background, self.later = session, background, later
        self.events = DeskEvents()
        self.predictions = Predictions()
        self.viewing = Viewing(session, background)
        self.live = Live(session, background, self.viewing, self.predictions, later)
        self.marking = Marking(session, background, self.viewing, self.predictions)
        self.strays = Strays(session, background, self.viewing, self.marking, later)
        self.label_files = LabelFiles(session, background)
        self.surveys: dict[str, Survey] = {}
        self.gallery = Gallery(session, background, self.marking, self.predictions, self.surveys)
        self.mosaic = Mosaic(session, background, self.viewing, self.predictions, self.surveys)
        self.judging = Judging(session, background, self.live, self.gallery)
        self.results = Results(session, background, self.live, self.viewing, self.gallery)
        self.history = History(session, background, self.live, self.predictions, self.surveys, self.gallery)
        self.resuming = Resuming(session, background)
        self.back = ComingBack(session, background, self.viewing, self.live, self.marking, later)
        self.hit_memory = HitMemory(session, background, self.viewing, self.results, self.back, later)
        self._readers: dict[str, Reading] = {}
        self.scores: dict[str, Any] | None = None
        self.untestable = ""
        self._scored: object = None
        self.selected: frozenset[str] = frozenset()
        self._quiet = self._ready = nothing
        session.events.masks.connect(self.look)
        session.events.cells.connect(self.look)
        session.events.plates.connect(self.events.plates.emit)
        session.events.annotations.connect(self._scores_soon)
        self.live.events.learnt.connect(self._scores_soon)
        self.live.events.predicted.connect(self.events.predictions.emit)
        self.events.predictions.connect(self.gallery.predicted)
        self.history.events.predicted.connect(self.events.predictions.emit)
        self.results.events.kept.connect(self.history.load)
        self.events.survey.connect(self.gallery.surveyed)

    @property
    def stale(self) -> bool:
        """Whether the scores are of other annotations, or of another classifier, than those that stand."""
        return self.scores is not None and self._scored != self._learnt_from

    @property
    def _learnt_from(self) -> tuple[object, ...]:
        return self.session.annotations, self.live.classifier, dict(self.live.settings)

    def start(self, plates: Sequence[Plate] = ()) -> None:
        """Look at every plate of the session, and open the field that was open last, of some plates if any are named.

        Where none was open, it is the first.
        """
        for text in filter(None, (*self.session.problems, self.back.problem)):
            self.background.events.problem.emit(text, "")
        for plate in self.session.plates.values():
            for text in plate.problems[:3]:
                self.background.events.problem.emit(f"{plate.name}: {text}", "")
        if self.session.plates:
            self.viewing.show_plate(self.back.first([plate.name for plate in plates or self.session.plates.values()]))
        for name in self.session.plates:
            self.look(name)
        self._warm_up()
        self.history.load()
        self.resuming.look()

    def _warm_up(self) -> None:
        """Let the workers get ready; with a bar where that takes half a minute, for which all else waits."""
        self._ready()
        if is_compiled():
            self._ready = self.later(READY, self._start_workers)
        else:
            self.live.warm_up()
            title = "Getting ready, once after the installation"
            self.background.start("ready", "coalesce", title, warm_up_steps(), self.session.runner)

    def _start_workers(self) -> None:
        self.live.warm_up()
        self.session.runner.submit(warm_up, ())

    def add(self, found: Sequence[Found]) -> None:
        """Take plates that were found into this session's project, and show the first. Raises ProjectError."""
        plates = self.session.add(found)
        self.opened(plates)
        self.viewing.show_plate(plates[0].name)

    def opened(self, plates: Sequence[Plate]) -> None:
        """Show plates that the session has just opened."""
        for plate in plates:
            self._take_layout(plate)
        self.start(plates)

    def look(self, plate: str) -> None:
        """Look up what there is of a plate."""
        # one lane, so one reader, a plate: what its stores have looked up is used again
        self._readers[plate] = self.session.snapshot(self._readers.get(plate))
        self.background.read(
            f"survey {plate}",
            "coalesce",
            survey,
            self._readers[plate],
            plate,
            on_result=lambda found: self._surveyed(plate, found),
        )

    def select(self, wells: Collection[str]) -> None:
        """Restrict jobs to some wells of the plate that is open; none for all."""
        self.selected = frozenset(wells)
        self.events.selection.emit(self.selected)

    def set_roles(self, plate: Plate, roles: Mapping[str, str]) -> None:
        """Say what a plate's channels show."""
        self._try(lambda: set_roles(self.session, [plate], roles))

    def set_format(self, plate: Plate, wells: int) -> None:
        """Say how many wells a plate has; 0 for what their names tell."""
        self._try(lambda: set_format(self.session, plate, wells))

    def set_layout(self, path: Path) -> None:
        """Read what was done to the wells from a file."""
        self._try(lambda: set_layout(self.session, self.session.all_plates(), path))

    def segment(self, segmenter: str | None = None, settings: Mapping[str, object] | None = None) -> None:
        """Segment the plate that is open, or the wells selected, and measure what was segmented."""
        plate = self.viewing.plate
        if plate is not None:
            wells, first = self._wells(), self._first()
            steps = segment_and_measure_steps(self.session, plate, segmenter, settings, wells, first)
            job = self._over_plate(f"Segmenting and measuring {plate.name}", plate, steps)
            given = as_json(settings or {})
            self.resuming.watch(job, Unfinished(SEGMENT, plate.name, segmenter or "", given, tuple(wells or ())))

    def go_on(self, offer: Offer) -> None:
        """Let a job that was interrupted go on where it stopped."""
        job = offer.job
        if job.kind == KEEP:
            self.live.choose(job.name, job.settings)
            self.keep()
        else:
            if self.viewing.plate is None or self.viewing.plate.name != job.plate:
                self.viewing.show_plate(job.plate)
            self.select(job.wells)
            self.segment(job.name or None, job.settings)

    def preview(self, segmenter: str, settings: Mapping[str, object], on_found: Callable[[Preview], None]) -> None:
        """Segment the open field with some parameters and hand over what is found; nothing is stored."""
        field = self.viewing.open
        if field is not None:
            steps = preview_steps(self.session, field.field, segmenter, settings)
            title = f"Preview of {field.ref}"
            self.background.start("preview", "replace", title, steps, self.session.runner, on_found)

    def set_light(self, mode: str) -> Job | None:
        """Choose what is done about uneven light of the plate that is open: "auto", "on" or "off"."""
        plate = self.viewing.plate
        if plate is None:
            return None
        title, steps = f"Illumination of {plate.name}", light_steps(self.session, plate, mode)
        return self.background.start("plate", "queue", title, steps, self.session.runner)

    def evaluate(self) -> None:
        """Cross-validate the classifier on all annotated cells."""
        self._evaluate(f"Testing {self.live.classifier}", None)

    def keep(self) -> None:
        """Fit the classifier cold, store the model, and predict every plate with it."""
        quick = self.live.model is not None and self.live.seconds < QUICK
        steps = keep_steps(self.session, self.live.classifier, self.live.settings, quick)
        title = f"Keeping {self.live.classifier}"
        job = self.background.start("plate", "queue", title, steps, self.session.runner, self._kept)
        given = as_json(self.live.settings)
        self.resuming.watch(job, Unfinished(KEEP, "", self.live.classifier, given))

    def close(self) -> None:
        """Stop what runs, save what waits, close the project."""
        self._quiet()
        self._ready()
        self.strays.stop()
        self.hit_memory.stop()
        self.live.on = False
        self.background.close()
        self.back.close()
        self.session.close()

    def _take_layout(self, plate: Plate) -> None:
        """Read the layout.csv beside a plate's images, unless the user gave it a layout."""
        path = beside(plate, "layout.csv")
        if path is not None and not len(plate.layout) and not self.session.project.read_only:
            self._try(lambda: set_layout(self.session, [plate], path))
            self.background.tell(f"{plate.name}: layout read from {path.name} beside the images.")

    def _wells(self) -> Sequence[str] | None:
        return sorted(self.selected) or None

    def _first(self) -> str:
        return self.viewing.wish.well if self.viewing.wish is not None else ""

    def _over_plate(self, title: str, plate: Plate, steps: Steps[PlateOutcome]) -> Job:
        job = self.background.start(
            "plate",
            "queue",
            title,
            steps,
            self.session.runner,
            lambda outcome: self._over(plate, outcome),
        )
        self._watch(job, plate.name)
        return job

    def _watch(self, job: Job, plate: str) -> None:
        """Look again and again at what a plate job has done so far."""
        if job.over:
            self.look(plate)
            return
        if job.state == "running":
            self.look(plate)
            self.viewing.look_again(plate)
        fields = sum(len(well.sources) for well in self.session.plates[plate].wells)
        self.later(max(REFRESH, fields / FIELDS_A_SECOND), lambda: self._watch(job, plate))

    def _over(self, plate: Plate, outcome: PlateOutcome) -> None:
        for name, why in list(outcome.failed.items())[:20]:
            self.background.events.problem.emit(why if name in why else f"{name}: {why}", "")
        failed = f", {len(outcome.failed)} failed" if outcome.failed else ""
        self.background.tell(f"{plate.name}: {outcome.cells} cells{failed}.")

    def _surveyed(self, plate: str, found: Survey) -> None:
        before = self.surveys.get(plate, Survey()).measured
        self.surveys[plate] = found
        unknown = [ref for ref in self.predictions.fields() if ref.plate not in self.surveys]
        other = {ref for ref, item in found.measured.items() if ref in before and before[ref].mask != item.mask}
        measured = [ref for s in self.surveys.values() for ref in s.measured if ref not in other]
        if gone := self.predictions.keep_only([*measured, *unknown]):
            self.events.predictions.emit(gone)
        self.live.know(plate, found)
        self.events.survey.emit(plate)

    def _scores_soon(self) -> None:
        self.events.scores.emit(self.scores)
        self._quiet()
        self._quiet = self.later(QUIET, self._score)

    def _score(self) -> None:
        """Bring the scores up to date unasked where that costs little."""
        if self.live.on and self.live.model is not None and self.live.seconds < QUICK:
            self._evaluate("", self._untestable)

    def _evaluate(self, title: str, on_failure: Callable[[BaseException], None] | None) -> None:
        """Evaluate; what nobody asked for is not stored: there is one after every few clicks."""
        scored = self._learnt_from
        steps = evaluate_steps(self.session, self.live.classifier, self.live.settings, keep=bool(title))

        def tested(report: dict[str, Any]) -> None:
            self.scores, self._scored, self.untestable = report, scored, ""
            self.events.scores.emit(report)

        self.background.start("scores", "replace", title, steps, self.session.runner, tested, on_failure)

    def _untestable(self, error: BaseException) -> None:
        self.untestable = str(error)
        self.events.scores.emit(self.scores)

    def _kept(self, model: str) -> None:
        self.background.tell(f"Kept the model {model}; every plate wears it.")
        self.history.load()

    def _try(self, wish: Callable[[], object]) -> None:
        try:
            wish()
        except PhenotyperError as error:
            self.background.fail(error)
