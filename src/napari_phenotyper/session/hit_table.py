"""Hits as columns that can be sorted and filtered fast, with what replicates say of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Float64, Hit
from napari_phenotyper.core.wells import WellRef, plate_order

Q, SCORE = 0.05, 3.0
"""A well differs from the controls where its q lies below; where a scorer tells no q, where its score lies beyond."""

WELL, TREATMENT, COLUMN, SCORED, REPLICATES, CELLS, VALUE, CONTROL, CHANCE = (
    "well", "treatment", "column", "score", "replicates", "cells", "value", "control", "q",
)  # fmt: skip
"""What rows can be sorted by."""

_TALE = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True, eq=False)
class HitTable:
    """H hits in the order of their strength.

    Attributes
    ----------
    hits
        H, negative controls not among them: they are what the others are compared with.
    treatments
        H names of what was done, with the dose; "" where the layout does not say.
    scores, values, controls, chances
        (H,) score, value of the well, median of the controls, and q; NaN where the scorer does not tell.
    cells
        (H,) cells of the well.
    differs
        (H,) whether the well differs from the controls (`Q`, `SCORE`).
    agreeing, replicates
        (H,) wells of the same treatment and column that differ in the same direction, and how many wells there are.
        A well whose treatment is not known is its only replicate.
    keys
        What rows are sorted by to (H,) numbers.
    """

    hits: tuple[Hit, ...]
    treatments: tuple[str, ...]
    scores: Float64
    values: Float64
    controls: Float64
    chances: Float64
    cells: NDArray[np.int64]
    differs: NDArray[np.bool_]
    agreeing: NDArray[np.intp]
    replicates: NDArray[np.intp]
    keys: _TALE

    def __len__(self) -> int:
        """Count the hits."""
        return len(self.hits)

    @property
    def columns(self) -> tuple[str, ...]:
        """Classes or features that were scored, in alphabetical order."""
        return tuple(sorted({hit.column for hit in self.hits}, key=str.casefold))

    def rows(self, column: str = "", sort: str = "", descending: bool = False) -> NDArray[np.intp]:
        """Return which hits to show, in which order.

        Parameters
        ----------
        column
            Class or feature; "" for all.
        sort
            One of the names above; "" for the strongest first. Equal ones stay in that order; what is not known
            comes last.
        """
        chosen = np.arange(len(self.hits))
        if column:
            chosen = np.array([i for i, hit in enumerate(self.hits) if hit.column == column], np.intp)
        if not sort:
            return chosen
        key = self.keys[sort][chosen].astype(np.float64)
        return np.asarray(chosen[np.argsort(-key if descending else key, kind="stable")], np.intp)


def hit_table(hits: Sequence[Hit], layout: Layout, upwards: bool = False) -> HitTable:
    """Return hits as a table, the strongest first.

    Parameters
    ----------
    upwards
        The highest score is the strongest: of shares, which add up to 1, where one class is rarer another is more
        frequent, and that is the phenotype. Else the one farthest from zero.
    """
    conditions = {well: layout.of(well) for well in dict.fromkeys(hit.well for hit in hits)}
    listed = [hit for hit in hits if conditions[hit.well].role != NEGATIVE]
    listed.sort(key=lambda hit: strength(hit, upwards), reverse=True)
    scores = np.array([hit.score for hit in listed], np.float64)
    chances = _evidence(listed, "q")
    with np.errstate(invalid="ignore"):
        differs = np.where(np.isfinite(chances), chances < Q, np.abs(scores) >= SCORE)
    treatments = tuple(treatment(conditions[hit.well]) for hit in listed)
    agreeing, replicates = _replicates(listed, treatments, np.where(differs, np.sign(scores), 0))
    values, controls = _evidence(listed, "value"), _evidence(listed, "control")
    cells = np.nan_to_num(_evidence(listed, "n")).astype(np.int64)
    places = {well: i for i, well in enumerate(sorted(conditions, key=lambda w: (w.plate, plate_order(w.well))))}
    keys: _TALE = {
        WELL: np.array([places[hit.well] for hit in listed], np.float64),
        TREATMENT: _ranks([name.casefold() for name in treatments]),
        COLUMN: _ranks([hit.column.casefold() for hit in listed]),
        SCORED: scores,
        REPLICATES: agreeing / np.maximum(replicates, 1),
        CELLS: cells,
        VALUE: values,
        CONTROL: controls,
        CHANCE: chances,
    }
    return HitTable(
        tuple(listed), treatments, scores, values, controls, chances, cells, differs, agreeing, replicates, keys
    )


def strength(hit: Hit, upwards: bool) -> float:
    """Return what hits are ranked by, −∞ for a score that is not known."""
    if not np.isfinite(hit.score):
        return float("-inf")
    return hit.score if upwards else abs(hit.score)


def treatment(condition: Condition) -> str:
    """Return what was done to a well ("nocodazole 0.1"), "" where that is not known."""
    dose = f" {condition.dose:g}" if condition.treatment and np.isfinite(condition.dose) else ""
    return f"{condition.treatment}{dose}"


def _evidence(hits: Sequence[Hit], name: str) -> Float64:
    return np.array([_number(hit.evidence.get(name)) for hit in hits], np.float64)


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _ranks(names: Sequence[str]) -> NDArray[np.intp]:
    """Return the place of each name in alphabetical order; equal names share theirs, empty ones come last."""
    places = {name: i for i, name in enumerate(sorted(set(names), key=lambda name: (not name, name)))}
    return np.array([places[name] for name in names], np.intp)


def _replicates(
    hits: Sequence[Hit], treatments: Sequence[str], signs: Float64
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return how many wells of each hit's treatment and column differ as it does, and how many there are.

    A hit that does not differ itself counts those that do in the direction of its score.
    """
    groups: dict[tuple[str | WellRef, str], list[int]] = {}
    for i, (hit, name) in enumerate(zip(hits, treatments, strict=True)):
        groups.setdefault((name or hit.well, hit.column), []).append(i)
    agreeing, replicates = np.zeros(len(hits), np.intp), np.zeros(len(hits), np.intp)
    for rows in groups.values():
        up, down = int((signs[rows] > 0).sum()), int((signs[rows] < 0).sum())
        for i in rows:
            agreeing[i] = up if hits[i].score > 0 else down
        replicates[rows] = len(rows)
    return agreeing, replicates
