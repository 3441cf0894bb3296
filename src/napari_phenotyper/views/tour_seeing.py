"""The second half of the tour: ways to look, judge and come back, on a plate whose classes are learnt.

Each station is a function of a tour, so that more can stand between them: the mosaic before the profiles, closing and
reopening after the hits.
"""

from __future__ import annotations

from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.pages.hit_figures import WELLS
from napari_phenotyper.views.figures_dialog import FiguresDialog
from napari_phenotyper.views.hints import TRAIN
from napari_phenotyper.views.tour import Tour


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
    tour.shot("confused")
    return counts


def row_of_the_profiles(tour: Tour, row: int) -> tuple[WellRef, ...]:
    """Open the profiles as a heat map and click a row; return its wells once one of them is open."""
    tour.place.results.show_figures()
    dialog = tour.place.results.findChildren(FiguresDialog)[-1]
    dialog.kinds.setCurrentIndex(dialog.kinds.findData(WELLS))
    tour.hand.until(lambda: dialog.drawn is not None and dialog.drawn.heat is not None)
    wells = dialog.drawn.heat.rows[row]
    tour.hand.click_in(dialog.picture, dialog.picture.rect_of(row).center().toPoint())
    tour.hand.until(lambda: tour.desk.viewing.open.ref.well_ref in wells)
    dialog.close()
    return wells


def cells_of_a_hit(tour: Tour) -> Hit:
    """Find hits and click the first: its field, and its cells beside those of the controls."""
    hit = tour.hits()
    tour.shot("hit-cells")
    return hit
