"""The gallery on the screen: filled as it scrolls into sight, filtered, labelled by keys."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtGui import QFont, QFontMetrics
from qtpy.QtTest import QTest

from napari_phenotyper.desk.gallery import Face
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.cell_grid import CellGrid, Tile, _fitted
from napari_phenotyper.views.compositing import GREY, ChannelLook, compose, outline
from napari_phenotyper.views.gallery_tiles import face_text
from napari_phenotyper.views.gallery_view import GalleryView
from napari_phenotyper.views.row_selection import RowSelection

LEFT, SHIFT, CTRL = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
PLAIN = Qt.KeyboardModifier.NoModifier


@pytest.fixture
def gallery(desk, view_of, shown, until):
    """The gallery of all cells, 800 pixels wide."""
    made = GalleryView(desk, view_of(desk))
    shown(made, 330).resize(800, 330)
    ask(made, until, CellQuery())
    return made


def ask(made, until, query, beside=None):
    answers = []
    made.desk.gallery.events.rows.connect(lambda: answers.append(True))
    made.desk.gallery.show(query, beside)
    until(lambda: answers)


def grid_of(made):
    return made.halves[0].grid


def click(made, row, modifiers=PLAIN):
    grid = grid_of(made)
    QTest.mouseClick(grid.viewport(), LEFT, modifiers, grid.rect_of(row).center())


def given(desk, name):
    return sum(a.phenotype == name for a in desk.session.annotations.active.values())


def test_the_cells_in_sight_get_their_pictures(gallery, until):
    sight = grid_of(gallery).in_sight()
    assert 10 <= len(sight) < len(gallery.desk.gallery.groups[0].rows)
    until(lambda: all(gallery.halves[0]._tile(row).picture is not None for row in sight))


def test_what_scrolls_into_sight_is_read(gallery, until):
    bar = grid_of(gallery).verticalScrollBar()
    bar.setValue(bar.maximum())
    last = len(gallery.desk.gallery.groups[0].rows) - 1
    assert last in grid_of(gallery).in_sight()
    until(lambda: gallery.halves[0]._tile(last).picture is not None)


def test_a_key_labels_all_cells_selected(gallery, until):
    click(gallery, 1)
    click(gallery, 4, SHIFT)
    click(gallery, 7, CTRL)
    gallery.desk.marking.add("Odd")
    key = next(p.key for p in gallery.desk.session.annotations.phenotypes if p.name == "Odd")
    QTest.keyClicks(grid_of(gallery), key)
    until(lambda: given(gallery.desk, "Odd") == 5)
    assert gallery.halves[0]._tile(7).annotated
    QTest.keyClick(grid_of(gallery), Qt.Key.Key_Z, CTRL)
    until(lambda: given(gallery.desk, "Odd") == 0)


def test_after_a_single_cell_the_next_one_is_selected(gallery, until):
    click(gallery, 2)
    QTest.keyClicks(grid_of(gallery), "x")
    assert gallery.selected() == {0: [3]}


def test_without_a_selection_a_key_says_what_to_do(gallery):
    words = []
    gallery.desk.background.events.message.connect(words.append)
    QTest.keyClick(grid_of(gallery), Qt.Key.Key_Return)
    assert words == ["Select cells first: click, Shift + click, or Ctrl + A for all."]


def test_a_click_shows_the_cell_in_its_field(gallery, until):
    row = len(gallery.desk.gallery.groups[0].rows) - 1
    grid_of(gallery).go_to(row)
    click(gallery, row)
    ref, _ = gallery.desk.gallery.groups[0].rows.cell(row)
    until(lambda: gallery.desk.viewing.open.ref == ref)


def test_a_label_that_a_classifier_doubts_wears_both_colours(gallery, until):
    cell = next(c for c in map(gallery.desk.gallery.groups[0].rows.cell, range(50))
                if gallery.desk.gallery.face(c).annotated == "Interphase")  # fmt: skip
    ask(gallery, until, CellQuery(cells=(cell,), said=("Mitotic",)))
    colours = {p.name: p.colour for p in gallery.desk.session.annotations.phenotypes}
    tile = gallery.halves[0]._tile(0)
    assert (tile.colour, tile.other) == (colours["Interphase"], colours["Mitotic"])
    click(gallery, 0)
    QTest.keyClick(grid_of(gallery), Qt.Key.Key_Return)
    until(lambda: gallery.desk.gallery.face(cell).annotated == "Mitotic")
    assert gallery.halves[0]._tile(0).other == ""


def test_the_boxes_choose_other_cells(gallery, until):
    gallery.bar.places.setCurrentIndex(gallery.bar.places.findData("treatment:X"))
    gallery.bar.places.activated.emit(0)
    until(lambda: gallery.desk.gallery.groups[0].query.treatments == ("X",))
    rows = gallery.desk.gallery.groups[0].rows
    assert {rows.cell(i)[0].well for i in range(len(rows))} == {"C02", "C03"}
    assert gallery.count.text().startswith(f"{len(rows)} cells")


def typed(made, text):
    """Type into the box of wells, as somebody does who never opens it."""
    line = made.bar.places.lineEdit()
    line.setFocus()
    line.selectAll()
    QTest.keyClicks(line, text)
    QTest.keyClick(line, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    ("text", "wells"), [("b03", {"B03"}), ("B03, C02", {"B03", "C02"}), ("C*", {"C02", "C03"}), ("X", {"C02", "C03"})]
)
def test_wells_and_treatments_are_found_by_typing_their_names(gallery, until, text, wells):
    before = gallery.desk.gallery.groups
    typed(gallery, text)
    until(lambda: gallery.desk.gallery.groups is not before)
    rows = gallery.desk.gallery.groups[0].rows
    assert {rows.cell(i)[0].well for i in range(len(rows))} == wells
    assert gallery.bar.places.currentText() == text and not gallery.everything.isVisible()
    gallery.bar.refresh()  # as when more is measured
    assert gallery.bar.query() == gallery.desk.gallery.queries[0]


def test_a_well_that_is_not_there_is_told_and_changes_nothing(gallery):
    told, before = [], gallery.desk.gallery.queries
    gallery.desk.background.events.message.connect(told.append)
    typed(gallery, "B03, H12")
    assert "H12" in told[0] and "B03, C04" in told[0] and gallery.desk.gallery.queries == before
    assert gallery.bar.places.currentText() == "All wells"


def test_the_order_is_turned_round(gallery, until):
    before = gallery.desk.gallery.groups[0].rows.cell(0)
    gallery.bar.turn.click()
    until(lambda: gallery.desk.gallery.groups[0].query.descending)
    assert gallery.desk.gallery.groups[0].rows.cell(len(gallery.desk.gallery.groups[0].rows) - 1) == before


def test_cells_that_were_asked_for_from_outside_are_left_by_a_button(gallery, until):
    cell = gallery.desk.gallery.groups[0].rows.cell(3)
    ask(gallery, until, CellQuery(cells=(cell,), title="One of them"))
    assert gallery.special.text() == "One of them"
    assert gallery.count.text().startswith("1 cell ")
    gallery.everything.click()
    until(lambda: len(gallery.desk.gallery.groups[0].rows) > 100)
    assert not gallery.everything.isVisible()


def test_a_hit_stands_beside_its_controls(gallery, until):
    ask(gallery, until, CellQuery(wells=("C03",), title="Hit"), CellQuery(roles=("negative",), title="Controls"))
    counts = [len(group.rows) for group in gallery.desk.gallery.groups]
    assert [half.title.text() for half in gallery.halves] == [
        f"<b>Hit: {counts[0]} cells</b>", f"<b>Controls: {counts[1]} cells</b>",
    ]  # fmt: skip
    assert all(half.isVisible() for half in gallery.halves)
    until(lambda: all(half._tile(0).picture is not None for half in gallery.halves))


def test_no_cells_are_said_to_be_none(gallery, until):
    ask(gallery, until, CellQuery(predicted="Mitotic"))
    assert gallery.count.text() == "No such cells"


def test_contrast_is_the_canvas_s(gallery, until):
    until(lambda: gallery.halves[0]._tile(0).picture is not None)
    before = gallery.halves[0]._tile(0).picture.toImage()
    layer = gallery._view.layers.layers[0]
    layer.contrast_limits = (0, 60000)
    assert gallery.halves[0]._tile(0).picture.toImage() != before


def test_seventy_classes_fit_into_800_pixels(gallery, until):
    for number in range(70):
        gallery.desk.marking.add(f"A phenotype with a long name {number}")
    assert gallery.bar.minimumSizeHint().width() <= 800
    assert gallery.bar.classes.count() > 70
    assert len(gallery.menu().actions()) > 70


def test_the_gallery_fits_beside_the_plate_on_a_narrow_screen(gallery):
    assert gallery.minimumSizeHint().width() <= 350


def test_a_million_cells_are_laid_out_without_looking_at_each(qtbot):
    asked = []
    grid = CellGrid(lambda row: asked.append(row) or Tile(None), str)
    qtbot.addWidget(grid)
    grid.resize(900, 300)
    grid.show()
    grid.set_count(1_000_000)
    grid.verticalScrollBar().setValue(grid.verticalScrollBar().maximum())
    grid.grab()
    assert max(asked) == 999_999
    assert len(set(asked)) < 100
    assert grid.row_at(grid.rect_of(999_999).center()) == 999_999
    assert grid.row_at(QPoint(899, 1)) == -1 or grid.columns * grid._tile_size().width() > 899


def test_rows_are_selected_as_in_every_list():
    chosen = RowSelection(10)
    chosen.only(2)
    chosen.extend(4)
    chosen.toggle(8)
    assert chosen.rows().tolist() == [2, 3, 4, 8]
    chosen.extend(7)
    assert chosen.rows().tolist() == [2, 3, 4, 7, 8]
    chosen.toggle(3)
    assert (chosen.rows().tolist(), len(chosen)) == ([2, 4, 7, 8], 4)


def test_channels_are_added_up_in_their_colours():
    red, green = (np.zeros((256, 3), np.uint8) for _ in range(2))
    red[:, 0] = green[:, 1] = np.arange(256)
    looks = {"A": ChannelLook((0, 100), red), "B": ChannelLook((0, 200), green)}
    pixels = np.full((2, 1, 1), 100, np.uint16)
    assert compose(pixels, ("A", "B"), looks)[0, 0].tolist() == [255, 127, 0]
    assert compose(pixels, ("A", "B"), looks, only="B")[0, 0].tolist() == [127, 127, 127]
    looks["A"] = ChannelLook((0, 100), GREY, visible=False)
    assert compose(pixels, ("A", "B"), looks)[0, 0].tolist() == [0, 127, 0]


def test_the_line_lies_around_a_cell_not_on_it():
    own = np.zeros((5, 5), bool)
    own[2, 2] = True
    drawn = outline(np.zeros((5, 5, 3), np.uint8), own)[..., 0] > 0
    assert drawn.sum() == 4
    assert not drawn[2, 2]


def test_a_doubted_label_is_written_below_the_cell():
    assert face_text(Face("Mitotic", "Interphase", 0.8)) == "Interphase ≠ Mitotic"
    assert face_text(Face("Mitotic", "", 0.8)) == "80% Mitotic"
    assert face_text(Face("", "Mitotic")) == "✓ Mitotic"


def test_both_names_of_a_doubted_label_have_room_below_the_cell():
    metrics = QFontMetrics(QFont())
    name = "Multinucleated" * 3
    width = metrics.horizontalAdvance("Multinucleated")
    given, predicted = _fitted(f"{name} ≠ {name}", metrics, width).split(" ≠ ")
    assert given == predicted
    assert given.startswith("M")
    assert metrics.horizontalAdvance(f"{given} ≠ {predicted}") <= width
    assert _fitted("A ≠ B", metrics, width) == "A ≠ B"
