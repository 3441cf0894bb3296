"""A job over fields or wells in three steps, so that a window can run the middle one off its thread.

Made on the session's thread (which reads and writes the session), carried out anywhere, finished on the session's
thread.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.engine.plate import Outcome, run_all
from napari_phenotyper.engine.runner import Function
from napari_phenotyper.session.session import Session


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


@dataclass(frozen=True, eq=False)
class PlateJob:
    """A job that is made and not yet carried out.

    Attributes
    ----------
    what
        Begins the messages of its progress.
    fn, items
        What to run, and for each item what it is and its arguments: for `engine.plate.run_all`.
    finish
        Takes the outcomes, on the session's thread, and tells what they come to.
    """

    what: str
    fn: Function
    items: Sequence[tuple[Any, tuple[Any, ...]]]
    finish: Callable[[Sequence[Outcome]], PlateOutcome]


def carry_out(session: Session, job: PlateJob, progress: Progress) -> PlateOutcome:
    """Run a job and finish it, all in this thread. Raises Cancelled; what is done stays done."""
    return job.finish(run_all(session.runner, job.fn, job.items, progress, job.what))


def summary(outcomes: Sequence[Outcome], kept: int, cells: int) -> PlateOutcome:
    """Sum up outcomes whose results are numbers of cells."""
    done = [o for o in outcomes if not o.error]
    total = cells + sum(int(o.result) for o in done)
    return PlateOutcome(len(done), kept, total, {str(o.item): o.error for o in outcomes if o.error})
