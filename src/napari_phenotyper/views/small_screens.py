"""Room for a field and its plate on a screen that has little: napari's own panels make way."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget

NARROW = 1100
"""Logical pixels: napari's panels, the canvas and the dock of the plate need as many beside each other."""
_OF_NAPARI = ("layer controls", "layer list")


def make_room(window: QWidget, width: int) -> str:
    """Hide napari's panels on a screen of few pixels; return how they come back, "" if they need not go."""
    if width >= NARROW or not isinstance(window, QMainWindow):
        return ""
    hidden = [dock for dock in window.findChildren(QDockWidget) if dock.objectName() in _OF_NAPARI and dock.isVisible()]
    for dock in hidden:
        dock.hide()
    names = ", ".join(dock.objectName() for dock in hidden)
    return f"Hidden for room: {names} (menu Window)." if hidden else ""
