"""How long the dock takes in a napari that stands, in a fresh process each time; run as a script it measures once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

from _bench import Row
from _window_qt import Painted, rest, wait
from _window_rows import seen

FEW = 3


def measure(folder: Path) -> list[Row]:
    """Start napari and then the dock, in a fresh process each time."""
    seconds = []
    for _ in range(FEW):
        command = [sys.executable, __file__]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        seconds.append(json.loads(done.stdout.splitlines()[-1]))
    what = "napari stands → dock imported, made and painted (fresh process)"
    return [seen(what, seconds, 1.0)]


def start() -> None:
    """Print how long the dock takes in a napari that stands."""
    import napari

    viewer = napari.Viewer()
    rest(2.0)
    if any(name.startswith("napari_phenotyper.") for name in sys.modules):
        raise SystemExit("the program is imported already")
    began = time.perf_counter()
    from napari_phenotyper import plugin

    painted = Painted(plugin.dock_of(viewer))
    wait(painted.seen, "the dock")
    print(json.dumps(painted.at - began))
    viewer.close()


if __name__ == "__main__":
    start()
