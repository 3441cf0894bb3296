"""The predictions that a window shows: live ones, or those of the kept model, with their sums per field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.wells import FieldRef


@dataclass(frozen=True, eq=False)
class FieldSums:
    """What a field's prediction adds up to.

    Attributes
    ----------
    classes, counts
        K names, and (K,) cells that wear each.
    uncertainty
        Sum over the cells of 1 − the highest probability.
    """

    classes: tuple[str, ...]
    counts: NDArray[np.intp]
    uncertainty: float


class Predictions:
    """Predictions by field; a newer one replaces an older one."""

    def __init__(self) -> None:
        self._fields: dict[FieldRef, Prediction] = {}
        self._sums: dict[FieldRef, FieldSums] = {}

    def put(self, found: Iterable[Prediction]) -> tuple[FieldRef, ...]:
        """Take predictions and return their fields."""
        refs = []
        for prediction in found:
            self._fields[prediction.field] = prediction
            self._sums[prediction.field] = _sums(prediction)
            refs.append(prediction.field)
        return tuple(refs)

    def get(self, ref: FieldRef) -> Prediction | None:
        """Return a field's prediction, if there is one."""
        return self._fields.get(ref)

    def fields(self) -> Mapping[FieldRef, Prediction]:
        """Return all that there are now, by field."""
        return dict(self._fields)

    def clear(self) -> None:
        """Forget all."""
        self._fields.clear()
        self._sums.clear()

    def keep_only(self, refs: Iterable[FieldRef]) -> tuple[FieldRef, ...]:
        """Forget all but these fields, and return those that were forgotten."""
        gone = tuple(set(self._fields) - set(refs))
        for ref in gone:
            del self._fields[ref], self._sums[ref]
        return gone

    def __len__(self) -> int:
        """Count the fields."""
        return len(self._fields)

    def sums(self, plate: str) -> Mapping[FieldRef, FieldSums]:
        """Return the sums of a plate's fields."""
        return {ref: sums for ref, sums in self._sums.items() if ref.plate == plate}

    def class_counts(self) -> dict[str, int]:
        """Return how many cells of all fields wear each class."""
        found: dict[str, int] = {}
        for sums in self._sums.values():
            for name, count in zip(sums.classes, sums.counts.tolist(), strict=True):
                found[name] = found.get(name, 0) + count
        return found


def _sums(prediction: Prediction) -> FieldSums:
    counts = np.bincount(prediction.labels, minlength=len(prediction.classes))
    best = prediction.probabilities.max(axis=1) if len(prediction.ids) else np.zeros(0)
    return FieldSums(prediction.classes, counts, float((1 - best).sum()))
