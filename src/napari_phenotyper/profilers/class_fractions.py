"""Share of each phenotype per well."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Float64, Profile, Sums, add
from napari_phenotyper.profilers import _shares as samples
from napari_phenotyper.profilers._wells import Z95, check_rows, in_plate_order, sums_of

if TYPE_CHECKING:
    from napari_phenotyper.evaluation.crossval import OutOfFold
    from napari_phenotyper.evaluation.shares import Errors

FEWEST_CELLS = 30
"""A well with fewer is counted as it is: its chance in counting is larger than the classifier's errors."""
FEWEST_HELD_OUT = 10
"""Of every class, held-out cells that errors can be learnt from."""
WORTH_IT = 0.95
"""`auto` corrects where the error of corrected shares is below this part of that of counted ones."""


@dataclass(frozen=True)
class ClassFractions:
    """Share of each phenotype in a well.

    Every cell counts for the class that it is predicted to be. Objects that are predicted to be no cell at all count
    neither above nor below the line. The interval is Wilson's (Wilson 1927, J. Am. Stat. Assoc. 22:209): it keeps its
    coverage for rare classes and small wells, where p ± 1.96 SE leaves 0 … 1. It tells how far chance in *counting*
    reaches; wells of one treatment differ by more than that.

    Where an evaluation of the model's classifier is kept, its held-out predictions tell how the classifier errs, and
    shares are corrected: by EM over the cells' probabilities (Saerens et al. 2002) or by the adjusted count
    (Forman 2008). The interval then is a bootstrap over the held-out groups and the well's cells, so it tells also how
    surely the errors are known. `auto` corrects by EM where that does better than counting on held-out groups, which
    the correction was not learnt from; where it does not, shares stay as counted, and the interval is widened to hold
    what the errors may have made of them: on plates never learnt from, Wilson's alone held 6 of 10 true shares of 16
    classes, the wider one 9. In wells of fewer than 30 cells, and with fewer than 10 held-out cells of a class, cells
    are counted. The adjusted count is not used where the confusion is nearly singular.
    """

    version: ClassVar[int] = 2
    correction: Literal["auto", "none", "adjusted", "em"] = field(
        default="auto",
        metadata={"help": "Correct for the classifier's errors; auto: where an evaluation shows it helps"},
    )
    _errors: Any = field(default=None, repr=False, compare=False)  # evaluation.shares.Errors, once `knowing`
    _counted: bool = field(default=False, repr=False, compare=False)  # errors widen the interval, shares are counted

    def knowing(self, result: OutOfFold) -> Self:
        """Return a profiler that corrects by held-out predictions, or that counts where they do not allow it."""
        from napari_phenotyper.evaluation import shares

        held_out = np.bincount(result.labels[result.tested], minlength=len(result.classes))
        if self.correction == "none" or (held_out < FEWEST_HELD_OUT).any():
            return self
        useless = self.correction == "auto" and shares.gain(result) > WORTH_IT
        errors = shares.learn_errors(result)
        singular = shares.condition(errors.confusions[0]) > shares.WORST_CONDITION
        if self.correction == "adjusted" and singular:
            return self
        return replace(self, _errors=errors, _counted=useless)

    def partial(self, cells: Cells, prediction: Prediction | None) -> Sums:
        """Return (1, K) cells of each class in one field; where it corrects, a sample of their probabilities, too.

        Raises
        ------
        ModelError
            Without a prediction, with one that belongs to other cells, or where it corrects for other classes.
        """
        if prediction is None:
            raise ModelError(
                f"There is no prediction of {cells.field}, so its classes cannot be counted.",
                "Train a classifier and predict the plate first.",
            )
        check_rows(cells, prediction)
        if self._errors is not None:
            if prediction.classes != self._errors.classes:
                raise ModelError(
                    f"{cells.field} is predicted in other classes than the model was evaluated on.", "Predict again."
                )
            return sums_of(cells, (*prediction.classes, samples.DRAWN), samples.sampled(prediction))
        counts = np.bincount(prediction.labels, minlength=len(prediction.classes))
        kept = _kept(prediction.classes)
        columns = tuple(prediction.classes[i] for i in kept)
        return sums_of(cells, columns, counts[kept].astype(np.float64)[None, :])

    def combine(self, a: Sums, b: Sums) -> Sums:
        """Return the counts of both parts together."""
        return add(a, b) if self._errors is None else samples.merged(a, b)

    def finish(self, sums: Sums, layout: Layout) -> Profile:
        """Return the shares (0 … 1), which add up to 1 in every well, with their 95 % interval.

        A well without cells has NaN in every column.
        """
        wells = in_plate_order(sums)
        kept = _kept(sums.columns)
        columns = tuple(sums.columns[i] for i in kept)
        counts = np.array([sums.wells[well][0][kept] for well in wells]).reshape(len(wells), len(columns))
        n = counts.sum(axis=1)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = counts / n[:, None]
        low, high = wilson(counts, n[:, None])
        for i, well in enumerate(wells):
            if self._errors is not None and n[i] >= FEWEST_CELLS:
                found = self._corrected(self._errors, sums.wells[well][1:, :-1], kept)
                shares[i] = shares[i] if self._counted else found[0]
                known = (low[i], high[i]) if self._counted else (shares[i], shares[i])
                low[i], high[i] = np.minimum(known[0], found[1]), np.maximum(known[1], found[2])
        return Profile(wells, columns, shares, n.astype(np.int64), low, high, "class_fractions", self._note())

    def _note(self) -> str:
        """Return how the classifier's errors were reckoned with."""
        if self._errors is None:
            return ""
        if self._counted:
            return "Shares are as counted; their intervals hold what the classifier's errors may have made of them."
        how = "by adjusted counts" if self.correction == "adjusted" else "by EM"
        return f"Shares are corrected {how} for the errors that the classifier's evaluation shows."

    def _corrected(self, errors: Errors, cells: Float64, kept: list[int]) -> tuple[Float64, Float64, Float64]:
        """Return shares of the kept classes, low and high, from a well's (n, K) probabilities."""
        from napari_phenotyper.evaluation import shares

        estimate = shares.by_adjusting if self.correction == "adjusted" else shares.by_likelihood
        found = estimate(cells, errors)
        rows = np.vstack([found.shares, found.draws])[:, kept]
        total = rows.sum(axis=1, keepdims=True)
        rows = np.where(total > 0, rows / np.where(total > 0, total, 1), 1 / len(kept))
        low, high = np.percentile(rows[1:], (2.5, 97.5), axis=0)
        return rows[0], low, high


def _kept(columns: tuple[str, ...]) -> list[int]:
    """Return which columns are classes of cells."""
    return [i for i, name in enumerate(columns) if name not in (NOT_A_CELL, samples.DRAWN)]


def wilson(hits: Float64, n: Float64) -> tuple[Float64, Float64]:
    """Return low and high of Wilson's 95 % interval for `hits` of `n` cells, NaN where n is 0. Arrays broadcast."""
    with np.errstate(invalid="ignore", divide="ignore"):
        p = hits / n
        centre = (p + Z95**2 / (2 * n)) / (1 + Z95**2 / n)
        half = Z95 / (1 + Z95**2 / n) * np.sqrt(p * (1 - p) / n + Z95**2 / (4 * n**2))
    # 0 of n and n of n touch the ends exactly; rounding must not carry the bounds past the share itself
    return np.minimum(np.maximum(centre - half, 0.0), p), np.maximum(np.minimum(centre + half, 1.0), p)
