"""The image files below a folder, by listing alone: no file is opened."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path

IMAGE_SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
"""What the file readers open; upper and lower case are the same."""

MAX_DEPTH = 8
"""Folders below the one opened; MetaXpress nests five deep."""

_THUMBNAIL = re.compile(r"_thumb", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")
_NOT_PLATES = (".zarr", ".phenotyper")


@lru_cache(maxsize=1 << 16)
def natural(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that sorts numbers by value (s2 before s10) and letters without regard to case."""
    parts = _DIGITS.split(text.casefold())
    return tuple((1, int(part), part) if i % 2 else (0, 0, part) for i, part in enumerate(parts))


def images(root: Path, max_entries: int | None = None) -> Iterator[str]:
    """Return, lazily, the image files below a folder, as paths relative to it with forward slashes.

    Hidden files, thumbnails, OME-Zarr folders and project folders are passed over, and so are folders that may not
    be listed.

    Parameters
    ----------
    root
        Where to look; folders down to `MAX_DEPTH` below it are listed.
    max_entries
        Stop after so many directory entries; None lists all.
    """
    return (prefix + entry.name for prefix, entry in islice(_walk(root), max_entries) if _is_image(entry))


def _walk(root: Path) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield all that lies below a folder with the path of its folder ("a/b/"), folders that are no plate's left out."""
    seen: set[Path] = set()
    waiting = [("", 0)]
    while waiting:
        prefix, depth = waiting.pop()
        folder = (root / prefix).resolve()
        if folder in seen:  # a link back to a folder above
            continue
        seen.add(folder)
        for entry in _entries(folder):
            yield prefix, entry
            if depth < MAX_DEPTH and _is_plate_folder(entry):
                waiting.append((f"{prefix}{entry.name}/", depth + 1))


def _is_image(entry: os.DirEntry[str]) -> bool:
    return entry.name.lower().endswith(IMAGE_SUFFIXES) and not _THUMBNAIL.search(entry.name) and entry.is_file()


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    """Return what a folder holds and shows, by name; nothing if it may not be listed."""
    try:
        with os.scandir(folder) as found:
            return sorted((e for e in found if not e.name.startswith(".")), key=lambda e: e.name)
    except OSError:
        return []


def _is_plate_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir() and not entry.name.lower().endswith(_NOT_PLATES)
    except OSError:
        return False
