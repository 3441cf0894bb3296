"""What a plate map shows: its values, the colours they wear, and the words for them."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from html import escape

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import to_hex
from matplotlib.ticker import MaxNLocator
from qtpy.QtGui import QColor

from napari_phenotyper.core.wells import parse_well
from napari_phenotyper.pages.ranges import robust_range

ROLE_WORDS = {"negative": "negative control", "positive": "positive control", "empty": "empty well"}
"""Role of a well to the words for it; samples need none."""

UNKNOWN, MISSING, DOUBTFUL = "not known yet", "no images", "doubtful fields"


@dataclass(frozen=True, eq=False)
class MapFace:
    """What a plate map shows: a frozen picture of one moment.

    Parameters
    ----------
    shape
        Rows and columns of the plate; a well outside widens it.
    values
        Well that has images to its value, NaN where it is not known yet. Wells that are not named are missing.
    title
        What the values are: "Cells per well", "Share of Mitotic".
    percent
        Values are shares of 0 to 1 and shown in percent.
    roles
        Well to "negative", "positive", "sample" or "empty".
    texts
        Well to further lines of the hover text: treatment, number of cells.
    limits
        Values at the ends of the colours; by default the 2nd and 98th percentile of the values.
    doubtful
        Wells that have doubtful fields; they wear a corner.
    diverging
        Values are signed: the colours go from blue over white at zero to red.
    """

    shape: tuple[int, int]
    values: Mapping[str, float]
    title: str
    percent: bool = False
    roles: Mapping[str, str] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[float, float] | None = None
    doubtful: Collection[str] = ()
    diverging: bool = False


@dataclass(frozen=True, eq=False)
class Reading:
    """A face made ready for drawing: where wells lie, counted from 1, and what they wear.

    Parameters
    ----------
    face
        That was read.
    rows, columns
        Of the plate.
    wells
        (row, column) to the name of each well that has images.
    colours
        (row, column) to the colour of each well whose value is known.
    roles
        (row, column) to the role of each well that gets a border.
    limits
        Range of the colours, in percent where the face is.
    below, above
        Values lie beyond the range.
    doubtful
        (row, column) of each well that wears a corner.
    """

    face: MapFace
    rows: int
    columns: int
    wells: Mapping[tuple[int, int], str]
    colours: Mapping[tuple[int, int], QColor]
    roles: Mapping[tuple[int, int], str]
    limits: tuple[float, float]
    below: bool
    above: bool
    doubtful: Collection[tuple[int, int]] = ()

    @property
    def missing(self) -> bool:
        """Some wells of the plate have no images."""
        return len(self.wells) < self.rows * self.columns

    @property
    def unknown(self) -> bool:
        """Some wells that have images have no value yet."""
        return len(self.colours) < len(self.wells)


def read_face(face: MapFace) -> Reading:
    """Make a face ready for drawing.

    Raises
    ------
    PlateError
        If a name is no well's.
    """
    wells = {parse_well(well): well for well in face.values}
    rows = max([face.shape[0], *(row for row, _ in wells)])
    columns = max([face.shape[1], *(column for _, column in wells)])
    unit = 100.0 if face.percent else 1.0
    known = {at: face.values[well] * unit for at, well in wells.items() if math.isfinite(face.values[well])}
    limits = _limits(face, np.array(list(known.values()), np.float64), unit)
    colours = {at: colour_of(value, limits, face.diverging) for at, value in known.items()}
    roles = {parse_well(well): role for well, role in face.roles.items() if role in ROLE_WORDS}
    roles = {(row, column): role for (row, column), role in roles.items() if row <= rows and column <= columns}
    low, high = min(known.values(), default=limits[0]), max(known.values(), default=limits[1])
    doubtful = frozenset(at for at, well in wells.items() if well in face.doubtful)
    return Reading(face, rows, columns, wells, colours, roles, limits, low < limits[0], high > limits[1], doubtful)


def _limits(face: MapFace, known: np.ndarray, unit: float) -> tuple[float, float]:
    if face.limits is not None:
        return face.limits[0] * unit, face.limits[1] * unit
    norm, _ = robust_range(known, face.diverging)
    # a range widened about equal values must not promise negative counts
    low = max(norm.vmin, 0.0) if known.size and known.min() >= 0 and not face.diverging else norm.vmin
    return float(low), float(norm.vmax)


def colour_of(value: float, limits: tuple[float, float], diverging: bool = False) -> QColor:
    """Return the colour of a finite value in viridis, or RdBu; values beyond the limits wear that of their end."""
    low, high = limits
    share = (value - low) / (high - low) if high > low else 0.5
    return _shades("RdBu_r" if diverging else "viridis")[round(min(max(share, 0.0), 1.0) * 255)]


@cache
def _shades(name: str) -> tuple[QColor, ...]:
    return tuple(QColor(to_hex(rgba)) for rgba in colormaps[name](np.arange(256)))


def value_text(value: float, percent: bool) -> str:
    """Return "12.3 %" for a share, else a number with the digits that matter; "not known yet" for NaN."""
    if not math.isfinite(value):
        return UNKNOWN
    if percent:
        return f"{value * 100:.{1 if value == 0 or abs(value) >= 0.01 else 2}f} %"
    whole = float(value).is_integer() or abs(value) >= 1000
    return f"{value:,.0f}" if whole else f"{value:.3g}"


def short_texts(reading: Reading) -> Mapping[tuple[int, int], str]:
    """Return the values as they are written into the wells: percent without its sign, all with the same digits."""
    unit = 100.0 if reading.face.percent else 1.0
    known = {at: reading.face.values[reading.wells[at]] * unit for at in reading.colours}
    largest = max((abs(value) for value in known.values()), default=0.0)
    digits = 0 if largest >= 20 or all(v.is_integer() for v in map(float, known.values())) else 1 if largest >= 2 else 2
    return {at: f"{value:.{digits}f}" for at, value in known.items()}


_TICKS = 8
"""Values under the bar at most."""


def ticks(limits: tuple[float, float], percent: bool, most: int) -> list[tuple[float, str]]:
    """Return at most `most` + 1 round values within the limits and their texts."""
    low, high = limits
    if high <= low:
        return [(low, f"{low:.4g}{' %' if percent else ''}")]
    slack = (high - low) * 1e-6
    values = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    values = [float(v) for v in values if low - slack <= v <= high + slack]
    digits = next((d for d in range(9) if all(abs(round(v, d) - v) <= slack for v in values)), 9)
    # adding zero takes the sign from a negative one
    return [(v, f"{round(v, digits) + 0.0:,.{digits}f}{' %' if percent else ''}") for v in values]


def ticks_beside(
    limits: tuple[float, float], percent: bool, room: float, width: Callable[[str], float]
) -> list[tuple[float, str]]:
    """Return as many round values as have room beside each other: those of a narrow range have many digits.

    Parameters
    ----------
    limits, percent
        What the values lie between, and whether they are percent.
    room, width
        Pixels along the bar; gives those that a text takes.
    """
    for most in range(_TICKS, 1, -1):
        marks = ticks(limits, percent, most)
        if sum(width(f"{words}00") for _, words in marks) <= room:
            return marks
    return ticks(limits, percent, 1)


def hover_text(reading: Reading, at: tuple[int, int], name: str) -> str:
    """Return what is told of a well under the mouse, as rich text whose parts are escaped."""
    face = reading.face
    role = ROLE_WORDS.get(face.roles.get(name, ""), "")
    lines = [f"<b>{escape(name)}</b>{' · ' + role if role else ''}"]
    lines += [escape(line) for line in face.texts.get(name, "").splitlines()]
    if at in reading.wells:
        value = value_text(face.values[reading.wells[at]], face.percent)
        lines.append(f"{escape(face.title)}: {value}")
    else:
        lines.append(MISSING)
    return f"<qt>{'<br>'.join(lines)}</qt>"
