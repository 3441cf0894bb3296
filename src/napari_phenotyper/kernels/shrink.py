"""Images brought to the scale of their objects: means over blocks, blurring, and back to full size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Image32 = NDArray[np.float32]

_BAND = 64
"""Rows that are turned to float32 at once, so that the field is not copied and all stays in the cache."""


def block_means(image: NDArray[np.generic], factor: int) -> Image32:
    """Return float32 means of (y, x) over blocks of `factor` × `factor` pixels; blocks at the end may be smaller.

    Pixels that are not finite do not count; a block of nothing else is NaN. Whole numbers give the same means whatever
    their type.
    """
    height, width = image.shape
    result = np.empty((-(-height // factor), -(-width // factor)), np.float32)
    band = max(1, _BAND // factor) * factor
    for top in range(0, height, band):
        part = np.ascontiguousarray(image[top : top + band], np.float32)
        first = top // factor
        rows = result[first : first + -(-len(part) // factor)]
        finite = image.dtype.kind != "f" or bool(np.isfinite(part).all())
        if factor == 1:
            rows[:] = part if finite else np.where(np.isfinite(part), part, np.nan)
        elif finite:
            _means(part, factor, rows)
        else:
            _finite_means(part, factor, rows)
    return result


def blur(image: Image32, sigma: float) -> Image32:
    """Return (y, x) blurred by a Gaussian of `sigma` pixels, cut at three of them; beyond the end, the nearest pixel.

    `image` must be finite.
    """
    radius = int(3 * sigma + 0.5)
    if radius < 1 or not image.size:
        return image.copy()
    weights = np.exp(-0.5 * (np.arange(radius + 1) / sigma) ** 2)
    weights /= weights[0] + 2 * weights[1:].sum()
    return _blur(np.ascontiguousarray(image), weights.astype(np.float32))


def enlarge(image: Image32, factor: int, shape: tuple[int, int]) -> Image32:
    """Return (y, x) of a larger shape, each pixel of `image` as `factor` × `factor` ones, linear in between."""
    result = np.empty(shape, np.float32)
    _enlarge(np.ascontiguousarray(image), factor, result)
    return result


@jit
def _means(image: Image32, factor: int, out: Image32) -> None:
    height, width = image.shape
    total = np.empty(width, np.float32)
    for row in range(out.shape[0]):
        bottom = min((row + 1) * factor, height)
        total[:] = image[row * factor]
        for y in range(row * factor + 1, bottom):
            for x in range(width):
                total[x] += image[y, x]
        _across(total, factor, bottom - row * factor, out[row])


@jit
def _across(total: Image32, factor: int, rows: int, out: Image32) -> None:
    """Set means of `factor` sums over so many rows each; the last one's may be of fewer."""
    whole = len(total) // factor
    for column in range(whole):
        out[column] = total[column * factor]
    for k in range(1, factor):
        later = total[k:]
        for column in range(whole):
            out[column] += later[column * factor]
    area = np.float32(rows * factor)
    for column in range(whole):
        out[column] /= area
    if whole < len(out):
        out[whole] = total[whole * factor :].sum() / np.float32(rows * (len(total) - whole * factor))


@jit
def _finite_means(image: Image32, factor: int, out: Image32) -> None:
    height, width = image.shape
    for row in range(out.shape[0]):
        for column in range(out.shape[1]):
            value, count = np.float32(0), 0
            for y in range(row * factor, min((row + 1) * factor, height)):
                for x in range(column * factor, min((column + 1) * factor, width)):
                    if np.isfinite(image[y, x]):
                        value += image[y, x]
                        count += 1
            out[row, column] = value / np.float32(count) if count else np.float32(np.nan)


@jit
def _blur(image: Image32, weights: Image32) -> Image32:
    height, width = image.shape
    radius = len(weights) - 1
    out = np.empty_like(image)
    line = np.empty(width + 2 * radius, np.float32)
    for y in range(height):
        middle = line[radius : radius + width]
        middle[:] = weights[0] * image[y]
        for k in range(1, radius, 2):
            near, far = (max(y - k, 0), min(y + k, height - 1)), (max(y - k - 1, 0), min(y + k + 1, height - 1))
            _add_two(middle, image[near[0]], image[near[1]], weights[k], image[far[0]], image[far[1]], weights[k + 1])
        if radius % 2:
            _add_one(middle, image[max(y - radius, 0)], image[min(y + radius, height - 1)], weights[radius])
        line[:radius] = line[radius]
        line[radius + width :] = line[radius + width - 1]
        row = out[y]
        row[:] = weights[0] * middle
        for k in range(1, radius, 2):
            near_left, near_right = line[radius - k :], line[radius + k :]
            far_left, far_right = line[radius - k - 1 :], line[radius + k + 1 :]
            _add_two(row, near_left, near_right, weights[k], far_left, far_right, weights[k + 1])
        if radius % 2:
            _add_one(row, line, line[2 * radius :], weights[radius])
    return out


@jit
def _add_one(out: Image32, before: Image32, behind: Image32, weight: np.float32) -> None:
    for x in range(len(out)):
        out[x] += weight * (before[x] + behind[x])


@jit
def _add_two(
    out: Image32,
    before: Image32,
    behind: Image32,
    weight: np.float32,
    before_that: Image32,
    behind_that: Image32,
    less: np.float32,
) -> None:
    """Add two pairs of neighbours in one loop, in the order in which two loops would."""
    for x in range(len(out)):
        out[x] = (out[x] + weight * (before[x] + behind[x])) + less * (before_that[x] + behind_that[x])


@jit
def _enlarge(image: Image32, factor: int, out: Image32) -> None:
    height, width = image.shape
    line = np.empty(width + 1, np.float32)
    lefts, shares = np.empty(out.shape[1], np.int32), np.empty(out.shape[1], np.float32)
    for x in range(out.shape[1]):
        at = min(max((x + 0.5) / factor - 0.5, 0.0), width - 1.0)
        lefts[x] = int(at)
        shares[x] = at - lefts[x]
    for y in range(out.shape[0]):
        at = min(max((y + 0.5) / factor - 0.5, 0.0), height - 1.0)
        above = int(at)
        below, share = min(above + 1, height - 1), np.float32(at - above)
        for x in range(width):
            line[x] = image[above, x] + share * (image[below, x] - image[above, x])
        line[width] = line[width - 1]
        for x in range(out.shape[1]):
            left = lefts[x]
            out[y, x] = line[left] + shares[x] * (line[left + 1] - line[left])
