"""Whatever a person does to the window, and whatever happens to it: it goes on, and nothing is lost."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from dataclasses import replace

import numpy as np
import pytest
from qtpy.QtCore import QMimeData, QPointF, Qt, QUrl
from qtpy.QtGui import QDropEvent
from qtpy.QtWidgets import QApplication
from tests.plates import write_plate
from tests.plugin.conftest import given, journal, left_running, points, told

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.plugin import dock_of
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.store.cell_files import MeasuredField
from napari_phenotyper.views.tour import Tour

pytestmark = pytest.mark.gl


def odd(tour, count=1):
    """Annotate cells of the open field as Odd, which none of them was before; return how many were hit."""
    if "Odd" not in tour.desk.session.annotations.classes:
        tour.desk.marking.add("Odd")
    tour.desk.marking.choose("Odd")
    before, done = given(tour, "Odd"), points(tour, "Odd")
    for y, x in [point for point in points(tour) if point not in done][:count]:
        tour.hand.click(y, x)
    return given(tour, "Odd") - before


def ours(tour):
    return list(tour.place.view.layers.layers)


def rename(viewer, layers):
    for layer in layers:
        layer.name = "mine"


def hide(viewer, layers):
    for layer in layers:
        layer.visible = False


def reorder(viewer, layers):
    viewer.layers.reverse()


def delete_one_by_one(viewer, layers):
    for layer in layers:
        viewer.layers.remove(layer)
        QApplication.processEvents()


def clear(viewer, layers):
    viewer.layers.clear()


@pytest.mark.parametrize(
    "change",
    [rename, delete_one_by_one, clear, *(pytest.param(one, marks=pytest.mark.slow) for one in (hide, reorder))],
)
def test_whatever_becomes_of_the_layers_annotating_goes_on_with_the_next_field(window, copy, change):
    tour = window(copy)
    assert odd(tour) == 1
    before = len(tour.desk.session.annotations)
    change(tour.viewer, ours(tour))
    y, x = points(tour)[3]
    tour.desk.marking.click(y, x)
    tour.hand.well("C03")
    assert len(ours(tour)) == 2
    assert odd(tour) == 1
    assert len(tour.desk.session.annotations) == before
    assert given(tour, "Odd") == 3


def test_a_layer_of_the_user_takes_the_clicks_while_it_draws(window, copy):
    tour = window(copy)
    tour.desk.marking.add("Odd")
    picture = tour.viewer.add_image(np.full((240, 240), 7.0), name="mine")
    spots = tour.viewer.add_points(np.zeros((0, 2)))
    spots.mode = "add"
    tour.hand.click(*points(tour)[0])
    drawing = tour.viewer.add_labels(np.zeros((240, 240), int))
    drawing.mode = "paint"
    tour.hand.click(*points(tour)[1])
    assert given(tour, "Odd") == 0
    assert len(spots.data) == 1 and drawing.data.any()
    painted = drawing.data.copy()
    tour.hand.well("C03")
    assert (drawing.data == painted).all() and len(spots.data) == 1 and (picture.data == 7).all()
    tour.viewer.layers.selection.active = ours(tour)[-1]
    assert odd(tour) == 1


def test_closing_the_dock_stops_the_work_and_frees_the_project(window, copy):
    tour = window(copy)
    assert odd(tour, 2) == 2
    tour.viewer.window.remove_dock_widget(tour.dock)
    tour.hand.until(lambda: not left_running(), 10)
    assert not [layer for layer in tour.viewer.layers if layer.name.endswith("Cells")]
    assert journal(copy).count("Odd") == 2


def test_the_dock_opens_again_where_it_was_closed(window, copy):
    tour = window(copy)
    assert odd(tour, 2) == 2
    tour.viewer.window.remove_dock_widget(tour.dock)
    tour.hand.wait(0.2)
    again = Tour(tour.viewer, dock_of(tour.viewer))
    again.open(copy)
    assert not again.desk.session.project.read_only
    assert given(again, "Odd") == 2
    assert odd(again) == 1


def test_a_second_window_on_the_same_project_looks_and_does_not_touch(window, copy):
    first = window(copy)
    second = window(copy)
    assert f"process {os.getpid()}" in second.place.hint.text()
    second.hand.well("C03")
    y, x = points(second)[0]
    before = dict(second.desk.session.annotations.active)
    assert len(second.desk.session.annotations.classes) == 2
    second.hand.click(y, x)
    second.hand.key(Qt.Key.Key_1)
    second.undo(1)
    second.desk.marking.add("Odd")
    assert second.desk.session.annotations.active == before
    assert any("is being written by process" in text for text in told(second))
    assert odd(first) == 1


def test_a_second_window_on_another_project_works_fully(window, copy, tmp_path):
    window(copy)
    second = window(write_plate(tmp_path / "P2", wells=("B02",), fields=1))
    second.segment()
    assert odd(second) == 1
    assert not told(second)


def has_masks(plate):
    """Whether segmenting has come to its first well."""
    masks = project_folder(plate) / "masks"
    return masks.is_dir() and any(path.is_dir() for path in masks.rglob("B*"))


def test_closing_the_window_while_it_segments_keeps_what_was_done(window, tmp_path):
    plate = write_plate(
        tmp_path / "P3", wells=[f"{row}{column:02}" for row in "BCDE" for column in range(2, 8)], fields=4
    )
    tour = window(plate)
    tour.hand.press(tour.place.segment.run)
    tour.hand.until(lambda: has_masks(plate))
    assert tour.desk.background.jobs
    began = time.monotonic()
    tour.viewer.close()
    tour.hand.until(lambda: not left_running(), 20)
    assert time.monotonic() - began < 10
    again = window(plate)
    again.hand.wait(0.3)
    assert 0 < len(again.desk.surveys[again.desk.viewing.plate.name].cells) < 96
    again.segment()
    assert again.measured == 96


def test_closing_the_window_while_it_learns_keeps_every_click(window, copy):
    tour = window(copy)
    assert odd(tour, 3) == 3
    tour.hand.until(lambda: any(job.title.startswith("Learning") for job in tour.desk.background.jobs))
    assert odd(tour, 2) == 2
    began = time.monotonic()
    tour.viewer.close()
    tour.hand.until(lambda: not left_running(), 20)
    assert time.monotonic() - began < 10
    assert journal(copy).count("Odd") == 5


def spoil(plate):
    """Make a column of all cells, and some values of every other column, not a number."""
    with opened(project_folder(plate)) as session:
        for item in list(wanted(session, next(iter(session.plates.values())))):
            cells = session.project.cells.get(item.field.ref, item.mask, item.blocks)
            blocks = {}
            for number, (name, block) in enumerate(cells.blocks.items()):
                values = block.values.copy()
                values[::3] = np.nan
                values[1, :] = np.inf
                values[:, 0] = np.nan if number == 0 else values[:, 0]
                blocks[name] = ColumnBlock(block.columns, values)
            spoilt = MeasuredField(replace(cells, blocks=blocks), item.mask, item.blocks)
            session.project.cells.put(item.field.ref.well_ref, [spoilt])


def test_features_that_are_no_numbers_do_not_stop_the_learning(window, copy):
    spoil(copy)
    tour = window(copy)
    assert odd(tour, 5) == 5
    tour.wait_for_predictions()
    assert len(tour.desk.predictions) == 8
    assert not told(tour)


def label_odd_and_even(tour, wells, each):
    """Annotate the first cells of some wells: two classes in turn."""
    for name in ("Even", "Odd"):
        if name not in tour.desk.session.annotations.classes:
            tour.desk.marking.add(name)
    for well in wells:
        if tour.desk.viewing.open.ref.well != well:
            tour.hand.well(well)
        for number, (y, x) in enumerate(points(tour)[:each]):
            tour.desk.marking.choose(("Even", "Odd")[number % 2])
            tour.hand.click(y, x)


def test_one_class_is_told_in_words_and_a_second_gets_predictions(window, bare):
    tour = window(bare)
    tour.desk.marking.add("Even")
    tour.hand.click(*points(tour)[0])
    tour.hand.until(lambda: "second class" in tour.desk.live.state)
    label_odd_and_even(tour, ("B02", "C03"), 8)
    tour.hand.until(lambda: len(tour.desk.predictions) == 8)
    assert not told(tour)


def test_two_cells_of_one_well_are_learnt_from_and_why_there_are_no_scores_is_told(window, bare):
    tour = window(bare)
    label_odd_and_even(tour, ("B02",), 2)
    tour.hand.until(lambda: len(tour.desk.predictions) == 8)
    tour.hand.until(lambda: tour.desk.untestable)
    assert "wells" in tour.desk.untestable
    label_odd_and_even(tour, ("B03", "C03"), 8)
    tour.hand.until(lambda: tour.desk.scores is not None)
    assert not told(tour)


def test_a_class_that_is_in_one_well_only_does_not_stop_the_scores(window, bare):
    tour = window(bare)
    label_odd_and_even(tour, ("B02",), 6)
    tour.desk.marking.add("Rare")
    tour.hand.well("C03")
    for y, x in points(tour)[:4]:
        tour.hand.click(y, x)
    tour.hand.until(lambda: tour.desk.scores is not None or tour.desk.untestable)
    assert tour.desk.untestable or tour.desk.scores["warnings"]
    assert len(tour.desk.predictions) == 8
    assert not told(tour)


def kill_workers():
    """What a system does that has run out of memory."""
    for process in multiprocessing.active_children():
        os.kill(process.pid, signal.SIGKILL)


def test_a_learning_worker_that_is_killed_is_told_and_the_next_click_learns_again(window, copy):
    tour = window(copy)
    tour.wait_for_predictions()
    tour.desk.live.choose("fastnet", {})  # which learns long enough to be killed while it does
    odd(tour)
    jobs = tour.desk.background
    tour.hand.until(lambda: any(j.title.startswith("Learning") and j.state == "running" for j in jobs.jobs))
    kill_workers()
    tour.hand.until(lambda: any("ended unexpectedly" in text for text in told(tour)))
    tour.desk.live.choose("svm", {})
    tour.desk.predictions.clear()
    odd(tour)
    tour.hand.until(lambda: len(tour.desk.predictions) == 8)
    assert "Odd" in tour.desk.predictions.class_counts()


def test_a_learning_worker_that_is_killed_between_two_clicks_is_not_missed(window, copy):
    tour = window(copy)
    tour.wait_for_predictions()
    kill_workers()
    odd(tour)
    tour.hand.until(lambda: "Odd" in tour.desk.predictions.class_counts() and not tour.desk.background.jobs)
    assert len(tour.desk.predictions) == 8


def test_a_plate_worker_that_is_killed_is_told_and_the_rest_is_done_again(window, tmp_path):
    plate = write_plate(tmp_path / "P3", wells=[f"B{column:02}" for column in range(2, 12)], fields=6)
    tour = window(plate)
    tour.hand.press(tour.place.segment.run)
    tour.hand.until(lambda: has_masks(plate))
    while tour.desk.background.jobs:  # killed between two fields, it is replaced without a word
        kill_workers()
        tour.hand.wait(0.3)
    assert any("ended unexpectedly" in text for text in told(tour))
    tour.segment()
    assert tour.measured == 60


def test_a_folder_that_is_no_plate_is_told_once_and_the_right_one_opens(window, plate, tmp_path):
    wrong = tmp_path / "holiday"
    wrong.mkdir()
    (wrong / "beach.txt").write_text("sun")
    tour = window()
    tour.dock.open(wrong)
    tour.hand.until(lambda: bool(tour.dock.problems.problems()))
    (problem,) = tour.dock.problems.problems()
    assert str(wrong) in problem.what and problem.remedy
    assert tour.dock.opening.pattern.isVisible()
    assert not project_folder(wrong).exists()
    tour.open(plate)
    assert tour.desk.viewing.open.ref.well == "B02"


def test_a_wrong_folder_leaves_the_plate_that_is_open(window, copy, tmp_path):
    tour = window(copy)
    (tmp_path / "holiday").mkdir()
    tour.dock.open(tmp_path / "holiday")
    tour.hand.until(lambda: len(told(tour)) == 1)
    assert odd(tour) == 1


def test_a_plate_that_is_open_opens_again_to_write(window, copy):
    tour = window(copy)
    desk = tour.desk
    tour.open(copy)
    tour.hand.wait(1.0)
    assert tour.desk is desk and not desk.session.project.read_only
    assert odd(tour) == 1


def test_another_plate_takes_the_place_of_the_first_in_the_middle_of_its_work(window, copy, tmp_path):
    tour = window(copy)
    assert odd(tour) == 1
    tour.open(write_plate(tmp_path / "P2", wells=("D05",), fields=1))
    assert tour.desk.viewing.open.ref.well == "D05"
    assert len(ours(tour)) == 2  # the channel, and the cells to come
    assert journal(copy).count("Odd") == 1


def test_a_plate_that_is_dropped_on_the_dock_opens(window, plate):
    tour = window()
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(plate))])
    event = QDropEvent(QPointF(50, 50), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton,
                       Qt.KeyboardModifier.NoModifier)  # fmt: skip
    tour.dock.dropEvent(event)
    tour.hand.until(lambda: tour.dock.desk is not None and tour.desk.viewing.open is not None)
    assert tour.desk.viewing.plate.name == "P1"


def test_a_first_field_that_is_truncated_is_told_once_and_the_next_one_shows(window, plate):
    first = plate / "P1_B02_s1_w1.tif"
    first.write_bytes(first.read_bytes()[:3000])
    tour = window(plate)
    assert [problem.times for problem in tour.place.jobs.problems() if first.name in problem.what] == [1]
    tour.hand.press(tour.place.segment.run)
    tour.hand.until(lambda: tour.measured == 7 and not tour.desk.background.jobs)
    tour.hand.well("C03")
    assert odd(tour) == 1


def test_a_click_that_cannot_be_saved_vanishes_again_and_says_so(window, copy):
    tour = window(copy)
    assert odd(tour) == 1
    tour.hand.until(lambda: not tour.desk.session.unsaved)
    db = tour.desk.session.project.journal._db
    most = db.execute("PRAGMA max_page_count").fetchone()[0]
    db.execute("PRAGMA max_page_count=1")  # sqlite takes the pages that it has: the disk is full
    tour.desk.marking.paint(points(tour))
    tour.hand.until(lambda: told(tour))
    assert "no space left" in told(tour)[0]
    assert given(tour, "Odd") == 1
    tour.hand.wait(0.2)
    assert tour.place.annotate.saved.text() == "All saved"
    db.execute(f"PRAGMA max_page_count={most}")
    assert odd(tour, 2) == 2
    tour.viewer.close()
    tour.hand.until(lambda: not left_running(), 20)
    assert journal(copy).count("Odd") == 3


def test_the_theme_changes_while_the_window_is_open(window, copy):
    tour = window(copy)
    for theme in ("light", "dark", "system"):
        tour.viewer.theme = theme
        tour.hand.wait(0.1)
    assert odd(tour) == 1
