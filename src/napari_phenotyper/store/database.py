"""Opening sqlite files, and saying what their errors mean."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.store.host import on_network_drive

_PATIENCE = 10.0
"""Seconds to wait for another connection's transaction."""


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """Open a database in autocommit mode, durable (synchronous=FULL), to be used by one thread at a time.

    Write-ahead logging where it works; on a network drive, or where the file system refuses it, a rollback journal.

    Raises
    ------
    sqlite3.Error
        As sqlite says it; `explained` makes a ProjectError of it.
    """
    if read_only:
        return _connect_for_reading(path)
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _set_mode(db, "DELETE" if on_network_drive(path) else "WAL")
        db.execute("PRAGMA synchronous=FULL")
        db.execute("PRAGMA fullfsync=ON")  # macOS: flush the drive's own cache too
    except sqlite3.Error:
        db.close()
        raise
    return db


def _set_mode(db: sqlite3.Connection, mode: str) -> None:
    """Set the journal mode, and fall back from WAL where shared memory does not work."""
    try:
        db.execute(f"PRAGMA journal_mode={mode}").fetchone()
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        if mode != "WAL":
            raise
        db.execute("PRAGMA journal_mode=DELETE").fetchone()


def _connect_for_reading(path: Path) -> sqlite3.Connection:
    """Open without writing; in a folder that may not be written, a file without a log is read as it lies there."""
    uri = path.absolute().as_uri()
    db = sqlite3.connect(f"{uri}?mode=ro", uri=True, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.OperationalError:
        db.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None, check_same_thread=False)
    except sqlite3.Error:
        db.close()
        raise
    return db


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn an sqlite error of the body into a ProjectError that names the file and the remedy."""
    try:
        yield
    except sqlite3.Error as error:
        raise database_error(error, path) from error


def database_error(error: sqlite3.Error, path: Path) -> ProjectError:
    """Return the ProjectError that says what an sqlite error means for a file."""
    code = getattr(error, "sqlite_errorcode", None)
    code = code & 0xFF if isinstance(code, int) else None
    if code == sqlite3.SQLITE_FULL:
        what, remedy = "There is no space left for", "Free some space and try again; what was saved before is whole."
    elif code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        what, remedy = "This user may not write, or not reach,", "Check the rights and that the drive is connected."
    elif code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        what, remedy = "Another program holds", "Close it, then try again."
    elif code == sqlite3.SQLITE_CONSTRAINT:
        what, remedy = "Another program has written to", "Close the project here and open it again."
    elif code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        what, remedy = "Damaged:", "Restore it from a backup, or move it away."
    else:
        what, remedy = (
            "The disk failed to read or write",
            "Check that the drive is connected and healthy, then try again.",
        )
    return ProjectError(f"{what} {path} ({error}).", remedy)
