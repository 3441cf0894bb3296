"""The gallery in a real window: opened by its button and its key, put away, and gone with the window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QDockWidget

from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.hand import LEFT, PLAIN

pytestmark = pytest.mark.gl


def gallery_docks(tour):
    docks = tour.place.window().findChildren(QDockWidget)
    return [dock for dock in docks if dock.objectName() == "Gallery" and dock.widget() is not None]


def click_cell(tour, row):
    grid = tour.place.gallery.view.halves[0].grid
    QTest.mouseClick(grid.viewport(), LEFT, PLAIN, grid.rect_of(row).center())


def test_doubtful_cells_are_labelled_by_key_in_the_gallery(window, copy):
    tour = window(copy)
    tour.wait_for_predictions()
    before = len(tour.desk.session.annotations)
    for annotation in list(tour.desk.session.annotations.active)[:20]:
        tour.desk.marking.write("clear", {"ids": [annotation]})
    tour.hand.press(tour.place.cells)
    tour.hand.until(lambda: tour.desk.gallery.groups)
    tour.desk.gallery.show(CellQuery(annotated=False))
    tour.hand.until(lambda: tour.desk.gallery.groups[0].query.annotated is False)
    click_cell(tour, 0)
    QTest.keyClick(tour.place.gallery.view.halves[0].grid, Qt.Key.Key_1)
    tour.hand.until(lambda: len(tour.desk.session.annotations) == before - 19)


def test_the_gallery_comes_back_after_it_was_closed_and_there_is_one(window, copy):
    tour = window(copy)
    tour.hand.key(Qt.Key.Key_G)
    tour.hand.until(lambda: tour.place.gallery.is_open)
    (dock,) = gallery_docks(tour)
    tour.viewer.window.remove_dock_widget(dock)  # as its cross does
    tour.hand.wait(0.1)
    assert not tour.place.gallery.is_open
    tour.hand.key(Qt.Key.Key_G)
    tour.hand.until(lambda: tour.place.gallery.is_open)
    tour.hand.key(Qt.Key.Key_G)
    tour.hand.wait(0.1)
    assert not tour.place.gallery.is_open
    tour.hand.key(Qt.Key.Key_G)
    tour.hand.until(lambda: tour.place.gallery.is_open)
    assert len(gallery_docks(tour)) == 1


def test_an_entry_of_the_confusion_matrix_opens_its_cells(window, copy):
    tour = window(copy)
    tour.wait_for_predictions()
    scores = tour.scores()
    entry, found = tour.confused()
    assert found == entry == max(max(line) for line in scores["confusion"])
    assert tour.place.gallery.is_open
