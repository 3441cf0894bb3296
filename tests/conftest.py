"""Fixtures that every room shares."""

from __future__ import annotations

import gc
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.plates import write_plate

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import label_files, measuring, segmenting
from napari_phenotyper.session.layouts import set_layout
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.sample import sample_plate
from napari_phenotyper.session.user_files import PLACE

SHARED = Path(__file__).parents[2] / "shared"


def pytest_collection_finish():
    """Spares the collector what was imported: each napari viewer looks twice through all the objects there are."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def own_configuration(tmp_path_factory):
    """Keeps tests out of the configuration of whoever runs them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(PLACE, str(tmp_path_factory.mktemp("configuration")))
        yield


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; skips where it is missing."""
    data = SHARED / "data"
    if not data.is_dir():
        pytest.skip(f"no real data at {data}")
    return data


@pytest.fixture(scope="session")
def composed_plate(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small plate of real nuclei with known phenotypes: 24 wells, one field of 36 cells each."""
    out = tmp_path_factory.mktemp("composed") / "P1"
    tool = SHARED / "tools" / "compose_plate.py"
    command = [
        sys.executable,
        str(tool),
        str(shared_data / "mitocheck_crops"),
        str(out),
        "--tiles",
        "6",
        "--fields",
        "1",
    ]
    subprocess.run(command, check=True)
    return out


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The simulated sample plate, a SIMULATED folder of 24 wells of two fields; copy it before you work on it."""
    return sample_plate(tmp_path_factory.mktemp("sample") / "SIMULATED")


@pytest.fixture(scope="session")
def measured(tmp_path_factory):
    """A plate with a project that is segmented, measured, laid out and annotated; copy it before you change it."""
    folder = write_plate(tmp_path_factory.mktemp("plates") / "P1")
    with opened(project_folder(folder)) as session:
        plates = session.open(folder)
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress)
        set_layout(session, plates, folder / "layout.csv")
        label_files.import_annotations(session, plates, folder / "truth.csv", no_progress)
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
