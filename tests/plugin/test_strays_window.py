"""Labels that are lost or contested in a real window: counted, one click away, settled by a key or a press."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from tests.plugin.conftest import points

from napari_phenotyper.session.labelling import Click, annotate_payload, mark
from napari_phenotyper.views.hints import ANNOTATE
from napari_phenotyper.views.strays_dialog import StraysDialog

pytestmark = pytest.mark.gl


def troubled_window(window, bare):
    """A window with one lost label, one contested cell, and the list of them open; no fixture, or napari counts it."""
    tour = window(bare)
    desk, hand = tour.desk, tour.hand
    desk.live.switch(False)
    hand.tab(tour.place.tabs, ANNOTATE)
    assert not tour.place.annotate.strays.isVisible()
    field = desk.viewing.open
    clicks = [Click(1.0, 1.0, "Round"), Click(*points(tour)[0], "Round"), Click(*points(tour)[0], "Odd")]
    desk.marking.write("annotate", annotate_payload([mark(field.ref, field.masks, field.mask_key, clicks)]))
    hand.until(lambda: tour.place.annotate.strays.isVisible())
    assert "1 label lost, 1 contested" in tour.place.annotate.strays.text()
    hand.press(tour.place.annotate.strays)
    return tour


def dialog_of(tour):
    (dialog,) = tour.place.findChildren(StraysDialog)
    return dialog


def choose(tour, kind):
    dialog = dialog_of(tour)
    rows = range(dialog.list.topLevelItemCount())
    item = next(dialog.list.topLevelItem(i) for i in rows if dialog.list.topLevelItem(i).text(0) == kind)
    tour.hand.click_in(dialog.list.viewport(), dialog.list.visualItemRect(item).center())
    tour.hand.until(lambda: tour.place.view.layers._mark is not None)
    tour.hand.wait(0.1)


def test_a_click_shows_the_place_ringed_and_a_key_attaches_the_label_to_the_cell_under_the_cursor(window, bare):
    troubled = troubled_window(window, bare)
    desk, hand = troubled.desk, troubled.hand
    hand.well("C03")
    choose(troubled, "lost")
    assert desk.viewing.open.ref.well == "B02"
    assert troubled.place.view.layers._mark.data[0].tolist() == [1.0, 1.0]
    target = points(troubled)[3]
    troubled.place.view.layers.look_at(*target)
    hand.point(*target)
    hand.key(Qt.Key.Key_R)
    hand.until(lambda: desk.strays.lost == 0)
    look, cell = desk.marking.look(), desk.viewing.open.masks.at(*target)
    assert look.phenotypes[look.annotated[cell]].name == "Round"
    assert dialog_of(troubled).list.topLevelItemCount() == 1
    hand.press(dialog_of(troubled).undo)
    hand.until(lambda: desk.strays.lost == 1)


def test_the_class_that_is_pressed_wins_and_the_count_goes_when_nothing_is_left(window, bare):
    troubled = troubled_window(window, bare)
    desk, hand = troubled.desk, troubled.hand
    choose(troubled, "contested")
    (button,) = [b for b in dialog_of(troubled).winners if b.text().startswith("Odd")]
    hand.press(button)
    hand.until(lambda: desk.strays.contested == 0)
    assert [a.phenotype for a in desk.session.annotations.active.values()] == ["Round", "Odd"]
    choose(troubled, "lost")
    hand.press(dialog_of(troubled).drop)
    hand.until(lambda: not troubled.place.annotate.strays.isVisible())
    dialog_of(troubled).close()
    assert troubled.place.view.layers._mark is None
