"""Labels that are lost or contested at a desk: counted by themselves, settled by a wish, brought back by undo."""

from __future__ import annotations

import time

import pytest
from tests.desk.test_live import some_cell

from napari_phenotyper.desk.strays import PAUSE
from napari_phenotyper.session.astray import CONTESTED, LOST
from napari_phenotyper.session.labelling import Click, annotate_payload, mark


@pytest.fixture
def troubled(desk, wheel):
    """A desk whose open field has one lost label and one contested cell, and no others."""
    desk.live.switch(False)
    wheel.until(lambda: desk.strays._checked is not None)
    desk.strays.drop(desk.strays.items)
    field, (_, y, x) = desk.viewing.open, some_cell(desk)
    clicks = [Click(1.0, 1.0, "Round"), Click(y, x, "Round"), Click(y, x, "Odd")]
    made = mark(field.ref, field.masks, field.mask_key, clicks, desk.marking.standing(field.ref))
    desk.marking.write("annotate", annotate_payload([made]))
    wheel.until(lambda: (desk.strays.lost, desk.strays.contested) == (1, 1))
    return desk


def stray(desk, kind):
    return next(s for s in desk.strays.items if s.kind == kind)


def test_a_dropped_label_is_gone_from_the_list_and_undo_brings_it_back(troubled, wheel):
    troubled.strays.drop([stray(troubled, LOST)])
    wheel.until(lambda: troubled.strays.lost == 0)
    troubled.marking.undo()
    wheel.until(lambda: troubled.strays.lost == 1)


def test_a_lost_label_is_attached_to_the_cell_that_is_pointed_at(troubled, wheel):
    cell, y, x = free_cell(troubled)
    troubled.strays.choose(stray(troubled, LOST))
    assert troubled.strays.attach(y, x)
    look = troubled.marking.look()
    assert look.phenotypes[look.annotated[cell]].name == "Round"
    wheel.until(lambda: troubled.strays.lost == 0)
    assert troubled.strays.chosen is None
    troubled.marking.undo()
    wheel.until(lambda: troubled.strays.lost == 1)


def test_where_there_is_no_cell_nothing_is_attached(troubled):
    troubled.strays.choose(stray(troubled, LOST))
    before = len(troubled.session.annotations)
    assert not troubled.strays.attach(1.0, 1.0)
    assert len(troubled.session.annotations) == before


def test_a_label_is_attached_to_the_nearest_cell(troubled, wheel):
    troubled.strays.choose(stray(troubled, LOST))
    if troubled.strays.attach_to_nearest():
        wheel.until(lambda: troubled.strays.lost == 0)
    else:  # no cell lies so near
        assert not troubled.viewing.open.masks.at(1.0, 1.0, within=60.0)


def test_the_class_that_is_chosen_wins_a_contested_cell(troubled, wheel):
    one = stray(troubled, CONTESTED)
    troubled.strays.let_win(one, "Odd")
    wheel.until(lambda: troubled.strays.contested == 0)
    look = troubled.marking.look()
    assert look.phenotypes[look.annotated[one.cell]].name == "Odd"


def test_a_click_with_one_of_its_classes_settles_a_contested_cell_too(troubled, wheel):
    one = stray(troubled, CONTESTED)
    troubled.marking.click(*one.point, "Odd")
    wheel.until(lambda: troubled.strays.contested == 0)


def free_cell(desk):
    """A cell of the open field that nobody annotated."""
    look, labels = desk.marking.look(), desk.viewing.open.masks.labels["nuclei"]
    for cell in range(1, len(look.annotated)):
        if look.annotated[cell] < 0 and (labels == cell).any():
            rows, columns = (labels == cell).nonzero()
            return cell, float(rows[len(rows) // 2]), float(columns[len(columns) // 2])
    cell, y, x = some_cell(desk)
    desk.marking.clear(y, x)
    return cell, y, x


def test_a_desk_that_is_closed_looks_no_more(desk, wheel, monkeypatch):
    monkeypatch.setattr(desk.strays, "_look", lambda: pytest.fail("it looked"))
    desk.strays.look()
    desk.strays.stop()
    end = time.monotonic() + 2 * PAUSE
    while time.monotonic() < end:
        wheel.turn()
