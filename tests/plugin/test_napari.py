"""The plugin in a real napari viewer."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from napari_phenotyper.session.opened import project_folder

pytestmark = pytest.mark.gl


def channels(tour):
    """The layers of channels; the one of the cells waits for masks."""
    return [layer for layer in tour.viewer.layers if layer.name != "Cells"]


def shown(tour):
    """The layers, once a field is open in the dock."""
    tour.hand.until(lambda: tour.dock.desk is not None and tour.desk.viewing.open is not None)
    return [(layer.name, layer.metadata["plate"], layer.metadata["well"]) for layer in channels(tour)]


def test_the_sample_plate_opens_in_the_dock_from_the_menu(window, sample, tmp_path, monkeypatch):
    shutil.copytree(sample, tmp_path / sample.name)
    tour = window()
    monkeypatch.setattr("napari_phenotyper.session.sample.user_cache_path", lambda _: tmp_path)
    tour.viewer.open_sample("napari-phenotyper", "simulated_plate")
    assert shown(tour) == [("DNA", "SIMULATED", "B02"), ("tubulin", "SIMULATED", "B02")]
    assert all(np.ptp(layer.data) > 0 for layer in channels(tour))


def test_a_project_opens_in_the_dock_by_napari_s_own_menu(window, copy):
    tour = window()
    tour.viewer.open(project_folder(copy), plugin="napari-phenotyper")
    assert shown(tour)[0][1:] == ("P1", "B02")
    assert not tour.desk.session.project.read_only


def test_a_plate_opens_in_the_dock_by_napari_s_own_menu(window, plate):
    tour = window()
    tour.viewer.open(plate, plugin="napari-phenotyper")
    assert shown(tour)[0][1:] == ("P1", "B02")


def test_the_window_runs_on_the_qt_that_was_asked_for(make_napari_viewer):
    import os

    import qtpy

    assert os.environ.get("QT_API", "pyqt6").lower() == qtpy.API
