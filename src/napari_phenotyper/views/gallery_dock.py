"""The gallery's own dock below the canvas: made when somebody first wants to see cells, gone with the desk."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.gallery_view import GalleryView

NAME = "Gallery"


class GalleryDock:
    """Opens and closes the gallery in a viewer's window.

    Parameters
    ----------
    viewer
        napari's viewer.
    desk, view
        What is shown.

    Attributes
    ----------
    view
        The gallery, None before it was first opened.
    """

    def __init__(self, viewer: Any, desk: Desk, view: FieldView) -> None:
        self._viewer, self._desk, self._field = viewer, desk, view
        self.view: GalleryView | None = None
        desk.gallery.events.asked.connect(self.open)

    @property
    def is_open(self) -> bool:
        """Whether the gallery can be seen."""
        return self.view is not None and self.view.parent() is not None and self.view.isVisible()

    def toggle(self) -> None:
        """Show the gallery, the doubtful cells first, or put it away."""
        dock = self.view.parent() if self.view is not None else None
        if self.is_open and isinstance(dock, QDockWidget):
            dock.hide()
        elif self._desk.gallery.groups:
            self.open()
        else:
            self._desk.gallery.show(CellQuery(sort="uncertainty", descending=True))

    def open(self) -> None:
        """Show the gallery with what was asked last."""
        if self.view is None:
            self.view = GalleryView(self._desk, self._field)
        dock = self.view.parent()
        if isinstance(dock, QDockWidget):
            dock.show()
            dock.raise_()
            return
        dock = self._viewer.window.add_dock_widget(self.view, name=NAME, area="bottom", add_vertical_stretch=False)
        window = dock.parent()
        if isinstance(window, QMainWindow):
            # the dock of the plate keeps its height
            window.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
            window.resizeDocks([dock], [window.height() * 2 // 5], Qt.Orientation.Vertical)
        self.view.show()

    def close(self) -> None:
        """Take the gallery away for good."""
        self._desk.gallery.events.asked.disconnect(self.open)
        view, self.view = self.view, None
        if view is not None:
            # its cross (LookupError) or the end of the window (the others) may have been quicker
            with suppress(LookupError, AttributeError, RuntimeError):
                self._viewer.window.remove_dock_widget(view)
            with suppress(RuntimeError):
                view.deleteLater()
