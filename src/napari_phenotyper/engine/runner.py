"""Where work runs: here, in threads, in worker processes, on a cluster. All look the same to whoever submits.

A job is a function `fn(*args, progress)` whose arguments and result are values or keys. A generator function hands over
parts of its result as it goes; what it returns is the result.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import GeneratorType
from typing import Any, Protocol

from napari_phenotyper.core.progress import Cancelled, Progress, no_progress
from napari_phenotyper.engine.memory import share_heaps

Function = Callable[..., Any]
Part = Callable[[Any], None]


def ignore(_: Any) -> None:
    """Take a part of a result that nobody waits for."""


@dataclass(frozen=True, eq=False)
class Running:
    """A job on its way.

    Attributes
    ----------
    future
        Its result; `Cancelled` or another error as the future's exception.
    stop
        Set to cancel: the job ends at its next report of progress, or never starts.
    """

    future: Future[Any]
    stop: Callable[[], None]


class Runner(Protocol):
    """Runs jobs."""

    @property
    def slots(self) -> int:
        """How many jobs run at the same time."""

    def submit(
        self, fn: Function, args: tuple[Any, ...], report: Progress = no_progress, part: Part = ignore
    ) -> Running:
        """Start a job. `report` and `part` are called from any thread."""

    def close(self) -> None:
        """Stop everything; jobs under way are cancelled."""


def guarded(report: Progress, cancelled: Callable[[], bool]) -> Progress:
    """Return a progress that raises `Cancelled` once cancelled, and reports before that."""

    def progress(fraction: float, message: str) -> None:
        if cancelled():
            raise Cancelled(message)
        report(fraction, message)

    return progress


class Inline:
    """Runs each job at once, in the caller's thread: for tests and small plates."""

    slots = 1

    def submit(
        self, fn: Function, args: tuple[Any, ...], report: Progress = no_progress, part: Part = ignore
    ) -> Running:
        """Run the job and return it done."""
        future: Future[Any] = Future()
        settle(future, fn, args, report, part)
        return Running(future, lambda: None)

    def close(self) -> None:
        """Nothing is running."""


class Threads:
    """Runs jobs in threads: for reading, which waits more than it computes.

    Parameters
    ----------
    count
        Jobs at a time.
    """

    def __init__(self, count: int = 2) -> None:
        share_heaps()
        self.slots = count
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="phenotyper")
        self._closing = threading.Event()

    def submit(
        self, fn: Function, args: tuple[Any, ...], report: Progress = no_progress, part: Part = ignore
    ) -> Running:
        """Queue the job."""
        stop = threading.Event()
        progress = guarded(report, lambda: stop.is_set() or self._closing.is_set())
        future: Future[Any] = Future()
        self._pool.submit(settle, future, fn, args, progress, part)
        return Running(future, stop.set)

    def close(self) -> None:
        """Cancel what runs and wait for it."""
        self._closing.set()
        self._pool.shutdown(wait=True)


def settle(future: Future[Any], fn: Function, args: tuple[Any, ...], progress: Progress, part: Part = ignore) -> None:
    """Run a job and put its result, or what it raised, into a future."""
    try:
        progress(0.0, "")
        result = exhausted(fn(*args, progress), part)
    except BaseException as error:  # the edge of a job: whatever it raised belongs to whoever asked for it
        future.set_exception(error)
        if not isinstance(error, Exception):
            raise
    else:
        future.set_result(result)


def exhausted(result: Any, part: Part) -> Any:
    """Return what a job came to, having handed over the parts of one that yields them."""
    if not isinstance(result, GeneratorType):
        return result
    while True:
        try:
            part(next(result))
        except StopIteration as end:
            return end.value
