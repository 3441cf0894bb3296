"""Long-lived worker processes: heavy work that neither holds the GUI's interpreter lock nor its cores.

Spawned, never forked (Qt and threads do not survive a fork); below normal priority; library threads capped.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import multiprocessing
import os
import sys
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event as ProcessEvent
from typing import Any

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Cancelled, Progress, no_progress
from napari_phenotyper.engine.runner import Function, Part, Running, exhausted, ignore

_BEAT = 0.1
"""Seconds between two reports of progress that are passed on: nobody reads faster, and a window would stumble."""
_GRACE = 10.0
"""Seconds that a cancelled job has to notice before its process is ended."""
_FAREWELL = 1.0
"""Seconds that jobs have to notice when all is closed: a window waits for it, and no file is left half written."""


@dataclass(eq=False)
class _Job:
    fn: Function
    args: tuple[Any, ...]
    report: Progress
    part: Part
    future: Future[Any] = field(default_factory=Future)
    stopped: bool = False


class Workers:
    """Runs jobs in worker processes, which start with the first job and live until `close`.

    Parameters
    ----------
    count
        Processes.
    threads
        Threads that BLAS, OpenMP and torch may use in each.
    """

    def __init__(self, count: int = 1, threads: int = 1) -> None:
        self.slots = count
        self._threads = threads
        self._queue: deque[_Job] = deque()
        self._change = threading.Condition()
        self._closing = False
        self._keepers = [threading.Thread(target=self._keep, name=f"phenotyper-worker-{i}") for i in range(count)]
        self._current: dict[str, tuple[_Job, _Process]] = {}
        for keeper in self._keepers:
            keeper.daemon = True
            keeper.start()

    def submit(
        self, fn: Function, args: tuple[Any, ...], report: Progress = no_progress, part: Part = ignore
    ) -> Running:
        """Queue a job; `fn`, `args` and what comes back are pickled."""
        job = _Job(fn, args, report, part)
        with self._change:
            if self._closing:
                job.future.set_exception(Cancelled("closed"))
            else:
                self._queue.append(job)
                self._change.notify()
        return Running(job.future, lambda: self._stop(job))

    def close(self) -> None:
        """Cancel all jobs and end the processes: by force where a job does not notice within a second."""
        with self._change:
            self._closing = True
            for job in self._queue:
                job.future.set_exception(Cancelled("closed"))
            self._queue.clear()
            for job, process in self._current.values():
                job.stopped = True
                process.cancel.set()
            self._change.notify_all()
        self._join_keepers(_FAREWELL)
        with self._change:
            for _, process in self._current.values():
                process.terminate()
        self._join_keepers(_GRACE)

    def _join_keepers(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        for keeper in self._keepers:
            keeper.join(max(0.0, until - time.monotonic()))

    def _stop(self, job: _Job) -> None:
        with self._change:
            job.stopped = True
            if job in self._queue:
                self._queue.remove(job)
                job.future.set_exception(Cancelled("before it began"))
            for current, process in self._current.values():
                if current is job:
                    process.cancel.set()

    def _keep(self) -> None:
        """Feed one process with jobs; start it anew when it dies."""
        name = threading.current_thread().name
        process: _Process | None = None
        while (job := self._next()) is not None:
            if process is None or not process.alive:
                process = self._started(job)
            if process is None:
                continue
            with self._change:
                process.cancel.clear()  # a wish to stop the job before, come too late, is not for this one
                self._current[name] = (job, process)
                if job.stopped or self._closing:
                    process.cancel.set()
            process.run(job)
            with self._change:
                del self._current[name]
        if process is not None:
            process.end()

    def _started(self, job: _Job) -> _Process | None:
        """Start a process; tell whoever waits for the job if none can be started."""
        try:
            return _Process(self._threads)
        except (OSError, RuntimeError) as error:
            what = f"No worker process can be started ({type(error).__name__}: {str(error).strip().splitlines()[0]})."
            remedy = "Free some memory; a script that opens a window does so below `if __name__ == '__main__':`."
            job.future.set_exception(PhenotyperError(what, remedy))
            return None

    def _next(self) -> _Job | None:
        with self._change:
            while not self._queue and not self._closing:
                self._change.wait()
            return self._queue.popleft() if self._queue else None


class _Process:
    """One spawned process and the pipe to it."""

    def __init__(self, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self.cancel: ProcessEvent = context.Event()
        self._process: BaseProcess = context.Process(target=_serve, args=(theirs, self.cancel, threads), daemon=True)
        self._process.start()
        theirs.close()
        self._numbers = itertools.count()

    @property
    def alive(self) -> bool:
        return self._process.is_alive()

    def run(self, job: _Job) -> None:
        """Run one job and settle its future."""
        try:
            self._pipe.send((job.fn, job.args))
            outcome = self._listen(job)
        except (EOFError, OSError):
            self._process.join(5)
            outcome = _died(self._process.exitcode) if not job.stopped else Cancelled("ended")
        except Exception as error:  # noqa: BLE001  (arguments that cannot be pickled: told to whoever sent them)
            outcome = error
        if isinstance(outcome, BaseException):
            job.future.set_exception(outcome)
        else:
            job.future.set_result(outcome[0])

    def _listen(self, job: _Job) -> tuple[Any] | BaseException:
        """Pass progress on until the result comes."""
        waited = 0.0
        while True:
            if not self._pipe.poll(0.5):
                waited += 0.5 if self.cancel.is_set() else 0.0
                if waited >= _GRACE:
                    self.terminate()
                continue
            kind, value = self._pipe.recv()
            if kind == "progress":
                _pass_on(job, value, self.cancel)
            elif kind == "part":
                job.part(value)
            elif kind == "result":
                return (value,)
            else:
                return value if isinstance(value, BaseException) else RuntimeError(str(value))

    def terminate(self) -> None:
        """End the process whatever it does: its job is settled as ended."""
        self._process.terminate()

    def end(self) -> None:
        """End the process and wait for it."""
        self._pipe.close()
        self._process.join(2)
        if self._process.is_alive():
            self.terminate()
            self._process.join(5)
        self._process.close()


def _pass_on(job: _Job, value: tuple[float, str], cancel: ProcessEvent) -> None:
    try:
        job.report(*value)
    except Cancelled:
        cancel.set()


def _died(exitcode: int | None) -> PhenotyperError:
    return PhenotyperError(
        f"The worker process ended unexpectedly (exit code {exitcode}), perhaps for want of memory.",
        "What was done is kept; run the same again to go on, with fewer --jobs if memory is short.",
    )


def _serve(pipe: Connection, cancel: ProcessEvent, threads: int) -> None:
    """Run jobs until the pipe closes: the main loop of a worker process."""
    _lower_priority()
    with _capped(threads), contextlib.suppress(BrokenPipeError):  # the owner is gone, and nobody is left to tell
        while True:
            try:
                fn, args = pipe.recv()
            except EOFError:
                return
            except Exception as error:  # noqa: BLE001  (a job that cannot be unpickled is told to its sender)
                pipe.send(("error", _portable(error)))
                continue
            pipe.send(_outcome(fn, args, pipe, cancel))


def _outcome(fn: Function, args: tuple[Any, ...], pipe: Connection, cancel: ProcessEvent) -> tuple[str, Any]:
    told = -_BEAT

    def progress(fraction: float, message: str) -> None:
        nonlocal told
        if cancel.is_set():
            raise Cancelled(message)
        if time.monotonic() - told >= _BEAT:
            told = time.monotonic()
            pipe.send(("progress", (fraction, message)))

    try:
        return "result", exhausted(fn(*args, progress), lambda value: pipe.send(("part", value)))
    except Exception as error:  # noqa: BLE001  (the edge of a job: whatever it raised belongs to whoever asked)
        return "error", _portable(error)


def _portable(error: Exception) -> Exception:
    """Return the error itself where it is ours or a plain builtin, else its text: foreign ones may not unpickle."""
    if isinstance(error, PhenotyperError | Cancelled) or type(error).__module__ == "builtins":
        return error
    return RuntimeError(f"{type(error).__name__}: {error}")


def _capped(threads: int) -> Any:
    """Cap the threads of BLAS and OpenMP; torch is capped where it is imported already or will be."""
    import numpy  # noqa: F401  (its BLAS must be loaded before it can be capped)
    from threadpoolctl import threadpool_limits

    os.environ["OMP_NUM_THREADS"] = os.environ["MKL_NUM_THREADS"] = str(threads)
    return threadpool_limits(threads)


def _lower_priority() -> None:
    """Run below normal priority, so that a window stays quick."""
    if sys.platform == "win32":
        below_normal = 0x4000
        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), below_normal)
    else:
        os.nice(5)
