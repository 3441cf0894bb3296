"""Use cases that take long, as steps: what touches the session, and between that what may be done elsewhere.

A use case is a generator. It runs on the session's thread and yields `Away` for every piece of work that needs nothing
but values; it receives what that came to. The command line does each piece where it stands, a window does them off its
thread: the same code, the same numbers.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.engine.plate import Outcome, run_all
from napari_phenotyper.engine.runner import Function, Runner

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Away:
    """A piece of work, `fn(*args, progress)`, that may be done in any thread.

    Attributes
    ----------
    fn, args
        What.
    heavy
        Whether it computes so long that a window gives it to a worker process; then all of it is pickled.
    """

    fn: Function
    args: tuple[Any, ...]
    heavy: bool = False


Steps = Generator[Away, Any, T]


@dataclass(frozen=True)
class PlateOutcome:
    """What a job over plates came to.

    Attributes
    ----------
    done
        Fields (or wells) done now.
    kept
        Those that were current already.
    cells
        Cells in all of them.
    failed
        Name to reason.
    """

    done: int
    kept: int
    cells: int
    failed: Mapping[str, str]


def over_plate(runner: Runner, fn: Function, items: Sequence[tuple[Any, tuple[Any, ...]]], what: str) -> Away:
    """Return the work of running a function over fields or wells; its result is a list of Outcome."""
    return Away(_over_plate, (runner, fn, items, what))


def _over_plate(
    runner: Runner, fn: Function, items: Sequence[tuple[Any, tuple[Any, ...]]], what: str, progress: Progress
) -> list[Outcome]:
    return run_all(runner, fn, items, progress, what)


def carry_out(steps: Steps[T], progress: Progress) -> T:
    """Do all steps in this thread. Raises Cancelled; what is done stays done."""
    return drive(steps, lambda step: step(), progress)


def drive(
    steps: Steps[T], on_owner: Callable[[Callable[[], Any]], Any], progress: Progress, workers: Runner | None = None
) -> T:
    """Do the pieces of work in this thread, and what lies between on the session's.

    Parameters
    ----------
    steps
        Not begun yet.
    on_owner
        Calls a function on the session's thread and returns what it returns.
    progress
        Reports and cancels.
    workers
        Where heavy pieces run; here if None.
    """
    received: Any = None
    try:
        while True:
            away = on_owner(partial(_advance, steps, received))
            if not isinstance(away, Away):
                return away.value  # type: ignore[no-any-return]
            if workers is not None and away.heavy:
                received = _elsewhere(workers, away, progress)
            else:
                received = away.fn(*away.args, progress)
    finally:
        on_owner(steps.close)


@dataclass(frozen=True, eq=False)
class _Done:
    value: Any


def _advance(steps: Steps[Any], received: Any) -> Away | _Done:
    """Run a use case to its next piece of work, or to its end."""
    try:
        return steps.send(received)
    except StopIteration as end:
        return _Done(end.value)


def _elsewhere(workers: Runner, away: Away, progress: Progress) -> Any:
    """Run a piece of work in a worker process and wait for it; cancel it when nobody wants it any more."""
    last = (0.0, "")

    def report(fraction: float, message: str) -> None:
        nonlocal last
        last = (fraction, message)

    running = workers.submit(away.fn, away.args, report)
    try:
        while not wait_a_moment(running.future):
            progress(*last)
    except BaseException:
        running.stop()
        raise
    return running.future.result()


def wait_a_moment(future: Future[Any], seconds: float = 0.1) -> bool:
    """Wait for a future, but not long; tell whether it is done."""
    return bool(wait([future], timeout=seconds).done)


def summary(outcomes: Sequence[Outcome], kept: int, cells: int) -> PlateOutcome:
    """Sum up outcomes whose results are numbers of cells."""
    done = [o for o in outcomes if not o.error]
    total = cells + sum(int(o.result) for o in done)
    return PlateOutcome(len(done), kept, total, {str(o.item): o.error for o in outcomes if o.error})
