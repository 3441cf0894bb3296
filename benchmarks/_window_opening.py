"""How long it takes to open a large plate, and to click a well on its map."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from _bench import Row
from _window_gui import Window
from _window_qt import Painted, wait
from _window_rows import seen
from bench_open import FIELDS, WELLS, make_tiffs
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

FEW = 3


def measure(folder: Path) -> list[Row]:
    """Open a large plate, and click a well on its map."""
    plate = folder / "P1"
    make_tiffs(plate)
    taken = [_open_once(plate, folder / f"open{turn}.phenotyper") for turn in range(FEW + 1)][1:]
    first, whole = zip(*taken, strict=True)
    return [
        seen(f"open {WELLS} wells × {FIELDS} fields of TIFF files → first field and map drawn", first),
        seen("… → a well clicked on the map, its field drawn", whole, 1.5, known=3.8),
    ]


def _open_once(plate: Path, project: Path) -> tuple[float, float]:
    """Return the seconds until the first field and the map are drawn, and until those of a well that is clicked are."""
    window = Window()
    start = time.perf_counter()
    window.dock.open(plate, project=project)
    wait(lambda: window.dock.workplace is not None, "the plate")
    panel, opened = window.dock.workplace.plate.map, []
    painted = Painted(panel)

    def on_field(field: Any) -> None:
        opened.append(field.ref.well)
        window.frames.expect()

    window.desk.viewing.events.opened.connect(on_field)
    if window.desk.viewing.open is not None:  # read while the dock was being made: drawn once more, to be seen
        on_field(window.desk.viewing.open)
        window.native.update()
    panel.update()
    wait(lambda: bool(opened) and window.frames.seen() and painted.seen(), "the first field and the map")
    first = max(window.frames.at, painted.at) - start
    place = panel.rect_of("H12").center()
    QTest.mouseClick(panel, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    wait(lambda: opened[-1] == "H12" and window.frames.seen(), "the field of H12")
    whole = window.frames.at - start
    window.close()
    return first, whole
