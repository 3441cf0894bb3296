"""The gallery behind the window: cells that are asked for, their pixels, and classes given to many at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_phenotyper.desk.thumbnails import Spot, Thumbnail, Thumbnails, surroundings
from napari_phenotyper.session.choosing import CellQuery


@pytest.fixture
def quiet(desk):
    """The desk without learning."""
    desk.live.switch(False)
    return desk


@pytest.fixture
def show(desk, wheel):
    """Asks for cells and waits for them."""

    def ask(query, beside=None):
        answers = []
        desk.gallery.events.rows.connect(lambda: answers.append(True))
        desk.gallery.show(query, beside)
        wheel.until(lambda: answers)
        return desk.gallery.groups[0].rows

    return ask


def cells(rows):
    return [rows.cell(i) for i in range(len(rows))]


def masks_of(what):
    return {item.mask for item in what.measured.values()}


def given(desk, name):
    return sum(a.phenotype == name for a in desk.session.annotations.active.values())


def test_the_gallery_of_everything_holds_every_measured_cell(quiet, show):
    rows = show(CellQuery())
    assert len(rows) == sum(quiet.surveys["P1"].cells.values())
    assert {ref.well for ref, _ in cells(rows)} == {"B02", "B03", "C02", "C03"}


def test_two_queries_give_two_groups(quiet, show):
    show(CellQuery(wells=("C03",)), beside=CellQuery(roles=("negative",)))
    hit, controls = (group.rows for group in quiet.gallery.groups)
    assert {ref.well for ref, _ in cells(hit)} == {"C03"}
    assert {ref.well for ref, _ in cells(controls)} == {"B02", "B03"}


def test_cells_are_found_by_the_class_that_the_live_model_predicts(desk, wheel, show):
    desk.live.nudge()
    wheel.until(lambda: len(desk.predictions) == 8)
    rows = show(CellQuery(predicted="Mitotic", sort="probability", descending=True))
    assert len(rows) == desk.predictions.class_counts()["Mitotic"]
    assert (np.diff(rows.probability) <= 0).all()
    face = desk.gallery.face(rows.cell(0))
    assert (face.predicted, face.probability) == ("Mitotic", pytest.approx(float(rows.probability[0])))


def test_cells_stay_where_they_are_when_predictions_change_and_that_is_told(desk, wheel, show):
    rows = show(CellQuery(sort="uncertainty", descending=True))
    desk.live.nudge()
    wheel.until(lambda: len(desk.predictions) == 8 and not desk.background.jobs)
    assert desk.gallery.groups[0].rows is rows
    assert desk.gallery.stale
    desk.gallery.refresh()
    wheel.until(lambda: not desk.gallery.stale)
    assert (np.diff(desk.gallery.groups[0].rows.probability) >= 0).all()


def test_cells_are_sorted_by_what_was_measured(quiet, show):
    rows = show(CellQuery(sort="feature", by="Nuclei_AreaShape_Area", descending=True))
    first, last = rows.cell(0), rows.cell(len(rows) - 1)
    chunks = {chunk.field: chunk for chunk in quiet.gallery.population.chunks}
    area = [float(chunks[r].matrix(["Nuclei_AreaShape_Area"])[chunks[r].ids == i, 0][0]) for r, i in (first, last)]
    assert area[0] > area[1]


def test_many_cells_get_a_class_as_one_event(quiet, wheel, show):
    rows = show(CellQuery(sort="random", limit=12))
    assert len({ref for ref, _ in cells(rows)}) > 2
    quiet.gallery.give({0: range(12)}, "Odd")
    assert quiet.gallery.face(rows.cell(3)).annotated == "Odd"
    wheel.until(lambda: given(quiet, "Odd") == 12)
    assert [quiet.gallery.face(cell).annotated for cell in cells(rows)] == ["Odd"] * 12
    quiet.marking.undo()
    assert given(quiet, "Odd") == 0
    assert quiet.gallery.face(rows.cell(3)).annotated != "Odd"


def test_a_cell_that_had_a_class_has_one_class_afterwards(quiet, wheel, show):
    rows = show(CellQuery(annotated=True, limit=3))
    before = len(quiet.session.annotations)
    quiet.gallery.give({0: range(3)}, "Odd")
    quiet.gallery.give({0: range(2)}, "Odder")
    wheel.until(lambda: given(quiet, "Odder") == 2)
    assert (len(quiet.session.annotations), given(quiet, "Odd")) == (before, 1)
    assert quiet.gallery.face(rows.cell(0)).annotated == "Odder"


def test_the_crops_of_cells_labelled_in_the_gallery_are_kept(quiet, wheel, show):
    show(CellQuery(limit=2))
    quiet.gallery.give({0: range(2)}, "Odd")
    wheel.until(lambda: given(quiet, "Odd") == 2)
    ids = [a.id for a in quiet.session.annotations.active.values() if a.phenotype == "Odd"]
    wheel.until(lambda: len(quiet.session.project.crops.get_many(ids)) == 2)


def test_predictions_are_accepted_for_many_cells(desk, wheel, show):
    desk.live.nudge()
    wheel.until(lambda: len(desk.predictions) == 8)
    desk.live.switch(False)
    rows = show(CellQuery(predicted="Mitotic", limit=5))
    desk.gallery.clear({0: range(5)})
    assert [desk.gallery.face(cell).annotated for cell in cells(rows)] == [""] * 5
    desk.gallery.give({0: range(5)})
    wheel.until(lambda: all(desk.gallery.face(cell).annotated == "Mitotic" for cell in cells(rows)))


def test_a_label_that_cannot_be_saved_is_told_and_does_not_stay_on_the_screen(quiet, wheel, show, monkeypatch):
    words = []
    quiet.background.events.problem.connect(lambda what, remedy: words.append(what))
    rows = show(CellQuery(limit=2))
    monkeypatch.setattr(
        "napari_phenotyper.session.picking.pixels_near", lambda *args: (_ for _ in ()).throw(OSError("gone"))
    )
    quiet.gallery.give({0: range(2)}, "Odd")
    wheel.until(lambda: words)
    assert "gone" in words[0]
    assert quiet.gallery.face(rows.cell(0)).annotated != "Odd"


def test_other_masks_bring_other_cells(quiet, wheel, show):
    show(CellQuery())
    before = masks_of(quiet.gallery.population)
    quiet.segment("nuclei", {"threshold": "otsu"})
    wheel.until(lambda: masks_of(quiet.gallery.population) and not masks_of(quiet.gallery.population) & before)
    assert len(quiet.gallery.groups[0].rows)


def test_cells_that_are_measured_later_are_told_and_those_shown_stay(quiet, wheel, show):
    whole = quiet.surveys["P1"]
    half = {ref: item for ref, item in whole.measured.items() if ref.field == 1}
    quiet.surveys["P1"] = replace(whole, measured=half)
    rows = show(CellQuery())
    assert not quiet.gallery.stale
    quiet.surveys["P1"] = whole
    quiet.events.survey.emit("P1")
    assert quiet.gallery.stale and quiet.gallery.groups[0].rows is rows
    quiet.gallery.refresh()
    wheel.until(lambda: not quiet.gallery.stale)
    assert masks_of(quiet.gallery.population) == masks_of(whole)


def test_the_pixels_around_cells_are_read(quiet, wheel, show):
    rows = show(CellQuery(sort="random", limit=6))
    quiet.gallery.look([{0: range(6)}])
    wheel.until(lambda: all(quiet.gallery.thumbnails.get(cell) is not None for cell in cells(rows)))
    found = quiet.gallery.thumbnails.get(rows.cell(0))
    ref, _ = rows.cell(0)
    field = quiet.session.plates["P1"].field(ref.well, ref.field).read()[0]
    middle = found.pixels.shape[-1] // 2
    assert found.channels == ("DNA",)
    wheel.until(lambda: quiet.gallery.thumbnails.get(rows.cell(0)).own is not None)
    assert quiet.gallery.thumbnails.get(rows.cell(0)).own[middle, middle]
    assert found.pixels[0, middle, middle] == field[round(float(rows.y[0])), round(float(rows.x[0]))]


def test_a_field_that_cannot_be_read_says_why(quiet, wheel, show, copy):
    rows = show(CellQuery(wells=("B02",), limit=1))
    (copy / "P1_B02_s1_w1.tif").unlink()
    quiet.gallery.look([{0: [0]}])
    wheel.until(lambda: quiet.gallery.thumbnails.get(rows.cell(0)) is not None)
    assert "B02" in quiet.gallery.thumbnails.get(rows.cell(0)).problem


def test_the_oldest_pixels_are_forgotten_where_there_is_no_room(desk):
    kept = Thumbnails(desk.background, room=3000)
    for number in range(5):
        kept._take({(("P", "A01", 1), number): Thumbnail(np.zeros((1, 32, 32), np.uint8), ("DNA",))})
    assert [kept.get((("P", "A01", 1), i)) is not None for i in range(5)] == [False, False, False, True, True]


def test_a_cell_at_the_edge_is_black_beyond_it():
    pixels = np.full((1, 10, 10), 7, np.uint16)
    place = surroundings(Spot((("P", "A01", 1), 1), 0.0, 9.0), 4, (10, 10))
    found = place.framed(pixels[:, *place.region])
    assert found.shape == (1, 8, 8)
    assert found[0, 4:, :5].min() == 7
    assert found[0, :4].max() == found[0, :, 5:].max() == 0


def test_an_entry_of_the_confusion_matrix_is_shown(quiet, wheel):
    quiet.evaluate()
    wheel.until(lambda: quiet.scores is not None)
    classes, counts = quiet.scores["classes"], quiet.scores["confusion"]
    row, column = classes.index("Mitotic"), classes.index("Mitotic")
    quiet.judging.show_confused("Mitotic", "Mitotic")
    wheel.until(lambda: quiet.gallery.groups)
    found = quiet.gallery.groups[0].rows
    assert len(found) == counts[row][column] > 0
    assert {quiet.gallery.face(cell).annotated for cell in cells(found)} == {"Mitotic"}


def test_suspected_labels_are_shown(quiet, wheel):
    quiet.judging.suspects()
    wheel.until(lambda: quiet.judging.found)
    quiet.judging.show_suspects()
    wheel.until(lambda: quiet.gallery.groups)
    found = quiet.judging.found["suspects"]["suspects"]
    rows = quiet.gallery.groups[0].rows
    assert [quiet.gallery.face(cell).predicted for cell in cells(rows)] == [one["predicted"] for one in found]


def test_a_spot_of_a_field_that_is_gone_is_left_alone(desk):
    Thumbnails(desk.background).want([Spot((("P9", "A01", 1), 1), 5.0, 5.0)], {}, 20.0)
    assert not [job for job in desk.background.jobs if job.title == "thumbnails"]
