"""Find hits as a window asks for them: from annotations or a kept model to a table of wells, in one go."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from napari_phenotyper.core.annotations import Annotations
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.plate import NEGATIVE, Layout, Plate
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.session.failures import failures_of
from napari_phenotyper.session.hit_table import HitTable, hit_table
from napari_phenotyper.session.learning import keep_steps, model_in_use, predict_steps, predictions_of
from napari_phenotyper.session.measuring import cells_of, is_measured, wanted
from napari_phenotyper.session.profiling import DEFAULT_PROFILER, DEFAULT_SCORER, Made, keep_profile, make_profile
from napari_phenotyper.session.quality import left_out
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import SEGMENT
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import Away, Steps

NO_CONTROLS = (
    "No well is named as a negative control, so there is nothing to compare wells with.",
    "In the tab Plate, load a layout: a CSV file with the columns well, treatment and role, in which untreated wells "
    "have the role negative.",
)


@dataclass(frozen=True)
class Learner:
    """What to train and keep before hits are looked for: a classifier, its parameters, whether to test it first."""

    classifier: str
    settings: Mapping[str, object]
    evaluate_first: bool = False


@dataclass(frozen=True)
class HitQuestion:
    """What is asked.

    Attributes
    ----------
    model
        Id of a kept model, "" for the one in use; without meaning where a learner is given.
    learner
        Is trained on all annotations and kept first; the same annotations give the same model, so that costs little
        the second time. None: a kept model answers.
    profiler
        Id of the profile whose columns are scored.
    column
        Only this class or feature; "" for all.
    scorer, settings
        Id and parameters of the score.
    leave_out
        Fields with one of these flags have no part: see `session.quality`; "all" names every flag.
    """

    model: str = ""
    learner: Learner | None = None
    profiler: str = DEFAULT_PROFILER
    column: str = ""
    scorer: str = DEFAULT_SCORER
    settings: Mapping[str, object] = field(default_factory=dict)
    leave_out: tuple[str, ...] = ()

    @property
    def upwards(self) -> bool:
        """Whether the highest score is the strongest, as of shares, rather than the one farthest from zero."""
        return self.profiler == DEFAULT_PROFILER


@dataclass(frozen=True)
class Omissions:
    """What hits do not rest on.

    Attributes
    ----------
    no_cells
        Objects that were predicted to be no cell.
    failed
        Fields and wells that failed, and why.
    flagged, emptied
        Doubtful fields, and why, as far as they were to be left out; wells of which nothing is left.
    plates
        Plates without a negative control.
    """

    no_cells: int = 0
    failed: Mapping[str, str] = field(default_factory=dict)
    flagged: Mapping[FieldRef, tuple[str, ...]] = field(default_factory=dict)
    emptied: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Findings:
    """An answer.

    Attributes
    ----------
    question
        What was asked.
    model
        Id of the model whose predictions were counted, "" for none.
    profile, hits, table
        Every well; every well and column that was scored, the highest score first; the same as a table.
    layout
        What was done to the wells then.
    left_out
        What the hits do not rest on.
    annotations
        Those that stood when the question was asked; none where that is not known any more.
    """

    question: HitQuestion
    model: str
    profile: Profile
    hits: tuple[Hit, ...]
    table: HitTable
    layout: Layout
    left_out: Omissions
    annotations: Annotations


def find_hits_steps(session: Session, question: HitQuestion) -> Steps[Findings]:
    """Return the steps that answer a question about all segmented plates that have negative controls.

    The model is trained if that is asked for, wells without current predictions are predicted, then profiled and
    scored as `session.profiling.hits` does it, with the same numbers.

    Raises
    ------
    TrainingError
        If nothing is segmented or measured, there are no negative controls, or there is no model where the profile
        needs one.
    ModelError, SettingError, ExtensionError, Cancelled
    """
    plates, without = compared_plates(session)
    annotations = session.annotations
    learner, model = question.learner, question.model
    if learner is not None:
        model = yield from keep_steps(session, learner.classifier, learner.settings, learner.evaluate_first)
    elif model or session.project.models.ids():
        model = model_in_use(session, model or None)
        if not session.project.read_only:
            yield from predict_steps(session, plates, model)
    work = session.snapshot(), plates, question, model, without, annotations
    answer: tuple[Made, Findings] = yield Away(_answer, work)
    keep_profile(session, answer[0])
    return answer[1]


def compared_plates(session: Reading) -> tuple[list[Plate], tuple[str, ...]]:
    """Return the segmented plates that have negative controls, and the names of those that have none.

    Raises
    ------
    TrainingError
        If no plate is segmented, or none has a negative control.
    """
    segmented = [plate for plate in session.plates.values() if plate.name in session.setting("segmenters")]
    if not segmented:
        raise TrainingError("No plate is segmented yet.", SEGMENT)
    controlled = {well.plate for well in session.layout.wells(NEGATIVE)}
    plates = [plate for plate in segmented if plate.name in controlled]
    if not plates:
        raise TrainingError(*NO_CONTROLS)
    return plates, tuple(plate.name for plate in segmented if plate.name not in controlled)


def _answer(
    session: Reading,
    plates: Sequence[Plate],
    question: HitQuestion,
    model: str,
    without: tuple[str, ...],
    annotations: Annotations,
    progress: Progress,
) -> tuple[Made, Findings]:
    """Profile and score, without storing anything."""
    # shares as counted: the classifier errs alike in wells and controls (see `profiling.hits`)
    made = make_profile(
        session, plates, part(progress, 0.0, 0.9), question.profiler, None, model or None, False, question.leave_out
    )
    progress(0.9, "Scoring wells")
    return made, findings_of(session, plates, question, model, made.profile, without, annotations)


def findings_of(
    session: Reading,
    plates: Sequence[Plate],
    question: HitQuestion,
    model: str,
    profile: Profile,
    without: tuple[str, ...],
    annotations: Annotations,
) -> Findings:
    """Return the answer to a question, scored from a profile.

    Parameters
    ----------
    session, plates, question, model, profile
        What is asked, of what, and what the answer rests on.
    without
        Plates that have no negative control.
    annotations
        Those that stood when the question was asked.
    """
    found = profile if not question.column else only(profile, question.column)
    hits = session.registry.make("scorer", question.scorer, question.settings).score(found, session.layout)
    out = left_out(session, plates, question.leave_out)
    omitted = Omissions(
        _uncounted(session, plates, profile, out.fields) if model else 0,
        {name: why for plate in plates for name, why in failures_of(session, plate).items()},
        out.fields,
        out.emptied,
        without,
    )
    table = hit_table(hits, session.layout, question.upwards)
    return Findings(question, model, profile, hits, table, session.layout, omitted, annotations)


def only(found: Profile, column: str) -> Profile:
    """Return a profile of one column. Raises TrainingError if it has none of that name."""
    if column not in found.columns:
        raise TrainingError(f"There is no class or feature {column!r} in the profile.", "Choose another.")
    j = [found.columns.index(column)]
    low, high = (side[:, j] if side is not None else None for side in (found.low, found.high))
    return Profile(found.wells, (column,), found.values[:, j], found.counts, low, high, found.kind, found.note)


def _uncounted(session: Reading, plates: Sequence[Plate], found: Profile, out: Collection[FieldRef]) -> int:
    """Return how many measured objects no profile row counts: those predicted to be no cell. Fields in `out` aside."""
    items = (item for plate in plates for item in wanted(session, plate) if item.field.ref not in out)
    counts = (session.project.masks.count(i.field.ref, i.mask) for i in items if is_measured(session, i))
    return max(sum(counts) - int(found.counts.sum()), 0)


def best_field(session: Reading, model: str, hit: Hit, progress: Progress) -> FieldRef | None:
    """Return the field of a hit's well that has most of the cells that make the hit; None if none is measured.

    For a class that is up, those are its cells; for one that is down, those of other classes; for a feature, the
    cells beyond the controls' value.
    """
    progress(0.0, f"Looking for the cells of {hit.well}")
    plate, counts = session.plates[hit.well.plate], dict[FieldRef, int]()
    found = predictions_of(session, plate, model, [hit.well.well]) if model else {}
    for ref, prediction in found.items():
        if hit.column in prediction.classes:
            of_class = prediction.labels == prediction.classes.index(hit.column)
            counts[ref] = int((of_class if hit.score >= 0 else ~of_class).sum())
    if not counts:
        for cells in cells_of(session, plate, [hit.well.well]):
            if hit.column in cells.columns:
                beyond = cells.matrix([hit.column])[:, 0] - _control(hit)
                counts[cells.field] = int((beyond * np.sign(hit.score) > 0).sum())
    return max(counts, key=lambda ref: counts[ref], default=None)


def _control(hit: Hit) -> float:
    value = hit.evidence.get("control")
    return float(value) if isinstance(value, int | float) else 0.0


def control_wells(found: Findings, plate: str) -> tuple[WellRef, ...]:
    """Return the negative controls of a plate that have cells."""
    counts = dict(zip(found.profile.wells, found.profile.counts.tolist(), strict=True))
    return tuple(w for w in found.layout.wells(NEGATIVE) if w.plate == plate and counts.get(w, 0))
