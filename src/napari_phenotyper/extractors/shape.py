"""How large a nucleus is, and what form it has."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, local_coordinates, ratio

_HARMONICS = range(2, 7)


@dataclass(frozen=True)
class Shape:
    """Shape: size, outline, axes, hull, moments, neighbours.

    Names are those of CellProfiler (Stirling et al. 2021) where the definition is the same; all lengths are in pixels.
    Perimeter after Benkrid & Crookes (2000), Hu's (1962) invariant moments on a logarithmic scale. `BoundaryHarmonic_k`
    is the k-th Fourier magnitude of the outline's distance from the centroid (lobes), `Crowding` the sum over the
    eight nearest nuclei of exp(−d²/(2·diameter)²), which is 0 for a nucleus alone.
    """

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 36) columns; none depends on pixel values."""
        from napari_phenotyper.kernels.outline import neighbours

        index = scene.index
        same = neighbours(index.shape, index.y, index.x, index.cell)
        size = _size(index)
        outline = _outline(index, same)
        columns = {**size, **outline, **_hull(index, size["AreaShape_Area"]), **_radii(index, same)}
        columns |= _hu_moments(index)
        return block(columns | _surroundings(index, size["AreaShape_EquivalentDiameter"], same))


def _size(index: CellIndex) -> dict[str, Float64]:
    """Return area, box, and the axes of the ellipse with the same second moments."""
    from napari_phenotyper.kernels.grouped import group_mean, spread

    rows, columns = local_coordinates(index)
    area = index.area.astype(np.float64)
    height, width = index.box[:, 2] - index.box[:, 0], index.box[:, 3] - index.box[:, 1]
    dy = rows - spread(group_mean(rows, index.offsets), index.offsets)
    dx = columns - spread(group_mean(columns, index.offsets), index.offsets)
    yy, xx = group_mean(dy * dy, index.offsets), group_mean(dx * dx, index.offsets)
    xy = group_mean(dy * dx, index.offsets)
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
        "AreaShape_Compactness": 2 * np.pi * (yy + xx) / np.maximum(area, 1),
    }


def _outline(index: CellIndex, same: NDArray[np.bool_]) -> dict[str, Float64]:
    """Return what the outline tells."""
    from napari_phenotyper.kernels.outline import euler_number, perimeter

    length = perimeter(index.shape, index.y, index.x, index.cell, index.offsets, same)
    return {
        "AreaShape_Perimeter": length,
        # a pixel alone has no outline by this measure: count it as its four sides
        "AreaShape_FormFactor": 4 * np.pi * index.area / np.where(length > 0, length, 4.0) ** 2,
        "AreaShape_EulerNumber": euler_number(index.offsets, same),
    }


def _hull(index: CellIndex, area: Float64) -> dict[str, Float64]:
    """Return what the convex hull tells."""
    from napari_phenotyper.kernels.hull import convex_hulls

    hull = convex_hulls(*local_coordinates(index), index.offsets)
    return {
        "AreaShape_ConvexArea": hull.area,
        "AreaShape_Solidity": np.minimum(ratio(area, hull.area), 1.0),
        "AreaShape_ConvexPerimeter": hull.perimeter,
        "AreaShape_MaxFeretDiameter": hull.max_feret,
        "AreaShape_MinFeretDiameter": hull.min_feret,
        "AreaShape_FeretRatio": ratio(hull.min_feret, hull.max_feret),
    }


def _radii(index: CellIndex, same: NDArray[np.bool_]) -> dict[str, Float64]:
    """Return depth below the edge, and how the outline's distance from the centroid varies."""
    from napari_phenotyper.kernels.grouped import group_max, group_mean, group_quantiles, group_sum, spread
    from napari_phenotyper.kernels.outline import depth, is_border

    offsets = index.offsets
    deep = depth(index.y, index.x, offsets, index.box)
    rows, columns = local_coordinates(index)
    dy = rows - spread(group_mean(rows, offsets), offsets)
    dx = columns - spread(group_mean(columns, offsets), offsets)
    border = is_border(same)
    starts = np.append(0, np.cumsum(border))[offsets]
    radius, angle = np.hypot(dy, dx)[border], np.arctan2(dy, dx)[border]
    mean = group_mean(radius, starts)
    deviation = radius - spread(mean, starts)
    found = {
        "AreaShape_MaximumRadius": group_max(deep, offsets),
        "AreaShape_MeanRadius": group_mean(deep, offsets),
        "AreaShape_MedianRadius": group_quantiles(deep, offsets, (0.5,))[:, 0],
        "AreaShape_RadiusVariation": np.sqrt(group_mean(deviation**2, starts)) / np.maximum(mean, 0.5),
    }
    for k in _HARMONICS:
        real = group_sum(radius * np.cos(k * angle), starts)
        imaginary = group_sum(radius * np.sin(k * angle), starts)
        total = np.maximum(group_sum(radius, starts), 0.5)
        found[f"AreaShape_BoundaryHarmonic_{k}"] = np.hypot(real, imaginary) / total
    return found


def _hu_moments(index: CellIndex) -> dict[str, Float64]:
    """Return Hu's seven invariant moments, sign(h)·log10(1 + 10⁶·|h|): they span many orders of magnitude."""
    from napari_phenotyper.kernels.grouped import group_mean, group_sum, spread

    rows, columns = local_coordinates(index)
    y = rows - spread(group_mean(rows, index.offsets), index.offsets)
    x = columns - spread(group_mean(columns, index.offsets), index.offsets)
    power_y, power_x = ((np.ones_like(v), v, v * v, v * v * v) for v in (y, x))

    def eta(p: int, q: int) -> Float64:
        return group_sum(power_y[p] * power_x[q], index.offsets) / index.area ** (1 + (p + q) / 2)

    n20, n02, n11 = eta(2, 0), eta(0, 2), eta(1, 1)
    n30, n21, n12, n03 = eta(3, 0), eta(2, 1), eta(1, 2), eta(0, 3)
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
    return {f"AreaShape_HuMoment_{i}": np.sign(h) * np.log10(1 + 1e6 * np.abs(h)) for i, h in enumerate(moments)}


def _surroundings(index: CellIndex, diameter: Float64, same: NDArray[np.bool_]) -> dict[str, Float64]:
    """Return how crowded a nucleus stands: nuclei near it, and the share of its outline that touches others."""
    from scipy.spatial import cKDTree

    from napari_phenotyper.kernels.outline import touching

    crowding = np.zeros(len(index))
    if len(index) > 1:
        # rounded, so that sums far from the origin give the same distances as near it
        centre = np.round(index.centroid * 1024) / 1024
        distance, _ = cKDTree(centre).query(centre, k=min(len(index), 9))
        crowding = np.exp(-((distance[:, 1:] / (2 * diameter[:, None])) ** 2)).sum(axis=1)
    touched = touching(index.shape, index.y, index.x, index.offsets, same)
    return {"Neighbors_Crowding": crowding, "Neighbors_PercentTouching": 100 * touched}
