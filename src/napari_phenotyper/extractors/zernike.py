"""Zernike moments of the form of a cell and of its brightness."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import factorial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, channels, local_coordinates, ratio

_AT_ONCE = 50_000
"""Pixels that are multiplied at a time: what a processor's cache about holds."""


@dataclass(frozen=True)
class Zernike:
    """Zernike moments: magnitudes of the form, and of the brightness in each channel.

    Boland & Murphy (2001). The unit circle is centred on the cell's centroid and holds every pixel of it; magnitudes do
    not change when a cell is turned. `AreaShape_Zernike_n_m` is of the mask, over the circle's area as in CellProfiler;
    `Zernike_Magnitude_CHANNEL_n_m` of the brightness above the cell's darkest pixel, over its sum.
    """

    degree: int = field(default=9, metadata={"help": "Highest degree: 9 gives 30 moments", "min": 1, "max": 15})
    brightness: bool = field(default=True, metadata={"help": "Of the brightness in each channel too"})

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 30 × (1 + channels)) columns at degree 9."""
        from napari_phenotyper.kernels.grouped import group_min, group_sum, spread

        index = scene.index
        orders = [(n, m) for n in range(self.degree + 1) for m in range(n % 2, n + 1, 2)]
        weights = {"": np.ones(len(index.y))}
        if self.brightness:
            for label, image in channels(scene):
                values = image[index.y, index.x] if len(index) else np.zeros(0, np.float32)
                weights[label] = values - spread(group_min(values, index.offsets), index.offsets)
        magnitude, radius = _magnitudes(np.stack(list(weights.values()), axis=1), index, orders)
        columns: dict[str, Float64] = {}
        for j, (label, weight) in enumerate(weights.items()):
            size = group_sum(weight, index.offsets) if label else np.pi * radius**2
            for i, (n, m) in enumerate(orders):
                name = f"Zernike_Magnitude_{label}_{n}_{m}" if label else f"AreaShape_Zernike_{n}_{m}"
                moment = magnitude[:, i, j] * (n + 1 if not label else (n + 1) / np.pi)
                # all pixels alike: no brightness above the darkest, and so no form of it
                columns[name] = np.nan_to_num(ratio(moment, size), nan=0.0)
        return block(columns)


def _magnitudes(weights: Float64, index: CellIndex, orders: list[tuple[int, int]]) -> tuple[Float64, Float64]:
    """Return (n, orders, weights) |Σ w·V*| over each cell's pixels, and (n,) radii, for (P, weights) weights."""
    from napari_phenotyper.kernels.grouped import group_max, group_mean, spread

    offsets = index.offsets
    rows, columns = local_coordinates(index)
    y = rows - spread(group_mean(rows, offsets), offsets)
    x = columns - spread(group_mean(columns, offsets), offsets)
    # a pixel reaches half a side beyond its centre, so that a single one has a circle too
    radius = group_max(np.hypot(y, x), offsets) + 0.5
    found = np.zeros((len(index), len(orders), weights.shape[1]))
    for first, last in _batches(offsets):
        part = slice(offsets[first], offsets[last])
        scale = np.repeat(radius[first:last], index.area[first:last])
        point = (x[part] + 1j * y[part]) / scale
        starts = offsets[first : last + 1] - offsets[first]
        sums = _power_sums(point.astype(np.complex128), weights[part], starts, orders)
        for i, (n, m) in enumerate(orders):
            terms = (_coefficient(n, m, s) * sums[n - 2 * s, m] for s in range((n - m) // 2 + 1))
            found[first:last, i] = np.abs(sum(terms, np.zeros((), complex)))
    return found, radius


def _batches(offsets: NDArray[np.int64]) -> list[tuple[int, int]]:
    """Return (first, last) cells of batches of about `_AT_ONCE` pixels, one cell at least."""
    batches, first = [], 0
    while first < len(offsets) - 1:
        last = int(np.searchsorted(offsets, offsets[first] + _AT_ONCE, side="right")) - 1
        last = max(last, first + 1)
        batches.append((first, last))
        first = last
    return batches


def _power_sums(
    point: NDArray[np.complex128], weights: Float64, offsets: NDArray[np.int64], orders: list[tuple[int, int]]
) -> dict[tuple[int, int], NDArray[np.complex128]]:
    """Return, for every order (n, m), Σ w·r^(n−m)·z^m over each cell's points z: (cells, weights).

    A Zernike moment is a sum of these with the coefficients of its radial polynomial, so that a pixel is multiplied and
    added once for each order.
    """
    square = point.real**2 + point.imag**2
    highest = max(n for n, _ in orders)
    sums = {}
    turned = np.ones_like(point)
    for m in range(highest + 1):
        powers = turned
        for n in range(m, highest + 1, 2):
            terms = powers[:, None] * weights
            sums[n, m] = np.add.reduceat(terms, offsets[:-1], axis=0)
            powers = powers * square
        turned = turned * point
    return sums


def _coefficient(n: int, m: int, s: int) -> float:
    """Return the coefficient of r^(n−2s) in the radial polynomial."""
    below = factorial(s) * factorial((n + m) // 2 - s) * factorial((n - m) // 2 - s)
    return float((-1) ** s * factorial(n - s) / below)
