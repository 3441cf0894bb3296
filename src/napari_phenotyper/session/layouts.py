"""Layouts: what was done to each well, from a CSV file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from napari_phenotyper.core.errors import PlateError, SettingError, TableError
from napari_phenotyper.core.plate import ROLES, SAMPLE, Condition, Layout, Plate
from napari_phenotyper.core.wells import PLATE_SHAPES, WellRef, normal_well
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tables import read_table

_KNOWN = ("plate", "well", "treatment", "role", "dose", "replicate", "batch")
_ROLE_WORDS = {
    "neg": "negative", "negcon": "negative", "dmso": "negative", "control": "negative",
    "pos": "positive", "poscon": "positive", "": SAMPLE,
}  # fmt: skip


def read_layout(path: Path, plates: Sequence[Plate]) -> dict[str, Layout]:
    """Read a layout file.

    Parameters
    ----------
    path
        CSV with columns well, treatment, role (negative, positive, sample, empty) and, if wanted, dose, replicate,
        batch and any others; with a column plate where several plates differ.
    plates
        A row without a plate counts for all of these.

    Returns
    -------
    dict
        Plate name to layout.

    Raises
    ------
    TableError
        Naming file, line and remedy.
    """
    rows = read_table(path, ("well",))
    conditions: dict[str, dict[WellRef, Condition]] = {p.name: {} for p in plates}
    for line, row in rows:
        try:
            well = normal_well(row["well"])
        except PlateError as error:
            raise TableError(f"{path}, line {line}: {error.what}", error.remedy) from error
        condition = _condition(row, f"{path}, line {line}")
        for name in (row["plate"],) if row.get("plate") else tuple(conditions):
            if name not in conditions:
                continue  # a layout may cover more plates than are open
            conditions[name][WellRef(name, well)] = condition
    if not any(conditions.values()):
        raise TableError(f"{path} names no well of {', '.join(conditions)}.", "Check the columns plate and well.")
    return {name: Layout(found) for name, found in conditions.items() if found}


def _condition(row: Mapping[str, str], where: str) -> Condition:
    role = row.get("role", "").strip().casefold()
    role = _ROLE_WORDS.get(role, role)
    if role not in ROLES:
        raise TableError(f"{where}: role {row['role']!r} is unknown.", f"Roles are {', '.join(ROLES)}.")
    try:
        dose = float(row["dose"]) if row.get("dose", "").strip() else math.nan
    except ValueError as error:
        raise TableError(
            f"{where}: dose {row['dose']!r} is no number.", "Write it as 0.5, without its unit."
        ) from error
    extra = {k: v for k, v in row.items() if k not in _KNOWN and k}
    return Condition(
        row.get("treatment", "").strip(), role, dose, row.get("replicate", ""), row.get("batch", ""), extra
    )


def set_layout(session: Session, plates: Sequence[Plate], path: Path) -> dict[str, Layout]:
    """Give plates the layout of a file and remember it. Raises TableError, ProjectError."""
    needs_writing(session)
    layouts = read_layout(path, plates)
    settings = session.project.settings
    session.project.replace_settings(replace(settings, layouts={**settings.layouts, **layouts}))
    for name, layout in layouts.items():
        session.update(replace(session.plates[name], layout=layout))
    return layouts


def beside(plate: Plate, name: str) -> Path | None:
    """Return a file of that name beside a plate's images, if there is one."""
    place = Path(plate.path)
    folder = place if place.is_dir() else place.parent
    return folder / name if (folder / name).is_file() else None


def set_format(session: Session, plate: Plate, wells: int) -> Plate:
    """Say how many wells a plate has (6 to 1536, 0 for what the names tell), and remember it.

    Raises
    ------
    SettingError
        If there is no such plate.
    ProjectError
    """
    needs_writing(session)
    if wells and wells not in PLATE_SHAPES:
        raise SettingError(f"There is no plate of {wells} wells.", f"Plates have {', '.join(map(str, PLATE_SHAPES))}.")
    session.set("formats", {**session.setting("formats"), plate.name: wells})
    changed = replace(plate, format=wells)
    session.update(changed)
    return changed
