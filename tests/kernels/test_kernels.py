"""Kernels, against the plain way of doing the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage, stats

from napari_phenotyper.core.scene import cell_index
from napari_phenotyper.kernels import boxes, cooccurrence, grouped, hull, outline
from napari_phenotyper.kernels.background import background, level_and_noise

groups_of_values = st.lists(
    arrays(np.float32, st.integers(1, 20), elements=st.floats(-1e6, 1e6, width=32)), min_size=1, max_size=8
)


def flat(groups):
    return np.concatenate(groups), np.append(0, np.cumsum([len(g) for g in groups])).astype(np.int64)


def random_labels(seed, size=40):
    rng = np.random.default_rng(seed)
    labels, _ = ndimage.label(rng.random((size, size)) < 0.55)
    return labels.astype(np.int32)


@given(groups_of_values)
def test_grouped_statistics_are_those_of_each_group(groups):
    values, offsets = flat(groups)
    assert np.allclose(grouped.group_sum(values, offsets), [g.astype(float).sum() for g in groups])
    assert np.allclose(grouped.group_mean(values, offsets), [g.astype(float).mean() for g in groups])
    assert np.array_equal(grouped.group_min(values, offsets), [g.min() for g in groups])
    assert np.array_equal(grouped.group_max(values, offsets), [g.max() for g in groups])


@given(groups_of_values, st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_grouped_quantiles_are_those_of_numpy(groups, shares):
    values, offsets = flat(groups)
    expected = [np.quantile(g.astype(float), shares) for g in groups]
    assert np.allclose(grouped.group_quantiles(values, offsets, shares), expected, rtol=1e-6, atol=1e-6)


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
    same = outline.neighbours(index.shape, index.y, index.x, index.cell)
    regions = regionprops(labels)
    length = outline.perimeter(index.shape, index.y, index.x, index.cell, index.offsets, same)
    assert np.allclose(length, [r.perimeter for r in regions])
    assert np.array_equal(outline.euler_number(index.offsets, same), [r.euler_number for r in regions])


def test_depth_is_the_distance_map_of_each_cell_alone():
    labels = random_labels(1)
    index = cell_index(labels)
    depth = outline.depth(index.y, index.x, index.offsets, index.box)
    for i, cell in enumerate(index.ids):
        alone = ndimage.distance_transform_edt(np.pad(labels == cell, 1))[1:-1, 1:-1]
        part = slice(index.offsets[i], index.offsets[i + 1])
        assert np.allclose(depth[part], alone[index.y[part], index.x[part]])


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**6))
def test_hulls_hold_the_exact_ones_closely(seed):
    from scipy.spatial import ConvexHull

    points = np.random.default_rng(seed).integers(0, 40, (30, 2))
    mask = np.zeros((41, 41), np.int32)
    mask[tuple(points.T)] = 1
    index = cell_index(mask)
    corners = np.concatenate([np.stack([index.y + a, index.x + b], 1) for a in (-0.5, 0.5) for b in (-0.5, 0.5)])
    exact = ConvexHull(corners)
    found = hull.convex_hulls(index.y, index.x, index.offsets)
    assert exact.volume - 1e-6 <= found.area[0] <= 1.02 * exact.volume
    assert exact.area - 1e-6 <= found.perimeter[0] <= 1.01 * exact.area
    far = np.linalg.norm(corners[:, None] - corners[None], axis=2).max()
    assert 0.999 * far <= found.max_feret[0] <= far + 1e-6
    assert found.min_feret[0] <= found.max_feret[0]


def test_the_hull_of_a_rectangle_is_exact():
    index = cell_index(np.pad(np.ones((5, 12), np.int32), 3))
    found = hull.convex_hulls(index.y, index.x, index.offsets)
    assert found.area[0] == pytest.approx(60) and found.min_feret[0] == pytest.approx(5)
    assert found.perimeter[0] == pytest.approx(34)


@pytest.mark.parametrize(("outside", "mode"), [("edge", "nearest"), ("constant", "constant")])
def test_box_sums_are_those_of_a_uniform_filter(outside, mode):
    image = np.random.default_rng(0).integers(0, 1000, (20, 30))
    y, x = (c.ravel() for c in np.mgrid[:20, :30])
    for row, size in zip(boxes.box_sums(image, y, x, (3, 7), outside), (3, 7), strict=True):
        expected = ndimage.uniform_filter(image.astype(float), size, mode=mode) * size**2
        assert np.allclose(row, expected.ravel())


@pytest.mark.parametrize("step", [(0, 1), (1, 1), (1, 0), (1, -1), (0, 3)])
def test_cooccurrence_is_that_of_scikit_image(step):
    from skimage.feature import graycomatrix

    image = np.random.default_rng(0).integers(0, 8, (12, 15)).astype(np.uint8)
    index = cell_index(np.ones(image.shape, np.int32))
    level = image[index.y, index.x].astype(np.intp)
    (found,) = cooccurrence.cooccurrence(index.shape, index.y, index.x, index.cell, level, (1, 8), [step])
    distance, angle = max(np.abs(step)), np.arctan2(step[0], step[1])
    exact = np.hypot(*step) if 0 in step else np.sqrt(2)
    expected = graycomatrix(image, [exact if distance == 1 else distance], [angle], 8, symmetric=True, normed=True)
    assert np.allclose(found[0], expected[:, :, 0, 0])


def test_cooccurrence_pairs_no_pixels_of_different_cells():
    labels = np.repeat([[1, 2]], 4, axis=0).astype(np.int32)
    index = cell_index(labels)
    (found,) = cooccurrence.cooccurrence(index.shape, index.y, index.x, index.cell, index.cell, (2, 2), [(0, 1)])
    assert np.array_equal(found, [[[1, 0], [0, 0]], [[0, 0], [0, 1]]])


def test_haralick_statistics_are_those_of_scikit_image():
    from skimage.feature import graycomatrix, graycoprops

    image = np.random.default_rng(1).integers(0, 8, (30, 30)).astype(np.uint8)
    matrix = graycomatrix(image, [1], [0], 8, symmetric=True, normed=True)
    found = dict(zip(cooccurrence.HARALICK, cooccurrence.haralick(matrix[:, :, 0, 0][None])[0], strict=True))
    names = {"Contrast": "contrast", "Correlation": "correlation", "InverseDifferenceMoment": "homogeneity",
             "AngularSecondMoment": "ASM", "Entropy": "entropy", "Variance": "variance"}  # fmt: skip
    for ours, theirs in names.items():
        expected = graycoprops(matrix, theirs)[0, 0] / (np.log(2) if theirs == "entropy" else 1)
        assert found[ours] == pytest.approx(expected), ours


def test_haralick_statistics_of_a_constant_cell_are_finite():
    matrix = np.zeros((1, 4, 4))
    matrix[0, 1, 1] = 1
    found = dict(zip(cooccurrence.HARALICK, cooccurrence.haralick(matrix)[0], strict=True))
    assert found["AngularSecondMoment"] == 1 and found["Entropy"] == 0 and found["Correlation"] == 1
    assert found["InfoMeas1"] == 0 and found["InfoMeas2"] == 0


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
