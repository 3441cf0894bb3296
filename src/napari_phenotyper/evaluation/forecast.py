"""How many more labels for two points more: a power law through a learning curve, and when to say nothing.

Errors of classifiers fall about as a power of the number of labels (Cortes et al. 1994; Figueroa et al. 2012, BMC Med.
Inform. Decis. Mak. 12:8). The law is fitted to every bootstrap draw of the groups, so the forecast has an interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np

from napari_phenotyper.core.keys import Json
from napari_phenotyper.evaluation.metrics import Floats

GAIN = 0.02
"""What is promised for more labels: two points of the score."""
FEWEST_POINTS, FEWEST_LABELS = 4, 15
"""Below these, nothing is forecast."""
FARTHEST = 2.0
"""Nothing is forecast beyond this many times the labels that there are."""
FICKLE = 0.05
"""Share of the tested cells whose prediction depends on which cells a share happened to hold."""
SMALLEST = 1e-3
"""Errors are clipped here before their logarithm is taken."""


@dataclass(frozen=True)
class Forecast:
    """What more labels would bring.

    Attributes
    ----------
    verdict
        "rises": `labels` more bring `GAIN`; "flat": even `FARTHEST` times the labels would not; "good": the score is
        within `GAIN` of 1; "unknown": the curve does not allow a forecast.
    labels, low, high
        How many more, and an 80 % interval; None where nothing is forecast. `high` is None if it lies beyond
        `FARTHEST` times the labels.
    """

    verdict: str
    labels: int | None = None
    low: int | None = None
    high: int | None = None

    def state(self) -> Mapping[str, Json]:
        """Return the fields as JSON."""
        return asdict(self)


def forecast(labels: Floats, scores: Floats, drawn: Floats) -> Forecast:
    """Forecast how many labels bring `GAIN` more of a score.

    Parameters
    ----------
    labels
        (P,) labels at each point of the curve, rising.
    scores
        (P,) the score there, 0 … 1.
    drawn
        (D, P) the same in bootstrap draws of the groups; all points of one row are of one draw.

    Notes
    -----
    Draws of groups move all points alike; what the choice of cells does to each point alone is added to every draw: as
    much as the points scatter about the law, and no less than `FICKLE` of the tested cells would.

    Silent ("unknown") where there are too few points or labels, where one draw in ten does not rise, and where the law
    fitted to all points but the last misses the last one by more than the draws allow.
    """
    if len(labels) < FEWEST_POINTS or labels[-1] < FEWEST_LABELS or not np.isfinite(drawn).all():
        return Forecast("unknown")
    if 1 - scores[-1] <= GAIN:
        return Forecast("good")
    errors = _scattered(labels, scores, 1 - drawn)
    level, slope = _power_law(labels, errors)
    if np.percentile(slope, 10) <= 0 or _misses(labels, 1 - drawn):
        flat = np.percentile(level * (1 - FARTHEST ** -np.maximum(slope, 0)), 90) < GAIN
        return Forecast("flat" if flat else "unknown")
    needed = labels[-1] * (_times(level, slope) - 1)
    low, middle, high = np.percentile(needed, (10, 50, 90))
    most = (FARTHEST - 1) * labels[-1]
    if middle > most:
        return Forecast("flat" if low > most else "unknown")
    return Forecast("rises", _rounded(middle), _rounded(low), _rounded(high) if high <= most else None)


def _scattered(labels: Floats, scores: Floats, errors: Floats) -> Floats:
    """Return (D, P) errors of which each point has been moved by chance on its own."""
    logs = np.log(np.maximum(1 - scores, SMALLEST))
    level, slope = _power_law(labels, np.maximum(1 - scores, SMALLEST)[None, :])
    rest = logs - np.log(level) + slope * np.log(labels / labels[-1])
    least = np.sqrt(FICKLE / labels[-1]) / np.maximum(1 - scores, SMALLEST)
    size = np.maximum(np.sqrt((rest**2).sum() / max(len(labels) - 2, 1)), least)
    return np.asarray(errors * np.exp(np.random.default_rng(0).normal(0, size, errors.shape)))


def _power_law(labels: Floats, errors: Floats) -> tuple[Floats, Floats]:
    """Return (D,) errors at the last point and slopes of log error against log labels, by least squares."""
    x = np.log(labels / labels[-1])
    logs = np.log(np.maximum(errors, SMALLEST))
    centred = x - x.mean()
    slope = logs @ centred / (centred @ centred)
    return np.exp(logs.mean(axis=1) - slope * x.mean()), -slope


def _times(level: Floats, slope: Floats) -> Floats:
    """Return (D,) how many times the labels bring the error from `level` to `GAIN` less; infinite if none do."""
    with np.errstate(divide="ignore", over="ignore"):
        ratio = np.where(level > GAIN, level / np.maximum(level - GAIN, SMALLEST), np.inf)
        return np.where(slope > 0, np.exp(np.minimum(np.log(ratio) / np.maximum(slope, 1e-9), 50)), np.inf)


def _misses(labels: Floats, errors: Floats) -> bool:
    """Tell whether the law of all points but the last is surely wrong about the last."""
    level, slope = _power_law(labels[:-1], errors[:, :-1])
    said = level * (labels[-1] / labels[-2]) ** -slope
    low, high = np.percentile(said - errors[:, -1], (2.5, 97.5))
    return bool(low > 0 or high < 0)


def _rounded(count: float) -> int:
    """Return a number that does not feign precision: two digits, at least 1."""
    if not np.isfinite(count) or count < 1:
        return 1
    step = 10 ** max(int(np.floor(np.log10(count))) - 1, 0)
    return int(max(round(count / step) * step, 1))
