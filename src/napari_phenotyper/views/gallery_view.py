"""The gallery: cells of all plates as thumbnails, to look at, to compare, and to label many at once."""

from __future__ import annotations

from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import QHBoxLayout, QMenu, QPushButton, QSlider, QSplitter, QVBoxLayout, QWidget

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.cell_grid import SIZES
from napari_phenotyper.views.cut_line import CutLine
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.gallery_bar import GalleryBar, class_menu_entries
from napari_phenotyper.views.gallery_figure import GalleryFigure
from napari_phenotyper.views.gallery_half import Half, cells_words, thousands
from napari_phenotyper.views.gallery_tiles import Tiles
from napari_phenotyper.views.plain import plain_tip
from napari_phenotyper.views.qt_thread import Soon

HOW = "Click: its field · Shift, Ctrl: select · 1–9: label · Return: accept · 0: clear"
_READ_AHEAD = 1
"""Pages below the one in sight that are read too."""


class GalleryView(QWidget):
    """Shows the gallery of a desk.

    Parameters
    ----------
    desk
        Whose cells.
    view
        Shows a cell in its field, and how channels are drawn.
    """

    def __init__(self, desk: Desk, view: FieldView) -> None:
        super().__init__()
        self.desk, self._view = desk, view
        self.bar = GalleryBar(desk)
        self.tiles = Tiles(desk, view)
        self.halves = Half(desk.gallery, 0, self.tiles), Half(desk.gallery, 1, self.tiles)
        self.count, self.special, self.everything = CutLine(), CutLine(), QPushButton("All cells")
        self.figure = GalleryFigure(self)
        self.label, self.size_ = QPushButton("Label …"), QSlider(Qt.Orientation.Horizontal)
        self._soon, self._read = Soon(self, self._repaint), Soon(self, self._look, 15)
        self._lay_out()
        self._wire()
        self._show_rows()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802  (Qt's name)
        """Label, accept, clear, undo: the keys of the canvas, for all cells that are selected."""
        text, control = event.text(), bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        name = NOT_A_CELL if text.lower() == "x" else self.desk.marking.class_of_key(text) if text else ""
        if control and event.key() == Qt.Key.Key_Z:
            back = event.modifiers() & Qt.KeyboardModifier.ShiftModifier
            self.desk.marking.redo() if back else self.desk.marking.undo()
        elif name:
            self.give(name)
        elif event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_A):
            self.give("")
        elif text == "0":
            self.desk.gallery.clear(self.selected())
        else:
            event.ignore()

    def give(self, name: str) -> None:
        """Give all cells selected a class, "" for the one predicted; after a single cell the next one is selected."""
        chosen = self.selected()
        if not any(chosen.values()):
            self.desk.background.tell("Select cells first: click, Shift + click, or Ctrl + A for all.")
            return
        self.desk.gallery.give(chosen, name)
        for number, rows in chosen.items():
            grid = self.halves[number].grid
            if sum(map(len, chosen.values())) == 1 and rows and rows[0] + 1 < grid.selection.count:
                grid.go_to(rows[0] + 1)

    def selected(self) -> dict[int, list[int]]:
        """Return the rows selected in each group."""
        groups = range(len(self.desk.gallery.groups))
        return {number: self.halves[number].grid.selection.rows().tolist() for number in groups}

    def menu(self) -> QMenu:
        """Return what can be done to the cells selected."""
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for icon, text, name in class_menu_entries(self.desk.session.annotations.phenotypes):
            menu.addAction(icon, text.replace("&", "&&")).setData(name)
        menu.addSeparator()
        menu.addAction("Accept what is predicted\tReturn").setData("")
        menu.addAction("Clear\t0").setData(None)
        menu.triggered.connect(self._menu_chosen)
        return menu

    def _lay_out(self) -> None:
        self.everything.setToolTip("Leave these cells: show what the boxes say")
        self.label.setToolTip("Give all cells selected a class, or accept what is predicted (1–9, Return, right click)")
        self.size_.setRange(*SIZES)
        self.size_.setValue(self.halves[0].grid.side)
        self.size_.setToolTip("Size of the pictures (Ctrl + wheel)")
        self.size_.setMaximumWidth(90)
        above = QHBoxLayout()
        above.addWidget(self.special, 1)
        for widget in (self.everything, self.count, self.label, self.figure, self.size_):
            above.addWidget(widget)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        for half in self.halves:
            splitter.addWidget(half)
        self.halves[1].hide()
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        column.setSpacing(3)
        column.addWidget(self.bar)
        column.addLayout(above)
        column.addWidget(splitter, 1)

    def _wire(self) -> None:
        gallery, desk = self.desk.gallery, self.desk
        self.bar.filtered.connect(self._filter)
        self.bar.ordered.connect(self._order)
        self.bar.channel_chosen.connect(self._choose_channel)
        self.bar.again.clicked.connect(self._ask_again)
        self.bar.outlined.toggled.connect(self._outline)
        self.everything.clicked.connect(self._leave)
        self.label.clicked.connect(self._label_menu)
        self.size_.valueChanged.connect(self._resize)
        for half in self.halves:
            half.grid.looked.connect(self._read.ask)
            half.grid.selection_changed.connect(self._say)
            half.grid.menu_asked.connect(self._menu_asked)
            half.grid.resized.connect(self.size_.setValue)
        self.halves[0].grid.opened.connect(self._open_first)
        self.halves[1].grid.opened.connect(self._open_second)
        gallery.events.rows.connect(self._show_rows)
        gallery.events.faces.connect(self._soon.ask)
        gallery.thumbnails.events.ready.connect(self._take_pictures)
        self._view.layers.display_changed.connect(self._dressed_otherwise)
        desk.marking.events.classes.connect(self._refresh)
        desk.events.plates.connect(self._refresh)
        desk.events.survey.connect(self._refresh)

    def _show_rows(self) -> None:
        """Show what was found."""
        groups = self.desk.gallery.groups
        self._refresh()
        if groups and groups[0].query != self.bar.query():
            self.bar.set_query(groups[0].query)
        for half, group in zip(self.halves, groups, strict=False):
            half.show_group(group, titled=len(groups) > 1)
        self.halves[1].setVisible(len(groups) > 1)
        first = groups[0].query if groups else CellQuery()
        asked = first.title or (f"Only of {', '.join(map(str, first.wells[:9]))}" if first.wells else "")
        self.special.setText((asked if asked and len(groups) == 1 else HOW) if groups else "Looking …")
        self.special.setToolTip(plain_tip(self.special.text()))  # where there is little room it is cut
        from_outside = first.cells is not None or (bool(asked) and first != self.bar.query())
        self.everything.setVisible(len(groups) > 1 or from_outside)
        self.bar.set_stale(self.desk.gallery.stale)
        self._say()
        self._look()

    def _say(self) -> None:
        """Say how many cells there are and how many are selected."""
        groups = self.desk.gallery.groups
        found = sum(len(group.rows) for group in groups)
        chosen = sum(map(len, self.selected().values()))
        words = [cells_words(found) if found or not groups else _nothing(self.desk)]
        if chosen:
            words.append(f"{thousands(chosen)} selected")
        if self.desk.gallery.population is not None and found:
            words.append(f"pictures {self.desk.gallery.population.side:.0f} {self.desk.gallery.population.unit} wide")
        self.count.setText(" · ".join(words))
        self.count.setToolTip(f"{self.count.text()}\n{HOW}")
        self.label.setEnabled(chosen > 0)

    def _look(self) -> None:
        """Read the pixels of the cells in sight, then those of the page below."""
        if self.isVisible():
            now, then = {}, {}
            for number, group in enumerate(self.desk.gallery.groups):
                sight = self.halves[number].grid.in_sight()
                now[number] = list(sight)
                then[number] = list(range(sight.stop, min(sight.stop + _READ_AHEAD * len(sight), len(group.rows))))
            self.desk.gallery.look([now, then])

    def _take_pictures(self, cells: object) -> None:
        """Draw anew what was read."""
        self.tiles.forget(cells)
        self._soon.ask()

    def _repaint(self) -> None:
        self.bar.set_stale(self.desk.gallery.stale)
        for half in self.halves:
            half.grid.viewport().update()

    def _filter(self, query: CellQuery) -> None:
        self.desk.gallery.show(query)

    def _order(self, sort: str, by: str, descending: bool) -> None:
        self.desk.gallery.sort(sort=sort, by=by, descending=descending)

    def _leave(self) -> None:
        self.desk.gallery.show(self.bar.query())

    def _ask_again(self) -> None:
        self.desk.gallery.refresh()

    def _outline(self, on: bool) -> None:
        self.desk.gallery.outline(on)
        self._dressed_otherwise()
        self._look()

    def _choose_channel(self, label: str) -> None:
        self.tiles.channel = label
        self._dressed_otherwise()

    def _dressed_otherwise(self, *_: object) -> None:
        self.tiles.forget()
        self._soon.ask()

    def _resize(self, side: int) -> None:
        self.tiles.forget()
        self.tiles.side = side
        for half in self.halves:
            if half.grid.side != side:
                half.grid.set_side(side)

    def _refresh(self, *_: object) -> None:
        self.bar.refresh()
        self._soon.ask()

    def _open_first(self, row: int) -> None:
        self._open(0, row)

    def _open_second(self, row: int) -> None:
        self._open(1, row)

    def _open(self, group: int, row: int) -> None:
        """Show a cell in its field."""
        found = self.desk.gallery.groups[group].rows
        self._view.look_at(found.cell(row)[0], float(found.y[row]), float(found.x[row]))

    def _label_menu(self) -> None:
        self._menu_asked(self.label.mapToGlobal(self.label.rect().bottomLeft()))

    def _menu_asked(self, place: QPoint) -> None:
        if any(self.selected().values()):
            self.menu().popup(place)

    def _menu_chosen(self, action: object) -> None:
        name = action.data()
        if name is None:
            self.desk.gallery.clear(self.selected())
        else:
            self.give(name)


def _nothing(desk: Desk) -> str:
    if not any(survey.measured for survey in desk.surveys.values()):
        return "No cell is measured yet: segment and measure the plate."
    return "No such cells"
