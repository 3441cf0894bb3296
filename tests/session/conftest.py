from __future__ import annotations

import shutil

import pytest
from tests.plates import write_plate

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import labelling, measuring, segmenting
from napari_phenotyper.session.layouts import set_layout
from napari_phenotyper.session.opened import opened, project_folder


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """A plate with a project that is segmented, measured, laid out and annotated; copy it before you change it."""
    folder = write_plate(tmp_path_factory.mktemp("plates") / "P1")
    with opened(project_folder(folder)) as session:
        plates = session.open(folder)
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress)
        set_layout(session, plates, folder / "layout.csv")
        labelling.import_annotations(session, plates, folder / "truth.csv", no_progress)
    return folder


@pytest.fixture
def plate(tmp_path):
    """A plate without a project."""
    return write_plate(tmp_path / "P1")


@pytest.fixture
def copy(measured, tmp_path):
    """A copy of the measured plate and its project, file times kept."""
    for path in (measured, project_folder(measured)):
        shutil.copytree(path, tmp_path / path.name)
    return tmp_path / measured.name


@pytest.fixture
def session(copy):
    with opened(project_folder(copy)) as made:
        made.open(copy)
        yield made
