"""Commands that open the window."""

from __future__ import annotations

import shutil
import subprocess
import sys
from base64 import b64encode

import pytest

from napari_phenotyper import launch
from napari_phenotyper.pages.compose import WINDOW


@pytest.fixture
def no_display(monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    if launch.has_display():
        pytest.skip("this system always has a display")


def test_opening_a_window_without_a_display_says_how_to_work_without_one(no_display, plate):
    command = [sys.executable, "-m", "napari_phenotyper.cli", "open", str(plate)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "phenotyper run PLATE" in done.stderr and "Traceback" not in done.stderr


def test_without_a_virtual_screen_the_demo_leaves_the_window_out(no_display, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert launch._pictures(tmp_path / "P1", tmp_path / "window") == ()
    assert "xvfb" in capsys.readouterr().err


@pytest.mark.slow
def test_the_demo_shows_the_window_in_its_report(no_display, tmp_path):
    if shutil.which("xvfb-run") is None:
        pytest.skip("no xvfb-run")
    command = [sys.executable, "-m", "napari_phenotyper.cli", "demo", "--out", str(tmp_path / "demo")]
    subprocess.run(command, check=True, capture_output=True)
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    pictures = {path.stem: path.read_bytes() for path in (tmp_path / "demo" / "window").glob("*.jpg")}
    assert pictures.keys() == WINDOW.keys()
    assert all(b64encode(picture).decode() in report for picture in pictures.values())
