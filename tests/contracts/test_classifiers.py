"""What every classifier promises."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest
from tests.contracts.scenes import cells, training

from napari_phenotyper.core.errors import ModelError, PhenotyperError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import ModelState

IDS = Registry().ids("classifier")
QUICK = {
    "fastnet": {"epochs": 5, "size": 32, "networks": 1},
    "resnet": {"epochs": 8, "size": 32, "networks": 1},
    "lipnet": {"epochs": 20, "variant": "2", "networks": 1},
    "deep_svm": {"epochs": 5, "size": 32},
    "jury": {"epochs": 5, "size": 32, "networks": 1},
    "committee": {"networks": 1},
    "perceptron": {"networks": 1},
    "forest": {"trees": 50},
}


@pytest.fixture(autouse=True, scope="module")
def short_training():
    """Perceptrons of so few and so different cells need no more: a quarter of the time."""
    from napari_phenotyper.nets import perceptrons

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(perceptrons, "MOST", 15)
        yield


@pytest.fixture(params=IDS)
def classifier(request):
    return Registry().make("classifier", request.param, QUICK.get(request.param, {}))


@pytest.fixture(scope="module")
def fitted():
    made = {name: Registry().make("classifier", name, QUICK.get(name, {})) for name in IDS}
    return {name: (one, one.fit(training(), no_progress)) for name, one in made.items()}


def cancel(fraction, message):
    raise Cancelled(message)


def test_there_are_some():
    assert {"svm", "forest", "fastnet"} <= set(IDS)


@pytest.mark.parametrize("name", IDS)
def test_its_default_learns_classes_that_are_easy_to_tell(name, fitted):
    chunk, kinds = cells(30, "B01", seed=9)
    probabilities = fitted[name][1].predict(chunk)
    assert (probabilities.argmax(axis=1) == kinds).mean() > 0.9


@pytest.mark.parametrize("name", IDS)
def test_probabilities_are_float32_and_sum_to_one(name, fitted):
    model = fitted[name][1]
    probabilities = model.predict(cells(10, "B01")[0])
    assert probabilities.shape == (10, len(model.classes)) and probabilities.dtype == np.float32
    assert np.allclose(probabilities.sum(axis=1), 1, atol=1e-5) and (probabilities >= 0).all()


@pytest.mark.parametrize("name", IDS)
def test_no_cells_give_no_rows(name, fitted):
    model = fitted[name][1]
    assert model.predict(cells(3)[0].take(np.zeros(3, bool))).shape == (0, len(model.classes))


@pytest.mark.parametrize("name", IDS)
def test_its_state_restores_the_same_model(name, fitted):
    one, model = fitted[name]
    state = model.state()
    meta = json.loads(json.dumps(state.meta))
    again = one.restore(ModelState({k: np.array(v) for k, v in state.arrays.items()}, meta))
    chunk = cells(10, "B01")[0]
    assert again.classes == model.classes and np.array_equal(again.predict(chunk), model.predict(chunk))


@pytest.mark.parametrize("name", IDS)
def test_its_state_is_arrays_and_json_without_objects(name, fitted):
    state = fitted[name][1].state()
    assert all(isinstance(a, np.ndarray) and a.dtype.kind in "fiub" for a in state.arrays.values())
    assert "columns" in state.meta or "crop" in state.meta


@pytest.mark.parametrize("name", IDS)
def test_a_foreign_state_is_refused(name, fitted):
    one, model = fitted[name]
    state = model.state()
    for bad in (
        ModelState({}, {}),
        ModelState({"x": np.zeros(3)}, {"classes": ["a", "b"]}),
        ModelState({k: v.ravel()[:0] for k, v in state.arrays.items()}, state.meta),
    ):
        with pytest.raises(ModelError):
            one.restore(bad)


@pytest.mark.parametrize("name", IDS)
def test_the_same_seed_gives_the_same_model_and_leaves_the_training_set_untouched(name, fitted):
    one, model = fitted[name]
    given = training()
    before = given.matrix().copy(), given.labels.copy()
    again, state = one.fit(given, no_progress).state(), model.state()
    assert again.arrays.keys() == state.arrays.keys() and again.meta == state.meta
    assert all(np.array_equal(again.arrays[k], v) for k, v in state.arrays.items())
    assert np.array_equal(before[0], given.matrix()) and np.array_equal(before[1], given.labels)


def test_it_stops_when_progress_says_so(classifier):
    with pytest.raises(Cancelled):
        classifier.fit(training(), cancel)


def test_it_pickles(classifier):
    assert pickle.loads(pickle.dumps(classifier)) == classifier


@pytest.mark.parametrize("rows", [[0], [0, 1], [0, 3, 6, 9]], ids=["one cell", "two cells", "one class"])
def test_with_hardly_any_cells_it_learns_or_says_why_not(classifier, rows):
    try:
        model = classifier.fit(training().take(np.array(rows)), no_progress)
    except PhenotyperError as error:
        assert error.what and error.remedy
    else:
        probabilities = model.predict(cells(10, "B01")[0])
        assert np.isfinite(probabilities).all() and np.allclose(probabilities.sum(axis=1), 1, atol=1e-5)


def test_nan_infinite_and_constant_columns_do_no_harm(classifier):
    given = training()
    spoilt = []
    for chunk in given.cells:
        values = chunk.blocks["test"].values.copy()
        values[0, 0], values[1, 1], values[:, 3], values[:, 4] = np.nan, np.inf, np.nan, 7
        spoilt.append(replace(chunk, blocks={"test": replace(chunk.blocks["test"], values=values)}))
    model = classifier.fit(replace(given, cells=tuple(spoilt)), no_progress)
    assert np.isfinite(model.predict(spoilt[0])).all()
