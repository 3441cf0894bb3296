"""Find the plates at a path."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.registry import Registry

_DEPTH = 2
"""How many folders below the one that was named a plate is looked for."""


@dataclass(frozen=True, eq=False)
class Found:
    """Plates that one reader found at one path."""

    path: Path
    reader: str
    settings: Mapping[str, str]
    plates: tuple[Plate, ...]


def find_plates(path: Path, registry: Registry, pattern: str = "") -> list[Found]:
    """Return the plates at a path, or in the folders below it.

    Parameters
    ----------
    path
        A plate, or a folder of plates.
    registry
        Lists the readers.
    pattern
        File name pattern; then only the reader `file_pattern` is asked.

    Raises
    ------
    PlateError
        If there is no plate, naming what was looked for.
    """
    path = whole_path(path)
    if not path.exists():
        raise PlateError(f"There is no {path}.", "Check the spelling, and that the disk is mounted.")
    if pattern:
        settings = {"pattern": pattern}
        return [Found(path, "file_pattern", settings, registry.make("reader", "file_pattern", settings).read(path))]
    readers = _readers(registry)
    found = list(_search(path, readers, _DEPTH))
    if not found:
        formats = ", ".join(name for name, _ in readers)
        raise PlateError(
            f"{path} holds no plate that can be read (tried: {formats}).",
            "Name the folder with the images, or say how the files are named: "
            "--pattern '{plate}_{well}_s{field}_{channel}.tif'.",
        )
    return found


def whole_path(path: Path) -> Path:
    """Return an absolute path without "..", links left as they are: two spellings of a place are one."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100  (resolve() follows links)


def read_again(path: Path, reader: str, settings: Mapping[str, object], registry: Registry) -> tuple[Plate, ...]:
    """Return the plates that a reader found before. Raises PlateError, ExtensionError."""
    if not path.exists():
        raise PlateError(
            f"The plate {path} is no longer there.",
            "Mount its disk, or name its new place once: phenotyper segment PLATE --project DIR.",
        )
    plates: tuple[Plate, ...] = registry.make("reader", reader, settings).read(path)
    return plates


def unique_names(plates: Sequence[Plate], taken: frozenset[str]) -> tuple[Plate, ...]:
    """Return plates under names that differ from one another and from those taken."""
    used, named = set(taken), []
    for plate in plates:
        name, number = plate.name, 2
        while name in used:
            name, number = f"{plate.name} ({number})", number + 1
        used.add(name)
        named.append(plate if name == plate.name else plate.named(name))
    return tuple(named)


def own_name(known: str, name: str) -> bool:
    """Tell whether a plate is known by its name, or by that name with a number that `unique_names` gave it."""
    return known == name or re.fullmatch(re.escape(name) + r" \(\d+\)", known) is not None


def _readers(registry: Registry) -> list[tuple[str, object]]:
    """Return the readers, the one that takes any files by their names last."""
    names = sorted(registry.ids("reader"), key=lambda name: name == "file_pattern")
    return [(name, registry.make("reader", name)) for name in names]


def _search(path: Path, readers: Sequence[tuple[str, object]], depth: int) -> Iterator[Found]:
    for name, reader in readers:
        if reader.recognises(path):  # type: ignore[attr-defined]
            yield Found(path, name, {}, reader.read(path))  # type: ignore[attr-defined]
            return
    if depth and path.is_dir():
        for folder in sorted(p for p in path.iterdir() if p.is_dir() and not p.name.endswith(".phenotyper")):
            yield from _search(folder, readers, depth - 1)
