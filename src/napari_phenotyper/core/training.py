"""What a classifier learns from, and what it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, CropSpec, Float32, stack, total
from napari_phenotyper.core.keys import Json


@dataclass(frozen=True, eq=False)
class ModelState:
    """A model as arrays and JSON, so that a file of it can hold no code.

    Attributes
    ----------
    arrays
        Name to array (float32, float64, int32, int64 or uint8).
    meta
        Everything else; "classes" (list of names), and "columns" (list) or "crop" (a CropSpec's state) say what the
        model needs.
    """

    arrays: Mapping[str, NDArray[np.generic]]
    meta: Mapping[str, Json]


class Model(Protocol):
    """A trained classifier. A new object per fit, never changed."""

    @property
    def classes(self) -> tuple[str, ...]:
        """K names, in the order of the probabilities."""

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) calibrated probabilities; rows sum to 1. Raises ModelError naming what is missing."""

    def state(self) -> ModelState:
        """Return all that `Classifier.restore` needs."""


@dataclass(frozen=True, eq=False)
class TrainingSet:
    """Annotated cells, N over all chunks.

    Attributes
    ----------
    cells
        Chunks.
    classes
        K names.
    labels
        (N,) intp, index into classes, row for row as the chunks follow one another.
    groups
        (N,) intp, index into group_names: cells of one group (well, plate, treatment) are never split between
        training and testing.
    group_names
        Names of the groups.
    seed
        For everything random in the fit.
    before
        The model to start from, when learning live; None for a cold fit.
    seconds
        How long the fit may take, when learning live; a classifier that learns step by step returns what it has by
        then. None for as long as it needs.
    unlabelled
        Chunks without annotations, for methods that use them.
    domains
        (N,) intp, e.g. the plate of each cell, for methods that adapt; None if not given.
    """

    cells: tuple[Cells, ...]
    classes: tuple[str, ...]
    labels: NDArray[np.intp]
    groups: NDArray[np.intp]
    group_names: tuple[str, ...]
    seed: int = 0
    before: Model | None = None
    seconds: float | None = None
    unlabelled: tuple[Cells, ...] = ()
    domains: NDArray[np.intp] | None = None

    def __post_init__(self) -> None:
        """Check that labels and groups are as many as cells."""
        if not total(self.cells) == len(self.labels) == len(self.groups):
            raise ValueError(f"{total(self.cells)} cells, {len(self.labels)} labels, {len(self.groups)} groups")

    def __len__(self) -> int:
        """Count the annotated cells."""
        return len(self.labels)

    @property
    def counts(self) -> NDArray[np.intp]:
        """(K,) cells per class."""
        return np.bincount(self.labels, minlength=len(self.classes))

    def matrix(self, columns: Sequence[str] | None = None) -> Float32:
        """Return (N, D) float32. Raises ModelError if a chunk lacks a column."""
        return stack(self.cells, columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns that every chunk has, in the order of the first."""
        if not self.cells:
            return ()
        common = set(self.cells[0].columns).intersection(*(c.columns for c in self.cells[1:]))
        return tuple(name for name in self.cells[0].columns if name in common)

    def crops(self, spec: CropSpec) -> Float32:
        """Return (N, c, size, size) float32."""
        return np.concatenate([chunk.crops(spec) for chunk in self.cells])

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> TrainingSet:
        """Return the cells in some rows, in the order of the set. Classes stay, also those left without a cell."""
        chosen = np.zeros(len(self), bool)
        chosen[rows] = True
        chunks, start = [], 0
        for chunk in self.cells:
            mask = chosen[start : start + len(chunk)]
            start += len(chunk)
            if mask.any():
                chunks.append(chunk if mask.all() else chunk.take(mask))
        domains = self.domains[chosen] if self.domains is not None else None
        return replace(
            self, cells=tuple(chunks), labels=self.labels[chosen], groups=self.groups[chosen], domains=domains
        )
