"""Robust z against the negative controls of the same plate."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import NEGATIVE, Layout
from napari_phenotyper.core.profile import Float64, Hit, Profile

_MAD_TO_SD = 1.482602218505602
_Z95 = 1.959963984540054
# Croux & Rousseeuw 1992, COMPSTAT 1:411: what brings the mean MAD of n normal values up to their SD
_FEW = {2: 1.196, 3: 1.495, 4: 1.363, 5: 1.206, 6: 1.200, 7: 1.140, 8: 1.129, 9: 1.107}


class _Spread(NamedTuple):
    """How far wells without an effect lie apart.

    Per well: the size, what it was told by ("controls", "plate", "cells"), and its degrees of freedom.
    """

    size: Float64
    source: tuple[str, ...]
    freedom: Float64


@dataclass(frozen=True)
class RobustZ:
    """Robust z against the negative controls of the same plate.

    z = (value − median of the controls) / spread, with spread = 1.4826 MAD of the controls, corrected for their number
    (Croux & Rousseeuw 1992), after Birmingham et al. 2009 (Nat. Methods 6:569). The spread is never smaller than the
    sampling error of the difference, which follows from the profile's intervals: a well of five cells, or controls
    that happen to agree, make no hit out of chance in counting. With fewer controls than `minimum_controls`, whose
    spread says little, the spread of all wells of the plate takes its place: in most screens most wells have no
    effect, and where they have, this errs on the careful side.

    p is two-sided, from Student's distribution with the degrees of freedom of the spread (the normal one calls 14 % of
    wells without an effect a hit at q < 0.05 where there are four controls); q follows Benjamini & Hochberg 1995 over
    all wells of the column.
    """

    version: ClassVar[int] = 1
    minimum_controls: int = field(
        default=4,
        metadata={"help": "With fewer negative controls, the spread is that of all wells of the plate", "min": 1},
    )

    def score(self, profile: Profile, layout: Layout) -> tuple[Hit, ...]:
        """Return a hit per well and column that has a value and controls to compare with, highest score first.

        Controls are scored too. Evidence: value, control (their median), spread, spread_from, n (cells), controls
        (how many), p, q.

        Raises
        ------
        TrainingError
            If a plate of the profile has no negative control with cells.
        """
        hits: list[Hit] = []
        plates = np.array([well.plate for well in profile.wells])
        control = np.array([layout.of(well).role == NEGATIVE for well in profile.wells], bool)
        _check_controls(profile, plates, control)
        for j, column in enumerate(profile.columns):
            found = [
                hit
                for plate in dict.fromkeys(plates.tolist())
                for hit in self._score_plate(profile, j, column, np.flatnonzero(plates == plate), control)
            ]
            hits += _with_q(found)
        return tuple(sorted(hits, key=lambda hit: -hit.score))

    def _score_plate(
        self, profile: Profile, j: int, column: str, wells: NDArray[np.intp], control: NDArray[np.bool_]
    ) -> Iterator[Hit]:
        """Yield the hits of one column in one plate's wells, still without q."""
        wells = wells[np.isfinite(profile.values[wells, j])]
        values, error = profile.values[wells, j], _sampling_error(profile, wells, j)
        controls = values[control[wells]]
        if not len(controls):
            return
        centre = float(np.median(controls))
        spread = self._spread(controls, values, np.hypot(error, _error_of_median(error[control[wells]])))
        with np.errstate(invalid="ignore", divide="ignore"):
            z = (values - centre) / spread.size
        p = _two_sided(z, spread.freedom, len(controls))
        for i in np.flatnonzero(spread.size > 0):
            evidence: dict[str, Json] = {
                "value": float(values[i]),
                "control": centre,
                "spread": float(spread.size[i]),
                "spread_from": spread.source[i],
                "n": int(profile.counts[wells[i]]),
                "controls": len(controls),
                "p": float(p[i]),
            }
            yield Hit(profile.wells[wells[i]], column, float(z[i]), evidence)

    def _spread(self, controls: Float64, values: Float64, sampling: Float64) -> _Spread:
        """Return the spread for each well: between the controls if they are enough, else between the plate's wells."""
        enough = len(controls) >= max(self.minimum_controls, 2)
        wells, told_by = (controls, "controls") if enough else (values, "plate")
        between = _robust_sd(wells)
        size = np.maximum(between, sampling)
        source = np.where(sampling > between, "cells", told_by)
        nothing = size == 0
        if nothing.any() and len(values) > 1:
            # the controls agree exactly; if most wells do, the plain SD still tells how far the others lie
            between = _robust_sd(values) or float(np.std(values, ddof=1))
            size[nothing], source[nothing] = between, "plate"
        return _Spread(size, tuple(source.tolist()), _freedom(between, sampling, len(wells)))


def _robust_sd(values: Float64) -> float:
    """Return 1.4826 MAD of finite values, corrected for their number; 0 for fewer than two."""
    n = len(values)
    if n < 2:
        return 0.0
    return float(_MAD_TO_SD * _FEW.get(n, n / (n - 0.8)) * np.median(np.abs(values - np.median(values))))


def _sampling_error(profile: Profile, wells: NDArray[np.intp], j: int) -> Float64:
    """Return the standard error of some wells' values, from the width of their intervals; 0 where there is none."""
    if profile.low is None or profile.high is None:
        return np.zeros(len(wells))
    error = (profile.high[wells, j] - profile.low[wells, j]) / (2 * _Z95)
    return np.where(np.isfinite(error), error, 0.0)


def _error_of_median(errors: Float64) -> float:
    """Return the standard error of the median of values with some errors: √(π/2) times that of their mean."""
    mean_error = float(np.sqrt(np.sum(errors**2))) / len(errors)
    return mean_error * (np.sqrt(np.pi / 2) if len(errors) > 2 else 1.0)


def _freedom(between: float, sampling: Float64, wells: int) -> Float64:
    """Return Satterthwaite's degrees of freedom of a spread: few where it was estimated from few wells.

    The sampling error is not estimated from wells; the more of the spread it makes up, the better that is known.
    """
    if between == 0:
        return np.full(len(sampling), 1e6)
    return np.asarray(max(wells - 1, 1) * (1 + (sampling / between) ** 2) ** 2, np.float64)


def _two_sided(z: Float64, freedom: Float64, controls: int) -> Float64:
    """Return the two-sided p of each z from Student's distribution.

    The median of the controls errs, too: its variance is π/2n of theirs.
    """
    from scipy.stats import t

    return np.asarray(2 * t.sf(np.abs(z) / np.sqrt(1 + np.pi / (2 * controls)), freedom), np.float64)


def _with_q(hits: list[Hit]) -> list[Hit]:
    """Return the hits of one column with the false discovery rate q in their evidence."""
    from scipy.stats import false_discovery_control

    if not hits:
        return []
    q = false_discovery_control([hit.evidence["p"] for hit in hits], method="bh")
    return [Hit(h.well, h.column, h.score, {**h.evidence, "q": float(v)}) for h, v in zip(hits, q, strict=True)]


def _check_controls(profile: Profile, plates: NDArray[np.str_], control: NDArray[np.bool_]) -> None:
    """Raise TrainingError naming the plates that have no negative control with cells."""
    measured = np.isfinite(profile.values).any(axis=1)
    without = [plate for plate in dict.fromkeys(plates.tolist()) if not (control & measured & (plates == plate)).any()]
    if without and profile.columns:
        more = f" and {len(without) - 3} more" if len(without) > 3 else ""
        raise TrainingError(
            f"There is no negative control with cells on plate {', '.join(without[:3])}{more}.",
            "Give a layout (CSV with well, treatment, role) in which the untreated wells have the role 'negative'.",
        )
