"""Follow docs/tutorial.md to the letter in the real window, take its pictures, and tell the numbers that it promises.

    python scripts/follow_tutorial.py FOLDER [--pictures docs/tutorial]

FOLDER gets what `phenotyper demo` makes. A test follows it, too, and holds the text to these numbers.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from napari_phenotyper.plugin import dock_of
from napari_phenotyper.session.sample import sample_plate
from napari_phenotyper.views.hints import ANNOTATE, PLATE
from napari_phenotyper.views.picture_file import save_picture
from napari_phenotyper.views.tour import Known, Tour, read_known

WELLS: Mapping[str, tuple[str, ...]] = {
    "Interphase": ("B06", "C06", "D04", "E06"),
    "Prometaphase": ("B03", "C04", "D03", "E02"),
    "Polylobed": ("C03", "D07", "E07", "B02"),
    "Apoptosis": ("B04", "C07", "D05", "E05"),
}
"""Where the tutorial sends the reader for cells of each class: the wells of the treatment that makes them."""
LATER = "Metaphase"
LATER_WELLS = ("B07", "C02", "D06", "E04")
EACH = 3
"""Cells of a class that are clicked in each of these wells."""
HALF = 32
"""Half the side of the pictures of single cells, in pixels."""


class Follower:
    """Does what the tutorial says.

    Parameters
    ----------
    tour
        Drives the window, and takes the pictures.
    known
        The cells of the plate and what they are: the reader's eye.
    """

    def __init__(self, tour: Tour, known: list[Known]) -> None:
        self.tour, self._known = tour, known
        self.facts: dict[str, Any] = {}

    def open_and_segment(self, plate: Path, project: Path) -> None:
        """Sections 1 to 3: open the sample plate, look around, find its cells."""
        tour = self.tour
        tour.open(plate, project)
        plate_map = tour.place.plate.map
        tour.hand.click_in(plate_map, plate_map.rect_of("C04").center())
        tour.hand.until(lambda: tour.desk.viewing.open.ref.well == "C04")
        tour.hand.wait(0.5)
        tour.shot("looked")
        tour.segment()
        (survey,) = tour.desk.surveys.values()
        self.facts["cells"] = sum(survey.cells.values())
        self.facts["fields"] = len(survey.measured)
        self._look_at("C04")
        tour.shot("segmented")

    def annotate(self) -> None:
        """Section 4: name four classes, give each to cells of four wells."""
        tour = self.tour
        tour.add_classes(list(WELLS))
        self.facts["clicked"] = sum(tour.label(self._cells(name, wells)) for name, wells in WELLS.items())
        tour.wait_for_predictions()
        tour.hand.tab(tour.place.tabs, ANNOTATE)
        self._look_at("C04")
        tour.shot("annotated")
        self.facts["predicted"] = tour.desk.predictions.class_counts()

    def look_at_the_plate(self) -> None:
        """Section 5: colour the map by the share of a class."""
        tour = self.tour
        tour.place.plate.colour_by("share", "Prometaphase")
        tour.hand.tab(tour.place.tabs, PLATE)
        tour.shot("shares")
        self.facts["shares"] = {well: round(v, 3) for well, v in tour.place.plate.map.face.values.items()}

    def test(self) -> None:
        """Section 6: find out how good it is."""
        self._scores("first")
        self.tour.shot("scores")

    def label_doubtful(self) -> None:
        """Section 7: the gallery, the doubtful cells first."""
        tour = self.tour
        tour.gallery()
        tour.shot("doubtful")
        tour.hand.press(tour.place.cells)

    def find_hits(self, name: str) -> None:
        """Section 8: one press, and a click on the first hit."""
        tour = self.tour
        hit = tour.hits()
        tour.shot(name)
        results = tour.place.results
        self.facts[name] = {"first": hit.well.well, "note": results.note.text(), "table": self._rows()}

    def open_the_odd_hit(self) -> None:
        """Section 9: the cells of B07, which are said to be in prometaphase."""
        tour, results = self.tour, self.tour.place.results
        box = results.form.column
        box.setCurrentIndex(box.findData("Prometaphase"))
        tour.hand.wait(0.5)
        rows = self._rows()
        self.facts["prometaphase"] = rows[:6]
        tour.hand.row(results.table, next(i for i, row in enumerate(rows) if row[0] == "B07"))
        tour.hand.until(lambda: tour.desk.viewing.open.ref.well == "B07" and not tour.desk.background.jobs)
        tour.hand.wait(1.0)
        tour.shot("odd")
        box.setCurrentIndex(0)

    def add_the_class_that_was_missing(self) -> None:
        """Section 9: the cells of a hit are of a class that nobody named; name it, and find hits again."""
        tour = self.tour
        tour.hand.press(tour.place.cells)
        tour.viewer.reset_view()
        tour.add_classes([LATER])
        self.facts["clicked later"] = tour.label(self._cells(LATER, LATER_WELLS))
        tour.wait_for_predictions()
        self._scores("second")
        self.find_hits("hits")

    def _look_at(self, well: str) -> None:
        """Click a well, see all of its field, and lay the mouse on its middle."""
        self.tour.hand.well(well)
        self.tour.viewer.reset_view()
        self.tour.hand.wait(0.3)
        self.tour.hand.point(256, 256)
        self.tour.hand.wait(0.5)

    def _scores(self, name: str) -> None:
        report = self.tour.scores()
        self.facts[f"{name} scores"] = {
            "n": report["n"],
            **{key: report[key] for key in ("accuracy", "balanced_accuracy", "warnings")},
            "recall": {key: one["recall"] for key, one in report["per_class"].items()},
        }

    def _rows(self) -> list[list[str]]:
        model = self.tour.place.results.model
        return [
            [str(model.index(row, c).data()) for c in range(model.columnCount())] for row in range(model.rowCount())
        ]

    def _cells(self, name: str, wells: tuple[str, ...]) -> list[Known]:
        """Return the first cells of a class in the first field of each well that lie well inside it."""
        found = []
        for well in wells:
            there = [k for k in self._known if (k.well, k.field, k.phenotype) == (well, 1, name)]
            found += [k for k in there if min(k.y, k.x, 511 - k.y, 511 - k.x) > 15][:EACH]
        return found


def draw_classes(plate: Path, known: list[Known], out: Path) -> None:
    """Draw eight cells of each class in a row, out of the wells that the tutorial names."""
    rows = []
    for name, wells in {**WELLS, LATER: LATER_WELLS}.items():
        cells = [k for well in wells for k in [c for c in known if (c.well, c.field, c.phenotype) == (well, 1, name)]]
        inside = [k for k in cells if min(k.y, k.x, 511 - k.y, 511 - k.x) > HALF]
        step = max(len(inside) // 8, 1)
        rows.append((name, [_crop(plate, k) for k in inside[::step][:8]]))
    figure = Figure(figsize=(9.4, 5.9), facecolor="white")
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(len(rows), 8)
    for line, (name, crops) in zip(axes, rows, strict=True):
        for axis, crop in zip(line, crops, strict=True):
            axis.imshow(crop, interpolation="bilinear")
            axis.set(xticks=[], yticks=[])
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11, labelpad=8)
    figure.subplots_adjust(left=0.14, right=0.995, top=0.99, bottom=0.01, wspace=0.05, hspace=0.05)
    canvas.draw()
    save_picture(np.asarray(canvas.buffer_rgba()), out)


def _crop(plate: Path, cell: Known) -> np.ndarray:
    """Return the surroundings of a cell, DNA in grey and tubulin in magenta, as the window shows them."""
    picture = np.zeros((2 * HALF, 2 * HALF, 3))
    for channel, colour in (("DNA", (1, 1, 1)), ("tubulin", (1, 0, 1))):
        image = tifffile.imread(plate / f"SIMULATED_{cell.well}_s{cell.field}_{channel}.tif").astype(float)
        y, x = round(cell.y), round(cell.x)
        low, high = np.percentile(image, (2, 99.7))
        part = np.clip((image[y - HALF : y + HALF, x - HALF : x + HALF] - low) / (high - low), 0, 1) ** 0.8
        picture += (0.9 if channel == "DNA" else 0.6) * part[..., None] * np.array(colour)
    return np.clip(picture, 0, 1)


def follow(viewer: Any, folder: Path, pictures: Path | None = None) -> dict[str, Any]:
    """Follow the whole tutorial in a viewer and return the numbers that the reader sees."""
    plate = sample_plate(folder / "SIMULATED")
    known = read_known(plate / "truth.csv")
    if pictures is not None:
        draw_classes(plate, known, pictures / "classes.jpg")
    tour = Tour(viewer, dock_of(viewer), pictures)
    follower = Follower(tour, known)
    follower.open_and_segment(plate, folder / "SIMULATED.phenotyper")
    follower.annotate()
    follower.look_at_the_plate()
    follower.test()
    follower.label_doubtful()
    follower.find_hits("first_hits")
    follower.open_the_odd_hit()
    follower.add_the_class_that_was_missing()
    return follower.facts


def main() -> None:
    """Follow it, and print what was seen."""
    import napari

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="Where the sample plate and its project go.")
    parser.add_argument("--pictures", type=Path, help="Where pictures go; none are taken if it is not given.")
    given = parser.parse_args()
    viewer = napari.Viewer(title="Phenotyper", show=False)
    viewer.show()
    viewer.window.resize(1400, 900)
    try:
        print(json.dumps(follow(viewer, given.folder, given.pictures), indent=1, default=str))
    finally:
        viewer.close()


if __name__ == "__main__":
    main()
