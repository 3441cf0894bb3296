"""Work on many rows, block by block, on as many threads as matrix products may use."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

FEW = 4
"""Blocks that are not worth a thread."""


def in_blocks(count: int, size: int, work: Callable[[int, int], None], threads: int | None = None) -> None:
    """Call `work(start, stop)` for all blocks of so many rows; the order is not told.

    Parameters
    ----------
    count, size
        Rows, and rows of a block.
    work
        Should spend its time in numpy, which lets other threads run.
    threads
        How many; None: as many as matrix products may use, while each product is made by one.
    """
    starts = range(0, count, size)
    if len(starts) < FEW or threads == 1:
        for start in starts:
            work(start, min(start + size, count))
        return
    from threadpoolctl import threadpool_info, threadpool_limits

    found = max((int(p["num_threads"]) for p in threadpool_info() if p["user_api"] == "blas"), default=1)
    with threadpool_limits(1, "blas"), ThreadPoolExecutor(threads or found) as pool:
        for _ in pool.map(lambda start: work(start, min(start + size, count)), starts):
            pass
