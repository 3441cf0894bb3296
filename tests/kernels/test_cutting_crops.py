"""Crops are those that numpy cuts, pixel for pixel."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.kernels.crops import cut

PLAIN = CropSpec(9, normalisation="none")


def one(image, y, x, side, spec, labels=None, cell=1):
    return cut(image, np.array([[y, x, side]]), spec, labels, np.array([cell], np.int32))[0]


def as_numpy_cuts(images, y, x, side, spec, labels, cell):
    """Return a crop as a few lines of numpy make it."""
    height, width = images.shape[1:]
    offset = (np.arange(spec.size) - (spec.size - 1) / 2) * (side / spec.size)
    rows, columns = y + offset, x + offset
    inside = ((rows >= -0.5) & (rows <= height - 0.5))[:, None] & ((columns >= -0.5) & (columns <= width - 0.5))
    r, c = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = np.floor(r).astype(int), np.floor(c).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    down, across = (r - top).astype(np.float32)[:, None], (c - left).astype(np.float32)
    pixels = images.astype(np.float32)
    upper = pixels[:, top][:, :, left] * (1 - across) + pixels[:, top][:, :, right] * across
    lower = pixels[:, bottom][:, :, left] * (1 - across) + pixels[:, bottom][:, :, right] * across
    crop = upper * (1 - down) + lower * down
    crop = np.where(inside, crop, crop.min(axis=(1, 2), keepdims=True))
    if spec.normalisation == "crop":
        low, high = np.percentile(crop, (1.0, 99.8), axis=(1, 2)).astype(np.float32)[..., None, None]
        crop = np.clip((crop - low) / np.maximum(high - low, np.float32(1e-6)), 0, 1.5)
    if spec.background == "masked":
        at = np.clip(np.rint(rows), 0, height - 1).astype(int), np.clip(np.rint(columns), 0, width - 1).astype(int)
        crop = crop * (inside & (labels[np.ix_(*at)] == cell))
    return crop


@settings(deadline=None)
@given(
    st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(1, 60), st.integers(1, 60),
    st.sampled_from([np.uint8, np.uint16, np.float32, np.float64, np.int32]), st.integers(1, 40), st.floats(0.5, 90),
    st.floats(-5, 65), st.floats(-5, 65), st.sampled_from(["surrounding", "masked"]), st.sampled_from(["none", "crop"]),
)  # fmt: skip
def test_a_crop_is_what_numpy_cuts(
    seed, channels, height, width, kind, size, side, y, x, background, normalisation
):  # fmt: skip
    rng = np.random.default_rng(seed)
    images = (rng.random((channels, height, width)) * rng.choice([3, 200])).astype(kind)
    labels = rng.integers(0, 3, (height, width), dtype=np.int32)
    spec = CropSpec(size, background=background, normalisation=normalisation)
    expected = as_numpy_cuts(images, y, x, side, spec, labels, 1)
    assert np.array_equal(one(images, y, x, side, spec, labels), expected)


def test_every_crop_of_many_is_the_one_cut_alone():
    rng = np.random.default_rng(0)
    image, places = rng.random((2, 50, 60)), rng.uniform(5, 45, (20, 3))
    together = cut(image, places, CropSpec(16))
    assert all(np.array_equal(crop, one(image, *place, CropSpec(16))) for crop, place in zip(together, places))


def test_a_crop_is_the_pixels_around_the_centre():
    image = np.arange(48 * 48, dtype=np.uint16).reshape(1, 48, 48)
    assert np.array_equal(one(image, 20, 24, 9, PLAIN)[0], image[0, 16:25, 20:29])


def test_outside_the_field_a_crop_has_its_own_lowest_value():
    image = np.full((1, 48, 48), 5.0)
    image[0, 0] = 9.0
    assert (one(image, 0, 20, 9, PLAIN)[0, :4] == 5.0).all()


def test_normalised_crops_do_not_depend_on_exposure():
    image = np.random.default_rng(0).normal(100, 20, (1, 48, 48))
    once, twice = (one(image * gain + 7, 20, 24, 20, CropSpec(20)) for gain in (1, 2))
    assert np.allclose(once, twice, atol=1e-5) and once.min() == 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_pixel_that_is_not_finite_leaves_the_others_as_they_were(bad):
    image = np.random.default_rng(0).random((1, 40, 40)).astype(np.float32)
    damaged = image.copy()
    damaged[0, 20, 20] = bad
    before, after = one(image, 20, 20, 31, CropSpec(31)), one(damaged, 20, 20, 31, CropSpec(31))
    assert np.isfinite(after).sum() >= after.size - 4  # what lies between it and a neighbour is not finite either
    assert np.nanmax(np.abs(np.where(np.isfinite(after), after - before, 0))) < 0.02


def test_a_channel_without_a_finite_pixel_stays_so():
    image = np.stack([np.full((20, 20), np.nan), np.arange(400.0).reshape(20, 20)])
    crop = one(image, 10, 10, 9, CropSpec(9))
    assert np.isnan(crop[0]).all() and np.isfinite(crop[1]).all()


def test_values_as_far_apart_as_floats_go_are_normalised():
    image = np.random.default_rng(0).choice([-3e38, 0.0, 3e38], (1, 20, 20)).astype(np.float32)
    assert one(image, 10, 10, 9, CropSpec(9)).shape == (1, 9, 9)


def test_an_even_crop_is_even():
    assert np.unique(one(np.full((1, 20, 20), 7, np.uint16), 10, 10, 9, CropSpec(9))).tolist() == [0.0]
