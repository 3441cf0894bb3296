"""What a person says of cells: it stands at once, can be taken back, and is saved."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from tests.desk.test_live import some_cell

from napari_phenotyper.core.annotations import NOT_A_CELL, Phenotype
from napari_phenotyper.core.errors import ProjectError


@pytest.fixture
def quiet(desk):
    """The desk without learning."""
    desk.live.switch(False)
    return desk


@pytest.fixture
def told(quiet):
    """What went wrong or was said in passing, in words."""
    words = []
    quiet.background.events.problem.connect(lambda what, remedy: words.append(f"{what} {remedy}"))
    quiet.background.events.message.connect(words.append)
    return words


def class_of(desk, cell):
    look = desk.marking.look()
    return look.phenotypes[look.annotated[cell]].name if look.annotated[cell] >= 0 else ""


def given(desk, name):
    return sum(a.phenotype == name for a in desk.session.annotations.active.values())


def keys(desk):
    return {p.name: p.key for p in desk.session.annotations.phenotypes}


def test_a_cell_is_cleared(quiet):
    cell, y, x = some_cell(quiet)
    assert quiet.marking.clear(y, x)
    assert class_of(quiet, cell) == ""
    assert not quiet.marking.clear(y, x)


def test_a_prediction_is_accepted(desk, wheel):
    cell, y, x = some_cell(desk)
    desk.marking.clear(y, x)
    wheel.until(lambda: len(desk.predictions) == 8 and desk.predictions.get(desk.viewing.open.ref) is not None)
    look = desk.marking.look()
    assert desk.marking.accept(y, x)
    assert class_of(desk, cell) == look.phenotypes[look.predicted[cell]].name


def test_without_a_prediction_nothing_is_accepted(quiet):
    quiet.predictions.clear()
    before = quiet.session.annotations
    assert not quiet.marking.accept(*some_cell(quiet)[1:])
    assert quiet.session.annotations is before


def test_beside_the_cells_nothing_is_annotated(quiet):
    labels = quiet.viewing.open.masks
    place = next((y, x) for y in range(0, 240, 3) for x in range(0, 240, 3) if not labels.at(y, x, within=6.0))
    before = quiet.session.annotations
    assert not quiet.marking.click(*place, "Mitotic")
    assert quiet.session.annotations is before


def test_the_class_that_a_cell_has_is_not_given_twice(quiet):
    _, y, x = some_cell(quiet)
    quiet.marking.click(y, x, "Odd")
    before = quiet.session.annotations
    assert quiet.marking.click(y, x, "Odd")
    assert quiet.session.annotations is before


def test_a_path_over_cells_is_one_event(quiet):
    quiet.marking.paint([some_cell(quiet, skip)[1:] for skip in range(4)], "Odd")
    assert given(quiet, "Odd") == 4
    quiet.marking.undo()
    assert given(quiet, "Odd") == 0


def test_undo_and_redo_walk_the_events(quiet):
    first, second = some_cell(quiet), some_cell(quiet, 1)
    quiet.marking.click(*first[1:], "Odd")
    quiet.marking.click(*second[1:], "Odd")
    seen = []
    for step in (quiet.marking.undo, quiet.marking.undo, quiet.marking.redo, quiet.marking.redo):
        step()
        seen.append(given(quiet, "Odd"))
    assert seen == [1, 0, 1, 2]


def test_where_nothing_can_be_redone_that_is_told(quiet, told):
    quiet.marking.redo()
    assert told == ["There is nothing to redo."]


def test_a_click_without_a_class_says_what_to_do(fresh, wheel):
    fresh.segment()
    wheel.until(lambda: fresh.viewing.open.masks is not None)
    words = []
    fresh.background.events.message.connect(words.append)
    fresh.marking.click(*some_cell(fresh)[1:])
    assert words == ["Add a class first, then click cells of it."]


def test_a_click_on_a_field_without_masks_says_what_to_do(fresh):
    words = []
    fresh.background.events.message.connect(words.append)
    assert not fresh.marking.click(50, 50, "Odd")
    assert words == [f"{fresh.viewing.open.ref} is not segmented yet: press Segment."]


def test_the_crops_of_annotated_cells_are_kept(quiet, wheel):
    _, y, x = some_cell(quiet)
    quiet.marking.click(y, x, "Odd")
    (made,) = (a for a in quiet.session.annotations.active.values() if a.phenotype == "Odd")
    wheel.until(lambda: quiet.session.project.crops.get_many([made.id]))


def test_a_click_that_cannot_be_saved_vanishes_again_and_is_told(quiet, told, wheel, monkeypatch):
    before = quiet.session.annotations
    saved = Future()
    monkeypatch.setattr(quiet.session.project.journal, "append", lambda *args: saved)
    quiet.marking.click(*some_cell(quiet)[1:], "Odd")
    assert given(quiet, "Odd") == 1
    saved.set_exception(ProjectError("The disk is full.", "Free some space."))
    wheel.until(lambda: told)
    assert told == ["The disk is full. Free some space."]
    assert quiet.session.annotations.active.keys() == before.active.keys()


def test_a_new_class_has_a_key_and_is_chosen(quiet):
    quiet.marking.add(" Odd ")
    assert quiet.marking.chosen == "Odd"
    assert quiet.marking.class_of_key(keys(quiet)["Odd"]) == "Odd"


def test_a_class_is_not_added_twice(quiet):
    quiet.marking.add("Mitotic")
    assert [p.name for p in quiet.session.annotations.phenotypes].count("Mitotic") == 1
    assert quiet.marking.chosen == "Mitotic"


def test_not_a_cell_is_neither_renamed_nor_a_name(quiet):
    quiet.marking.click(*some_cell(quiet)[1:], NOT_A_CELL)
    before = quiet.session.annotations
    quiet.marking.rename(NOT_A_CELL, "Debris")
    quiet.marking.rename("Mitotic", NOT_A_CELL)
    assert quiet.session.annotations is before


def test_a_key_that_moved_is_undone_in_one_step(quiet):
    before = keys(quiet)
    quiet.marking.put(Phenotype("Mitotic", "#123456", before["Interphase"]))
    quiet.marking.undo()
    assert keys(quiet) == before


def test_another_class_is_chosen_where_the_chosen_one_is_deleted(quiet):
    quiet.marking.choose("Mitotic")
    quiet.marking.remove("Mitotic")
    assert quiet.marking.chosen == "Interphase"
