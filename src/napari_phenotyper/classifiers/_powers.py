"""Columns made even: skewed ones bent until they look normal, so that one weight suits their whole range."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.classifiers._model import Learnt
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState

FARTHEST = 6.0
"""Evened scores are clipped here."""
GRID = np.arange(-3, 5.01, 0.4, dtype=np.float32)
"""Exponents that are tried; beyond these, one far value would be bent out of all proportion."""


@dataclass(frozen=True, eq=False)
class Powers:
    """The transform of Yeo & Johnson (2000), and standard scores of what it gives.

    Attributes
    ----------
    exponents, centre, width
        (D,) float32.
    """

    exponents: Float32
    centre: Float32
    width: Float32

    def __call__(self, scores: Float32) -> Float32:
        """Return (n, D) evened scores of (n, D) standard scores."""
        bent = _bent(scores, self.exponents)
        bent -= self.centre
        bent /= self.width
        return np.asarray(np.clip(bent, -FARTHEST, FARTHEST, out=bent))


def fit_powers(scores: Float32) -> Powers:
    """Return the exponents under which each column is likeliest to be normal, for (N, D) standard scores.

    The likelihood is computed for all columns at every exponent of a grid, and a parabola laid through the best and its
    neighbours: twenty times as quick as a search column by column.
    """
    slope = (np.sign(scores) * np.log1p(np.abs(scores))).sum(axis=0, dtype=np.float64)
    likelihood = np.empty((len(GRID), scores.shape[1]))
    for row, exponent in enumerate(GRID):
        variance = _bent(scores, np.full(scores.shape[1], exponent)).var(axis=0, dtype=np.float64)
        likelihood[row] = (exponent - 1) * slope - 0.5 * len(scores) * np.log(np.maximum(variance, 1e-30))
    best = np.clip(likelihood.argmax(axis=0), 1, len(GRID) - 2)
    before, there, after = (likelihood[best + step, np.arange(scores.shape[1])] for step in (-1, 0, 1))
    curve = before - 2 * there + after
    shift = np.where(curve < 0, (before - after) / np.where(curve < 0, 2 * curve, 1), 0).clip(-1, 1)
    exponents = (GRID[best] + shift * (GRID[1] - GRID[0])).astype(np.float32)
    bent = _bent(scores, exponents)
    return Powers(exponents, bent.mean(axis=0), np.maximum(bent.std(axis=0), np.float32(1e-6)))


def _bent(scores: Float32, exponents: Float32) -> Float32:
    """Return ±((1 + |x|)^λ − 1) / λ with λ or 2 − λ by the sign of x; near λ = 0 this is the logarithm."""
    power = np.where(scores >= 0, exponents, 2 - exponents)
    power[np.abs(power) < 1e-3] = 1e-3
    bent = np.log(1 + np.abs(scores))
    bent *= power
    np.exp(bent, out=bent)
    bent -= 1
    bent /= power
    return np.asarray(np.copysign(bent, scores))


@dataclass(frozen=True, eq=False)
class Powered:
    """What was learnt from evened scores, and how to even others."""

    powers: Powers
    learnt: Learnt

    @property
    def serial(self) -> bool:
        """Whether it shares its work out over threads itself."""
        return self.learnt.serial

    def log_scores(self, scores: Float32) -> NDArray[np.floating]:
        """Return (n, k) scores of (n, D) standard scores."""
        return self.learnt.log_scores(self.powers(scores))

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return exponents and standard scores beside what was learnt."""
        powers = self.powers
        own: dict[str, NDArray[np.generic]] = {
            "exponents": powers.exponents,
            "centre": powers.centre,
            "width": powers.width,
        }
        return {**own, **self.learnt.arrays()}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return what belongs to what was learnt."""
        return self.learnt.meta(columns)


def read(state: ModelState, columns: int) -> Powers:
    """Return the transform of a state. Raises ModelError."""
    exponents, centre, width = (tables.floats(state, name, columns) for name in ("exponents", "centre", "width"))
    if not (width > 0).all() or (np.abs(exponents) > 10).any():
        raise ModelError("The model's exponents are out of bounds.", "The file is damaged; train again.")
    return Powers(exponents, centre, width)
