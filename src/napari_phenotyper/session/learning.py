"""Evaluate, train and predict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, cast

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.crossval import report as report_on
from napari_phenotyper.session.cards import card_of, column_notes
from napari_phenotyper.session.gathering import Trainable
from napari_phenotyper.session.held_out import ask_steps, gather, held_out_steps
from napari_phenotyper.session.keys import Record, prediction_key
from napari_phenotyper.session.measuring import extractor_records, is_measured, wanted
from napari_phenotyper.session.model_check import check_plate
from napari_phenotyper.session.model_choice import choose_model, labels_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import MEASURE
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, PlateOutcome, Steps, carry_out, over_plate, summary
from napari_phenotyper.session.tasks import Wanted, predict_wells

DEFAULT_CLASSIFIER = "svm"
_WELLS_A_JOB = 8


def evaluate(
    session: Session,
    progress: Progress,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Mapping[str, object] | None = None,
    group: str = "well",
    folds: int = 5,
) -> dict[str, Any]:
    """Cross-validate a classifier on the annotated cells of all plates.

    The result is kept in the project under the key of all it depends on, and returned from there when nothing changed.

    Returns
    -------
    dict
        JSON as `evaluation.crossval.evaluate` makes it, with "classifier", "group" and "key".

    Raises
    ------
    TrainingError, SettingError, ExtensionError, Cancelled
    """
    return carry_out(evaluate_steps(session, classifier, settings, group, folds), progress)


def evaluate_steps(
    session: Session,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Mapping[str, object] | None = None,
    group: str = "well",
    folds: int = 5,
    keep: bool = True,
) -> Steps[dict[str, Any]]:
    """Return the steps that `evaluate` carries out, which raise what it raises; the report is stored only to `keep`."""
    question = yield from ask_steps(session, classifier, settings, group, folds)
    kept = session.project.reports.get("evaluation", question.key)
    if kept is not None:
        return kept
    result = yield from held_out_steps(session, question, keep)
    gathered = question.gathered
    report: dict[str, Any] = yield Away(_report, (result, group, gathered.training.group_names))
    report["warnings"] = [*gathered.warnings, *report.get("warnings", [])]
    report |= {"classifier": dict(question.record), "group": group, "key": question.key, "training": gathered.key}
    if keep and not session.project.read_only:
        session.project.reports.put("evaluation", question.key, report)
    return report


def _report(result: OutOfFold, group: str, names: tuple[str, ...], progress: Progress) -> dict[str, Any]:
    progress(0.0, "Scoring")
    return report_on(result, group, names)


def train(
    session: Session,
    progress: Progress,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Mapping[str, object] | None = None,
) -> str:
    """Fit a classifier cold on all annotated cells, keep the model, return its id.

    The same cells and parameters give the same id.

    Raises
    ------
    TrainingError, SettingError, ExtensionError, ProjectError, Cancelled
    """
    return carry_out(train_steps(session, classifier, settings), progress)


def train_steps(
    session: Session, classifier: str = DEFAULT_CLASSIFIER, settings: Mapping[str, object] | None = None
) -> Steps[str]:
    """Return the steps that `train` carries out, which raise what it raises."""
    needs_writing(session)
    extension = session.registry.get("classifier", classifier)
    made = extension.make(settings)
    record = extension.record(made)
    labels = labels_key(session)
    gathered: Trainable = yield Away(gather, (session.snapshot(), "well"))
    model_id = f"{classifier}-{digest(gathered.key, record)[:10]}"
    if model_id not in session.project.models.ids():
        fitted: ModelState = yield Away(_fit, (made, gathered.training), heavy=True)
        session.project.models.save(model_id, record, fitted, _card(session, gathered, record, fitted))
    choose_model(session, model_id, labels)
    return model_id


def _fit(made: Any, training: TrainingSet, progress: Progress) -> ModelState:
    model: Model = made.fit(training, progress)
    return model.state()


def _card(session: Reading, gathered: Trainable, record: Record, fitted: ModelState) -> dict[str, Json]:
    training = gathered.training
    scores = [
        report
        for report in session.project.reports.all("evaluation")
        if report.get("training") == gathered.key and report.get("classifier") == dict(record)
    ]
    names = dict.fromkeys(chunk.field.plate for chunk in training.cells)
    plates = [session.plates[name] for name in names if name in session.plates] or list(session.plates.values())
    sizes = {plate.name: next(plate.fields()).info.pixel_size for plate in plates}
    segmenters = dict(session.setting("segmenters"))
    resolved: dict[str, Json] = {name: segmenters[name]["resolved"] for name in sizes if name in segmenters}
    return card_of(
        training, record, gathered.key, plates[0].channels, sizes[plates[0].name], "well",
        scores[-1] if scores else None, wells=list(training.group_names), plates=list(sizes), pixel_sizes=sizes,
        segmenter=resolved.get(plates[0].name), segmenters=resolved, extractors=dict(extractor_records(session)),
        notes=[*gathered.warnings, *column_notes(training, cast("list[str]", fitted.meta.get("columns", [])))],
    )  # fmt: skip


def keep_steps(session: Session, classifier: str, settings: Mapping[str, object], evaluate_first: bool) -> Steps[str]:
    """Return the steps that train a model and predict every segmented plate with it.

    With `evaluate_first`, where that is quick, the model's card tells its scores.
    """
    if evaluate_first:
        with suppress(TrainingError):  # of one well, say: a model that cannot be tested can be kept
            yield from evaluate_steps(session, classifier, settings)
    model: str = yield from train_steps(session, classifier, settings)
    yield from predict_steps(session, segmented_plates(session), model)
    return model


def model_in_use(session: Reading, name: str | None = None) -> str:
    """Return the id of the model that is named (its first letters do), else of the one trained last.

    Raises
    ------
    ModelError
        If there is none, or more than one begins so.
    """
    last = session.setting("model").get("id")
    if name is None and last in session.project.models.ids():
        return str(last)
    return session.project.models.resolve(name)


def scores_of(session: Reading, model_id: str) -> dict[str, Any] | None:
    """Return the evaluation of a model's classifier on the model's own training cells, or None if there is none."""
    card = session.project.models.card(model_id)
    for report in session.project.reports.all("evaluation"):
        if report.get("training") == card.get("training") and report.get("classifier") == card["classifier"]:
            return dict(report)
    return None


def predicted_wells(
    session: Reading, plate: Plate, model_id: str, wells: Sequence[str] | None = None
) -> dict[WellRef, tuple[str, list[Wanted]]]:
    """Return, per well with measured fields, the key of its prediction and those fields."""
    by_well: dict[WellRef, list[Wanted]] = {}
    for item in wanted(session, plate, wells):
        if is_measured(session, item):
            by_well.setdefault(item.field.ref.well_ref, []).append(item)
    return {
        well: (prediction_key(model_id, {str(i.field.ref.field): i.blocks for i in items}), items)
        for well, items in by_well.items()
    }


def predict(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    model: str | None = None,
    wells: Sequence[str] | None = None,
) -> PlateOutcome:
    """Predict all cells of plates with a kept model, the newest by default; wells that are current are passed over.

    Raises
    ------
    ModelError
        If there is no such model.
    TrainingError
        If nothing is measured.
    """
    return carry_out(predict_steps(session, plates, model, wells), progress)


def predict_steps(
    session: Session, plates: Sequence[Plate], model: str | None = None, wells: Sequence[str] | None = None
) -> Steps[PlateOutcome]:
    """Return the steps that `predict` carries out, which raise what it raises."""
    needs_writing(session)
    model_id = model_in_use(session, model)
    todo, kept, cells = yield Away(_to_predict, (session.snapshot(), plates, model_id, wells))
    batches = [todo[i : i + _WELLS_A_JOB] for i in range(0, len(todo), _WELLS_A_JOB)]
    named = [(f"{b[0][0].plate} {b[0][0].well}–{b[-1][0].well}", (session.folder, model_id, b)) for b in batches]
    outcomes = yield over_plate(session.runner, predict_wells, named, "Predicting wells, batch")
    session.events.predictions.emit(model_id)
    failed = sum(len(batch) for batch, outcome in zip(batches, outcomes, strict=True) if outcome.error)
    return replace(summary(outcomes, kept, cells), done=len(todo) - failed)


def _to_predict(
    session: Reading, plates: Sequence[Plate], model_id: str, wells: Sequence[str] | None, progress: Progress
) -> tuple[list[tuple[WellRef, str, list[Wanted]]], int, int]:
    """Return the wells without current predictions; how many have them; their cells. Raises TrainingError."""
    todo: list[tuple[WellRef, str, list[Wanted]]] = []
    kept = cells = 0
    state, card = session.project.models.load(model_id)
    for plate in plates:
        found = predicted_wells(session, plate, model_id, wells)
        if not found:
            raise TrainingError(
                f"Plate {plate.name} is not measured.",
                MEASURE,
            )
        check_plate(session, plate, state.meta, card)
        for well, (key, items) in found.items():
            if session.project.predictions.has(model_id, well, key):
                kept += 1
                cells += sum(session.project.masks.count(i.field.ref, i.mask) for i in items)
            else:
                todo.append((well, key, items))
    return todo, kept, cells


def predictions_of(
    session: Reading, plate: Plate, model_id: str, wells: Sequence[str] | None = None
) -> dict[FieldRef, Prediction]:
    """Return the current predictions of a plate, or of some wells, by a kept model, by field."""
    found = {}
    for well, (key, _) in predicted_wells(session, plate, model_id, wells).items():
        for prediction in session.project.predictions.get(model_id, well, key) or ():
            found[prediction.field] = prediction
    return found


def kept_predictions(session: Reading, progress: Progress) -> list[Prediction]:
    """Return the current predictions of the model in use, of all plates."""
    model = model_in_use(session)
    found: list[Prediction] = []
    for plate in segmented_plates(session):
        progress(0.0, f"Reading the predictions of {plate.name}")
        found += predictions_of(session, plate, model).values()
    return found


def segmented_plates(session: Reading) -> list[Plate]:
    """Return the plates that were segmented."""
    return [plate for plate in session.plates.values() if plate.name in session.setting("segmenters")]
