"""Odd and large fields, walked through as a folder and as a plate: what is found, what is said, and how much memory.

`python benchmarks/_masks_odd.py CASE SEGMENTER WAY` walks one of them in a process of its own, so that its peak is its
own; `bench_masks.py odd` walks all. Memory is above what is loaded, one thread, all extractors on a plate.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import tifffile
from _masks_speed import drawn_field
from threadpoolctl import threadpool_limits

from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.engine.runner import Inline
from napari_phenotyper.session import measuring, quality, segmenting
from napari_phenotyper.session.image_folders import ImageFolder, segment_images
from napari_phenotyper.session.opened import opened

SIZE, LARGE = 2048, 12_000


def _giant() -> np.ndarray:
    y, x = np.mgrid[:SIZE, :SIZE]
    noise = np.random.default_rng(0).normal(300, 10, (SIZE, SIZE))
    return (noise + 3000 * (np.hypot(y - SIZE / 2, x - SIZE / 2) < 900)).astype(np.uint16)


def _large() -> np.ndarray:
    return np.ascontiguousarray(np.tile(drawn_field(1500)[0], (6, 6))[:LARGE, :LARGE])


CASES: Mapping[str, Callable[[], np.ndarray]] = {
    "one pixel": lambda: np.full((1, 1), 7, np.uint16),
    "one row of 3,000": lambda: np.random.default_rng(0).integers(100, 200, (1, 3000)).astype(np.uint16),
    "black, 2048²": lambda: np.zeros((SIZE, SIZE), np.uint16),
    "evenly grey, 2048²": lambda: np.full((SIZE, SIZE), 1000, np.uint16),
    "saturated, 2048²": lambda: np.full((SIZE, SIZE), 65535, np.uint16),
    "all NaN, 2048²": lambda: np.full((SIZE, SIZE), np.nan, np.float32),
    "one giant object, 2048²": _giant,
    "1,500 nuclei, 4 channels, 2048²": lambda: drawn_field(1500)[0],
    "54,000 nuclei, 12,000²": _large,
}
WAYS = ("folder", "plate")


def odd() -> list[dict[str, object]]:
    """Return a line for every case, segmenter and way."""
    rows = []
    for case in CASES:
        for segmenter in ("nuclei", "unet"):
            for way in WAYS:
                command = [sys.executable, __file__, case, segmenter, way]
                said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                rows.append(json.loads(said.splitlines()[-1]))
                sys.stdout.write(f"{rows[-1]}\n")
    return rows


def walk(case: str, segmenter: str, way: str) -> dict[str, object]:
    """Return what becomes of one case."""
    with tempfile.TemporaryDirectory() as place, threadpool_limits(1):
        images = Path(place) / "images"
        images.mkdir()
        _write(images, CASES[case](), 4 if "4 channels" in case else 1)
        _warm_up(segmenter)
        before, start = _peak(), time.process_time()
        done = (_as_folder if way == "folder" else _as_plate)(images, segmenter)
        spent = {"MB": round(_peak() - before), "seconds": round(time.process_time() - start, 1)}
    return {"what": f"{case}, {segmenter}, as a {way}", **done, **spent}


def _as_folder(images: Path, segmenter: str) -> dict[str, object]:
    done = segment_images(ImageFolder(images, images.parent / "out"), no_progress, segmenter)
    return {"cells": sum(done.files.values()), "said": [str(text) for text in done.failed.values()]}


def _as_plate(images: Path, segmenter: str) -> dict[str, object]:
    with opened(images.parent / "project", Inline()) as session:
        plates = session.open(images)
        first = segmenting.segment(session, plates, no_progress, segmenter)
        second = measuring.measure(session, plates, no_progress, extractors=Registry().ids("extractor"))
        flags = [flag for flags in quality.flags_of(session, plates[0]).values() for flag in flags]
        said = [*first.failed.values(), *second.failed.values(), *flags]
        return {"cells": second.cells, "said": [str(text) for text in said]}


def _write(folder: Path, image: np.ndarray, channels: int) -> None:
    for number in range(1, channels + 1):
        tifffile.imwrite(folder / f"P1_B02_s1_w{number}.tif", image)


def _warm_up(segmenter: str) -> None:
    """Load what is loaded once, and compile."""
    y, x = np.mgrid[:300, :300]
    image = (300 + 2000 * (np.hypot(y % 60 - 30, x % 60 - 30) < 12)).astype(np.uint16)
    scene = Scene(FieldRef("P", "B02", 1), {"DNA": image})
    masks = Registry().make("segmenter", segmenter).segment(scene, no_progress)
    assert masks.labels[NUCLEI].any()
    measured = Scene(scene.ref, {"DNA": image}, None, masks)
    for name in Registry().ids("extractor"):
        Registry().make("extractor", name).measure(measured)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.stdout.write(json.dumps(walk(*sys.argv[1:4])) + "\n")
