"""The plugin in a real napari viewer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.gl


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


def test_the_sample_plate_opens_from_the_menu(viewer, tmp_path, monkeypatch):
    monkeypatch.setattr("napari_phenotyper.plugin.user_cache_path", lambda _: tmp_path)
    viewer.open_sample("napari-phenotyper", "simulated_plate")
    assert [layer.name.split()[-1] for layer in viewer.layers] == ["DNA", "tubulin"]
    assert all(np.ptp(layer.data) > 0 and layer.name.startswith("SIMULATED") for layer in viewer.layers)


def test_a_project_folder_opens_its_first_field(viewer, tmp_path):
    from napari_phenotyper.session.opened import opened
    from napari_phenotyper.session.sample import sample_plate

    plate = sample_plate(tmp_path / "SIMULATED")
    with opened(tmp_path / "SIMULATED.phenotyper") as session:
        session.open(plate)
    viewer.open(tmp_path / "SIMULATED.phenotyper", plugin="napari-phenotyper")
    assert len(viewer.layers) == 2 and viewer.layers[0].metadata["well"] == "B02"


def test_the_window_runs_on_the_qt_that_was_asked_for(viewer):
    import os

    import qtpy

    assert os.environ.get("QT_API", "pyqt6").lower() == qtpy.API
