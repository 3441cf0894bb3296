"""What perceptrons on columns have learnt: plain arrays, which predict without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState

MOST_LAYERS, MOST_UNITS = 8, 100_000
"""What a file may ask for."""


@dataclass(frozen=True, eq=False)
class Perceptrons:
    """Layers of m networks whose log probabilities are averaged.

    Attributes
    ----------
    weights, biases
        Of each layer, (m, inputs, outputs) and (m, 1, outputs) float32.
    """

    weights: tuple[Float32, ...]
    biases: tuple[Float32, ...]

    serial = False

    def log_scores(self, scores: Float32) -> Float32:
        """Return (n, k) mean log probabilities of (n, D) standard scores."""
        from scipy.special import log_softmax

        total = np.zeros((len(scores), self.weights[-1].shape[2]))
        for number in range(len(self.weights[0])):
            x = scores
            for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
                x = x @ weight[number] + bias[number]
                x = x / (1 + np.exp(-np.clip(x, -60, 60)))
            total += log_softmax(x @ self.weights[-1][number] + self.biases[-1][number], axis=1)
        return np.asarray(total / len(self.weights[0]), np.float32)

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return weights and biases, layer by layer."""
        given = zip(self.weights, self.biases, strict=True)
        return {f"layer{i}.{name}": pair[name == "b"] for i, pair in enumerate(given) for name in "wb"}

    def meta(self, columns: tuple[str, ...]) -> Mapping[str, Json]:
        """Return how many networks there are and how many units each layer gives."""
        return {"perceptrons": len(self.weights[0]), "units": [weight.shape[2] for weight in self.weights]}


def perceptrons(scores: Float32, labels: tables.Indices, count: int, seed: int) -> Perceptrons:
    """Train `count` networks on (N, D) standard scores and (N,) classes. Raises TrainingError."""
    from napari_phenotyper.nets.perceptrons import trained

    weights, biases = zip(*trained(scores, labels, count, seed), strict=True)
    return Perceptrons(weights, biases)


def read(state: ModelState, classes: int, columns: int) -> Perceptrons:
    """Return the networks of a state. Raises ModelError."""
    count, units = state.meta.get("perceptrons"), state.meta.get("units")
    if (
        type(count) is not int
        or not isinstance(units, list | tuple)
        or not 1 <= len(units) <= MOST_LAYERS
        or not all(type(u) is int and 1 <= u <= MOST_UNITS for u in units)
        or units[-1] != classes
    ):
        raise ModelError(
            "The model's networks are not described as they should be.", "The file is damaged; train again."
        )
    sizes = [columns, *(int(u) for u in units if isinstance(u, int))]
    pairs = list(enumerate(pairwise(sizes)))
    return Perceptrons(
        tuple(tables.floats(state, f"layer{i}.w", count, given, made) for i, (given, made) in pairs),
        tuple(tables.floats(state, f"layer{i}.b", count, 1, made) for i, (_, made) in pairs),
    )
