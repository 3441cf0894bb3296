"""The support vector machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.classifiers._machines import PairwiseMachines
from napari_phenotyper.classifiers._model import TableModel
from napari_phenotyper.classifiers.svm import SupportVectorMachine
from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.errors import ModelError, TrainingError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import ModelState, TrainingSet
from napari_phenotyper.evaluation.calibration import softmax
from napari_phenotyper.evaluation.calibrators import Temperature
from napari_phenotyper.evaluation.metrics import log_loss
from napari_phenotyper.kernels import rbf

Make = Callable[..., TrainingSet]


def with_values(training: TrainingSet, change: Callable[[np.ndarray], np.ndarray]) -> TrainingSet:
    cells = tuple(
        replace(c, blocks={"made": ColumnBlock(c.columns, change(c.matrix().copy()))}) for c in training.cells
    )
    return replace(training, cells=cells)


def decisions_of(model: TableModel, scores: np.ndarray) -> np.ndarray:
    assert isinstance(model.learnt, PairwiseMachines)
    return rbf.decisions(model.learnt.machines, scores)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_decisions_agree_with_scikit_learn(make: Make, classes: int) -> None:
    from sklearn.svm import SVC

    training = make(n=150, classes=classes, spread=2.0)
    model = SupportVectorMachine().fit(training, no_progress)
    assert isinstance(model, TableModel)
    scores = model.scaling(training.matrix())
    svc = SVC(C=10.0, gamma=0.5 / 6, class_weight="balanced", decision_function_shape="ovo")
    wanted = svc.fit(scores, training.labels).decision_function(scores)
    wanted = wanted if wanted.ndim == 2 else -wanted[:, None]
    np.testing.assert_allclose(decisions_of(model, scores), wanted, atol=2e-3)


def test_calibrated_probabilities_lose_less_than_raw_decisions_on_new_cells(make: Make) -> None:
    training, new = make(n=300, spread=2.5), make(n=300, spread=2.5, seed=1)
    model = SupportVectorMachine().fit(training, no_progress)
    assert isinstance(model, TableModel)
    given = np.concatenate([model.predict(chunk) for chunk in new.cells])
    pairs = decisions_of(model, model.scaling(new.matrix(model.scaling.columns)))
    sums = np.stack([pairs[:, 0] + pairs[:, 1], pairs[:, 2] - pairs[:, 0], -pairs[:, 1] - pairs[:, 2]], axis=1)
    assert log_loss(given, new.labels) < log_loss(softmax(sums), new.labels)


def test_calibration_never_changes_the_label(make: Make) -> None:
    training = make(n=150, spread=2.5)
    model = SupportVectorMachine().fit(training, no_progress)
    assert isinstance(model, TableModel)
    chunk = training.cells[0]
    raw = replace(model, calibrator=Temperature()).predict(chunk)
    np.testing.assert_array_equal(model.predict(chunk).argmax(axis=1), raw.argmax(axis=1))


def test_the_label_is_nearly_always_the_winner_of_the_votes(make: Make) -> None:
    training = make(n=200, classes=4, spread=2.5)
    model = SupportVectorMachine().fit(training, no_progress)
    assert isinstance(model, TableModel)
    decisions = decisions_of(model, model.scaling(training.matrix(model.scaling.columns)))
    votes = np.zeros((200, 4))
    for pair, (i, j) in enumerate(combinations(range(4), 2)):
        votes[:, i] += decisions[:, pair] > 0
        votes[:, j] += decisions[:, pair] <= 0
    labels = np.concatenate([model.predict(chunk) for chunk in training.cells]).argmax(axis=1)
    assert (labels == votes.argmax(axis=1)).mean() > 0.95


def test_values_that_are_not_finite_take_the_training_mean(make: Make) -> None:
    training = make(n=60)

    def spoil(values: np.ndarray) -> np.ndarray:
        values[0, 3], values[-1, 4] = np.nan, np.inf
        return values

    model = SupportVectorMachine().fit(with_values(training, spoil), no_progress)
    assert np.isfinite(model.predict(with_values(training, spoil).cells[0])).all()


def test_columns_that_do_not_vary_or_are_not_numbers_are_dropped(make: Make) -> None:
    def spoil(values: np.ndarray) -> np.ndarray:
        values[:, 3], values[:, 4], values[:, 5] = 7.0, np.nan, np.inf
        return values

    model = SupportVectorMachine().fit(with_values(make(n=60), spoil), no_progress)
    assert model.state().meta["columns"] == ["column0", "column1", "column2"]


def test_columns_that_all_lack_numbers_are_refused(make: Make) -> None:
    blank = with_values(make(n=60), lambda values: np.full_like(values, np.nan))
    with pytest.raises(TrainingError, match="varies"):
        SupportVectorMachine().fit(blank, no_progress)


def test_cells_without_columns_are_refused(make: Make) -> None:
    training = make(n=60)
    bare = replace(training, cells=tuple(replace(c, blocks={}) for c in training.cells))
    with pytest.raises(TrainingError, match="columns"):
        SupportVectorMachine().fit(bare, no_progress)


def test_a_missing_column_is_named_when_predicting(make: Make) -> None:
    training = make(n=60)
    model = SupportVectorMachine().fit(training, no_progress)
    chunk = training.cells[0]
    fewer = replace(chunk, blocks={"made": ColumnBlock(chunk.columns[1:], chunk.matrix()[:, 1:])})
    with pytest.raises(ModelError, match="column0"):
        model.predict(fewer)


def test_an_absurd_value_still_gives_probabilities(make: Make) -> None:
    training = make(n=60)
    model = SupportVectorMachine().fit(training, no_progress)
    far = with_values(training, lambda values: values * np.float32(1e30))
    assert np.isfinite(model.predict(far.cells[0])).all()


def test_inner_folds_keep_groups_whole_where_there_are_enough() -> None:
    groups = np.repeat(np.arange(6), 10)
    fold = tables.inner_folds(np.tile([0, 1], 30), groups, 3, 0)
    assert fold is not None
    assert all(len(np.unique(fold[groups == g])) == 1 for g in range(6))


def test_inner_folds_of_one_group_spread_every_class() -> None:
    fold = tables.inner_folds(np.tile([0, 1], 15), np.zeros(30, int), 3, 0)
    assert fold is not None
    assert all(len(np.unique(fold[np.tile([0, 1], 15) == k])) == 3 for k in (0, 1))


def test_too_few_cells_cannot_be_held_out() -> None:
    assert tables.inner_folds(np.array([0, 1]), np.zeros(2, int), 3, 0) is None


def test_quick_predictions_are_the_same_after_a_round_trip_and_nearly_those_in_full(make: Make) -> None:
    # 40 columns that repeat six, so that few axes do
    def repeat(training: TrainingSet) -> TrainingSet:
        mixing = np.random.default_rng(0).normal(0, 1, (6, 40)).astype(np.float32)
        names = tuple(f"column{i}" for i in range(40))
        mixed = [replace(c, blocks={"made": ColumnBlock(names, c.matrix() @ mixing)}) for c in training.cells]
        return replace(training, cells=tuple(mixed))

    training, new = repeat(make(n=300, spread=2.0)), repeat(make(n=300, spread=2.0, seed=1)).cells[0]
    quick = SupportVectorMachine(arithmetic="quick")
    model, full = quick.fit(training, no_progress), SupportVectorMachine().fit(training, no_progress)
    assert isinstance(model, TableModel)
    assert isinstance(model.learnt, PairwiseMachines)
    assert model.learnt.axes is not None
    np.testing.assert_array_equal(quick.restore(model.state()).predict(new), model.predict(new))
    np.testing.assert_allclose(model.predict(new), full.predict(new), atol=0.1)


def test_quick_is_float32_where_no_few_axes_do(make: Make) -> None:
    training = make(n=150, spread=2.5)
    model = SupportVectorMachine(arithmetic="quick").fit(training, no_progress)
    full = SupportVectorMachine().fit(training, no_progress)
    np.testing.assert_array_equal(model.predict(training.cells[0]), full.predict(training.cells[0]))


def test_fits_side_by_side_are_those_that_follow_one_another(make: Make) -> None:
    training, states = make(n=150, classes=4, spread=2.0), list[ModelState]()
    for threads in (1, 2):
        with threadpool_limits(threads):
            states.append(SupportVectorMachine().fit(training, no_progress).state())
    alone, together = states
    assert alone.meta == together.meta
    assert all(np.array_equal(alone.arrays[name], together.arrays[name]) for name in alone.arrays)


def test_progress_is_told_by_one_thread_at_a_time(make: Make) -> None:
    inside, told = list[str](), list[float]()

    def progress(fraction: float, message: str) -> None:
        inside.append(message)
        time.sleep(0.01)
        inside.pop()
        assert not inside
        told.append(fraction)

    SupportVectorMachine().fit(make(n=150, classes=4, spread=2.0), progress)
    assert told == sorted(told)
