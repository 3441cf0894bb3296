"""The figures of the hits, shown and saved: profiles as a heat map, shares by treatment, hits, plate map."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from qtpy.QtCore import QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QGuiApplication, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.hit_figures import FIGURES, Drawn, Subject, draw, kinds_of
from napari_phenotyper.pages.plots import KINDS, save_plot
from napari_phenotyper.pages.profile_heat import HeatMap

_DPI = 100
_HINT = "Click a row to see its field and just its cells. Rings: the open well, and the wells selected on the map."
_RING, _SELECTED = QColor("#111111"), QColor("#e69f00")


class FiguresDialog(QDialog):
    """Shows one figure at a time; a click on a row of a heat map opens its well.

    Parameters
    ----------
    desk
        Whose hits.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self.drawn: Drawn | None = None
        self._shown = self._asked = ""
        self.kinds, self.save, self.picture = QComboBox(), QPushButton("Save …"), Picture()
        self.hint, self._scroll = QLabel("Drawing …"), QScrollArea()
        self.setWindowTitle("Figures of the hits")
        self._lay_out()
        self._fill()
        self.kinds.currentIndexChanged.connect(self.refresh)
        self.save.clicked.connect(self._press_save)
        self.picture.row_clicked.connect(self._open)
        desk.results.events.found.connect(self._fill)
        desk.results.events.shown.connect(self.refresh)
        desk.viewing.events.asked.connect(self._mark)
        desk.events.selection.connect(self._mark)
        self.finished.connect(self._forget)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Draw the figure that is chosen, in the background."""
        subject = self._subject()
        if subject is not None:
            self._asked = str(self.kinds.currentData())
            dpi = _DPI * self.devicePixelRatioF()
            self._desk.background.read("figure", "replace", draw, subject, self._asked, dpi, on_result=self._show)

    def ask_file(self) -> str:
        """Ask where to save; "" if the user thinks better of it."""
        return QFileDialog.getSaveFileName(self, "Save the figure, or its numbers", f"{self._shown}.png", KINDS)[0]

    def save_as(self, path: Path) -> None:
        """Write the figure as PNG or SVG, or its numbers as CSV or Parquet: as the name ends.

        Raises SettingError, ProjectError.
        """
        if self.drawn is not None:
            save_plot(self.drawn.plot, path)

    def _lay_out(self) -> None:
        self.save.setToolTip("The figure as PNG or SVG, or its numbers as CSV")
        self.save.setEnabled(False)
        self.hint.setWordWrap(True)
        self._scroll.setWidget(self.picture)
        self._scroll.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        line, column = QHBoxLayout(), QVBoxLayout(self)
        line.addWidget(self.kinds, 1)
        line.addWidget(self.save)
        column.addLayout(line)
        column.addWidget(self._scroll, 1)
        column.addWidget(self.hint)

    def _fill(self, *_: object) -> None:
        """List the figures that there are, and draw the one that is chosen."""
        found = self._desk.results.findings
        kinds = kinds_of(found) if found is not None else ()
        chosen = self.kinds.currentData()
        self.kinds.blockSignals(True)
        self.kinds.clear()
        for kind in kinds:
            self.kinds.addItem(FIGURES[kind], kind)
        self.kinds.setCurrentIndex(max(self.kinds.findData(chosen), 0))
        self.kinds.blockSignals(False)
        self.refresh()

    def _subject(self) -> Subject | None:
        desk, results = self._desk, self._desk.results
        if results.findings is None or desk.viewing.plate is None:
            return None
        plate, phenotypes = desk.viewing.plate, desk.session.annotations.phenotypes
        return Subject(results.findings, phenotypes, plate, results.scores(plate.name, results.column), results.column)

    def _show(self, drawn: Drawn) -> None:
        first, self.drawn, self._shown = self.drawn is None, drawn, self._asked
        picture = QPixmap()
        picture.loadFromData(drawn.png, "PNG")
        picture.setDevicePixelRatio(self.devicePixelRatioF())
        self.picture.set_picture(picture, drawn.heat)
        self.save.setEnabled(True)
        self.hint.setText(_HINT if drawn.heat is not None else "")
        self.hint.setVisible(drawn.heat is not None)
        self._mark()
        if first:
            self._fit()

    def _fit(self) -> None:
        """Take the room that the figure needs, as far as the screen has it."""
        screen = self.screen() or QGuiApplication.primaryScreen()
        room, wanted = screen.availableGeometry().size() * 0.85, self.picture.size() + QSize(70, 130)
        self.resize(wanted.boundedTo(room).expandedTo(QSize(420, 320).boundedTo(room)))

    def _mark(self, *_: object) -> None:
        """Mark the row of the well that is open, and those of the wells selected on the map."""
        wish = self._desk.viewing.wish
        if wish is not None:
            selected = {WellRef(wish.plate, well) for well in self._desk.selected}
            self.picture.set_marked(wish.well_ref, selected)

    def _open(self, row: int) -> None:
        """Open the strongest well of a row, and the cells of all its wells in the gallery."""
        if self.drawn is not None and self.drawn.heat is not None:
            self._desk.results.open_best(self.drawn.heat.rows[row])

    def _press_save(self, *_: object) -> None:
        chosen = self.ask_file()
        if chosen:
            try:
                self.save_as(Path(chosen))
            except (PhenotyperError, OSError) as error:
                self._desk.background.fail(error)

    def _forget(self, *_: object) -> None:
        """Listen to nothing any more."""
        events = self._desk.results.events
        events.found.disconnect(self._fill)
        events.shown.disconnect(self.refresh)
        self._desk.viewing.events.asked.disconnect(self._mark)
        self._desk.events.selection.disconnect(self._mark)


class Picture(QWidget):
    """A figure at its own size, whose rows are hovered and clicked where it is a heat map."""

    row_clicked = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self._picture, self._heat = QPixmap(), None
        self._open = self._hovered = -1
        self._selected: tuple[int, ...] = ()
        self.setMouseTracking(True)
        self.setAccessibleName("Figure")

    def set_picture(self, picture: QPixmap, heat: HeatMap | None) -> None:
        """Show another figure."""
        self._picture: QPixmap = picture
        self._heat: HeatMap | None = heat
        self._open, self._hovered, self._selected = -1, -1, ()
        self.resize(picture.size() / picture.devicePixelRatio())
        self.setCursor(Qt.CursorShape.PointingHandCursor if heat is not None else Qt.CursorShape.ArrowCursor)
        self.update()

    def set_marked(self, well: WellRef, selected: Collection[WellRef] = ()) -> None:
        """Mark the row that a well belongs to, and the rows of wells that are selected."""
        rows = self._heat.rows if self._heat is not None else ()
        self._open = next((i for i, wells in enumerate(rows) if well in wells), -1)
        self._selected = tuple(i for i, wells in enumerate(rows) if any(one in selected for one in wells))
        self.update()

    def rect_of(self, row: int) -> QRectF:
        """Return where a row of the heat map lies, in pixels of this widget."""
        heat = self._heat
        if heat is None or not 0 <= row < len(heat.rows):
            return QRectF()
        pitch = (heat.bottom - heat.top) * self.height() / len(heat.rows)
        return QRectF(1.0, heat.top * self.height() + row * pitch, self.width() - 2.0, pitch)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        """Paint the figure, and rings about rows: selected, under the mouse, open."""
        painter = QPainter(self)
        painter.drawPixmap(QPointF(0, 0), self._picture)
        rings = [(row, _SELECTED, 2.0) for row in self._selected]
        for row, colour, thick in (*rings, (self._hovered, _RING, 1.0), (self._open, _RING, 2.0)):
            if row >= 0:
                painter.setPen(QPen(colour, thick))
                painter.drawRect(self.rect_of(row))
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Show which row is under the mouse."""
        self._hovered = self._row(event)
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Tell of the row that was clicked."""
        row = self._row(event)
        if event.button() == Qt.MouseButton.LeftButton and row >= 0:
            self.row_clicked.emit(row)

    def _row(self, event: QMouseEvent) -> int:
        return self._heat.row_at(event.position().y() / max(self.height(), 1)) if self._heat is not None else -1
