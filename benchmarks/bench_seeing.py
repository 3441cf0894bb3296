"""How quickly cells of a large screen can be looked at.

    make bench-seeing        or:        python benchmarks/bench_seeing.py [PART …]

Parts: gallery, hits, mosaic; reopen and memory, which open the real window (memory takes an hour, or
PHENOTYPER_MINUTES).
Rows of parts that are not run now are kept in results/seeing.json (the load noted is then the last run's).
"""

from __future__ import annotations

import os
import sys
import tempfile
from importlib import import_module
from pathlib import Path

from _bench import write_part

PARTS = {
    "gallery": "_seeing_gallery",
    "hits": "_seeing_hits",
    "mosaic": "_seeing_mosaic",
    "reopen": "_seeing_reopen",
    "memory": "_seeing_memory",
}
"""Modules whose `measure(folder)` returns rows."""


def main() -> None:
    """Measure what was asked for, else everything, and write it."""
    names = sys.argv[1:] or list(PARTS)
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            write_part("seeing", name, list(import_module(PARTS[name]).measure(Path(folder))))


if __name__ == "__main__":
    os.environ.setdefault("QT_API", "pyqt6")
    main()
