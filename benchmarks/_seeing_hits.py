"""A click on a hit in the real window: how soon its field and its cells, beside those of the controls, are painted.

A made plate (`_window_plates.py`): 24 wells of one field of 1024² with 600 cells, half of them controls; its files were
written just before, so that the disk is warm, but the cells of each hit are read the first time.
"""

from __future__ import annotations

import csv
import time
from pathlib import Path

import numpy as np
from _bench import Row, row

WELLS, CELLS, ANNOTATIONS, CLICKS = 24, 600, 240, 6


def measure(folder: Path) -> list[Row]:
    """Return the median and the slowest of some first clicks, each on another hit."""
    from _window_gui import Window
    from _window_plates import make_screen
    from _window_qt import wait

    from napari_phenotyper.views.hints import RESULTS

    plate, _ = make_screen(folder / "HITS", WELLS, CELLS, ANNOTATIONS)
    _write_layout(plate)
    window = Window()
    window.open(plate)
    place = window.dock.workplace
    wait(lambda: len(window.desk.predictions) == WELLS, "predictions")
    place.tabs.setCurrentIndex(RESULTS)
    place.find_hits()
    wait(lambda: place.results.model.rowCount() > CLICKS and not window.desk.background.jobs, "hits")
    wells = [place.results.model.hit(i).well for i in range(place.results.model.rowCount())]
    first = [wells.index(well) for well in dict.fromkeys(wells)][: CLICKS + 1]
    times = [_click(window, number) for number in first][1:]  # the first one opens the gallery's dock, too
    window.close()
    return [
        row(f"hit click until all is painted, median of {len(times)}", np.median(times), None, "ms", 500.0),
        row("… the slowest", max(times), None, "ms", 500.0),
    ]  # fmt: skip


def _click(window: object, number: int) -> float:
    """Click a row of the hits and return the ms until all that is in sight is painted."""
    from _window_qt import wait
    from qtpy.QtCore import Qt
    from qtpy.QtTest import QTest

    place, desk = window.dock.workplace, window.desk  # type: ignore[attr-defined]
    table, well, dressed = place.results.table, place.results.model.hit(number).well, []
    index = table.model().index(number, 0)
    table.scrollTo(index)
    window.idle()  # type: ignore[attr-defined]
    before = desk.gallery.groups
    place.view.dressed.connect(dressed.append)

    def is_shown() -> bool:
        view, groups = place.gallery.view, desk.gallery.groups
        if view is None or groups is before or not any(ref.well_ref == well for ref in dressed):
            return False
        seen = desk.gallery.thumbnails
        return all(
            seen.get(group.rows.cell(i)) is not None
            for group, half in zip(groups, view.halves, strict=False)
            for i in half.grid.in_sight()
        )

    began = time.perf_counter()
    QTest.mouseClick(table.viewport(), Qt.MouseButton.LeftButton, pos=table.visualRect(index).center())
    wait(is_shown, f"hit {number}")
    for half in place.gallery.view.halves:
        half.grid.viewport().repaint()
    taken = 1000 * (time.perf_counter() - began)
    place.view.dressed.disconnect(dressed.append)
    return taken


def _write_layout(plate: Path) -> None:
    """Make controls of every other well."""
    from napari_phenotyper.session.layouts import set_layout
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(plate)) as session:
        plates = session.all_plates()
        names = [well.name for well in plates[0].wells]
        with (plate / "layout.csv").open("w", newline="") as file:
            kinds = [(n, *(("DMSO", "negative") if i % 2 else ("X", "sample"))) for i, n in enumerate(names)]
            csv.writer(file).writerows([("well", "treatment", "role"), *kinds])
        set_layout(session, plates, plate / "layout.csv")
