"""Columns with CellProfiler's names have its values, as its own code (cp_measure) gives them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef

bulk = pytest.importorskip("cp_measure.bulk", reason="cp_measure is not installed: pip install --group peers")
colocalization = pytest.importorskip("cp_measure.core.measurecolocalization")

SIZES = (
    "Area", "Perimeter", "Eccentricity", "MajorAxisLength", "MinorAxisLength", "Solidity", "Extent", "FormFactor",
    "Compactness", "EquivalentDiameter", "EulerNumber", "ConvexArea", "BoundingBoxArea", "MaximumRadius", "MeanRadius",
    "MedianRadius",
)  # fmt: skip
BRIGHTNESS = (
    "IntegratedIntensity", "MeanIntensity", "StdIntensity", "MinIntensity", "MaxIntensity", "MassDisplacement",
    "LowerQuartileIntensity", "MedianIntensity", "MADIntensity", "UpperQuartileIntensity", "IntegratedIntensityEdge",
    "MeanIntensityEdge", "StdIntensityEdge", "MinIntensityEdge", "MaxIntensityEdge",
)  # fmt: skip


def field(size=320, seed=0):
    """Return labels of nuclei, some touching and none at the field's edge, and two channels from 0 to 1."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    y, x = np.mgrid[:size, :size]
    for i, (r, c) in enumerate(((a, b) for a in range(30, size - 20, 38) for b in range(30, size - 20, 30)), 1):
        turn, away = np.arctan2(y - r, x - c) + i, np.hypot(y - r, x - c)
        labels[
            (away < rng.uniform(9, 17) * (1 + 0.15 * np.cos(2 * turn) + 0.06 * np.cos(5 * turn))) & (labels == 0)
        ] = i
    images = []
    for smooth, deep in ((1.5, 0.12), (3.0, 0.3)):
        grain = ndimage.gaussian_filter(rng.normal(size=labels.shape), smooth) * smooth * 3
        images.append(np.clip(0.03 + (labels > 0) * (0.4 + deep * grain) + rng.normal(0, 0.01, labels.shape), 0, 1))
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32), images


@pytest.fixture(scope="module")
def both():
    """Return our columns, and those of cp_measure of the first channel."""
    labels, (first, second) = field()
    scene = Scene(FieldRef("P", "A01", 1), {"DNA": first, "ER": second}, None, Masks({NUCLEI: labels}))
    ours = {}
    for name in Registry().ids("extractor"):
        block = Registry().make("extractor", name).measure(scene)
        ours |= dict(zip(block.columns, block.values.T.astype(float), strict=True))
    first, second = (image.astype(np.float32).astype(float) for image in (first, second))
    theirs = {}
    core = bulk.get_core_measurements()
    for name in ("sizeshape", "feret", "zernike", "intensity", "radial_distribution"):
        theirs |= core[name](labels, first)
    for name in ("pearson", "overlap", "manders_fold"):
        theirs |= getattr(colocalization, f"get_correlation_{name}")(first, second, labels)
    return ours, {name: np.asarray(values, float) for name, values in theirs.items()}


def agree(ours, theirs, least=0.0):
    """Tell whether all values agree to 1 %, or to `least`."""
    return np.allclose(ours, theirs, rtol=0.01, atol=least)


@pytest.mark.parametrize("name", SIZES)
def test_size_and_shape_agree(both, name):
    ours, theirs = both
    assert agree(ours[f"Nuclei_AreaShape_{name}"], theirs[name])


@pytest.mark.parametrize("name", ["MaxFeretDiameter", "MinFeretDiameter"])
def test_calipers_agree(both, name):
    ours, theirs = both
    assert agree(ours[f"Nuclei_AreaShape_{name}"], theirs[name])


def test_hu_moments_agree_but_for_the_scale(both):
    ours, theirs = both
    for i in range(7):
        h = theirs[f"HuMoment_{i}"]
        expected = np.abs(h) if i == 6 else h
        expected = np.sign(expected) * np.log10(1 + 1e6 * np.abs(expected))
        assert agree(ours[f"Nuclei_AreaShape_LogHuMoment_{i}"], expected, 1e-3), i


def test_zernike_moments_of_the_mask_agree_but_for_pixels_on_the_circle(both):
    """The few pixels that hold the circle lie on it: by rounding, centrosome counts some and some not."""
    ours, theirs = both
    on_circle = 6 * ours["Nuclei_AreaShape_Zernike_0_0"] / theirs["Area"]
    exact = np.ones(len(on_circle), bool)
    for n in range(10):
        for m in range(n % 2, n + 1, 2):
            a, b = ours[f"Nuclei_AreaShape_Zernike_{n}_{m}"], theirs[f"Zernike_{n}_{m}"]
            assert (np.abs(a - b) <= on_circle).all(), (n, m)
            exact &= np.isclose(a, b, rtol=0.01, atol=1e-5)
    assert exact.mean() > 0.2


@pytest.mark.parametrize("name", BRIGHTNESS)
def test_intensities_agree(both, name):
    ours, theirs = both
    assert agree(ours[f"Nuclei_Intensity_{name}_DNA"], theirs[f"Intensity_{name}"], 1e-6)


@pytest.mark.parametrize("ring", [f"{i}of4" for i in range(1, 5)])
@pytest.mark.parametrize("name", ["FracAtD", "MeanFrac", "RadialCV"])
def test_radial_distributions_agree(both, name, ring):
    ours, theirs = both
    assert agree(ours[f"Nuclei_RadialDistribution_{name}_DNA_{ring}"], theirs[f"RadialDistribution_{name}_{ring}"])


def test_radial_variations_of_cellprofiler_itself_are_others_in_a_turned_field():
    """Its wedges own the pixels on their borders by raster order: what agrees with it cannot stay when it is turned."""
    labels, (image, _) = field()
    radial = bulk.get_core_measurements()["radial_distribution"]
    first, second = (radial(np.rot90(labels, k).copy(), np.rot90(image, k).copy()) for k in (0, 1))
    for ring in range(1, 5):
        name = f"RadialDistribution_RadialCV_{ring}of4"
        assert not np.allclose(first[name], second[name], rtol=0.1), name


@pytest.mark.parametrize(
    ("ours_", "theirs_"),
    [
        ("Correlation_DNA_ER", "Pearson"), ("Overlap_DNA_ER", "Overlap"), ("K_DNA_ER", "K_1"), ("K_ER_DNA", "K_2"),
        ("Manders_DNA_ER", "Manders_1"), ("Manders_ER_DNA", "Manders_2"),
    ],
)  # fmt: skip
def test_correlations_agree(both, ours_, theirs_):
    ours, theirs = both
    expected = theirs[f"Correlation_{theirs_}"]
    assert agree(ours[f"Nuclei_Correlation_{ours_}"], expected, 1e-4) and expected.std() > 0


def test_haralick_statistics_agree_on_the_same_grey_levels():
    mahotas = pytest.importorskip("mahotas", reason="mahotas is not installed")
    from napari_phenotyper.core.scene import cell_index
    from napari_phenotyper.kernels.cooccurrence import HARALICK, haralick

    labels, (image, _) = field()
    cell = (labels == 1).astype(np.int32)
    level = (image * 15).astype(np.uint8)
    index = cell_index(cell)
    place = (index.y, index.x, index.offsets, index.box)
    found = haralick(level[index.y, index.x], *place, 16, np.array([1]))[0, 0]
    # 0 is what mahotas passes over, so that its levels and their sums lie higher
    theirs = mahotas.features.haralick(np.where(cell, level + 1, 0), ignore_zeros=True).mean(axis=0)
    for k, name in enumerate(HARALICK):
        if name != "DifferenceVariance":  # there mahotas has the variance of the shares, not of the differences
            assert agree(found[k] + 2 * (name == "SumAverage"), theirs[k]), name
