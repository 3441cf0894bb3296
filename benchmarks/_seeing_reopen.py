"""Reopening a project of 100,000 cells: until field, classes and map are drawn, all as they stood before.

96 wells of 1,042 cells (see _window_plates), predicted by a kept model; the disk is warm, napari's window is there.
"""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from _bench import Row, row
from _window_gui import Window
from _window_plates import make_screen
from _window_qt import Painted, rest, wait

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session import learning
from napari_phenotyper.session.opened import opened, project_folder

WELLS, CELLS, ANNOTATIONS = 96, 1042, 300
REPEATS = 3
LEFT = FieldRef("KEPT", "D07", 1)


def measure(folder: Path) -> list[Row]:
    """Return the rows of reopening."""
    plate = folder / "KEPT"
    make_screen(plate, WELLS, CELLS, ANNOTATIONS)
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        learning.train(session, no_progress)
        learning.predict(session, plates, no_progress)
    _leave(plate)
    taken = [_reopen(plate) for _ in range(REPEATS + 1)][1:]
    field, usable = (statistics.median(times) for times in zip(*taken, strict=True))
    cells = f"a project of {WELLS * CELLS:,} cells, warm disk"
    return [
        row(f"reopen {cells}: the field that was open is drawn", field, None, "s"),
        row("… its cells wear the kept model, the map is coloured as it was: usable", usable, None, "s", 2.0),
    ]


def _leave(plate: Path) -> None:
    """Look at a field, colour the map, and close the window."""
    window = Window()
    window.open(project_folder(plate))
    window.show(LEFT)
    window.dock.workplace.plate.colour_by("share", "Mitotic")
    window.dock.show_tab(3)
    window.zoom(512, 512, 2.0)
    rest(1.5)
    window.close()


def _reopen(plate: Path) -> tuple[float, float]:
    """Return the seconds until the field is drawn, and until cells and map show what they showed."""
    window = Window()
    start = time.perf_counter()
    window.dock.open(project_folder(plate))
    wait(lambda: window.dock.workplace is not None, "the project")
    place, drawn = window.dock.workplace, []
    painted = Painted(place.plate.map)

    def dressed(ref: FieldRef) -> None:
        if ref == LEFT:
            window.frames.expect()
            drawn.append(ref)

    place.view.dressed.connect(dressed)
    window.frames.expect()  # a field that was read while the dock was being made is drawn once more, to be seen
    window.desk.viewing.events.opened.connect(lambda _: window.frames.expect())
    wait(lambda: window.desk.viewing.open is not None, "the field")
    window.native.update()
    wait(window.frames.seen, "the field on the canvas")
    field = window.frames.at - start

    def usable() -> bool:
        look = window.desk.marking.look()
        return bool(drawn) and look is not None and bool((look.predicted >= 0).any()) and window.frames.seen()

    wait(usable, "the cells in their classes")
    last = window.frames.at
    painted.expect()
    place.plate.map.update()
    wait(lambda: len(window.desk.predictions) == WELLS and painted.seen(), "the map")
    taken = max(last, painted.at) - start
    if window.desk.viewing.open.ref != LEFT or window.desk.live.model is not None:
        raise SystemExit("The window does not stand as it stood.")
    window.close()
    return field, taken
