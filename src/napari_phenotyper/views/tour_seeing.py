"""The second half of the tour: ways to look, judge and come back, on a plate whose classes are learnt; and the walk.

Each station is a function of a tour.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import Qt

from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.pages.hit_figures import WELLS
from napari_phenotyper.views.figures_dialog import FiguresDialog
from napari_phenotyper.views.hand import SHIFT
from napari_phenotyper.views.hints import ANNOTATE, PLATE, TRAIN
from napari_phenotyper.views.tour import Tour, choose, read_known


def doubtful_cells(tour: Tour) -> list[float]:
    """Open the gallery, the doubtful cells first; return how sure the classifier is of those in sight."""
    tour.gallery()
    group = tour.desk.gallery.groups[0]
    tour.shot("doubtful")
    return [float(group.rows.probability[row]) for row in tour.grid.in_sight()]


def cell_in_its_field(tour: Tour, row: int) -> FieldRef:
    """Click a cell of the gallery; return its field once it is the open one."""
    ref, _ = tour.desk.gallery.groups[0].rows.cell(row)
    tour.hand.click_in(tour.grid.viewport(), tour.grid.rect_of(row).center())
    tour.hand.until(lambda: tour.desk.viewing.open is not None and tour.desk.viewing.open.ref == ref)
    return ref


def confused_cells(tour: Tour) -> tuple[int, int]:
    """Test the classifier and click the fullest entry of its matrix; return its number and the cells shown."""
    tour.scores()
    counts = tour.confused()
    tour.hand.tab(tour.place.tabs, TRAIN)
    tour.hand.until(lambda: not tour.desk.background.jobs)
    tour.shot("scores")
    return counts


def mosaic(tour: Tour) -> None:
    """Put the whole plate on the canvas."""
    tour.hand.key(Qt.Key.Key_M)
    tour.hand.until(lambda: tour.place.view.lent and tour.desk.mosaic.picture.whole, 300)
    tour.hand.wait(0.5)
    tour.shot("fields")


def heat_map(tour: Tour) -> None:
    """Lay the colours of the plate map over the mosaic."""
    tour.hand.key(Qt.Key.Key_M, SHIFT)
    tour.hand.until(lambda: tour.place.mosaic.heated)
    tour.hand.wait(0.5)
    tour.shot("mosaic")


def field_again(tour: Tour) -> None:
    """Bring the open field back in place of the mosaic."""
    tour.hand.key(Qt.Key.Key_M)
    tour.hand.until(lambda: not tour.place.view.lent)


def row_of_the_profiles(tour: Tour, row: int) -> tuple[WellRef, ...]:
    """Open the profiles as a heat map and click a row; return its wells once one of them is open."""
    tour.hand.press(tour.place.results.figures)
    dialog = tour.place.results.findChildren(FiguresDialog)[-1]
    dialog.kinds.setCurrentIndex(dialog.kinds.findData(WELLS))
    tour.hand.until(lambda: dialog.drawn is not None and dialog.drawn.heat is not None)
    wells = dialog.drawn.heat.rows[row]
    tour.shot_of(dialog, "profiles")
    tour.hand.click_in(dialog.picture, dialog.picture.rect_of(row).center().toPoint())
    tour.hand.until(lambda: tour.desk.viewing.open.ref.well_ref in wells)
    dialog.close()
    return wells


def cells_of_a_hit(tour: Tour, row: int = 0) -> Hit:
    """Click a hit of those that were found: its field, and its cells beside those of the controls."""
    hit = tour.open_hit(row)
    tour.shot("hits")
    return hit


def standing(tour: Tour) -> dict[str, Any]:
    """Return how a window stands: all that must be there again when it was closed and opened."""
    desk, place = tour.desk, tour.place
    findings, annotations = desk.results.findings, desk.session.annotations
    return {
        "field": desk.viewing.open.ref,
        "looked at": place.view.layers.looked_at(),
        "contrast": {name: look.limits for name, look in place.view.layers.looks().items()},
        "drawn": (place.view.style, place.view.colouring),
        "classes": [(p.name, p.key, p.colour) for p in annotations.phenotypes],
        "annotations": sorted((a.field, a.y, a.x, a.phenotype) for a in annotations.active.values()),
        "models": desk.session.project.models.ids(),
        "classifier": (desk.live.classifier, place.train.chooser.name),
        "predictions": {ref: p.classes[p.labels[0]] for ref, p in desk.predictions.fields().items() if len(p.labels)},
        "map": (place.plate.colours.currentText(), dict(place.plate.map.face.values)),
        "tab": place.tabs.currentIndex(),
        "hits": [(hit.well, hit.column, hit.score) for hit in findings.table.hits] if findings else [],
        "hits of": (place.results.form.chosen_column, place.results.note.text()),
    }


def come_back(tour: Tour, open_window: Callable[[], Tour], plate: Path, project: Path | None = None) -> Tour:
    """Close the window and open the project in a new one; return that one once it shows what there was to show."""
    had_hits = tour.desk.results.findings is not None
    tour.close()
    again = open_window()
    again.open(plate, project, picture="")
    again.hand.until(lambda: again.desk.results.findings is not None or not had_hits)
    again.wait_for_predictions()
    again.hand.wait(1.0)
    again.shot("reopened")
    return again


def walk(open_window: Callable[[], Tour], plate: Path, labels: Path, project: Path | None = None) -> None:
    """Walk the whole way, taking the pictures that `pages.compose.WINDOW` lists.

    Parameters
    ----------
    open_window
        Opens a window and returns its tour.
    plate, labels
        A plate that nothing was done to, and a CSV file of cells whose class is known.
    project
        Its project folder; beside the plate if None.
    """
    tour = open_window()
    tour.open(plate, project)
    tour.segment()
    cells = choose(read_known(labels))
    tour.add_classes(sorted({cell.phenotype for cell in cells}))
    tour.label(cells)
    tour.wait_for_predictions()
    tour.shot("labelled")
    _look_around(tour)
    confused_cells(tour)
    tour.hand.press(tour.place.cells)
    mosaic(tour)
    heat_map(tour)
    field_again(tour)
    tour.keep()
    if tour.desk.results.obstacle is None:
        tour.find_hits()
        row_of_the_profiles(tour, 0)
        cells_of_a_hit(tour)
    come_back(tour, open_window, plate, project)


def _look_around(tour: Tour) -> None:
    """See the doubtful cells, those of the rarest class, its share on the map, and confidence."""
    rare = min(tour.desk.predictions.class_counts().items(), key=lambda item: item[1] or 10**9)[0]
    doubtful_cells(tour)
    tour.gallery_of(rare)
    tour.hand.press(tour.place.cells)
    tour.viewer.reset_view()
    tour.place.plate.colour_by("share", rare)
    tour.hand.tab(tour.place.tabs, PLATE)
    tour.shot("plate")
    tour.hand.tab(tour.place.tabs, ANNOTATE)
    tour.place.view.set_style("filled")
    tour.place.view.set_colouring("confidence")
    tour.shot("confidence")
    tour.place.view.set_colouring("class")
    tour.place.view.set_style("outlines")
