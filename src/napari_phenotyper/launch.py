"""Commands that open the window: `phenotyper open`, and the demo, which does without one where there is no display."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from napari_phenotyper.console import Teller, at_work, say
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.pages import words

_SCREEN = "-screen 0 1500x960x24 +extension GLX"
_PATIENCE = 600
"""Seconds that a tour of the window may take."""


def open_plate(
    plate: Annotated[Path, typer.Argument(metavar="PLATE", help="A plate, a folder of plates, or a project folder.")],
    project: Annotated[Path | None, typer.Option("--project", help="Project folder; beside the plate.")] = None,
    pattern: Annotated[str, typer.Option(help="How files are named: '{plate}_{well}_s{field}_{channel}.tif'.")] = "",
) -> None:
    """Open a plate in the window."""
    if not has_display():
        raise PhenotyperError("There is no display to open a window on.", "Work without one: phenotyper run PLATE.")
    from napari_phenotyper.plugin import open_window

    open_window(plate, pattern, project)


def demo(
    headless: Annotated[bool, typer.Option("--headless", help="Open no window, and make no pictures of it.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for plate, project and report.")] = Path("demo"),
    jobs: Annotated[int, typer.Option(min=1, help="Worker processes.")] = min(os.cpu_count() or 1, 8),
) -> None:
    """Open the window on the simulated sample plate; without a display run the whole job on it and write a report."""
    from napari_phenotyper.session.sample import sample_plate

    plate = sample_plate(out / "SIMULATED", Teller())
    if not headless and has_display():
        from napari_phenotyper.plugin import open_window

        print("Opening the window on the sample plate; close it to end.")
        open_window(plate, project=out / "SIMULATED.phenotyper")
        return
    pictures = () if headless else _pictures(plate, out / "window")
    _run(plate, out, jobs, pictures)


def tour(
    plate: Annotated[Path, typer.Argument(metavar="PLATE", help="A plate that nothing was done to.")],
    labels: Annotated[Path, typer.Option(help="CSV of cells whose class is known: well, field, y, x, phenotype.")],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    project: Annotated[Path | None, typer.Option("--project", help="Project folder; beside the plate.")] = None,
) -> None:
    """Drive the window by mouse and keyboard through the whole way, and take pictures."""
    from napari_phenotyper.plugin import tour_window

    tour_window(plate, labels, out, project)


def has_display() -> bool:
    """Tell whether a window can be opened."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _run(plate: Path, out: Path, jobs: int, pictures: tuple[Path, ...]) -> None:
    """Do the whole job without a window and write the report."""
    from napari_phenotyper.pages.compose import write_report
    from napari_phenotyper.session.running import run

    with at_work(plate, out / "SIMULATED.phenotyper", jobs=jobs) as (session, plates, progress):
        ran = run(session, plates, progress)
        say(words.failures_text(ran.failed))
        print("\n".join(ran.steps))
        if ran.evaluation is not None:
            print(words.evaluation_text(ran.evaluation))
        write_report(session, plates, out / "report.html", progress, pictures)
    print(f"Report written to {out / 'report.html'}")


def _pictures(plate: Path, out: Path) -> tuple[Path, ...]:
    """Drive the window on a virtual screen and return its pictures; none where there is no such screen."""
    screen = shutil.which("xvfb-run")
    if screen is None:
        say("No display and no xvfb-run: the window is left out. Install xvfb to see it in the report.")
        return ()
    project = out.parent / "window.phenotyper"
    shutil.rmtree(project, ignore_errors=True)
    print("No display: driving the window on a virtual screen.")
    command = [screen, "-a", "-s", _SCREEN, sys.executable, "-m", "napari_phenotyper.cli", "tour", str(plate)]
    options = ["--labels", str(plate / "truth.csv"), "--out", str(out), "--project", str(project)]
    try:
        subprocess.run([*command, *options], check=True, timeout=_PATIENCE, stdout=subprocess.DEVNULL)
    except (subprocess.SubprocessError, OSError) as error:
        say(f"The window could not be driven ({error}); the report is written without its pictures.")
    return tuple(sorted(out.glob("*.jpg"), key=lambda path: path.stat().st_mtime))
