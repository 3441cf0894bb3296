"""How a plate was lit, from a sample of its fields, and whether correcting for it helps: pure functions on arrays.

Bright spots (nuclei, cells) are taken to be as bright in one place of the field as in another, whatever a field holds.
The logarithm of how far each stands above its own background is fitted, robustly, by a smooth surface that all fields
share, each field with a level of its own. Looking at what stands above the background makes a camera's offset, which
is no light, drop out; CellProfiler's CorrectIlluminationCalculate (Singh et al. 2014, J. Microsc. 256:231) smooths
mean images, and BaSiC (Peng et al. 2017, Nat. Commun. 8:14836) needs many fields to tell offset from light.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtr

from napari_phenotyper.core.illumination import FlatField, Float64, places, terms
from napari_phenotyper.core.keys import Json
from napari_phenotyper.evaluation.light_sights import TILES, Sight

DEGREES = (2, 4)
"""Of the surfaces that are tried."""
LEAST_FALL = 0.1
"""Below this, light adds less to the spread of nuclei's brightness than a hundredth of it: it is left alone."""
CHANCE = 0.005
"""How likely chance may make fields that had no part in the estimate speak for it as much as they do."""
MOST_LEFT = 0.6
"""Share of the unevenness that may be left on fields that had no part in the estimate."""
FEWEST_FIELDS = 6
"""Fields with bright spots from which something can be held out."""

_FEWEST_SPOTS = 30
"""In all, from which a surface is fitted."""
_LEVEL_PRIOR = 5.0
"""Spots that speak for a field's being as bright as the others, so that one with three has not a level of its own."""
_PARTED = 0.8
"""Share of the variance of heights that lies between two kinds of spots."""
_RIDGE = 7.0
"""Variance of a spot's height over that of a weight, (0.4 / 0.15)²: a few spots shall not swing the surface."""
_MORE = 1.05
"""How much more a surface of higher degree must gain on held-out fields."""
_HUBER = 1.5
"""Standard deviations beyond which a spot counts less (Huber 1964)."""


@dataclass(frozen=True, eq=False)
class Lighting:
    """How a channel was lit, and what fields that had no part in the estimate say of it.

    Attributes
    ----------
    flat
        The estimate from all fields, None where there was too little to go by.
    fields, spots
        How many it rests on.
    before, after
        Unevenness on held-out fields as they are, and after correction: the standard deviation, over the field, of the
        surface that fits their spots; NaN where too few fields could be held out.
    chance
        How likely held-out fields' spots come as much nearer to each other, or more, by chance; NaN as above.
    helps
        Whether it should be used unasked.
    why
        The reason, in words.
    """

    flat: FlatField | None
    fields: int
    spots: int
    before: float
    after: float
    chance: float
    helps: bool
    why: str

    def state(self) -> dict[str, Json]:
        """Return it as JSON; NaN is None."""
        numbers = {name: getattr(self, name) for name in ("before", "after", "chance")}
        told: dict[str, Json] = {name: None if math.isnan(v) else v for name, v in numbers.items()}
        flat = None if self.flat is None else self.flat.state()
        return {"flat": flat, "fields": self.fields, "spots": self.spots, **told, "helps": self.helps, "why": self.why}

    @staticmethod
    def restore(state: Mapping[str, Any]) -> Lighting:
        """Return what `state` gave. Raises KeyError, TypeError and ValueError for anything else."""
        before, after, chance = (
            math.nan if state[name] is None else float(state[name]) for name in ("before", "after", "chance")
        )
        flat = None if state["flat"] is None else FlatField.restore(state["flat"])
        counts = int(state["fields"]), int(state["spots"])
        return Lighting(flat, *counts, before, after, chance, bool(state["helps"]), str(state["why"]))


def lighting(sights: Sequence[Sight], wells: Sequence[Hashable]) -> Lighting:
    """Return how a channel was lit, from what some fields of one plate tell.

    What is chosen (the degree of the surfaces, whether it helps) is chosen by wells that had no part in the estimate:
    every second one says of the others, and the others of it.

    Parameters
    ----------
    sights
        Of fields; those of another size than most do not count.
    wells
        The well of each.
    """
    alike, known, parts = _of_one_shape(sights, wells)
    spots = sum(len(one.height) for one in known)
    if spots < _FEWEST_SPOTS:
        why = f"{spots} bright spots in {len(alike)} fields are too few to tell"
        return Lighting(None, len(alike), spots, math.nan, math.nan, math.nan, False, why)
    enough = len(known) >= FEWEST_FIELDS and all(parts)
    tried = {degree: _held_out(parts, degree) for degree in DEGREES} if enough else {}
    degree = DEGREES[0]
    for more in DEGREES[1:] if tried else ():
        if tried[more].gained > _MORE * max(tried[degree].gained, 0.0):
            degree = more
    flat = _flat(alike, known, degree)
    if not tried:
        why = f"{len(known)} fields with bright spots are too few to hold some out and see whether it helps"
        return Lighting(flat, len(alike), spots, math.nan, math.nan, math.nan, False, why)
    trial = tried[degree]
    helps, why = _verdict(flat.fall, trial)
    return Lighting(flat, len(alike), spots, trial.before, trial.after, trial.chance, helps, why)


@dataclass(frozen=True)
class _Trial:
    """What held-out fields say of a degree; `gained` is in units of the logarithm of brightness."""

    before: float
    after: float
    gained: float
    chance: float


def _verdict(fall: float, trial: _Trial) -> tuple[bool, str]:
    """Return whether a correction helps, and why."""
    if fall < LEAST_FALL:
        return False, f"brightness falls by {fall:.0%} only; below {LEAST_FALL:.0%} it is lost in what nuclei differ by"
    told = f"brightness falls by {fall:.0%} from the brightest to the darkest place"
    left = f"the unevenness goes from {trial.before:.1%} to {trial.after:.1%}"
    if not trial.chance <= CHANCE:
        return False, f"{told}, but fields that had no part in the estimate do not bear it out ({left})"
    if trial.after > MOST_LEFT * trial.before:
        return False, f"{told}, but on fields that had no part in the estimate too much is left ({left})"
    return True, f"{told}; on fields that had no part in the estimate {left}"


def _of_one_shape(
    sights: Sequence[Sight], wells: Sequence[Hashable]
) -> tuple[list[Sight], list[Sight], tuple[list[Sight], list[Sight]]]:
    """Return the fields of the usual size; those with spots; and these by every second well.

    Of a single well, by every second field.
    """
    shapes = [one.shape for one in sights]
    usual = max(dict.fromkeys(shapes), key=shapes.count, default=None)
    alike = [(one, well) for one, well in zip(sights, wells, strict=True) if one.shape == usual]
    known = [(one, well) for one, well in alike if len(one.height)]
    number = {well: i for i, well in enumerate(dict.fromkeys(well for _, well in known))}
    sides = [number[well] % 2 if len(number) > 1 else i % 2 for i, (_, well) in enumerate(known)]
    parts = tuple([one for (one, _), at in zip(known, sides, strict=True) if at == side] for side in (0, 1))
    return [one for one, _ in alike], [one for one, _ in known], (parts[0], parts[1])


def _held_out(parts: tuple[Sequence[Sight], Sequence[Sight]], degree: int) -> _Trial:
    """Fit on one half of the fields and look at the other, both ways."""
    gained, before, after = [], [], []
    for fitted, seen in (parts, (parts[1], parts[0])):
        weights, least = _fit(fitted, degree)
        plain = [one.height for one in seen]
        corrected = [one.height - terms(one.y, one.x, degree) @ weights for one in seen]
        bright = _bright(seen, corrected, least)
        for p, c, kept in zip(plain, corrected, bright, strict=True):
            if kept.sum() > 2:
                gained.append(_scatter(p[kept]) - _scatter(c[kept]))
        before.append(_unevenness(seen, plain, bright))
        after.append(_unevenness(seen, corrected, bright))
    return _Trial(float(np.mean(before)), float(np.mean(after)), *_above_zero(np.array(gained)))


def _above_zero(values: Float64) -> tuple[float, float]:
    """Return the mean of some values, and how likely one as high comes by chance (Student's t)."""
    if len(values) < 2:
        return 0.0, 1.0
    mean, error = float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values))
    return mean, float(stdtr(len(values) - 1, -mean / error)) if error else 1.0


def _scatter(values: Float64) -> float:
    return float(np.abs(values - np.median(values)).mean())


def _unevenness(sights: Sequence[Sight], heights: Sequence[Float64], bright: Sequence[NDArray[np.bool_]]) -> float:
    """Return the standard deviation over the field of the surface that fits the bright spots of some fields."""
    kept = [one.only(b, h) for one, h, b in zip(sights, heights, bright, strict=True)]
    if sum(len(one.height) for one in kept) < _FEWEST_SPOTS:
        return math.nan
    weights = _regress(kept, DEGREES[0])
    middle = places(16)
    y, x = (axis.ravel() for axis in np.meshgrid(middle, middle, indexing="ij"))
    return float(np.std(terms(y, x, DEGREES[0]) @ weights))


def _fit(known: Sequence[Sight], degree: int) -> tuple[Float64, float]:
    """Return weights of the logarithm of the gain, and how high, without it, a spot stands that is no debris.

    Which spots are bright is decided anew after each fit: else those that only a bright place lifts would count there,
    and flatten what they are to tell.
    """
    weights, least = np.zeros((degree + 1) * (degree + 2) // 2 - 1), -math.inf
    for _ in range(6):
        flat = [one.height - terms(one.y, one.x, degree) @ weights for one in known]
        least = _least(np.concatenate(flat))
        bright = _bright(known, flat, least)
        weights = _regress([one.only(b, one.height) for one, b in zip(known, bright, strict=True)], degree)
    return weights, least


def _bright(sights: Sequence[Sight], flat: Sequence[Float64], least: float) -> list[NDArray[np.bool_]]:
    """Return which spots of each field stand, without the gain, so high that they would be seen wherever they lay."""
    return [
        f >= max(least, s.floor + float((f - s.height).max(initial=0.0))) for s, f in zip(sights, flat, strict=True)
    ]


def _regress(sights: Sequence[Sight], degree: int) -> Float64:
    """Return weights of a surface that fits the spots of all fields, each field with its own level, by Huber's rule."""
    heights = np.concatenate([one.height for one in sights])
    usual = float(np.median(heights))
    levels = np.concatenate([np.full(len(one.height), _level(one.height, usual)) for one in sights])
    design = np.concatenate([terms(one.y, one.x, degree) for one in sights])
    design = np.column_stack([np.ones(len(design)), design])
    counts, target = np.ones(len(design)), heights - levels
    ridge = np.diag(np.append(0.0, np.full(design.shape[1] - 1, _RIDGE)))
    found = np.zeros(design.shape[1])
    for _ in range(10):
        weighted = design * counts[:, None]
        found = np.linalg.solve(weighted.T @ design + ridge, weighted.T @ target)
        rest = np.abs(target - design @ found)
        bound = _HUBER * 1.4826 * max(float(np.median(rest)), 1e-9)
        counts = np.minimum(1.0, bound / np.maximum(rest, 1e-12))
    return found[1:]


def _level(heights: Float64, usual: float) -> float:
    """Return a field's level, drawn towards the usual one where few spots tell it."""
    if not len(heights):
        return usual
    return usual + (float(np.median(heights)) - usual) * len(heights) / (len(heights) + _LEVEL_PRIOR)


def _least(heights: Float64) -> float:
    """Return from where on spots are cells, and below debris: where the heights part in two (Otsu 1979), if they do.

    Heights of one kind have two thirds of their variance between their halves; there nothing is cut off, since what is
    left of it would be as bright in the dark as elsewhere.
    """
    counts, edges = np.histogram(heights, 128)
    middles = (edges[1:] + edges[:-1]) / 2
    below, sums = np.cumsum(counts), np.cumsum(counts * middles)
    above, total = below[-1] - below, sums[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total * below / len(heights) - sums) ** 2 / (below * above)
    best = int(np.nanargmax(between[:-1]))
    parted = between[best] >= _PARTED * heights.var()
    return float(edges[1 + best]) if parted and np.ptp(heights) else float(heights.min())


def _flat(alike: Sequence[Sight], known: Sequence[Sight], degree: int) -> FlatField:
    """Return the estimate from all fields."""
    weights, least = _fit(known, degree)
    gains = [terms(one.y, one.x, degree) @ weights for one in known]
    bright = _bright(known, [one.height - g for one, g in zip(known, gains, strict=True)], least)
    seen = np.concatenate([g[b] for g, b in zip(gains, bright, strict=True)])
    bounds = (math.exp(float(seen.min())), math.exp(float(seen.max())))
    ground, level = _ground_surface([one.ground for one in alike], degree)
    return FlatField(alike[0].shape, degree, tuple(weights.tolist()), bounds, tuple(ground.tolist()), level)


def _ground_surface(grounds: Sequence[Float64], degree: int) -> tuple[Float64, float]:
    """Return weights of the ground that fields share, about its level, and that level.

    From the median over the fields of each tile, each field about its own: the wells' backgrounds differ.
    """
    stack = np.stack([ground for ground in grounds if np.isfinite(ground).all()])
    levels = np.median(stack, axis=(1, 2))
    shared = np.median(stack - levels[:, None, None], axis=0)
    middle = places(TILES)
    y, x = (axis.ravel() for axis in np.meshgrid(middle, middle, indexing="ij"))
    design = np.column_stack([np.ones(TILES**2), terms(y, x, degree)])
    found = np.linalg.lstsq(design, shared.ravel(), rcond=None)[0]
    return np.asarray(found[1:], np.float64), float(np.median(levels) + found[0])
