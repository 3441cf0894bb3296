"""Lanes: which job wins."""

from __future__ import annotations

import threading

import pytest

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.engine.engine import Engine
from napari_phenotyper.engine.plate import run_all
from napari_phenotyper.engine.runner import Inline, Threads


def double(x, progress):
    return 2 * x


def read(name, progress):
    if name == "B02":
        raise PixelError("B02.tif is truncated.", "Copy it again.")
    return name


class Gate:
    """A job that waits until it is let through."""

    def __init__(self):
        self.begun, self.open = threading.Event(), threading.Event()

    def __call__(self, value, progress):
        self.begun.set()
        while not self.open.wait(0.01):
            progress(0.1, "waiting")
        return value


@pytest.fixture
def engine():
    made = Engine(Threads(2), lambda call: call())
    yield made
    made.close()


def submit(engine, kind, fn, value, results, done=None):
    def arrived(result):
        results.append(result)
        if done is not None:
            done.set()

    return engine.submit("lane", kind, fn, value, on_result=arrived)


def test_an_inline_engine_delivers_at_once():
    results = []
    job = submit(Engine(Inline(), lambda call: call()), "queue", double, 4, results)
    assert results == [8] and job.state == "done"


def test_in_a_replacing_lane_only_the_newest_result_arrives(engine):
    gate, results, done = Gate(), [], threading.Event()
    first = submit(engine, "replace", gate, 1, results)
    assert gate.begun.wait(5)
    submit(engine, "replace", double, 2, results, done)
    assert done.wait(5)
    gate.open.set()
    assert results == [4] and first.state == "cancelled"


def test_in_a_coalescing_lane_the_running_job_finishes_and_the_newest_follows(engine):
    gate, results, done = Gate(), [], threading.Event()
    submit(engine, "coalesce", gate, 1, results)
    assert gate.begun.wait(5)
    middle = submit(engine, "coalesce", double, 2, results)
    submit(engine, "coalesce", double, 3, results, done)
    gate.open.set()
    assert done.wait(5)
    assert results == [1, 6] and middle.state == "cancelled"


def test_in_a_queue_every_job_runs_in_order(engine):
    results, done = [], threading.Event()
    for value in range(5):
        submit(engine, "queue", double, value, results, done if value == 4 else None)
    assert done.wait(5)
    assert results == [0, 2, 4, 6, 8]


def test_a_failed_job_keeps_its_error():
    job = Engine(Inline(), lambda call: call()).submit("lane", "queue", read, "B02")
    assert job.state == "failed" and "truncated" in str(job.error)


def test_a_cancelled_job_delivers_nothing(engine):
    gate, results = Gate(), []
    job = submit(engine, "queue", gate, 1, results)
    assert gate.begun.wait(5)
    engine.cancel(job)
    gate.open.set()
    assert results == [] and job.state == "cancelled" and engine.jobs == ()


def test_a_field_that_fails_is_recorded_and_the_plate_goes_on():
    outcomes = run_all(Inline(), read, [(w, (w,)) for w in ("B01", "B02", "B03")], no_progress)
    assert [o.result for o in outcomes] == ["B01", None, "B03"]
    assert outcomes[1].error == "B02.tif is truncated. Copy it again."


def test_a_plate_job_stops_when_its_progress_says_so():
    def stop_after_two(fraction, message):
        if fraction >= 0.5:
            raise Cancelled(message)

    seen = []
    with pytest.raises(Cancelled):
        run_all(Inline(), lambda x, progress: seen.append(x), [(str(i), (i,)) for i in range(4)], stop_after_two)
    assert seen == [0, 1]


def test_progress_of_a_plate_job_never_goes_back():
    heard = []
    run_all(Threads(2), double, [(str(i), (i,)) for i in range(20)], lambda f, m: heard.append(f))
    assert heard == sorted(heard) and heard[-1] == 1.0
