"""A click until the open field and the whole plate wear the new model, beside scikit-learn on the GUI's thread."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from _bench import Row
from _window_gui import Window
from _window_peer import learn_here
from _window_plates import KINDS, Drawing, draw, make_screen
from _window_qt import Painted, rest, wait
from _window_rows import seen

WELLS, CELLS, ANNOTATIONS = 96, 1042, 300
REPEATS, FEW = 5, 3


@dataclass
class Taken:
    """Seconds from a click: until its colour, the open field and, where waited for, the plate and its map are drawn."""

    colour: float = 0.0
    visible: float = 0.0
    plate: float = 0.0


class Learner:
    """Clicks cells of the open field and follows what is learnt from each.

    Parameters
    ----------
    window
        With a screen open.
    drawing
        What the open field was drawn from.
    """

    def __init__(self, window: Window, drawing: Drawing) -> None:
        self._window, self._drawing = window, drawing
        self._map = Painted(window.dock.workplace.plate.map)
        self._title, self._learning, self._shown = "", False, False
        self._worn: set[Any] = set()
        standing = window.desk.marking.standing(window.desk.viewing.open.ref)
        known = {a.cell for a in standing}
        cells = [i for i in range(len(drawing.kinds)) if i + 1 not in known and window.inside(*drawing.centres[i])]
        self._cells = iter(np.random.default_rng(0).permutation(cells).tolist())
        window.desk.background.events.job.connect(self._on_job)
        window.desk.events.predictions.connect(self._on_predictions)

    def choose(self, classifier: str) -> None:
        """Take another classifier in the tab Train."""
        box = self._window.dock.workplace.train.chooser.names
        box.setCurrentIndex(box.findData(classifier))

    def click(self) -> float:
        """Click a cell and give it the class that it has; return when that began."""
        cell = next(self._cells)
        self._window.desk.marking.choose(KINDS[self._drawing.kinds[cell]])
        count = len(self._window.desk.session.annotations.active) + 1
        self._title, self._learning, self._shown = f"Learning from {count} cells", False, False
        self._worn = set()
        return self._window.click(*map(float, self._drawing.centres[cell]))

    def follow(self, whole: bool) -> Taken:
        """Click and wait until the open field wears what was learnt, or all fields and the map do."""
        frames, taken = self._window.frames, Taken()
        start = self.click()
        frames.expect()
        wait(frames.seen, "the colour of a click")
        taken.colour = frames.at - start
        wait(lambda: self._shown and frames.seen(), "the new model in the open field")
        taken.visible = frames.at - start
        if whole:
            wait(lambda: len(self._worn) == WELLS and self._map.seen(), "the new model on the whole plate")
            taken.plate = self._map.at - start
        return taken

    def settle(self) -> None:
        """Wait until learning is over, and the plate is being predicted."""

        def titles() -> list[str]:
            return [job.title for job in self._window.desk.background.jobs]

        wait(lambda: not any(t.startswith("Learning") for t in titles()), "the end of learning")
        rest(1.0)

    def _on_job(self, job: Any) -> None:
        self._learning = self._learning or (job.title == self._title and job.state == "running")

    def _on_predictions(self, refs: Any) -> None:
        if not self._learning:
            return
        if not self._shown and self._window.desk.viewing.open.ref in refs:
            self._shown = True
            self._window.frames.expect()
        complete = len(self._worn) == WELLS
        self._worn |= set(refs)
        if len(self._worn) == WELLS and not complete:
            self._map.expect()


def screen(folder: Path) -> tuple[Path, Drawing]:
    plate = folder / "SCREEN"
    if plate.exists():
        return plate, draw(1024, CELLS, 1)
    return make_screen(plate, WELLS, CELLS, ANNOTATIONS)


def learning_window(folder: Path) -> tuple[Window, Learner]:
    """Open the screen with its map coloured by a class, all cells predicted by an SVM."""
    plate, drawing = screen(folder)
    window = Window()
    window.open(plate)
    wait(lambda: len(window.desk.predictions) == WELLS, "the first predictions")
    window.idle(2.0)
    window.dock.workplace.plate.colour_by("share", "Mitotic")
    window.dock.show_tab(2)
    window.zoom(512, 512, 1.0)
    return window, Learner(window, drawing)


def measure(folder: Path) -> list[Row]:
    """Click and wait for the new model."""
    window, learner = learning_window(folder)
    svm = []
    for _ in range(REPEATS + 1):
        svm.append(learner.follow(whole=True))
        window.idle(2.0)  # the scores follow on the quiet
    peer = [learn_here(window.desk) for _ in range(FEW)]
    columns = len(window.desk.surveys["SCREEN"].columns)
    learner.choose("fastnet")
    learner.follow(whole=False)  # brings torch in
    busy, settled = [], []
    for _ in range(FEW):
        rest(2.0)
        busy.append(learner.follow(whole=False))
    for _ in range(FEW):
        learner.settle()
        settled.append(learner.follow(whole=False))
    window.close()
    data = f"{ANNOTATIONS} annotations × {columns} features"
    cells = f"{WELLS * CELLS:,} cells on {WELLS} wells"
    return [
        seen(f"click → open field wears the new svm, {data}", [t.visible for t in svm[1:]], 0.6, known=0.8),
        seen(f"click → {cells} and the map do (peer: fit and predict alone, on the GUI's thread)",
             [t.plate for t in svm[1:]], 2.0, peer, 12.9),
        seen("click → open field wears the new fastnet, clicked at its rest", [t.visible for t in settled], 3.0),
        seen("click → open field wears the new fastnet, clicked while it learns", [t.visible for t in busy]),
        seen("click → its colour, while fastnet learns", [t.colour for t in busy], 0.05),
    ]  # fmt: skip
