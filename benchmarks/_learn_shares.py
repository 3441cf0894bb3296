"""Class shares under a simulated shift: corrected against counted, on held-out predictions of real nuclei.

Needs held-out predictions by plate; `python benchmarks/_learn_shares.py` makes those of `svm` itself.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

import numpy as np
from _bench import Row, row
from PIL import Image

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation import shares
from napari_phenotyper.evaluation.crossval import OutOfFold, cross_validate
from napari_phenotyper.profilers.class_fractions import wilson

DATA = Path(__file__).parents[2] / "shared" / "data" / "mitocheck_crops"
CELLS, DRAWS = 300, 200
REF = FieldRef("mitocheck", "A01", 1)


def held_out(classifier: str = "svm") -> OutOfFold:
    """Return held-out predictions of all crops, in the shipped folds, grouped by plate."""
    with (DATA / "index.csv").open() as file:
        rows = list(csv.DictReader(file))
    found = [_measured(rows[i : i + 256]) for i in range(0, len(rows), 256)]
    matrix = np.concatenate([block.values for block in found])
    none = np.zeros(len(rows), np.float32)
    cells = Cells(REF, np.arange(len(rows), dtype=np.int32), none, none, {"all": ColumnBlock(found[0].columns, matrix)})
    classes, labels = np.unique([r["phenotype"] for r in rows], return_inverse=True)
    plates, groups = np.unique([r["plate"] for r in rows], return_inverse=True)
    training = TrainingSet((cells,), tuple(map(str, classes)), labels, groups, tuple(map(str, plates)))
    fold = np.array([int(r["fold"]) for r in rows], np.intp)
    return cross_validate(Registry().make("classifier", classifier), training, fold, no_progress)


def _measured(rows: list[dict[str, str]]) -> ColumnBlock:
    """Return all features of the nucleus in the middle of each crop, 16 × 16 crops to a field."""
    nuclei = Registry().make("segmenter", "nuclei", {"diameter": 20})
    image, labels = np.zeros((1152, 1152), np.uint8), np.zeros((1152, 1152), np.int32)
    for i, line in enumerate(rows):
        crop = np.asarray(Image.open(DATA / line["file"]))
        part = np.s_[i // 16 * 72 : i // 16 * 72 + 72, i % 16 * 72 : i % 16 * 72 + 72]
        image[part] = np.pad(crop, 4, mode="edge")
        masks = nuclei.segment(Scene(REF, {"DNA": crop}), no_progress)
        cell = masks.at(31.5, 31.5, within=20)
        inside = np.pad(masks.labels[NUCLEI], 4) == cell if cell else np.pad(np.ones((2, 2), bool), 35)
        labels[part][inside] = i + 1
    scene = Scene(REF, {"DNA": image}, None, Masks({NUCLEI: labels}))
    found = [Registry().make("extractor", name).measure(scene) for name in ("shape", "intensity", "texture", "zernike")]
    return ColumnBlock(sum((b.columns for b in found), ()), np.hstack([b.values for b in found]))


def measure(result: OutOfFold | None = None) -> list[Row]:
    """Return the rows of the table: errors by those of counting, and coverage; for cells and for plates left out."""
    result = held_out() if result is None else result
    rows = []
    for kind in ("cells", "plates"):
        wrong, held = _simulate(result, kind == "plates")
        where = f"{CELLS} cells a well, {DRAWS} wells, {kind} that the correction was not learnt from"
        for name, error in wrong.items():
            target = 0.7 if (kind, name) == ("cells", "EM") else None
            what = f"error of shares by {name} ({error:.4f} a share), by that of counting; {where}"
            rows.append(row(what, round(error / wrong["counting"], 3), 1.0, "×", target))
        for name, share in held.items():
            target = 0.93 if (kind, name) == ("cells", "EM") else None
            what = f"shares that the 95 % interval of {name} holds (not above 0.97); {where}"
            rows.append(row(what, round(share, 3), None, "", target, less_is_better=False))
    told = shares.gain(result)
    rows.append(row("what `auto` goes by: EM's error on other folds' plates, by counting's", round(told, 3), 1.0, "×"))
    return rows


def _simulate(result: OutOfFold, by_plate: bool) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean absolute error and the coverage of each estimate over simulated wells."""
    rng = np.random.default_rng(0)
    wrong: dict[str, list[float]] = {}
    held: dict[str, list[float]] = {}
    for draw in range(DRAWS):
        if draw % 4 == 0:  # what is learnt serves four wells
            learnt = _half(result, by_plate, rng)
            errors = shares.learn_errors(_only(result, learnt))
        rest = np.flatnonzero(~learnt)
        truth, rows = shares.simulated(result.labels[rest], len(result.classes), CELLS, draw % 2 == 0, rng)
        well, present = result.probabilities[rest[rows]], np.unique(result.labels[rest])
        count = shares.counted(well)
        found = {"counting": (count, wilson(count * CELLS, np.array(CELLS)))}
        for name, estimate in (("EM", shares.by_likelihood), ("adjusted count", shares.by_adjusting)):
            one = estimate(well, errors, draw)
            found[name] = one.shares, np.percentile(one.draws, (2.5, 97.5), axis=0)
        for name, (value, (low, high)) in found.items():
            wrong.setdefault(name, []).append(np.abs(value - truth).mean())
            held.setdefault(name, []).append(((low <= truth) & (truth <= high))[present].mean())
    return {k: float(np.mean(v)) for k, v in wrong.items()}, {k: float(np.mean(v)) for k, v in held.items()}


def _half(result: OutOfFold, by_plate: bool, rng: np.random.Generator) -> np.ndarray:
    """Return (N,) whether a cell is learnt from: half of the cells, or of the plates."""
    of = result.groups if by_plate else np.arange(len(result.labels))
    chosen = rng.permutation(of.max() + 1)[: (of.max() + 1) // 2]
    return np.isin(of, chosen)


def _only(result: OutOfFold, rows: np.ndarray) -> OutOfFold:
    return OutOfFold(
        result.probabilities[rows], result.labels[rows], result.groups[rows], result.folds[rows], result.classes
    )


if __name__ == "__main__":
    for line in measure():
        sys.stdout.write(f"{line}\n")
