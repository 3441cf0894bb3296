"""Kernels, against the plain way of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from napari_phenotyper.core.scene import cell_index
from napari_phenotyper.kernels import brightness, cooccurrence, grouped, hull, openings, outline, patches, ranks
from napari_phenotyper.kernels.background import background, level_and_noise

groups_of_values = st.lists(
    arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=8
)


def flat(groups):
    return np.concatenate(groups), np.append(0, np.cumsum([len(g) for g in groups])).astype(np.int64)


def place(index):
    return index.y, index.x, index.offsets, index.box


def whole(image):
    """Return the index of an image as one cell."""
    return cell_index(np.ones(image.shape, np.int32))


def random_labels(seed, size=40):
    rng = np.random.default_rng(seed)
    labels, _ = ndimage.label(rng.random((size, size)) < 0.55)
    return labels.astype(np.int32)


@settings(deadline=None)
@given(groups_of_values)
def test_grouped_statistics_are_those_of_each_group(groups):
    values, offsets = flat(groups)
    assert np.allclose(grouped.group_sum(values, offsets), [g.astype(float).sum() for g in groups])
    assert np.array_equal(grouped.group_min(values, offsets), [g.min() for g in groups])
    assert np.array_equal(grouped.group_max(values, offsets), [g.max() for g in groups])


@settings(deadline=None)
@given(groups_of_values, st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_grouped_quantiles_are_those_of_numpy(groups, shares):
    values, offsets = flat(groups)
    expected = [np.quantile(g.astype(float), shares) for g in groups]
    assert np.allclose(grouped.group_quantiles(values, offsets, shares), expected, rtol=1e-6, atol=1e-6)


@settings(deadline=None)
@given(groups_of_values)
def test_sorting_in_groups_is_sorting_each(groups):
    values, offsets = flat(groups)
    assert np.array_equal(grouped.sort_groups(values, offsets), np.concatenate([np.sort(g) for g in groups]))


def test_grouped_moments_are_those_of_scipy():
    rng = np.random.default_rng(0)
    groups = [rng.gamma(2, 1, n) for n in (5, 50, 7)]
    moments = grouped.group_moments(*flat(groups))
    assert np.allclose(moments.skewness, [stats.skew(g) for g in groups])
    assert np.allclose(moments.kurtosis, [stats.kurtosis(g) for g in groups])
    assert np.allclose(moments.sd, [g.std() for g in groups])


def test_a_constant_group_has_no_skewness():
    moments = grouped.group_moments(np.full(30, 0.1, np.float32), np.array([0, 10, 30]))
    assert not moments.skewness.any() and not moments.kurtosis.any()


def test_no_groups_give_no_statistics():
    nothing, offsets = np.zeros(0, np.float32), np.zeros(1, np.int64)
    assert grouped.group_sum(nothing, offsets).shape == (0,)
    assert grouped.group_max(nothing, offsets).shape == (0,)
    assert grouped.group_quantiles(nothing, offsets, (0.1, 0.5)).shape == (0, 2)
    assert grouped.group_moments(nothing, offsets).mean.shape == (0,)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 10**6))
def test_perimeter_and_euler_number_are_those_of_scikit_image(seed):
    from skimage.measure import regionprops

    labels = random_labels(seed)
    index = cell_index(labels)
    codes = outline.neighbours(*place(index))
    regions = regionprops(labels)
    length = outline.perimeter(*place(index), outline.is_border(codes))
    assert np.allclose(length, [r.perimeter for r in regions])
    assert np.array_equal(outline.euler_number(codes, index.offsets), [r.euler_number for r in regions])


def test_depth_is_the_distance_map_of_each_cell_alone():
    labels = random_labels(1)
    index = cell_index(labels)
    depth = outline.depth(*place(index))
    statistics = outline.depth_statistics(depth, index.offsets)
    for i, cell in enumerate(index.ids):
        alone = ndimage.distance_transform_edt(np.pad(labels == cell, 1))[1:-1, 1:-1]
        part = slice(index.offsets[i], index.offsets[i + 1])
        assert np.allclose(depth[part], alone[index.y[part], index.x[part]])
        inside = alone[labels == cell]
        assert np.allclose(statistics[i], [inside.max(), inside.mean(), np.median(inside)])


def test_depth_of_a_wide_cell_is_the_distance_map_too():
    mask = np.ones((60, 400), np.int32)
    mask[30:40, 100:300] = 0
    index = cell_index(mask)
    expected = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    assert np.allclose(outline.depth(*place(index)), expected[index.y, index.x])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_hulls_are_those_of_scipy_and_scikit_image(seed):
    from scipy.spatial import ConvexHull
    from skimage.morphology import convex_hull_image

    points = np.random.default_rng(seed).integers(0, 40, (30, 2))
    mask = np.zeros((41, 41), np.int32)
    mask[tuple(points.T)] = 1
    index = cell_index(mask)
    centres = np.stack([index.y, index.x], axis=1)
    corners = np.concatenate([centres + np.array([a, b]) for a in (-0.5, 0.5) for b in (-0.5, 0.5)])
    found = hull.convex_hulls(index.y, index.x, index.offsets)
    assert found.area[0] == convex_hull_image(mask).sum()
    assert found.perimeter[0] == pytest.approx(ConvexHull(corners).area)
    away = np.linalg.norm(centres[:, None] - centres[None], axis=2)
    assert found.max_feret[0] == pytest.approx(away.max())
    across = [np.ptp(centres @ e[:2]) for e in ConvexHull(centres).equations]
    assert found.min_feret[0] == pytest.approx(min(across))
    far = np.hypot(index.y - found.y[0], index.x - found.x[0])
    assert far.max() == pytest.approx(found.radius[0]) and (far > found.radius[0] - 1e-6).sum() >= 2
    assert found.radius[0] <= away.max() / np.sqrt(3) + 1e-9, "Jung's theorem"


def test_the_hull_of_a_rectangle_is_exact():
    index = cell_index(np.pad(np.ones((5, 12), np.int32), 3))
    found = hull.convex_hulls(index.y, index.x, index.offsets)
    assert found.area[0] == 60 and found.perimeter[0] == 34
    assert found.min_feret[0] == 4 and found.max_feret[0] == pytest.approx(np.hypot(4, 11))


@settings(deadline=None)
@given(arrays(np.float32, st.integers(1, 40), elements=st.floats(-1e6, 1e6, width=32)), st.floats(0, 1))
def test_a_quantile_of_many_is_that_of_numpy(values, share):
    assert ranks.quantile(values, share) == pytest.approx(np.quantile(values.astype(float), share), rel=1e-6, abs=1e-6)


@settings(deadline=None)
@given(arrays(np.uint16, st.integers(1, 40)), st.floats(0, 1))
def test_a_quantile_of_whole_numbers_is_that_of_numpy(values, share):
    expected = pytest.approx(np.quantile(values.astype(float), share), rel=1e-9)
    assert ranks.quantile(values.astype(np.float32), share, whole=True) == expected
    assert ranks.quantile(values.astype(np.float32), share) == expected


@settings(deadline=None)
@given(groups_of_values)
def test_the_absolute_deviation_is_the_median_of_the_deviations(groups):
    values, offsets = flat(groups)
    median = grouped.group_quantiles(values, offsets, (0.5,))[:, 0].copy()
    found = brightness.absolute_deviation(grouped.sort_groups(values, offsets), median, offsets)
    expected = [np.median(np.abs(g - m)) for g, m in zip(groups, median, strict=True)]
    assert np.allclose(found, expected, rtol=1e-6, atol=1e-6)


def test_bands_are_differences_of_uniform_filters():
    image = np.random.default_rng(0).uniform(0, 100, (20, 30)).astype(np.float32)
    index = whole(image)
    found = patches.band_moments(image, *place(index), np.array([1, 2, 4]))
    means = [ndimage.uniform_filter(image.astype(float), size, mode="nearest").ravel() for size in (3, 5, 9)]
    for j in range(2):
        band = means[j] - means[j + 1]
        assert np.allclose(found[0, j], [band.std(), stats.skew(band)], rtol=1e-5)


def test_surroundings_are_the_free_pixels_near_the_edge():
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 50), np.int32)
    labels[5:15, 3:20], labels[5:15, 20:30] = 1, 2
    image = rng.uniform(0, 100, labels.shape).astype(np.float32)
    index = cell_index(labels)
    border = outline.is_border(outline.neighbours(*place(index)))
    found = brightness.surroundings(image, labels == 0, border, *place(index), 4)
    for i in range(2):
        part = slice(index.offsets[i], index.offsets[i + 1])
        edge = np.zeros(labels.shape)
        edge[index.y[part][border[part]], index.x[part][border[part]]] = 1
        weight = ndimage.uniform_filter(edge, 9, mode="constant") * (labels == 0)
        assert found[i] == pytest.approx((image * weight).sum() / weight.sum(), rel=1e-5)


def test_openings_and_closings_are_those_of_scipy():
    rng = np.random.default_rng(0)
    labels = np.zeros((40, 40), np.int32)
    labels[3:33, 5:30], labels[33:, 5:30] = 1, 2
    light = rng.uniform(0, 100, labels.shape).astype(np.float32)
    index = cell_index(labels)
    opened, closed = openings.opening_sums(
        light[index.y, index.x], *place(index), np.array([1, 2, 4]), np.array([1, 3])
    )
    for i, cell in enumerate(index.ids):
        own = labels == cell
        for k, size in enumerate((3, 5, 9)):
            expected = ndimage.grey_opening(np.where(own, light, 0), size, mode="constant")[own].sum()
            assert opened[i, k] == pytest.approx(expected, rel=1e-5)
        for k, size in enumerate((3, 7)):
            drawn = np.where(own, light, np.inf)
            grown = ndimage.maximum_filter(drawn, size, mode="constant", cval=np.inf)
            shrunk = ndimage.minimum_filter(grown, size, mode="constant", cval=np.inf)
            expected = np.minimum(shrunk[own], light[own].max()).sum()
            assert closed[i, k] == pytest.approx(expected, rel=1e-5)


def haralick(image, levels, scale):
    """Return the statistics of an image of grey levels, by name."""
    index = whole(image)
    level = image[index.y, index.x].astype(np.uint8)
    found = cooccurrence.haralick(level, *place(index), levels, np.array([scale]))
    return dict(zip(cooccurrence.HARALICK, found[0, 0], strict=True))


@pytest.mark.parametrize("scale", [1, 3])
def test_haralick_statistics_are_those_of_scikit_image(scale):
    from skimage.feature import graycomatrix, graycoprops

    image = np.random.default_rng(1).integers(0, 8, (30, 30)).astype(np.uint8)
    found = haralick(image, 8, scale)
    steps = [(0, 1), (1, 1), (1, 0), (1, -1)]
    matrices = np.zeros((8, 8, 1, 4))
    for d, (dy, dx) in enumerate(steps):
        away = scale * np.hypot(dy, dx)
        matrices[..., d] = graycomatrix(image, [away], [np.arctan2(dy, dx)], 8, symmetric=True, normed=True)[..., 0]
    names = {"Contrast": "contrast", "Correlation": "correlation", "InverseDifferenceMoment": "homogeneity",
             "AngularSecondMoment": "ASM", "Entropy": "entropy", "Variance": "variance"}  # fmt: skip
    for ours, theirs in names.items():
        expected = graycoprops(matrices, theirs).mean() / (np.log(2) if theirs == "entropy" else 1)
        assert found[ours] == pytest.approx(expected), ours


def test_cooccurrence_pairs_no_pixels_of_different_cells():
    index = cell_index(np.repeat([[1, 2]], 4, axis=0).astype(np.int32))
    level = index.cell.astype(np.uint8)
    found = cooccurrence.haralick(level, *place(index), 2, np.array([1]))
    contrast, entropy = (cooccurrence.HARALICK.index(name) for name in ("Contrast", "Entropy"))
    assert not found[:, 0, contrast].any() and not found[:, 0, entropy].any()


def test_haralick_statistics_of_a_constant_cell_are_finite():
    found = haralick(np.ones((4, 4), np.uint8), 4, 1)
    assert found["AngularSecondMoment"] == 1 and found["Entropy"] == 0 and found["Correlation"] == 1
    assert found["InfoMeas1"] == 0 and found["InfoMeas2"] == 0


def test_a_cell_smaller_than_the_step_pairs_each_pixel_with_itself():
    found = haralick(np.array([[0, 2, 2, 1]], np.uint8), 3, 5)
    assert found["Contrast"] == 0 and found["Entropy"] == pytest.approx(1.5) and found["Correlation"] == 1


def test_the_background_follows_slow_changes_and_ignores_nuclei():
    y, x = np.mgrid[:300, :300]
    slow = 100 + 0.5 * x
    spots = 500.0 * ((y % 60 - 30) ** 2 + (x % 60 - 30) ** 2 < 100)
    found = background((slow + spots).astype(np.float32), 20)
    middle = np.s_[60:240, 60:240]
    assert np.abs(found - slow)[middle].max() < 20


def test_level_and_noise_are_those_of_the_background():
    image = np.random.default_rng(0).normal(50, 3, (400, 400)).astype(np.float32)
    image[:200, :200] += 500
    level, noise = level_and_noise(image)
    assert level == pytest.approx(50, abs=1.5) and noise == pytest.approx(3, rel=0.15)
