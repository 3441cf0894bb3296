"""Held-out predictions of the annotated cells: made once, kept in the project, and judged in many ways."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.crossval import held_out as predict_held_out
from napari_phenotyper.session.gathering import Trainable, training_set
from napari_phenotyper.session.keys import Record
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import Away, Steps

KIND = "held-out"


@dataclass(frozen=True, eq=False)
class Question:
    """A classifier, the annotated cells that it is judged on, and how.

    Attributes
    ----------
    made, record
        The classifier, and what it is.
    gathered
        The annotated cells.
    group, folds
        What is never split, and how many parts.
    key
        Names all that the answer depends on.
    """

    made: Any
    record: Record
    gathered: Trainable
    group: str
    folds: int
    key: str


def ask_steps(
    session: Session, classifier: str, settings: Mapping[str, object] | None, group: str, folds: int
) -> Steps[Question]:
    """Return the steps that gather the annotated cells. They raise TrainingError, SettingError, ExtensionError."""
    extension = session.registry.get("classifier", classifier)
    made = extension.make(settings)
    record = extension.record(made)
    gathered: Trainable = yield Away(gather, (session.snapshot(), group))
    return Question(made, record, gathered, group, folds, digest(gathered.key, record, group, folds))


def gather(session: Reading, group: str, progress: Progress) -> Trainable:
    """Gather the annotated cells."""
    progress(0.0, "Gathering the annotated cells")
    return training_set(session, group)


def held_out_steps(session: Session, question: Question, keep: bool = True) -> Steps[OutOfFold]:
    """Return the steps to what the classifier says of cells it was not trained on; from the project where it is kept.

    They raise TrainingError and Cancelled; predictions are stored only to `keep`.
    """
    kept = kept_predictions(session, question.key)
    if kept is not None and len(kept.labels) == len(question.gathered.training):
        return kept
    result: OutOfFold = yield Away(_predict, (question.made, question.gathered.training, question.folds), heavy=True)
    if keep and not session.project.read_only:
        session.project.reports.put(KIND, question.key, packed(result))
    return result


def _predict(made: Any, training: TrainingSet, folds: int, progress: Progress) -> OutOfFold:
    return predict_held_out(made, training, progress, folds)


def kept_predictions(session: Reading, key: str) -> OutOfFold | None:
    """Return the held-out predictions under an evaluation's key, None if there are none or they are damaged."""
    return unpacked(session.project.reports.get(KIND, key) or {})


def judged_model(session: Reading, model: str) -> tuple[str, OutOfFold] | None:
    """Return what a kept model's classifier says of held-out cells of the model's own training cells, and its key.

    None if it was not evaluated on them. Of several evaluations, that by the most groups: they were split finest.
    """
    card = session.project.models.card(model)
    found: list[tuple[str, OutOfFold]] = []
    for report in session.project.reports.all("evaluation"):
        if report.get("training") == card["training"] and report.get("classifier") == card["classifier"]:
            kept = kept_predictions(session, str(report["key"]))
            found += [(str(report["key"]), kept)] if kept is not None else []
    return max(found, key=lambda one: len(np.unique(one[1].groups)), default=None)


def packed(result: OutOfFold) -> dict[str, Any]:
    """Return held-out predictions as JSON, probabilities bit for bit."""
    return {
        "classes": list(result.classes),
        "labels": result.labels.tolist(),
        "groups": result.groups.tolist(),
        "folds": result.folds.tolist(),
        "probabilities": b64encode(result.probabilities.astype("<f4").tobytes()).decode("ascii"),
        "warnings": list(result.warnings),
    }


def unpacked(report: Mapping[str, Any]) -> OutOfFold | None:
    """Return the held-out predictions that `packed` packed, None for anything else."""
    try:
        labels, groups, folds = (np.array(report[name], np.intp) for name in ("labels", "groups", "folds"))
        classes = tuple(str(name) for name in report["classes"])
        flat = np.frombuffer(b64decode(report["probabilities"], validate=True), "<f4").astype(np.float32)
        probabilities = flat.reshape(len(labels), len(classes))
        warnings = tuple(str(text) for text in report["warnings"])
    except (KeyError, TypeError, ValueError):
        return None
    sound = labels.ndim == 1 and labels.shape == groups.shape == folds.shape
    if not sound or not ((labels >= 0) & (labels < len(classes))).all():
        return None
    return OutOfFold(probabilities, labels, groups, folds, classes, warnings)
