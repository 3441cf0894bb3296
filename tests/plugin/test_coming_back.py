"""A window that is closed and opened again stands as it stood; what was kept is worn without training."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.plugin.conftest import left_running

from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.unfinished import SEGMENT, Unfinished, begin
from napari_phenotyper.views.hints import TRAIN
from napari_phenotyper.views.provenance_dialog import ProvenanceDialog

pytestmark = pytest.mark.gl
PATIENCE = 240


def close(tour):
    idle(tour)
    tour.viewer.close()
    tour.hand.until(lambda: not left_running(), 60)
    tour.hand.wait(0.5)


def worn(tour):
    found = tour.desk.predictions.fields().values()
    return {prediction.model for prediction in found}


def idle(tour):
    tour.hand.until(lambda: not tour.desk.background.jobs, PATIENCE)


def test_all_is_as_it_was_when_the_window_is_opened_again(window, copy):
    tour = window(copy)
    desk, place = tour.desk, tour.place
    tour.hand.until(lambda: desk.live.model is not None and len(desk.predictions) == 8, PATIENCE)
    place.train.chooser.names.setCurrentIndex(place.train.chooser.names.findData("lda"))
    tour.hand.until(lambda: desk.live.classifier == "lda" and desk.live.model is not None, PATIENCE)
    idle(tour)
    desk.keep()
    tour.hand.until(lambda: bool(desk.session.project.models.ids()), PATIENCE)
    idle(tour)
    (kept,) = desk.session.project.models.ids()
    count = len(desk.session.annotations)
    tour.hand.well("C02")
    tour.hand.wait(0.2)
    desk.viewing.step(1)
    tour.hand.until(lambda: (desk.viewing.open.ref.well, desk.viewing.open.ref.field) == ("C02", 2), PATIENCE)
    place.view.layers.look_at(60.0, 180.0, 3.0)
    place.view.set_style("filled")
    image = next(layer for layer in place.view.layers.layers if layer.name.startswith("DNA"))
    image.contrast_limits = (150.0, 5000.0)
    place.plate.colour_by("share", "Mitotic")
    tour.hand.tab(place.tabs, TRAIN)
    tour.hand.wait(0.7)
    looked = place.view.layers.looked_at()
    close(tour)

    state = json.loads((project_folder(copy) / "view.json").read_text())
    assert (state["plates"]["P1"]["well"], state["plates"]["P1"]["field"]) == ("C02", 2)

    again = window(project_folder(copy))
    desk, place = again.desk, again.place
    titles = []
    desk.background.events.job.connect(lambda job: titles.append(job.title))
    again.hand.until(lambda: len(desk.predictions) == 8, PATIENCE)
    idle(again)
    again.hand.wait(1.0)
    assert (desk.viewing.open.ref.well, desk.viewing.open.ref.field) == ("C02", 2)
    assert place.view.layers.looked_at() == pytest.approx(looked, rel=0.02, abs=1.5)
    assert place.view.style == "filled"
    image = next(layer for layer in place.view.layers.layers if layer.name.startswith("DNA"))
    assert tuple(image.contrast_limits) == (150.0, 5000.0)
    assert place.plate.colours.currentData() == "share:Mitotic"
    assert place.tabs.tabText(place.tabs.currentIndex()) == "Train"
    assert len(desk.session.annotations) == count and desk.session.annotations.classes == ("Interphase", "Mitotic")
    assert desk.live.classifier == place.train.chooser.name == "lda"
    assert worn(again) == {kept} and desk.live.model is None
    assert not any(title.startswith("Learning") for title in titles)
    ids = desk.viewing.open.masks.ids()
    assert (desk.marking.look().predicted[ids] >= 0).all() and np.isfinite(desk.marking.look().probability[ids]).all()
    assert place.results.form.model.currentData() == kept
    close(again)


def test_a_job_that_a_closed_window_left_is_offered_and_goes_on_only_when_asked(window, copy):
    with opened(project_folder(copy)) as session:
        session.open(copy)
        begin(session, Unfinished(SEGMENT, "P1"))
        masks = session.folder / "masks"
    for path in sorted(masks.rglob("*C03*"))[:1]:
        path.rename(path.with_name("gone"))
    tour = window(copy)
    tour.hand.until(lambda: tour.desk.resuming.offers, PATIENCE)
    line = tour.place.resume.lines[0]
    assert tour.place.resume.isVisible() and "6 of 8 fields. Go on?" in line.text.text()
    assert not any(job.title.startswith("Segmenting") for job in tour.desk.background.jobs)
    tour.hand.press(line.go_on)
    tour.hand.until(lambda: tour.measured == 8 and not tour.desk.resuming.offers, PATIENCE)
    idle(tour)
    assert not tour.desk.session.setting("unfinished") and not tour.place.resume.isVisible()


def test_the_project_that_was_open_last_is_one_click_away(window, copy):
    first = window(copy)
    first.hand.wait(0.3)
    close(first)
    again = window()
    rows = again.dock.recent.rows
    again.hand.until(lambda: rows.count() and again.dock.recent.isVisible(), PATIENCE)
    assert rows.item(0).text().startswith("P1")
    rows.itemClicked.emit(rows.item(0))
    again.hand.until(lambda: again.dock.desk is not None and again.desk.viewing.open is not None, PATIENCE)
    assert again.desk.session.folder == project_folder(copy)


def test_how_the_results_came_about_is_told_and_can_be_copied(window, copy):
    tour = window(copy)
    tour.place.show_methods("cells")
    (dialog,) = tour.place.findChildren(ProvenanceDialog)
    tour.hand.until(dialog.copy.isEnabled, PATIENCE)
    assert "200 cells in 8 fields" in dialog.text.toPlainText()
