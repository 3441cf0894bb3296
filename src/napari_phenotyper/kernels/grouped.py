"""Statistics of many groups at once: the pixels of all cells, cell after cell.

Throughout, `values` has P entries, `offsets` (n + 1,) says that group i owns values[offsets[i]:offsets[i + 1]], and no
group is empty.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Offsets = NDArray[np.int64]
Float64 = NDArray[np.float64]


class Moments(NamedTuple):
    """Mean, standard deviation (of the population), skewness and excess kurtosis, each (n,)."""

    mean: Float64
    sd: Float64
    skewness: Float64
    kurtosis: Float64


def group_sum(values: NDArray[np.generic], offsets: Offsets) -> Float64:
    """Return (n, …) sums of (P, …) values."""
    floats = values.astype(np.float64, copy=False)
    if len(offsets) < 2:
        return np.zeros((0, *values.shape[1:]))
    return np.add.reduceat(floats, offsets[:-1], axis=0)


def group_min(values: NDArray[np.generic], offsets: Offsets) -> Float64:
    """Return (n, …) minima of (P, …) values."""
    return -group_max(-values.astype(np.float64), offsets)


def group_max(values: NDArray[np.generic], offsets: Offsets) -> Float64:
    """Return (n, …) maxima of (P, …) values."""
    floats = values.astype(np.float64, copy=False)
    if len(offsets) < 2:
        return np.zeros((0, *values.shape[1:]))
    return np.asarray(np.maximum.reduceat(floats, offsets[:-1], axis=0))


@jit
def _moments(part: NDArray[Any]) -> tuple[float, float, float, float, float]:
    """Return sum, mean, standard deviation, skewness and kurtosis of one group."""
    total = 0.0
    for v in part:
        total += v
    mean = total / len(part)
    second, third, fourth = 0.0, 0.0, 0.0
    for v in part:
        off = v - mean
        square = off * off
        second += square
        third += square * off
        fourth += square * square
    variance = second / len(part)
    # rounding leaves a constant group with a variance just above zero
    if variance <= 1e-12 * mean * mean:
        return total, mean, np.sqrt(variance), 0.0, 0.0
    kurtosis = fourth / len(part) / (variance * variance) - 3.0
    return total, mean, np.sqrt(variance), third / len(part) / variance**1.5, kurtosis


@jit
def _all_moments(values: NDArray[Any], offsets: Offsets) -> Float64:
    found = np.empty((5, len(offsets) - 1))
    for i in range(len(offsets) - 1):
        part = _moments(values[offsets[i] : offsets[i + 1]])
        found[0, i], found[1, i], found[2, i], found[3, i], found[4, i] = part
    return found


def group_moments(values: NDArray[np.float32] | Float64, offsets: Offsets) -> Moments:
    """Return the first four standardised moments of each group; of a constant group, skewness and kurtosis are 0."""
    return Moments(*_all_moments(values, offsets)[1:])


def sort_groups(values: NDArray[np.generic], offsets: Offsets) -> NDArray[np.float32]:
    """Return (P,) float32 values, ascending within each group.

    A loop over groups: numpy sorts a group that lies in the processor's cache by vectors.
    """
    ordered = np.array(values, np.float32)
    for start, stop in pairwise(offsets.tolist()):
        ordered[start:stop].sort()
    return ordered


def sorted_quantiles(ordered: NDArray[np.generic], offsets: Offsets, shares: Sequence[float]) -> Float64:
    """Return (n, k) quantiles, linearly interpolated as `numpy.quantile` does, of what `sort_groups` returned."""
    count = np.diff(offsets)[:, None]
    position = np.asarray(shares, np.float64)[None, :] * (count - 1)
    low = np.floor(position).astype(np.int64)
    fraction = position - low
    start = offsets[:-1, None]
    if not ordered.size:
        return np.zeros((len(count), len(shares)))
    below = ordered[start + low].astype(np.float64)
    above = ordered[start + np.minimum(low + 1, count - 1)].astype(np.float64)
    return np.asarray(below + (above - below) * fraction)


def group_quantiles(values: NDArray[np.generic], offsets: Offsets, shares: Sequence[float]) -> Float64:
    """Return (n, k) quantiles of each group for k shares from 0 to 1."""
    return sorted_quantiles(sort_groups(values, offsets), offsets, shares)
