"""Convex hulls of many cells at once, by their widths in many directions."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels.grouped import Float64, Offsets, group_max

DIRECTIONS = 128
"""Directions round the circle; a multiple of four, so that a quarter turn of a cell changes nothing."""


class Hull(NamedTuple):
    """Area, perimeter, and longest and shortest caliper of the convex hulls, each (n,)."""

    area: Float64
    perimeter: Float64
    max_feret: Float64
    min_feret: Float64


def convex_hulls(rows: NDArray[np.int32], columns: NDArray[np.int32], offsets: Offsets) -> Hull:
    """Return the convex hulls of cells, pixels being unit squares.

    The hull is the polygon of the tangents in 128 directions: never smaller than the exact one, and larger by about
    one per cent at the sizes of nuclei.

    Parameters
    ----------
    rows, columns
        (P,) coordinates in raster order within each cell, relative to anything that moves with the cell.
    offsets
        (n + 1,) where each cell begins.
    """
    points, starts = _extremes(rows, columns, offsets)
    angle = 2 * np.pi * np.arange(DIRECTIONS) / DIRECTIONS
    support = np.stack([group_max(points[:, 0] * np.sin(a) + points[:, 1] * np.cos(a), starts) for a in angle], axis=1)
    step = 2 * np.pi / DIRECTIONS
    # a pixel reaches half a side beyond its centre, in x and in y
    support = support + 0.5 * (np.abs(np.sin(angle)) + np.abs(np.cos(angle)))
    after, before = np.roll(support, -1, axis=1), np.roll(support, 1, axis=1)
    side = (after + before - 2 * np.cos(step) * support) / np.sin(step)
    width = support + np.roll(support, DIRECTIONS // 2, axis=1)
    area = 0.5 * (support * side).sum(axis=1)
    return Hull(area, side.sum(axis=1), _most(width), -_most(-width))


def _most(values: Float64) -> Float64:
    return np.asarray(values.max(axis=1)) if len(values) else np.zeros(0)


def _extremes(rows: NDArray[np.int32], columns: NDArray[np.int32], offsets: Offsets) -> tuple[Float64, Offsets]:
    """Return (k, 2) first and last pixels of every row of every cell, and where each cell's begin."""
    if not len(rows):
        return np.zeros((0, 2)), np.zeros(1, np.int64)
    first = np.ones(len(rows), bool)
    first[1:] = rows[1:] != rows[:-1]
    first[offsets[:-1]] = True
    last = np.append(first[1:], True)
    chosen = first | last
    points = np.stack([rows[chosen], columns[chosen]], axis=1).astype(np.float64)
    starts = np.append(0, np.cumsum(chosen))[offsets]
    return points, starts.astype(np.int64)
