"""What every classifier of the house keeps beyond what `tests/contracts` asks of those from elsewhere, too."""

from __future__ import annotations

import pickle
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from tests.classifiers.conftest import make_training

from napari_phenotyper.classifiers.boosting import GradientBoosting
from napari_phenotyper.classifiers.committee import Committee
from napari_phenotyper.classifiers.deep_svm import DeepSupportVectorMachine
from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.classifiers.forest import RandomForest
from napari_phenotyper.classifiers.jury import Jury
from napari_phenotyper.classifiers.knn import NearestCells
from napari_phenotyper.classifiers.lda import DiscriminantAnalysis
from napari_phenotyper.classifiers.linear_svm import LinearSupportVectorMachine
from napari_phenotyper.classifiers.lipnet import LipNet
from napari_phenotyper.classifiers.logistic import LogisticRegression
from napari_phenotyper.classifiers.perceptron import Perceptron
from napari_phenotyper.classifiers.resnet import ResNet
from napari_phenotyper.classifiers.svm import SupportVectorMachine
from napari_phenotyper.classifiers.wnd5 import WeightedNeighbourDistances
from napari_phenotyper.core.contracts import Classifier
from napari_phenotyper.core.errors import ModelError, TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.evaluation.crossval import evaluate

Make = Callable[..., TrainingSet]
QUICK = (
    SupportVectorMachine(),
    LinearSupportVectorMachine(),
    LogisticRegression(),
    Committee(networks=1),
    Perceptron(networks=1),
    DiscriminantAnalysis(),
    NearestCells(),
    WeightedNeighbourDistances(),
    RandomForest(trees=20),
    GradientBoosting(rounds=15),
    FastNet(networks=1, size=16, width=8, epochs=6, views=1, device="cpu"),
    ResNet(networks=1, size=16, width=4, epochs=6, views=1, device="cpu"),
    LipNet(networks=1, size=16, variant="1", epochs=6, views=1, device="cpu"),
    DeepSupportVectorMachine(size=16, epochs=6, views=1, device="cpu"),
    Jury(networks=1, size=16, epochs=6, views=1, device="cpu"),
)
ALL = pytest.mark.parametrize("classifier", QUICK, ids=lambda c: type(c).__name__)


def predicted(model: Model, training: TrainingSet) -> np.ndarray:
    return np.concatenate([model.predict(chunk) for chunk in training.cells])


def some(names: Iterable[str]) -> list[str]:
    """At most a dozen of the names, evenly spaced: networks have hundreds of arrays that are much alike."""
    every = list(names)
    return every[:: -(-len(every) // 12)]


@cache
def fitted(classifier: Classifier) -> tuple[Model, list[float]]:
    """A model of forty cells, which is only looked at, and how far its fit said it was."""
    seen: list[float] = []
    return classifier.fit(make_training(n=40), lambda fraction, message: seen.append(fraction)), seen


@ALL
def test_a_model_pickles(classifier: Classifier, make: Make) -> None:
    training = make(n=40)
    model, _ = fitted(classifier)
    copied = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(predicted(copied, training), predicted(model, training))


@ALL
def test_states_hold_arrays_of_plain_types_only(classifier: Classifier) -> None:
    state = fitted(classifier)[0].state()
    assert {str(a.dtype) for a in state.arrays.values()} <= {"float32", "float64", "int32", "int64", "uint8"}
    assert state.meta["classes"] == ["class0", "class1", "class2"]
    assert "crop" in state.meta or "columns" in state.meta


@ALL
def test_a_foreign_state_is_refused(classifier: Classifier) -> None:
    state = fitted(classifier)[0].state()
    with pytest.raises(ModelError, match="another"):
        classifier.restore(ModelState(state.arrays, {**state.meta, "classifier": "another"}))


@ALL
def test_a_state_that_lacks_any_array_is_refused(classifier: Classifier) -> None:
    state = fitted(classifier)[0].state()
    for gone in some(state.arrays):
        with pytest.raises(ModelError):
            classifier.restore(ModelState({k: v for k, v in state.arrays.items() if k != gone}, state.meta))


@ALL
def test_a_state_that_lacks_any_entry_is_refused(classifier: Classifier) -> None:
    state = fitted(classifier)[0].state()
    for gone in set(state.meta) - {"importances"}:
        with pytest.raises(ModelError):
            classifier.restore(ModelState(state.arrays, {k: v for k, v in state.meta.items() if k != gone}))


@ALL
def test_an_array_cut_short_is_refused(classifier: Classifier) -> None:
    state = fitted(classifier)[0].state()
    for name in some(k for k, array in state.arrays.items() if array.ndim):
        with pytest.raises(ModelError):
            classifier.restore(ModelState({**state.arrays, name: state.arrays[name][:-1]}, state.meta))


@ALL
def test_a_class_without_cells_gets_no_probability(classifier: Classifier, make: Make) -> None:
    training = make(n=60)
    model = classifier.fit(training.take(training.labels != 1), no_progress)
    given = predicted(model, training)
    assert model.classes == training.classes
    assert (given[:, 1] == 0).all()
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)


@ALL
def test_one_class_alone_is_certain_and_comes_back(classifier: Classifier, make: Make) -> None:
    training = make(n=30)
    model = classifier.fit(training.take(training.labels == 2), no_progress)
    restored = classifier.restore(model.state())
    np.testing.assert_array_equal(predicted(restored, training), np.eye(3, dtype=np.float32)[np.full(30, 2)])


@ALL
def test_a_class_set_of_one_is_certain(classifier: Classifier, make: Make) -> None:
    training = make(n=12, classes=1)
    np.testing.assert_array_equal(predicted(classifier.fit(training, no_progress), training), np.ones((12, 1)))


@ALL
def test_two_cells_make_a_model(classifier: Classifier, make: Make) -> None:
    training = make(n=2, classes=2)
    given = predicted(classifier.fit(training, no_progress), training)
    np.testing.assert_allclose(given.sum(axis=1), 1, atol=1e-5)


@ALL
def test_a_class_with_one_cell_is_no_obstacle(classifier: Classifier, make: Make) -> None:
    training = make(n=60)
    rows = (training.labels != 1) | (np.cumsum(training.labels == 1) == 1)
    given = predicted(classifier.fit(training.take(rows), no_progress), training)
    assert np.isfinite(given).all()


@ALL
def test_no_cells_are_refused_with_a_remedy(classifier: Classifier, make: Make) -> None:
    training = make(n=12)
    with pytest.raises(TrainingError) as error:
        classifier.fit(training.take(np.zeros(12, bool)), no_progress)
    assert error.value.remedy


@ALL
def test_a_fit_stops_when_nobody_wants_it(classifier: Classifier, make: Make) -> None:
    def stop(fraction: float, message: str) -> None:
        if fraction > 0.2:
            raise Cancelled

    with pytest.raises(Cancelled):
        classifier.fit(make(n=40), stop)


@ALL
def test_progress_rises_to_one(classifier: Classifier) -> None:
    _, seen = fitted(classifier)
    assert seen == sorted(seen)
    assert seen[-1] == pytest.approx(1)
    assert len(seen) >= 4


@ALL
def test_shuffled_labels_score_chance(classifier: Classifier, make: Make) -> None:
    training = make(n=160, wells=8)
    shuffled = replace(training, labels=np.random.default_rng(1).permutation(training.labels))
    report = evaluate(classifier, shuffled, no_progress, folds=2)
    assert 0.2 < report["balanced_accuracy"]["value"] < 0.47
    # probabilities that were learnt from noise must not be sure of it
    assert report["log_loss"]["value"] < 1.6


def test_choosing_a_classifier_imports_no_learning_library() -> None:
    listing = (
        "import sys; from napari_phenotyper.core.registry import Registry; r = Registry();"
        "[r.get('classifier', name) for name in ('svm', 'forest', 'fastnet', 'resnet', 'lipnet', 'deep_svm', 'jury')];"
        "print(sorted({'torch', 'sklearn', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", listing], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
