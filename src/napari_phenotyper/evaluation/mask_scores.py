"""How well label images agree with true ones, object by object.

An object is found if its intersection over union (IoU) with a true one is above a threshold of at least one half: then
it can be that of one true object only, and no matching is needed. F1, precision, recall and average precision are of
the objects of all images pooled. Average precision is that of the Data Science Bowl 2018 (Caicedo et al. 2019, Nature
Methods 16:1247): TP / (TP + FP + FN) at one threshold, not the area under a curve.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.keys import Json

THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
"""IoU 0.5, 0.55 … 0.95."""
PART = 0.1
"""Least share of an object that a part must cover to count as a part of it: a speck on its rim does not split it."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Overlaps:
    """Which predicted object shares how many pixels with which true one. n predicted, m true objects, k pairs.

    Attributes
    ----------
    predicted_area, true_area
        (n,) and (m,) int64 pixels, objects in ascending order of their labels.
    predicted, true
        (k,) int64 positions in these.
    shared
        (k,) int64 pixels that both cover, at least 1.
    """

    predicted_area: Ints
    true_area: Ints
    predicted: Ints
    true: Ints
    shared: Ints

    @property
    def iou(self) -> Floats:
        """(k,) intersection over union of each pair."""
        union = self.predicted_area[self.predicted] + self.true_area[self.true] - self.shared
        return np.asarray(self.shared / union, np.float64)


def overlaps(predicted: NDArray[np.integer], true: NDArray[np.integer]) -> Overlaps:
    """Return the overlaps of two label images.

    Parameters
    ----------
    predicted, true
        (y, x) of one shape; every number above 0 is an object, in one piece or not, numbers may be missing.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    if predicted.shape != true.shape:
        raise ValueError(f"label images of {predicted.shape} and {true.shape} pixels")
    covered = (predicted > 0) | (true > 0)  # background, mostly the larger part, is not looked at again
    (own, own_area), (other, other_area) = _numbered(predicted[covered]), _numbered(true[covered])
    n, m = len(own_area), len(other_area)
    pair = own * (m + 1) + other
    if (n + 1) * (m + 1) <= 4 * pair.size:
        count = np.bincount(pair, minlength=(n + 1) * (m + 1))
        pairs = np.flatnonzero(count)
        shared = count[pairs]
    else:
        pairs, shared = np.unique(pair[(own > 0) & (other > 0)], return_counts=True)
    a, b = np.divmod(pairs, m + 1)
    both = (a > 0) & (b > 0)
    return Overlaps(own_area, other_area, a[both] - 1, b[both] - 1, shared[both])


def _numbered(flat: NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Return each pixel's label, counted from 1 without gaps, 0 for background; and the area of each object."""
    if flat.size and int(flat.max()) > 4 * flat.size:  # a hash for a label: too large to count by
        values, flat = np.unique(flat, return_inverse=True)
        flat = np.maximum(flat + 1 - np.count_nonzero(values <= 0), 0)
    flat = np.maximum(flat.astype(np.int64, copy=False), 0)
    area = np.bincount(flat, minlength=1)
    area[0] = 0
    return np.cumsum(area > 0, dtype=np.int64)[flat], area[area > 0]


@dataclass(frozen=True, eq=False)
class MaskScores:
    """Objects counted over any number of images; two of them add up.

    Attributes
    ----------
    images, predicted, true
        How many images and objects.
    hits
        (10,) int64 objects found, at each of `THRESHOLDS`.
    splits
        True objects that several predicted ones divide among them.
    merges
        Predicted objects that swallow several true ones.
    """

    images: int = 0
    predicted: int = 0
    true: int = 0
    hits: Ints = field(default_factory=lambda: np.zeros(len(THRESHOLDS), np.int64))
    splits: int = 0
    merges: int = 0

    def __add__(self, other: MaskScores) -> MaskScores:
        """Return the counts over the images of both."""
        return MaskScores(
            self.images + other.images, self.predicted + other.predicted, self.true + other.true,
            self.hits + other.hits, self.splits + other.splits, self.merges + other.merges,
        )  # fmt: skip

    @property
    def f1(self) -> Floats:
        """(10,) 2 TP / (predicted + true) at each threshold; NaN where there is no object at all."""
        return _share(2 * self.hits, self.predicted + self.true)

    @property
    def precision(self) -> Floats:
        """(10,) share of predicted objects that are true; NaN where nothing was predicted."""
        return _share(self.hits, self.predicted)

    @property
    def recall(self) -> Floats:
        """(10,) share of true objects that were found; NaN where there are none."""
        return _share(self.hits, self.true)

    @property
    def average_precision(self) -> Floats:
        """(10,) TP / (TP + FP + FN) at each threshold; NaN where there is no object at all."""
        return _share(self.hits, self.predicted + self.true - self.hits)

    def at(self, name: str, threshold: float) -> float:
        """Return one of the scores ("f1", "precision", "recall", "average_precision") at one of `THRESHOLDS`."""
        scores: Floats = getattr(self, name)
        return float(scores[THRESHOLDS.index(threshold)])

    def report(self) -> Mapping[str, Json]:
        """Return all counts and scores as JSON: scores by threshold ("0.5" …), `mean_ap` over all thresholds."""
        names = [f"{threshold:g}" for threshold in THRESHOLDS]
        scores = {"f1": self.f1, "precision": self.precision, "recall": self.recall, "ap": self.average_precision}
        found: dict[str, Json] = {"images": self.images, "predicted": self.predicted, "true": self.true}
        found |= {name: dict(zip(names, values.tolist(), strict=True)) for name, values in scores.items()}
        mean = float(self.average_precision.mean())
        return {**found, "mean_ap": mean, "splits": self.splits, "merges": self.merges}


def score_masks(predicted: NDArray[np.integer], true: NDArray[np.integer]) -> MaskScores:
    """Return the scores of one image; those of several are their sum.

    A true object is split if at least two predicted ones lie in it by more than half and each covers a tenth of it;
    a predicted object merges if at least two true ones lie in it in the same way.

    Parameters
    ----------
    predicted, true
        (y, x) label images of one shape.

    Raises
    ------
    ValueError
        If the shapes differ.
    """
    found = overlaps(predicted, true)
    hits = (found.iou[:, None] > np.array(THRESHOLDS)).sum(axis=0)
    own, other = found.shared / found.predicted_area[found.predicted], found.shared / found.true_area[found.true]
    splits = _several(found.true[(own > 0.5) & (other >= PART)])
    merges = _several(found.predicted[(other > 0.5) & (own >= PART)])
    return MaskScores(1, len(found.predicted_area), len(found.true_area), hits.astype(np.int64), splits, merges)


def _several(owners: Ints) -> int:
    """Count the objects that own two or more parts."""
    return int(np.count_nonzero(np.bincount(owners) >= 2))


def _share(part: Ints, whole: int | Ints) -> Floats:
    """Return (10,) part / whole, NaN for 0 / 0."""
    below = np.broadcast_to(np.asarray(whole, np.float64), part.shape)
    return np.asarray(np.divide(part, below, out=np.full(part.shape, np.nan), where=below > 0), np.float64)
