"""The loop: annotate, and everything wears the new model."""

from __future__ import annotations

import threading

import numpy as np
from tests.crops import write_crops

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session import gathering
from napari_phenotyper.session.crop_folders import CropFolder
from napari_phenotyper.session.imported import import_crops


def some_cell(desk, skip=0):
    """A point in a cell of the open field."""
    labels = desk.viewing.open.masks.labels["nuclei"]
    cell = np.unique(labels)[1 + skip]
    y, x = np.nonzero(labels == cell)
    return int(cell), float(np.median(y)), float(np.median(x))


def test_a_click_is_on_the_screen_at_once_and_saved_soon(desk, wheel):
    cell, y, x = some_cell(desk)
    desk.marking.click(y, x, "Odd")
    look = desk.marking.look()
    assert look.phenotypes[look.annotated[cell]].name == "Odd"
    wheel.until(lambda: desk.session.unsaved == 0)
    assert any(a.phenotype == "Odd" for a in desk.session.annotations.active.values())


def test_after_a_click_every_measured_field_wears_the_new_model(desk, wheel):
    _, y, x = some_cell(desk)
    desk.marking.click(y, x, "Mitotic")
    wheel.until(lambda: len(desk.predictions) == 8)
    shares = desk.predictions.class_counts()
    assert sum(shares.values()) == sum(sum(s.cells.values()) for s in desk.surveys.values())


def test_the_open_field_is_predicted_first(desk, wheel):
    seen = []
    desk.events.predictions.connect(lambda refs: seen.extend(refs))
    desk.viewing.show(FieldRef("P1", "C03", 2))
    wheel.until(lambda: desk.viewing.open.ref.well == "C03")
    desk.predictions.clear()
    seen.clear()
    _, y, x = some_cell(desk)
    desk.marking.click(y, x, "Odd")
    wheel.until(lambda: len(desk.predictions) == 8)
    assert seen[0] == FieldRef("P1", "C03", 2)


def test_imported_crops_are_learnt_from_with_the_next_click(desk, wheel, tmp_path):
    folder = write_crops(tmp_path / "others")
    import_crops(desk.session, CropFolder(folder, "index.csv:plate"), no_progress)
    _, y, x = some_cell(desk)
    desk.marking.click(y, x, "Odd")
    cells = len(gathering.training_set(desk.session).training)
    wheel.until(lambda: f"model of {cells} annotated cells" in desk.live.state)
    assert cells > len(desk.session.annotations.active)


def test_getting_the_worker_ready_takes_nothing_from_what_it_is_to_do(desk, wheel, monkeypatch):
    loaded = threading.Event()
    monkeypatch.setattr("napari_phenotyper.desk.live.warm_up", lambda made, progress: loaded.wait(20))
    desk.live.warm_up()
    _, y, x = some_cell(desk)
    desk.marking.click(y, x, "Odd")
    wheel.until(lambda: desk.live.state.startswith("Learning from"))
    desk.live.warm_up()
    loaded.set()
    wheel.until(lambda: len(desk.predictions) == 8)
