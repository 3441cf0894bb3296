"""What is kept for a user rather than in a project: which projects were open last, and preferences."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from platformdirs import user_config_path

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.store.state_file import StateFile

PLACE = "NAPARI_PHENOTYPER_CONFIG"
"""Environment variable that names another folder."""
MOST = 12
"""So many projects are remembered."""


def config_folder() -> Path:
    """Return the folder of the user's configuration; it need not be there."""
    named = os.environ.get(PLACE)
    return Path(named) if named else user_config_path("napari-phenotyper", appauthor=False)


@dataclass(frozen=True)
class Recent:
    """A project that was open.

    Attributes
    ----------
    project
        Its folder.
    plates
        Names of its plates.
    opened
        When it was opened last, ISO 8601 in UTC.
    there
        Whether the folder can be seen now.
    """

    project: Path
    plates: tuple[str, ...] = ()
    opened: str = ""
    there: bool = True

    @property
    def title(self) -> str:
        """What a person knows it by: its plates, and the day."""
        named = ", ".join(self.plates[:3]) + (f" and {len(self.plates) - 3} more" if len(self.plates) > 3 else "")
        return f"{named or self.project.stem}   {self.opened[:10]}".strip()


class RecentProjects:
    """The projects that were open last, the newest first. Each call reads the disk: not for the window's thread.

    Parameters
    ----------
    folder
        Of the user's configuration; None for the usual one.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = (folder or config_folder()) / "recent.json"

    def entries(self) -> tuple[Recent, ...]:
        """Return them; those whose folder is gone, or on a disk that is not mounted, say so."""
        return tuple(Recent(r.project, r.plates, r.opened, r.project.is_dir()) for r in self._known())

    def add(self, project: Path, plates: Sequence[str]) -> None:
        """Put a project first. What cannot be written is not remembered: no reason to disturb anybody."""
        now = Recent(project, tuple(plates), datetime.now(UTC).isoformat())
        self._write([now, *(r for r in self._known() if r.project != project)])

    def drop(self, project: Path) -> None:
        """Take a project off the list; nothing of it is touched."""
        self._write([r for r in self._known() if r.project != project])

    def _known(self) -> list[Recent]:
        found = StateFile(self._path).read().get("projects")
        rows = found if isinstance(found, list) else []
        return [recent for row in rows if (recent := _restored(row)) is not None]

    def _write(self, rows: Sequence[Recent]) -> None:
        states: list[Json] = [
            {"project": str(r.project), "plates": list(r.plates), "opened": r.opened} for r in rows[:MOST]
        ]
        try:
            StateFile(self._path).write({"projects": states})
        except (ProjectError, OSError):
            return


def _restored(row: Json) -> Recent | None:
    if not isinstance(row, Mapping) or not isinstance(row.get("project"), str):
        return None
    plates, opened = row.get("plates"), row.get("opened")
    names = tuple(map(str, plates)) if isinstance(plates, list) else ()
    return Recent(Path(str(row["project"])), names, opened if isinstance(opened, str) else "")
