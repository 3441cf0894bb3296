"""Kernels that find objects in a field, against the plain way of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.measure import label

from napari_phenotyper.kernels import basins, cutting, joining, pieces, shrink

seeds = st.integers(0, 10**6)


def blobs(seed, sigma=2.0, shape=(50, 70)):
    return ndimage.gaussian_filter(np.random.default_rng(seed).normal(0, 1, shape), sigma).astype(np.float32)


def pair(apart):
    """Return the mask of two discs of radius 12."""
    y, x = np.mgrid[:50, :100]
    return (np.hypot(y - 25, x - 35) < 12) | (np.hypot(y - 25, x - 35 - apart) < 12)


def parts(mask):
    """Return labels of the basins of a mask's depth, their sums and their borders."""
    depth = shrink.blur(basins.depth_of(mask), 1.0)
    light = np.where(mask, 100, 0).astype(np.float32)
    labels, count = basins.climb(depth, mask)
    return labels, *(take(labels, light, depth, depth, count) for take in (basins.sums, basins.borders))


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.int32, np.float32, np.float64])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_block_means_do_not_depend_on_the_type(dtype, factor):
    image = np.random.default_rng(0).integers(0, 255, (131, 67))
    found = shrink.block_means(image.astype(dtype), factor)
    assert found.dtype == np.float32 and found.shape == (-(-131 // factor), -(-67 // factor))
    assert found[0, 0] == pytest.approx(image[:factor, :factor].mean())
    assert found[-1, -1] == pytest.approx(image[130 // factor * factor :, 66 // factor * factor :].mean())
    assert np.array_equal(found, shrink.block_means(image.astype(np.uint8), factor))


@pytest.mark.parametrize("factor", [1, 2])
def test_block_means_leave_out_what_is_not_finite(factor):
    image = np.ones((8, 8), np.float32)
    image[:2, :3], image[5, 5] = np.nan, np.inf
    found = shrink.block_means(image, factor)
    assert np.isnan(found[0, 0]) and found[-1, -1] == 1
    assert np.isnan(found[5, 5]) if factor == 1 else found[2, 2] == 1


@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0, 3.3])
def test_blurring_is_a_gaussian(sigma):
    image = np.random.default_rng(0).normal(0, 1, (30, 41)).astype(np.float32)
    expected = ndimage.gaussian_filter(image.astype(float), sigma, mode="nearest", truncate=3)
    assert np.allclose(shrink.blur(image, sigma), expected, atol=0.01)


def test_enlarging_is_linear_between_pixels_and_keeps_a_slope():
    slope = np.tile(np.arange(10, dtype=np.float32), (6, 1))
    found = shrink.enlarge(slope, 4, (23, 39))
    assert found.shape == (23, 39)
    assert np.allclose(np.diff(found[:, 2:-2], axis=1), 0.25) and np.allclose(found, found[0])


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_every_pixel_climbs_to_a_summit_and_nothing_climbs_out_of_the_mask(seed):
    relief = blobs(seed)
    mask = relief > -0.05
    labels, count = basins.climb(relief, mask)
    assert np.array_equal(labels > 0, mask) and np.array_equal(np.unique(labels[mask]), np.arange(1, count + 1))
    tops = np.where(mask, relief, -np.inf)
    assert count == ((ndimage.maximum_filter(tops, 3) == relief) & mask).sum()
    assert all(ndimage.label(labels == i, np.ones((3, 3)))[1] == 1 for i in range(1, count + 1))


def test_a_plateau_is_one_basin():
    mask = np.zeros((20, 20), bool)
    mask[3:15, 4:17] = True
    assert basins.climb(np.full(mask.shape, 7, np.float32), mask)[1] == 1


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_depth_is_the_distance_to_the_outside_within_seven_hundredths(seed):
    mask = np.pad(blobs(seed, 4.0) > -0.05, 1)
    exact = ndimage.distance_transform_edt(mask)
    assert np.all(np.abs(basins.depth_of(mask) - exact) <= 0.07 * exact + 1e-3)


def test_sums_and_borders_are_those_of_the_labels():
    labels = np.array([[1, 1, 2], [1, 0, 2], [3, 3, 3]], np.int32)
    light = np.arange(9, dtype=np.float32).reshape(3, 3)
    own = basins.sums(labels, light, light, light, 3)
    assert own[1:, basins.AREA].tolist() == [3, 2, 3] and own[1:, basins.SUM].tolist() == [4, 7, 21]
    assert own[3, basins.X] == 3 and own[3, basins.YY] == 12 and own[2, basins.TOP] == 5
    found = basins.borders(labels, light, light, light, 3)
    pairs = {(int(i), int(j)): row for i, j, row in zip(found.one, found.two, found.at, strict=True)}
    assert set(pairs) == {(1, 2), (1, 3), (2, 3)}
    assert pairs[1, 3][basins.PASS] == 3 and pairs[2, 3][basins.LENGTH] == 1 and pairs[1, 2][basins.PASS_LIGHT] == 1


@settings(deadline=None, max_examples=25)
@given(seeds, st.booleans())
def test_pieces_are_those_of_scikit_image(seed, several):
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, (17, 23)) if several else blobs(seed) > 0
    found, count = pieces.pieces(labels.astype(np.int32))
    expected = label(labels.astype(np.int32), background=0, connectivity=1)
    assert count == expected.max() and np.array_equal(found, expected)


@settings(deadline=None, max_examples=25)
@given(seeds)
def test_holes_are_those_of_scipy_and_take_the_brightness_around(seed):
    mask = blobs(seed) > -0.1
    filled, image = mask.copy(), np.where(mask, 5, 1).astype(np.float32)
    pieces.fill_holes(filled, image, mask.size)
    assert np.array_equal(filled, ndimage.binary_fill_holes(mask))
    assert np.array_equal(image == 5, filled)


def test_a_hole_larger_than_asked_stays():
    mask = np.ones((9, 9), bool)
    mask[2:4, 2:4] = mask[5:8, 5:8] = False
    pieces.fill_holes(mask, np.ones((9, 9), np.float32), 4)
    assert mask[2:4, 2:4].all() and not mask[5:8, 5:8].any()


def test_only_the_largest_piece_of_a_label_stays_and_numbers_have_no_gaps():
    labels = np.array([[1, 1, 0, 1], [0, 0, 0, 0], [5, 5, 0, 3]], np.int32)
    assert pieces.keep_largest(labels, 5, 0.0, 99.0, False) == 3
    assert labels.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [3, 3, 0, 2]]
    assert pieces.keep_largest(labels, 3, 2.0, 99.0, False) == 2
    assert labels.tolist() == [[1, 1, 0, 0], [0, 0, 0, 0], [2, 2, 0, 0]]
    assert pieces.keep_largest(labels, 2, 0.0, 99.0, True) == 0 and not labels.any()


@pytest.mark.parametrize("factor", [2, 3, 5])
def test_labels_at_full_size_have_straight_edges_where_the_cut_lies(factor):
    small = np.zeros((12, 16), np.int32)
    small[2:9, 3:6], small[2:9, 6:13] = 1, 2
    above = np.where(small > 0, 1, -1).astype(np.float32)
    found = pieces.enlarge_labels(small, above, factor, 12 * factor - 1, 16 * factor)
    expected = np.kron(small, np.ones((factor, factor), int))[: 12 * factor - 1]
    assert found.shape == expected.shape and (found != expected).mean() < 0.02
    assert np.array_equal(np.unique(found), [0, 1, 2])


def test_quantiles_of_labels_are_close_to_numpys():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 4, (60, 60)).astype(np.int32)
    image = rng.normal(100, 20, labels.shape).astype(np.float32)
    found = cutting.quantiles(labels, image, 3, 0.05, 0.9)
    for i in (1, 2, 3):
        assert found[i] == pytest.approx(np.quantile(image[labels == i], (0.05, 0.9)), abs=2)
    assert np.array_equal(cutting.quantiles(labels, np.full_like(image, 7), 3, 0.05, 0.9)[1:], np.full((3, 2), 7))


def test_labels_spread_by_steps_and_stop_at_others():
    labels = np.zeros((1, 9), np.int32)
    labels[0, 1], labels[0, 5] = 1, 2
    assert cutting.spread(labels, 1).tolist() == [[1, 1, 1, 0, 2, 2, 2, 0, 0]]
    assert cutting.spread(labels, 2)[0, 7] == 2 and labels.sum() == 3


def test_the_surround_of_a_label_is_the_background_near_it():
    labels, image = np.zeros((9, 9), np.int32), np.full((9, 9), 3, np.float32)
    labels[3:6, 3:6] = 1
    image[0], image[labels > 0] = 100, 50
    assert cutting.surround(labels, image, 1, 2)[1].tolist() == [28, 3]


def test_basins_without_a_neck_between_are_joined_by_height():
    labels, own, touching = parts(pair(18))
    least = 10.0
    assert len(np.unique(joining.join_by_height(touching, own, 0.99, least)[labels])) == 3
    assert len(np.unique(joining.join_by_height(touching, own, 0.1, least)[labels])) == 2, "a low bar for joining"
    assert len(np.unique(joining.join_by_height(touching, own, 0.99, 5000.0)[labels])) == 2, "too small to stand alone"


def test_an_ellipse_is_round_and_a_pair_is_not():
    y, x = np.mgrid[:60, :100]
    ellipse = ((y - 30) / 15) ** 2 + ((x - 50) / 40) ** 2 < 1
    for mask, low, high in ((ellipse, 0.99, 1.01), (pair(22), 0.8, 0.95)):
        light = mask.astype(np.float32)
        own = basins.sums(mask.astype(np.int32), light, light, light, 1)[1:]
        assert low < joining.roundness_of_all(own)[0] < high


@pytest.mark.parametrize(("bar", "left"), [(-50.0, 1), (50.0, 2)])
def test_basins_are_joined_by_signs_above_the_bar(bar, left):
    labels, own, touching = parts(pair(20))
    weights = np.zeros(joining.SIGNS + 1)
    weights[0] = 1.0
    roots = joining.join_by_signs(touching, own, 450.0, weights, bar)
    assert len(np.unique(roots[labels][labels > 0])) == left


@settings(deadline=None, max_examples=15)
@given(seeds, st.floats(-3, 3))
def test_what_is_joined_by_signs_is_connected_and_leaves_no_pair_above_the_bar(seed, bar):
    relief = blobs(seed, 1.5)
    mask = relief > -0.1
    labels, count = basins.climb(relief, mask)
    light = (relief - relief.min()).astype(np.float32)
    own, touching = (take(labels, light, light, relief, count) for take in (basins.sums, basins.borders))
    weights = np.array([1.0, 2.0, 5.0, -0.3, -1.0, 0.0, -2.0, 3.0, 0.5])
    joined = joining.join_by_signs(touching, own, 80.0, weights, bar).astype(np.int32)[labels]
    own, touching = (take(joined, light, light, relief, count) for take in (basins.sums, basins.borders))
    out = np.zeros(joining.SIGNS)
    for i, j, at in zip(touching.one, touching.two, touching.at, strict=True):
        joining.signs(own[i], own[j], at, 80.0, out)
        assert weights[:-1] @ out + weights[-1] <= bar + 1e-6
    assert all(ndimage.label(joined == i, np.ones((3, 3)))[1] == 1 for i in np.unique(joined[joined > 0]))
