"""One writer per project: a lock file that tells who writes, and that outlives no process."""

from __future__ import annotations

import json
import os
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from napari_phenotyper.core.errors import ProjectLockedError
from napari_phenotyper.store import host
from napari_phenotyper.store.files import discard, explained, patiently, temporary, write_bytes

LOCK = "lock"
BEAT = 5.0
"""Seconds between two signs of life."""
STALE = 60.0
"""Seconds without a sign of life after which a lock of another machine is taken over."""


@dataclass(frozen=True)
class Holder:
    """Who holds a lock; never rewritten, so a late sign of life cannot overwrite a successor.

    Attributes
    ----------
    host, pid, started
        The process: machine, number, and when it started, as `host.started` tells it.
    token
        Unique to this holding.
    since
        ISO 8601, UTC.
    """

    host: str = ""
    pid: int = 0
    started: str = ""
    token: str = ""
    since: str = ""

    def __str__(self) -> str:
        """Name the holder for a person."""
        if not self.token:
            return "somebody who is just opening or closing it"
        own = " (this one)" if self.pid == os.getpid() and self.host == host.name() else ""
        return f"process {self.pid}{own} on {self.host} since {self.since}"


class Lock:
    """The right to write to a project, held until `release` or the end of the process.

    The file's content says who holds it; its modification time, renewed every few seconds, is the sign of life, and
    is compared with that of a file made at the same moment in the same folder, so that the clocks of two machines on
    one file server need not agree. Make one with `Lock.acquire`.
    """

    def __init__(self, path: Path, holder: Holder) -> None:
        self.path = path
        self.holder = holder
        self._ended = threading.Event()
        self._lost = False
        self._thread = threading.Thread(target=self._beat, name="project lock", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        """Whether somebody took the lock over, as after this machine slept."""
        return self._lost

    @staticmethod
    def acquire(folder: Path) -> Lock:
        """Take the lock of a project folder; one that nobody alive holds is taken over.

        Raises
        ------
        ProjectLockedError
            If it is held, also by this process, naming machine, process and since when.
        ProjectError
            If the folder may not be written.
        """
        path = folder / LOCK
        pid = os.getpid()
        since = datetime.now(UTC).isoformat(timespec="seconds")
        mine = Holder(host.name(), pid, host.started(pid) or "", uuid.uuid4().hex, since)
        with explained(path):
            if not _create(path, mine):
                _take_over(path, mine)
        return Lock(path, mine)

    def release(self) -> None:
        """Give the lock back; a second call does nothing."""
        if self._ended.is_set():
            return
        self._ended.set()
        self._thread.join()
        if (_read(self.path) or Holder()).token == self.holder.token:
            with suppress(OSError):
                patiently(self.path.unlink)

    def _beat(self) -> None:
        while not self._ended.wait(BEAT):
            with suppress(OSError):  # a file server that is away for a moment; the next beat tries again
                now = _read(self.path)
                if now is None or now.token not in ("", self.holder.token):
                    self._lost = True
                    return
                os.utime(self.path)


def holder_of(folder: Path) -> Holder | None:
    """Return who holds the lock of a project folder, or None if nobody alive does."""
    path = folder / LOCK
    holder = _read(path)
    return None if holder is None or _is_stale(path, holder) else holder


def _create(path: Path, holder: Holder) -> bool:
    """Write a holder to a file that must not exist yet; tell whether that was so."""
    try:
        handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
    except FileExistsError:
        return False
    with os.fdopen(handle, "wb") as file:
        file.write(json.dumps(asdict(holder)).encode())
    return True


def _take_over(path: Path, mine: Holder) -> None:
    """Replace a stale lock, or raise ProjectLockedError.

    Each stale holder has one successor: whoever creates the claim file that bears the stale holder's token. A
    claimant that died before it finished is itself a stale holder, with a claim file of its own. A claim that could
    be made only because another claimant has finished and tidied up finds the lock changed, and gives way.
    """
    first = _read(path)
    if first is None:
        if _create(path, mine):
            return
        raise _locked(path)
    claims: list[Path] = []
    last, holder = path, first
    while _is_stale(last, holder):
        last = path.with_name(f"{LOCK}-{holder.token[:16] or 'unreadable'}")
        claims.append(last)
        if _create(last, mine):
            break
        holder = _read(last) or mine
    else:
        raise _locked(path)
    if (_read(path) or Holder()).token != first.token:
        discard(last)
        raise _locked(path)
    write_bytes(path, json.dumps(asdict(mine)).encode())
    for claim in claims:
        discard(claim)


def _locked(path: Path) -> ProjectLockedError:
    return ProjectLockedError(
        f"The project {path.parent} is being written by {_read(path) or Holder()}.",
        "Close it there first, or go on reading only.",
    )


def _read(path: Path) -> Holder | None:
    """Return who a lock file names: None if there is no file, an empty holder if it cannot be read."""
    try:
        value = json.loads(path.read_bytes())
        return Holder(
            str(value["host"]), int(value["pid"]), str(value["started"]), str(value["token"]), str(value["since"])
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return Holder()


def _is_stale(path: Path, holder: Holder) -> bool:
    """Tell whether nobody alive holds a lock."""
    if holder.host == host.name():
        now = host.started(holder.pid)
        if now is None or (now and holder.started and now != holder.started):
            return True
        if now and holder.started:
            return False
    return _age(path) > STALE


def _age(path: Path) -> float:
    """Return the seconds since a file's last change, by the clock of the file system where that can be asked."""
    probe = temporary(path.parent)
    now = time.time()
    with suppress(OSError):
        probe.write_bytes(b"")
        now = probe.stat().st_mtime
    discard(probe)
    try:
        return now - path.stat().st_mtime
    except OSError:
        return 0.0
