"""Crops are cut once."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.crops import CachedCrops

PLAIN = CropSpec(9, normalisation="none")


def test_cached_crops_are_cut_once_and_found_by_id():
    asked = []

    class Numbers:
        pixel_size = None

        def crops(self, ids, y, x, spec):
            asked.append(len(ids))
            return np.broadcast_to(ids[:, None, None, None], (len(ids), 1, spec.size, spec.size)).astype(np.float32)

    place = np.zeros(3, np.float32)
    cached = CachedCrops(Numbers(), np.array([5, 2, 9], np.int32), place, place)
    for ids in ([9], [2, 5], [5, 2, 9]):
        got = cached.crops(np.array(ids, np.int32), place[: len(ids)], place[: len(ids)], PLAIN)
        assert got[:, 0, 0, 0].tolist() == ids
    assert asked == [3]


def test_cells_that_are_added_to_cached_crops_are_cut_alone():
    asked = []

    class Numbers:
        pixel_size = None

        def crops(self, ids, y, x, spec):
            asked.append(ids.tolist())
            return np.broadcast_to(ids[:, None, None, None], (len(ids), 1, spec.size, spec.size)).astype(np.float32)

    first, more = np.array([5, 2], np.int32), np.array([2, 7, 5], np.int32)
    place = np.zeros(3, np.float32)
    kept = CachedCrops(Numbers(), first, place[:2], place[:2])
    kept.crops(first, place[:2], place[:2], PLAIN)
    grown = CachedCrops(Numbers(), more, place, place, kept.kept)
    assert grown.crops(more, place, place, PLAIN)[:, 0, 0, 0].tolist() == [2, 7, 5]
    assert asked == [[5, 2], [7]]
