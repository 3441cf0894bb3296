"""How long the real window takes: clicks, colours, live learning, and the longest moment in which it does not answer.

    make bench-window        or, on a screen:        python benchmarks/bench_window.py [PART …]

Parts: dock, click, learn, stall, open; results/window.json is written when all are measured. Plates are made in a
temporary folder (see _window_plates.py). Clicks are Qt's own on the canvas; times end when the canvas is drawn with the
change in it, and include the pause before retraining. `shown` ends when Qt has put the window together: on a virtual
screen that is done in software by the same cores, and takes as long for a frame in which nothing changes. `known` are
figures of other plugins' ways as measured elsewhere; `peer` was measured in the same run.

`stall --stacks` tells what was done in the longest stalls; it may crash (faulthandler).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from _bench import Row, write
from _window_rows import table

PARTS = {
    "dock": "_window_start",
    "click": "_window_clicks",
    "learn": "_window_learning",
    "stall": "_window_stalls",
    "open": "_window_opening",
}
"""Modules whose `measure(folder)` returns rows; not imported here, because every worker process imports this file."""


def main() -> None:
    """Measure what was asked for, else everything, and write it."""
    names = [name for name in sys.argv[1:] if not name.startswith("--")]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in names or PARTS:
            began = time.perf_counter()
            rows += import_module(PARTS[name]).measure(Path(folder))
            print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
    if not names:
        write("window", rows)
    print(table(rows))


if __name__ == "__main__":
    os.environ.setdefault("QT_API", "pyqt6")
    main()
