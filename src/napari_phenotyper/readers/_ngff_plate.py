"""The images of an NGFF plate, from what its JSON lists and its folders hold."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from napari_phenotyper.core.errors import PixelError, PlateError
from napari_phenotyper.core.wells import normal_well, well_name
from napari_phenotyper.readers._listing import natural
from napari_phenotyper.readers._ngff import attributes

_NAMED = 8
"""How many of a kind a problem names before it only counts."""


def plate_images(group: Path, about: Mapping[str, Any], problems: list[str]) -> Iterator[tuple[str, str, str]]:
    """Yield the images of a plate: well, path below the plate, acquisition (empty if it is not told).

    Wells and images that are listed but not there, or there but not listed for want of metadata, are normal.

    Parameters
    ----------
    group
        The plate's folder.
    about
        Its "plate" attributes.
    problems
        Sentences about what is wrong are added here.
    """
    missing: list[str] = []
    for well, path in _wells(group, about, problems).items():
        there = _folders(group / path)
        for image, acquisition in _listed_images(group / path, there, problems):
            if image.split("/")[0] in there:
                yield well, f"{path}/{image}", acquisition
            else:
                missing.append(f"{path}/{image}")
        if not there:
            missing.append(path)
    if missing:
        rest = f"; and {len(missing) - _NAMED} more" if len(missing) > _NAMED else ""
        problems.append(f"The plate lists what is not there: {'; '.join(missing[:_NAMED])}{rest}.")


def _wells(group: Path, about: Mapping[str, Any], problems: list[str]) -> dict[str, str]:
    """Return well name to path below the plate, of the wells that are listed, or else of those that are there."""
    listed = about.get("wells")
    if not isinstance(listed, list) or not listed:
        rows = [row for row in _folders(group) if row.isalpha()]
        listed = [{"path": f"{row}/{column}"} for row in rows for column in _folders(group / row) if column.isdigit()]
    wells: dict[str, str] = {}
    odd = []
    for entry in listed:
        said = entry if isinstance(entry, dict) else {}
        name = _well_name(said)
        if name and said.get("path") is not None:
            wells[name] = str(said["path"]).strip("/")
        else:
            odd.append(str(said.get("path", entry)))
    if odd:
        problems.append(f"{len(odd)} of {len(listed)} wells name no place on a plate; the first is {odd[0]!r}.")
    return wells


def _well_name(said: Mapping[str, Any]) -> str:
    """Return a listed well's name, from its path, else from its row and column; empty if neither tells."""
    try:
        return normal_well("".join(str(said.get("path", "")).strip("/").split("/")[-2:]))
    except PlateError:
        pass
    try:  # rows that are not named by letters ("1/1") are told by their position
        return well_name(int(said["rowIndex"]) + 1, int(said["columnIndex"]) + 1)
    except (KeyError, TypeError, ValueError):
        return ""


def _listed_images(well: Path, there: Sequence[str], problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield path and acquisition of a well's images as it lists them, else its numbered folders."""
    try:
        about = attributes(well).get("well") if there else None
    except PixelError as error:
        problems.append(f"{error.what} Its numbered folders are taken for fields.")
        about = None
    images = about.get("images") if isinstance(about, dict) else None
    named = [i for i in images if isinstance(i, dict) and "path" in i] if isinstance(images, list) else []
    if not named:
        named = [{"path": name} for name in there if name.isdigit()]
    for image in named:
        acquisition = image.get("acquisition")
        yield str(image["path"]).strip("/"), "" if acquisition is None else str(acquisition)


def _folders(path: Path) -> list[str]:
    """Return the names of the folders in a folder, in natural order; none if it is not there."""
    try:
        with os.scandir(path) as found:
            return sorted((entry.name for entry in found if entry.is_dir()), key=natural)
    except OSError:
        return []
