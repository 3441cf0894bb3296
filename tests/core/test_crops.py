"""Crops show the cell that was asked for, at the size and with the background that the spec says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.crops import CachedCrops, FieldCrops, cut
from napari_phenotyper.core.errors import ChannelError
from napari_phenotyper.core.field import Channel, Field, FieldInfo
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.wells import FieldRef

PLAIN = CropSpec(9, normalisation="none")


@dataclass(frozen=True)
class Source:
    """Two channels of a bright disc of a radius in pixels, at (20, 24)."""

    radius: float = 4.0
    pixel_size: float | None = 0.5

    def info(self):
        return FieldInfo((1, 2, 1, 48, 48), "uint16", self.pixel_size, ((48, 48),))

    def plane(self, t, c, z, level, region):
        return (disc(self.radius) * (100 + 50 * c) + 10).astype(np.uint16)

    def fingerprint(self):
        return "disc"


def disc(radius):
    y, x = np.mgrid[:48, :48]
    return (y - 20) ** 2 + (x - 24) ** 2 <= radius**2


def crops_of(source=None):
    source = source or Source()
    field = Field(FieldRef("P", "A01", 1), source, (Channel("w1", "DNA"), Channel("w2")))
    return FieldCrops(field, lambda: Masks({NUCLEI: disc(source.radius).astype(np.int32) * 7}))


def ask(crops, spec, at=(20.0, 24.0)):
    return crops.crops(np.array([7], np.int32), *(np.array([v], np.float32) for v in at), spec)[0]


def test_a_crop_is_the_pixels_around_the_centre():
    image = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48)
    assert np.array_equal(cut(image, None, (20, 24), 9, PLAIN)[0], image[0, 16:25, 20:29])


def test_outside_the_field_a_crop_has_its_own_lowest_value():
    image = np.full((1, 48, 48), 5.0)
    image[0, 0] = 9.0
    assert (cut(image, None, (0, 20), 9, PLAIN)[0, :4] == 5.0).all()


def test_a_masked_crop_is_zero_outside_the_cell():
    crop = ask(crops_of(), CropSpec(16, background="masked", normalisation="none"))
    assert crop[0, 0, 0] == 0 and crop[0, 8, 8] == 110 and set(np.unique(crop[0]) > 0) == {False, True}


def test_a_cropped_cell_fills_the_crop_whatever_its_size():
    spec = CropSpec(16, background="cropped", normalisation="none")
    small, large = (ask(crops_of(Source(radius)), spec)[0] > 60 for radius in (4, 8))
    assert abs(small.mean() - large.mean()) < 0.08 and small[8, 1] and large[8, 1]


def test_a_plate_with_another_pixel_size_is_resampled():
    spec = CropSpec(16, pixel_size=0.5, normalisation="none")
    fine = ask(crops_of(Source(radius=8, pixel_size=0.25)), spec)[0] > 60
    same = ask(crops_of(Source(radius=4, pixel_size=0.5)), spec)[0] > 60
    assert np.sqrt(fine.sum() / same.sum()) == pytest.approx(1, abs=0.1)


def test_where_the_pixel_size_is_not_known_pixels_stay_as_they_are():
    spec = CropSpec(9, pixel_size=0.5, normalisation="none")
    assert np.array_equal(ask(crops_of(Source(pixel_size=None)), spec), ask(crops_of(), PLAIN))


def test_channels_are_chosen_by_role_and_one_that_is_missing_is_told():
    assert ask(crops_of(), CropSpec(9, ("w2",), normalisation="none"))[0, 4, 4] == 160
    with pytest.raises(ChannelError, match="'actin'"):
        ask(crops_of(), CropSpec(9, ("actin",)))


def test_normalised_crops_do_not_depend_on_exposure():
    image = np.random.default_rng(0).normal(100, 20, (1, 48, 48))
    once, twice = (cut(image * gain + 7, None, (20, 24), 20, CropSpec(20)) for gain in (1, 2))
    assert np.allclose(once, twice, atol=1e-5) and once.min() == 0


def test_no_cells_give_no_crops():
    none = np.zeros(0, np.float32)
    assert crops_of().crops(none.astype(np.int32), none, none, PLAIN).shape == (0, 2, 9, 9)


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
