"""Where the parts of a plate map lie in a widget of some size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from qtpy.QtCore import QPointF, QRectF, QSizeF, Qt
from qtpy.QtGui import QFont, QFontMetricsF

from napari_phenotyper.core.wells import row_letters
from napari_phenotyper.views.map_colours import DOUBTFUL, MISSING, ROLE_WORDS, UNKNOWN, Reading

MARGIN, SPACE, BAR, POINT = 6.0, 5.0, 10.0, 7.0
"""Pixels: about the map, between its parts, height of the colour bar, length of the bar's pointed ends."""

_LARGEST = 56.0
"""Distance of wells in pixels beyond which a map asks for no more height."""


@dataclass(frozen=True, eq=False)
class Board:
    """Where the parts of a map lie, in pixels.

    Parameters
    ----------
    rows, columns
        Of the plate.
    left, top
        Corner of the first well.
    pitch
        Distance of wells.
    title, bar
        Boxes of the title and of the colour bar between its ends.
    legend
        What is explained ("negative", "missing", "selected", …), the words, and the box of both.
    """

    rows: int
    columns: int
    left: float
    top: float
    pitch: float
    title: QRectF
    bar: QRectF
    legend: tuple[tuple[str, str, QRectF], ...]

    @property
    def plate(self) -> QRectF:
        """The box of all wells."""
        return QRectF(self.left, self.top, self.columns * self.pitch, self.rows * self.pitch)

    def box(self, row: int, column: int) -> QRectF:
        """Return a well with the half of the space around it; rows and columns count from 1."""
        corner = QPointF(self.left + (column - 1) * self.pitch, self.top + (row - 1) * self.pitch)
        return QRectF(corner, QSizeF(self.pitch, self.pitch))

    def at(self, point: QPointF) -> tuple[int, int] | None:
        """Return the row and column under a point, None beside the plate."""
        return next(iter(self.block(point, point)), None)

    def block(self, a: QPointF, b: QPointF) -> list[tuple[int, int]]:
        """Return the rows and columns that a rubber band between two points touches."""
        rows = _touched(a.y() - self.top, b.y() - self.top, self.pitch, self.rows)
        columns = _touched(a.x() - self.left, b.x() - self.left, self.pitch, self.columns)
        return [(row, column) for row in rows for column in columns]


def _touched(a: float, b: float, pitch: float, count: int) -> range:
    first, last = math.floor(min(a, b) / pitch) + 1, math.floor(max(a, b) / pitch) + 1
    return range(max(first, 1), min(last, count) + 1)


def lay_out(reading: Reading, width: float, height: float, font: QFont) -> Board:
    """Return where the parts lie: the wells as large as fits, the bar and the legend under them."""
    text = QFontMetricsF(font)
    title, legend = _title(reading.face.title, width, font), _legend(reading, width, text)
    if legend[-1][2].bottom() > height / 5 and height < 0.85 * wanted_height(reading, width, font):
        legend = []  # in a low widget the wells matter more; the hover text says the same
    left, over, under = _around(reading, title, legend, text)
    pitch = min((width - left - MARGIN) / reading.columns, (height - over - under) / reading.rows)
    # whole pixels, so that all wells and all gaps are alike
    pitch = math.floor(pitch) if pitch >= 2 else max(pitch, 1.0)
    wide, high = reading.columns * pitch, reading.rows * pitch
    left += math.floor(max(width - left - MARGIN - wide, 0.0) / 2)
    bar_width = min(max(wide, 200.0), width - 2 * (MARGIN + POINT) - text.horizontalAdvance("000"))
    bar_left = min(left, width - MARGIN - POINT - text.horizontalAdvance("00") - bar_width)
    bar = QRectF(max(bar_left, MARGIN + POINT), over + high + SPACE, bar_width, BAR)
    below = bar.bottom() + text.height() + 2 * SPACE
    placed = tuple((kind, words, box.translated(0.0, below)) for kind, words, box in legend)
    return Board(reading.rows, reading.columns, left, over, pitch, title, bar, placed)


def wanted_height(reading: Reading, width: float, font: QFont) -> float:
    """Return the height at which a map of this width has no empty space beside its wells."""
    text = QFontMetricsF(font)
    left, over, under = _around(reading, _title(reading.face.title, width, font), _legend(reading, width, text), text)
    return over + min((width - left - MARGIN) / reading.columns, _LARGEST) * reading.rows + under


def title_font(font: QFont) -> QFont:
    """Return the font of the title."""
    bold = QFont(font)
    bold.setBold(True)
    return bold


def _title(words: str, width: float, font: QFont) -> QRectF:
    room = QRectF(MARGIN, MARGIN, width - 2 * MARGIN, 1000.0)
    used = QFontMetricsF(title_font(font)).boundingRect(room, int(Qt.TextFlag.TextWordWrap), words)
    return QRectF(MARGIN, MARGIN, room.width(), used.height())


def _around(
    reading: Reading, title: QRectF, legend: list[tuple[str, str, QRectF]], text: QFontMetricsF
) -> tuple[float, float, float]:
    """Return the space that is needed left of, over and under the wells."""
    letters = max(text.horizontalAdvance(row_letters(row + 1)) for row in range(reading.rows))
    over = title.bottom() + text.height() + 2 * SPACE
    under = 3 * SPACE + BAR + text.height() + (legend[-1][2].bottom() if legend else 0.0) + MARGIN
    return math.ceil(MARGIN + letters + SPACE), math.ceil(over), math.ceil(under)


def _legend(reading: Reading, width: float, text: QFontMetricsF) -> list[tuple[str, str, QRectF]]:
    """Return what must be explained, flowing from the left in lines from y = 0."""
    used = set(reading.roles.values())
    items = [(role, words) for role, words in ROLE_WORDS.items() if role in used]
    items += [("missing", MISSING)] * reading.missing + [("unknown", UNKNOWN)] * reading.unknown
    items += [("doubtful", DOUBTFUL)] * bool(reading.doubtful)
    # always in its place, so that the plate does not jump when wells are selected
    items.append(("selected", f"{reading.rows * reading.columns:,} selected"))
    placed, x, y = [], MARGIN, 0.0
    for kind, words in items:
        wide = text.height() + SPACE + text.horizontalAdvance(words)
        if x > MARGIN and x + wide > width - MARGIN:
            x, y = MARGIN, y + text.height() + 2
        placed.append((kind, words, QRectF(x, y, wide, text.height())))
        x += wide + 2 * SPACE
    return placed
