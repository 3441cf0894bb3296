"""The longest moment in which the window does not answer, while it learns live and while a plate is segmented."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from _bench import Row
from _window_gui import Window
from _window_learning import CELLS, learning_window
from _window_qt import LONG, Stalls, rest
from _window_rows import line, ms

FEW_WELLS = 8
STACKS = "--stacks"


def measure(folder: Path) -> list[Row]:
    """Watch the GUI while it learns live and while a plate is segmented."""
    rows, stacks = [], STACKS in sys.argv

    def watch(what: str, act: Callable[[], object], target: float | None = LONG) -> None:
        with Stalls(stacks) as stalls:
            act()
        rows.append(line(f"longest stall, {what}", stalls.longest, target, over_100_ms=stalls.over))
        if stacks:
            print(f"\n=== {what}: {ms(stalls.longest)} ms\n{stalls.stack}")

    def clicking(count: int, pause: float) -> None:
        for _ in range(count):
            learner.click()
            rest(pause)

    window, learner = learning_window(folder)
    watch("nothing runs", lambda: rest(5.0), None)
    for classifier in ("svm", "forest"):
        learner.choose(classifier)
        window.idle(2.0)
        watch(f"{classifier} learns live, 5 clicks", lambda: (clicking(5, 1.5), window.idle(2.0)))
    learner.choose("fastnet")
    learner.follow(whole=False)
    watch("fastnet learns live, 5 clicks", lambda: clicking(5, 4.0))
    window.close()

    window = Window()
    window.open(folder / "SCREEN", folder / "EMPTY.phenotyper")
    window.desk.select([well.name for well in window.desk.viewing.plate.wells][:FEW_WELLS])
    watch(
        f"{FEW_WELLS} wells of {CELLS:,} nuclei are segmented and measured",
        lambda: (window.desk.segment(), window.idle(3.0)),
    )
    window.close()
    return rows
