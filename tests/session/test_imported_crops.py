"""Crops from elsewhere as training cells of a project."""

from __future__ import annotations

import numpy as np
import pytest
from tests.crops import picture, write_crops, write_png

from napari_phenotyper.core.errors import PhenotyperError, ProjectError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import gathering, imported, learning
from napari_phenotyper.session.crop_folders import CropFolder
from napari_phenotyper.session.imported import import_crops


@pytest.fixture
def folder(tmp_path):
    return write_crops(tmp_path / "others")


def brought(session, folder, **options):
    return import_crops(session, CropFolder(folder, "index.csv:plate"), no_progress, **options)


def test_imported_crops_are_trained_on_beside_the_annotated_cells(session, folder):
    before = gathering.training_set(session)
    done = brought(session, folder)
    after = gathering.training_set(session)
    assert done["classes"] == {"Interphase": 20, "Mitotic": 20} and done["groups"] == 4
    assert len(after.training) == len(before.training) + 40 and after.key != before.key
    assert [name for name in after.training.group_names if name.startswith("others ")] == [
        f"others plate {i}" for i in range(4)
    ]
    assert set(after.training.columns) == set(before.training.columns)


def test_what_is_imported_is_a_copy(session, folder):
    brought(session, folder)
    first = gathering.training_set(session).training
    for path in folder.rglob("*.png"):
        path.unlink()
    second = gathering.training_set(session).training
    assert np.array_equal(first.matrix(first.columns), second.matrix(first.columns), equal_nan=True)


def test_crops_are_measured_once(session, folder, monkeypatch):
    brought(session, folder)
    first = gathering.training_set(session)
    monkeypatch.setattr("napari_phenotyper.session.crop_cells.measure_crops", lambda *a: pytest.fail("measured again"))
    assert gathering.training_set(session).key == first.key


def test_damaged_measurements_are_made_again(session, folder):
    brought(session, folder)
    first = gathering.training_set(session).training
    (kept,) = (session.folder / "imported").glob("*/measured-*.npz")
    kept.write_bytes(kept.read_bytes()[:100])
    second = gathering.training_set(session).training
    assert np.array_equal(first.matrix(first.columns), second.matrix(first.columns), equal_nan=True)


def test_a_model_learns_a_class_that_only_crops_show(session, folder):
    for i in range(12):
        image = np.zeros((1, 32, 32), np.uint8) + picture("Interphase", i)
        image[:, ::4] = 10
        write_png(folder / "Striped" / f"{i}.png", image)
    import_crops(session, CropFolder(folder), no_progress)
    assert "Striped" in session.annotations.classes
    card = session.project.models.card(learning.train(session, no_progress))
    assert card["cells"]["Striped"] == 12 and card["plates"] == ["P1"]
    learning.predict(session, session.all_plates(), no_progress)


def test_an_evaluation_never_splits_the_groups_of_the_crops(session, folder):
    brought(session, folder)
    report = learning.evaluate(session, no_progress)
    names = [name for fold in report["folds"] for name in fold["names"]]
    assert len(names) == len(set(names)) == 8 and report["accuracy"]["value"] > 0.9


def test_a_network_looks_at_imported_crops_too(session, folder):
    brought(session, folder)
    name = learning.train(session, no_progress, "fastnet", {"epochs": 1, "width": 8})
    assert sum(session.project.models.card(name)["cells"].values()) > 190


def test_a_class_that_was_renamed_since_leaves_its_crops_out_and_says_so(session, folder):
    brought(session, folder)
    session.annotate("rename", {"old": "Mitotic", "new": "Dividing"})
    found = gathering.training_set(session)
    assert any("20 imported crops are not used: Mitotic" in text for text in found.warnings)
    assert "Dividing" in found.training.classes


def test_a_name_that_is_taken_is_told(session, folder):
    brought(session, folder)
    with pytest.raises(ProjectError, match="others already"):
        brought(session, folder)
    assert brought(session, folder, name="more")["name"] == "more"


def test_a_copy_that_fails_leaves_nothing(session, folder, monkeypatch):
    monkeypatch.setattr(imported.shutil, "copyfile", lambda *a: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(PhenotyperError):
        brought(session, folder)
    assert not list((session.folder / "imported").iterdir()) and not session.setting("imported")
