"""Fit the two judgements of the segmenter `nuclei` on hand-drawn nuclei, and score them on folds they did not see.

`python benchmarks/fit_nuclei.py` needs ../shared, prints the weights that segmenters/_objects.py holds, and F1 at IoU
0.5 and 0.7 by fold (the shipped `fold`, by look-alike group), each fold segmented with weights fitted on the others.
Diameters are those that the installed weights find.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.kernels.basins import borders, sums
from napari_phenotyper.kernels.joining import SIGNS, signs
from napari_phenotyper.kernels.pieces import enlarge_labels, keep_largest
from napari_phenotyper.segmenters import _objects, _threshold
from napari_phenotyper.segmenters.nuclei import _DOUBT, Nuclei

SHARED = Path(__file__).parents[2] / "shared" / "data" / "dsb2018_fluo"
BARS = (4.0, 2.0, 1.0, 0.0)
"""Joining stops at these on the way to the pairs that are judged next."""


class Field:
    """A field, cut, with its basins; everything that comes before the two judgements."""

    def __init__(self, name: str, fold: int, group: int) -> None:
        """Read and cut it."""
        self.name, self.fold, self.group = name, fold, group
        image = np.asarray(Image.open(SHARED / "images" / f"{name}.png").convert("L"))
        drawn = np.asarray(Image.open(SHARED / "labels" / f"{name}.png"))
        self.truth = np.unique(drawn, return_inverse=True)[1].reshape(image.shape).astype(np.int64)
        self.settings = Nuclei().resolve([Scene(FieldRef("dsb", "A01", 1), {"DNA": image})])
        self.times = _threshold.factor(self.settings.diameter)
        self.diameter = self.settings.diameter / self.times
        self.flat = _threshold.flatten(image, self.settings.diameter)
        floor = _threshold.floor(self.flat, self.settings.threshold, self.settings.contrast)
        self.cut = _objects.cut(self.flat, floor, self.diameter, self.settings.edge, True)
        self.parts = _objects.parts(self.cut.mask, self.cut.filled, self.diameter, self.settings.split)
        # the truth at the scale of the basins: of each block, its middle pixel
        rows, columns = (
            np.minimum(np.arange(n) * self.times + self.times // 2, full - 1)
            for n, full in zip(self.flat.shape, image.shape, strict=True)
        )
        self.small_truth = self.truth[np.ix_(rows, columns)]

    def owners(self, labels: np.ndarray, count: int) -> np.ndarray:
        """Return the true nucleus of each label, the one it shares most pixels with; of what is none, its own."""
        table = shared_pixels(labels, self.small_truth, count)
        inside = table[:, 1:].max(axis=1, initial=0) > 0.3 * table.sum(axis=1)
        return np.where(inside, table[:, 1:].argmax(axis=1) + 1 if table.shape[1] > 1 else 0, -np.arange(count + 1))

    def pairs(self, weights: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """Return signs of pairs of touching parts, and whether they are one nucleus."""
        found = self.parts
        states = [found.labels] if weights is None else [_objects.join(found, self.diameter, b, weights) for b in BARS]
        rows, same = [np.zeros((0, SIGNS))], [np.zeros(0, bool)]
        for labels in states:
            count = found.last
            light, depth = found.light, found.depth
            own = sums(labels, light, depth, depth, count)
            touching = borders(labels, light, depth, depth, count)
            true = self.owners(labels, count)
            out = np.zeros((len(touching.one), SIGNS))
            for k, (i, j) in enumerate(zip(touching.one, touching.two, strict=True)):
                signs(own[i], own[j], touching.at[k], _objects.typical_area(self.diameter), out[k])
            known = (true[touching.one] > 0) | (true[touching.two] > 0)
            rows.append(out[known])
            same.append((true[touching.one] == true[touching.two])[known])
        return np.concatenate(rows), np.concatenate(same)

    def joined(self, weights: np.ndarray) -> tuple[np.ndarray, int]:
        """Return small labels 1 … n and n."""
        labels = _objects.join(self.parts, self.diameter, -_DOUBT, weights)
        least = self.settings.min_area * _objects.typical_area(self.diameter)
        return labels, keep_largest(labels, self.parts.last, least, float(labels.size), False)

    def nuclei(self, labels: np.ndarray, count: int) -> np.ndarray:
        """Return which labels lie in a true nucleus, by most of their pixels or nearly."""
        table = shared_pixels(labels, self.small_truth, count)[1:]
        return table[:, 1:].sum(axis=1) > 0.4 * table.sum(axis=1)

    def score(self, labels: np.ndarray) -> np.ndarray:
        """Return hits at IoU 0.5 and 0.7, objects found and true ones."""
        if self.times > 1:
            labels = enlarge_labels(labels, self.cut.above, self.times, *self.truth.shape)
        table = shared_pixels(labels, self.truth, int(labels.max(initial=0)))
        union = table.sum(1)[:, None] + table.sum(0)[None] - table
        best = (table / np.maximum(union, 1))[1:, 1:].max(axis=1, initial=0)
        found = len(np.unique(labels)) - 1
        return np.array([(best > 0.5).sum(), (best > 0.7).sum(), found, int(self.truth.max())])


def shared_pixels(labels: np.ndarray, truth: np.ndarray, count: int) -> np.ndarray:
    """Return (count + 1, m + 1) pixels that each label shares with each true nucleus."""
    width = int(truth.max()) + 1
    both = labels.astype(np.int64) * width + truth
    return np.bincount(both.ravel(), minlength=(count + 1) * width).reshape(count + 1, width)


def fit(rows: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return weights of the columns as they are, and what is added."""
    scale = StandardScaler().fit(rows)
    model = LogisticRegression(C=1.0, max_iter=2000).fit(scale.transform(rows), truth)
    weights = model.coef_[0] / scale.scale_
    return np.append(weights, model.intercept_[0] - weights @ scale.mean_)


def fit_joining(fields: list[Field]) -> np.ndarray:
    """Return weights of joining, fitted on pairs of basins, then also on the pairs that joining by them leads to."""
    seen = [f.pairs(None) for f in fields]
    for _ in range(2):
        weights = fit(np.concatenate([r for r, _ in seen]), np.concatenate([s for _, s in seen]))
        seen += [f.pairs(weights) for f in fields]
    return fit(np.concatenate([r for r, _ in seen]), np.concatenate([s for _, s in seen]))


def fit_nucleus(fields: list[Field], joining: np.ndarray) -> np.ndarray:
    """Return weights of what tells a nucleus from debris."""
    rows, truth = [], []
    for f in fields:
        labels, count = f.joined(joining)
        if count:
            rows.append(_objects.looks(labels, count, f.flat, f.diameter))
            truth.append(f.nuclei(labels, count))
    return fit(np.concatenate(rows), np.concatenate(truth))


def segmented(field: Field, joining: np.ndarray, nucleus: np.ndarray, least: float = 0.5) -> np.ndarray:
    """Return the small labels of a field by two sets of weights."""
    labels, count = field.joined(joining)
    if not count:
        return labels
    odds = _objects.looks(labels, count, field.flat, field.diameter) @ nucleus[:-1] + nucleus[-1]
    kept = np.concatenate([[False], 1 / (1 + np.exp(-odds)) >= least])
    return np.where(kept[labels], labels, 0).astype(np.int32)


def all_fields() -> Iterator[Field]:
    """Yield the fields in the order of the index."""
    with (SHARED / "index.csv").open() as file:
        for line in csv.DictReader(file):
            yield Field(line["name"], int(line["fold"]), int(line["group"]))


def report(what: str, totals: np.ndarray) -> None:
    """Print F1."""
    hits, more, found, true = totals
    line = f"{what}: F1 {2 * hits / (found + true):.3f} / {2 * more / (found + true):.3f}, {found} found, {true} true"
    sys.stdout.write(line + "\n")


def main() -> None:
    """Fit and print."""
    if not SHARED.is_dir():
        raise SystemExit(f"no real data at {SHARED}")
    fields = list(all_fields())
    pooled = np.zeros(4, int)
    for fold in sorted({f.fold for f in fields}):
        rest = [f for f in fields if f.fold != fold]
        joining = fit_joining(rest)
        nucleus = fit_nucleus(rest, joining)
        totals = sum(f.score(segmented(f, joining, nucleus)) for f in fields if f.fold == fold)
        report(f"fold {fold}, fitted on the others", totals)
        pooled += totals
    report("all folds, each fitted on the others", pooled)
    joining = fit_joining(fields)
    nucleus = fit_nucleus(fields, joining)
    report("all, fitted on all", sum(f.score(segmented(f, joining, nucleus)) for f in fields))
    np.set_printoptions(suppress=True, precision=3, linewidth=120)
    sys.stdout.write(f"JOINING = {np.round(joining, 3).tolist()}\nNUCLEUS = {np.round(nucleus, 3).tolist()}\n")


if __name__ == "__main__":
    main()
