"""Delayed calls on the thread of the window."""

from __future__ import annotations

import weakref

import pytest
from qtpy.QtCore import QObject

from napari_phenotyper.views.qt_thread import GuiThread

pytestmark = pytest.mark.gl


class Caller:
    def __init__(self):
        self.calls = 0

    def call(self):
        self.calls += 1


@pytest.fixture
def thread(qapp):
    owner = QObject()
    yield GuiThread(owner)


def test_a_call_comes_after_its_time_and_is_then_let_go(thread, qtbot):
    caller = Caller()
    there = weakref.ref(caller)
    thread.later(0.01, caller.call)
    qtbot.waitUntil(lambda: there().calls == 1)
    del caller
    qtbot.waitUntil(lambda: there() is None)


def test_a_call_that_is_taken_back_does_not_come_and_is_let_go(thread, qtbot):
    caller = Caller()
    there = weakref.ref(caller)
    take_back = thread.later(0.05, caller.call)
    take_back()
    take_back()
    qtbot.wait(100)
    assert caller.calls == 0
    del caller
    qtbot.waitUntil(lambda: there() is None)
