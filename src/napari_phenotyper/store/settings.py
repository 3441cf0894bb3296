"""What a project is told: its plates, the roles of their channels, their layouts, and the parameters of its stages."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Condition, Layout
from napari_phenotyper.core.wells import WellRef

FORMAT = 1
"""Version of the project folder; a program refuses one that is newer than its own."""


@dataclass(frozen=True)
class PlateEntry:
    """A plate of the project.

    Attributes
    ----------
    name
        Unique in the project.
    path
        What was opened, absolute. On disk it is kept relative to the project where it lies beside it, so that both
        can move together.
    reader
        Id of the reader.
    settings
        The reader's parameters.
    """

    name: str
    path: str
    reader: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Settings:
    """All that a project is told.

    Attributes
    ----------
    plates
        In order.
    roles
        Plate name to role to channel name.
    layouts
        Plate name to its layout.
    parameters
        Parameters as resolved, by stage; any JSON.
    """

    plates: tuple[PlateEntry, ...] = ()
    roles: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    layouts: Mapping[str, Layout] = field(default_factory=dict)
    parameters: Mapping[str, Json] = field(default_factory=dict)

    def state(self, folder: Path) -> dict[str, Json]:
        """Return the settings as JSON, for a project in a folder."""
        return {
            "format": FORMAT,
            "plates": [{**p.__dict__, "path": _portable(p.path, folder)} for p in self.plates],
            "roles": {plate: dict(roles) for plate, roles in self.roles.items()},
            "layouts": {plate: _layout_state(layout) for plate, layout in self.layouts.items()},
            "parameters": self.parameters,
        }

    @staticmethod
    def restore(state: Mapping[str, Json], folder: Path) -> Settings:
        """Return the settings that `state` made.

        Raises
        ------
        ProjectError
            If they are of a newer version, or not settings.
        """
        values = cast("Mapping[str, Any]", state)
        try:
            version = int(values["format"])
            if version > FORMAT:
                raise ProjectError(
                    f"The project {folder} was made by a newer version (format {version}; this one reads {FORMAT}).",
                    "Update napari-phenotyper.",
                )
            plates = tuple(PlateEntry(**{**p, "path": _absolute(p["path"], folder)}) for p in values["plates"])
            layouts = {plate: _layout(plate, wells) for plate, wells in values["layouts"].items()}
            return Settings(plates, dict(values["roles"]), layouts, dict(values["parameters"]))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise ProjectError(
                f"project.json in {folder} is damaged: {error!r}.",
                "Restore it from a backup, or remove it and add the plates again: annotations and results stay.",
            ) from error


def _layout_state(layout: Layout) -> dict[str, Json]:
    return {ref.well: c.state() for ref, c in layout.conditions.items()}


def _layout(plate: str, wells: Mapping[str, Mapping[str, Any]]) -> Layout:
    conditions = {}
    for well, values in wells.items():
        dose = math.nan if values.get("dose") is None else float(values["dose"])
        conditions[WellRef(plate, well)] = Condition(**{**values, "dose": dose})
    return Layout(conditions)


def _portable(path: str, folder: Path) -> str:
    """Return a path relative to the project where it lies in the project's parent folder, else as it is."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100  (links are not to be followed)
    home = Path(os.path.abspath(folder))  # noqa: PTH100
    if absolute.is_relative_to(home.parent):
        return "../" + absolute.relative_to(home.parent).as_posix()
    return str(absolute)


def _absolute(path: str, folder: Path) -> str:
    if not path.startswith("../"):
        return path
    home = Path(os.path.abspath(folder))  # noqa: PTH100
    return str(home.parent / path.removeprefix("../"))
