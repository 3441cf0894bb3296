"""Crops show the cell that was asked for, at the size and with the background that the spec says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.errors import ChannelError
from napari_phenotyper.core.field import Channel, Field, FieldInfo
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.field_crops import FieldCrops

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


def test_no_cells_give_no_crops():
    none = np.zeros(0, np.float32)
    assert crops_of().crops(none.astype(np.int32), none, none, PLAIN).shape == (0, 2, 9, 9)
