"""A desk whose thread is the test's: it turns the wheel itself."""

from __future__ import annotations

import queue
import time
from contextlib import contextmanager

import pytest

from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.engine.runner import Threads
from napari_phenotyper.session.opened import opened, project_folder


class Wheel:
    """Stands for a window's event loop: what is posted or due is called when a test waits."""

    def __init__(self):
        self._posted = queue.SimpleQueue()
        self._due = []

    def post(self, what):
        self._posted.put(what)

    def later(self, seconds, what):
        entry = [time.monotonic() + seconds, what]
        self._due.append(entry)

        def forget():
            if entry in self._due:
                self._due.remove(entry)

        return forget

    def turn(self):
        for entry in [e for e in self._due if e[0] <= time.monotonic()]:
            self._due.remove(entry)
            entry[1]()
        try:
            self._posted.get(timeout=0.01)()
        except queue.Empty:
            return

    def until(self, what, seconds=60.0):
        end = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < end, "it did not come to that"
            self.turn()


@pytest.fixture
def wheel():
    return Wheel()


def make_desk(folder, wheel, live=None, runner=None):
    return opened(project_folder(folder), runner or Threads(1)), Background(
        Threads(2), Threads(4), live or Threads(1), wheel.post
    )


@contextmanager
def started(folder, wheel):
    """A desk on a plate that is looked through; the worker that learns is a thread."""
    project, background = make_desk(folder, wheel)
    with project as session:
        session.open(folder)
        made = Desk(session, background, wheel.later)
        made.start()
        wheel.until(lambda: made.viewing.open is not None and made.surveys)
        yield made
        made.close()


@pytest.fixture
def desk(copy, wheel):
    """A desk on a plate that is segmented, measured and annotated."""
    with started(copy, wheel) as made:
        yield made


@pytest.fixture
def fresh(plate, wheel):
    """A desk on a plate that nothing was done to."""
    with started(plate, wheel) as made:
        yield made
