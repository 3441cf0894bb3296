"""Two classifiers on the same cells: a difference is only claimed where there is one."""

from __future__ import annotations

import json

import numpy as np
import pytest

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.evaluation.compare import compare
from napari_phenotyper.evaluation.crossval import OutOfFold


def said(right, truth, groups, seed=0):
    """Return held-out predictions that are right with the given probability per cell."""
    rng = np.random.default_rng(seed)
    labels = np.where(rng.random(len(truth)) < right, truth, 1 - truth)
    return OutOfFold(0.9 * np.eye(2, dtype=np.float32)[labels] + 0.05, truth, groups, groups % 4, ("a", "b"))


def cells(n=1200, groups=24):
    return np.arange(n) % 2, np.arange(n) * groups // n


def test_a_classifier_that_is_right_more_often_comes_first_and_is_said_to():
    found = compare({"poor": said(0.7, *cells()), "good": said(0.9, *cells(), seed=1)})
    pair = found["pairs"][0]
    assert (pair["better"], pair["other"]) == ("good", "poor") and list(found["classifiers"]) == ["good", "poor"]
    assert pair["accuracy"]["low"] < 0.2 < pair["accuracy"]["high"] and pair["p"] < 0.01
    assert "beyond chance" in pair["sentence"] and "over 24 wells" in pair["sentence"]


def test_classifiers_that_are_alike_are_seldom_said_to_differ():
    shown = 0
    for seed in range(100):
        two = {"x": said(0.8, *cells(400), seed=seed), "y": said(0.8, *cells(400), seed=seed + 1000)}
        shown += "beyond chance" in compare(two, draws=400)["pairs"][0]["sentence"]
    assert shown <= 10


def test_groups_that_differ_widen_the_interval():
    truth, groups = cells(groups=8)
    good_in_half = np.where(groups < 4, 0.95, 0.65)
    spread = [
        compare({"x": said(0.8, truth, groups), "y": said(right, truth, groups, seed=1)})["pairs"][0]["accuracy"]
        for right in (0.8, good_in_half)
    ]
    assert spread[1]["high"] - spread[1]["low"] > 2 * (spread[0]["high"] - spread[0]["low"])


def test_with_few_groups_no_difference_is_shown():
    truth, groups = cells(groups=4)
    found = compare({"x": said(0.6, truth, groups), "y": said(0.95, truth, groups, seed=1)})
    assert "no difference shown" in found["pairs"][0]["sentence"] and "Only 4 wells" in found["warnings"][0]


def test_three_classifiers_make_three_pairs_and_json():
    names = {name: said(right, *cells()) for name, right in (("x", 0.6), ("y", 0.7), ("z", 0.8))}
    found = json.loads(json.dumps(compare(names)))
    assert [(p["better"], p["other"]) for p in found["pairs"]] == [("z", "y"), ("z", "x"), ("y", "x")]


def test_mcnemar_counts_the_cells_that_only_one_gets_right():
    truth, groups = cells(10, 5)
    one, two = said(1.0, truth, groups), said(0.0, truth, groups)
    mcnemar = compare({"x": one, "y": two})["pairs"][0]["mcnemar"]
    assert (mcnemar["better_only"], mcnemar["other_only"]) == (10, 0)
    assert mcnemar["p"] == pytest.approx(2 / 2**10)


def test_one_classifier_or_other_cells_are_refused():
    with pytest.raises(TrainingError, match="at least two"):
        compare({"x": said(0.8, *cells())})
    with pytest.raises(TrainingError, match="different cells"):
        compare({"x": said(0.8, *cells()), "y": said(0.8, *cells(600))})
