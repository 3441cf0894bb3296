"""Jobs off the GUI thread, in lanes; results come back on the thread that asked.

`Engine(runner, post)` is given both: where work runs, and how a result gets onto the GUI thread.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from napari_phenotyper.core.progress import Cancelled, Progress
from napari_phenotyper.engine.runner import Function, Runner, Running, ignore

Post = Callable[[Callable[[], None]], None]
Lane = Literal["replace", "coalesce", "queue"]
_BEAT = 0.1
"""Seconds between two reports of a job's progress."""
State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(eq=False)
class Job:
    """A job that somebody can watch and cancel. Changes only on the thread that results are posted to.

    Attributes
    ----------
    number
        Counts jobs.
    title
        What it does, for a person.
    state, fraction, message, error
        How it stands.
    """

    number: int
    title: str
    fn: Function
    args: tuple[Any, ...]
    on_result: Callable[[Any], None]
    on_change: Callable[[Job], None]
    on_part: Callable[[Any], None]
    state: State = "waiting"
    fraction: float = 0.0
    message: str = ""
    error: BaseException | None = None
    running: Running | None = field(default=None, repr=False)

    @property
    def over(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in ("done", "failed", "cancelled")


class Engine:
    """Submits jobs in lanes.

    In a lane of kind *replace* the newest job wins: what runs is cancelled, what waits is dropped (a field view).
    *coalesce* lets the running job finish and then runs the newest (live training: cancelling at every click would
    starve it). *queue* runs all, one after the other (a plate).

    Parameters
    ----------
    runner
        Where jobs run.
    post
        Takes a callable and calls it on the thread that owns the results; calls it at once in tests.
    """

    def __init__(self, runner: Runner, post: Post) -> None:
        self._runner = runner
        self._post = post
        self._numbers = itertools.count(1)
        self._running: dict[str, Job] = {}
        self._waiting: dict[str, deque[Job]] = {}
        self._lock = threading.RLock()

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that run or wait."""
        with self._lock:
            return (*self._running.values(), *itertools.chain.from_iterable(self._waiting.values()))

    def submit(
        self,
        lane: str,
        kind: Lane,
        fn: Function,
        *args: Any,
        title: str = "",
        on_result: Callable[[Any], None] = ignore,
        on_change: Callable[[Job], None] = ignore,
        on_part: Callable[[Any], None] = ignore,
    ) -> Job:
        """Submit `fn(*args, progress)` to a lane.

        Parameters
        ----------
        lane
            Its name.
        kind
            What becomes of older jobs in it.
        fn, args
            What to run.
        title
            For a person.
        on_result
            Called with the result, unless the job was cancelled or replaced.
        on_change
            Called whenever state, fraction or message change.
        on_part
            Called with every part of the result of a job that yields parts, until it is cancelled or replaced.
        """
        job = Job(next(self._numbers), title or lane, fn, args, on_result, on_change, on_part)
        self._post(lambda: on_change(job))
        with self._lock:
            waiting = self._waiting.setdefault(lane, deque())
            if kind != "queue":
                while waiting:
                    self._drop(waiting.popleft())
            if kind == "replace" and lane in self._running:
                self._cancel_running(self._running.pop(lane))
            waiting.append(job)
            self._advance(lane)
        return job

    def cancel(self, job: Job) -> None:
        """Cancel a job, whether it runs or waits."""
        with self._lock:
            for lane, running in list(self._running.items()):
                if running is job:
                    del self._running[lane]
                    self._cancel_running(job)
                    self._advance(lane)
            for waiting in self._waiting.values():
                if job in waiting:
                    waiting.remove(job)
                    self._drop(job)

    def close(self) -> None:
        """Cancel everything and end the runner's threads or processes."""
        for job in self.jobs:
            self.cancel(job)
        self._runner.close()

    def _drop(self, job: Job) -> None:
        self._post(lambda: self._settle(job, "cancelled"))

    def _cancel_running(self, job: Job) -> None:
        if job.running is not None:
            job.running.stop()
        self._drop(job)

    def _advance(self, lane: str) -> None:
        """Start the next job of a lane that is free."""
        if lane in self._running or not self._waiting.get(lane):
            return
        job = self._waiting[lane].popleft()
        self._running[lane] = job
        self._post(lambda: self._settle(job, "running"))
        job.running = self._runner.submit(
            job.fn,
            job.args,
            self._reporter(job),
            lambda value: self._post(lambda: None if job.over else job.on_part(value)),
        )
        job.running.future.add_done_callback(lambda _: self._finished(lane, job))

    def _reporter(self, job: Job) -> Progress:
        """Return a progress that posts now and then: a window would stumble over every single report."""
        told = -_BEAT

        def report(fraction: float, message: str) -> None:
            nonlocal told
            if time.monotonic() - told >= _BEAT:
                told = time.monotonic()
                self._post(lambda: self._tell(job, fraction, message))

        return report

    def _finished(self, lane: str, job: Job) -> None:
        with self._lock:
            if self._running.get(lane) is job:
                del self._running[lane]
            self._post(lambda: self._deliver(job))
            self._advance(lane)

    def _deliver(self, job: Job) -> None:
        """Hand over what a job that still counts came to."""
        if job.over or job.running is None:
            return
        error = job.running.future.exception()
        if error is None:
            self._settle(job, "done")
            job.on_result(job.running.future.result())
        elif isinstance(error, Cancelled):
            self._settle(job, "cancelled")
        else:
            job.error = error
            self._settle(job, "failed")

    def _tell(self, job: Job, fraction: float, message: str) -> None:
        if not job.over:
            job.fraction, job.message = fraction, message
            job.on_change(job)

    def _settle(self, job: Job, state: State) -> None:
        if not job.over:
            job.state = state
            job.on_change(job)
