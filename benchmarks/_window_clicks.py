"""A click until its colour is drawn, and 100,000 cells coloured anew, beside napari's own colour per cell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from _bench import Row
from _window_gui import Window
from _window_peer import DirectColours
from _window_plates import KINDS, Drawing, draw, make_fields
from _window_rows import Times, frames

from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.wells import FieldRef

FIELDS = {"A01": (2048, 1500), "A02": (8192, 100_000)}
CLICKS, REPEATS, FEW = 20, 5, 3


def measure(folder: Path) -> list[Row]:
    """Click cells of a small and of a large field, and colour all cells of the large one anew."""
    drawings = {well: draw(size, count) for well, (size, count) in FIELDS.items()}
    plate = make_fields(folder / "FIELDS", drawings)
    ours: dict[str, Times] = {}
    window = Window()
    window.open(plate)
    window.dock.show_tab(2)
    for name in KINDS:
        window.desk.marking.add(name)
    for well in FIELDS:
        ours[well] = _clicks(window, well, drawings[well])
    ours["all"] = _recolours(window, "A02")
    ours["frame"] = [window.until_drawn(window.native.update) for _ in range(CLICKS)]
    window.close()
    theirs: dict[str, Times] = {}
    for well, drawing in drawings.items():
        peer = DirectColours(drawing.image, drawing.labels)
        theirs[well] = [peer.click() for _ in range(REPEATS)]
        theirs["all"] = [peer.recolour() for _ in range(FEW)]
        peer.close()
    return [
        frames("a frame in which nothing changes", ours["frame"]),
        frames("click → its colour, 2048², 1,500 cells", ours["A01"], 0.05, theirs["A01"], 0.075),
        frames("click → its colour, 8192², 100,000 cells", ours["A02"], 0.05, theirs["A02"], 1.3),
        frames("recolour 100,000 cells, 8192²", ours["all"], 0.15, theirs["all"], 1.9),
    ]


def _clicks(window: Window, well: str, drawing: Drawing) -> Times:
    """Click cells that wear predictions and give each a class that they do not have."""
    ref = _show(window, well)
    _put(window, ref, drawing.labels.max(), seed=0)
    window.zoom(*drawing.centres[len(drawing.centres) // 2 + 19], 1.0)
    seen = [tuple(map(float, centre)) for centre in drawing.centres if window.inside(*centre)]
    seconds = []
    for turn, (y, x) in enumerate(seen[:: len(seen) // (CLICKS + 1)][: CLICKS + 1]):
        window.idle(0.4)
        before = len(window.desk.session.annotations.active)
        taken = window.until_drawn(lambda y=y, x=x: window.click(y, x))
        if len(window.desk.session.annotations.active) != before + 1:
            raise SystemExit(f"the click at ({y:.0f}, {x:.0f}) of {ref} hit no new cell")
        if turn:  # the first brings code and textures in
            seconds.append(taken)
    return seconds


def _recolours(window: Window, well: str) -> Times:
    ref = _show(window, well)
    window.viewer.reset_view()
    count = window.desk.viewing.open.most
    predictions = [_prediction(ref, count, seed) for seed in range(REPEATS + 1)]
    _put(window, ref, count, seed=99)
    seconds = []
    for prediction in predictions:
        window.idle()
        refs = window.desk.predictions.put([prediction])
        seconds.append(window.until_drawn(lambda refs=refs: window.desk.events.predictions.emit(refs)))
    return seconds[1:]


def _show(window: Window, well: str) -> FieldRef:
    ref = FieldRef(window.desk.viewing.plate.name, well, 1)
    window.show(ref)
    return ref


def _put(window: Window, ref: FieldRef, count: int, seed: int) -> None:
    window.desk.events.predictions.emit(window.desk.predictions.put([_prediction(ref, count, seed)]))
    window.idle()


def _prediction(ref: FieldRef, count: int, seed: int) -> Prediction:
    found = np.random.default_rng(seed).dirichlet(np.full(len(KINDS), 0.3), count).astype(np.float32)
    return Prediction(ref, np.arange(1, count + 1, dtype=np.int32), found, KINDS, "made")
