"""Progress and cancelling in one callable.

`progress(fraction, message)` reports how far a job is (0 to 1) and raises `Cancelled` when nobody wants the result any
more. Whoever receives a progress calls it about ten times a second at most and lets `Cancelled` pass through.
"""

from __future__ import annotations

from collections.abc import Callable

Progress = Callable[[float, str], None]


class Cancelled(Exception):  # noqa: N818  (not an error: the user's wish)
    """Nobody wants the result of this job any more."""


def no_progress(fraction: float, message: str) -> None:
    """Report nothing and never cancel."""


def part(progress: Progress, start: float, stop: float) -> Progress:
    """Return a progress whose 0 to 1 covers `start` to `stop` of the given one."""

    def report(fraction: float, message: str) -> None:
        progress(start + (stop - start) * min(max(fraction, 0.0), 1.0), message)

    return report
