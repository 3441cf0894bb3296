"""How large a nucleus is, and what form it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import (
    Float64,
    block,
    border_pixels,
    depths,
    label_image,
    local_centroids,
    local_coordinates,
    neighbour_codes,
    shared_hulls,
)

Place = tuple[NDArray[np.int32], NDArray[np.int32], Float64]
"""(P,) rows and columns from the corner of each cell's box, and the (n, 2) centroids there."""

_HARMONICS = range(2, 7)


@dataclass(frozen=True)
class Shape:
    """Shape: size, outline, axes, hull, moments, neighbours.

    Names are those of CellProfiler (Stirling et al. 2021) where the definition is the same; all lengths are in pixels.
    Perimeter after Benkrid & Crookes (2000), Hu's (1962) invariant moments on a logarithmic scale. `BoundaryHarmonic_k`
    is the k-th Fourier magnitude of the outline's distance from the centroid (lobes), `Crowding` the sum over the
    eight nearest nuclei of exp(−d²/(2·diameter)²), which is 0 for a nucleus alone.
    """

    version: ClassVar[int] = 2

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 36) columns; none depends on pixel values."""
        index = scene.index
        place = (*local_coordinates(scene), local_centroids(scene))
        sums = _central(place, index)
        size = _size(index, sums)
        outline = _outline(scene)
        columns = {**size, **outline, **_hull(scene, size["AreaShape_Area"]), **_radii(scene, place)}
        columns |= _hu_moments(index, sums)
        return block(columns | _surroundings(scene, size["AreaShape_EquivalentDiameter"]), len(index))


def _central(place: Place, index: CellIndex) -> dict[tuple[int, int], Float64]:
    """Return (n,) sums of y^p·x^q about the centroid by (p, q)."""
    from napari_phenotyper.kernels.moments import CENTRAL, central_moments

    return dict(zip(CENTRAL, central_moments(*place, index.offsets).T, strict=True))


def _size(index: CellIndex, sums: Mapping[tuple[int, int], Float64]) -> dict[str, Float64]:
    """Return area, box, and the axes of the ellipse with the same second moments."""
    area = index.area.astype(np.float64)
    height, width = index.box[:, 2] - index.box[:, 0], index.box[:, 3] - index.box[:, 1]
    yy, xx, xy = (sums[powers] / area for powers in ((2, 0), (0, 2), (1, 1)))
    root = np.hypot(yy - xx, 2 * xy)
    major, minor = 4 * np.sqrt((yy + xx + root) / 2), 4 * np.sqrt(np.maximum(yy + xx - root, 0) / 2)
    # a pixel alone is taken for round
    aspect = np.where(major > 0, minor / np.where(major > 0, major, 1.0), 1.0)
    return {
        "AreaShape_Area": area,
        "AreaShape_BoundingBoxArea": (height * width).astype(np.float64),
        "AreaShape_Extent": area / np.maximum(height * width, 1),
        "AreaShape_EquivalentDiameter": np.sqrt(4 * area / np.pi),
        "AreaShape_MajorAxisLength": major,
        "AreaShape_MinorAxisLength": minor,
        "AreaShape_AspectRatio": aspect,
        "AreaShape_Eccentricity": np.sqrt(1 - aspect**2),
    }


def _outline(scene: Scene) -> dict[str, Float64]:
    """Return what the outline tells."""
    from napari_phenotyper.kernels.outline import euler_number, perimeter

    index = scene.index
    length = perimeter(index.y, index.x, index.offsets, index.box, border_pixels(scene))
    # a pixel alone has no outline by this measure: count it as its four sides
    form = 4 * np.pi * index.area / np.where(length > 0, length, 4.0) ** 2
    return {
        "AreaShape_Perimeter": length,
        "AreaShape_FormFactor": form,
        "AreaShape_Compactness": 1 / form,
        "AreaShape_EulerNumber": euler_number(neighbour_codes(scene), index.offsets),
    }


def _hull(scene: Scene, area: Float64) -> dict[str, Float64]:
    """Return what the convex hull tells."""
    hull = shared_hulls(scene)
    longest = np.where(hull.max_feret > 0, hull.max_feret, 1.0)
    return {
        "AreaShape_ConvexArea": hull.area,
        "AreaShape_Solidity": area / hull.area,
        "AreaShape_ConvexPerimeter": hull.perimeter,
        "AreaShape_MaxFeretDiameter": hull.max_feret,
        "AreaShape_MinFeretDiameter": hull.min_feret,
        # a pixel alone is taken for round
        "AreaShape_FeretRatio": np.where(hull.max_feret > 0, hull.min_feret / longest, 1.0),
    }


def _radii(scene: Scene, place: Place) -> dict[str, Float64]:
    """Return depth below the edge, and how the outline's distance from the centroid varies."""
    from napari_phenotyper.kernels.moments import outline_radii
    from napari_phenotyper.kernels.outline import depth_statistics

    offsets = scene.index.offsets
    greatest, mean, median = depth_statistics(depths(scene), offsets).T
    radii = outline_radii(*place, border_pixels(scene), offsets, max(_HARMONICS))
    found = {
        "AreaShape_MaximumRadius": greatest,
        "AreaShape_MeanRadius": mean,
        "AreaShape_MedianRadius": median,
        "AreaShape_RadiusVariation": radii[:, 1] / np.maximum(radii[:, 0], 0.5),
    }
    return found | {f"AreaShape_BoundaryHarmonic_{k}": radii[:, k] for k in _HARMONICS}


def _hu_moments(index: CellIndex, sums: Mapping[tuple[int, int], Float64]) -> dict[str, Float64]:
    """Return Hu's seven invariant moments, sign(h)·log10(1 + 10⁶·|h|): they span many orders of magnitude."""
    eta = {(p, q): total / index.area ** (1 + (p + q) / 2) for (p, q), total in sums.items()}
    n20, n02, n11 = eta[2, 0], eta[0, 2], eta[1, 1]
    n30, n21, n12, n03 = eta[3, 0], eta[2, 1], eta[1, 2], eta[0, 3]
    a, b, c, d = n30 + n12, n21 + n03, n30 - 3 * n12, 3 * n21 - n03
    moments = (
        n20 + n02,
        (n20 - n02) ** 2 + 4 * n11**2,
        c**2 + d**2,
        a**2 + b**2,
        c * a * (a**2 - 3 * b**2) + d * b * (3 * a**2 - b**2),
        (n20 - n02) * (a**2 - b**2) + 4 * n11 * a * b,
        # a mirror image changes the sign of the seventh, and a microscope may mirror: its size alone is kept
        np.abs(d * a * (a**2 - 3 * b**2) - c * b * (3 * a**2 - b**2)),
    )
    return {f"AreaShape_LogHuMoment_{i}": np.sign(h) * np.log10(1 + 1e6 * np.abs(h)) for i, h in enumerate(moments)}


def _surroundings(scene: Scene, diameter: Float64) -> dict[str, Float64]:
    """Return how crowded a nucleus stands: nuclei near it, and the share of its outline that touches others."""
    from scipy.spatial import cKDTree

    from napari_phenotyper.kernels.outline import touching

    index = scene.index
    crowding = np.zeros(len(index))
    if len(index) > 1:
        # rounded, so that sums far from the origin give the same distances as near it
        centre = np.round((local_centroids(scene) + index.box[:, :2]) * 1024) / 1024
        distance, _ = cKDTree(centre).query(centre, k=min(len(index), 9))
        crowding = np.exp(-((distance[:, 1:] / (2 * diameter[:, None])) ** 2)).sum(axis=1)
    touched = touching(label_image(scene), index.y, index.x, index.offsets, border_pixels(scene))
    return {"Neighbors_Crowding": crowding, "Neighbors_PercentTouching": 100 * touched}
