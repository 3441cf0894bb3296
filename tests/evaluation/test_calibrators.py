"""Calibrators: what each maps, and which one is chosen."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.evaluation.calibration import softmax
from napari_phenotyper.evaluation.calibrators import (
    FEW,
    KINDS,
    Cubic,
    Isotonic,
    Sigmoid,
    Temperature,
    choose,
    held_out_losses,
    restore,
)
from napari_phenotyper.evaluation.metrics import log_loss

each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS.keys())


def drawn(n=2000, k=4, seed=0, slope=0.4, shift=0.0):
    """Return scores, labels drawn with the probabilities at `slope` and `shift` per class, and 20 groups."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 2, (n, k))
    cumulated = softmax(scores * slope + shift * np.arange(k)).cumsum(1)
    return scores, (rng.random(n)[:, None] > cumulated).sum(1).clip(0, k - 1), np.arange(n) % 20


@each_kind
def test_probabilities_sum_to_one_and_an_unknown_class_gets_none(kind):
    scores, labels, _ = drawn(300)
    made = kind.fit(scores, labels)
    scores[:, 1] = -np.inf
    given = made(scores)
    assert given.dtype == np.float32 and (given[:, 1] == 0).all()
    np.testing.assert_allclose(given.sum(1), 1, atol=1e-5)


@each_kind
def test_a_calibrator_lowers_the_loss_of_new_cells_that_were_too_sure(kind):
    made = kind.fit(*drawn()[:2])
    new, truth, _ = drawn(seed=1)
    assert log_loss(made(new), truth) < log_loss(softmax(new), truth)


@each_kind
def test_a_calibrator_comes_back_from_json_the_same(kind):
    scores, labels, _ = drawn(400)
    made = kind.fit(scores, labels)
    back = restore(json.loads(json.dumps(made.state())), 4)
    np.testing.assert_array_equal(back(scores), made(scores))


@each_kind
def test_more_score_never_means_less_probability_before_the_rest_is_normalised(kind):
    made = kind.fit(*drawn(600, k=2)[:2])
    given = made(np.stack([np.linspace(-8, 8, 200), np.zeros(200)], axis=1))[:, 0]
    assert (np.diff(given) >= -1e-6).all()


@each_kind
@pytest.mark.parametrize("n", [0, 1, 2])
def test_a_handful_of_cells_does_not_break_it(kind, n):
    made = kind.fit(np.zeros((n, 3)), np.zeros(n, int))
    assert np.isfinite(made(np.eye(3))).all()


@each_kind
def test_no_cells_get_no_probabilities(kind):
    assert kind.fit(*drawn(50)[:2])(np.zeros((0, 4))).shape == (0, 4)


def test_few_cells_get_a_temperature():
    scores, labels, groups = drawn(FEW - 1, shift=1.0)
    assert isinstance(choose(scores, labels, groups), Temperature)


def test_cells_of_one_group_get_a_temperature():
    scores, labels, groups = drawn(shift=1.0)
    assert isinstance(choose(scores, labels, groups * 0), Temperature)


def test_a_bias_per_class_is_not_left_to_a_temperature():
    assert not isinstance(choose(*drawn(shift=1.0)), Temperature)


def test_what_a_temperature_mends_is_left_to_it():
    found = choose(*drawn())
    assert isinstance(found, Temperature) and found.slope == pytest.approx(0.4, rel=0.15)


def test_the_choice_loses_no_more_than_the_scores_as_they_are():
    for seed in range(5):
        scores, labels, groups = drawn(400, slope=1.0, seed=seed)
        new, truth, _ = drawn(4000, slope=1.0, seed=seed + 100)
        assert log_loss(choose(scores, labels, groups)(new), truth) <= log_loss(softmax(new), truth) + 0.005


def test_losses_are_those_of_calibrators_that_did_not_see_the_group():
    scores, labels, groups = drawn(40)
    labels = groups % 4  # a group says its class: whoever has seen it would know
    held = held_out_losses(scores, labels, groups, [Isotonic, Sigmoid, Cubic])
    seen = {kind.kind: log_loss(kind.fit(scores, labels)(scores), labels) for kind in (Isotonic, Sigmoid, Cubic)}
    assert all(held[name].mean() > seen[name] for name in seen)


@pytest.mark.parametrize(
    "state",
    [None, [], {}, {"kind": "magic", "curves": [[1, 2]]}, {"kind": "temperature", "slope": -1.0},
     {"kind": "temperature", "slope": True}, {"kind": "sigmoid", "curves": []}, {"kind": "sigmoid", "curves": [[1.0]]},
     {"kind": "isotonic", "curves": [[1.0, 0.0, 0.0, 1.0]]}, {"kind": "cubic", "curves": [[0, 0, 0, "x"]]},
     {"kind": "sigmoid", "curves": [[float("nan"), 0.0]]}, {"kind": "sigmoid", "curves": 3}],
)  # fmt: skip
def test_a_damaged_state_is_refused(state):
    with pytest.raises(ModelError, match="train again"):
        restore(state, 1)


def test_a_state_of_other_classes_is_refused():
    made = Sigmoid.fit(*drawn(400)[:2])
    with pytest.raises(ModelError, match="train again"):
        restore(made.state(), 3)
