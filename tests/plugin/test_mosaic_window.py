"""The plate on the canvas of a real window: opened by its key, coloured, and left for a field by a click."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt

from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.views.hand import SHIFT

pytestmark = pytest.mark.gl


def test_from_the_mosaic_and_its_heat_map_into_a_field_and_back(window, copy):
    tour = window(copy)
    place, mosaic = tour.place, tour.desk.mosaic
    labelled = len(tour.desk.session.annotations)
    tour.hand.key(Qt.Key.Key_M)
    tour.hand.until(lambda: place.view.lent and mosaic.picture.whole)
    tour.hand.key(Qt.Key.Key_M, SHIFT)
    tour.hand.until(lambda: [layer.name for layer in tour.viewer.layers] == ["DNA", "Cells", "Heat map", "Wells"])
    rows, columns = mosaic.picture.plan.box(FieldRef("P1", "C03", 2))
    middle = (rows.start + rows.stop) / 2, (columns.start + columns.stop) / 2
    tour.hand.point(*middle)
    tour.hand.key(Qt.Key.Key_1)  # labels nothing: no cell can be meant
    tour.hand.click(*middle)
    tour.hand.until(lambda: tour.desk.viewing.open.ref == FieldRef("P1", "C03", 2) and not place.view.lent)
    assert [layer.name for layer in tour.viewer.layers] == ["DNA", "Cells"]
    assert len(tour.desk.session.annotations) == labelled
    tour.hand.key(Qt.Key.Key_M)
    tour.hand.until(lambda: place.view.lent)
    tour.hand.key(Qt.Key.Key_M)
    tour.hand.until(lambda: not place.view.lent)
    assert tour.desk.viewing.open.ref == FieldRef("P1", "C03", 2)
