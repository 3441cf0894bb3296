"""Class shares under a simulated shift: corrected against counted, on held-out predictions of real nuclei.

Needs held-out predictions by plate; `python benchmarks/_learn_shares.py` makes those of `svm` itself.
"""

from __future__ import annotations

import sys

import numpy as np
from _bench import Row, row
from _learn_data import SEEDS, labelled_crops

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.evaluation import shares
from napari_phenotyper.evaluation.crossval import OutOfFold, cross_validate
from napari_phenotyper.profilers.class_fractions import wilson

CELLS, DRAWS = 300, 200
COUNT, KNOWN = "counting", "knowing every cell's class"
"""What corrections are compared with: as it is done, and as well as it can be done with so few cells."""


def held_out(classifier: str = "svm") -> OutOfFold:
    """Return held-out predictions of all crops, in the shipped folds, grouped by plate."""
    training, fold = labelled_crops()
    return cross_validate(Registry().make("classifier", classifier), training, fold, no_progress)


def measure(result: OutOfFold | None = None) -> list[Row]:
    """Return the rows of the table: errors by those of counting, and coverage; for cells and for plates left out."""
    result = held_out() if result is None else result
    rows = []
    for kind in ("cells", "plates"):
        found = [_simulate(result, kind == "plates", seed) for seed in SEEDS]
        wrong, held = ({name: float(np.mean([one[i][name] for one in found])) for name in found[0][i]} for i in (0, 1))
        where = f"{CELLS} cells a well, {len(SEEDS)} × {DRAWS} wells, {kind} that the correction was not learnt from"
        for name, error in wrong.items():
            target = 0.7 if (kind, name) == ("cells", "EM") else None
            what = f"error of shares by {name} ({error:.4f} a share), by that of counting; {where}"
            rows.append(row(what, round(error / wrong[COUNT], 3), 1.0, "×", target))
        for name, share in held.items():
            target = 0.93 if (kind, name) == ("cells", "EM") else None
            what = f"shares that the 95 % interval of {name} holds (not above 0.97); {where}"
            rows.append(row(what, round(share, 3), None, "", target, less_is_better=False))
    told = shares.gain(result)
    rows.append(row("what `auto` goes by: EM's error on other folds' plates, by counting's", round(told, 3), 1.0, "×"))
    return rows


def _simulate(result: OutOfFold, by_plate: bool, seed: int) -> tuple[dict[str, float], dict[str, float]]:
    """Return the mean absolute error and the coverage of each estimate over simulated wells."""
    rng = np.random.default_rng(seed)
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
        known = np.bincount(result.labels[rest[rows]], minlength=len(result.classes)) / CELLS
        found = {name: (one, wilson(one * CELLS, np.array(CELLS))) for name, one in ((COUNT, count), (KNOWN, known))}
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
