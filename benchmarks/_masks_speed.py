"""Speed of `nuclei` beside scikit-image's recipe, on drawn fields of 2048² pixels, one thread; and of `unet`."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

import numpy as np
from _bench import Row, load, medians, row
from bench_way import recipe
from scipy import ndimage

from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.segmenters.nuclei import Nuclei

SIZE = 2048


def drawn_field(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return a uint16 field of ellipses that may touch but overlap little, blurred, with noise, and its labels."""
    rng = np.random.default_rng(seed)
    truth, light = np.zeros((SIZE, SIZE), np.int32), np.zeros((SIZE, SIZE), np.float32)
    drawn = 0
    while drawn < count:
        y, x = rng.uniform(0, SIZE, 2)
        a, b, angle = rng.uniform(11, 18), rng.uniform(9, 14), rng.uniform(0, np.pi)
        top, left = max(int(y) - 20, 0), max(int(x) - 20, 0)
        v, u = np.mgrid[top : min(int(y) + 21, SIZE), left : min(int(x) + 21, SIZE)]
        along, across = (
            (u - x) * np.cos(angle) + (v - y) * np.sin(angle),
            (v - y) * np.cos(angle) - (u - x) * np.sin(angle),
        )
        inside = (along / a) ** 2 + (across / b) ** 2 < 1
        part = np.s_[top : top + len(v), left : left + v.shape[1]]
        if not inside.sum() > 100 or (truth[part][inside] > 0).mean() > 0.02:
            continue
        drawn += 1
        inside &= truth[part] == 0
        truth[part][inside] = drawn
        light[part][inside] = rng.uniform(800, 4000)
    image = ndimage.gaussian_filter(light, 1.5) + 300 + rng.normal(0, 40, light.shape)
    return image.clip(0, 65535).astype(np.uint16), truth


def f1(labels: np.ndarray, truth: np.ndarray, iou: float) -> float:
    """Return F1 at an IoU of at least 0.5."""
    width = int(truth.max()) + 1
    table = np.bincount((labels.astype(np.int64) * width + truth).ravel(), minlength=(int(labels.max()) + 1) * width)
    table = table.reshape(-1, width)
    union = table.sum(1)[:, None] + table.sum(0)[None] - table
    hits = int((table[1:, 1:] > iou * union[1:, 1:]).sum())
    return 2 * hits / (int(labels.max()) + width - 1)


def speed(repeats: int = 5) -> list[Mapping[str, object]]:
    """Return for 400 and 1,500 nuclei: seconds of `segment`, parameters resolved, and of the recipe; F1 of both."""
    rows: list[Mapping[str, object]] = []
    for count in (400, 1500):
        image, truth = drawn_field(count)
        scene = Scene(FieldRef("drawn", "A01", 1), {"DNA": image})
        nuclei = Nuclei().resolve([scene])
        runs = {
            "ours": lambda s=scene, n=nuclei: n.segment(s, no_progress).labels[NUCLEI],
            "scikit-image": lambda i=image: recipe(i),
        }
        seconds = medians(runs, repeats)
        scores = {f"F1 at {t}, {name}": round(f1(run(), truth, t), 3) for name, run in runs.items() for t in (0.5, 0.7)}
        rows.append({
            "nuclei": count, "seconds, ours": round(seconds["ours"], 4),
            "seconds, scikit-image": round(seconds["scikit-image"], 3),
            "times faster": round(seconds["scikit-image"] / seconds["ours"], 1), **scores, "load": load(),
        })  # fmt: skip
    return rows


def unet_speed() -> Iterator[Row]:
    """Yield how long `unet` takes from pixels to instances, its parameters resolved, with all threads there are."""
    import torch

    torch.set_num_threads(os.cpu_count() or 1)
    scene = Scene(FieldRef("drawn", "A01", 1), {"DNA": drawn_field(1000)[0]})
    unet = Registry().make("segmenter", "unet").resolve([scene])
    seconds = medians({"unet": lambda: unet.segment(scene, no_progress)})["unet"]
    yield row(f"unet: 2048² to instances, 1,000 nuclei, {torch.get_num_threads()} threads", seconds, None, "s", 1.5)
