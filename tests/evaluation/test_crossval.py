"""Held-out predictions and the report on them, with a classifier that counts."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from napari_phenotyper.core.cells import Cells, ColumnBlock, Float32
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.crossval import cross_validate, evaluate


@dataclass(frozen=True)
class Counting:
    """Gives each cell the class nearest to its only column, and the shares of the training cells a little weight."""

    seen: list[TrainingSet] = field(default_factory=list)

    def fit(self, training: TrainingSet, progress: object) -> Model:
        self.seen.append(training)
        return Counted(training.classes, training.counts / len(training))

    def restore(self, state: ModelState) -> Model:
        return Counted(("a",), np.ones(1))


@dataclass(frozen=True, eq=False)
class Counted:
    classes: tuple[str, ...]
    shares: np.ndarray

    def predict(self, cells: Cells) -> Float32:
        nearest = np.clip(np.rint(cells.matrix()[:, 0]).astype(int), 0, len(self.classes) - 1)
        return (0.8 * np.eye(len(self.classes))[nearest] + 0.2 * self.shares).astype(np.float32)

    def state(self) -> ModelState:
        return ModelState({}, {})


def make(labels: list[int], groups: list[int], classes: int = 3) -> TrainingSet:
    y, g = np.array(labels), np.array(groups)
    chunks = []
    order = np.argsort(g, kind="stable")
    for well in np.unique(g):
        rows = order[g[order] == well]
        zero = np.zeros(len(rows), np.float32)
        block = ColumnBlock(("x",), y[rows, None].astype(np.float32))
        chunks.append(Cells(FieldRef("P", f"A{well + 1:02d}", 1), rows.astype(np.int32), zero, zero, {"b": block}))
    names = tuple(f"A{w + 1:02d}" for w in range(g.max() + 1))
    return TrainingSet(tuple(chunks), tuple("abcdef"[:classes]), y[order], g[order], names)


EVEN = make([0, 1, 2] * 20, list(np.repeat(np.arange(6), 10)))


def test_no_cell_is_predicted_by_a_model_that_saw_its_well() -> None:
    classifier = Counting()
    fold = np.array([g % 3 for g in EVEN.groups])
    cross_validate(classifier, EVEN, fold, no_progress)
    assert len(classifier.seen) == 3
    for number, seen in enumerate(classifier.seen):
        assert not set(seen.groups) & set(EVEN.groups[fold == number])


def test_the_report_has_its_keys_and_is_json() -> None:
    report = json.loads(json.dumps(evaluate(Counting(), EVEN, no_progress)))
    assert set(report) >= {
        "n", "classes", "accuracy", "balanced_accuracy", "macro_f1", "log_loss", "per_class", "confusion", "folds",
        "warnings",
    }  # fmt: skip
    assert report["n"] == 60
    assert set(report["accuracy"]) == {"value", "low", "high"}
    assert set(report["folds"][0]) >= {"fold", "n", "groups", "accuracy"}
    assert sum(f["n"] for f in report["folds"]) == 60
    assert set(report["per_class"]) == {"a", "b", "c"}
    assert report["accuracy"]["value"] == 1


def test_a_class_in_one_well_is_tested_without_training_and_said() -> None:
    training = make([0, 1] * 20 + [2] * 4, list(np.repeat(np.arange(4), 10)) + [0] * 4)
    fold = training.groups.copy()
    result = cross_validate(Counting(), training, fold, no_progress)
    assert (result.probabilities[training.labels == 2, 2] == 0).all()
    assert any("tests c" in w for w in result.warnings)
    report = evaluate(Counting(), training, no_progress)
    assert any(w.startswith("c: 4 cells from 1 well") for w in report["warnings"])
    assert np.isfinite(report["log_loss"]["value"])


def test_cells_never_tested_are_left_out_and_said() -> None:
    fold = np.where(EVEN.groups == 5, -1, EVEN.groups % 2)
    result = cross_validate(Counting(), EVEN, fold, no_progress)
    assert np.isnan(result.probabilities[EVEN.groups == 5]).all()
    report = evaluate(Counting(), EVEN, no_progress, fold=fold)
    assert report["n"] == 50
    assert "10 cells were never tested and are left out" in report["warnings"]


def test_one_class_cannot_be_tested() -> None:
    with pytest.raises(TrainingError, match="all cells are b") as error:
        evaluate(Counting(), make([1] * 10, [0] * 5 + [1] * 5), no_progress)
    assert "two classes" in error.value.remedy


def test_one_well_cannot_be_tested() -> None:
    with pytest.raises(TrainingError, match="one group"):
        evaluate(Counting(), make([0, 1] * 5, [0] * 10), no_progress)


def test_no_cells_cannot_be_tested() -> None:
    with pytest.raises(TrainingError, match="no cell"):
        evaluate(Counting(), EVEN.take(np.zeros(60, bool)), no_progress)


def test_two_cells_in_two_wells_are_tested() -> None:
    report = evaluate(Counting(), make([0, 1], [0, 1], classes=2), no_progress)
    assert report["n"] == 2
    assert report["accuracy"]["value"] == 0
    assert any("Only 2 wells" in w for w in report["warnings"])


def test_every_fit_is_cold() -> None:
    classifier = Counting()
    before = Counted(EVEN.classes, np.ones(3) / 3)
    evaluate(classifier, replace(EVEN, before=before), no_progress)
    assert all(seen.before is None for seen in classifier.seen)


def test_progress_cancels_between_folds() -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        evaluate(Counting(), EVEN, stop)


def test_a_model_that_gives_no_numbers_is_blamed() -> None:
    @dataclass(frozen=True, eq=False)
    class Broken(Counted):
        def predict(self, cells: Cells) -> Float32:
            return super().predict(cells) * np.float32(np.nan)

    @dataclass(frozen=True)
    class Breaking(Counting):
        def fit(self, training: TrainingSet, progress: object) -> Model:
            return Broken(training.classes, training.counts / len(training))

    with pytest.raises(TrainingError, match="A0"):
        evaluate(Breaking(), EVEN, no_progress)
