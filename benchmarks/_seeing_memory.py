"""Whether memory stays flat over an hour's script of opening, labelling, training and closing.

PHENOTYPER_MINUTES shortens the hour. Memory is the resident set of the window's process after each round, when its
project is closed; the first rounds are not counted: in them libraries are loaded and caches filled.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Mapping
from pathlib import Path

from _bench import Row, row
from _window_gui import Window
from _window_plates import KINDS, Drawing, draw, make_fields
from _window_qt import rest, wait

from napari_phenotyper.core.wells import FieldRef

MINUTES, CELLS, WELLS, CLICKS = 60.0, 400, ("B02", "B03", "C02", "C03"), 24
WARM, ANEW, KEEP = 4, 6, 5
"""Rounds that are not counted; every so many rounds the window itself is closed and opened, and a model is kept."""


def measure(folder: Path) -> list[Row]:
    """Return by how much memory grew from the first rounds that count to the last ones."""
    drawings = {well: draw(512, CELLS, seed) for seed, well in enumerate(WELLS)}
    plates = [make_fields(folder / name, drawings) for name in ("FLAT1", "FLAT2")]
    minutes = float(os.environ.get("PHENOTYPER_MINUTES", MINUTES))
    end, held, window = time.monotonic() + 60 * minutes, list[float](), Window()
    while time.monotonic() < end or len(held) < WARM + 3:
        if len(held) % ANEW == ANEW - 1:
            window.close()
            window = Window()
        _round(window, plates[len(held) % 2], drawings, len(held))
        held.append(_resident())
        print(f"round {len(held)}: {held[-1]:.0f} MB, {len(gc.get_objects()):,} objects", flush=True)
    window.close()
    counted = held[WARM:]
    share = max(len(counted) // 4, 1)
    first, last = (sorted(part)[len(part) // 2] for part in (counted[:share], counted[-share:]))
    what = f"memory after {minutes:g} min, {len(held)} rounds of opening, labelling, training, closing"
    return [
        row(f"{what}: grown from {first:.0f} to {last:.0f} MB by", 100 * (last / first - 1), None, "%", 10.0),
    ]


def _round(window: Window, plate: Path, drawings: Mapping[str, Drawing], number: int) -> None:
    """Open a plate in place of the one before, label cells of every well, let it learn, look at the gallery, keep."""
    before = window.desk
    window.dock.open(plate)
    wait(lambda: window.desk is not None and window.desk is not before and window.desk.surveys, "the plate")
    desk = window.desk
    if not desk.surveys[plate.name].measured:
        desk.segment()
    window.idle(0.5)
    for well, drawing in drawings.items():
        window.show(FieldRef(plate.name, well, 1))
        for i in range(CLICKS):
            cell = (i * 7 + number * 13) % len(drawing.kinds)
            name = KINDS[drawing.kinds[cell]]
            if name not in desk.session.annotations.classes:
                desk.marking.add(name)
            desk.marking.click(*map(float, drawing.centres[cell]), name)
            rest(0.02)
    wait(lambda: desk.live.model is not None, "a live model")
    window.dock.workplace.show_gallery()
    window.idle(0.5)
    window.dock.workplace.show_gallery()
    for _ in range(60):  # the journal grows with every event: less than a label a round
        desk.marking.undo()
    if number % KEEP == 0:
        desk.keep()
    window.idle(0.5)
    gc.collect()


def _resident() -> float:
    """Return the resident set of this process in MB."""
    try:
        import psutil  # napari brings it
    except ImportError:
        raise SystemExit("psutil is not installed: memory cannot be measured.") from None
    return float(psutil.Process().memory_info().rss) / 1e6
