"""The list of phenotype classes."""

from __future__ import annotations

import time

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLineEdit, QMenu, QTableView

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.views.class_rows import ANNOTATED, KEY, NAME, PREDICTED, SWATCH
from napari_phenotyper.views.class_table import ClassRow, ClassTable

pytestmark = pytest.mark.gl

ROWS = (
    ClassRow(NOT_A_CELL, "#999999", "0", 1, None),
    ClassRow("Interphase", "#0072B2", "1", 12, 1200),
    ClassRow("Mitotic", "#E69F00", "2", 3, 40),
    ClassRow("Apoptotic", "#009E73", "3", 0, None),
)


class Quiet(ClassTable):
    """Answers what a dialog would ask."""

    answer = True
    asked = 0

    def ask_removal(self, row):
        self.asked += 1
        return self.answer

    def ask_colour(self, row):
        return "#123456"


@pytest.fixture
def table(qtbot):
    table = Quiet()
    qtbot.addWidget(table)
    table.set_rows(ROWS)
    table.resize(340, 400)
    table.show()
    return table


def view(table):
    return table.findChild(QTableView)


def texts(table):
    model = view(table).model()
    return [[model.index(r, c).data() for c in range(model.columnCount())] for r in range(model.rowCount())]


def click(qtbot, table, row, column=NAME):
    at = view(table).visualRect(view(table).model().index(row, column)).center()
    qtbot.mouseClick(view(table).viewport(), Qt.MouseButton.LeftButton, pos=at)


def double_click(qtbot, table, row, column):
    click(qtbot, table, row, column)
    at = view(table).visualRect(view(table).model().index(row, column)).center()
    qtbot.mouseDClick(view(table).viewport(), Qt.MouseButton.LeftButton, pos=at)


def name_editor(table):
    return view(table).viewport().findChild(QLineEdit)


def action(menu, text):
    return next(a for a in menu.actions() if a.text() == text)


def submenu(menu, title):
    return next(m for m in menu.findChildren(QMenu) if m.title() == title)


def test_counts_are_shown_and_not_a_cell_is_last(table):
    assert [row[1:] for row in texts(table)] == [
        ["1", "Interphase", "12", "1\u202f200"],
        ["2", "Mitotic", "3", "40"],
        ["3", "Apoptotic", "0", "–"],
        ["0", NOT_A_CELL, "1", "–"],
    ]


def test_one_click_chooses_a_class(qtbot, table):
    with qtbot.waitSignal(table.chosen) as told:
        click(qtbot, table, 1)
    assert told.args == ["Mitotic"] and table.current() == "Mitotic"


def test_the_program_chooses_without_a_signal(qtbot, table):
    with qtbot.assertNotEmitted(table.chosen):
        table.choose("Mitotic")
    assert view(table).currentIndex().row() == 1
    table.choose("no such class")
    assert table.current() == ""


def test_the_chosen_class_stays_chosen_when_others_come_and_go(qtbot, table):
    table.choose("Mitotic")
    with qtbot.assertNotEmitted(table.chosen):
        table.set_rows([ClassRow("Anaphase", "#000000", "", 0, None), *ROWS[2:]])
    assert table.current() == "Mitotic" and view(table).currentIndex().row() == 1


def test_the_chosen_class_stays_chosen_under_its_new_name(table):
    table.choose("Mitotic")
    table.set_rows([*ROWS[:2], ClassRow("Prophase", "#E69F00", "2", 3, 40), ROWS[3]])
    assert table.current() == "Prophase"


def test_no_class_is_chosen_when_the_chosen_one_is_gone(table):
    table.choose("Mitotic")
    table.set_rows(ROWS[:2])
    assert table.current() == "" and not view(table).currentIndex().isValid()


def test_a_double_click_renames_in_place(qtbot, table):
    double_click(qtbot, table, 1, NAME)
    qtbot.keyClicks(name_editor(table), " Ana ")
    with qtbot.waitSignal(table.renamed) as told:
        qtbot.keyClick(name_editor(table), Qt.Key.Key_Return)
    assert told.args == ["Mitotic", "Ana"] and texts(table)[1][NAME] == "Mitotic"


@pytest.mark.parametrize("typed", ["", "Mitotic", "Interphase"])
def test_an_empty_unchanged_or_taken_name_renames_nothing(qtbot, table, typed):
    table.rename("Mitotic")
    name_editor(table).setText(typed)
    with qtbot.assertNotEmitted(table.renamed):
        qtbot.keyClick(name_editor(table), Qt.Key.Key_Return)


def test_an_edit_under_way_survives_new_counts(qtbot, table):
    table.rename("Mitotic")
    editor = name_editor(table)
    editor.setText("Ana")
    table.set_rows([ClassRow(r.name, r.colour, r.key, r.annotated + 1, 7) for r in ROWS])
    assert name_editor(table) is editor and editor.text() == "Ana"
    assert texts(table)[1][2:] == ["Mitotic", "4", "7"]


def test_a_new_class_is_typed_below(qtbot, table):
    line = next(e for e in table.findChildren(QLineEdit) if e.placeholderText())
    line.setText(" 核分裂 ")
    with qtbot.waitSignal(table.added) as told:
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert told.args == ["核分裂"] and line.text() == ""


def test_adding_a_class_that_exists_chooses_it(qtbot, table):
    line = next(e for e in table.findChildren(QLineEdit) if e.placeholderText())
    qtbot.keyClicks(line, "Apoptotic")
    with qtbot.assertNotEmitted(table.added), qtbot.waitSignal(table.chosen) as told:
        qtbot.keyClick(line, Qt.Key.Key_Return)
    assert told.args == ["Apoptotic"]


def test_a_click_on_the_colour_changes_it(qtbot, table):
    with qtbot.waitSignal(table.recoloured) as told:
        click(qtbot, table, 0, SWATCH)
    assert told.args == ["Interphase", "#123456"]


def test_a_click_on_a_number_asks_for_its_cells(qtbot, table):
    asked = []
    table.cells_asked.connect(lambda name, annotated: asked.append((name, annotated)))
    for row, column in ((0, ANNOTATED), (1, PREDICTED), (2, ANNOTATED), (2, PREDICTED)):  # the last have none
        click(qtbot, table, row, column)
    assert asked == [("Interphase", True), ("Mitotic", False)]


def test_a_key_of_one_letter_is_typed_into_its_badge(qtbot, table):
    double_click(qtbot, table, 0, KEY)
    qtbot.keyClicks(name_editor(table), "qw")
    with qtbot.waitSignal(table.key_given) as told:
        qtbot.keyClick(name_editor(table), Qt.Key.Key_Return)
    assert told.args == ["Interphase", "q"]


def test_the_menu_merges_into_any_other_class(qtbot, table):
    into = submenu(table.menu_for("Mitotic"), "Merge into")
    assert [a.text() for a in into.actions()] == ["Interphase", "Apoptotic", NOT_A_CELL]
    with qtbot.waitSignal(table.merged) as told:
        action(into, "Interphase").trigger()
    assert told.args == ["Mitotic", "Interphase"]


def test_deleting_asks_only_where_annotations_would_go(qtbot, table):
    with qtbot.waitSignal(table.removed) as told:
        action(table.menu_for("Apoptotic"), "Delete").trigger()
    assert told.args == ["Apoptotic"] and not table.asked
    table.answer = False
    with qtbot.assertNotEmitted(table.removed):
        action(table.menu_for("Mitotic"), "Delete").trigger()
    assert table.asked == 1


def test_not_a_cell_cannot_be_renamed_deleted_or_merged(table):
    menu = table.menu_for(NOT_A_CELL)
    assert [a.text() for a in menu.actions() if a.isEnabled() and a.text()] == ["Colour …", "Key …"]
    table.rename(NOT_A_CELL)
    assert name_editor(table) is None


def test_seventy_classes_are_shown_within_a_fiftieth_of_a_second(table):
    def rows(k):
        return [ClassRow(f"Class {i}", "#0072B2", "", i * k, i * k) for i in range(70)]

    table.set_rows(rows(1))
    times = []
    for k in range(2, 7):
        start = time.perf_counter()
        table.set_rows(rows(k))
        times.append(time.perf_counter() - start)
    assert min(times) < 0.02


def test_long_names_are_cut_on_screen_and_whole_in_the_tooltip(table):
    name = "Apoptotic with very fragmented nuclei and blebs " * 3
    table.set_rows([ClassRow(name, "#0072B2", "", 1, 2)])
    assert view(table).model().index(0, NAME).data(Qt.ItemDataRole.ToolTipRole) == name
    assert view(table).horizontalHeader().length() <= view(table).viewport().width()
