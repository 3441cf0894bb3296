"""Splitting touching objects along the valleys of a relief."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.kernels import splitting


def test_basins_without_a_neck_between_are_joined():
    y, x = np.mgrid[:60, :100]
    apart = np.maximum(20 - np.hypot(y - 30, x - 30), 20 - np.hypot(y - 30, x - 62)).clip(0).astype(np.float32)
    mask = apart > 0
    assert splitting.split(mask, apart, 20, 0.9, 10).max() > 0
    assert len(np.unique(splitting.split(mask, apart, 20, 0.9, 10))) == 3
    assert len(np.unique(splitting.split(mask, apart, 20, 0.1, 10))) == 2, "a low bar for joining"
    assert len(np.unique(splitting.split(mask, apart, 20, 0.9, 5000))) == 2, "both too small to stand alone"


def test_only_the_largest_part_of_a_label_stays():
    labels = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [2, 2, 0, 3]], np.int32)
    assert splitting.largest_parts(labels).tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [2, 2, 0, 3]]


def test_renumbering_leaves_no_gaps():
    labels = np.array([[0, 3, 7], [7, 9, 9]], np.int32)
    assert splitting.renumber(labels).tolist() == [[0, 1, 2], [2, 3, 3]]
    keep = np.ones(10, bool)
    keep[7] = False
    assert splitting.renumber(labels, keep).tolist() == [[0, 1, 0], [0, 2, 2]]
