"""The kept models of a project: their scores, going back to an earlier one, and where two of them differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from napari_phenotyper.core.errors import ModelError, PhenotyperError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation import compare as comparing
from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.session.held_out import ask_steps, held_out_steps
from napari_phenotyper.session.learning import (
    model_in_use,
    predict_steps,
    predictions_of,
    scores_of,
    segmented_plates,
)
from napari_phenotyper.session.measuring import is_measured, wanted
from napari_phenotyper.session.model_choice import choose_model, labels_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, Steps, carry_out

SHOWN = ("accuracy", "balanced_accuracy")
MOST = 600
"""So many cells that two models call differently are named, those first that both are sure of."""


def models(session: Reading) -> list[dict[str, Json]]:
    """Return the cards of all kept models, the newest first.

    Each tells whether it is "in_use"; its "scores" are those of the evaluation on its own training cells, also where
    that was made after the model was kept. None where nobody evaluated it.
    """
    names = session.project.models.ids()
    used = model_in_use(session) if names else ""
    cards = [{k: v for k, v in session.project.models.card(name).items() if k != "meta"} for name in names]
    for card in cards:
        report = scores_of(session, str(card["id"])) if not card.get("scores") else None
        if report is not None:
            card["scores"] = {name: report[name] for name in (*SHOWN, "macro_f1", "log_loss")}
            card["scores_over"] = {"group": report["group"], "folds": len(report["folds"])}
        card["in_use"] = card["id"] == used
    return cast("list[dict[str, Json]]", cards)


def read_models(session: Reading, progress: Progress) -> list[dict[str, Json]]:
    """Return what `models` returns, as a job."""
    progress(0.0, "Reading the kept models")
    return models(session)


def use(session: Session, progress: Progress, model: str) -> str:
    """Go back to an earlier model, or on to a later one: it is in use from now on; return its id.

    Wells without its current predictions are predicted first. Choosing another model undoes it.

    Raises
    ------
    ModelError
        If there is no such model, or it does not fit a plate that is measured.
    ProjectError, Cancelled
    """
    return carry_out(use_steps(session, model), progress)


def use_steps(session: Session, model: str) -> Steps[str]:
    """Return the steps that `use` carries out, which raise what it raises."""
    needs_writing(session)
    model_id = session.project.models.resolve(model)
    labels = labels_key(session)
    plates = yield Away(_measured, (session.snapshot(),))
    if plates:
        yield from predict_steps(session, [session.plates[name] for name in plates], model_id)
    choose_model(session, model_id, labels)
    return model_id


def _measured(session: Reading, progress: Progress) -> list[str]:
    """Return the plates of which something is measured: the others have nothing to predict."""
    progress(0.0, "Looking for measured plates")
    return [p.name for p in segmented_plates(session) if any(is_measured(session, i) for i in wanted(session, p))]


@dataclass(frozen=True, eq=False)
class Differences:
    """Where two models differ.

    Attributes
    ----------
    report
        JSON: "models" (ids), "cells" (predicted by both), "differ", "pairs" (list of {first, other, cells}, the
        commonest first), "scores" (by id, as kept), "folds" (as `evaluation.compare.compare` makes it, both learning
        from the annotations that stand; None where both are the same classifier or nothing can be tested), "notes".
    cells
        (a class of the first, a class of the other) to the cells that they call so, the surest first, `MOST` at most.
    """

    report: Mapping[str, Any]
    cells: Mapping[tuple[str, str], tuple[CellId, ...]]


def compare_models(session: Session, progress: Progress, first: str, other: str) -> Differences:
    """Compare two kept models: their scores on the same folds, and how many cells they call differently.

    Raises
    ------
    ModelError
        If there is no such model, or both are the same.
    Cancelled
    """
    return carry_out(compare_models_steps(session, first, other), progress)


def compare_models_steps(session: Session, first: str, other: str) -> Steps[Differences]:
    """Return the steps that `compare_models` carries out, which raise what it raises."""
    store = session.project.models
    names = [store.resolve(first), store.resolve(other)]
    if names[0] == names[1]:
        raise ModelError(
            f"{names[0]} cannot be compared with itself.", "Name two models: phenotyper models list PLATE."
        )
    cards = {str(card["id"]): card for card in models(session)}
    notes: list[str] = []
    folds = yield from _on_same_folds(session, [cards[name] for name in names], notes)
    if not session.project.read_only:
        plates = yield Away(_measured, (session.snapshot(),))
        for name in names if plates else ():
            yield from predict_steps(session, [session.plates[p] for p in plates], name)
    found: Differences = yield Away(_differences, (session.snapshot(), names))
    scores = {name: cards[name]["scores"] for name in names}
    return Differences({**found.report, "scores": scores, "folds": folds, "notes": notes}, found.cells)


def _on_same_folds(session: Session, cards: Sequence[Mapping[str, Any]], notes: list[str]) -> Steps[Any]:
    """Return how both classifiers do on the annotations that stand, in the same folds; None where that says nothing."""
    records = [card["classifier"] for card in cards]
    if records[0] == records[1]:
        notes.append("Both are the same classifier, which learnt from different labels.")
        return None
    results: dict[str, OutOfFold] = {}
    try:
        for card, record in zip(cards, records, strict=True):
            question = yield from ask_steps(session, record["id"], record["settings"], "well", 5)
            results[str(card["id"])] = yield from held_out_steps(session, question)
        return (yield Away(_compared, (results,)))
    except PhenotyperError as error:
        notes.append(f"Not tested on the same folds: {error}")
        return None


def _compared(results: Mapping[str, OutOfFold], progress: Progress) -> dict[str, Any]:
    progress(0.0, "Comparing")
    return dict(comparing.compare(results))


def _differences(session: Reading, names: Sequence[str], progress: Progress) -> Differences:
    """Return which cells two models call differently."""
    total, found = 0, dict[tuple[str, str], list[tuple[float, CellId]]]()
    count: Counter[tuple[str, str]] = Counter()
    for plate in segmented_plates(session):
        progress(0.5, f"Comparing the predictions of {plate.name}")
        sides = [predictions_of(session, plate, name) for name in names]
        for ref in sides[0].keys() & sides[1].keys():
            total += len(sides[0][ref].ids)
            _differ(ref, sides[0][ref], sides[1][ref], found, count)
    pairs = [{"first": one, "other": two, "cells": cells} for (one, two), cells in count.most_common()]
    report = {"models": list(names), "cells": total, "differ": sum(count.values()), "pairs": pairs}
    cells = {pair: tuple(cell for _, cell in sorted(rows, key=_surest)[:MOST]) for pair, rows in found.items()}
    return Differences(report, {pair: cells[pair] for pair, _ in count.most_common()})


def _surest(row: tuple[float, CellId]) -> tuple[float, CellId]:
    return -row[0], row[1]


def _differ(
    ref: FieldRef,
    first: Prediction,
    other: Prediction,
    found: dict[tuple[str, str], list[tuple[float, CellId]]],
    count: Counter[tuple[str, str]],
) -> None:
    """Add the cells of a field that two models call differently, and how sure the less sure of the two is."""
    if not np.array_equal(first.ids, other.ids) or not len(first.ids):
        return
    names = np.array(first.classes)[first.labels], np.array(other.classes)[other.labels]
    rows = np.flatnonzero(names[0] != names[1])
    sure = np.minimum(first.probabilities.max(axis=1), other.probabilities.max(axis=1))
    for row in rows:
        pair = str(names[0][row]), str(names[1][row])
        count[pair] += 1
        found.setdefault(pair, []).append((float(sure[row]), (ref, int(first.ids[row]))))
