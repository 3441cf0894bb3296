"""Looking and judging in the real window, by mouse and keyboard: from the doubtful cells to the cells of a hit."""

from __future__ import annotations

import pytest

from napari_phenotyper.views import tour_seeing as see

pytestmark = pytest.mark.gl


def test_from_doubtful_cells_to_the_cells_of_a_hit(window, copy):
    tour = window(copy)
    tour.wait_for_predictions()
    sure = see.doubtful_cells(tour)
    assert sure == sorted(sure) and len(sure) > 1
    see.cell_in_its_field(tour, 1)
    assert tour.label_in_gallery("Mitotic", 2) == 2
    tour.undo(1)
    tour.wait_for_predictions()

    entry, shown = see.confused_cells(tour)
    assert entry == shown > 0

    hit = see.cells_of_a_hit(tour)
    assert tour.desk.viewing.open.ref.well_ref == hit.well
    made, controls = tour.desk.gallery.groups
    assert {made.rows.cell(row)[0].well_ref for row in range(len(made.rows))} == {hit.well}
    assert hit.well not in {controls.rows.cell(row)[0].well_ref for row in range(len(controls.rows))}

    heat = tour.desk.results.findings.profile
    wells = see.row_of_the_profiles(tour, 0)
    assert tour.desk.viewing.open.ref.well_ref in wells and set(wells) <= set(heat.wells)
