"""Worker processes, threads and the inline runner keep one promise."""

from __future__ import annotations

import os
import threading
import time

import pytest

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Cancelled
from napari_phenotyper.engine.runner import Inline, Runner, Threads
from napari_phenotyper.engine.worker import Workers


def add(a, b, progress):
    progress(0.5, "adding")
    return a + b


def fail(progress):
    raise PhenotyperError("The plate is upside down.", "Turn it.")


def die(progress):
    os._exit(9)


def linger(progress):
    for i in range(600):
        progress(i / 600, "lingering")
        time.sleep(0.05)


@pytest.fixture(params=[Inline, Threads, Workers])
def runner(request):
    made: Runner = request.param()
    yield made
    made.close()


def test_a_runner_returns_the_result(runner):
    assert runner.submit(add, (1, 2)).future.result(30) == 3


def test_a_runner_passes_progress_on(runner):
    heard = []
    runner.submit(add, (1, 2), lambda f, m: heard.append((f, m))).future.result(30)
    assert (0.5, "adding") in heard


def test_a_runner_carries_our_errors_with_their_remedy(runner):
    with pytest.raises(PhenotyperError, match=r"upside down\. Turn it"):
        runner.submit(fail, ()).future.result(30)


@pytest.mark.parametrize("kind", [Threads, Workers])
def test_a_job_under_way_is_cancelled(kind):
    runner = kind()
    begun = threading.Event()
    running = runner.submit(linger, (), lambda f, m: begun.set())
    assert begun.wait(30)
    running.stop()
    with pytest.raises(Cancelled):
        running.future.result(10)
    runner.close()


def test_a_worker_that_dies_is_reported_and_the_next_job_runs():
    runner = Workers()
    with pytest.raises(PhenotyperError, match="ended unexpectedly"):
        runner.submit(die, ()).future.result(30)
    assert runner.submit(add, (1, 2)).future.result(30) == 3
    runner.close()


def test_cancelling_a_job_leaves_the_next_one_alone():
    runner = Workers()
    begun = threading.Event()
    first = runner.submit(linger, (), lambda f, m: begun.set())
    second = runner.submit(add, (1, 2))
    assert begun.wait(30)
    first.stop()
    assert second.future.result(30) == 3
    runner.close()


def test_arguments_that_cannot_be_pickled_are_told_to_the_sender():
    runner = Workers()
    with pytest.raises(Exception, match="pickle"):
        runner.submit(add, (1, threading.Lock())).future.result(30)
    runner.close()


def test_closing_cancels_what_waits_and_leaves_no_process():
    runner = Workers()
    begun = threading.Event()
    first = runner.submit(linger, (), lambda f, m: begun.set())
    waiting = runner.submit(add, (1, 2))
    assert begun.wait(30)
    runner.close()
    for job in (first, waiting):
        with pytest.raises(Cancelled):
            job.future.result(1)
    assert not [t for t in threading.enumerate() if t.name.startswith("phenotyper-worker")]


def sleep(seconds, progress):
    progress(0.0, "asleep")
    time.sleep(seconds)


def test_closing_does_not_wait_for_a_job_that_does_not_listen():
    runner = Workers()
    begun = threading.Event()
    deaf = runner.submit(sleep, (60.0,), lambda f, m: begun.set())
    assert begun.wait(30)
    started = time.monotonic()
    runner.close()
    assert time.monotonic() - started < 8
    with pytest.raises(Cancelled):
        deaf.future.result(1)
    assert not [t for t in threading.enumerate() if t.name.startswith("phenotyper-worker")]


def count(to, progress):
    for i in range(to):
        progress(i / to, "counting")
        yield i
    return "done"


def test_a_job_that_yields_hands_its_parts_over_before_its_result(runner):
    parts = []
    assert runner.submit(count, (3,), part=parts.append).future.result(30) == "done"
    assert parts == [0, 1, 2]
