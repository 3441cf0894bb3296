"""What commands print: results on stdout, as text or JSON; progress and failures on stderr."""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from napari_phenotyper.core.errors import PhenotyperError, ProjectError, SettingError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Cancelled, Progress
from napari_phenotyper.pages import words
from napari_phenotyper.session.exporting import write_table
from napari_phenotyper.session.opened import make_runner, opened, project_folder
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import PlateOutcome


class Teller:
    """Progress on stderr: one line that changes on a terminal, a line every ten seconds elsewhere."""

    def __init__(self) -> None:
        self._last = time.monotonic()
        self._shown = False

    def __call__(self, fraction: float, message: str) -> None:
        """Show how far it is."""
        now, terminal = time.monotonic(), sys.stderr.isatty()
        if now - self._last < (0.1 if terminal else 10.0):
            return
        self._last = now
        text = f"{fraction:4.0%} {message}"
        if terminal:
            self._shown = True
            print(f"\r\x1b[K{text[:110]}", end="", file=sys.stderr, flush=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def clear(self) -> None:
        """Leave a clean line."""
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def say(text: str) -> None:
    """Print to stderr."""
    if text:
        print(text, file=sys.stderr)


def show(as_json: bool, value: Any, text: str | Callable[[], str]) -> None:
    """Print a result as JSON or as text."""
    if as_json:
        print(json.dumps(_finite(value), indent=1, ensure_ascii=False, allow_nan=False))
    else:
        print(text if isinstance(text, str) else text())


def _finite(value: Any) -> Any:
    """Return JSON without NaN, which strict readers refuse."""
    if isinstance(value, dict):
        return {str(k): _finite(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def read_settings(items: list[str] | None, more: list[str] | None) -> dict[str, object]:
    """Read NAME=VALUE items, those after --set and those that follow."""
    found: dict[str, object] = {}
    for item in (*(items or ()), *(more or ())):
        name, sign, value = item.partition("=")
        if not sign:
            raise SettingError(f"{item!r} is no setting.", "Write --set name=value.")
        found[name.strip()] = value.strip()
    return found


def tell_outcome(
    what: str, items: str, outcome: PlateOutcome, as_json: bool, flagged: Mapping[str, Sequence[str]] | None = None
) -> None:
    """Print what a plate job came to, and which fields are doubtful if that is known; exit with 1 if nothing came."""
    say(words.failures_text(outcome.failed))
    text = f"{what} {outcome.done} {items} now, {outcome.kept} were current; {outcome.cells} cells"
    facts: dict[str, Any] = {**outcome.__dict__, "failed": dict(outcome.failed)}
    if flagged is not None:
        say(words.doubts_text(flagged))
        facts["flagged"] = flagged
    show(as_json, facts, text)
    if outcome.failed and not outcome.done and not outcome.kept:
        raise typer.Exit(1)


def show_table(table: tuple[list[str], list[dict[str, object]]], out: Path | None, as_json: bool) -> None:
    """Print a table, or write it to a file."""
    columns, rows = table
    if out is not None:
        write_table(out, columns, rows)
        say(f"{len(rows)} rows written to {out}")
    if as_json or out is None:
        show(as_json, rows, lambda: words.table_view(columns, rows))


def fail(error: PhenotyperError, code: int) -> None:
    """Print an error with its remedy and exit."""
    print(f"error: {error.what}", file=sys.stderr)
    if error.remedy:
        print(f"  {error.remedy}", file=sys.stderr)
    sys.exit(code)


@contextmanager
def at_work(
    plate: Path, project: Path | None, pattern: str = "", write: bool = True, jobs: int = 1, cluster: str = ""
) -> Iterator[tuple[Session, tuple[Plate, ...], Progress]]:
    """Open project and plates for a command; errors end it with their remedy.

    A command that only tells what is known (`write` false) also works while somebody else writes to the project.
    """
    folder = project or project_folder(plate)
    if not write and not folder.exists():
        raise ProjectError(f"There is no project {folder}.", "Segment the plate first: phenotyper segment PLATE.")
    teller = Teller()
    with opened(folder, make_runner(jobs, cluster), create=write) as session:
        if write:
            needs_writing(session)
        plates = session.open(plate, pattern)
        for text in session.problems:
            say(f"problem: {text}")
        with _stoppable(teller, "Stopped. What was done is kept; run the same again to go on."):
            yield session, plates, teller


@contextmanager
def at_ease() -> Iterator[Progress]:
    """Show the progress of a command that needs no project."""
    teller = Teller()
    with _stoppable(teller, "Stopped. Nothing was kept."):
        yield teller


@contextmanager
def _stoppable(teller: Teller, farewell: str) -> Iterator[None]:
    """End a command that the user stops with words instead of a traceback."""
    try:
        yield
    except (KeyboardInterrupt, Cancelled):
        teller.clear()
        say(farewell)
        raise typer.Exit(130) from None
    finally:
        teller.clear()
