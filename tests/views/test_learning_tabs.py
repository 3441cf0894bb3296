"""The tabs Annotate and Train, and the field beside them, on a real desk."""

from __future__ import annotations

import math

import pytest
from qtpy.QtCore import QUrl

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.desk.judging import COMPARISON, CURVE, SUSPECTS
from napari_phenotyper.views.annotate_tab import AnnotateTab
from napari_phenotyper.views.train_tab import TrainTab

pytestmark = pytest.mark.gl


# Annotate


@pytest.fixture
def annotate(shown, desk, view_of):
    return shown(AnnotateTab(desk, view_of(desk)))


def rows(tab):
    return {row.name: row for row in tab.table._model.rows}


def test_a_class_is_added_chosen_and_taken_back_by_undo(annotate, desk, until):
    annotate.table.added.emit("Apoptotic")
    assert desk.marking.chosen == annotate.table.current() == "Apoptotic"
    annotate.undo.click()
    until(lambda: "Apoptotic" not in desk.session.annotations.classes)
    annotate.redo.click()
    until(lambda: "Apoptotic" in rows(annotate))


def test_a_class_is_renamed_with_its_annotations_and_that_is_undone(annotate, desk):
    before = rows(annotate)["Mitotic"].annotated
    annotate.table.renamed.emit("Mitotic", "Dividing")
    assert rows(annotate)["Dividing"].annotated == before
    annotate.undo.click()
    assert rows(annotate)["Mitotic"].annotated == before


def test_a_class_is_recoloured_and_that_is_undone(annotate, desk):
    before = rows(annotate)["Mitotic"].colour
    annotate.table.recoloured.emit("Mitotic", "#123456")
    assert rows(annotate)["Mitotic"].colour == "#123456"
    annotate.undo.click()
    assert rows(annotate)["Mitotic"].colour == before


def test_two_classes_are_merged_and_that_is_undone(annotate, desk):
    before = {name: row.annotated for name, row in rows(annotate).items()}
    annotate.table.merged.emit("Mitotic", "Interphase")
    assert rows(annotate)["Interphase"].annotated == before["Mitotic"] + before["Interphase"]
    assert "Mitotic" not in rows(annotate)
    annotate.undo.click()
    assert {name: row.annotated for name, row in rows(annotate).items()} == before


def test_a_class_is_deleted_with_its_annotations_and_that_is_undone(annotate, desk):
    before = len(desk.session.annotations)
    gone = rows(annotate)["Mitotic"].annotated
    annotate.table.removed.emit("Mitotic")
    assert len(desk.session.annotations) == before - gone
    annotate.undo.click()
    assert len(desk.session.annotations) == before


def test_the_table_counts_annotations_and_predictions(annotate, desk, until):
    standing = [a.phenotype for a in desk.session.annotations.active.values()]
    assert rows(annotate)["Mitotic"].annotated == standing.count("Mitotic")
    assert rows(annotate)["Mitotic"].predicted is None
    desk.live.switch(True)
    until(lambda: len(desk.predictions) == 8 and rows(annotate)["Mitotic"].predicted is not None)
    until(lambda: rows(annotate)["Mitotic"].predicted == desk.predictions.class_counts()["Mitotic"])


def test_not_a_cell_is_there_before_anybody_gave_it(annotate, desk):
    assert NOT_A_CELL not in desk.session.annotations.classes
    row = list(rows(annotate).values())[-1]
    assert (row.name, row.key, row.annotated) == (NOT_A_CELL, "X", 0)


def test_not_a_cell_is_given_by_a_click_once_it_is_chosen(annotate, desk, cell_at):
    annotate.table.chosen.emit(NOT_A_CELL)
    desk.marking.click(*cell_at(desk))
    assert rows(annotate)[NOT_A_CELL].annotated == 1


def test_a_key_moves_from_the_class_that_had_it(annotate, desk):
    taken = rows(annotate)["Interphase"].key
    annotate.table.key_given.emit("Mitotic", taken)
    assert rows(annotate)["Mitotic"].key == taken
    assert rows(annotate)["Interphase"].key == ""


def test_the_tab_says_what_is_on_its_way_to_the_disk_and_that_all_is_saved(annotate, desk, until):
    said = []
    desk.marking.events.saved.connect(lambda _: said.append(annotate.saved.text()))
    assert annotate.saved.text() == "All saved"
    annotate.table.added.emit("Apoptotic")
    until(lambda: desk.session.unsaved == 0 and annotate.saved.text() == "All saved")
    assert said[0] in ("Saving 1 …", "All saved")


def test_a_read_only_project_says_so_where_others_are_saved(shown, desk_on, copy, view_of):
    desk = desk_on(copy, read_only=True)
    assert shown(AnnotateTab(desk, view_of(desk))).saved.text() == "Read-only"


def test_the_lists_of_looks_follow_the_keys(annotate):
    annotate._view.next_style()
    annotate._view.next_colouring()
    assert (annotate.style.currentText(), annotate.colouring.currentText()) == ("Filled", "Confidence")
    assert annotate.legend.isVisible()


def test_the_looks_follow_the_lists(annotate):
    annotate.style.setCurrentIndex(annotate.style.findData("filled"))
    annotate.colouring.setCurrentIndex(annotate.colouring.findData("confidence"))
    assert (annotate._view.style, annotate._view.colouring) == ("filled", "confidence")


def test_the_box_of_live_learning_follows_the_key(annotate, desk):
    desk.live.switch(True)
    desk.live.switch(False)
    assert not annotate.live.isChecked()


def test_the_box_of_live_learning_follows_the_key_where_nothing_is_annotated(shown, fresh, view_of):
    tab = shown(AnnotateTab(fresh, view_of(fresh)))
    fresh.live.switch(False)
    assert not tab.live.isChecked()
    fresh.live.switch(True)
    assert tab.live.isChecked()


# Train


@pytest.fixture
def train(shown, desk, view_of):
    return shown(TrainTab(desk, view_of(desk)))


def ask(train, question):
    train.judging.questions.setCurrentIndex(train.judging.questions.findData(question))
    train.test.click()


def test_another_classifier_learns_live(train, desk, until):
    train.live.setChecked(True)
    until(lambda: desk.live.model is not None)
    first = set(desk.live.model.arrays)
    train.chooser.names.setCurrentIndex(train.chooser.names.findData("lda"))
    assert desk.live.classifier == "lda"
    until(lambda: desk.live.model is not None)
    assert set(desk.live.model.arrays) != first


def test_parameters_are_taken_after_a_pause(train, desk, until):
    train.chooser.form.set_value({"cost": 2.0})
    train.chooser.form.changed.emit()
    assert desk.live.settings["cost"] != 2.0
    until(lambda: desk.live.settings["cost"] == 2.0)


def test_scores_are_shown_and_out_of_date_after_another_annotation(train, desk, until, cell_at):
    train.test.click()
    until(lambda: desk.scores is not None)
    assert not train.scores._stale.isVisible()
    assert train.scores._table.isVisible()
    desk.marking.clear(*cell_at(desk))
    assert train.scores._stale.isVisible()


def test_scores_of_another_classifier_are_out_of_date(train, desk, until):
    train.test.click()
    until(lambda: desk.scores is not None)
    train.chooser.names.setCurrentIndex(train.chooser.names.findData("lda"))
    assert train.scores._stale.isVisible()


def test_a_model_that_is_kept_is_named(train, desk, until):
    assert train.kept.text() == "No model is kept yet."
    train.keep.click()
    until(lambda: desk.session.project.models.ids() and not desk.background.jobs)
    assert train.kept.text() == f"Kept: {desk.session.project.models.ids()[0]}"


def test_the_state_of_live_learning_is_told(train, desk, until):
    train.live.setChecked(True)
    until(lambda: train.state.text().startswith("Live model of"))
    train.live.setChecked(False)
    assert train.state.text() == "Live learning is off."


# The field


def test_how_a_channel_is_shown_is_kept_in_the_project(desk_on, copy, view_of, until):
    first = desk_on(copy, live=False)
    layer = view_of(first).layers.layers[0]
    layer.contrast_limits = (300.0, 4000.0)
    layer.colormap = "magma"
    until(lambda: first.session.setting("display"))
    first.close()
    again = view_of(desk_on(copy, live=False)).layers.layers[0]
    assert list(again.contrast_limits) == [300.0, 4000.0]
    assert again.colormap.name == "magma"


def test_how_channels_are_shown_is_kept_for_each_of_them(desk_on, two_channels, view_of, until):
    desk = desk_on(two_channels)
    dna, other, _ = view_of(desk).layers.layers
    dna.visible = False
    other.contrast_limits = (250.0, 5000.0)
    until(lambda: len(desk.session.setting("display").get("P1", {})) == 2)
    assert desk.session.setting("display")["P1"]["DNA"]["visible"] is False


def test_what_more_labels_would_bring_is_drawn_and_said(train, desk, until):
    ask(train, CURVE)
    until(lambda: CURVE in desk.judging.found)
    points = desk.judging.found[CURVE]["points"]
    assert points[-1]["n"] == len(desk.session.annotations)
    chart = train.judging.chart
    assert chart.isVisible()
    first, last = (chart.place(p["n"], p["balanced_accuracy"]["value"]) for p in (points[0], points[-1]))
    assert 0 < first.x() < last.x() <= chart.width() and 0 <= last.y() <= chart.height()
    assert "All classes" in train.judging.text(CURVE)


def test_another_classifier_is_compared_on_the_same_cells(train, desk, until):
    train.judging.others.setCurrentIndex(train.judging.others.findData("lda"))
    ask(train, COMPARISON)
    until(lambda: COMPARISON in desk.judging.found)
    assert set(desk.judging.found[COMPARISON]["classifiers"]) == {"svm", "lda"}
    assert "lda" in train.judging.text(COMPARISON)


def test_a_label_that_looks_wrong_is_listed_and_a_click_opens_its_cell(train, desk, until):
    wrong = max(desk.session.annotations.active.values(), key=lambda a: a.field)
    desk.viewing.show(wrong.field)
    until(lambda: desk.viewing.open.ref == wrong.field)
    desk.marking.click(wrong.y, wrong.x, "Mitotic" if wrong.phenotype == "Interphase" else "Interphase")
    desk.viewing.show_plate("P1")
    ask(train, SUSPECTS)
    until(lambda: SUSPECTS in desk.judging.found)
    rows = desk.judging.found[SUSPECTS]["suspects"]
    near = [math.hypot(row["y"] - wrong.y, row["x"] - wrong.x) < 20 for row in rows]
    (place,) = [i for i, row in enumerate(rows) if near[i] and (row["well"], row["field"]) == wrong.field[1:]]
    train.judging._texts[SUSPECTS].anchorClicked.emit(QUrl(str(place)))

    def beside():
        y, x = train._view.layers._viewer.scene.camera.center[-2:]
        return math.hypot(y - rows[place]["y"], x - rows[place]["x"])

    until(lambda: desk.viewing.open.ref == wrong.field and beside() < 1)
