"""A small JSON file that may be lost: how a window stood, which projects were open. Never in anybody's way."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.store.files import Guard, read_json, writable, write_json

FORMAT = 1
"""Version of what is written; a file of a newer one is not read."""


class StateFile:
    """JSON that is written whole or not at all, and read without ever failing.

    Parameters
    ----------
    path
        Made at the first write.
    guard
        Called before every write; raises where writing is not allowed.

    Attributes
    ----------
    problem
        Why the file could not be used when it was read last, in words; "" if it could, or is not there.
    """

    def __init__(self, path: Path, guard: Guard = writable) -> None:
        self.path = path
        self.problem = ""
        self._guard = guard
        self._known: Mapping[str, Json] | None = None

    def read(self) -> Mapping[str, Json]:
        """Return what was written last, empty where nothing usable was; the disk is asked once."""
        if self._known is None:
            self._known = self._read()
        return self._known

    def write(self, state: Mapping[str, Json]) -> None:
        """Replace the file. Raises ProjectError."""
        self._guard()
        write_json(self.path, {"format": FORMAT, **state})
        self._known = dict(state)

    def _read(self) -> Mapping[str, Json]:
        try:
            if not self.path.exists():
                return {}
            state = read_json(self.path)
            version = state.pop("format", None)
        except (ProjectError, OSError) as error:
            self.problem = f"{self.path.name} is not used: {error}"
            return {}
        if not isinstance(version, int) or version > FORMAT:
            what = "a newer version made it" if isinstance(version, int) else "it is of something else"
            self.problem = f"{self.path} is not used: {what}."
            return {}
        return state
