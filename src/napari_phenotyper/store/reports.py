"""Reports as JSON, by kind and key: evaluations, how plates were lit."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.store.files import Guard, checked_key, discard, read_json, writable, write_json


class ReportStore:
    """Reports: small, and cheap to make again, so a damaged one counts as absent.

    Parameters
    ----------
    folder
        `results` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard

    def put(self, kind: str, key: str, report: dict[str, Any]) -> None:
        """Keep a report. Raises ProjectError."""
        self._guard()
        self.folder.mkdir(parents=True, exist_ok=True)
        write_json(self.folder / f"{kind}-{checked_key(key)}.json", report)

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return a report, None if there is none."""
        return _read(self.folder / f"{kind}-{checked_key(key)}.json")

    def all(self, kind: str) -> Iterator[dict[str, Any]]:
        """Yield the reports of a kind, the newest first."""
        paths = sorted(self.folder.glob(f"{kind}-*.json"), key=lambda p: p.stat().st_mtime, reverse=True)
        yield from (report for path in paths if (report := _read(path)) is not None)

    def clean(self, kind: str, needed: Collection[str]) -> int:
        """Remove reports of a kind under keys that nothing needs; return the bytes freed."""
        self._guard()
        doomed = [p for p in self.folder.glob(f"{kind}-*.json") if p.stem.removeprefix(f"{kind}-") not in needed]
        return sum(discard(path) for path in doomed)


def _read(path: Path) -> dict[str, Any] | None:
    if not path.is_file():
        return None
    try:
        return dict(read_json(path))
    except (ProjectError, ValueError, TypeError):
        return None
