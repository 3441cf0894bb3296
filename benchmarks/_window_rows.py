"""Rows of the window's benchmark: medians in milliseconds, and a table for a person to read."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from _bench import Row, load, row

Times = Sequence[tuple[float, float]]
"""Seconds until something was drawn, and until it was shown."""


def line(
    what: str,
    seconds: float,
    target: float | None = None,
    peer: float | None = None,
    known: float | None = None,
    **more: object,
) -> Row:
    """Return a row in milliseconds: of ours, of the peer in this run, and of other plugins as measured elsewhere."""
    made = row(what, ms(seconds), None if peer is None else ms(peer), "ms", None if target is None else ms(target))
    ratio = None if peer is None else round(peer / seconds, 1)
    return {**made, "ratio": ratio, "known": None if known is None else ms(known), **more, "load": load()[:1]}


def seen(
    what: str,
    times: Sequence[float],
    target: float | None = None,
    peer: Sequence[float] = (),
    known: float | None = None,
) -> Row:
    """Return a row of the median of a few runs."""
    theirs = statistics.median(peer) if peer else None
    return line(what, statistics.median(times), target, theirs, known, runs=[ms(t) for t in times])


def frames(
    what: str, times: Times, target: float | None = None, peer: Times | None = None, known: float | None = None
) -> Row:
    """Return a row of what ends with a frame: the medians until it is drawn; beside it until it is shown."""
    drawn, shown = zip(*times, strict=True)
    theirs = None if peer is None else statistics.median(t[0] for t in peer)
    more = {"worst": ms(max(drawn)), "shown": ms(statistics.median(shown))}
    if peer is not None:
        more["peer_shown"] = ms(statistics.median(t[1] for t in peer))
    return line(what, statistics.median(drawn), target, theirs, known, **more)


def ms(seconds: float) -> float:
    """Return milliseconds with one digit."""
    return round(seconds * 1000, 1)


def table(rows: Sequence[Row]) -> str:
    """Return the rows for a person to read."""
    lines = []
    for found in rows:
        met = {True: "met", False: "MISSED", None: ""}[found["met"]]
        cells = [found["ours"], found["target"], found["peer"], found["ratio"], found["known"]]
        texts = ["" if value is None else f"{value:,.0f}" for value in cells[:3]]
        texts += ["" if cells[3] is None else f"× {cells[3]:,.1f}", "" if cells[4] is None else f"{cells[4]:,.0f}"]
        lines.append("".join(f"{text:>9}" for text in texts) + f"  {met:7} {found['what']}")
    head = "".join(f"{name:>9}" for name in ("ms", "target", "peer", "ratio", "known"))
    return "\n".join([head, *lines])
