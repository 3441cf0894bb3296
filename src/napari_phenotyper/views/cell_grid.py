"""A grid of thumbnails that scrolls: up to millions of cells, of which only those in sight are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from qtpy.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from qtpy.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QPixmap,
    QResizeEvent,
    QWheelEvent,
)
from qtpy.QtWidgets import QAbstractScrollArea, QToolTip

from napari_phenotyper.pages.style import UNLIKE
from napari_phenotyper.views.plain import plain_tip
from napari_phenotyper.views.row_selection import RowSelection

SIZES = (48, 192)
"""Least and most pixels along the side of a thumbnail."""
_RIM, _GAP, _LINE, _CORNER = 6, 3, 3, 14
_SMALL = 0.76
"""Size of the letters below a picture, in heights of a line: "98% Prometaphase" should fit."""
_CTRL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


@dataclass(frozen=True, eq=False)
class Tile:
    """What is painted of a cell.

    Attributes
    ----------
    picture
        None while it is not read.
    colour
        Of its class, "" for none.
    annotated
        Whether somebody gave the class: a white rim, as on the canvas.
    other
        Colour of the class predicted where that is another one than was given: a corner of the picture; else "".
    text
        Below the picture.
    problem
        Whether the pixels cannot be read.
    """

    picture: QPixmap | None
    colour: str = ""
    annotated: bool = False
    text: str = ""
    problem: bool = False
    other: str = ""


class CellGrid(QAbstractScrollArea):
    """Shows thumbnails in rows, lets a person select some, and tells what is in sight.

    Its own scroll area: Qt's list lays every item out, which for a million takes two seconds whenever they change.

    Parameters
    ----------
    tile
        Gives what is painted of a row; asked for rows in sight only.
    words
        Gives the hover text of a row.
    """

    looked = Signal()
    """Other cells are in sight."""
    opened = Signal(int)
    """A row was clicked: show the cell in its field."""
    selection_changed = Signal()
    resized = Signal(int)
    """Thumbnails have another size."""
    menu_asked = Signal(QPoint)
    """In screen coordinates."""

    def __init__(self, tile: Callable[[int], Tile], words: Callable[[int], str]) -> None:
        super().__init__()
        self._tile, self._words = tile, words
        self.selection = RowSelection(0)
        self.side = 96
        self.setAccessibleName("Gallery of cells")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMinimumSize(160, 90)
        self.verticalScrollBar().valueChanged.connect(self._scrolled)

    def set_count(self, count: int) -> None:
        """Show so many cells, from the first on; none is selected."""
        self.selection = RowSelection(count)
        self.verticalScrollBar().setValue(0)
        self._measure()
        self.selection_changed.emit()

    def set_side(self, side: int) -> None:
        """Show thumbnails of another size; the first cell in sight stays so."""
        first = self.in_sight().start
        self.side = min(max(side, SIZES[0]), SIZES[1])
        self._measure()
        self.verticalScrollBar().setValue(first // self.columns * self._tile_size().height())
        self.resized.emit(self.side)

    @property
    def columns(self) -> int:
        """How many cells lie side by side."""
        return max(self.viewport().width() // self._tile_size().width(), 1)

    def in_sight(self) -> range:
        """Return the rows in sight, those cut off by an edge among them."""
        height, top = self._tile_size().height(), self.verticalScrollBar().value()
        first, last = top // height, (top + self.viewport().height() - 1) // height
        count = self.selection.count
        return range(min(first * self.columns, count), min((last + 1) * self.columns, count))

    def rect_of(self, row: int) -> QRect:
        """Return where a row is, in pixels of the viewport."""
        size = self._tile_size()
        down, across = divmod(row, self.columns)
        return QRect(QPoint(across * size.width(), down * size.height() - self.verticalScrollBar().value()), size)

    def row_at(self, point: QPoint) -> int:
        """Return the row at a point of the viewport, −1 for none."""
        size = self._tile_size()
        across = point.x() // size.width()
        row = (point.y() + self.verticalScrollBar().value()) // size.height() * self.columns + across
        return row if 0 <= across < self.columns and 0 <= row < self.selection.count else -1

    def go_to(self, row: int) -> None:
        """Select one row alone, and bring it into sight."""
        self.selection.only(row)
        self._selected()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return two rows of thumbnails."""
        return QSize(700, 2 * self._tile_size().height() + 4)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        """Paint the cells in sight."""
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        font = painter.font()
        font.setPixelSize(max(round(_SMALL * self.fontMetrics().height()), 8))
        painter.setFont(font)
        for row in self.in_sight():
            rect = self.rect_of(row)
            if rect.intersects(event.rect()):
                self._paint(painter, rect, self._tile(row), row)
        painter.end()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802  (Qt's name)
        """Lay the cells out anew."""
        super().resizeEvent(event)
        self._measure()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Select: alone, one more (Ctrl), up to here (Shift)."""
        row = self.row_at(event.pos())
        if event.button() == Qt.MouseButton.RightButton:
            if row >= 0 and not self.selection.has(row):
                self.go_to(row)
            self.menu_asked.emit(self.viewport().mapToGlobal(event.pos()))
        elif row < 0:
            self.selection.none()
            self._selected()
        elif event.modifiers() & _CTRL:
            self.selection.toggle(row)
            self._selected()
        elif event.modifiers() & _SHIFT:
            self.selection.extend(row)
            self._selected()
        else:
            self.go_to(row)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Select all from where the button was pressed."""
        row = self.row_at(event.pos())
        if event.buttons() & Qt.MouseButton.LeftButton and row >= 0 and row != self.selection.current:
            self.selection.extend(row)
            self._selected()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Tell of a click on one cell."""
        row = self.row_at(event.pos())
        plain = event.button() == Qt.MouseButton.LeftButton and not event.modifiers() & (_CTRL | _SHIFT)
        if plain and row >= 0 and self.selection.rows().tolist() == [row]:
            self.opened.emit(row)

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802  (Qt's name)
        """Scroll; with Ctrl make thumbnails larger or smaller."""
        if event.modifiers() & _CTRL:
            self.set_side(self.side + (16 if event.angleDelta().y() > 0 else -16))
        else:
            super().wheelEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        """Walk and select by keys; others go up to who holds the grid."""
        step = self._step(event.key())
        if step is not None and self.selection.count:
            row = min(max(self.selection.current + step, 0), self.selection.count - 1)
            extend = bool(event.modifiers() & _SHIFT)
            self.selection.extend(row) if extend else self.selection.only(row)
            self._selected()
        elif event.key() == Qt.Key.Key_A and event.modifiers() & _CTRL:
            self.selection.all()
            self._selected()
        elif event.key() == Qt.Key.Key_Escape:
            self.selection.none()
            self._selected()
        else:
            event.ignore()

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Say what is known of the cell under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            row = self.row_at(event.pos())
            QToolTip.showText(event.globalPos(), plain_tip(self._words(row)) if row >= 0 else "", self)
            return True
        return super().viewportEvent(event)

    def _step(self, key: int) -> int | None:
        page = max(self.viewport().height() // self._tile_size().height(), 1) * self.columns
        count = self.selection.count
        steps = {
            Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1, Qt.Key.Key_Up: -self.columns, Qt.Key.Key_Down: self.columns,
            Qt.Key.Key_PageUp: -page, Qt.Key.Key_PageDown: page, Qt.Key.Key_Home: -count, Qt.Key.Key_End: count,
        }  # fmt: skip
        return steps.get(key)

    def _selected(self) -> None:
        """Show the selection, and the cell that was selected last."""
        row, bar = self.selection.current, self.verticalScrollBar()
        if row >= 0 and self.selection.has(row):
            rect = self.rect_of(row)
            if rect.top() < 0:
                bar.setValue(bar.value() + rect.top())
            elif rect.bottom() > self.viewport().height() > rect.height():
                bar.setValue(bar.value() + rect.bottom() - self.viewport().height() + 1)
        self.viewport().update()
        self.selection_changed.emit()

    def _tile_size(self) -> QSize:
        outer = self.side + 2 * _RIM + 2 * _GAP
        return QSize(outer, outer + self.fontMetrics().height())

    def _measure(self) -> None:
        lines = -(-self.selection.count // self.columns)
        height, bar = self._tile_size().height(), self.verticalScrollBar()
        bar.setRange(0, max(lines * height - self.viewport().height(), 0))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(height // 2)
        self._scrolled()

    def _scrolled(self, *_: object) -> None:
        self.viewport().update()
        self.looked.emit()

    def _paint(self, painter: QPainter, rect: QRect, tile: Tile, row: int) -> None:
        palette, selected = self.palette(), self.selection.has(row)
        if selected:
            painter.fillRect(rect.adjusted(1, 1, -1, -1), palette.highlight())
        inner = QRect(rect.left() + _GAP + _RIM, rect.top() + _GAP + _RIM, self.side, self.side)
        painter.fillRect(inner, QColor("black"))
        if tile.picture is not None:
            painter.drawPixmap(inner, tile.picture)
        elif tile.problem:
            painter.setPen(QColor("#bbbbbb"))
            painter.drawText(inner, int(Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap), "not readable")
        painter.setPen(QPen(QColor(tile.colour or "#666666"), _LINE if tile.colour else 1))
        painter.drawRect(inner.adjusted(-2, -2, 1, 1))
        if tile.other:
            corner = QRect(inner.right() - _CORNER, inner.top(), _CORNER + 1, _CORNER)
            painter.fillRect(corner, QColor(tile.other))
        if tile.annotated:
            painter.setPen(QPen(QColor("white"), 2))
            painter.drawRect(inner.adjusted(-5, -5, 4, 4))
        painter.setPen(palette.color(palette.ColorRole.HighlightedText if selected else palette.ColorRole.Text))
        line = QRect(rect.left() + _GAP, inner.bottom() + _RIM, rect.width() - 2 * _GAP, self.fontMetrics().height())
        text = _fitted(tile.text, painter.fontMetrics(), line.width())
        painter.drawText(line, int(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop), text)


def _fitted(text: str, metrics: QFontMetrics, width: int) -> str:
    """Return what is written below a cell within so many pixels; of two classes each has half of them."""
    parts = text.split(UNLIKE)
    room = (width - metrics.horizontalAdvance(UNLIKE) * (len(parts) - 1)) // len(parts)
    if metrics.horizontalAdvance(text) <= width:
        return text
    return UNLIKE.join(metrics.elidedText(part, Qt.TextElideMode.ElideRight, room) for part in parts)
