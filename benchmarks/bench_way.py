"""The way from pixels to classes, stage by stage, beside the way of scikit-image and scikit-learn alone.

One thread. `python benchmarks/bench_way.py` writes benchmarks/results/way.json. The field is 2048 × 2048 pixels of
simulated nuclei; a feature is only as fast as its number, so features are compared per cell and column.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from _bench import medians, row, write
from scipy import ndimage
from threadpoolctl import threadpool_limits

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.journal import Journal

SIZE, SPACING = 2048, 54
CELLS, COLUMNS, LABELS, CLASSES = 100_000, 150, 300, 6


def make_field() -> Scene:
    """Return a field of about 1,400 nuclei."""
    rng = np.random.default_rng(0)
    image = np.zeros((SIZE, SIZE), np.float32)
    for y in range(SPACING // 2, SIZE - 20, SPACING):
        for x in range(SPACING // 2, SIZE - 20, SPACING):
            cy, cx, r = y + rng.integers(-8, 9), x + rng.integers(-8, 9), rng.uniform(10, 16)
            top, left = max(cy - 20, 0), max(cx - 20, 0)
            grid_y, grid_x = np.mgrid[top : cy + 20, left : cx + 20]
            inside = (grid_y - cy) ** 2 + (grid_x - cx) ** 2 < r**2
            image[top : cy + 20, left : cx + 20][inside[: SIZE - top, : SIZE - left]] += rng.uniform(1500, 3000)
    pixels = rng.poisson(ndimage.gaussian_filter(image, 1.5) + 200).astype(np.uint16)
    return Scene(FieldRef("bench", "A01", 1), {"DNA": pixels}, 0.65)


def recipe(image: np.ndarray) -> np.ndarray:
    """Segment the way scikit-image's gallery does: smooth, Otsu, distance, watershed."""
    from skimage.feature import peak_local_max
    from skimage.filters import gaussian, threshold_otsu
    from skimage.measure import label
    from skimage.segmentation import watershed

    smooth = gaussian(image, 1.5)
    mask = smooth > threshold_otsu(smooth)
    distance = ndimage.distance_transform_edt(mask)
    seeds = np.zeros(image.shape, int)
    for i, (y, x) in enumerate(peak_local_max(distance, min_distance=8, labels=label(mask)), 1):
        seeds[y, x] = i
    return watershed(-distance, seeds, mask=mask)


def region_columns(labels: np.ndarray, image: np.ndarray) -> int:
    """Measure with regionprops_table; return how many columns that gives."""
    from skimage.measure import regionprops_table

    names = ("area", "perimeter", "eccentricity", "solidity", "extent", "axis_major_length", "axis_minor_length",
             "moments_hu", "feret_diameter_max", "euler_number", "intensity_mean", "intensity_max", "intensity_min",
             "intensity_std")  # fmt: skip
    return len(regionprops_table(labels, image, properties=names))


def main() -> None:
    """Measure and write."""
    registry, scene = Registry(), make_field()
    image = scene.image("DNA")
    nuclei = registry.make("segmenter", "nuclei").resolve([scene])
    masks = nuclei.segment(scene, no_progress)
    labels = masks.labels[NUCLEI]
    extractors = [registry.make("extractor", name) for name in registry.defaults("extractor")]

    def measure() -> int:
        fresh = Scene(scene.ref, scene.pixels, scene.pixel_size, masks)
        return sum(len(e.measure(fresh).columns) for e in extractors)

    seconds = medians(
        {
            "segment": lambda: nuclei.segment(scene, no_progress),
            "recipe": lambda: recipe(image),
            "measure": measure,
            "regions": lambda: region_columns(labels, image),
            **svm(registry),
        }
    )
    cells, ours, theirs = int(labels.max()), measure(), region_columns(labels, image)
    rows = [
        row(f"segment 2048², {cells} nuclei", seconds["segment"], seconds["recipe"], "s"),
        row(
            f"measure {ours} columns (peer {theirs})", cells / seconds["measure"], cells / seconds["regions"], "cells/s"
        ),
        row("… the same, values", cells * ours / seconds["measure"], cells * theirs / seconds["regions"], "values/s"),
        row(f"fit svm, {LABELS} labels, calibrated", seconds["fit"], seconds["sklearn fit"], "s"),
        row(f"predict svm, {CELLS} cells", seconds["predict"], seconds["sklearn predict"], "s"),
        row("annotation until it is on disk", journal(), None, "s", 0.05),
    ]
    print(write("way", rows))


def svm(registry: Registry) -> dict[str, object]:
    """Return fitting and predicting, ours and scikit-learn's with its own calibration."""
    from sklearn.calibration import CalibratedClassifierCV
    from sklearn.svm import SVC

    rng = np.random.default_rng(0)
    kinds = np.arange(LABELS) % CLASSES
    centres = rng.normal(0, 0.6, (CLASSES, COLUMNS))
    names = tuple(f"c{i}" for i in range(COLUMNS))
    x = (centres[kinds] + rng.normal(size=(LABELS, COLUMNS))).astype(np.float32)
    z = rng.normal(size=(CELLS, COLUMNS)).astype(np.float32)

    def chunk(values: np.ndarray) -> Cells:
        place = np.zeros(len(values), np.float32)
        ids = np.arange(1, len(values) + 1, dtype=np.int32)
        return Cells(FieldRef("bench", "A01", 1), ids, place, place, {"x": ColumnBlock(names, values)})

    groups = rng.integers(0, 12, LABELS)
    classes = tuple("abcdefghij"[:CLASSES])
    training = TrainingSet((chunk(x),), classes, kinds, groups, tuple(map(str, range(12))))
    classifier = registry.make("classifier", "svm")
    model, cells = classifier.fit(training, no_progress), chunk(z)
    peer = CalibratedClassifierCV(SVC(class_weight="balanced"), ensemble=False)
    peer.fit(x, kinds)
    return {
        "fit": lambda: classifier.fit(training, no_progress),
        "sklearn fit": lambda: peer.fit(x, kinds),
        "predict": lambda: model.predict(cells),
        "sklearn predict": lambda: peer.predict_proba(z),
    }


def journal() -> float:
    """Return the median seconds from an annotation to "saved"."""
    with tempfile.TemporaryDirectory() as folder:
        book = Journal(Path(folder) / "journal.sqlite")
        seconds = medians({"append": lambda: book.append_wait("clear", {"ids": []})}, repeats=200)["append"]
        book.close()
    return seconds


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
