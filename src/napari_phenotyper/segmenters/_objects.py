"""From a flattened field to its nuclei: zones cut at a share of their brightness, split, joined, and told from debris.

The weights of both judgements are logistic regressions on `dsb2018_fluo`, made by benchmarks/fit_nuclei.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.segmenters._threshold import Image32, noise_of

if TYPE_CHECKING:
    from napari_phenotyper.kernels.basins import Borders

JOINING = np.array([-1.332, -8.602, 28.275, -0.157, -2.043, -0.947, -4.891, 5.938, 8.872])
"""Of `kernels.joining.signs`: log-odds that two parts are one nucleus."""

NUCLEUS = np.array([0.206, 1.539, 1.137, 1.202, 0.187, 16.909, 0.291, -0.266, 0.066, -13.312])
"""Of `_looks`: log-odds that an object is a nucleus, not debris or what is out of focus."""

_HOLE = 0.75
"""The largest hole that is filled, in areas of a typical nucleus."""


class Cut(NamedTuple):
    """A field cut into foreground and background.

    Attributes
    ----------
    mask
        (y, x) where nuclei are.
    filled
        (y, x) the field, the holes of its nuclei as bright as what bounds them.
    above
        (y, x) how far each pixel lies above the cut, in grey levels; −∞ away from the foreground.
    """

    mask: NDArray[np.bool_]
    filled: Image32
    above: Image32


def typical_area(diameter: float) -> float:
    """Return the area of a disc."""
    return float(np.pi / 4 * diameter**2)


def cut(flat: Image32, floor: float, diameter: float, share: float, holes: bool) -> Cut:
    """Return the foreground: each zone of the field cut at a share of its own brightness.

    The zones are the basins of the smoothed brightness above the floor, joined where the pass between two is nearly as
    high as the lower one. A zone that other zones surround is cut that much higher: its darkest pixels count as
    background.
    """
    from napari_phenotyper.kernels.basins import borders, climb, sums
    from napari_phenotyper.kernels.cutting import margin, quantiles, spread
    from napari_phenotyper.kernels.joining import join_by_height
    from napari_phenotyper.kernels.pieces import fill_holes, renamed
    from napari_phenotyper.kernels.shrink import blur

    relief = blur(flat, max(0.5, 0.05 * diameter))
    zones, count = climb(relief, flat > floor)
    own = sums(zones, relief, relief, relief, count)
    joined = join_by_height(borders(zones, relief, relief, relief, count), own, 0.92, 0.2 * typical_area(diameter))
    zones = renamed(zones, joined.astype(np.int32))
    ends = quantiles(zones, flat, count, 0.1, 0.9)
    dark = np.maximum(ends[:, 0] - np.float32(floor), 0)
    cuts = dark + np.float32(share) * (ends[:, 1] - dark) if share else np.full(count + 1, floor, np.float32)
    above = margin(spread(zones, 2), cuts, flat)
    mask, filled = (above > 0) & (zones > 0), flat.copy()
    if holes:
        fill_holes(mask, filled, _HOLE * typical_area(diameter))
    return Cut(mask, filled, above)


class Parts(NamedTuple):
    """The basins of a foreground, before any are joined.

    Attributes
    ----------
    labels, last
        (y, x) labels 1 … last.
    light, depth
        (y, x) smoothed brightness, and smoothed depth below the edge, in pixels.
    sums, borders
        Of the basins.
    """

    labels: Labels
    last: int
    light: Image32
    depth: Image32
    sums: NDArray[np.float64]
    borders: Borders


def parts(mask: NDArray[np.bool_], flat: Image32, diameter: float, kind: str) -> Parts:
    """Return the basins of a foreground by "shape" (depth below the edge), "intensity", or "both"."""
    from napari_phenotyper.kernels.basins import borders, climb, depth_of, sums
    from napari_phenotyper.kernels.shrink import blur

    depth = blur(depth_of(mask), max(1.0, 0.05 * diameter))
    light = blur(np.maximum(flat, 0), max(0.5, 0.06 * diameter))
    relief = light if kind == "intensity" else depth
    if kind == "both":
        relief = depth * np.sqrt(light)
    labels, count = climb(relief, mask)
    own, touching = sums(labels, light, depth, relief, count), borders(labels, light, depth, relief, count)
    return Parts(labels, count, light, depth, own, touching)


def join(found: Parts, diameter: float, bar: float, weights: NDArray[np.float64] = JOINING) -> Labels:
    """Return labels of the nuclei that basins make up; the higher the bar, the fewer are joined."""
    from napari_phenotyper.kernels.joining import join_by_signs
    from napari_phenotyper.kernels.pieces import renamed

    roots = join_by_signs(found.borders, found.sums, typical_area(diameter), weights, bar)
    return renamed(found.labels, roots.astype(np.int32))


def looks(labels: Labels, count: int, flat: Image32, diameter: float) -> NDArray[np.float64]:
    """Return (count, 9) what tells a nucleus from debris, of labels 1 … count that all have pixels.

    In this order: area in typical ones; mean brightness, and that above the surround, over the field's usual; their
    ratio; brightness over noise (all as logarithms); roundness; the share of the outline that no other touches; the
    first one's square; brightness above the surround over noise (log).
    """
    from napari_phenotyper.kernels.basins import sums
    from napari_phenotyper.kernels.cutting import surround
    from napari_phenotyper.kernels.joining import roundness_of_all

    own = sums(labels, flat, flat, flat, count)[1:]
    around = surround(labels, flat, count, 2)[1:]
    area, mean = own[:, 0], np.maximum(own[:, 6] / np.maximum(own[:, 0], 1), 1e-9)
    out = np.maximum(mean - around[:, 1], 1e-3 * mean)
    order = np.argsort(mean, kind="stable")
    below = np.cumsum(area[order])
    usual = mean[order][np.searchsorted(below, below[-1] / 2)]
    sigma, size = noise_of(flat), np.log(area / typical_area(diameter))
    return np.stack([
        size, np.log(mean / usual), np.log(out / usual), np.log(out / mean),
        np.log(np.minimum(mean / sigma, 100)), roundness_of_all(own),
        around[:, 0] / np.sqrt(area), size * size, np.log(np.minimum(out / sigma, 100)),
    ], axis=1)  # fmt: skip


def likelihood(labels: Labels, count: int, flat: Image32, diameter: float) -> NDArray[np.float64]:
    """Return (count,) probabilities that labels 1 … count are nuclei."""
    if not count:
        return np.zeros(0)
    signs = looks(labels, count, flat, diameter)
    return np.asarray(1 / (1 + np.exp(-(signs @ NUCLEUS[:-1] + NUCLEUS[-1]))))
