"""Learning curves and what they promise."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from tests.contracts.scenes import CLASSES

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.crossval import held_out
from napari_phenotyper.evaluation.curve import learning_curve
from napari_phenotyper.evaluation.forecast import FARTHEST, GAIN, forecast

LABELS = np.array([25.0, 50, 100, 150, 200])


def drawn(scores, noise=0.002, draws=400, seed=0):
    """Return draws of a curve that go up and down together, as those over groups do, and a little apart."""
    rng = np.random.default_rng(seed)
    return scores + rng.normal(0, 0.01, (draws, 1)) + rng.normal(0, noise, (draws, len(scores)))


def training(per_class=40, spread=1.2, wells=8, seed=0):
    """Return cells of three classes in eight features that overlap."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(3), per_class)
    groups = np.sort(rng.permutation(len(labels)) % wells)
    labels = rng.permutation(labels)
    matrix = (rng.normal(0, spread, (len(labels), 8)) + np.eye(8)[labels] * 2).astype(np.float32)
    chunks = []
    for well in range(wells):
        rows, zero = np.flatnonzero(groups == well), np.zeros((groups == well).sum(), np.float32)
        block = ColumnBlock(tuple("abcdefgh"), matrix[rows])
        chunks.append(Cells(FieldRef("P", f"A{well + 1:02d}", 1), rows.astype(np.int32), zero, zero, {"b": block}))
    return TrainingSet(tuple(chunks), CLASSES, labels, groups, tuple(f"A{w + 1:02d}" for w in range(wells)))


@dataclass(frozen=True)
class Watching:
    """A classifier that remembers what it was given."""

    seen: list = field(default_factory=list)

    def fit(self, known, progress):
        self.seen.append(known)
        return Registry().make("classifier", "svm").fit(known, progress)

    def restore(self, state):
        return Registry().make("classifier", "svm").restore(state)


def test_a_power_law_is_continued():
    scores = 1 - 0.8 * LABELS**-0.4
    found = forecast(LABELS, scores, drawn(scores))
    error = 1 - scores[-1]
    needed = 200 * ((error / (error - GAIN)) ** (1 / 0.4) - 1)
    assert found.verdict == "rises" and found.low <= needed <= (found.high or np.inf)
    assert found.labels == pytest.approx(needed, rel=0.25)


def test_a_curve_that_has_come_to_rest_is_called_flat():
    scores = 1 - (0.2 + 0.5 * (LABELS / 5) ** -3.0)
    assert forecast(LABELS, scores, drawn(scores, 0.0003)).verdict == "flat"


def test_a_curve_of_noise_allows_no_forecast():
    scores = np.array([0.70, 0.78, 0.69, 0.77, 0.71])
    assert forecast(LABELS, scores, drawn(scores, 0.05)).verdict == "unknown"


def test_a_curve_that_bends_away_from_the_law_allows_no_forecast():
    scores = np.array([0.50, 0.60, 0.70, 0.76, 0.66])
    assert forecast(LABELS, scores, drawn(scores)).verdict == "unknown"


def test_few_labels_or_points_allow_no_forecast():
    scores = 1 - 0.8 * LABELS**-0.4
    assert forecast(LABELS / 20, scores, drawn(scores)).verdict == "unknown"
    assert forecast(LABELS[:3], scores[:3], drawn(scores)[:, :3]).verdict == "unknown"


def test_a_score_of_nearly_one_is_good_already():
    scores = 1 - 0.1 * LABELS**-0.5
    assert forecast(LABELS, scores, drawn(scores)).verdict == "good"


def test_nothing_is_promised_far_beyond_the_labels_that_there_are():
    for power in (0.05, 0.1, 0.2, 0.4, 0.8):
        scores = 1 - 0.6 * (LABELS / 25) ** -power
        found = forecast(LABELS, scores, drawn(scores))
        assert found.labels is None or found.labels <= (FARTHEST - 1) * 200


def test_forecasts_hold_on_cells_that_follow_a_law():
    held = told = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        scores = 1 - rng.uniform(0.8, 1.5) * LABELS ** -rng.uniform(0.3, 0.6)
        seen = scores + rng.normal(0, 0.003, 5)
        found = forecast(LABELS, seen, drawn(seen, 0.003, seed=seed))
        if found.verdict == "rises":
            told += 1
            power = np.log((1 - scores[0]) / (1 - scores[-1])) / np.log(8)
            needed = 200 * (((1 - scores[-1]) / (1 - scores[-1] - GAIN)) ** (1 / power) - 1)
            held += 0.9 * found.low <= needed <= (1.1 * found.high if found.high else np.inf)
    assert told >= 20 and held / told >= 0.7


def test_the_curve_ends_in_the_evaluation_and_is_json():
    cells, svm = training(), Registry().make("classifier", "svm")
    whole = held_out(svm, cells, no_progress, 4)
    found = json.loads(json.dumps(learning_curve(svm, cells, whole, no_progress, (0.25, 0.5), 1)))
    assert [p["share"] for p in found["points"]] == [0.25, 0.5, 1.0] and found["points"][-1]["n"] == 120
    right = (whole.probabilities.argmax(1) == whole.labels).mean()
    assert found["points"][-1]["accuracy"]["value"] == pytest.approx(right)
    assert set(found["forecasts"]) == set(CLASSES) and "sentence" in found["forecast"]


def test_more_labels_make_a_better_classifier():
    cells, svm = training(per_class=120, spread=1.6), Registry().make("classifier", "svm")
    found = learning_curve(svm, cells, held_out(svm, cells, no_progress, 4), no_progress, (0.05, 0.3), 2)
    scores = [p["accuracy"]["value"] for p in found["points"]]
    assert scores[0] < scores[1] < scores[2]


def test_smaller_shares_lie_within_larger_ones_and_every_class_stays():
    cells, watching = training(), Watching()
    whole = held_out(Registry().make("classifier", "svm"), cells, no_progress, 4)
    learning_curve(watching, cells, whole, no_progress, (0.05, 0.5), 1)
    ids = [set(np.concatenate([c.ids for c in seen.cells]).tolist()) for seen in watching.seen]
    assert all(small < large for small, large in zip(ids[:4], ids[4:], strict=True))
    assert all((seen.counts > 0).all() for seen in watching.seen)


def test_few_wells_forecast_nothing_and_say_so():
    cells, svm = training(wells=3), Registry().make("classifier", "svm")
    found = learning_curve(svm, cells, held_out(svm, cells, no_progress, 3), no_progress, (0.25, 0.5, 0.75), 1)
    assert {f["verdict"] for f in found["forecasts"].values()} == {"unknown"} and "Only 3 wells" in found["warnings"][0]


def test_a_curve_can_be_cancelled():
    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled

    cells, svm = training(), Registry().make("classifier", "svm")
    with pytest.raises(Cancelled):
        learning_curve(svm, cells, held_out(svm, cells, no_progress, 4), stop)
