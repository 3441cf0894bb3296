"""napari's panels make way on a small screen, and the gallery's boxes take several lines."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QDockWidget, QMainWindow

from napari_phenotyper.views.gallery_bar import GalleryBar
from napari_phenotyper.views.plain import plain_tip
from napari_phenotyper.views.small_screens import NARROW, make_room


@pytest.fixture
def window(qtbot):
    made = QMainWindow()
    qtbot.addWidget(made)
    for name in ("layer controls", "layer list", "Phenotyper"):
        dock = QDockWidget(name, made)
        dock.setObjectName(name)
        made.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, dock)
    made.show()
    return made


def shown(window):
    return [dock.objectName() for dock in window.findChildren(QDockWidget) if dock.isVisible()]


def test_panels_of_napari_make_way_on_a_small_screen_and_it_is_said_how_they_come_back(window):
    assert "menu Window" in make_room(window, 800)
    assert shown(window) == ["Phenotyper"]
    assert make_room(window, 800) == ""


def test_panels_of_napari_stay_where_there_is_room(window):
    assert make_room(window, NARROW) == ""
    assert len(shown(window)) == 3


def test_the_boxes_of_the_gallery_are_not_wider_than_a_small_screen(qtbot, desk):
    bar = GalleryBar(desk)
    qtbot.addWidget(bar)
    assert bar.minimumSizeHint().width() < 300
    bar.resize(400, bar.layout().heightForWidth(400))
    bar.show()
    boxes = (bar.classes, bar.annotated, bar.places, bar.orders, bar.channels)
    assert all(bar.rect().contains(box.geometry()) for box in boxes)


def test_a_name_that_looks_like_html_is_shown_letter_by_letter():
    assert "&lt;b&gt;" in plain_tip("G2<b>late</b>")
    assert plain_tip("G1 → S\nB03") == "G1 → S\nB03"
