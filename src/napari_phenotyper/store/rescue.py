"""Saving what can be read of a damaged journal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from napari_phenotyper.store import files
from napari_phenotyper.store.database import connect, database_error, explained
from napari_phenotyper.store.files import discard, patiently, temporary

Row = tuple[int, str, str, str, str]
"""seq, kind, payload (JSON), who, time."""

SCHEMA = (
    "CREATE TABLE IF NOT EXISTS events (seq INTEGER PRIMARY KEY, kind TEXT NOT NULL, payload TEXT NOT NULL, "
    "who TEXT NOT NULL, time TEXT NOT NULL)"
)
_ROWS = "SELECT seq, kind, payload, who, time FROM events ORDER BY seq"
LOST = "lost"
"""Kind of the events that stand for those that could not be read: they change nothing, and keep the numbering."""

_BEYOND = 1000
"""How far past the last readable event to look where the file does not tell its last number."""


def is_damaged(path: Path) -> bool:
    """Tell whether an existing journal fails sqlite's own check, lacks its table or holds what no event is.

    Raises
    ------
    ProjectError
        If it cannot be opened at all, for want of rights or because another program holds it.
    """
    if not path.exists():
        return False
    try:
        with closing(connect(path)) as db:
            db.text_factory = _text
            db.execute(SCHEMA)
            if db.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
                return True
            rows = db.execute(_ROWS).fetchall()
    except sqlite3.OperationalError as error:
        raise database_error(error, path) from error
    except sqlite3.DatabaseError:
        return True
    return any(row[0] != seq or not _is_event(row) for seq, row in enumerate(rows, 1))


def rescue(path: Path) -> tuple[int, Path]:
    """Set a damaged journal aside and put what can be read of it in its place.

    Returns
    -------
    The number of events kept, and where the damaged file now lies.

    Raises
    ------
    ProjectError
        If the folder cannot be written.
    """
    rows = _readable(path)
    fresh = temporary(path.parent)
    try:
        with explained(fresh), closing(connect(fresh)) as db:
            db.execute(SCHEMA)
            db.execute("BEGIN")
            db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", mended(rows))
            db.execute("COMMIT")
            db.execute("PRAGMA journal_mode=DELETE").fetchone()  # one file, so that it can be renamed
        aside = path.with_name(f"{path.stem}-damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}{path.suffix}")
        for ending in ("", "-wal", "-shm"):
            part = path.with_name(path.name + ending)
            if part.exists():
                _rename(part, aside.with_name(aside.name + ending))
        _rename(fresh, path)
    finally:
        discard(fresh)
    return len(rows), aside


def _rename(source: Path, target: Path) -> None:
    patiently(lambda: source.replace(target))


def _readable(path: Path) -> list[Row]:
    """Return every row that can be read, one by one where they cannot be read in one go."""
    rows: dict[int, Row] = {}
    with _padded_copy(path) as copy, suppress(sqlite3.Error), closing(connect(copy)) as db:
        db.text_factory = _text
        with suppress(sqlite3.Error):
            for row in db.execute(_ROWS):
                rows[row[0]] = row
        last = max(rows, default=0) + _BEYOND
        with suppress(sqlite3.Error):
            last = db.execute("SELECT max(seq) FROM events").fetchone()[0] or 0
        for seq in range(max(rows, default=0) + 1, last + 1):
            with suppress(sqlite3.Error):
                row = db.execute("SELECT seq, kind, payload, who, time FROM events WHERE seq = ?", (seq,)).fetchone()
                if row is not None:
                    rows[seq] = row
    return [rows[seq] for seq in sorted(rows) if _is_event(rows[seq])]


@contextmanager
def _padded_copy(path: Path) -> Iterator[Path]:
    """Yield a copy of a database, its log beside it, as long as its header says: sqlite reads none that is shorter.

    Bytes 16 and 17 of the header are the page size (1 for 65,536), 28 to 31 the number of pages
    (https://www.sqlite.org/fileformat.html).
    """
    copy = temporary(path.parent)
    log = path.with_name(path.name + "-wal")
    try:
        with files.explained(path):
            raw = path.read_bytes()
            size = int.from_bytes(raw[16:18]) * int.from_bytes(raw[28:32])
            copy.write_bytes(raw.ljust(min(size, len(raw) * 10), b"\0"))
            if log.exists():
                copy.with_name(copy.name + "-wal").write_bytes(log.read_bytes())
        yield copy
    finally:
        for ending in ("", "-wal", "-shm"):
            discard(copy.with_name(copy.name + ending))


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _is_event(row: Sequence[object]) -> bool:
    try:
        return isinstance(json.loads(str(row[2])), Mapping) and isinstance(row[0], int) and row[0] > 0
    except ValueError:
        return False


def mended(rows: Sequence[Row]) -> list[Row]:
    """Return events numbered from 1 without gaps, in which every redo has its undo.

    Parameters
    ----------
    rows
        In order, with gaps. The numbers stay, since undo and redo name events by them; a "lost" event that changes
        nothing fills each gap, and takes the place of a redo whose undo is lost.
    """
    known = {row[0]: row for row in rows}
    out: list[Row] = []
    undone: list[int] = []
    for seq in range(1, max(known, default=0) + 1):
        row = known.get(seq, (seq, LOST, "{}", "", ""))
        of = json.loads(row[2]).get("of", 0)
        if row[1] == "undo":
            undone.append(of)
        elif row[1] == "redo" and of in undone:
            undone.remove(of)
        elif row[1] == "redo":
            row = (seq, LOST, "{}", row[3], row[4])
        else:
            undone.clear()
        out.append(row)
    return out
