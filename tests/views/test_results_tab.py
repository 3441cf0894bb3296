"""The tab Results and its figures on a real desk."""

from __future__ import annotations

import csv
from dataclasses import replace

import pytest
from qtpy.QtCore import QPointF, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QStyle

from napari_phenotyper.core.plate import Condition, Layout
from napari_phenotyper.pages.hit_figures import FIGURES, WELLS
from napari_phenotyper.views.figures_dialog import FiguresDialog
from napari_phenotyper.views.hints import PLATE
from napari_phenotyper.views.hit_rows import HEADS
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.results_form import LIVE
from napari_phenotyper.views.results_tab import ResultsTab

pytestmark = pytest.mark.gl


@pytest.fixture
def tab(shown, desk):
    desk.live.classifier = "lda"
    return shown(ResultsTab(desk))


@pytest.fixture
def found(tab, desk, until):
    """The tab after its button was pressed."""
    tab.form.find.click()
    until(lambda: desk.results.findings is not None and not desk.background.jobs)
    return tab


def wells(tab, column=0):
    return [tab.model.index(row, column).data() for row in range(tab.model.rowCount())]


def column_of(title):
    return [head for head, _ in HEADS.values()].index(title)


def test_before_anything_was_found_one_press_is_offered_with_the_model_of_all_annotations(tab):
    assert tab.form.find.isEnabled() and "Find hits" in tab.note.text()
    assert tab.form.model.currentData() == LIVE and tab.form.question().learner.classifier == "lda"
    assert not tab.table.isVisible()


def test_the_choices_of_how_hits_are_found_fit_beside_the_canvas(tab):
    tab.form.how.setChecked(True)
    assert tab.form.minimumSizeHint().width() <= 400


def test_without_a_layout_the_tab_says_what_to_do_and_links_to_where(tab, desk):
    desk.session.update(replace(desk.viewing.plate, layout=Layout()))
    assert not tab.form.find.isEnabled() and "negative control" in tab.note.text()
    asked = []
    tab.tab_asked.connect(asked.append)
    assert f'href="{PLATE}"' in tab.note.text()
    tab.note.linkActivated.emit(str(PLATE))
    assert asked == [PLATE]


def test_where_only_controls_have_cells_it_is_said_that_nothing_can_be_compared(tab, desk, until):
    plate = desk.viewing.plate
    untreated = {well: Condition("DMSO", "negative") for well in plate.well_refs()}
    desk.session.update(replace(plate, layout=Layout(untreated)))
    tab.form.find.click()
    until(lambda: desk.results.findings is not None and not desk.background.jobs)
    assert "no well to compare" in tab.note.text() and tab.model.rowCount() == 0


def test_a_press_lists_the_hits_and_says_how_many_wells_differ_and_what_was_left_out(found):
    assert wells(found)[0] == "C03" and wells(found, column_of("Class"))[0] == "Mitotic"
    assert "1 of 2 wells differ" in found.note.text() and "2 negative control wells" in found.note.text()
    assert "left out" in found.note.text().lower()


def test_a_head_sorts_and_the_class_filters(found):
    found.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert wells(found) == ["C02", "C02", "C03", "C03"]
    found.form.column.setCurrentIndex(found.form.column.findData("Mitotic"))
    assert wells(found) == ["C02", "C03"] and set(wells(found, column_of("Class"))) == {"Mitotic"}


def test_a_head_that_sorts_has_room_for_its_arrow(found):
    heads = found.table.horizontalHeader()
    before = heads.sectionSize(0)
    found.table.sortByColumn(0, Qt.SortOrder.AscendingOrder)
    assert heads.sectionSize(0) >= before + heads.style().pixelMetric(QStyle.PixelMetric.PM_HeaderMarkSize)


@pytest.mark.parametrize("by", ["click", "Return"])
def test_a_click_or_return_on_a_row_opens_its_well_and_cells(found, desk, until, by):
    place = found.table.visualRect(found.model.index(0, 0)).center()
    if by == "click":
        QTest.mouseClick(found.table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    else:
        found.table.setCurrentIndex(found.model.index(0, 0))
        QTest.keyClick(found.table, Qt.Key.Key_Return)
    until(lambda: desk.viewing.wish.well == "C03" and len(desk.gallery.groups) == 2)


def test_the_table_is_saved_as_the_command_writes_it(found, desk, tmp_path, monkeypatch):
    monkeypatch.setattr(found, "ask_file", lambda: str(tmp_path / "hits.csv"))
    found.save.click()
    rows = list(csv.DictReader((tmp_path / "hits.csv").open(encoding="utf-8")))
    assert len(rows) == len(desk.results.findings.hits) == 8
    assert float(rows[0]["score"]) == pytest.approx(desk.results.findings.hits[0].score, rel=1e-4)


def test_an_annotation_that_changes_makes_the_hits_old_and_it_is_said(found, desk):
    assert not found.stale.isVisible()
    desk.marking.remove("Mitotic")
    assert found.stale.isVisible()


def test_empty_and_blurred_fields_are_left_out_and_those_that_a_treatment_may_have_changed_are_counted(tab):
    assert tab.form.question().leave_out == ("empty", "out of focus")
    tab.form.doubtful.setChecked(False)
    assert tab.form.question().leave_out == ()


def test_features_are_offered_with_the_profile_of_means(tab, desk):
    tab.form.profile.setCurrentIndex(tab.form.profile.findData("means"))
    features = [tab.form.column.itemData(i) for i in range(tab.form.column.count())]
    assert features == ["", *desk.surveys["P1"].columns]
    assert tab.form.question().profiler == "means"


def test_with_too_many_wells_for_all_features_one_is_asked_for(tab, desk, monkeypatch):
    monkeypatch.setattr("napari_phenotyper.views.results_form.MOST", 10)
    tab.form.profile.setCurrentIndex(tab.form.profile.findData("means"))
    assert tab.form.question().column == desk.surveys["P1"].columns[0]


def test_the_map_wears_the_score_that_is_shown(shown, found, desk):
    panel = shown(PlatePanel(desk))
    desk.results.choose("Mitotic")
    face = panel.map.face
    assert face.title == "Hit score of Mitotic" and face.diverging
    assert face.values["C03"] == desk.results.scores("P1", "Mitotic")["C03"]
    assert face.roles["B02"] == "negative"


# Figures

BY_TREATMENT = ("treatments", "wells", "shares", "share bars")
"""Figures whose numbers have a row per treatment, or per row of a heat map."""


@pytest.fixture
def dialog(found, desk, until, qtbot):
    made = FiguresDialog(desk, found)
    made.show()
    until(lambda: made.drawn is not None)
    yield made
    made.close()


def test_a_click_on_a_row_of_the_heat_map_opens_its_well(dialog, desk, until):
    dialog.kinds.setCurrentIndex(dialog.kinds.findData(WELLS))
    until(lambda: dialog.drawn.heat is not None and len(dialog.drawn.heat.rows) == 4)
    row = next(i for i, wells in enumerate(dialog.drawn.heat.rows) if wells[0].well == "C02")
    place = QPointF(dialog.picture.rect_of(row).center()).toPoint()
    QTest.mouseClick(dialog.picture, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, place)
    until(lambda: desk.viewing.wish.well == "C02")


def test_every_figure_is_drawn_and_saved_as_png_svg_and_csv(dialog, until, tmp_path):
    assert [dialog.kinds.itemData(i) for i in range(dialog.kinds.count())] == list(FIGURES)
    for i in range(dialog.kinds.count()):
        before = dialog.drawn
        dialog.kinds.setCurrentIndex(i)
        until(lambda before=before, i=i: i == 0 or dialog.drawn is not before)
        first = b"treatment" if dialog.kinds.itemData(i) in BY_TREATMENT else b"plate,well"
        for ending, begins in ((".png", b"\x89PNG"), (".svg", b"<?xml"), (".csv", first)):
            path = tmp_path / f"{i}{ending}"
            dialog.save_as(path)
            assert path.read_bytes().startswith(begins)
