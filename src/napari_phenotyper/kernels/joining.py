"""Joins basins again: by the height of the pass between them, or by what tells one nucleus from two that touch."""

from __future__ import annotations

from heapq import heappop, heappush

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit
from napari_phenotyper.kernels.basins import Borders

Float64 = NDArray[np.float64]
Roots = NDArray[np.int64]

SIGNS = 8
"""How many signs `signs` gives of a pair."""


@jit
def _root(parent: Roots, i: int) -> int:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


def join_by_height(borders: Borders, sums: Float64, ratio: float, least: float) -> Roots:
    """Return (n + 1,) the label that each basin is joined to.

    Highest pass first; two are joined where the pass is higher than `ratio` times the lower summit, or where one has
    an area below `least`.
    """
    order = np.argsort(-borders.at[:, 0], kind="stable")
    return _join_by_height(borders.one, borders.two, borders.at, order, sums, ratio, least)


@jit
def _join_by_height(
    one: NDArray[np.int32],
    two: NDArray[np.int32],
    at: Float64,
    order: Roots,
    sums: Float64,
    ratio: float,
    least: float,
) -> Roots:
    parent = np.arange(len(sums))
    area, top = sums[:, 0].copy(), sums[:, 9].copy()
    for k in order:
        i, j = _root(parent, one[k]), _root(parent, two[k])
        if i != j and (at[k, 0] > ratio * min(top[i], top[j]) or min(area[i], area[j]) < least):
            i, j = min(i, j), max(i, j)
            parent[j] = i
            area[i] += area[j]
            top[i] = max(top[i], top[j])
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent


@jit
def roundness(own: Float64) -> float:
    """Return area over that of the ellipse with the same second moments: 1 for an ellipse, less for what has waists."""
    area = own[0]
    y, x = own[1] / area, own[2] / area
    # a pixel is a square, not a point
    across = (own[3] / area - y * y + 1 / 12) * (own[4] / area - x * x + 1 / 12) - (own[5] / area - y * x) ** 2
    return float(area / (4 * np.pi * np.sqrt(max(across, 1e-6))))


@jit
def roundness_of_all(sums: Float64) -> Float64:
    """Return (n,) the roundness of each row of (n, …) sums."""
    result = np.empty(len(sums))
    for i in range(len(sums)):
        result[i] = roundness(sums[i])
    return result


@jit
def signs(a: Float64, b: Float64, border: Float64, typical: float, out: Float64) -> None:
    """Write what tells whether two parts are one nucleus.

    In this order: depth of the neck over that of the shallower part (log); roundness of the whole; roundness gained by
    joining; area of the smaller part, of the whole, and its square, in typical ones (log); difference of the mean
    brightness (log); brightness of the border over that of the dimmer part (log).

    Parameters
    ----------
    a, b
        Columns of `basins.sums`.
    border
        Columns of `basins.Borders.at`.
    typical
        Area of a typical nucleus, in pixels.
    out
        (SIGNS,) is written to.
    """
    whole = a[:7] + b[:7]
    together = roundness(whole)
    bright, other = max(a[6] / a[0], 1e-6), max(b[6] / b[0], 1e-6)
    out[0] = np.log(max(border[4], 0.5) / max(min(a[8], b[8]), 0.5))
    out[1] = together
    out[2] = together - (roundness(a) * a[0] + roundness(b) * b[0]) / whole[0]
    out[3] = np.log(min(a[0], b[0]) / typical)
    out[4] = np.log(whole[0] / typical)
    out[5] = out[4] * out[4]
    out[6] = abs(np.log(bright / other))
    out[7] = np.log(max(border[2] / border[3], 1e-6) / min(bright, other))


def join_by_signs(borders: Borders, sums: Float64, typical: float, weights: Float64, bar: float) -> Roots:
    """Return (n + 1,) the label that each basin is joined to.

    The pair that is most surely one nucleus is joined first, its neighbours are judged again, until no pair's weighted
    signs are above the bar.

    Parameters
    ----------
    borders, sums
        Of the basins.
    typical
        Area of a typical nucleus, in pixels.
    weights
        (SIGNS + 1,) of the signs, and what is added.
    bar
        0: joined where one nucleus is likelier than two.
    """
    one, two = borders.one.astype(np.int64), borders.two.astype(np.int64)
    return _join_by_signs(one, two, borders.at.copy(), sums.copy(), typical, weights, bar)


@jit
def _score(sums: Float64, i: int, j: int, border: Float64, typical: float, weights: Float64, out: Float64) -> float:
    signs(sums[min(i, j)], sums[max(i, j)], border, typical, out)
    total = weights[-1]
    for k in range(len(out)):
        total += weights[k] * out[k]
    return float(total)


@jit
def _absorb(sums: Float64, i: int, j: int) -> None:
    """Add the sums of j to those of i."""
    for k in range(7):
        sums[i, k] += sums[j, k]
    for k in range(7, 10):
        sums[i, k] = max(sums[i, k], sums[j, k])


@jit
def _merge_borders(at: Float64, kept: int, gone: int) -> None:
    for k in (0, 1, 4):
        at[kept, k] = max(at[kept, k], at[gone, k])
    at[kept, 2] += at[gone, 2]
    at[kept, 3] += at[gone, 3]


@jit
def _hand_over(
    one: Roots, two: Roots, at: Float64, alive: NDArray[np.bool_], head: Roots, after: Roots, i: int, j: int
) -> None:
    """Give the borders of j to i; two borders with the same neighbour become one."""
    end = head[j]
    while end != -1:
        following, k = after[end], end // 2
        if alive[k]:
            if one[k] == j:
                one[k] = i
            else:
                two[k] = i
            neighbour = two[k] if one[k] == i else one[k]
            same, other = -1, head[i]
            while other != -1 and same == -1:
                m = other // 2
                if alive[m] and m != k and (two[m] if one[m] == i else one[m]) == neighbour:
                    same = m
                other = after[other]
            if same >= 0:
                _merge_borders(at, same, k)
                alive[k] = False
            else:
                after[end] = head[i]
                head[i] = end
        end = following


@jit
def _join_by_signs(
    one: Roots, two: Roots, at: Float64, sums: Float64, typical: float, weights: Float64, bar: float
) -> Roots:
    count, out = len(one), np.zeros(len(weights) - 1)
    parent, head, after = np.arange(len(sums)), np.full(len(sums), -1, np.int64), np.full(2 * count, -1, np.int64)
    alive, turn = np.ones(count, np.bool_), np.zeros(count, np.int64)
    queue = [(np.inf, np.int64(0), np.int64(-1))]
    for k in range(count):
        after[2 * k], head[one[k]] = head[one[k]], 2 * k
        after[2 * k + 1], head[two[k]] = head[two[k]], 2 * k + 1
        score = _score(sums, one[k], two[k], at[k], typical, weights, out)
        heappush(queue, (-score, np.int64(k), np.int64(0)))
    while queue[0][0] < -bar:
        _, best, when = heappop(queue)
        if not alive[best] or turn[best] != when:
            continue
        i, j = one[best], two[best]
        alive[best], parent[j] = False, i
        _absorb(sums, i, j)
        _hand_over(one, two, at, alive, head, after, i, j)
        end = head[i]
        while end != -1:
            k = end // 2
            if alive[k]:
                turn[k] += 1
                score = _score(sums, one[k], two[k], at[k], typical, weights, out)
                heappush(queue, (-score, k, turn[k]))
            end = after[end]
    for i in range(len(parent)):
        parent[i] = _root(parent, i)
    return parent
