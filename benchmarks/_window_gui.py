"""The real window for a benchmark: napari with the dock, and Qt's own mouse clicks on the canvas."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _window_qt import Frames, rest, until_drawn, wait
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_phenotyper import plugin
from napari_phenotyper.core.wells import FieldRef

SIZE = (1400, 900)


class Window:
    """napari with the dock."""

    def __init__(self) -> None:
        self.viewer = plugin.new_viewer(show=False)
        self.viewer.window._qt_window.resize(*SIZE)
        self.viewer.window._qt_window.show()
        self.dock = plugin.dock_of(self.viewer)
        self.native = self.viewer.window._qt_viewer.canvas.native
        self.frames = Frames(self.viewer)
        rest(1.0)

    @property
    def desk(self) -> Any:
        """The desk that is open."""
        return self.dock.desk

    def open(self, path: Path, project: Path | None = None) -> None:
        """Open a plate and wait until it is looked through and its first field is drawn."""
        self.dock.open(path, project=project)
        wait(
            lambda: self.desk is not None and self.desk.viewing.open is not None and bool(self.desk.surveys),
            f"the first field of {path}",
        )
        self.idle()

    def idle(self, seconds: float = 0.3) -> None:
        """Wait until no job runs and the desk has been quiet for a while."""
        last = time.perf_counter()

        def quiet() -> bool:
            nonlocal last
            if self.desk.background.jobs:
                last = time.perf_counter()
            return time.perf_counter() - last > seconds

        wait(quiet, "the end of all jobs")

    def show(self, ref: FieldRef) -> None:
        """Open a field and wait until its cells are drawn."""
        dressed: list[FieldRef] = []
        self.dock.workplace.view.dressed.connect(dressed.append)
        self.desk.viewing.show(ref)
        wait(lambda: ref in dressed, f"{ref} with its cells")
        self.dock.workplace.view.dressed.disconnect(dressed.append)
        rest(0.5)

    def zoom(self, y: float, x: float, zoom: float) -> None:
        """Look at a point of the field, so many screen pixels per pixel of the field."""
        # made plates have no pixel size, so that pixels are the units of the camera
        self.viewer.scene.camera.center, self.viewer.scene.camera.zoom = (y, x), zoom
        rest(0.5)

    def click(self, y: float, x: float) -> float:
        """Press and release the left button on a point of the field; return when that began."""
        centre, zoom = self.viewer.scene.camera.center[-2:], self.viewer.scene.camera.zoom
        middle = self.native.rect().center()
        place = middle + QPoint(round((x - centre[1]) * zoom), round((y - centre[0]) * zoom))
        if not self.native.rect().contains(place):
            raise SystemExit(f"({y:.0f}, {x:.0f}) is not on the canvas")
        start = time.perf_counter()
        QTest.mouseClick(self.native, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
        return start

    def inside(self, y: float, x: float, margin: int = 20) -> bool:
        """Tell whether a point of the field is on the canvas."""
        centre, zoom, box = self.viewer.scene.camera.center[-2:], self.viewer.scene.camera.zoom, self.native.rect()
        return (
            abs((x - centre[1]) * zoom) < box.width() / 2 - margin
            and abs((y - centre[0]) * zoom) < box.height() / 2 - margin
        )

    def until_drawn(self, act: Callable[[], object]) -> tuple[float, float]:
        """Return the seconds from before something is done at once until it is drawn, and until it is shown."""
        return until_drawn(self.frames, act)

    def close(self) -> None:
        """Close dock and viewer."""
        self.dock.close_desk()
        self.viewer.close()
        rest(0.5)
