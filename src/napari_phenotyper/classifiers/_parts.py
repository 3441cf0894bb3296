"""What classifiers that are made of others share: their states side by side, and the temperature of the whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState


def together(states: Mapping[str, ModelState], meta: Mapping[str, Json]) -> ModelState:
    """Return one state of several, each under its own key, and what else is known of the whole."""
    arrays = {f"{key}.{name}": array for key, state in states.items() for name, array in state.arrays.items()}
    return ModelState(arrays, {**meta, **{key: dict(state.meta) for key, state in states.items()}})


def part_of(state: ModelState, key: str) -> ModelState:
    """Return the state that `together` put under a key. Raises ModelError."""
    meta = state.meta.get(key)
    if not isinstance(meta, Mapping):
        raise ModelError(f"The model's {key} is missing.", "The file is damaged; train again.")
    start = f"{key}."
    return ModelState({k.removeprefix(start): v for k, v in state.arrays.items() if k.startswith(start)}, meta)


def tempered(probabilities: Float32, slope: float) -> Float32:
    """Return (n, K) probabilities at another temperature; impossible classes stay impossible."""
    from napari_phenotyper.evaluation.calibration import softmax

    return np.asarray(softmax(logarithms(probabilities), slope), np.float32) if slope != 1 else probabilities


def logarithms(probabilities: Float32) -> NDArray[np.float64]:
    """Return logarithms, −∞ of 0."""
    with np.errstate(divide="ignore"):
        return np.asarray(np.log(probabilities.astype(np.float64)))


def is_slope(value: object) -> bool:
    """Tell whether a value can be 1 / temperature."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < np.inf
