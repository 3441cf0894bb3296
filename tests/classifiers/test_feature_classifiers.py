"""What is particular to the classifiers of features, beside what all keep."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression as Peer
from sklearn.preprocessing import PowerTransformer

from napari_phenotyper.classifiers import _linear as linear
from napari_phenotyper.classifiers import _model as models
from napari_phenotyper.classifiers import _powers as bending
from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.classifiers.boosting import Boosted, GradientBoosting
from napari_phenotyper.classifiers.knn import NearestCells
from napari_phenotyper.classifiers.lda import DiscriminantAnalysis
from napari_phenotyper.classifiers.linear_svm import LinearSupportVectorMachine
from napari_phenotyper.classifiers.logistic import LogisticRegression
from napari_phenotyper.classifiers.wnd5 import WeightedNeighbourDistances, fisher_scores
from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import ModelState, TrainingSet
from napari_phenotyper.evaluation.calibration import softmax

Make = Callable[..., TrainingSet]


@pytest.mark.parametrize("classes", [2, 4])
def test_boosted_scores_are_those_of_scikit_learn(make: Make, classes: int) -> None:
    training = make(n=160, classes=classes, spread=2.0)
    table = tables.table(training)
    learnt = GradientBoosting(rounds=12, columns=1.0)._train(table.scores, table.labels, 0)
    peer = HistGradientBoostingClassifier(
        max_iter=12, learning_rate=0.15, max_leaf_nodes=6, max_bins=63, min_samples_leaf=8, l2_regularization=5.0,
        class_weight="balanced", early_stopping=False, random_state=0,
    ).fit(table.scores, table.labels)  # fmt: skip
    wanted = peer.predict_proba(table.scores)
    np.testing.assert_allclose(softmax(learnt.log_scores(table.scores)), wanted, atol=1e-5)


def test_a_round_of_trees_that_is_not_whole_is_refused(make: Make) -> None:
    state = GradientBoosting(rounds=4).fit(make(n=90), no_progress).state()
    offsets = state.arrays["offsets"]
    cut = int(offsets[-2])
    shorter = {name: array[:cut] for name, array in state.arrays.items() if len(array) == offsets[-1]}
    with pytest.raises(ModelError, match="round"):
        GradientBoosting().restore(ModelState({**state.arrays, **shorter, "offsets": offsets[:-1]}, state.meta))


@pytest.mark.parametrize("classes", [2, 4])
def test_the_ridge_regression_is_that_of_scikit_learn(make: Make, classes: int) -> None:
    table = tables.table(make(n=160, classes=classes, spread=2.0))
    learnt = linear.regression(table.scores, table.labels, 0.1, True)
    wanted = Peer(C=0.1, class_weight="balanced", max_iter=300, tol=1e-6).fit(table.scores, table.labels)
    given = softmax(learnt.log_scores(table.scores))
    np.testing.assert_allclose(given, wanted.predict_proba(table.scores), atol=1e-2)


def test_powers_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    scores = np.stack([rng.gamma(1, 1, 400) - 1, rng.normal(0, 1, 400), 1 - rng.gamma(2, 1, 400)], axis=1)
    scores = scores.astype(np.float32)
    wanted = PowerTransformer().fit_transform(scores.astype(np.float64))
    np.testing.assert_allclose(bending.fit_powers(scores)(scores), wanted, atol=0.05)


def test_columns_of_two_values_and_far_values_are_bent_to_finite_ones() -> None:
    scores = np.zeros((50, 2), np.float32)
    scores[:5, 0], scores[0, 1] = 3, 20
    powers = bending.fit_powers(scores)
    far = np.array([[20, -20], [-20, 20]], np.float32)
    assert np.isfinite(powers(scores)).all() and np.isfinite(powers(far)).all()


def test_lift_moves_doubtful_cells_to_the_rare_class(make: Make) -> None:
    training = make(n=600, classes=2, spread=4.0)
    few = training.take(np.flatnonzero((training.labels == 0) | (np.cumsum(training.labels) % 10 == 0)))
    found = []
    for lift in (0.0, 1.0):
        model = LogisticRegression(lift=lift).fit(few, no_progress)
        found.append(np.concatenate([model.predict(chunk) for chunk in training.cells])[:, 1] > 0.5)
    assert found[1].sum() > found[0].sum()
    assert (found[1] | ~found[0]).all()


def test_discriminant_analysis_agrees_with_scikit_learn(make: Make) -> None:
    table = tables.table(make(n=300, classes=4, spread=2.0))
    learnt = DiscriminantAnalysis(variance=1.0)._train(table.scores, table.labels, 0)
    peer = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto", priors=[0.25] * 4)
    wanted = peer.fit(table.scores, table.labels).predict(table.scores)
    assert (learnt.log_scores(table.scores).argmax(axis=1) == wanted).mean() > 0.95


def test_principal_components_can_be_fewer_than_columns(make: Make) -> None:
    table = tables.table(make(n=120))
    axes = DiscriminantAnalysis(variance=0.5)._axes(table.scores.astype(np.float64))
    assert 1 <= axes.shape[1] < table.scores.shape[1]


def test_a_neighbour_that_is_the_cell_itself_decides(make: Make) -> None:
    training = make(n=60, spread=4.0)
    model = NearestCells(neighbours=1).fit(training, no_progress)
    given = np.concatenate([model.predict(chunk) for chunk in training.cells])
    np.testing.assert_array_equal(given.argmax(axis=1), training.labels)


def test_neighbours_are_asked_for_no_more_than_there_are(make: Make) -> None:
    model = NearestCells(neighbours=500).fit(make(n=12), no_progress)
    assert np.isfinite(model.predict(make(n=12, seed=1).cells[0])).all()


def test_similarity_is_the_mean_inverse_tenth_power_of_the_weighted_distance(make: Make) -> None:
    table = tables.table(make(n=60, spread=3.0))
    new = tables.table(make(n=40, spread=3.0, seed=5)).scores
    given = WeightedNeighbourDistances(columns=1.0)._train(table.scores, table.labels, 0).log_scores(new)
    weights = fisher_scores(table.scores, table.labels)
    square = (weights**2 * (new[:, None].astype(float) - table.scores[None]) ** 2).sum(axis=2)
    wanted = np.stack([(square[:, table.labels == k] ** -5.0).mean(axis=1) for k in range(3)], axis=1)
    np.testing.assert_allclose(given, np.log(wanted), atol=0.05)


def test_weak_columns_are_dropped(make: Make) -> None:
    table = tables.table(make(n=90))
    learnt = WeightedNeighbourDistances(columns=0.5)._train(table.scores, table.labels, 0)
    assert set(np.flatnonzero(learnt.weights)) == {0, 1, 2}


@pytest.mark.parametrize(
    "classifier", [LogisticRegression, LinearSupportVectorMachine, GradientBoosting], ids=lambda c: c.__name__
)
def test_balance_finds_more_of_a_rare_class(classifier: Callable[..., object], make: Make) -> None:
    training = make(n=600, classes=2, spread=2.5)
    rows = np.flatnonzero((training.labels == 0) | (np.cumsum(training.labels) % 10 == 0))
    few, new = training.take(rows), make(n=600, classes=2, spread=2.5, seed=3)
    found = []
    for balance in (False, True):
        model = classifier(balance=balance).fit(few, no_progress)  # type: ignore[attr-defined]
        given = np.concatenate([model.predict(chunk) for chunk in new.cells]).argmax(axis=1)
        found.append((given[new.labels == 1] == 1).mean())
    assert found[1] > found[0]


def test_memory_and_threads_do_not_change_a_prediction(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    training = make(n=300)
    model = LogisticRegression().fit(training, no_progress)
    whole = model.predict(training.cells[0])
    monkeypatch.setattr(models, "BLOCK", 7)
    np.testing.assert_allclose(model.predict(training.cells[0]), whole, atol=1e-6)


def test_one_value_that_is_no_number_changes_only_its_own_cell(make: Make) -> None:
    training = make(n=60)
    model = LogisticRegression().fit(training, no_progress)
    chunk = training.cells[0]
    values = chunk.matrix().copy()
    values[2, 1] = np.nan
    spoilt = replace(chunk, blocks={"made": ColumnBlock(chunk.columns, values)})
    same = np.arange(len(chunk)) != 2
    np.testing.assert_allclose(model.predict(spoilt)[same], model.predict(chunk)[same], atol=1e-6)


def test_boosting_leaves_a_state_of_arrays(make: Make) -> None:
    model = GradientBoosting(rounds=3).fit(make(n=60), no_progress)
    assert isinstance(model, models.TableModel) and isinstance(model.learnt, Boosted)
    assert len(model.learnt.trees) == 9


@pytest.mark.parametrize("kind", ["sigmoid", "isotonic", "cubic", "auto"])
def test_a_calibrator_can_be_chosen_and_travels_with_the_model(kind: str, make: Make) -> None:
    training, new = make(n=600, spread=6.0), make(n=300, spread=6.0, seed=1)
    classifier = LogisticRegression(calibration=kind)
    model = classifier.fit(training, no_progress)
    back = classifier.restore(model.state())
    usual = LogisticRegression().fit(training, no_progress)
    for chunk in new.cells:
        np.testing.assert_array_equal(back.predict(chunk), model.predict(chunk))
        np.testing.assert_allclose(model.predict(chunk).sum(axis=1), 1, atol=1e-5)
    if kind != "auto":
        assert any((model.predict(chunk) != usual.predict(chunk)).any() for chunk in new.cells)
