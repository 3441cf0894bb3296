"""What the benchmarks share: the machine they ran on, medians of interleaved runs, and the JSON they leave."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

RESULTS = Path(__file__).parent / "results"

Row = Mapping[str, object]


def machine() -> dict[str, object]:
    """Return what a figure depends on: processor, cores, memory, system, versions."""
    packages = ("numpy", "scipy", "scikit-image", "scikit-learn", "torch", "zarr", "tifffile")
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_GB": _memory(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "packages": {name: found for name in packages if (found := _version(name))},
    }


def load() -> list[float]:
    """Return the load averages over 1, 5 and 15 minutes; empty where the system has none."""
    return [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else []


def medians(functions: Mapping[str, Callable[[], object]], repeats: int = 3) -> dict[str, float]:
    """Return the median seconds of each function.

    They take turns, so that whatever else the machine does falls on all of them alike; each runs once before, so that
    imports and cold disks are not counted.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            start = time.perf_counter()
            function()
            if turn:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def row(
    what: str, ours: float, peer: float | None, unit: str, target: float | None = None, less_is_better: bool = True
) -> Row:
    """Return one line of a result: a figure of ours beside the peer's and the target; without a target, met is null."""
    met = None if target is None else bool(ours <= target if less_is_better else ours >= target)
    return {"what": what, "ours": ours, "peer": peer, "unit": unit, "target": target, "met": met}


def write(name: str, rows: Sequence[Row]) -> Path:
    """Write results/NAME.json and print the rows; return the file."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    path = RESULTS / f"{name}.json"
    result = {"machine": machine(), "load": load(), "rows": list(rows)}
    path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    for line in rows:
        sys.stdout.write("  ".join(f"{key}: {value}" for key, value in line.items()) + "\n")
    return path


def kept(name: str) -> list[Row]:
    """Return the rows that results/NAME.json holds, none where it is not there."""
    path = RESULTS / f"{name}.json"
    return list(json.loads(path.read_text(encoding="utf-8"))["rows"]) if path.is_file() else []


def write_part(name: str, part: str, rows: Sequence[Row]) -> Path:
    """Write the rows of one part beside those of other parts that were measured before; the load noted is the last."""
    others = [one for one in kept(name) if one.get("part") != part]
    return write(name, [*others, *({**one, "part": part} for one in rows)])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor() -> str:
    """Return the processor's name; Linux tells it in a file only."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory() -> float | None:
    """Return the machine's memory in GB; None where the system does not tell."""
    try:
        return round(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 1e9, 1)
    except (AttributeError, ValueError, OSError):
        return None
