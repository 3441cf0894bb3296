"""The whole job, as far as the inputs allow; what is current already is passed over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_phenotyper.core.errors import PhenotyperError, TrainingError
from napari_phenotyper.core.plate import NEGATIVE, Plate
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.evaluation.field_quality import UNUSABLE, counted
from napari_phenotyper.session import label_files, learning, measuring, profiling, segmenting
from napari_phenotyper.session.illumination import flats_of
from napari_phenotyper.session.layouts import beside, set_layout
from napari_phenotyper.session.quality import flags_of
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import PlateOutcome


@dataclass
class Ran:
    """What a run did.

    Attributes
    ----------
    steps
        A sentence per step.
    failed
        Field or well to reason.
    evaluation
        The evaluation, if there were annotations enough.
    model
        Id of the model trained, or "".
    """

    steps: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    evaluation: dict[str, Any] | None = None
    model: str = ""

    def tell(self, what: str, outcome: PlateOutcome, items: str) -> None:
        """Note what became of a job over a plate."""
        self.steps.append(f"{what}: {outcome.done} {items} now, {outcome.kept} current already, {outcome.cells} cells.")
        self.failed |= outcome.failed


def run(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    layout: Path | None = None,
    labels: Path | None = None,
    classifier: str = learning.DEFAULT_CLASSIFIER,
) -> Ran:
    """Segment, measure, annotate, evaluate, train, predict, profile: all that the inputs allow.

    Parameters
    ----------
    session, plates
        What to run.
    progress
        Reports and cancels; what is done stays done, and the next run goes on from there.
    layout, labels
        Files; where they are not given, a layout.csv and an annotations.csv beside a plate's images are taken if
        the project has no layout or no annotations yet.
    classifier
        Id.

    Raises
    ------
    PhenotyperError
        If a file that was named cannot be used; a stage that lacks its input is told in `steps` instead.
    """
    ran = Ran()
    _layouts(session, plates, layout, ran)
    plates = [session.plates[p.name] for p in plates]
    ran.tell("Segmented", segmenting.segment(session, plates, part(progress, 0.0, 0.4)), "fields")
    _doubts(session, plates, ran)
    _labels(session, plates, labels, ran, part(progress, 0.4, 0.45))
    ran.tell("Measured", measuring.measure(session, plates, part(progress, 0.45, 0.7)), "wells")
    _light(session, plates, ran)
    if len(session.annotations):
        _learn(session, plates, classifier, ran, part(progress, 0.7, 0.95))
    else:
        ran.steps.append("Not trained: no annotations. Give some: phenotyper annotate PLATE --from labels.csv.")
    _profiles(session, plates, ran, part(progress, 0.95, 1.0))
    return ran


def _layouts(session: Session, plates: Sequence[Plate], given: Path | None, ran: Ran) -> None:
    if given is not None:
        found = set_layout(session, plates, given)
        ran.steps.append(f"Layout of {sum(map(len, found.values()))} wells read from {given}.")
        return
    for plate in plates:
        path = beside(plate, "layout.csv")
        if path is not None and not len(plate.layout):
            found = set_layout(session, [plate], path)
            ran.steps.append(f"Layout of {sum(map(len, found.values()))} wells read from {path}.")


def _doubts(session: Session, plates: Sequence[Plate], ran: Ran) -> None:
    for plate in plates:
        if words := counted(flags_of(session, plate).values()):
            ran.steps.append(f"Doubtful fields of {plate.name}: {words}.")


def _light(session: Session, plates: Sequence[Plate], ran: Ran) -> None:
    for plate in plates:
        if flats := flats_of(session, plate.name):
            ran.steps.append(f"Uneven light was taken out of {plate.name}: {', '.join(flats)}.")


def _labels(session: Session, plates: Sequence[Plate], given: Path | None, ran: Ran, progress: Progress) -> None:
    files: list[tuple[Path, Sequence[Plate]]] = [(given, plates)] if given is not None else []
    if given is None and not len(session.annotations):
        files = [(path, [plate]) for plate in plates if (path := beside(plate, "annotations.csv")) is not None]
    for path, meant in files:
        done = label_files.import_annotations(session, meant, path, progress)
        ran.steps.append(f"Annotations read from {path}: {done.found} of {done.rows} found a cell.")


def _learn(session: Session, plates: Sequence[Plate], classifier: str, ran: Ran, progress: Progress) -> None:
    try:
        ran.evaluation = learning.evaluate(session, part(progress, 0.0, 0.6), classifier)
        ran.steps.append(f"Evaluated {classifier} on {ran.evaluation['n']} annotated cells.")
    except TrainingError as error:
        ran.steps.append(f"Not evaluated: {error}")
    try:
        ran.model = learning.train(session, part(progress, 0.6, 0.8), classifier)
    except TrainingError as error:
        ran.steps.append(f"Not trained: {error}")
        return
    ran.steps.append(f"Trained {ran.model}.")
    ran.tell("Predicted", learning.predict(session, plates, part(progress, 0.8, 1.0), ran.model), "wells")


def _profiles(session: Session, plates: Sequence[Plate], ran: Ran, progress: Progress) -> None:
    todo: list[tuple[str, Callable[[], object]]] = [
        ("means", lambda: profiling.profile(session, plates, progress, "means")),
    ]
    if session.project.models.ids():
        todo.append(("class_fractions", lambda: profiling.profile(session, plates, progress, "class_fractions")))
        if session.layout.wells(NEGATIVE):
            todo.append(("hits", lambda: profiling.hits(session, plates, progress, leave_out=UNUSABLE)))
        else:
            ran.steps.append(
                "No hits: the layout names no negative control. Give one: phenotyper layout PLATE --from F."
            )
    for name, make in todo:
        try:
            make()
            ran.steps.append(f"Made {name}.")
        except PhenotyperError as error:
            ran.steps.append(f"No {name}: {error}")
