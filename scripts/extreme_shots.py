"""Pictures of the real window where it has least room or most to show; look at them before you commit them.

    python scripts/extreme_shots.py [OUT] [CASE …]        or:        make extremes

Each case is a window of its own, in a process of its own, on a virtual screen of its own where there is xvfb-run.
"""

from __future__ import annotations

import csv
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from scipy import ndimage

OUT = Path("docs/window/extremes")
PATIENCE = 5.0
"""Pictures are taken on machines that do other work, too."""
DONE = 24
"""Wells that are segmented and measured, all over the plate: of a large plate not all, as in the midst of its job."""
_LONG = "Multinucleated cells with micronuclei and fragmented chromatin after prolonged mitotic arrest"
NAMES = (
    "Interphase", "Mitotic", "Анафаза", "Метафаза", "Апоптоз", "有丝分裂前期", "细胞凋亡", "انقسام متساوي",
    "موت الخلية",
    "中期", "कोशिका विभाजन", "핵분열", "תא מת", "Μεσόφαση", "🧬 chromatin", "💀 dead", "naïve/é<b>&amp;</b>",
    _LONG, _LONG + ", third reader",
)  # fmt: skip
"""Names in many scripts, names that look like HTML, and names that differ only at their end."""


@dataclass(frozen=True)
class Case:
    """A window: wells of the plate, fields of a well, classes, the screen in pixels, and how much larger Qt draws."""

    wells: tuple[str, ...]
    fields: int = 2
    classes: int = 2
    size: int = 240
    screen: tuple[int, int] = (1400, 900)
    scale: str = "1"

    @property
    def done(self) -> tuple[str, ...]:
        """The wells that are segmented and measured."""
        return self.wells[:: max(len(self.wells) // DONE, 1)][:DONE]


def _block(rows: Sequence[str], columns: Sequence[int]) -> tuple[str, ...]:
    return tuple(f"{row}{column:02d}" for row in rows for column in columns)


_ROWS = [chr(65 + i) for i in range(26)] + [f"A{chr(65 + i)}" for i in range(6)]
_FEW = _block("BC", (2, 3, 4))
CASES = {
    "1536-wells": Case(_block(_ROWS, range(1, 49)), fields=1, size=72),
    "1-well": Case(("C05",)),
    "no-outer-wells": Case(_block("BCDEFG", range(2, 12)), fields=1, size=120),
    "70-classes": Case(_FEW, classes=70),
    "800x600": Case(_FEW, screen=(800, 600)),
    "200-percent": Case(_FEW, screen=(2560, 1600), scale="2"),
}


def class_names(count: int) -> list[str]:
    """Return so many names."""
    return [NAMES[i] if i < len(NAMES) else f"Phenotype {i + 1}" for i in range(count)]


def make_plate(folder: Path, case: Case) -> Path:
    """Write TIFFs, layout.csv and truth.csv of two kinds of nuclei, which the classes share by turns."""
    rng, names = np.random.default_rng(0), class_names(case.classes)
    folder.mkdir(parents=True)
    rows: list[tuple[object, ...]] = []
    done = set(case.done)
    for number, well in enumerate(case.wells):
        for field in range(1, case.fields + 1):
            image, nuclei = _field(rng, case.size, 0.2 + 0.6 * number / len(case.wells))
            tifffile.imwrite(folder / f"P1_{well}_s{field}_w1.tif", image)
            if well in done:
                rows += [(well, field, y, x, names[(len(rows) + i) // 2 % (case.classes // 2) * 2 + is_small])
                         for i, (y, x, is_small) in enumerate(nuclei)]  # fmt: skip
    _write(folder / "truth.csv", ("well", "field", "y", "x", "phenotype"), rows)
    half = max(len(case.wells) // 2, 1)
    layout = [(w, "DMSO" if i < half else f"compound {i % 16}", "negative" if i < half else "sample")
              for i, w in enumerate(case.wells)]  # fmt: skip
    _write(folder / "layout.csv", ("well", "treatment", "role"), layout)
    return folder


def _field(rng: np.random.Generator, size: int, share: float) -> tuple[Any, list[tuple[int, int, int]]]:
    """Return pixels, and y, x and whether it is a small bright one of each nucleus."""
    image, (down, across), nuclei = np.full((size, size), 200.0), np.mgrid[:size, :size], []
    for row in range(24, size - 15, 45):
        for column in range(24, size - 15, 45):
            y, x, is_small = row + int(rng.integers(-4, 5)), column + int(rng.integers(-4, 5)), rng.random() < share
            radius, level = (rng.uniform(6, 7.5), 6000) if is_small else (rng.uniform(9.5, 12), 2500)
            image += ((down - y) ** 2 + (across - x) ** 2 < radius**2) * level * rng.uniform(0.8, 1.2)
            nuclei.append((y, x, int(is_small)))
    return rng.poisson(np.clip(ndimage.gaussian_filter(image, 1.2), 0, 60000)).astype(np.uint16), nuclei


def _write(path: Path, heads: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([heads, *rows])


def prepare(plate: Path, wells: Sequence[str]) -> None:
    """Segment, measure and annotate a plate, as the commands would."""
    from napari_phenotyper.core.progress import no_progress
    from napari_phenotyper.session import label_files, measuring, segmenting
    from napari_phenotyper.session.layouts import set_layout
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        segmenting.segment(session, plates, no_progress, wells=wells)
        measuring.measure(session, plates, no_progress, wells=wells)
        set_layout(session, plates, plate / "layout.csv")
        label_files.import_annotations(session, plates, plate / "truth.csv", no_progress)


def photograph(name: str, case: Case, plate: Path, out: Path) -> None:
    """Open a window on a plate, show the gallery and each tab of the way, and take pictures."""
    import napari
    from qtpy.QtWidgets import QApplication

    from napari_phenotyper.plugin import dock_of
    from napari_phenotyper.views.hints import ANNOTATE, PLATE, RESULTS, SEGMENT, TRAIN
    from napari_phenotyper.views.tour import Tour

    viewer = napari.Viewer(title="Phenotyper", show=False)
    viewer.show()
    screen = QApplication.primaryScreen()
    area = screen.availableGeometry()
    viewer.window.resize(area.width(), area.height())
    viewer.window._qt_window.move(0, 0)
    tour = Tour(viewer, dock_of(viewer))
    tour.hand.patience = PATIENCE

    def shot(what: str) -> None:
        tour.hand.wait(0.5)
        picture = screen.grabWindow(0)  # what is cut off by the edge of the screen is cut off here, too
        picture.save(str(out / f"{name}-{what}.png"))

    try:
        tour.open(plate)
        tour.wait_for_predictions()
        names = sorted(tour.desk.predictions.class_counts())
        for tab, what in ((PLATE, "plate"), (SEGMENT, "segment"), (ANNOTATE, "annotate"), (TRAIN, "train")):
            tour.hand.tab(tour.place.tabs, tab)
            if tab == ANNOTATE and names:
                tour.place.plate.colour_by("share", names[0])
            shot(what)
        tour.gallery()
        shot("gallery")
        tour.hand.tab(tour.place.tabs, RESULTS)
        if tour.desk.results.obstacle is None and len(case.wells) > 1:
            tour.hits()
        shot("results")
        size, place = viewer.window._qt_window.frameGeometry(), area
        if size.width() > place.width() or size.height() > place.height():
            sys.stdout.write(f"{name}: the window is {size.width()} × {size.height()}, ")
            sys.stdout.write(f"the screen {place.width()} × {place.height()}\n")
    finally:
        viewer.close()


def main() -> None:
    """Take the pictures of all cases, or of those that are named."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--here"]:
        name, plate, out = arguments[1:]
        photograph(name, CASES[name], Path(plate), Path(out))
        return
    out = Path(arguments[0]) if arguments else OUT
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in arguments[1:] or CASES:
            case = CASES[name]
            plate = make_plate(Path(folder) / name / "P1", case)
            prepare(plate, case.done)
            command = [*_screen(case), sys.executable, __file__, "--here", name, str(plate), str(out.resolve())]
            environment = {"QT_API": "pyqt6", **os.environ, "QT_SCALE_FACTOR": case.scale}
            subprocess.run(command, check=True, env=environment)


def _screen(case: Case) -> list[str]:
    """Return what puts a command on a screen of its own; nothing where there is no xvfb, as on a Mac."""
    if shutil.which("xvfb-run") is None:
        return []
    width, height = case.screen
    return ["xvfb-run", "-a", "-s", f"-screen 0 {width}x{height}x24 +extension GLX"]


if __name__ == "__main__":
    main()
