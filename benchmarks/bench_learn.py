"""Accuracy of every classifier on 1,884 real nuclei of 16 phenotypes, tested on other plates than they learnt from.

`python benchmarks/bench_learn.py [PART …]` needs ../shared and writes benchmarks/results/learn.json. A part is the id
of a classifier, "few" (10 labels per class), "few-jury" (the same of jury, fewer draws) or "shares" (class shares under
a shift); all of them if none is named. Rows of parts that are not run now are kept, so that slow ones can be run alone
(the load noted is then the last run's). Folds are the shipped ones, pooled.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence

import _learn_shares
import numpy as np
from _bench import Row, kept, row, write
from _learn_data import FIVE, few_labels, held_out, labelled_crops, of_classes

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.evaluation import crossval
from napari_phenotyper.session.crop_learning import needs_columns

FEW, FEW_JURY, SHARES, BEST = "few", "few-jury", "shares", "best"
LABELS, DRAWS, JURY_DRAWS = 10, 20, 4
RARE_FOLDS = ("Grape", "ADCCM")
"""Classes of which nearly all cells lie in one fold."""
NETWORKS = ("fastnet", "resnet", "lipnet", "deep_svm", "jury")
"""Classifiers that train a network; all others look at measured columns only."""
SCORES = ("accuracy", "balanced_accuracy", "log_loss", "calibration_error")


def classifier(name: str, training: TrainingSet, fold: np.ndarray) -> list[Row]:
    """Return the scores of one classifier, means over seeds: all classes, five alone, and the seconds of a fit."""
    rows = []
    for what, cells, folds in (("16 classes", training, fold), ("5 classes", *of_classes(training, fold, FIVE))):
        reports = [crossval.report(found, "plate") for found in held_out(name, cells, folds)]
        seeds = f"{len(reports)} seeds" if len(reports) == 3 else "the same for any seed"
        for score in SCORES if cells is training else SCORES[:2]:
            values = [_value(report, score) for report in reports]
            said = f"{name}: {score}, {what}, {seeds}"
            less = score in SCORES[2:]
            rows.append(
                _marked(name, row(said, round(float(np.mean(values)), 4), None, "", less_is_better=less), values)
            )
        for kind in RARE_FOLDS if cells is training else ():
            values = [report["per_class"][kind]["recall"] for report in reports]
            said = f"{name}: recall of {kind}, {what}"
            rows.append(_marked(name, row(said, round(float(np.mean(values)), 4), None, ""), values))
    start = time.perf_counter()
    Registry().make("classifier", name).fit(training, no_progress)
    rows.append(_marked(name, row(f"{name}: a fit on 1,884 cells", round(time.perf_counter() - start, 2), None, "s")))
    return rows


def few(part: str, names: Sequence[str], training: TrainingSet, fold: np.ndarray, count: int) -> list[Row]:
    """Return balanced accuracy with 10 labels per class, means over draws, against svm on the same draws."""
    draws = list(few_labels(training, fold, LABELS, count))
    found = {name: [_balanced(name, training, fold, draw) for draw in draws] for name in names}
    peer = float(np.mean(found["svm"]))
    rows = []
    for name, values in found.items():
        said = f"{name}: balanced accuracy, {LABELS} labels per class, {count} draws"
        target = round(peer + 0.06, 4) if name != "svm" else None
        one = row(said, round(float(np.mean(values)), 4), round(peer, 4), "", target, less_is_better=False)
        rows.append(_marked(part, one, values))
    return rows


def _balanced(name: str, training: TrainingSet, fold: np.ndarray, draw: np.ndarray) -> float:
    """Return the balanced accuracy over all folds of a classifier that learnt a few cells outside each."""
    made = Registry().make("classifier", name)
    right = np.zeros(len(training), bool)
    for number, rows in zip(np.unique(fold), draw, strict=True):
        model = made.fit(training.take(rows.astype(np.intp)), no_progress)
        tested = training.take(fold == number)
        said = np.concatenate([model.predict(chunk) for chunk in tested.cells]).argmax(axis=1)
        right[fold == number] = np.array(model.classes)[said] == np.array(training.classes)[tested.labels]
    return float(np.mean([right[training.labels == k].mean() for k in range(len(training.classes))]))


def best(rows: Sequence[Row]) -> list[Row]:
    """Return the rows that compare the best classifiers with what is wanted, chosen by balanced accuracy."""
    without = [name for name in Registry().ids("classifier") if _is_of_features(name)]
    found = []
    for what, names, classes, accuracy, balanced in (
        ("best", Registry().ids("classifier"), "16 classes", 0.84, 0.80),
        ("best without a CNN", without, "16 classes", 0.79, 0.77),
        ("best", Registry().ids("classifier"), "5 classes", 0.95, 0.94),
    ):
        scores = {name: _of(rows, f"{name}: balanced_accuracy, {classes}") for name in names}
        known = {name: value for name, value in scores.items() if value is not None}
        if not known:
            continue
        name = max(known, key=lambda one: known[one])
        for score, target in (("accuracy", accuracy), ("balanced_accuracy", balanced)):
            value = _of(rows, f"{name}: {score}, {classes}") or 0.0
            said = f"{what} ({name}): {score}, {classes}"
            found.append(_marked(BEST, row(said, value, None, "", target, less_is_better=False)))
        if classes == "16 classes":
            value = _of(rows, f"{name}: calibration_error, {classes}") or 0.0
            found.append(_marked(BEST, row(f"{what} ({name}): calibration_error, {classes}", value, None, "", 0.030)))
    return found


def main() -> None:
    """Measure the parts that are named, and write them beside those that were measured before."""
    names = Registry().ids("classifier")
    known = [*names, FEW, FEW_JURY, SHARES]
    chosen = sys.argv[1:] or known
    wrong = [part for part in chosen if part not in known]
    if wrong:
        raise SystemExit(f"no part {wrong[0]!r}; there are: {', '.join(known)}")
    picked = [name for name in chosen if name in names]
    few_names = [name for name in picked or names if name == "svm" or _is_of_features(name)]
    columns = {FEW, FEW_JURY} & {*chosen} or any(needs_columns(Registry().make("classifier", name)) for name in picked)
    cells = labelled_crops(bool(columns)) if picked or {FEW, FEW_JURY} & {*chosen} else None
    work: dict[str, Callable[[], list[Row]]] = {}
    if cells is not None:
        work |= {name: lambda name=name: classifier(name, *cells) for name in picked}
        work[FEW] = lambda: few(FEW, list(dict.fromkeys(["svm", *few_names])), *cells, DRAWS)
        work[FEW_JURY] = lambda: few(FEW_JURY, ["svm", "committee", "jury"], *cells, JURY_DRAWS)
    work[SHARES] = lambda: [_marked(SHARES, one) for one in _learn_shares.measure()]
    for part in chosen:
        rows = [one for one in kept("learn") if one["part"] not in (part, BEST)] + work[part]()
        print(write("learn", [*rows, *best(rows)]))


def _marked(part: str, one: Row, values: Sequence[float] = ()) -> Row:
    """Return a row that says which part it belongs to, with the values it is the mean of."""
    return {**one, "part": part, **({"values": [round(float(v), 4) for v in values]} if len(values) > 1 else {})}


def _is_of_features(name: str) -> bool:
    return name not in NETWORKS


def _of(rows: Sequence[Row], start: str) -> float | None:
    return next((float(one["ours"]) for one in rows if str(one["what"]).startswith(start)), None)


def _value(report: dict, score: str) -> float:
    found = report[score]
    return float(found["value"] if isinstance(found, dict) else found)


if __name__ == "__main__":
    main()
