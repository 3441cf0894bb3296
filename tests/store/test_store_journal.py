"""What the journal called saved is there, whatever happens."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import wait
from pathlib import Path

import pytest

from napari_phenotyper.core.annotations import Event, redoable, replay
from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.store import database
from napari_phenotyper.store.journal import Journal
from napari_phenotyper.store.project import Project
from napari_phenotyper.store.rescue import LOST, mended

WRITE = """
import sys
from napari_phenotyper.store.project import Project
project = Project.open(sys.argv[1], read_only=False)
for i in range(500):
    cell = {"id": f"a{i}", "field": ["P1", "B03", 1], "y": i, "x": i, "click_y": i, "click_x": i, "mask_key": "k",
            "phenotype": "mitosis" if i % 3 else "interphase", "annotator": "me", "time": "t"}
    event = project.journal.append("annotate", {"annotations": [cell], "replaces": []}, "me").result()
    print(event.seq, flush=True)
"""


def write_until_killed(folder: Path, seed: int) -> int:
    """Annotate in another process, kill it at a random moment, and return the last number it called saved."""
    process = subprocess.Popen([sys.executable, "-c", WRITE, str(folder)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    chance = random.Random(seed)
    saved = int(process.stdout.readline())
    for _ in range(chance.randrange(120)):
        saved = int(process.stdout.readline())
    time.sleep(chance.random() * 0.01)
    process.send_signal(signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
    rest = process.stdout.read().split("\n")[:-1]
    process.wait()
    return int(rest[-1]) if rest else saved


def check_kills(folder: Path, kills: int) -> None:
    before = 0
    for seed in range(kills):
        saved = write_until_killed(folder, seed)
        assert saved > before
        with Project.open(folder) as project:
            assert not project.read_only
            events = project.journal.events()
        assert [e.seq for e in events] == list(range(1, len(events) + 1))
        assert saved <= len(events) <= saved + 1
        replay(events)
        before = len(events)


def test_what_was_called_saved_survives_two_kills(tmp_path: Path) -> None:
    check_kills(tmp_path / "X.phenotyper", 2)


def test_what_was_called_saved_survives_ten_kills(tmp_path: Path) -> None:
    check_kills(tmp_path / "X.phenotyper", 10)


def test_events_come_back_as_they_were_appended(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    first = journal.append_wait("rename", {"old": "é", "new": "板"}, "Zoë")
    second = journal.append_wait("clear", {"ids": ["a", "b"]})
    journal.close()
    events = Journal(tmp_path / "j.sqlite", read_only=True).events()
    assert events == (first, second)
    assert (first.seq, second.seq, first.who) == (1, 2, "Zoë")
    assert first.time.endswith("+00:00")


def test_events_after_a_number_are_those_that_are_new(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    for i in range(5):
        journal.append_wait("clear", {"ids": [str(i)]})
    assert [e.seq for e in journal.events(since=3)] == [4, 5]
    journal.close()


def test_many_threads_append_without_gaps(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    futures = []

    def run() -> None:
        futures.extend(journal.append("clear", {"ids": []}) for _ in range(100))

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    wait(futures)
    assert sorted(f.result().seq for f in futures) == list(range(1, 401))
    assert len(journal.events()) == 400
    journal.close()


def test_closing_saves_what_is_queued_and_then_refuses(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    futures = [journal.append("clear", {"ids": []}) for _ in range(200)]
    journal.close()
    assert all(f.done() for f in futures)
    with pytest.raises(ProjectError, match="closed"):
        journal.append("clear", {"ids": []})
    journal.close()
    assert len(Journal(tmp_path / "j.sqlite", read_only=True).events()) == 200


def test_a_reader_sees_what_a_writer_has_saved_and_may_not_append(tmp_path: Path) -> None:
    writer = Journal(tmp_path / "j.sqlite")
    reader = Journal(tmp_path / "j.sqlite", read_only=True)
    writer.append_wait("clear", {"ids": []})
    assert len(reader.events()) == 1
    with pytest.raises(ProjectError, match="reading only"):
        reader.append("clear", {"ids": []})
    writer.close()


def test_a_journal_that_is_not_there_reads_as_empty(tmp_path: Path) -> None:
    assert Journal(tmp_path / "j.sqlite", read_only=True).events() == ()
    assert not list(tmp_path.iterdir())


def test_a_full_disk_fails_the_event_and_the_journal_goes_on(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    journal.append_wait("clear", {"ids": []})
    pages = journal._db.execute("PRAGMA page_count").fetchone()[0]
    journal._db.execute(f"PRAGMA max_page_count={pages}")
    failed = journal.append("clear", {"ids": ["x" * 100_000]})
    with pytest.raises(ProjectError, match=r"no space left.*j\.sqlite"):
        failed.result(timeout=10)
    journal._db.execute("PRAGMA max_page_count=1000000")
    assert journal.append_wait("clear", {"ids": ["y"]}).seq == 2
    assert [e.payload["ids"] for e in journal.events()] == [[], ["y"]]
    journal.close()


def test_an_event_that_is_no_json_is_refused_before_it_is_queued(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    with pytest.raises(TypeError):
        journal.append("clear", {"ids": {1, 2}})  # type: ignore[dict-item]
    assert journal.append_wait("clear", {"ids": []}, "\ud800").seq == 1
    journal.close()


def test_a_second_writer_is_noticed_instead_of_overwritten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j.sqlite")
    with sqlite3.connect(tmp_path / "j.sqlite") as other:
        other.execute("INSERT INTO events VALUES (1, 'clear', '{}', '', '')")
    other.close()
    with pytest.raises(ProjectError, match="Another program"):
        journal.append_wait("clear", {"ids": []})
    journal.close()


def test_without_shared_memory_the_journal_works_in_rollback_mode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "on_network_drive", lambda path: True)
    journal = Journal(tmp_path / "j.sqlite")
    journal.append_wait("clear", {"ids": []})
    assert journal._db.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    assert len(journal.events()) == 1
    journal.close()


def filled(path: Path, number: int = 300) -> None:
    journal = Journal(path)
    wait([journal.append("clear", {"ids": [f"{i:04d}" * 20]}) for i in range(number)])
    journal.close()


def test_a_damaged_journal_is_set_aside_and_its_good_events_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    filled(path)
    raw = bytearray(path.read_bytes())
    middle = len(raw) // 4096 // 2 * 4096
    raw[middle : middle + 4096] = os.urandom(4096)
    path.write_bytes(raw)
    with pytest.raises(ProjectError, match="damaged") as caught:
        Journal(path)
    aside = next(tmp_path.glob("j-damaged-*.sqlite"))
    assert aside.name in caught.value.remedy
    assert aside.read_bytes() == bytes(raw)
    journal = Journal(path)
    events = journal.events()
    assert [e.seq for e in events] == list(range(1, len(events) + 1))
    assert 200 < sum(e.kind == "clear" for e in events) < 300
    assert journal.append_wait("clear", {"ids": []}).seq == len(events) + 1
    journal.close()


@pytest.mark.parametrize("raw", [b"this is no database" * 500, b"", b"SQLite format 3\0" + b"\xff" * 5000])
def test_a_file_that_is_no_journal_never_stays_in_the_way(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / "j.sqlite"
    path.write_bytes(raw)
    if raw:
        with pytest.raises(ProjectError, match="damaged"):
            Journal(path)
    journal = Journal(path)
    assert journal.append_wait("clear", {"ids": []}).seq == 1
    journal.close()


def test_a_journal_cut_short_keeps_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    filled(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(ProjectError):
        Journal(path)
    events = Journal(path, read_only=True).events()
    assert sum(e.kind == "clear" for e in events) > 100


def test_rows_that_are_no_events_count_as_damage(tmp_path: Path) -> None:
    path = tmp_path / "j.sqlite"
    filled(path, 3)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE events SET payload = '{' WHERE seq = 2")
    db.close()
    with pytest.raises(ProjectError, match="2 events could be read"):
        Journal(path)
    assert [e.kind for e in Journal(path, read_only=True).events()] == ["clear", LOST, "clear"]


def test_events_with_gaps_are_mended_so_that_undo_and_redo_still_mean_the_same() -> None:
    rows = [(1, "clear", "{}", "", ""), (4, "redo", '{"of": 1}', "", ""), (5, "undo", '{"of": 1}', "", "")]
    kinds = [row[1] for row in mended(rows)]
    assert kinds == ["clear", LOST, LOST, LOST, "undo"]
    events = [Event(row[0], row[1], {"of": 1} if row[1] == "undo" else {"ids": []}) for row in mended(rows)]
    assert redoable(events) == 1
