"""What runs behind a window, and what went wrong there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Cancelled, Progress, no_progress
from napari_phenotyper.engine.engine import Engine, Job, Lane, Post
from napari_phenotyper.engine.runner import Runner, ignore, settle
from napari_phenotyper.session.steps import Steps, drive, wait_a_moment


class BackgroundEvents(SignalGroup):
    """What a jobs bar shows."""

    job = Signal(Job)
    problem = Signal(str, str)
    message = Signal(str)


class Background:
    """Jobs behind a window. Everything here is called on the session's thread.

    Parameters
    ----------
    reading
        Threads for short reads.
    long
        Threads in which use cases of many steps wait for their parts.
    live
        The worker process that learns: never behind a plate in the queue.
    post
        Calls a function on the session's thread.

    Attributes
    ----------
    events
        job(Job) whenever one changes, problem(what, remedy), message(text).
    """

    def __init__(self, reading: Runner, long: Runner, live: Runner, post: Post) -> None:
        self.events = BackgroundEvents()
        self._closing = threading.Event()
        self._asked = post
        self._engines = {
            "reading": Engine(reading, self._post),
            "long": Engine(long, self._post),
            "live": Engine(live, self._post),
        }

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Jobs that run or wait."""
        return tuple(job for engine in self._engines.values() for job in engine.jobs)

    def read(
        self,
        lane: str,
        kind: Lane,
        fn: Callable[..., Any],
        *args: Any,
        title: str = "",
        on_result: Callable[[Any], None] = ignore,
        on_part: Callable[[Any], None] = ignore,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> Job:
        """Run `fn(*args, progress)` in a thread; shown in the jobs bar only if it has a title."""
        return self._submit("reading", lane, kind, fn, args, title, on_result, on_part, on_failure)

    def learn(
        self,
        lane: str,
        kind: Lane,
        fn: Callable[..., Any],
        *args: Any,
        title: str,
        on_part: Callable[[Any], None],
        on_result: Callable[[Any], None],
        on_failure: Callable[[BaseException], None],
    ) -> Job:
        """Run a generator function in the worker that learns; `on_failure` takes what goes wrong."""
        return self._submit("live", lane, kind, fn, args, title, on_result, on_part, on_failure)

    def start(
        self,
        lane: str,
        kind: Lane,
        title: str,
        steps: Steps[Any],
        workers: Runner | None,
        on_result: Callable[[Any], None] = ignore,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> Job:
        """Carry out a use case, its parts off this thread; it is shown only if it has a title.

        What goes wrong is told as a problem, unless `on_failure` takes it.
        """

        def work(progress: Progress) -> Any:
            return drive(steps, partial(self._on_owner, progress), progress, workers)

        return self._submit("long", lane, kind, work, (), title, on_result, ignore, on_failure)

    def cancel(self, job: Job) -> None:
        """Cancel a job; what it has done stays done."""
        for engine in self._engines.values():
            engine.cancel(job)

    def fail(self, error: BaseException) -> None:
        """Tell what went wrong."""
        if isinstance(error, PhenotyperError):
            self.events.problem.emit(error.what, error.remedy)
        elif not isinstance(error, Cancelled):
            self.events.problem.emit(f"{type(error).__name__}: {error}", "Please report this, with what you did.")

    def tell(self, text: str) -> None:
        """Say something in passing."""
        self.events.message.emit(text)

    def call(self, what: Callable[[], None]) -> None:
        """Call a function on the session's thread; the only thing here that any thread may ask for."""
        self._post(what)

    def close(self) -> None:
        """Cancel everything, and end threads and processes."""
        self._closing.set()
        for engine in self._engines.values():
            engine.close()

    def _submit(
        self,
        engine: str,
        lane: str,
        kind: Lane,
        fn: Callable[..., Any],
        args: tuple[Any, ...],
        title: str,
        on_result: Callable[[Any], None],
        on_part: Callable[[Any], None] = ignore,
        on_failure: Callable[[BaseException], None] | None = None,
    ) -> Job:
        if self._closing.is_set():  # a timer of the window that has just closed
            return Job(0, title, fn, args, ignore, ignore, ignore, "cancelled")

        def changed(job: Job) -> None:
            if title:
                self.events.job.emit(job)  # with its error, if it failed
            if job.state == "failed" and job.error is not None:
                if on_failure is not None:
                    on_failure(job.error)
                elif not title:
                    self.fail(job.error)

        return self._engines[engine].submit(
            lane, kind, fn, *args, title=title, on_result=on_result, on_change=changed, on_part=on_part
        )

    def _post(self, what: Callable[[], None]) -> None:
        """Put something on the session's thread, unless the window is closing."""
        if not self._closing.is_set():
            self._asked(lambda: None if self._closing.is_set() else what())

    def _on_owner(self, progress: Progress, step: Callable[[], Any]) -> Any:
        """Run a step on the session's thread and wait for it."""
        answer: Future[Any] = Future()
        self._post(lambda: settle(answer, lambda _: step(), (), no_progress))
        while not wait_a_moment(answer):
            if self._closing.is_set():
                raise Cancelled("the window is closed")
        return answer.result()
