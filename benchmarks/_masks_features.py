"""Speed of the feature families: cells per second on one thread, beside CellProfiler's own code."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from _bench import Row, row
from scipy import ndimage

from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef

SIZE, NUCLEI_DRAWN = 2048, 1500
PEER = "cp_measure"
DEFAULT_TARGET, ALL_TARGET, PER_FEATURE_TARGET = 6000, 2500, 10


def drawn_field(size: int = SIZE, count: int = NUCLEI_DRAWN, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return (y, x) int32 labels of lobed ellipses, 15 to 36 px long, on a shaken grid, and a uint16 image of them."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    side = int(np.ceil(np.sqrt(count)))
    for cell in range(count):
        row_, column = divmod(cell, side)
        y, x = ((place + 0.5) * size / side + rng.uniform(-9, 9) for place in (row_, column))
        _draw(labels, cell + 1, (y, x), rng.uniform(11, 18), rng.uniform(0.65, 1), rng.uniform(0, np.pi))
    level = np.append(0, rng.uniform(600, 3000, count))
    grain = ndimage.gaussian_filter(rng.standard_normal(labels.shape), 1.5)
    image = ndimage.gaussian_filter(level[labels] * (1 + grain), 1.0) + 200 + rng.normal(0, 12, labels.shape)
    return labels, np.clip(image, 0, 65535).astype(np.uint16)


def _draw(labels: np.ndarray, cell: int, at: tuple[float, float], longer: float, aspect: float, turn: float) -> None:
    """Draw one nucleus where there is none yet."""
    top, left = (int(max(place - 24, 0)) for place in at)
    part = labels[top : int(at[0] + 25), left : int(at[1] + 25)]
    dy, dx = np.mgrid[: part.shape[0], : part.shape[1]]
    dy, dx = dy + top - at[0], dx + left - at[1]
    along, across = dx * np.cos(turn) + dy * np.sin(turn), dy * np.cos(turn) - dx * np.sin(turn)
    angle = np.arctan2(across, along)
    lobes = 1 + 0.06 * np.cos(3 * angle + turn) + 0.04 * np.cos(5 * angle)
    part[(np.hypot(along / longer, across / (longer * aspect)) * lobes <= 1) & (part == 0)] = cell


def _measure(names: Sequence[str], masks: Masks, image: np.ndarray) -> int:
    """Measure families as a plate job does, the index of the pixels included; return the number of columns."""
    scene = Scene(FieldRef("P", "A01", 1), {"DNA": image}, None, masks)
    return sum(len(Registry(()).make("extractor", name).measure(scene).columns) for name in names)


def _peer(labels: np.ndarray, image: np.ndarray) -> tuple[Callable[[], int] | None, str]:
    """Return a function that measures with cp_measure and returns its number of columns, or why there is none."""
    try:
        from cp_measure.bulk import get_core_measurements
    except ImportError:
        return None, "cp_measure is not installed (pip install cp_measure)"
    functions = get_core_measurements()
    pixels = image / 65535.0

    def measure() -> int:
        return sum(len(function(labels, pixels)) for function in functions.values())

    return measure, ""


def _processor_medians(functions: Mapping[str, Callable[[], object]], repeats: int) -> dict[str, float]:
    """Return the median seconds of processor time of each function; they take turns, after one run each to compile.

    On a quiet machine that is the time on the clock, as all run on one thread; on a busy one, waiting is left out.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    for turn in range(repeats + 1):
        for name, function in functions.items():
            if turn or name != PEER:
                start = time.process_time()
                function()
                seconds[name].append(time.process_time() - start)
    return {name: statistics.median(times[name != PEER :]) for name, times in seconds.items()}


def features(repeats: int = 3) -> list[Row]:
    """Return cells per second of processor time of each family, the default set and all, and of cp_measure."""
    labels, image = drawn_field()
    count, masks, registry = len(np.unique(labels)) - 1, Masks({NUCLEI: labels}), Registry(())
    usual, every = registry.defaults("extractor"), registry.ids("extractor")
    sets = {"default set": usual, "all families": every, **{name: (name,) for name in every if name != "correlation"}}
    runs: dict[str, Callable[[], object]] = {
        what: lambda names=names: _measure(names, masks, image) for what, names in sets.items()
    }
    peer, missing = _peer(labels, image)
    if peer:
        runs[PEER] = peer
    else:
        sys.stdout.write(f"No peer: {missing}.\n")
    seconds = _processor_medians(runs, repeats)
    targets = {"default set": DEFAULT_TARGET, "all families": ALL_TARGET}
    theirs, their_columns = (round(count / seconds[PEER]), peer()) if peer else (None, 0)
    where = f"{count} nuclei in {SIZE}², one channel, one thread"
    rows = []
    for what, names in sets.items():
        columns = _measure(names, masks, image)
        beside = theirs if what in targets else None
        speed = round(count / seconds[what])
        rows.append(
            row(f"features, {what}, {columns} columns, {where}", speed, beside, "cells/s", targets.get(what), False)
        )
        if peer and what in targets:
            each = columns * seconds[PEER] / (their_columns * seconds[what])
            name = f"features, {what}, for each column, {where}"
            rows.append(row(name, round(each, 1), 1, "× cp_measure", PER_FEATURE_TARGET, False))
    return rows


if __name__ == "__main__":
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        for line in features():
            sys.stdout.write("  ".join(f"{key}: {value}" for key, value in line.items()) + "\n")
