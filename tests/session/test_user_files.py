"""Recent projects and preferences, in a folder of the user's configuration."""

from __future__ import annotations

import pytest

from napari_phenotyper.session.preferences import FILE, Preferences, preferences, read_preferences
from napari_phenotyper.session.user_files import MOST, PLACE, RecentProjects, config_folder
from napari_phenotyper.store.state_file import StateFile


@pytest.fixture
def recent(tmp_path):
    return RecentProjects(tmp_path / "config")


def test_projects_are_listed_the_newest_first_and_once(recent, tmp_path):
    for name in ("A", "B", "A"):
        (tmp_path / name).mkdir(exist_ok=True)
        recent.add(tmp_path / name, [f"plate {name}"])
    assert [(r.project.name, r.there) for r in recent.entries()] == [("A", True), ("B", True)]
    assert recent.entries()[0].title.startswith("plate A")


def test_a_project_that_is_gone_says_so_and_can_be_dropped(recent, tmp_path):
    recent.add(tmp_path / "gone", ["P1"])
    assert [r.there for r in recent.entries()] == [False]
    recent.drop(tmp_path / "gone")
    assert recent.entries() == ()


def test_only_so_many_are_remembered(recent, tmp_path):
    for number in range(MOST + 3):
        recent.add(tmp_path / str(number), [])
    assert len(recent.entries()) == MOST and recent.entries()[0].project.name == str(MOST + 2)


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1, "projects": [3, {"project": 4}]}'])
def test_a_broken_list_is_an_empty_one(recent, tmp_path, text):
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "recent.json").write_text(text)
    assert recent.entries() == ()


def test_a_folder_that_cannot_be_written_remembers_nothing_and_disturbs_nobody(tmp_path):
    (tmp_path / "config").write_text("a file where a folder should be")
    recent = RecentProjects(tmp_path / "config")
    recent.add(tmp_path, ["P1"])
    assert recent.entries() == ()


def test_the_configuration_can_lie_elsewhere(monkeypatch, tmp_path):
    monkeypatch.setenv(PLACE, str(tmp_path))
    assert config_folder() == tmp_path


def test_without_a_file_the_defaults_hold(tmp_path):
    assert read_preferences(tmp_path) == Preferences()
    assert Preferences().worker_count >= 1 and Preferences().thread_count >= 1


def test_preferences_are_read_and_what_cannot_be_is_passed_over(tmp_path):
    StateFile(tmp_path / FILE).write({"annotator": "Ada", "workers": -4, "pause": 1, "learn_live": "no", "other": 3})
    assert read_preferences(tmp_path) == Preferences(annotator="Ada", pause=1.0)
    assert preferences({"workers": 3}).worker_count == 3
