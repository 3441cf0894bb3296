"""Files that may be lost: whole or not there, and never in the way of opening."""

from __future__ import annotations

import json

import pytest

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.store.project import VIEW, Project
from napari_phenotyper.store.state_file import StateFile


def test_what_was_written_is_read_again(tmp_path):
    StateFile(tmp_path / "view.json").write({"tab": "Train"})
    file = StateFile(tmp_path / "view.json")
    assert file.read() == {"tab": "Train"} and not file.problem
    assert [path.name for path in tmp_path.iterdir()] == ["view.json"]


def test_a_file_that_is_not_there_is_no_problem(tmp_path):
    file = StateFile(tmp_path / "view.json")
    assert file.read() == {} and not file.problem


@pytest.mark.parametrize("text", ["", "{", "[1, 2]", '{"plate": "P1"}', '{"format": 99, "plate": "P1"}', "\x00" * 40])
def test_a_file_that_is_damaged_foreign_or_newer_is_passed_over_with_a_word(tmp_path, text):
    (tmp_path / "view.json").write_text(text)
    file = StateFile(tmp_path / "view.json")
    assert file.read() == {} and "view.json" in file.problem


def test_a_project_that_is_open_for_reading_keeps_its_view(tmp_path):
    with Project.open(tmp_path / "X.phenotyper") as project:
        project.view.write({"plate": "P1"})
        with Project.open(tmp_path / "X.phenotyper", read_only=True) as other, pytest.raises(ProjectError):
            other.view.write({"plate": "P2"})
        assert json.loads((project.folder / VIEW).read_text())["plate"] == "P1"
