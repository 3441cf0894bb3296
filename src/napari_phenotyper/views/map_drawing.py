"""How a plate map is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from qtpy.QtCore import QPointF, QRectF, Qt
from qtpy.QtGui import QBrush, QColor, QFont, QFontMetricsF, QLinearGradient, QPainter, QPalette, QPen, QPolygonF

from napari_phenotyper.core.wells import row_letters
from napari_phenotyper.pages.style import ROLE_EDGES, ink_on
from napari_phenotyper.views.map_board import MARGIN, POINT, SPACE, Board, title_font
from napari_phenotyper.views.map_colours import Reading, colour_of, short_texts, ticks_beside

_DASHES = {"--": [3.0, 1.5], ":": [1.0, 1.0]}
_CENTRE = Qt.AlignmentFlag.AlignCenter
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_DOUBTFUL = QColor("#ff6b3d")
_WRITTEN = 28.0
"""Distance of wells in pixels from which their values are written into them."""


def mixed(a: QColor, b: QColor, share: float) -> QColor:
    """Return a colour between two: `share` 0 is the first, 1 the second."""
    pairs = zip(a.getRgb()[:3], b.getRgb()[:3], strict=True)
    return QColor(*(round(x + (y - x) * share) for x, y in pairs))


def ink(colour: QColor) -> QColor:
    """Return black or white, whichever reads better on a colour."""
    return _ink(colour.rgb())


@cache
def _ink(rgb: int) -> QColor:
    return QColor(ink_on(QColor(rgb).getRgbF()[:3]))


@dataclass(frozen=True, eq=False)
class Inks:
    """Colours of a theme: background, text, and three that step back: of small text, of boxes, of hatching."""

    ground: QColor
    text: QColor
    quiet: QColor
    faint: QColor
    rule: QColor

    @classmethod
    def of(cls, palette: QPalette) -> Inks:
        """Take the inks from a widget's palette, which napari's style sheet sets too."""
        ground, text = palette.color(QPalette.ColorRole.Window), palette.color(QPalette.ColorRole.WindowText)
        return cls(ground, text, *(mixed(text, ground, share) for share in (0.25, 0.5, 0.65)))

    def edge(self, role: str, thick: float) -> QPen:
        """Return the pen of a role's border: the report's, lighter where the background is dark."""
        name, dash = ROLE_EDGES[role]
        colour = mixed(QColor(name), QColor("white"), 0.4 if ink(self.ground) == QColor("white") else 0.0)
        pen = QPen(colour, thick)
        pen.setCapStyle(Qt.PenCapStyle.FlatCap)
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
        if dash in _DASHES:
            pen.setDashPattern(_DASHES[dash])
        return pen


@dataclass(frozen=True, eq=False)
class MapDrawing:
    """Draws the parts of one map with one painter."""

    painter: QPainter
    reading: Reading
    board: Board
    inks: Inks
    font: QFont

    def draw_texts(self, open_at: tuple[int, int] | None) -> None:
        """Draw the title and the names of rows and columns, those of the open well in bold."""
        self.painter.setPen(self.inks.text)
        self.painter.setFont(title_font(self.font))
        self.painter.drawText(self.board.title, int(_LEFT | Qt.TextFlag.TextWordWrap), self.reading.face.title)
        row, column = open_at or (0, 0)
        text, board = QFontMetricsF(title_font(self.font)), self.board
        wide = text.horizontalAdvance("00") + 2
        for c in _named(board.columns, wide / board.pitch, column):
            box = board.box(1, c)
            place = QRectF(box.center().x() - wide / 2, board.top - SPACE - text.height(), wide, text.height() + 2)
            self._name(self._inside(place), str(c), c == column, _CENTRE)
        for r in _named(board.rows, text.height() * 0.9 / board.pitch, row):
            place = QRectF(0.0, board.box(r, 1).center().y() - text.height() / 2, board.left - SPACE, text.height())
            self._name(place, row_letters(r), r == row, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)

    def _inside(self, place: QRectF) -> QRectF:
        """Return a box moved sideways so far that none of it lies outside the widget."""
        right = self.board.title.right() + MARGIN
        return place.translated(min(right - place.right(), 0.0) + max(-place.left(), 0.0), 0.0)

    def _name(self, place: QRectF, words: str, bold: bool, where: Qt.AlignmentFlag) -> None:
        self.painter.setFont(title_font(self.font) if bold else self.font)
        self.painter.setPen(self.inks.text if bold else self.inks.quiet)
        self.painter.drawText(place, int(where), words)

    def draw_wells(self) -> None:
        """Draw every well: its colour, an empty box where its value is not known yet, hatching where it is missing."""
        missing, unknown = [], []
        for row in range(1, self.board.rows + 1):
            for column in range(1, self.board.columns + 1):
                at = (row, column)
                if (colour := self.reading.colours.get(at)) is not None:
                    self.painter.fillRect(self._face(at), colour)
                else:
                    (unknown if at in self.reading.wells else missing).append(self._face(at))
        self._draw_missing(missing)
        self._draw_unknown(unknown)
        if self.board.pitch >= _WRITTEN:
            self._write_values()

    def _face(self, at: tuple[int, int]) -> QRectF:
        """Return the coloured part of a well; what is left keeps neighbours apart and holds the border of its role."""
        pitch = self.board.pitch
        # of small wells the border takes a part of the colour; the smallest touch
        gap = round(pitch * 0.07) if pitch >= 9 else 0
        side = pitch - 2 * gap if gap else pitch - (pitch >= 3)
        x, y = self.board.left + (at[1] - 1) * pitch + gap, self.board.top + (at[0] - 1) * pitch + gap
        return QRectF(x, y, side, side)

    def _draw_missing(self, faces: list[QRectF]) -> None:
        self.painter.setPen(Qt.PenStyle.NoPen)
        self.painter.setBrush(QBrush(self.inks.rule, Qt.BrushStyle.BDiagPattern))
        self.painter.drawRects(faces)

    def _draw_unknown(self, faces: list[QRectF]) -> None:
        """Draw empty boxes that wait for a value, with a dot that a border of a role does not have."""
        self.painter.setPen(QPen(self.inks.faint, 1.0))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.drawRects([face.adjusted(0.5, 0.5, -0.5, -0.5) for face in faces])
        for face in faces:
            if face.width() >= 8:
                inset = face.width() * 0.42
                self.painter.fillRect(face.adjusted(inset, inset, -inset, -inset), self.inks.faint)

    def _write_values(self) -> None:
        self.painter.setFont(self.font)
        texts, metrics = short_texts(self.reading), QFontMetricsF(self.font)
        if max((metrics.horizontalAdvance(text) for text in texts.values()), default=0.0) > self.board.pitch * 0.8:
            return
        for at, text in texts.items():
            self.painter.setPen(ink(self.reading.colours[at]))
            self.painter.drawText(self.board.box(*at), int(_CENTRE), text)

    def draw_roles(self) -> None:
        """Draw the borders of controls and of empty wells."""
        thick = 1.0 if self.board.pitch < 12 else 2.0 if self.board.pitch < 48 else 3.0
        inset = thick / 2
        frames: dict[str, list[QRectF]] = {}
        for at, role in self.reading.roles.items():
            box = self._face(at) if self.board.pitch < 9 else self.board.box(*at)
            frames.setdefault(role, []).append(box.adjusted(inset, inset, -inset, -inset))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        for role, boxes in frames.items():
            self.painter.setPen(self.inks.edge(role, thick))
            self.painter.drawRects(boxes)

    def draw_doubts(self) -> None:
        """Draw a corner into each well that has doubtful fields."""
        for at in self.reading.doubtful:
            self._corner(self._face(at))

    def _corner(self, box: QRectF) -> None:
        """Fill the upper right corner of a box, in a colour that no value wears."""
        side = max(box.width() * 0.4, min(box.width(), 4.0))
        corner = box.topRight()
        self.painter.setPen(QPen(self.inks.ground, 1.0))
        self.painter.setBrush(_DOUBTFUL)
        self.painter.drawPolygon(QPolygonF([corner - QPointF(side, 0.0), corner, corner + QPointF(0.0, side)]))

    def draw_selected(self, selected: Iterable[tuple[int, int]]) -> None:
        """Draw a frame inside each selected well, black or white as its colour asks."""
        thick, inset = (1.0, 1.5) if self.board.pitch < 12 else (2.0, 3.0)
        frames: dict[str, list[QRectF]] = {}
        for at in selected:
            colour = ink(self.reading.colours.get(at, self.inks.ground))
            frames.setdefault(colour.name(), []).append(self._face(at).adjusted(inset, inset, -inset, -inset))
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        for name, boxes in frames.items():
            self.painter.setPen(QPen(QColor(name), thick))
            self.painter.drawRects(boxes)

    def draw_marks(self, open_at: tuple[int, int] | None, hovered: tuple[int, int] | None, *, focus: bool) -> None:
        """Draw a ring about the open well, a thin one about that under the mouse, a line about the plate with focus."""
        if focus:
            self._frame(self.board.plate.adjusted(-2.0, -2.0, 2.0, 2.0), QPen(self.inks.quiet, 1.0))
        if hovered is not None:
            self._frame(self.board.box(*hovered), QPen(self.inks.text, 1.0))
        if open_at is not None:
            box = self.board.box(*open_at).adjusted(-1.0, -1.0, 1.0, 1.0)
            self._frame(box, QPen(self.inks.ground, 5.0))
            self._frame(box, QPen(self.inks.text, 2.5))

    def draw_band(self, block: Collection[tuple[int, int]]) -> None:
        """Draw a rubber band over the wells that it touches."""
        if block:
            corners = sorted(block)
            box = self.board.box(*corners[0]) | self.board.box(*corners[-1])
            veil = QColor(self.inks.text)
            veil.setAlpha(60)
            self.painter.fillRect(box, veil)
            self._frame(box, QPen(self.inks.text, 1.5, Qt.PenStyle.DashLine))

    def _frame(self, box: QRectF, pen: QPen) -> None:
        self.painter.setPen(pen)
        self.painter.setBrush(Qt.BrushStyle.NoBrush)
        self.painter.drawRect(box)

    def draw_bar(self) -> None:
        """Draw the colours with round values under them; an end is pointed where wells lie beyond it."""
        reading, bar = self.reading, self.board.bar
        if not reading.colours:
            return
        low, high = reading.limits
        blend = QLinearGradient(bar.topLeft(), bar.topRight())
        for step in range(33):
            blend.setColorAt(step / 32, colour_of(step / 32, (0.0, 1.0), reading.face.diverging))
        self.painter.fillRect(bar, QBrush(blend))
        self.painter.setPen(Qt.PenStyle.NoPen)
        for beyond, x, way, end in ((reading.below, bar.left(), -1, 0.0), (reading.above, bar.right(), 1, 1.0)):
            if beyond:
                self.painter.setBrush(colour_of(end, (0.0, 1.0), reading.face.diverging))
                tip = QPointF(x + way * POINT, bar.center().y())
                self.painter.drawPolygon(QPolygonF([QPointF(x, bar.top()), tip, QPointF(x, bar.bottom())]))
        self._draw_ticks(low, high)

    def _draw_ticks(self, low: float, high: float) -> None:
        bar, text = self.board.bar, QFontMetricsF(self.font)
        self.painter.setFont(self.font)
        self.painter.setPen(self.inks.quiet)
        marks = ticks_beside((low, high), self.reading.face.percent, bar.width(), text.horizontalAdvance)
        for value, words in marks:
            x = bar.left() + bar.width() * ((value - low) / (high - low) if high > low else 0.5)
            self.painter.drawLine(QPointF(x, bar.bottom()), QPointF(x, bar.bottom() + 3))
            half = text.horizontalAdvance(words) / 2 + 1
            place = self._inside(QRectF(x - half, bar.bottom() + 3, 2 * half, text.height()))
            self.painter.drawText(place, int(_CENTRE), words)

    def draw_legend(self, selected: int) -> None:
        """Explain borders and wells without colour, and tell how many wells are selected."""
        self.painter.setFont(self.font)
        for kind, words, place in self.board.legend:
            if kind == "selected" and not selected:
                continue
            side = place.height() - 4
            swatch = QRectF(place.left(), place.top() + 2, side, side)
            if kind in ROLE_EDGES:
                self._frame(swatch.adjusted(1.0, 1.0, -1.0, -1.0), self.inks.edge(kind, 2.0))
            elif kind == "selected":
                self._frame(swatch.adjusted(1.0, 1.0, -1.0, -1.0), QPen(self.inks.text, 2.0))
                words = f"{selected:,} selected"
            elif kind == "missing":
                self._draw_missing([swatch])
            elif kind == "doubtful":
                self._frame(swatch.adjusted(1.0, 1.0, -1.0, -1.0), QPen(self.inks.faint, 1.0))
                self._corner(swatch.adjusted(1.0, 1.0, -1.0, -1.0))
            else:
                self._draw_unknown([swatch])
            self.painter.setPen(self.inks.quiet)
            self.painter.drawText(place.adjusted(side + SPACE, 0.0, 2.0, 0.0), int(_LEFT), words)


def _named(count: int, need: float, always: int) -> list[int]:
    """Return which rows or columns are named where a name needs `need` of their distance; one is named always."""
    step = next((s for s in (1, 2, 3, 4, 6, 8, 12, 24) if s >= need), count)
    names = [i for i in range(1, count + 1, step) if abs(i - always) >= step]
    return [*names, always] if 1 <= always <= count else names
