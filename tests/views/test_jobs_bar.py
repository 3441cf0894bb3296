"""The bar of jobs, problems and messages."""

from __future__ import annotations

from concurrent.futures import Future

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QAbstractButton, QApplication, QLabel, QProgressBar

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.engine.engine import Engine
from napari_phenotyper.engine.runner import Running
from napari_phenotyper.views.jobs_bar import MOST_PROBLEMS, JobsBar, Problem

pytestmark = pytest.mark.gl


class ByHand:
    """A runner whose jobs go on when the test says so."""

    slots = 1

    def __init__(self):
        self.reports, self.futures = [], []

    def submit(self, fn, args, report, *_):
        self.reports.append(report)
        self.futures.append(Future())
        return Running(self.futures[-1], lambda: None)

    def close(self):
        """Nothing runs."""


@pytest.fixture
def bar(qtbot):
    bar = JobsBar(patience=0)
    qtbot.addWidget(bar)
    bar.resize(340, 20)
    bar.show()
    return bar


@pytest.fixture
def runner():
    return ByHand()


@pytest.fixture
def submit(bar, runner):
    engine = Engine(runner, lambda call: call())

    def submit(title):
        job = engine.submit("plate", "queue", print, title=title, on_change=bar.show_job)
        bar.show_job(job)
        return job

    return submit


def seen(bar, kind=QLabel):
    QApplication.processEvents()
    return [w for w in bar.findChildren(kind) if w.isVisible()]


def said(bar):
    return [label.text().replace("\u200b", "") for label in seen(bar) if label.text()]


def button(bar, text):
    return next(b for b in seen(bar, QAbstractButton) if text in b.text())


def test_a_running_job_tells_how_far_it_is_and_vanishes_when_done(bar, runner, submit):
    submit("Segmenting P1")
    (progress,) = seen(bar, QProgressBar)
    assert progress.maximum() == 0
    runner.reports[0](0.25, "B03, 3 min left")
    assert progress.value() / progress.maximum() == 0.25
    assert said(bar) == ["Segmenting P1", "B03, 3 min left"]
    runner.futures[0].set_result(None)
    assert said(bar) == [] and not seen(bar, QProgressBar)


def test_cancelling_asks_for_the_job(qtbot, bar, submit):
    job = submit("Segmenting P1")
    with qtbot.waitSignal(bar.cancel_asked) as told:
        qtbot.mouseClick(button(bar, "Cancel"), Qt.MouseButton.LeftButton)
    assert told.args == [job]


def test_many_jobs_are_counted_until_somebody_wants_to_see_them(bar, submit):
    for number in range(7):
        submit(f"Measuring P{number}")
    assert said(bar) == ["Measuring P0", "Measuring P1 · waiting", "Measuring P2 · waiting"]
    button(bar, "and 4 more waiting").click()
    assert len(said(bar)) == 7
    button(bar, "Show fewer").click()
    assert len(said(bar)) == 3


def test_a_short_job_never_shows_and_a_long_one_does(qtbot, runner):
    bar = JobsBar(patience=60)
    qtbot.addWidget(bar)
    bar.show()
    engine = Engine(runner, lambda call: call())
    for lane in ("short", "long"):
        engine.submit(lane, "queue", print, title=lane, on_change=bar.show_job)
    assert said(bar) == []
    runner.futures[0].set_result(None)
    qtbot.waitUntil(lambda: said(bar) == ["long"], timeout=2000)


def test_a_job_that_failed_leaves_its_error_and_the_remedy(bar, runner, submit):
    submit("Segmenting P1")
    runner.futures[0].set_exception(PixelError("B02.tif is truncated.", "Copy it again."))
    submit("Training")
    runner.futures[1].set_exception(KeyError("wells"))
    assert bar.problems() == (
        Problem("Segmenting P1: B02.tif is truncated.", "Copy it again."),
        Problem("Training: KeyError: 'wells'"),
    )


def test_an_equal_problem_is_counted_and_the_newest_is_told(bar):
    for what in ("A", "B", "A"):
        bar.show_problem(what, "Mend it.")
    assert [(p.what, p.times) for p in bar.problems()] == [("B", 1), ("A", 2)]
    assert said(bar) == ["A (× 2)"] and button(bar, "2 problems")


def test_only_the_last_problems_are_kept(bar):
    for number in range(MOST_PROBLEMS + 5):
        bar.show_problem(f"Field {number} cannot be read.")
    assert len(bar.problems()) == MOST_PROBLEMS and bar.problems()[0].what == "Field 5 cannot be read."


def test_the_list_shows_problem_and_remedy_to_copy_and_to_dismiss(bar):
    bar.show_problem("B02.tif is truncated.", "Copy it again.")
    button(bar, "1 problem").click()
    assert said(bar)[1:] == ["B02.tif is truncated.", "→ Copy it again."]
    button(bar, "Copy").click()
    assert QApplication.clipboard().text() == "B02.tif is truncated.\nCopy it again."
    button(bar, "Dismiss").click()
    assert bar.problems() == () and said(bar) == []


def test_a_message_is_replaced_by_the_next(bar):
    bar.show_message("Saved")
    bar.show_message("Segmented 48 fields")
    assert said(bar) == ["Segmented 48 fields"]


def test_it_is_one_line_high_when_nothing_runs_and_nothing_is_wrong(bar, runner, submit):
    bar.show_message("Saved")
    submit("Training")
    runner.futures[0].set_result(None)
    bar.show_problem("A")
    button(bar, "1 problem").click()
    button(bar, "Dismiss").click()
    assert bar.sizeHint().height() <= 1.5 * bar.fontMetrics().height()


def test_long_texts_never_widen_the_dock(bar, runner, submit):
    bar.show_message("word " * 200)
    submit("x" * 500)
    runner.reports[0](0.5, "y" * 500)
    bar.show_problem("/data/" + "z" * 500, "Copy it again. " * 50)
    button(bar, "1 problem").click()
    assert bar.minimumSizeHint().width() <= 320
