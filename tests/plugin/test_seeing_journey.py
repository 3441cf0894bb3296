"""Looking, judging and coming back in the real window: from the doubtful cells over a hit's cells to a new window."""

from __future__ import annotations

import pytest

from napari_phenotyper.session.opened import project_folder
from napari_phenotyper.views import tour_seeing as see

pytestmark = pytest.mark.gl


def test_from_doubtful_cells_to_the_cells_of_a_hit_and_the_same_again_in_a_new_window(window, copy):
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

    tour.place.plate.colour_by("share", "Mitotic")
    see.mosaic(tour)
    see.heat_map(tour)
    assert [layer.name for layer in tour.viewer.layers] == ["DNA", "Cells", "Heat map", "Wells"]
    see.field_again(tour)

    tour.find_hits()
    wells = see.row_of_the_profiles(tour, 0)
    assert tour.desk.viewing.open.ref.well_ref in wells and set(wells) <= set(tour.desk.results.findings.profile.wells)

    hit = see.cells_of_a_hit(tour)
    made, controls = tour.desk.gallery.groups
    assert {made.rows.cell(row)[0].well_ref for row in range(len(made.rows))} == {hit.well}
    assert hit.well not in {controls.rows.cell(row)[0].well_ref for row in range(len(controls.rows))}

    stand_apart(tour)
    before = see.standing(tour)
    assert before["hits"] and before["models"] and before["annotations"]
    again = see.come_back(tour, window, project_folder(copy))
    after = see.standing(again)
    assert after.pop("looked at") == pytest.approx(before.pop("looked at"), rel=0.02, abs=1.5)
    assert after == before

    same = see.cells_of_a_hit(again)
    assert (same.well, same.column, same.score) == (hit.well, hit.column, hit.score)
    assert [len(group.rows) for group in again.desk.gallery.groups] == [len(made.rows), len(controls.rows)]


def stand_apart(tour):
    """Leave the window as nobody finds it by default."""
    image = next(layer for layer in tour.viewer.layers if layer.name.startswith("DNA"))
    image.contrast_limits = (150.0, 5000.0)
    tour.place.view.layers.look_at(60.0, 180.0, 3.0)
    tour.place.view.set_style("filled")
    tour.hand.wait(0.7)
