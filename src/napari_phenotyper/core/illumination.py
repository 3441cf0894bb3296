"""How a plate was lit: by how much brightness falls from place to place in its fields, and what lies below it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.polynomial.legendre import legvander
from numpy.typing import NDArray

from napari_phenotyper.core.keys import Json, digest

VERSION = 1
"""Raise it when the same estimate corrects otherwise: it goes into the digest."""

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]


def terms(y: Float64, x: Float64, degree: int) -> Float64:
    """Return (n, k) products of Legendre polynomials in y and x, of 1 up to a degree in all, without the constant.

    Parameters
    ----------
    y, x
        (n,) places in the field, −1 to 1 from edge to edge.
    degree
        At least 1; k is (degree + 1) (degree + 2) / 2 − 1.
    """
    rows, columns = legvander(y, degree), legvander(x, degree)
    return np.stack([rows[:, i] * columns[:, j] for i, j in _powers(degree)], axis=1)


def places(length: int) -> Float64:
    """Return where the middles of the pixels of an axis lie, −1 to 1 from edge to edge."""
    return (2 * np.arange(length) + 1) / max(length, 1) - 1


def surface(weights: Sequence[float], degree: int, shape: tuple[int, int]) -> Float32:
    """Return the (y, x) float32 sum of `terms`, each with its weight."""
    table = np.zeros((degree + 1, degree + 1))
    for (i, j), weight in zip(_powers(degree), weights, strict=True):
        table[i, j] = weight
    rows, columns = (legvander(places(length), degree) for length in shape)
    return np.asarray((rows @ table).astype(np.float32) @ columns.T.astype(np.float32), np.float32)


def _powers(degree: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(degree + 1) for j in range(degree + 1 - i) if i or j]


@dataclass(frozen=True)
class FlatField:
    """How one channel was lit, the same in all fields of a plate: I = gain · (what is there) + ground.

    Attributes
    ----------
    shape
        (y, x) of the fields that it was estimated from; it says nothing of others.
    degree
        Of both surfaces.
    gain
        Weights of the logarithm of the gain, which has a mean of 1 over the field.
    bounds
        Lowest and highest gain before it is brought to that mean: what was seen where there were objects. Towards the
        corners a polynomial knows no bounds.
    ground
        Weights of the ground, in grey levels, about its level.
    level
        Mean of the ground over field and plate: the camera's offset and the usual background.
    """

    shape: tuple[int, int]
    degree: int
    gain: tuple[float, ...]
    bounds: tuple[float, float]
    ground: tuple[float, ...]
    level: float

    def gain_image(self, shape: tuple[int, int] | None = None) -> Float32:
        """Return the (y, x) gain, of mean 1; at another size, the same field drawn coarser or finer."""
        gain = np.exp(surface(self.gain, self.degree, shape or self.shape))
        np.clip(gain, *self.bounds, out=gain)
        return np.asarray(gain / gain.mean(dtype=np.float64), np.float32)

    @property
    def fall(self) -> float:
        """How much darker the darkest place is than the brightest, 0 to 1."""
        gain = self.gain_image((64, 64))
        return float(1 - gain.min() / gain.max())

    def correct(self, image: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return an image as float32 as if the field had been lit evenly, its mean brightness kept.

        What lies above the ground is divided by the gain, and the level of the ground added again: a camera's offset
        is no light. An image of another size is returned as it is.
        """
        if image.shape != self.shape:
            return image
        pixels = image.astype(np.float32)
        pixels -= surface(self.ground, self.degree, self.shape)
        pixels -= np.float32(self.level)
        pixels /= self.gain_image()
        pixels += np.float32(self.level)
        return pixels

    def state(self) -> dict[str, Json]:
        """Return the field as JSON."""
        return {
            "shape": list(self.shape), "degree": self.degree, "gain": list(self.gain), "bounds": list(self.bounds),
            "ground": list(self.ground), "level": self.level,
        }  # fmt: skip

    @staticmethod
    def restore(state: Mapping[str, Any]) -> FlatField:
        """Return the field that `state` gave. Raises KeyError, TypeError and ValueError for anything else."""
        height, width = (int(side) for side in state["shape"])
        low, high = (float(bound) for bound in state["bounds"])
        gain, ground = (tuple(float(weight) for weight in state[name]) for name in ("gain", "ground"))
        degree, level = int(state["degree"]), float(state["level"])
        if not len(gain) == len(ground) == len(_powers(degree)) or not 0 < low <= high:
            raise ValueError("weights or bounds do not fit")
        if not np.isfinite([*gain, *ground, level, high]).all():
            raise ValueError("a number is not finite")
        return FlatField((height, width), degree, gain, (low, high), ground, level)


Flats = Mapping[str, FlatField]
"""Channel, by its own name, to how it was lit; channels that are to be left as they are, are not among them."""


def flats_digest(flats: Flats) -> str:
    """Return the digest by which keys know an illumination; "" where no channel is corrected."""
    return digest(VERSION, {name: flat.state() for name, flat in flats.items()}) if flats else ""
