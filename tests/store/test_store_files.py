"""Files are whole or not there, and errors say what to do."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.errors import PixelError, ProjectError
from napari_phenotyper.store import files
from napari_phenotyper.store.files import (
    LEFT_OVER_AFTER,
    checked_key,
    discard_left_overs,
    explained,
    place_folder,
    read_json,
    replacing,
    safe_name,
    well_file,
    write_bytes,
    write_json,
)

WINDOWS_FORBIDS = set('<>:"/\\|?*')


@given(st.text(max_size=90))
def test_a_safe_name_is_short_and_allowed_on_every_system(text: str) -> None:
    name = safe_name(text)
    assert 1 <= len(name) <= 33
    assert not WINDOWS_FORBIDS & set(name)
    assert name.isascii() and name.isprintable() and not name.endswith((".", " "))


@given(st.text(max_size=90), st.text(max_size=90))
def test_names_that_differ_stay_different_where_case_does_not_count(a: str, b: str) -> None:
    assert (safe_name(a).lower() == safe_name(b).lower()) == (a == b)


@pytest.mark.parametrize("reserved", ["CON", "con.txt", "NUL", "COM1", "aux"])
def test_names_that_windows_keeps_for_itself_are_not_used(reserved: str) -> None:
    assert safe_name(reserved).split(".")[0].upper() not in {"CON", "NUL", "COM1", "AUX"}


def test_a_normal_well_is_a_file_name_as_it_stands() -> None:
    assert well_file("AF48") == "AF48"
    assert "/" not in well_file("B/03")


@pytest.mark.parametrize("key", ["", "..", "a/b", "a\\b", ".hidden", "x" * 65, "a:b"])
def test_a_key_that_could_leave_the_folder_is_refused(key: str) -> None:
    with pytest.raises(ProjectError):
        checked_key(key)


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"old")
    with pytest.raises(ValueError), replacing(tmp_path / "a") as scratch:
        scratch.write_bytes(b"half")
        raise ValueError("stopped")
    assert (tmp_path / "a").read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize(
    ("number", "word"),
    [(errno.ENOSPC, "space"), (errno.EROFS, "may not"), (errno.EACCES, "may not"), (errno.EIO, "drive")],
)
def test_a_disk_that_refuses_is_told_with_path_and_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, word: str
) -> None:
    write_bytes(tmp_path / "a", b"old")

    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(Path, "replace", refuse)
    monkeypatch.setattr(files, "_WAITS", ())
    with pytest.raises(ProjectError) as caught:
        write_bytes(tmp_path / "a", b"new")
    assert str(tmp_path / "a") in caught.value.what and word in str(caught.value) and caught.value.remedy
    assert (tmp_path / "a").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_that_somebody_holds_for_a_moment_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace, tries = Path.replace, []

    def sometimes(self: Path, target: Path) -> Path:
        tries.append(target)
        if len(tries) < 3:
            raise PermissionError(errno.EACCES, "in use")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", sometimes)
    write_bytes(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert len(tries) == 3


def test_errors_that_already_say_what_to_do_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(PixelError), explained(tmp_path):
        raise PixelError("a.tif is cut short.", "Copy it again.")


@pytest.mark.parametrize("raw", [b"", b"{", b"[1]", b"\xff\xfe", b"[" * 100_000])
def test_json_that_is_damaged_is_named(tmp_path: Path, raw: bytes) -> None:
    (tmp_path / "project.json").write_bytes(raw)
    with pytest.raises(ProjectError, match=r"project\.json"):
        read_json(tmp_path / "project.json")


def test_json_round_trips_in_any_script(tmp_path: Path) -> None:
    value = {"plate": "Plaque été 板", "n": [1, 2.5, None]}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_a_folder_that_is_whole_is_kept_and_one_that_is_not_is_replaced(tmp_path: Path) -> None:
    def whole(path: Path) -> bool:
        return (path / "done").exists()

    for text, expected in (("first", "first"), ("second", "first")):
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        (scratch / "done").write_text(text)
        place_folder(scratch, tmp_path / "target", whole)
        assert (tmp_path / "target" / "done").read_text() == expected
        assert not scratch.exists()
    (tmp_path / "target" / "done").unlink()
    (tmp_path / "target" / "half").write_text("")
    scratch.mkdir()
    (scratch / "done").write_text("third")
    place_folder(scratch, tmp_path / "target", whole)
    assert [p.name for p in (tmp_path / "target").iterdir()] == ["done"]


def test_remains_of_dead_jobs_go_and_those_of_living_ones_stay(tmp_path: Path) -> None:
    old, new = tmp_path / ".tmp-old", tmp_path / "deep" / ".tmp-new"
    new.mkdir(parents=True)
    old.write_bytes(b"12345")
    past = old.stat().st_mtime - LEFT_OVER_AFTER - 10
    os.utime(old, (past, past))
    assert discard_left_overs(tmp_path) == 5
    assert new.exists() and not old.exists()
