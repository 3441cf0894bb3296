"""The list of labels that are lost or contested: each is shown in its field by one click, and settled by another."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.label_words import stray_words, strays_sentence
from napari_phenotyper.session.astray import CONTESTED, LOST, Stray
from napari_phenotyper.views.field_view import FieldView

Cursor = Callable[[], tuple[float, float] | None]
_WORDS = {LOST: "lost", CONTESTED: "contested"}
_MOST_KEYS = 9


class StraysDialog(QDialog):
    """Lists the strays of a desk; stays open beside the window.

    Parameters
    ----------
    desk, view
        Whose labels, and what shows their fields.
    cursor
        Gives (y, x) of the mouse over the canvas, None while it is elsewhere.
    """

    def __init__(self, desk: Desk, view: FieldView, cursor: Cursor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._view, self._cursor = desk, view, cursor
        self.setWindowTitle("Labels lost and contested")
        self.count, self.words, self.list = QLabel(), QLabel(), QTreeWidget()
        self.nearest, self.drop = QPushButton("Attach to nearest cell (N)"), QPushButton("Drop it (Del)")
        self.drop_all, self.newest = QPushButton("Drop all lost"), QPushButton("Newest label wins in all contested")
        self.undo = QPushButton("Undo")
        self.winners: list[QPushButton] = []
        self._classes = QHBoxLayout()
        self._lay_out()
        self._wire()
        self.refresh()

    def refresh(self, *_: object) -> None:
        """List anew; what comes after one that was settled is chosen."""
        place = max(self.list.indexOfTopLevelItem(self.list.currentItem()), 0) if self.list.currentItem() else -1
        items = self._desk.strays.items
        self.list.blockSignals(True)
        self.list.clear()
        for stray in items:
            classes = " / ".join(stray.phenotypes)
            who = ", ".join(dict.fromkeys(a.annotator for a in stray.annotations if a.annotator))
            self.list.addTopLevelItem(QTreeWidgetItem([_WORDS[stray.kind], str(stray.field), classes, who]))
        self.list.blockSignals(False)
        self.count.setText(f"<b>{strays_sentence(items) or 'Nothing is lost or contested any more.'}</b>")
        self.drop_all.setVisible(self._desk.strays.lost > 1)
        self.newest.setVisible(self._desk.strays.contested > 1)
        if items and place >= 0:
            self.list.setCurrentItem(self.list.topLevelItem(min(place, len(items) - 1)))
        else:
            self._show(None)

    @property
    def stray(self) -> Stray | None:
        """The one that is chosen in the list."""
        row, items = self.list.indexOfTopLevelItem(self.list.currentItem()), self._desk.strays.items
        return items[row] if self.list.currentItem() is not None and row < len(items) else None

    def attach(self) -> None:
        """Attach the label that is chosen to the cell under the mouse."""
        place = self._cursor()
        if place is not None:
            self._desk.strays.attach(*place)

    def win(self, number: int) -> None:
        """Let a class of the contested cell that is chosen win, by its place in the list of its classes."""
        stray = self.stray
        if stray is not None and stray.kind == CONTESTED and number < len(stray.phenotypes):
            self._desk.strays.let_win(stray, stray.phenotypes[number])

    def _lay_out(self) -> None:
        self.list.setHeaderLabels(["What", "Field", "Class", "By"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.setAccessibleName("Labels lost and contested")
        self.words.setWordWrap(True)
        self.words.setMinimumHeight(3 * self.words.fontMetrics().lineSpacing())
        self.words.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.undo.setToolTip("Take back the last of these, or whatever was annotated last (Ctrl+Z)")
        self.drop_all.setToolTip("Take all labels away that hit no cell: one undo brings them back")
        self.newest.setToolTip("In every contested cell the class that was given last stays: one undo takes it back")
        column, one, all_ = QVBoxLayout(self), QHBoxLayout(), QHBoxLayout()
        for widget in (self.nearest, self.drop):
            one.addWidget(widget)
        one.addLayout(self._classes)
        one.addStretch(1)
        for widget in (self.drop_all, self.newest):
            all_.addWidget(widget)
        all_.addStretch(1)
        all_.addWidget(self.undo)
        column.addWidget(self.count)
        column.addWidget(self.list, 1)
        column.addWidget(self.words)
        column.addLayout(one)
        column.addLayout(all_)
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(False)  # Return chooses in the list
        self.resize(470, 380)

    def _wire(self) -> None:
        desk, strays = self._desk, self._desk.strays
        self.list.currentItemChanged.connect(self._chosen)
        self.list.itemClicked.connect(self._chosen)
        self.nearest.clicked.connect(lambda: strays.attach_to_nearest())
        self.drop.clicked.connect(self._drop)
        self.drop_all.clicked.connect(lambda: strays.drop(strays.items))
        self.newest.clicked.connect(lambda: strays.let_newest_win(strays.items))
        self.undo.clicked.connect(lambda: desk.marking.undo())
        keys = {"R": self.attach, "N": self.nearest.click, "Del": self.drop.click, "Ctrl+Z": self.undo.click}
        keys |= {str(k + 1): lambda k=k: self.win(k) for k in range(_MOST_KEYS)}
        for key, act in keys.items():
            QShortcut(QKeySequence(key), self).activated.connect(act)
        strays.events.found.connect(self.refresh)
        self.finished.connect(self._forget)

    def _chosen(self, *_: object) -> None:
        stray = self.stray
        self._show(stray)
        if stray is not None:
            self._view.look_at(stray.field, *stray.point, ring=True)

    def _show(self, stray: Stray | None) -> None:
        """Say what is wrong with one, and offer what can be done."""
        self._desk.strays.choose(stray)
        hint = "Click one to see it in its field." if self._desk.strays.items else ""
        self.words.setText(stray_words(stray) if stray is not None else hint)
        for button in (self.nearest, self.drop):
            button.setVisible(stray is not None and stray.kind == LOST)
        while self.winners:
            self.winners.pop().deleteLater()
        for number, name in enumerate(stray.phenotypes if stray is not None and stray.kind == CONTESTED else ()):
            button = QPushButton(f"{name} ({number + 1})".replace("&", "&&"))
            button.setToolTip(f"Keep “{name}” and take the other labels of this cell away")
            button.setAutoDefault(False)
            button.clicked.connect(lambda _=False, number=number: self.win(number))
            self._classes.addWidget(button)
            self.winners.append(button)

    def _drop(self) -> None:
        if self.stray is not None:
            self._desk.strays.drop([self.stray])

    def _forget(self, *_: object) -> None:
        """Listen to nothing any more, and take the ring away."""
        self._desk.strays.events.found.disconnect(self.refresh)
        self._desk.strays.choose(None)
        self._view.layers.unmark()
