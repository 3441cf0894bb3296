"""One writer per project, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from napari_phenotyper.core.errors import ProjectError, ProjectLockedError
from napari_phenotyper.store import host, lock
from napari_phenotyper.store.lock import LOCK, Lock, holder_of

HOLD = """
import sys, time
from pathlib import Path
from napari_phenotyper.store.lock import Lock
lock = Lock.acquire(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def held_elsewhere(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline().strip() == "held"
    return process


def forge(folder: Path, age: float = 0.0, **changes: object) -> None:
    """Write the lock of somebody else."""
    pid = os.getpid()
    value = {"host": host.name(), "pid": pid, "started": host.started(pid), "token": "f" * 32, "since": "2024"}
    path = folder / LOCK
    path.write_text(json.dumps(value | changes))
    os.utime(path, (time.time() - age, time.time() - age))


def test_a_second_lock_in_the_same_process_is_refused_and_says_who(tmp_path: Path) -> None:
    first = Lock.acquire(tmp_path)
    with pytest.raises(ProjectLockedError, match=rf"process {os.getpid()} \(this one\)"):
        Lock.acquire(tmp_path)
    first.release()
    Lock.acquire(tmp_path).release()
    assert not list(tmp_path.iterdir())


def test_a_lock_of_another_process_is_refused_until_it_is_killed(tmp_path: Path) -> None:
    process = held_elsewhere(tmp_path)
    with pytest.raises(ProjectLockedError, match=f"process {process.pid}"):
        Lock.acquire(tmp_path)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    process.wait()
    mine = Lock.acquire(tmp_path)
    assert holder_of(tmp_path) == mine.holder
    mine.release()
    assert not list(tmp_path.iterdir())


def test_a_process_number_that_was_reused_does_not_hold_the_lock(tmp_path: Path) -> None:
    forge(tmp_path, started="long before")
    mine = Lock.acquire(tmp_path)
    assert holder_of(tmp_path) == mine.holder
    mine.release()


def test_another_machine_holds_the_lock_while_it_gives_signs_of_life(tmp_path: Path) -> None:
    forge(tmp_path, host="elsewhere", age=lock.STALE / 2)
    with pytest.raises(ProjectLockedError, match="elsewhere"):
        Lock.acquire(tmp_path)
    forge(tmp_path, host="elsewhere", age=lock.STALE + 5)
    Lock.acquire(tmp_path).release()


def test_a_lock_that_cannot_be_read_is_respected_for_a_minute(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_bytes(b"")
    with pytest.raises(ProjectLockedError):
        Lock.acquire(tmp_path)
    os.utime(tmp_path / LOCK, (1, 1))
    Lock.acquire(tmp_path).release()


def test_a_process_that_died_while_taking_over_is_succeeded(tmp_path: Path) -> None:
    forge(tmp_path, started="long before")
    claim = {"host": host.name(), "pid": os.getpid(), "started": "also before", "token": "e" * 32, "since": "2024"}
    (tmp_path / f"{LOCK}-{'f' * 16}").write_text(json.dumps(claim))
    Lock.acquire(tmp_path).release()
    assert not list(tmp_path.iterdir())


def test_of_many_that_find_a_stale_lock_one_gets_it(tmp_path: Path) -> None:
    for _ in range(10):
        forge(tmp_path, started="long before")
        got: list[Lock] = []
        refused: list[ProjectError] = []
        start = threading.Barrier(8)

        def run(start: threading.Barrier = start, got: list[Lock] = got, refused: list[ProjectError] = refused) -> None:
            start.wait()
            try:
                got.append(Lock.acquire(tmp_path))
            except ProjectLockedError as error:
                refused.append(error)

        threads = [threading.Thread(target=run) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert (len(got), len(refused)) == (1, 7)
        got[0].release()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], bool]], None]:
    """Signs of life at once, and a function that waits for something to become true."""
    monkeypatch.setattr(lock, "BEAT", 0.01)

    def until(true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 10
        while not true() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert true()

    return until


def test_signs_of_life_are_given(tmp_path: Path, quick: Callable[[Callable[[], bool]], None]) -> None:
    mine = Lock.acquire(tmp_path)
    os.utime(tmp_path / LOCK, (1, 1))
    quick(lambda: (tmp_path / LOCK).stat().st_mtime > 1)
    assert not mine.lost
    mine.release()


def test_a_lock_that_was_taken_over_is_lost_and_left_to_its_new_holder(
    tmp_path: Path, quick: Callable[[Callable[[], bool]], None]
) -> None:
    mine = Lock.acquire(tmp_path)
    forge(tmp_path, host="elsewhere")
    quick(lambda: mine.lost)
    mine.release()
    assert (tmp_path / LOCK).exists()


def test_the_start_of_a_process_is_known_and_that_of_a_dead_one_is_none() -> None:
    assert host.started(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert host.started(process.pid) is None


@pytest.mark.skipif(os.name != "posix", reason="zombies are a POSIX matter")
def test_a_dead_process_whose_parent_has_not_looked_holds_nothing() -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 10
    while host.started(process.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.01)
    assert host.started(process.pid) is None
    process.wait()
