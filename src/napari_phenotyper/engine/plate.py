"""The same job for every field or well: failures are recorded, the plate goes on, what is done stays done."""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Cancelled, Progress
from napari_phenotyper.engine.runner import Function, Runner, Running

_AHEAD = 2
"""Jobs waiting per slot: enough to keep workers busy, few enough to cancel quickly."""


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of one item: its result, or why there is none."""

    item: Any
    result: Any = None
    error: str = ""


def run_all(
    runner: Runner, fn: Function, items: Sequence[tuple[Any, tuple[Any, ...]]], progress: Progress, what: str = ""
) -> list[Outcome]:
    """Run `fn(*args, progress)` for each item, as many at a time as the runner has slots.

    Parameters
    ----------
    runner
        Where.
    fn
        What; writes its result to the store and returns something small.
    items
        What each is (a FieldRef, a WellRef, a name), and its arguments.
    progress
        Called after each item with how many are done and how long it will take; cancels the rest when it raises.
    what
        Begins the message.

    Returns
    -------
    list of Outcome
        In the order of the items. One that fails has its error, and does not stop the others.

    Raises
    ------
    Cancelled
        If `progress` does.
    """
    outcomes: dict[int, Outcome] = {}
    under_way: dict[Future[Any], tuple[int, Running]] = {}
    upcoming = iter(enumerate(items))
    started = time.monotonic()
    progress(0.0, f"{what} 0 of {len(items)}")
    try:
        while len(outcomes) < len(items):
            while len(under_way) < runner.slots * _AHEAD and (entry := next(upcoming, None)) is not None:
                running = runner.submit(fn, entry[1][1])
                under_way[running.future] = (entry[0], running)
                if running.future.done():
                    break  # an inline runner: tell the progress after each
            for future in wait(under_way, return_when=FIRST_COMPLETED, timeout=0.2).done:
                number, _ = under_way.pop(future)
                outcomes[number] = _outcome(items[number][0], future)
            progress(len(outcomes) / len(items), _message(what, len(outcomes), len(items), started))
    except BaseException:
        for _, running in under_way.values():
            running.stop()
        raise
    return [outcomes[i] for i in range(len(items))]


def _outcome(item: Any, future: Future[Any]) -> Outcome:
    error = future.exception()
    if error is None:
        return Outcome(item, future.result())
    if isinstance(error, Cancelled):
        raise error
    text = str(error) if isinstance(error, PhenotyperError) else f"{type(error).__name__}: {error}"
    return Outcome(item, error=text)


def _message(what: str, done: int, count: int, started: float) -> str:
    """Say how many are done and how long the rest will take."""
    left = (time.monotonic() - started) / max(done, 1) * (count - done)
    rest = "" if not done or left < 1 else f", {left:.0f} s left" if left < 90 else f", {left / 60:.0f} min left"
    return f"{what} {done} of {count}{rest}"
