"""Judge classifiers beyond their scores: learning curves, comparisons, suspected wrong labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.evaluation import compare as comparing
from napari_phenotyper.evaluation import curve
from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.suspects import suspects as find_suspects
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.session.held_out import Question, ask_steps, held_out_steps
from napari_phenotyper.session.learning import DEFAULT_CLASSIFIER
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.steps import Away, Steps, carry_out

Settings = Mapping[str, object] | None

_CURVE = "curve"


def learning_curve(
    session: Session,
    progress: Progress,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    group: str = "well",
    folds: int = 5,
) -> dict[str, Any]:
    """Return a classifier's score against the number of labels, and what more labels would bring.

    Kept in the project under the key of all it depends on, and returned from there when nothing changed.

    Returns
    -------
    dict
        JSON as `evaluation.curve.learning_curve` makes it, with "classifier" and "key"; the annotations' warnings
        come first.

    Raises
    ------
    TrainingError, SettingError, ExtensionError, Cancelled
    """
    return carry_out(learning_curve_steps(session, classifier, settings, group, folds), progress)


def learning_curve_steps(
    session: Session,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    group: str = "well",
    folds: int = 5,
    keep: bool = True,
) -> Steps[dict[str, Any]]:
    """Return the steps that `learning_curve` carries out, which raise what it raises; stored only to `keep`."""
    question = yield from ask_steps(session, classifier, settings, group, folds)
    key = _curve_key(question.key)
    kept = session.project.reports.get(_CURVE, key)
    if kept is not None:
        return kept
    whole = yield from held_out_steps(session, question, keep)
    work = (question.made, question.gathered.training, whole, group)
    found: dict[str, Any] = yield Away(_draw_curve, work, heavy=True)
    found["warnings"] = [*question.gathered.warnings, *found["warnings"]]
    found |= {"classifier": dict(question.record), "key": key}
    if keep and not session.project.read_only:
        session.project.reports.put(_CURVE, key, found)
    return found


def kept_curve(session: Reading, model: str, group: str = "well", folds: int = 5) -> dict[str, Any] | None:
    """Return the learning curve of a kept model's classifier on the model's own training cells, None if none is kept.

    It is drawn when somebody asks for it: `learning_curve`.
    """
    card = session.project.models.card(model)
    return session.project.reports.get(_CURVE, _curve_key(digest(card["training"], card["classifier"], group, folds)))


def _curve_key(question: str) -> str:
    return digest(question, _CURVE, list(curve.SHARES), curve.REPEATS)


def _draw_curve(made: Any, training: TrainingSet, whole: OutOfFold, group: str, progress: Progress) -> dict[str, Any]:
    return dict(curve.learning_curve(made, training, whole, progress, group=group))


def compare(
    session: Session, progress: Progress, classifiers: Sequence[str], group: str = "well", folds: int = 5
) -> dict[str, Any]:
    """Compare classifiers, with their defaults, on the same annotated cells in the same folds.

    Returns
    -------
    dict
        JSON as `evaluation.compare.compare` makes it; the annotations' warnings come first.

    Raises
    ------
    TrainingError
        Also for fewer than two different classifiers.
    SettingError, ExtensionError, Cancelled
    """
    return carry_out(compare_steps(session, classifiers, group, folds), progress)


def compare_steps(
    session: Session, classifiers: Sequence[str], group: str = "well", folds: int = 5, keep: bool = True
) -> Steps[dict[str, Any]]:
    """Return the steps that `compare` carries out, which raise what it raises; stored only to `keep`."""
    names = tuple(dict.fromkeys(classifiers))
    if len(names) < 2:
        raise TrainingError("There is nothing to compare with.", "Name at least two classifiers.")
    results: dict[str, OutOfFold] = {}
    for name in names:
        question = yield from ask_steps(session, name, None, group, folds)
        results[name] = yield from held_out_steps(session, question, keep)
    found: dict[str, Any] = yield Away(_compare, (results, group))
    found["warnings"] = [*question.gathered.warnings, *found["warnings"]]
    return found


def _compare(results: Mapping[str, OutOfFold], group: str, progress: Progress) -> dict[str, Any]:
    progress(0.0, "Comparing")
    return dict(comparing.compare(results, group))


def suspects(
    session: Session,
    progress: Progress,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    group: str = "well",
    folds: int = 5,
) -> dict[str, Any]:
    """Return the annotated cells whose label a classifier that did not see them doubts, the most doubted first.

    After `evaluate` of the same classifier this costs nothing: both rest on the same held-out predictions.

    Returns
    -------
    dict
        `n` (cells judged), `classifier`, `group`, `warnings`, and `suspects`: list of {plate, well, field, label (the
        mask's id), y, x, given, predicted, probability (of the predicted class), given_probability}.

    Raises
    ------
    TrainingError, SettingError, ExtensionError, Cancelled
    """
    return carry_out(suspects_steps(session, classifier, settings, group, folds), progress)


def suspects_steps(
    session: Session,
    classifier: str = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    group: str = "well",
    folds: int = 5,
    keep: bool = True,
) -> Steps[dict[str, Any]]:
    """Return the steps that `suspects` carries out, which raise what it raises; stored only to `keep`."""
    question = yield from ask_steps(session, classifier, settings, group, folds)
    result = yield from held_out_steps(session, question, keep)
    return {
        "n": int(result.tested.sum()),
        "classifier": dict(question.record),
        "group": group,
        "suspects": _located(question, result),
        "warnings": [*question.gathered.warnings, *result.warnings],
    }


def confused_steps(
    session: Session,
    classifier: str,
    settings: Settings,
    given: str,
    predicted: str = "",
    group: str = "well",
    folds: int = 5,
) -> Steps[tuple[CellId, ...]]:
    """Return the steps to the cells of one entry of the confusion matrix, those predicted most surely first.

    They raise what `suspects` raises.

    Parameters
    ----------
    session, classifier, settings, group, folds
        As `learning.evaluate` was asked with: both rest on the same held-out predictions.
    given, predicted
        The class annotated, and the one that a classifier which did not see the cell predicts; "" for any.
    """
    question = yield from ask_steps(session, classifier, settings, group, folds)
    result = yield from held_out_steps(session, question, keep=False)
    cells = [(chunk.field, int(i)) for chunk in question.gathered.training.cells for i in chunk.ids]
    rows = np.flatnonzero(result.tested)
    called, sure = result.probabilities[rows].argmax(axis=1), result.probabilities[rows].max(axis=1)
    wanted = np.ones(len(rows), bool)
    for name, codes in ((given, result.labels[rows]), (predicted, called)):
        if name:
            wanted &= codes == (result.classes.index(name) if name in result.classes else -1)
    order = np.argsort(-sure[wanted], kind="stable")
    return tuple(cells[row] for row in rows[wanted][order])


def _located(question: Question, result: OutOfFold) -> list[dict[str, Any]]:
    """Return the suspects with the place of their cells."""
    places = [
        {**c.field._asdict(), "label": int(i), "y": float(y), "x": float(x)}
        for c in question.gathered.training.cells
        for i, y, x in zip(c.ids, c.y, c.x, strict=True)
    ]
    found = find_suspects(result)
    return [
        {
            **places[row],
            "given": result.classes[found.given[i]],
            "predicted": result.classes[found.predicted[i]],
            "probability": float(found.probability[i]),
            "given_probability": float(found.given_probability[i]),
        }
        for i, row in enumerate(found.rows)
    ]
