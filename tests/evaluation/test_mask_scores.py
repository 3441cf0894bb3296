"""Masks against true ones: what counts as found, split, merged; and that labels are only names."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.evaluation.mask_scores import THRESHOLDS, MaskScores, overlaps, score_masks


def squares(*boxes, shape=(40, 40)):
    """A label image of boxes (top, left, bottom, right), numbered from 1."""
    labels = np.zeros(shape, np.int32)
    for number, (top, left, bottom, right) in enumerate(boxes, 1):
        labels[top:bottom, left:right] = number
    return labels


def by_hand(predicted, true):
    """IoU of every object with every true one, the slow way."""
    found = {}
    for a in np.unique(predicted[predicted > 0]):
        for b in np.unique(true[true > 0]):
            shared = np.count_nonzero((predicted == a) & (true == b))
            if shared:
                found[int(a), int(b)] = shared / np.count_nonzero((predicted == a) | (true == b))
    return found


def test_equal_masks_score_one_at_every_threshold():
    labels = squares((0, 0, 10, 10), (20, 20, 31, 35))
    scores = score_masks(labels, labels)
    for values in (scores.f1, scores.precision, scores.recall, scores.average_precision):
        assert np.array_equal(values, np.ones(len(THRESHOLDS)))
    assert (scores.predicted, scores.true, scores.splits, scores.merges) == (2, 2, 0, 0)


def test_a_threshold_is_passed_only_by_a_larger_overlap():
    true, half = squares((0, 0, 10, 10)), squares((0, 0, 10, 5))
    assert score_masks(half, true).hits[0] == 0  # IoU is 0.5 exactly: two such halves would both be found
    assert score_masks(squares((0, 0, 10, 6)), true).hits.tolist() == [1, 1] + [0] * 8


def test_scores_follow_from_hits_and_counts():
    true = squares((0, 0, 10, 10), (0, 20, 10, 30), (20, 0, 30, 10))
    scores = score_masks(squares((0, 0, 10, 10), (30, 30, 40, 40)), true)
    assert scores.at("precision", 0.5) == 1 / 2 and scores.at("recall", 0.5) == 1 / 3
    assert scores.at("f1", 0.5) == 2 / 5 and scores.at("average_precision", 0.5) == 1 / 4


def test_one_true_object_cut_in_two_is_a_split_and_two_in_one_a_merge():
    whole, halves = squares((0, 0, 10, 20)), squares((0, 0, 10, 12), (0, 12, 10, 20))
    assert (score_masks(halves, whole).splits, score_masks(halves, whole).merges) == (1, 0)
    assert (score_masks(whole, halves).splits, score_masks(whole, halves).merges) == (0, 1)


def test_a_speck_beside_a_nucleus_splits_nothing():
    nucleus_and_speck = squares((0, 0, 20, 20), (20, 0, 21, 20))
    assert score_masks(nucleus_and_speck, squares((0, 0, 21, 20))).splits == 0


def test_images_are_pooled_object_by_object():
    full, empty = squares((0, 0, 10, 10), (20, 20, 30, 30)), squares()
    pooled = score_masks(full, full) + score_masks(empty, full)
    assert pooled.images == 2 and pooled.at("recall", 0.5) == 0.5 and pooled.at("precision", 0.5) == 1.0


def test_images_without_objects_add_nothing_and_have_no_score_alone():
    empty = score_masks(squares(), squares())
    assert np.isnan(empty.f1).all() and np.isnan(empty.average_precision).all()
    one = score_masks(squares((0, 0, 9, 9)), squares((0, 0, 9, 9)))
    assert (one + empty).at("f1", 0.95) == 1.0 and (MaskScores() + one).images == 1


def test_pictures_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match=r"\(40, 40\) and \(20, 40\)"):
        score_masks(squares(), squares(shape=(20, 40)))


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int64", "uint64"])
def test_labels_are_names_of_any_type_and_size(dtype):
    labels = squares((0, 0, 10, 10), (20, 20, 30, 30))
    renamed = np.array([0, 201, 7], dtype)[labels]
    assert score_masks(renamed, labels).hits.tolist() == [2] * 10
    if dtype == "uint64":
        assert score_masks(renamed * np.uint64(10**16), labels).hits.tolist() == [2] * 10


def test_negative_labels_are_background():
    labels = squares((0, 0, 10, 10))
    ignored = labels.astype(np.int32)
    ignored[30:, 30:] = -1
    assert score_masks(ignored, labels).predicted == 1


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.booleans())
def test_sparse_overlaps_are_those_counted_by_hand(seed, n, m, gaps):
    rng = np.random.default_rng(seed)
    predicted, true = rng.integers(0, n + 1, (6, 7)), rng.integers(0, m + 1, (6, 7))
    if gaps:
        predicted = predicted * 500
    found = overlaps(predicted, true)
    own, other = np.unique(predicted[predicted > 0]), np.unique(true[true > 0])
    pairs = {(int(own[a]), int(other[b])): v for a, b, v in zip(found.predicted, found.true, found.iou, strict=True)}
    assert pairs == pytest.approx(by_hand(predicted, true))


def test_the_order_of_pixels_and_of_labels_does_not_matter():
    rng = np.random.default_rng(3)
    predicted, true = rng.integers(0, 5, (30, 30)), rng.integers(0, 5, (30, 30))
    names = np.array([0, 4, 3, 2, 1])
    for changed in (score_masks(predicted.T, true.T), score_masks(names[predicted], names[true])):
        assert changed.report() == score_masks(predicted, true).report()
