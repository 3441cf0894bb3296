"""A tour of the window, driven by mouse and keyboard: from a plate that nothing was done to until its model is kept.

It is what the journey's test walks, and it takes the pictures of the documentation and of the demo's report.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QPushButton, QWidget

from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import normal_well
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.opened import project_folder
from napari_phenotyper.session.opening import whole_path
from napari_phenotyper.views.cell_grid import CellGrid
from napari_phenotyper.views.dock import PhenotyperDock
from napari_phenotyper.views.hand import CTRL, SHIFT, Hand
from napari_phenotyper.views.hints import ANNOTATE, RESULTS, SEGMENT, TRAIN
from napari_phenotyper.views.picture_file import save_picture
from napari_phenotyper.views.workplace import Workplace


@dataclass(frozen=True)
class Known:
    """A cell whose class is known: well, field, place in pixels."""

    well: str
    field: int
    y: float
    x: float
    phenotype: str


def read_known(path: Path) -> list[Known]:
    """Read cells from a CSV file with columns well, field, y, x, phenotype."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return [Known(normal_well(r["well"]), int(r["field"]), float(r["y"]), float(r["x"]), r["phenotype"]) for r in rows]


class Tour:
    """The stations of the way, each a method.

    Parameters
    ----------
    viewer, dock
        The window.
    out
        Where pictures go; None takes none.
    """

    def __init__(self, viewer: Any, dock: PhenotyperDock, out: Path | None = None) -> None:
        self.viewer, self.dock, self.hand, self._out = viewer, dock, Hand(viewer, dock), out

    @property
    def place(self) -> Workplace:
        """What the dock shows."""
        assert self.dock.workplace is not None
        return self.dock.workplace

    @property
    def desk(self) -> Desk:
        """What stands behind it."""
        return self.place.desk

    def open(self, plate: Path, project: Path | None = None, picture: str = "opened") -> None:
        """Open a plate, wait for its first field and take a picture, unless it has no name."""
        self.dock.open(plate, "", project)
        folder = whole_path(project or project_folder(plate))
        self.hand.until(lambda: self.dock.desk is not None and whole_path(self.desk.session.folder) == folder)
        self.hand.until(lambda: self.desk.viewing.open is not None and len(self.desk.surveys) > 0)
        self.hand.wait(0.5)
        if picture:
            self.shot(picture)

    def segment(self) -> None:
        """Segment and measure the plate."""
        self.hand.tab(self.place.tabs, SEGMENT)
        self.hand.press(self.place.segment.run)
        total = sum(len(well.sources) for well in self.desk.viewing.plate.wells)
        self.hand.until(lambda: any(len(s.cells) > total / 5 for s in self.desk.surveys.values()), 300)
        self.shot("segmenting")
        self.hand.until(lambda: self.measured == total, 600)
        self.hand.until(lambda: not self.desk.background.jobs)

    @property
    def measured(self) -> int:
        """How many fields are measured."""
        return sum(len(survey.measured) for survey in self.desk.surveys.values())

    def add_classes(self, names: Sequence[str]) -> None:
        """Type the names of classes."""
        self.hand.tab(self.place.tabs, ANNOTATE)
        for name in names:
            self.hand.write(self.place.annotate.table.line, name)

    def label(self, cells: Sequence[Known]) -> int:
        """Annotate cells, every other by a click and by its class's key; return how many were hit."""
        before = len(self.desk.session.annotations)
        for number, (place, group) in enumerate(_by_field(cells)):
            self._show(*place)
            for i, cell in enumerate(group):
                key = Qt.Key(Qt.Key.Key_0 + int(self._key(cell.phenotype)))
                if (number + i) % 2:
                    self.desk.marking.choose(cell.phenotype)
                    self.hand.click(cell.y, cell.x)
                else:
                    self.hand.point(cell.y, cell.x)
                    self.hand.key(key)
        return len(self.desk.session.annotations) - before

    def wait_for_predictions(self) -> None:
        """Wait until every measured field wears the model of all annotations."""
        self.hand.until(lambda: not self.desk.background.jobs and len(self.desk.predictions) == self.measured, 120)
        self.hand.wait(0.3)

    def gallery(self) -> None:
        """Open the gallery, the doubtful cells first, and wait for the pictures in sight."""
        self.hand.press(self.place.cells)
        self.hand.until(lambda: self.place.gallery.is_open and self.desk.gallery.groups)
        self._see_gallery()

    def gallery_of(self, name: str) -> None:
        """Choose the cells that are predicted to be of a class, the surest first, and select four."""
        bar, before = self.place.gallery.view.bar, self.desk.gallery.groups
        bar.orders.choose("probability:")
        bar.classes.setCurrentIndex(bar.classes.findData(f"class:{name}"))
        bar.classes.activated.emit(bar.classes.currentIndex())
        self.hand.until(lambda: self.desk.gallery.groups is not before)
        self._see_gallery()
        self.hand.click_in(self.grid.viewport(), self.grid.rect_of(2).center())
        self.hand.click_in(self.grid.viewport(), self.grid.rect_of(5).center(), SHIFT)
        self.hand.until(lambda: not self.desk.background.jobs)
        self.shot("gallery")

    def _see_gallery(self) -> None:
        """Wait for the pictures in sight."""
        rows, grid = self.desk.gallery.groups[0].rows, self.grid
        seen = self.desk.gallery.thumbnails
        self.hand.until(lambda: all(seen.get(rows.cell(row)) is not None for row in grid.in_sight()))
        self.hand.wait(0.3)

    def label_in_gallery(self, name: str, count: int) -> int:
        """Select the first cells of the gallery and press the key of a class; return how many have it then."""
        rows, grid = self.desk.gallery.groups[0].rows, self.grid
        self.hand.click_in(grid.viewport(), grid.rect_of(0).center())
        self.hand.click_in(grid.viewport(), grid.rect_of(count - 1).center(), SHIFT)
        QTest.keyClicks(grid, self._key(name))
        self.hand.until(lambda: not self.desk.gallery.picking.waiting)
        return sum(self.desk.gallery.face(rows.cell(row)).annotated == name for row in range(count))

    def confused(self) -> tuple[int, int]:
        """Click the fullest entry of the confusion matrix; return its number and the cells that the gallery shows."""
        matrix, counts = self.place.train.scores.matrix, (self.desk.scores or {})["confusion"]
        count, row, column = max((n, i, j) for i, line in enumerate(counts) for j, n in enumerate(line))
        before = self.desk.gallery.groups
        self.hand.click_in(matrix, matrix.rect_of(row, column).center().toPoint())
        self.hand.until(lambda: self.desk.gallery.groups is not before)
        return count, len(self.desk.gallery.groups[0].rows)

    @property
    def grid(self) -> CellGrid:
        """The gallery's first group."""
        assert self.place.gallery.view is not None
        return self.place.gallery.view.halves[0].grid

    def undo(self, times: int) -> None:
        """Press Ctrl+Z so often."""
        for _ in range(times):
            self.hand.key(Qt.Key.Key_Z, CTRL)

    def redo(self, times: int) -> None:
        """Press Ctrl+Shift+Z so often."""
        for _ in range(times):
            self.hand.key(Qt.Key.Key_Z, CTRL | SHIFT)

    def accept(self, count: int) -> int:
        """Accept predictions in the open field by pressing A over cells; return how many were accepted."""
        look, masks = self.desk.marking.look(), self.desk.viewing.open.masks.labels["nuclei"]
        before = len(self.desk.session.annotations)
        todo = [int(c) for c in (look.predicted >= 0).nonzero()[0] if look.annotated[c] < 0]
        for cell in todo[:count]:
            rows, columns = (masks == cell).nonzero()
            self.hand.point(float(rows[len(rows) // 2]), float(columns[len(columns) // 2]))
            self.hand.key(Qt.Key.Key_A)
        return len(self.desk.session.annotations) - before

    def cancel_a_job(self) -> str:
        """Begin to test the slowest classifier and press Cancel; return how the job ended."""
        self.hand.tab(self.place.tabs, TRAIN)
        box = self.place.train.chooser.names
        chosen = box.currentIndex()
        self.place.train.live.setChecked(False)
        box.setCurrentIndex(box.findData("fastnet"))
        self.hand.press(self.place.train.test)
        self.hand.until(lambda: self._cancel_button("Testing") is not None)
        job = next(job for job in self.desk.background.jobs if job.title.startswith("Testing"))
        self.hand.press(self._cancel_button("Testing"))
        self.hand.until(lambda: job.over)
        box.setCurrentIndex(chosen)
        self.place.train.live.setChecked(True)
        return job.state

    def scores(self) -> dict[str, Any]:
        """Test the classifier that is chosen, and return its scores."""
        self.hand.tab(self.place.tabs, TRAIN)
        self.hand.press(self.place.train.test)
        self.hand.until(lambda: self.desk.scores is not None and not self.desk.stale, 120)
        self.hand.wait(0.3)
        return dict(self.desk.scores or {})

    def keep(self) -> str:
        """Keep the model and return its id."""
        self.hand.tab(self.place.tabs, TRAIN)
        self.hand.press(self.place.train.keep)
        self.hand.until(lambda: self.desk.session.project.models.ids() and not self.desk.background.jobs, 120)
        return self.desk.session.project.models.ids()[0]

    def hits(self) -> Hit:
        """Find hits, click the first one, and return it once its field and its cells are shown."""
        self.find_hits()
        return self.open_hit(0)

    def find_hits(self) -> None:
        """Find hits with what the form says."""
        self.hand.tab(self.place.tabs, RESULTS)
        self.hand.press(self.place.results.form.find)
        self.hand.until(lambda: self.place.results.model.rowCount() and not self.desk.background.jobs, 120)
        self.hand.wait(0.3)

    def open_hit(self, row: int) -> Hit:
        """Click a hit and return it once its field and its cells are shown."""
        results = self.place.results
        self.hand.tab(self.place.tabs, RESULTS)
        hit = results.model.hit(row)
        self.hand.row(results.table, row)
        self.hand.until(lambda: self.desk.viewing.open.ref.well_ref == hit.well and len(self.desk.gallery.groups) == 2)
        self.hand.until(lambda: not self.desk.background.jobs)
        self.hand.wait(0.5)
        return hit

    def close(self) -> None:
        """Close the window once nothing runs in it any more; may be called twice."""
        if hasattr(self.viewer.window, "_qt_window"):
            self.hand.until(lambda: self.dock.desk is None or not self.desk.background.jobs, 240)
            self.viewer.close()
            self.hand.wait(0.5)

    def shot(self, name: str) -> None:
        """Take a picture of the whole window."""
        if self._out is not None:
            self.hand.wait(0.2)
            save_picture(self.viewer.screenshot(canvas_only=False, flash=False), self._out / f"{name}.jpg")

    def shot_of(self, dialog: QWidget, name: str) -> None:
        """Take a picture of a dialog."""
        if self._out is not None:
            self.hand.wait(0.2)
            dialog.grab().save(str(self._out / f"{name}.jpg"), "JPEG", 85)

    def _show(self, well: str, number: int) -> None:
        while self.desk.viewing.open.ref[1:] != (well, number):
            self.hand.well(well)

    def _key(self, name: str) -> str:
        return next(p.key for p in self.desk.session.annotations.phenotypes if p.name == name)

    def _cancel_button(self, title: str) -> QPushButton | None:
        """Return the button that cancels the job whose title begins so."""
        buttons = self.place.jobs.findChildren(QPushButton)
        return next((b for b in buttons if b.toolTip().startswith(f"Cancel: {title}") and b.isVisible()), None)


def choose(known: Sequence[Known], classes: int = 4, each: int = 15, a_field: int = 4) -> list[Known]:
    """Return cells of the commonest classes, so many of each, a few from a field, from as many wells as there are."""
    names = [name for name, _ in Counter(k.phenotype for k in known).most_common(classes)]
    chosen: list[Known] = []
    taken: Counter[str] = Counter()
    fields: Counter[tuple[str, int]] = Counter()
    for cell in sorted(known, key=lambda k: (k.field, k.well)):
        place = cell.well, cell.field
        if cell.phenotype in names and taken[cell.phenotype] < each and fields[place] < a_field:
            chosen.append(cell)
            taken[cell.phenotype] += 1
            fields[place] += 1
    return chosen


def _by_field(cells: Sequence[Known]) -> Iterator[tuple[tuple[str, int], list[Known]]]:
    found: dict[tuple[str, int], list[Known]] = defaultdict(list)
    for cell in cells:
        found[cell.well, cell.field].append(cell)
    yield from found.items()
