"""Predictions: what a model says of every cell of a field."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.wells import FieldRef


@dataclass(frozen=True, eq=False)
class Prediction:
    """Class probabilities of one field's cells, n cells and K classes.

    Attributes
    ----------
    field
        Where the cells lie.
    ids
        (n,) int32, ids of the mask, in the order of the field's Cells.
    probabilities
        (n, K) float32; rows sum to 1.
    classes
        K names.
    model
        Id of the model.
    """

    field: FieldRef
    ids: NDArray[np.int32]
    probabilities: Float32
    classes: tuple[str, ...]
    model: str = ""

    @property
    def labels(self) -> NDArray[np.intp]:
        """(n,) index of the class shown: the argmax of the probabilities shown."""
        if not len(self.ids):
            return np.zeros(0, np.intp)
        return np.asarray(np.argmax(self.probabilities, axis=1), np.intp)
