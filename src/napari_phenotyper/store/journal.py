"""The journal: every annotation event, committed before it is called saved."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple

from napari_phenotyper.core.annotations import Event
from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.store.database import connect, database_error, explained
from napari_phenotyper.store.files import Guard, writable
from napari_phenotyper.store.rescue import SCHEMA, is_damaged, rescue


class _Order(NamedTuple):
    """An event that waits to be committed."""

    kind: str
    payload: Mapping[str, Json]
    text: str
    who: str
    time: str
    saved: Future[Event]


class Journal:
    """Events in an sqlite file, in order, appended by one writer thread and read by anybody.

    Parameters
    ----------
    path
        The file; made if it is missing, unless read only.
    read_only
        Whether `append` is refused and the file never touched.
    guard
        Called before every append; raises where writing is no longer allowed.

    Raises
    ------
    ProjectError
        If the file cannot be opened. A damaged one is set aside, and what could be read of it put in its place: the
        error says so, and opening again then works.
    """

    def __init__(self, path: Path, read_only: bool = False, guard: Guard = writable) -> None:
        self.path = path
        self.read_only = read_only
        self._guard = guard
        self._gate = threading.Lock()
        self._closed = read_only
        self._queue: SimpleQueue[_Order | None] = SimpleQueue()
        if read_only:
            return
        if is_damaged(path):
            kept, aside = rescue(path)
            raise ProjectError(
                f"The journal {path} was damaged; {kept} events could be read and are kept.",
                f"Open the project again and look over the annotations; the damaged file is {aside.name}.",
            )
        with explained(path):
            self._db = connect(path)
            self._db.execute(SCHEMA)
            self._last = int(self._db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])
        self._thread = threading.Thread(target=self._write, name="journal writer", daemon=True)
        self._thread.start()

    def append(self, kind: str, payload: Mapping[str, Json], who: str = "") -> Future[Event]:
        """Queue an event; the future resolves after the commit, which is when it is saved.

        Parameters
        ----------
        kind, payload, who
            As in `Event`.

        Returns
        -------
        A future of the event with its number; it fails with ProjectError where the commit failed, and later events
        are tried nevertheless.

        Raises
        ------
        ProjectError
            If the journal is read-only or closed.
        TypeError
            If the payload is not JSON.
        """
        self._guard()
        text = json.dumps(payload, separators=(",", ":"))
        now = datetime.now(UTC).isoformat(timespec="milliseconds")
        clean = who.encode("utf-8", "replace").decode("utf-8")
        order = _Order(kind, payload, text, clean, now, Future())
        order.saved.set_running_or_notify_cancel()  # once queued it will be written: it can no longer be cancelled
        with self._gate:
            if self._closed:
                state = "open for reading only" if self.read_only else "closed"
                raise ProjectError(f"The journal {self.path} is {state}.", "Open the project for writing.")
            self._queue.put(order)
        return order.saved

    def append_wait(self, kind: str, payload: Mapping[str, Json], who: str = "") -> Event:
        """Append an event and return it once it is saved. Raises ProjectError."""
        return self.append(kind, payload, who).result()

    def events(self, since: int = 0) -> tuple[Event, ...]:
        """Return the saved events with numbers above `since`. Raises ProjectError."""
        if not self.path.exists():
            return ()
        with explained(self.path), closing(connect(self.path, read_only=True)) as db:
            query = "SELECT seq, kind, payload, who, time FROM events WHERE seq > ? ORDER BY seq"
            rows = db.execute(query, (since,)).fetchall()
        return tuple(Event(seq, kind, json.loads(payload), who, time) for seq, kind, payload, who, time in rows)

    def close(self) -> None:
        """Commit what is queued and close the file; a second call does nothing."""
        with self._gate:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
        self._thread.join()
        self._db.close()

    def _write(self) -> None:
        """Commit what is queued, all that has gathered in one transaction, until told to stop."""
        more = True
        while more:
            batch = [self._queue.get()]
            try:
                while batch[-1] is not None:
                    batch.append(self._queue.get_nowait())
            except Empty:
                pass
            more = batch[-1] is not None
            orders = [order for order in batch if order is not None]
            if orders:
                self._commit(orders)

    def _commit(self, orders: Sequence[_Order]) -> None:
        rows = [(self._last + i, o.kind, o.text, o.who, o.time) for i, o in enumerate(orders, 1)]
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.executemany("INSERT INTO events VALUES (?, ?, ?, ?, ?)", rows)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            failure = database_error(error, self.path)
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            for order in orders:
                order.saved.set_exception(failure)
            return
        self._last += len(orders)
        for row, order in zip(rows, orders, strict=True):
            order.saved.set_result(Event(row[0], order.kind, order.payload, order.who, order.time))
