"""Hits in a real window: found by one press, opened by a click, and gone with the window."""

from __future__ import annotations

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QPushButton

from napari_phenotyper.views.figures_dialog import FiguresDialog
from napari_phenotyper.views.hints import RESULTS

pytestmark = pytest.mark.gl


def test_a_hit_opens_its_field_and_its_cells_beside_those_of_the_controls(window, copy):
    tour = window(copy)
    hit = tour.hits()
    assert (hit.well.well, hit.column) == ("C03", "Mitotic")
    assert tour.place.gallery.is_open and all(len(group.rows) for group in tour.desk.gallery.groups)
    assert tour.place.plate.map.face.title == "Hit score of the strongest class"
    tour.place.results.show_figures()
    (dialog,) = tour.place.results.findChildren(FiguresDialog)
    tour.hand.until(lambda: dialog.drawn is not None)  # and is left open: it goes with the window


def cancel(tour):
    """The button that cancels the job, None while there is none."""
    buttons = tour.place.jobs.findChildren(QPushButton)
    return next((b for b in buttons if b.toolTip().startswith("Cancel: Finding hits") and b.isVisible()), None)


def test_a_key_finds_hits_and_its_job_can_be_cancelled(window, copy):
    tour = window(copy)
    tour.place.train.live.setChecked(False)
    tour.desk.live.choose("fastnet", {})  # takes long enough to be cancelled
    tour.hand.key(Qt.Key.Key_H)
    assert tour.place.tabs.currentIndex() == RESULTS
    job = next(job for job in tour.desk.background.jobs if job.title == "Finding hits")
    tour.hand.until(lambda: cancel(tour) is not None)
    tour.hand.press(cancel(tour))
    tour.hand.until(lambda: job.over)
    assert job.state == "cancelled" and tour.desk.results.findings is None
    assert tour.place.results.form.find.isEnabled()
