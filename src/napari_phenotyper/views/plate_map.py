"""The plate as the eye knows it: wells where they lie, coloured by a value, to be opened and selected."""

from __future__ import annotations

from collections.abc import Collection

from qtpy.QtCore import QEvent, QPoint, QPointF, QRect, QSize, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QApplication, QSizePolicy, QToolTip, QWidget

from napari_phenotyper.core.wells import parse_well, well_name
from napari_phenotyper.views.map_board import Board, lay_out, wanted_height
from napari_phenotyper.views.map_colours import MapFace, Reading, colour_of, hover_text, read_face, value_text
from napari_phenotyper.views.map_drawing import Inks, MapDrawing

__all__ = ["MapFace", "PlateMap", "colour_of"]

_NO_PLATE = MapFace((8, 12), {}, "No plate is open")
_STEPS = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class PlateMap(QWidget):
    """A map of one plate of any size that is clicked, hovered, walked by arrow keys and selected from.

    Signals
    -------
    well_clicked(str)
        A well that has images was clicked, or Enter was pressed on the open one.
    well_stepped(str)
        An arrow key asks for the next well that has images in its direction.
    well_hovered(str)
        The well under the mouse, "" where there is none that has images.
    selection_changed(frozenset[str])
        The user selected other wells: ctrl+click toggles one, dragging takes a block (with shift or ctrl in addition),
        ctrl+A takes all, Escape none.
    """

    well_clicked = Signal(str)
    well_stepped = Signal(str)
    well_hovered = Signal(str)
    selection_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._reading = read_face(_NO_PLATE)
        self._open: tuple[int, int] | None = None
        self._hovered: tuple[int, int] | None = None
        self._selected: frozenset[str] = frozenset()
        self._pressed: QPointF | None = None
        self._dragged: QPointF | None = None
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(300, 200)
        self.setAccessibleName("Plate map")

    def set_face(self, face: MapFace) -> None:
        """Show other values or another plate; wells that it lacks are no longer selected, without a signal.

        Raises
        ------
        PlateError
            If a name is no well's.
        """
        self._reading = read_face(face)
        self._selected &= frozenset(face.values)
        self._describe()
        self.updateGeometry()
        self.update()

    @property
    def face(self) -> MapFace:
        """What is shown."""
        return self._reading.face

    @property
    def reading(self) -> Reading:
        """What is shown, as it is drawn."""
        return self._reading

    def set_open(self, well: str) -> None:
        """Mark the well whose field is shown; "" for none."""
        self._open = parse_well(well) if well else None
        self._describe()
        self.update()

    def set_selected(self, wells: Collection[str]) -> None:
        """Select the wells among these that have images, without a signal."""
        self._selected = frozenset(wells) & frozenset(self._reading.wells.values())
        self.update()

    def selected(self) -> frozenset[str]:
        """Return the names of the selected wells."""
        return self._selected

    def rect_of(self, well: str) -> QRect:
        """Return where a well lies, in pixels of this widget."""
        return self._board().box(*parse_well(well)).toAlignedRect()

    def sizeHint(self) -> QSize:  # noqa: N802
        """Return a size that suits the plate's shape in a narrow dock."""
        return QSize(340, round(wanted_height(self._reading, 340.0, self.font())))

    def _board(self) -> Board:
        return lay_out(self._reading, self.width(), self.height(), self.font())

    def _here(self, at: tuple[int, int] | None) -> tuple[int, int] | None:
        """Return a place if this plate has it."""
        row, column = at or (0, 0)
        return at if 1 <= row <= self._reading.rows and 1 <= column <= self._reading.columns else None

    def _describe(self) -> None:
        """Say to a screen reader what is shown."""
        face, name = self._reading.face, self._reading.wells.get(self._open or (0, 0))
        well = f": {name}, {value_text(face.values[name], face.percent)}" if name else ""
        self.setAccessibleDescription(f"{face.title}{well}")

    # What is drawn.

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        """Draw the map."""
        board, open_at = self._board(), self._here(self._open)
        painter = QPainter(self)
        drawing = MapDrawing(painter, self._reading, board, Inks.of(self.palette()), self.font())
        drawing.draw_texts(open_at)
        drawing.draw_wells()
        drawing.draw_roles()
        drawing.draw_doubts()
        drawing.draw_selected(at for at, well in self._reading.wells.items() if well in self._selected)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        drawing.draw_marks(open_at, self._here(self._hovered), focus=self.hasFocus())
        drawing.draw_band(self._block(board))
        drawing.draw_bar()
        drawing.draw_legend(len(self._selected))
        painter.end()

    def _block(self, board: Board) -> list[tuple[int, int]]:
        """Return the places under the rubber band."""
        if self._pressed is None or self._dragged is None:
            return []
        return board.block(self._pressed, self._dragged)

    # What the mouse does.

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Begin a click or a rubber band."""
        if event.button() == Qt.MouseButton.LeftButton:
            self._pressed, self._dragged = event.position(), None

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """Stretch the rubber band, or tell of the well under the mouse."""
        board, point, place = self._board(), event.position(), event.globalPosition().toPoint()
        if self._pressed is None:
            self._hover(board.at(point), place)
            return
        far = (point - self._pressed).manhattanLength() >= QApplication.startDragDistance()
        first = board.at(self._pressed)
        # a trembling hand inside one well still clicks it
        if self._dragged is not None or (far and (first is None or board.at(point) != first)):
            self._hover(None, place)
            self._dragged = point
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        """End a click or a rubber band."""
        if event.button() != Qt.MouseButton.LeftButton or self._pressed is None:
            return
        board, pressed = self._board(), self._pressed
        block = self._block(board) if self._dragged is not None else None
        self._pressed = self._dragged = None
        self.update()
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        shift = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
        wells = frozenset(self._with_images(board.block(pressed, pressed) if block is None else block))
        if block is not None or shift:
            self._select(self._selected | wells if shift or control else wells)
        elif control:
            self._select(self._selected ^ wells)
        else:
            for well in wells:
                self.well_clicked.emit(well)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        """Forget the well under the mouse."""
        self._hover(None, self.pos())

    def _with_images(self, places: Collection[tuple[int, int]]) -> list[str]:
        return [self._reading.wells[at] for at in places if at in self._reading.wells]

    def _select(self, wells: frozenset[str]) -> None:
        if wells != self._selected:
            self._selected = wells
            self.update()
            self.selection_changed.emit(wells)

    def _hover(self, at: tuple[int, int] | None, place: QPoint) -> None:
        """Show what is known of the well under the mouse, and tell its name, once for every well."""
        if at == self._hovered:
            return
        before, self._hovered = self._reading.wells.get(self._hovered or (0, 0), ""), at
        self.update()
        if at is None:
            QToolTip.hideText()
        else:
            QToolTip.showText(place, hover_text(self._reading, at, well_name(*at)), self)
        name = self._reading.wells.get(at or (0, 0), "")
        if name != before:
            self.well_hovered.emit(name)

    # What the keys do.

    def event(self, event: QEvent) -> bool:
        """Keep the map's own keys from napari's shortcuts while it has the focus."""
        if event.type() == QEvent.Type.ShortcutOverride and self._is_mine(event):
            event.accept()
            return True
        return super().event(event)

    def _is_mine(self, event: QKeyEvent) -> bool:
        return event.matches(QKeySequence.StandardKey.SelectAll) or event.key() in (*_STEPS, *_ENTER, Qt.Key.Key_Escape)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """Walk from well to well, open one, select all or none."""
        key = event.key()
        if not self._is_mine(event):
            super().keyPressEvent(event)
        elif key in _STEPS:
            self.step(*_STEPS[key])
        elif key in _ENTER:
            if well := self._reading.wells.get(self._open or (0, 0)):
                self.well_clicked.emit(well)
        elif key == Qt.Key.Key_Escape:
            self._pressed = self._dragged = None
            self._select(frozenset())
            self.update()
        else:
            self._select(frozenset(self._reading.wells.values()))

    def step(self, down: int, right: int) -> None:
        """Walk to the next well that has images, so many rows down and columns to the right."""
        if well := self._next(down, right):
            self.well_stepped.emit(well)

    def _next(self, down: int, right: int) -> str:
        """Return the nearest well that has images in a direction from the open one, first in its own row or column."""
        wells = self._reading.wells
        here = self._here(self._open)
        if here is None:
            return wells[min(wells)] if wells else ""

        def way(at: tuple[int, int]) -> tuple[int, int]:
            rows, columns = at[0] - here[0], at[1] - here[1]
            return abs(rows * right) + abs(columns * down), rows * down + columns * right

        ahead = [at for at in wells if way(at)[1] > 0]
        return wells[min(ahead, key=way)] if ahead else ""
