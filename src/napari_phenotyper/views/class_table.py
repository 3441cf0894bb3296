"""The list of phenotype classes: choose one, add, rename, recolour, merge, delete."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QModelIndex, QPoint, Qt, Signal
from qtpy.QtGui import QColor, QCursor, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QColorDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QMenu,
    QMessageBox,
    QShortcut,
    QTableView,
    QToolButton,
    QToolTip,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.views.class_rows import ANNOTATED, KEY, NAME, PREDICTED, SWATCH, Badges, ClassRow, ClassRows

__all__ = ["ClassRow", "ClassTable"]


class ClassTable(QWidget):
    """A line per class, and a line to add one. It changes nothing itself: it tells what a person wants."""

    chosen = Signal(str)
    added = Signal(str)
    renamed = Signal(str, str)
    """Old and new name."""
    recoloured = Signal(str, str)
    """Name and #rrggbb."""
    merged = Signal(str, str)
    """The class that goes, and the one that its cells go to."""
    removed = Signal(str)
    key_given = Signal(str, str)
    """Name and key, "" for none."""
    cells_asked = Signal(str, bool)
    """Name, and whether its annotated cells are wanted, or those that are predicted."""

    def __init__(self) -> None:
        super().__init__()
        self._current = ""
        self._model = ClassRows(self)
        self._view = _view(self._model, self)
        self.line = QLineEdit()
        self.line.setPlaceholderText("New class …")
        self._more = QToolButton()
        self._more.setText("…")
        self._more.setMinimumWidth(28)
        self._more.setToolTip("Rename, recolour, merge or delete the chosen class")
        self._lay_out()
        self._model.edited.connect(self._edited)
        self._view.selectionModel().currentRowChanged.connect(lambda index, _: self._row_chosen(index.row()))
        self._view.clicked.connect(self._clicked)
        self._view.doubleClicked.connect(self._double_clicked)
        self._view.customContextMenuRequested.connect(self._menu_asked)
        self.line.returnPressed.connect(self._add)
        self._more.clicked.connect(lambda: self._popup(self._current))
        QShortcut(QKeySequence("F2"), self._view, lambda: self.rename(self._current)).setContext(
            Qt.ShortcutContext.WidgetWithChildrenShortcut
        )

    def set_rows(self, rows: Sequence[ClassRow]) -> None:
        """Show some classes; "not a cell" comes last. Keeps the chosen class, and an edit while only counts change."""
        before = [row.name for row in self._model.rows]
        self._model.set_rows(tuple(sorted(rows, key=lambda row: row.name == NOT_A_CELL)))
        names = [row.name for row in self._model.rows]
        if names == before:
            return
        if self._current not in names:
            # one other name in the same place is the chosen class under its new name
            place = before.index(self._current) if self._current in before and len(names) == len(before) else -1
            self._current = names[place] if place >= 0 else ""
        self._show_current()

    def current(self) -> str:
        """Return the name of the chosen class; "" for none."""
        return self._current

    def choose(self, name: str) -> None:
        """Choose a class; `chosen` is silent. A name that is not there chooses none."""
        self._current = name if self._model.row_of(name) is not None else ""
        self._show_current()

    def rename(self, name: str) -> None:
        """Open a class's name for editing."""
        self._edit(name, NAME)

    def ask_colour(self, row: ClassRow) -> str:
        """Ask for a colour (#rrggbb); "" if there is no wish."""
        colour = QColorDialog.getColor(QColor(row.colour), self, f"Colour of {row.name}")
        return colour.name() if colour.isValid() else ""

    def ask_removal(self, row: ClassRow) -> bool:
        """Ask whether a class that has annotations shall go."""
        cells = "1 annotation" if row.annotated == 1 else f"{row.annotated} annotations"
        text = f"Delete the class “{row.name}” and its {cells}?\n\nUndo brings both back."
        return QMessageBox.question(self, "Delete class", text) == QMessageBox.StandardButton.Yes

    def menu_for(self, name: str) -> QMenu:
        """Return the menu of a class."""
        menu, fixed = QMenu(self), name == NOT_A_CELL
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction("Rename", lambda: self.rename(name)).setEnabled(not fixed)
        menu.addAction("Colour …", lambda: self._recolour(name))
        menu.addAction("Key …", lambda: self._edit(name, KEY))
        others = menu.addMenu("Merge into")
        for row in self._model.rows:
            if row.name != name:
                others.addAction(row.name.replace("&", "&&"), lambda *_, into=row.name: self.merged.emit(name, into))
        others.setEnabled(not fixed and not others.isEmpty())
        menu.addSeparator()
        menu.addAction("Delete", lambda: self._remove(name)).setEnabled(not fixed)
        return menu

    def _lay_out(self) -> None:
        below = QHBoxLayout()
        below.addWidget(self.line)
        below.addWidget(self._more)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addWidget(self._view)
        column.addLayout(below)

    def _show_current(self) -> None:
        row = self._model.row_of(self._current)
        index = QModelIndex() if row is None else self._model.index(row, NAME)
        self._view.setCurrentIndex(index)
        self._more.setEnabled(row is not None)

    def _row_chosen(self, row: int) -> None:
        """Tell of a choice unless it is what we know: then the program made it."""
        if 0 <= row < len(self._model.rows) and self._model.rows[row].name != self._current:
            self._current = self._model.rows[row].name
            self._more.setEnabled(True)
            self.chosen.emit(self._current)

    def _clicked(self, index: QModelIndex) -> None:
        row = self._model.rows[index.row()]
        if index.column() == SWATCH:
            self._recolour(row.name)
        elif (index.column() == ANNOTATED and row.annotated) or (index.column() == PREDICTED and row.predicted):
            self.cells_asked.emit(row.name, index.column() == ANNOTATED)

    def _double_clicked(self, index: QModelIndex) -> None:
        if index.column() != SWATCH:
            self._edit(self._model.rows[index.row()].name, KEY if index.column() == KEY else NAME)

    def _edit(self, name: str, column: int) -> None:
        row = self._model.row_of(name)
        if row is None:
            return
        index = self._model.index(row, column)
        if index.flags() & Qt.ItemFlag.ItemIsEditable:
            self._view.scrollTo(index)
            self._view.edit(index)

    def _edited(self, row: ClassRow, column: int, text: str) -> None:
        if column == KEY:
            self.key_given.emit(row.name, text)
        elif self._model.row_of(text) is not None:
            # to take the name of another class would merge the two without a word
            QToolTip.showText(QCursor.pos(), f"There is a class “{text}” already. To join them: Merge into.", self)
        else:
            self.renamed.emit(row.name, text)

    def _add(self) -> None:
        name = self.line.text().strip()
        row = self._model.row_of(name)
        self.line.clear()
        if row is not None:
            self._view.setCurrentIndex(self._model.index(row, NAME))
        elif name:
            self.added.emit(name)

    def _recolour(self, name: str) -> None:
        row = self._model.rows[self._model.row_of(name)]
        colour = self.ask_colour(row)
        if colour and colour.lower() != row.colour.lower():
            self.recoloured.emit(name, colour)

    def _remove(self, name: str) -> None:
        row = self._model.rows[self._model.row_of(name)]
        if not row.annotated or self.ask_removal(row):
            self.removed.emit(name)

    def _menu_asked(self, at: QPoint) -> None:
        index = self._view.indexAt(at)
        if index.isValid():
            self._popup(self._model.rows[index.row()].name)

    def _popup(self, name: str) -> None:
        self.menu_for(name).popup(QCursor.pos())


def _view(model: ClassRows, parent: QWidget) -> QTableView:
    view = QTableView(parent)
    view.setModel(model)
    view.setItemDelegateForColumn(SWATCH, Badges(view))
    view.setItemDelegateForColumn(KEY, Badges(view))
    view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
    view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
    view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setShowGrid(False)
    view.setWordWrap(False)
    view.setTabKeyNavigation(False)
    view.verticalHeader().hide()
    view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
    view.verticalHeader().setDefaultSectionSize(26)
    heads = view.horizontalHeader()
    heads.setHighlightSections(False)
    heads.setMinimumSectionSize(26)
    for column in (SWATCH, KEY, ANNOTATED, PREDICTED):
        heads.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
    heads.setSectionResizeMode(NAME, QHeaderView.ResizeMode.Stretch)
    view.setMinimumHeight(26 * 6)
    return view
