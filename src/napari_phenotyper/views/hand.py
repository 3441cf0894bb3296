"""A hand at mouse and keyboard: drives the window by the events that a person's would be.

For the tour of the window, its test and its pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QEnterEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QAbstractButton, QApplication, QTableView, QTabWidget, QWidget

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.views.dock import PhenotyperDock

LEFT, NONE, PLAIN = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Hand:
    """Clicks and types in a viewer's window.

    Parameters
    ----------
    viewer
        napari's, with its window shown.
    dock
        In it.

    Attributes
    ----------
    patience
        How many times longer than usual it waits for the window: for a machine that others use, too.
    """

    def __init__(self, viewer: Any, dock: PhenotyperDock) -> None:
        self.viewer, self.dock = viewer, dock
        self.patience = 1.0

    @property
    def canvas(self) -> QWidget:
        """The widget that napari paints on."""
        return self.viewer.window._qt_viewer.canvas.native

    def wait(self, seconds: float) -> None:
        """Let the window work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()
            time.sleep(0.002)

    def until(self, what: Callable[[], object], seconds: float = 90.0) -> None:
        """Let the window work until something holds. Raises PhenotyperError if it does not come to that."""
        seconds *= self.patience
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                raise PhenotyperError(f"The window did not get there within {seconds:g} s.", "Look at its problems.")
            QApplication.processEvents()
            time.sleep(0.002)

    def press(self, button: QAbstractButton) -> None:
        """Press a button with the mouse."""
        QTest.mouseClick(button, LEFT, PLAIN, button.rect().center())

    def tab(self, tabs: QTabWidget, number: int) -> None:
        """Press a tab."""
        QTest.mouseClick(tabs.tabBar(), LEFT, PLAIN, tabs.tabBar().tabRect(number).center())

    def row(self, table: QTableView, number: int) -> None:
        """Click a row of a table."""
        place = table.visualRect(table.model().index(number, 0)).center()
        QTest.mouseClick(table.viewport(), LEFT, PLAIN, place)

    def write(self, widget: QWidget, text: str) -> None:
        """Type a text, then Enter."""
        widget.setFocus()
        QTest.keyClicks(widget, text)
        QTest.keyClick(widget, Qt.Key.Key_Return)

    def click_in(self, widget: QWidget, place: QPoint, modifiers: Any = PLAIN) -> None:
        """Click a point of a widget."""
        QTest.mouseClick(widget, LEFT, modifiers, place)
        QApplication.processEvents()

    def well(self, name: str) -> None:
        """Click a well of the map and wait until its field and its cells are shown."""
        place, shown = self.dock.workplace.plate.map, []
        view = self.dock.workplace.view
        view.dressed.connect(shown.append)
        QTest.mouseClick(place, LEFT, PLAIN, place.rect_of(name).center())
        self.until(lambda: any(ref.well == name for ref in shown))
        view.dressed.disconnect(shown.append)
        self.wait(0.05)

    def place(self, y: float, x: float) -> QPoint:
        """Return where on the canvas a pixel of the field is shown."""
        ours = self.dock.workplace.view.layers.layers[-1]
        world = ours.data_to_world((y, x))[-2:]
        camera, size = getattr(self.viewer, "scene", self.viewer).camera, self.canvas.rect()  # napari 0.9 has the scene
        # napari's camera looks at `center` and shows `zoom` screen pixels per unit of the world
        dx, dy = (world[1] - camera.center[-1]) * camera.zoom, (world[0] - camera.center[-2]) * camera.zoom
        return QPoint(round(size.width() / 2 + dx), round(size.height() / 2 + dy))

    def point(self, y: float, x: float) -> None:
        """Move the mouse over a pixel of the field."""
        QTest.qWait(15)  # vispy drops moves that follow within 10 ms
        place = QPointF(self.place(y, x))
        for widget in (self.canvas.parentWidget(), self.canvas):
            QApplication.sendEvent(widget, QEnterEvent(place, place, place))
        event = QMouseEvent(
            QEvent.Type.MouseMove, place, place, Qt.MouseButton.NoButton, Qt.MouseButton.NoButton, PLAIN
        )
        QApplication.sendEvent(self.canvas, event)
        QApplication.processEvents()

    def click(self, y: float, x: float) -> None:
        """Click a pixel of the field."""
        self.point(y, x)
        QTest.mouseClick(self.canvas, LEFT, PLAIN, self.place(y, x))
        QApplication.processEvents()

    def key(self, key: Qt.Key, modifiers: Any = PLAIN) -> None:
        """Press a key over the canvas."""
        self.canvas.setFocus()
        QTest.keyClick(self.canvas, key, modifiers)
        QApplication.processEvents()
