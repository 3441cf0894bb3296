"""Small pictures of fields, kept so that a plate is seen at once the next time: what they show can be read again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.database import connect, explained
from napari_phenotyper.store.files import Guard, discard, writable

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS thumbnails (pixels_key TEXT, height INTEGER, width INTEGER, plate TEXT, well TEXT, "
    "field INTEGER, about TEXT NOT NULL, pixels BLOB NOT NULL, PRIMARY KEY (pixels_key, height, width))",
    "CREATE INDEX IF NOT EXISTS places ON thumbnails (plate, height, width)",
)
_BY_KEY = "SELECT pixels_key, about, pixels FROM thumbnails WHERE height = ? AND width = ?"
_BY_PLATE = "SELECT well, field, pixels_key, about, pixels FROM thumbnails WHERE plate = ? AND height = ? AND width = ?"
_MANY = 500
"""Keys asked for at once; sqlite takes 999."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A field made small.

    Attributes
    ----------
    pixels
        (c, h, w) in the type they are stored in.
    shape
        (y, x) of the field at full resolution.
    """

    pixels: NDArray[np.generic]
    shape: tuple[int, int]


class ThumbnailStore:
    """Thumbnails by the key of their field's pixels and their size, in one sqlite file.

    Each row also says which field it was kept for.

    Parameters
    ----------
    path
        The file; made at the first `put_many`.
    guard
        Called before every write.
    """

    def __init__(self, path: Path, guard: Guard = writable) -> None:
        self.path = path
        self._guard = guard

    def put_many(self, found: Mapping[FieldRef, tuple[str, Thumbnail]]) -> None:
        """Keep thumbnails of fields under the keys of their pixels, all of them or none.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        rows = [(key, *one.pixels.shape[1:], *ref, *_packed(one)) for ref, (key, one) in found.items()]
        try:
            self._write(rows)
        except ProjectError as error:
            if not _is_damage(error):
                raise
            discard(self.path)
            self._write(rows)

    def get_many(self, keys: Iterable[str], size: tuple[int, int]) -> dict[str, Thumbnail]:
        """Return the thumbnails of a size, (height, width), that are kept; none of a file or row that is damaged."""
        wanted, found = list(keys), {}
        for start in range(0, len(wanted), _MANY):
            part = wanted[start : start + _MANY]
            asked = f"{_BY_KEY} AND pixels_key IN ({','.join('?' * len(part))})"
            for key, *packed in self._rows(asked, (*size, *part)):
                one = _unpacked(size, *packed)
                if one is not None:
                    found[key] = one
        return found

    def last_seen(self, plate: str, size: tuple[int, int]) -> dict[FieldRef, tuple[str, Thumbnail]]:
        """Return what the fields of a plate looked like when they were kept, with the keys they had then.

        Whether these are still their keys costs more than the thumbnails: it takes a look at every image file.
        """
        found = {}
        for well, number, key, *packed in self._rows(_BY_PLATE, (plate, *size)):
            one = _unpacked(size, *packed)
            if one is not None:
                found[FieldRef(plate, well, number)] = key, one
        return found

    def clean(self, needed: Collection[str]) -> int:
        """Remove thumbnails of fields whose keys nothing needs, or all of a damaged file; return the bytes freed."""
        self._guard()
        if not self.path.exists():
            return 0
        before = self.path.stat().st_size
        try:
            with explained(self.path), closing(_opened(self.path)) as db:
                kept = {row[0] for row in db.execute("SELECT DISTINCT pixels_key FROM thumbnails")}
                doomed = [(key,) for key in kept - set(needed)]
                if not doomed:
                    return 0
                db.executemany("DELETE FROM thumbnails WHERE pixels_key = ?", doomed)
                db.execute("VACUUM")
                db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        except ProjectError as error:
            if not _is_damage(error):
                raise
            return discard(self.path)
        return max(before - self.path.stat().st_size, 0)

    def _rows(self, asked: str, values: Sequence[object]) -> list[tuple[Any, ...]]:
        """Return what is found, nothing where the file is damaged or not there."""
        if not self.path.exists():
            return []
        try:
            with closing(connect(self.path, read_only=True)) as db:
                return db.execute(asked, values).fetchall()
        except sqlite3.Error:
            return []

    def _write(self, rows: Sequence[tuple[object, ...]]) -> None:
        with explained(self.path), closing(_opened(self.path)) as db:
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO thumbnails VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            db.execute("COMMIT")


def _opened(path: Path) -> sqlite3.Connection:
    db = connect(path)
    try:
        for line in _SCHEMA:
            db.execute(line)
    except sqlite3.Error:
        db.close()
        raise
    return db


def _is_damage(error: ProjectError) -> bool:
    """Tell whether the file is no database any more, not that somebody holds it or that the disk is full."""
    return type(error.__cause__) is sqlite3.DatabaseError


def _packed(one: Thumbnail) -> tuple[str, bytes]:
    # as they are: camera noise hardly shrinks, and reading a plate's thumbnails has to be quick
    pixels = np.ascontiguousarray(one.pixels)
    return json.dumps({"type": pixels.dtype.str, "count": len(pixels), "shape": list(one.shape)}), pixels.tobytes()


def _unpacked(size: tuple[int, int], about: str, pixels: bytes) -> Thumbnail | None:
    """Return a thumbnail, None for a damaged one."""
    try:
        said = json.loads(about)
        values = np.frombuffer(pixels, np.dtype(said["type"])).reshape(int(said["count"]), *size)
        height, width = said["shape"]
        return Thumbnail(values, (int(height), int(width)))
    except (ValueError, KeyError, TypeError):
        return None
