"""Projects that were open last, to be opened again by one click."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import QFrame, QLabel, QListWidget, QListWidgetItem, QMenu, QPushButton, QVBoxLayout, QWidget

from napari_phenotyper.session.user_files import Recent

_GONE = "not there: moved, deleted, or on a disk that is not mounted"


class RecentList(QWidget):
    """Lists projects, the newest first; those that cannot be seen are grey and say why. Hidden while there are none."""

    asked = Signal(object)
    """The folder of the project that was clicked."""
    forget_asked = Signal(object)
    """The folder of a project that is to leave the list."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = QListWidget()
        self.rows.setFrameShape(QFrame.Shape.NoFrame)
        self.rows.setSpacing(2)
        self.rows.setAccessibleName("Projects that were open last")
        self.rows.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.rows.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.rows.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.rows.customContextMenuRequested.connect(self._menu)
        self.rows.itemClicked.connect(self._open)
        self.rows.itemActivated.connect(self._open)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(QLabel("<b>Go on with</b>"))
        column.addWidget(self.rows)
        self._asked = False
        self.hide()

    def show_projects(self, projects: Sequence[Recent]) -> None:
        """List projects."""
        self.rows.clear()
        self._asked = False
        for recent in projects:
            item = QListWidgetItem(recent.title if recent.there else f"{recent.title}   ({_GONE.partition(':')[0]})")
            item.setData(Qt.ItemDataRole.UserRole, recent)
            item.setToolTip(str(recent.project) if recent.there else f"{recent.project}\n{_GONE}")
            if not recent.there:
                item.setFlags(item.flags() & ~Qt.ItemFlag.ItemIsEnabled)
            self.rows.addItem(item)
        self.setVisible(bool(projects))

    def _open(self, item: QListWidgetItem) -> None:
        recent = item.data(Qt.ItemDataRole.UserRole)
        if recent.there and not self._asked:  # a click on some systems is an activation, too
            self._asked = True
            self.asked.emit(recent.project)

    def _menu(self, place: object) -> None:
        item = self.rows.itemAt(place)
        if item is not None:
            recent, menu = item.data(Qt.ItemDataRole.UserRole), QMenu(self)
            menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            menu.addAction("Take off the list", lambda: self.forget_asked.emit(recent.project))
            menu.addAction("Copy its path", lambda: QGuiApplication.clipboard().setText(str(recent.project)))
            menu.popup(self.rows.mapToGlobal(place))


class RecentMenu(QPushButton):
    """The same as the menu of a button, for where there is no room for a list. Hidden while there are none."""

    asked = Signal(object)
    """The folder of the project that was chosen."""

    def __init__(self) -> None:
        super().__init__()
        self.setText("Recent")
        self.setToolTip("Projects that were open last")
        self.setMenu(QMenu(self))
        self.menu().setToolTipsVisible(True)
        self.hide()

    def show_projects(self, projects: Sequence[Recent]) -> None:
        """List projects."""
        self.menu().clear()
        for recent in projects:
            name = recent.title if recent.there else f"{recent.title}   (not there)"
            action = self.menu().addAction(name.replace("&", "&&"))
            action.setToolTip(str(recent.project))
            action.setEnabled(recent.there)
            action.triggered.connect(lambda _=False, folder=recent.project: self.asked.emit(folder))
        self.setVisible(bool(projects))
