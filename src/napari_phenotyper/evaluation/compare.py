"""Classifiers compared on the same held-out cells, and whether the difference is more than chance.

Cells of one group are alike, so whole groups are drawn (paired bootstrap over groups: both classifiers are judged on
the same draw). McNemar's exact test (McNemar 1947) over single cells stands second: it takes cells for independent and
is therefore too sure where a group holds many.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.evaluation import metrics
from napari_phenotyper.evaluation.crossval import FEW_GROUPS, OutOfFold, report

TOLD = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss", "kappa", "calibration_error")
"""What is told of each classifier."""


def compare(results: Mapping[str, OutOfFold], group: str = "well", draws: int = 2000) -> dict[str, Json]:
    """Compare classifiers pair by pair.

    Parameters
    ----------
    results
        Name to held-out predictions of the same cells in the same folds; at least two.
    group
        What a group is called.
    draws
        Of the bootstrap.

    Returns
    -------
    `n`, `groups`, `group`; `classifiers` (by name: the scores of `report`), best accuracy first; `pairs` (list of
    {better, other, accuracy and balanced_accuracy each {difference, low, high}, p, mcnemar: {better_only, other_only,
    p}, sentence}); `warnings`. `p` is two-sided, of no difference in accuracy, from the bootstrap over groups.

    Raises
    ------
    TrainingError
        With fewer than two classifiers, or where cells or folds differ.
    """
    names = list(results)
    if len(names) < 2:
        raise TrainingError("There is nothing to compare with.", "Name at least two classifiers.")
    first = results[names[0]]
    for other in results.values():
        if not (np.array_equal(first.labels, other.labels) and np.array_equal(first.folds, other.folds)):
            raise TrainingError("The classifiers were tested on different cells.", "Evaluate both again.")
    reports = {name: report(result, group) for name, result in results.items()}
    names.sort(key=lambda name: -_accuracy(results[name]))
    groups = len(np.unique(first.groups[first.tested]))
    rough = f"Only {groups} {group}s: the intervals are rough; label cells in more {group}s"
    return {
        "n": int(first.tested.sum()),
        "groups": groups,
        "group": group,
        "classifiers": {name: {key: reports[name][key] for key in TOLD} for name in names},
        "pairs": [_pair((a, results[a]), (b, results[b]), group, draws) for a, b in combinations(names, 2)],
        "warnings": [rough] if groups < FEW_GROUPS else [],
    }


def _accuracy(result: OutOfFold) -> float:
    return float((result.probabilities[result.tested].argmax(axis=1) == result.labels[result.tested]).mean())


def _pair(better: tuple[str, OutOfFold], other: tuple[str, OutOfFold], group: str, draws: int) -> dict[str, Json]:
    """Return how much more often the first is right than the second."""
    one, two = better[1], other[1]
    rows = one.tested
    truth, groups = one.labels[rows], one.groups[rows]
    tables = [metrics.group_tables(r.probabilities[rows], truth, groups)[0] for r in (one, two)]
    drawn = metrics.group_draws(len(tables[0]), draws, 0)
    found: dict[str, dict[str, float]] = {}
    for name, score in (("accuracy", metrics.accuracy), ("balanced_accuracy", metrics.balanced_accuracy)):
        value = [float(score(t.sum(0, keepdims=True))[0]) for t in tables]
        spread = score(np.tensordot(drawn, tables[0], 1)) - score(np.tensordot(drawn, tables[1], 1))
        low, high = np.percentile(spread, (2.5, 97.5))
        found[name] = {"difference": value[0] - value[1], "low": float(low), "high": float(high)}
        if name == "accuracy":
            p = 2 * min((spread <= 0).mean(), (spread >= 0).mean())
    right = [r.probabilities[rows].argmax(axis=1) == truth for r in (one, two)]
    only = int((right[0] & ~right[1]).sum()), int((right[1] & ~right[0]).sum())
    return {
        "better": better[0],
        "other": other[0],
        **found,
        "p": float(min(max(p, 1 / draws), 1.0)),
        "mcnemar": {"better_only": only[0], "other_only": only[1], "p": _exact(*only)},
        "sentence": sentence(better[0], other[0], found["accuracy"], group, len(tables[0])),
    }


def _exact(first: int, second: int) -> float:
    from scipy.stats import binomtest  # half a second that a window should not wait for

    return float(binomtest(first, first + second).pvalue) if first + second else 1.0


def sentence(better: str, other: str, accuracy: Mapping[str, float], group: str, groups: int) -> str:
    """Return the result as a reader needs it: how much, how sure, and whether a difference is shown at all.

    Parameters
    ----------
    better, other
        Names.
    accuracy
        difference, low and high, as shares.
    group, groups
        What was drawn, and how many there are; with too few no difference counts as shown.
    """
    difference, low, high = (100 * accuracy[key] for key in ("difference", "low", "high"))
    interval = f"95 % interval {_signed(low)} … {_signed(high)} over {groups} {group}s"
    shown = low > 0 and groups >= FEW_GROUPS
    verdict = "a difference beyond chance" if shown else "no difference shown"
    return f"{better} is right {difference:.1f} points more often than {other}, {interval}: {verdict}"


def _signed(value: float) -> str:
    return f"{value:.1f}".replace("-", "−")
