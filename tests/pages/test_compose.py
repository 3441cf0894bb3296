"""A report says what a project knows, and nothing that it does not."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from tests.plates import write_plate

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.pages import mosaic
from napari_phenotyper.pages.compose import compose, write_report
from napari_phenotyper.pages.content import ReportContent
from napari_phenotyper.pages.report import render
from napari_phenotyper.session import learning, measuring, segmenting
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.running import run


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A plate on which the whole job has run."""
    folder = write_plate(tmp_path_factory.mktemp("report") / "P1")
    with opened(project_folder(folder)) as session:
        run(session, session.open(folder), no_progress, labels=folder / "truth.csv")
    return folder


@pytest.fixture(scope="module")
def content(finished):
    with opened(project_folder(finished)) as session:
        return compose(session, session.open(finished), no_progress)


def test_a_plate_that_was_only_opened_has_a_page(tmp_path):
    folder = write_plate(tmp_path / "P1", fields=1)
    with opened(project_folder(folder)) as session:
        plates = session.open(folder)
        found = compose(session, plates, no_progress)
        write_report(session, plates, tmp_path / "report.html", no_progress)
    assert found.plates[0].wells == 4 and found.segmentation is None and found.evaluation is None and not found.hits
    assert "P1" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_cells_examples_and_shares_are_those_of_the_project(finished, content):
    with opened(project_folder(finished)) as session:
        plate = session.open(finished)[0]
        assert content.segmentation.cells == sum(len(c) for c in measuring.cells_of(session, plate))
    assert {e.name for e in content.examples} == {"Interphase", "Mitotic"}
    assert content.shares.columns and len(content.shares.wells) == 4


def test_scores_are_those_of_the_model_that_predicted(finished, content):
    with opened(project_folder(finished)) as session:
        report = learning.scores_of(session, learning.model_in_use(session))
    assert content.evaluation.scores[0].estimate.value == report["accuracy"]["value"]
    assert content.evaluation.confusion.sum() == report["n"]
    one = content.evaluation.per_class[0]
    assert one.recall.low <= one.recall.value <= one.recall.high


def test_outlines_wear_the_predicted_classes(content):
    assert len(content.segmentation.examples) == 2, "a control and a sample; there is no positive control"
    assert all(set(e.classes.values()) <= {"Interphase", "Mitotic"} for e in content.segmentation.examples)
    assert all(e.classes for e in content.segmentation.examples)


def test_every_stage_is_in_the_provenance(content):
    assert [s.stage for s in content.steps] == [
        "segment P1",
        *["measure"] * len(Registry().defaults("extractor")),
        "train",
    ]


def test_a_field_that_failed_is_in_the_report_with_its_reason(tmp_path):
    folder = write_plate(tmp_path / "P1", fields=1)
    (folder / "P1_B03_s1_w1.tif").write_bytes(b"II*\x00")
    with opened(project_folder(folder)) as session:
        plates = session.open(folder)
        segmenting.segment(session, plates, no_progress)
        failed = compose(session, plates, no_progress).segmentation.failed
    assert len(failed) == 1 and "P1_B03_s1_w1.tif" in failed[0]


def test_only_a_simulated_plate_is_called_simulated(tmp_path, content):
    folder = write_plate(tmp_path / "P1", wells=("B02",), fields=1)
    for path in folder.glob("P1_*"):
        path.rename(path.with_name(path.name.replace("P1_", "SIMULATED_")))
    with opened(tmp_path / "x.phenotyper") as session:
        assert compose(session, session.open(folder), no_progress).simulated
    assert not content.simulated


def test_all_fields_are_seen_as_thumbnails(finished, content):
    drawn = Image.open(io.BytesIO(content.mosaics["P1"]))
    assert max(drawn.size) <= 1600 and np.asarray(drawn).max() > 200
    page = render(content)
    assert page.index('id="plate"') < page.index('id="fields"') < page.index('id="segmentation"')
    assert "P1: all 8 fields as thumbnails" in page


def test_fields_that_cannot_be_read_in_time_are_left_out_of_the_report(finished, monkeypatch):
    with opened(project_folder(finished)) as session:
        plates = session.open(finished)
        monkeypatch.setattr(mosaic, "_PATIENCE", -1.0)
        found = mosaic.report_mosaics(session, plates, no_progress)
    assert found == {} and 'id="fields"' not in render(ReportContent("P1"))
