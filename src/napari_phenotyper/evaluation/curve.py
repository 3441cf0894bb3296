"""The learning curve: score against number of labels, so that the user knows what to label next and when to stop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.contracts import Classifier
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.evaluation import metrics
from napari_phenotyper.evaluation.crossval import FEW_GROUPS, FEW_OF_A_CLASS, OutOfFold, cross_validate
from napari_phenotyper.evaluation.forecast import Forecast, forecast
from napari_phenotyper.evaluation.metrics import Floats, Indices

SHARES = (0.125, 0.25, 0.5, 0.75)
"""Shares of the labels that the curve has points at, besides all of them."""
REPEATS = 2
DRAWS = 1000


def learning_curve(
    classifier: Classifier,
    training: TrainingSet,
    whole: OutOfFold,
    progress: Progress,
    shares: Sequence[float] = SHARES,
    repeats: int = REPEATS,
    group: str = "well",
) -> dict[str, Json]:
    """Train on growing shares of the labels, test on the same cells each time, and forecast what more would bring.

    Parameters
    ----------
    classifier, training
        What is judged, on which N cells.
    whole
        Held-out predictions by training on all labels: the curve's last point, whose folds are those of all points.
    progress
        Called before and during every fit.
    shares
        Rising, each below 1; of every class and fold that share is trained on, one cell at least.
    repeats
        How often each share is drawn; larger shares hold the smaller ones of their repeat.
    group
        What a group is called.

    Returns
    -------
    `n`, `groups`, `group`; `points` (list of {share, n, accuracy and balanced_accuracy each {value, low, high},
    per_class: by class {n, f1}}); `forecast` (of balanced accuracy, by labels of all classes) and `forecasts` (by
    class, of its F1, by labels of that class while the others grow alike): verdict, labels, low, high, sentence;
    `warnings`.

    Notes
    -----
    `n` is the number of labels that the point's share comes to, the tested fold's among them, as the user counts
    them. Intervals draw whole groups. More labels are taken to come from groups like those there are: cells of new
    plates teach more than more cells of the same.
    """
    orders = [_order(training, whole.folds, training.seed + r) for r in range(repeats)]
    tables: list[Floats] = []
    for i, share in enumerate(shares):
        found = []
        for r, order in enumerate(orders):
            done = (i * repeats + r) / (len(shares) * repeats)
            step = part(progress, done, done + 1 / (len(shares) * repeats))
            learn = order < share
            found.append(_tables(cross_validate(classifier, training, whole.folds, _named(step, share), learn)))
        tables.append(np.mean(found, axis=0))
    progress(1.0, "Tested")
    return _report(whole, (*shares, 1.0), np.array([*tables, _tables(whole)]), group)


def _order(training: TrainingSet, fold: Indices, seed: int) -> Floats:
    """Return (N,) in 0 … 1: a cell is among a share of its class and fold if its number is below the share."""
    rng = np.random.default_rng(seed)
    place = np.zeros(len(training))
    for key in np.unique(np.stack([training.labels, fold]), axis=1).T:
        rows = np.flatnonzero((training.labels == key[0]) & (fold == key[1]))
        place[rng.permutation(rows)] = np.arange(len(rows)) / len(rows)
    return place


def _named(progress: Progress, share: float) -> Progress:
    return lambda fraction, message: progress(fraction, f"{share:.0%} of the labels: {message}")


def _tables(result: OutOfFold) -> Floats:
    """Return (G, K, K) confusion counts of each group."""
    rows = result.tested
    return metrics.group_tables(result.probabilities[rows], result.labels[rows], result.groups[rows])[0]


def _report(whole: OutOfFold, shares: tuple[float, ...], tables: Floats, group: str) -> dict[str, Json]:
    """Return the curve as JSON from (P, G, K, K) counts."""
    counts = np.bincount(whole.labels[whole.tested], minlength=len(whole.classes))
    groups = tables.shape[1]
    drawn = np.stack([np.tensordot(metrics.group_draws(groups, DRAWS, 0), t, 1) for t in tables], axis=1)
    value = tables.sum(axis=1)
    f1 = metrics.f1_by_class(value)
    points: list[Json] = []
    for i, share in enumerate(shares):
        labels = np.ceil(share * counts)
        per_class = {c: {"n": int(labels[k]), "f1": float(f1[i, k])} for k, c in enumerate(whole.classes) if counts[k]}
        scores: dict[str, Json] = {}
        for name, score in (("accuracy", metrics.accuracy), ("balanced_accuracy", metrics.balanced_accuracy)):
            low, high = np.percentile(score(drawn[:, i]), (2.5, 97.5))
            scores[name] = {"value": float(score(value[i])), "low": float(low), "high": float(high)}
        points.append({"share": share, "n": int(labels.sum()), **scores, "per_class": per_class})
    return {
        "n": int(counts.sum()),
        "groups": groups,
        "group": group,
        "points": points,
        **_forecasts(whole, np.array(shares), (value, drawn), counts),
        "warnings": [f"Only {groups} {group}s: nothing can be forecast"] if groups < FEW_GROUPS else [],
    }


def _forecasts(
    whole: OutOfFold, shares: Floats, tables: tuple[Floats, Floats], counts: NDArray[np.intp]
) -> dict[str, Json]:
    """Return the forecasts of balanced accuracy and of each class's F1, with their sentences."""
    value, drawn = tables
    enough = len(np.unique(whole.groups[whole.tested])) >= FEW_GROUPS
    balanced = Forecast("unknown")
    if enough:
        scores = metrics.balanced_accuracy(value), metrics.balanced_accuracy(drawn)
        balanced = forecast(shares * counts.sum(), *scores)
    found: dict[str, Json] = {}
    f1, f1_drawn = metrics.f1_by_class(value), metrics.f1_by_class(drawn)
    for k, name in enumerate(whole.classes):
        mine = whole.groups[whole.tested & (whole.labels == k)]
        told = Forecast("unknown")
        if enough and len(np.unique(mine)) >= FEW_OF_A_CLASS:
            there = drawn[:, -1, k].sum(axis=-1) > 0  # draws without a cell of the class say nothing of it
            told = forecast(np.ceil(shares * counts[k]), f1[:, k], f1_drawn[there][:, :, k])
        if counts[k]:
            found[name] = {**told.state(), "sentence": sentence(told, name)}
    return {"forecast": {**balanced.state(), "sentence": sentence(balanced, "")}, "forecasts": found}


def sentence(told: Forecast, name: str) -> str:
    """Return a forecast in words; `name` is the class, empty for all together."""
    labels = f"labels of {name}" if name else "labels in all"
    score = "F1" if name else "balanced accuracy"
    if told.verdict == "rises":
        between = f"between {told.low} and {told.high}" if told.high is not None else f"{told.low} at least"
        return f"about {told.labels} more {labels} for 2 points more {score} ({between})"
    told_by = {
        "flat": f"twice the {labels} would bring less than 2 points of {score}",
        "good": f"{score} is within 2 points of 1: more {labels} cannot show",
    }
    return told_by.get(told.verdict, f"the curve does not tell what more {labels} would bring")
