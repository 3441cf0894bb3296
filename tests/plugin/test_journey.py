"""The whole way through the real window, by mouse and keyboard."""

from __future__ import annotations

import json
import math
import multiprocessing
import shutil

import pytest
from typer.testing import CliRunner

from napari_phenotyper.cli import app
from napari_phenotyper.plugin import dock_of
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.views.tour import Tour, choose, read_known

pytestmark = pytest.mark.gl

SCORES = ("n", "accuracy", "balanced_accuracy", "macro_f1", "log_loss", "confusion", "per_class")


@pytest.fixture(params=["simulated", pytest.param("real nuclei", marks=pytest.mark.slow)])
def plate(request, tmp_path):
    """A plate of 24 wells: the first field of each of the sample plate's, or fields of real nuclei."""
    source = request.getfixturevalue("sample" if request.param == "simulated" else "composed_plate")
    return shutil.copytree(source, tmp_path / source.name, ignore=shutil.ignore_patterns("*_s2_*.tif"))


def scores_by_command(plate):
    """Evaluate by command, on a copy of the project that has not kept what the window found."""
    copy = project_folder(plate).with_name("copy.phenotyper")
    shutil.copytree(project_folder(plate), copy, ignore=shutil.ignore_patterns("results", "lock"))
    done = CliRunner().invoke(app, ["evaluate", str(plate), "--project", str(copy), "--json"])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_from_an_unopened_plate_to_a_kept_model(make_napari_viewer, plate, tmp_path):
    viewer = make_napari_viewer(show=True)
    tour = Tour(viewer, dock_of(viewer), tmp_path / "pictures")

    tour.open(plate)
    tour.segment()
    desk = tour.desk
    assert tour.measured == sum(len(well.sources) for well in desk.viewing.plate.wells)
    assert not tour.place.jobs.problems()

    cells = choose(read_known(plate / "truth.csv"))
    tour.add_classes(sorted({cell.phenotype for cell in cells}))
    assert tour.label(cells) >= 0.95 * len(cells) >= 57

    tour.wait_for_predictions()
    assert sum(desk.predictions.class_counts().values()) == sum(sum(s.cells.values()) for s in desk.surveys.values())
    tour.place.plate.colour_by("share", cells[0].phenotype)
    assert not any(math.isnan(value) for value in tour.place.plate.map.face.values.values())

    before = dict(desk.session.annotations.active)
    tour.undo(10)
    assert len(desk.session.annotations) == len(before) - 10
    tour.redo(10)
    assert desk.session.annotations.active == before
    assert tour.accept(1) == 1
    assert tour.cancel_a_job() == "cancelled"

    tour.wait_for_predictions()
    tour.gallery()
    assert tour.label_in_gallery(cells[0].phenotype, 3) == 3
    tour.undo(1)
    tour.wait_for_predictions()
    shown = tour.scores()
    entry, found = tour.confused()
    assert found == entry > 0
    model = tour.keep()
    hit = tour.hits()
    assert desk.results.findings.model == model and hit.score > 0 and hit.evidence["q"] < 0.05
    assert desk.viewing.open.ref.well_ref == hit.well and len(desk.gallery.groups[0].rows)
    count = len(desk.session.annotations)
    viewer.close()
    tour.hand.until(lambda: not multiprocessing.active_children(), 15)

    told = scores_by_command(plate)
    assert {key: shown[key] for key in SCORES} == {key: told[key] for key in SCORES}
    with opened(project_folder(plate), read_only=False) as session:
        assert len(session.annotations) == count
        assert session.project.models.ids() == (model,)
