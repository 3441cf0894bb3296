"""Small scenes and cells that every contract suite uses."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.kernels.crops import cut

CLASSES = ("Round", "Bright", "Dim")


def nuclei(dtype=np.uint16, seed=0, size=200):
    """A field of round nuclei on a grid, and its true labels."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    y, x = np.mgrid[:size, :size]
    centres = [
        (r + rng.integers(-4, 5), c + rng.integers(-4, 5)) for r in range(25, size, 50) for c in range(25, size, 50)
    ]
    for i, (r, c) in enumerate(centres, 1):
        labels[(y - r) ** 2 + (x - c) ** 2 < rng.uniform(8, 12) ** 2] = i
    dna = ndimage.gaussian_filter((labels > 0).astype(float), 1.5) * 120 + 20 + rng.normal(0, 2, labels.shape)
    other = ndimage.gaussian_filter((labels > 0).astype(float), 6) * 80 + 15 + rng.normal(0, 2, labels.shape)
    pixels = {"DNA": np.clip(dna, 0, 255).astype(dtype), "tubulin": np.clip(other, 0, 255).astype(dtype)}
    return Scene(FieldRef("P", "A01", 1), pixels, 0.65), labels


def blank(value=0, size=100):
    return Scene(FieldRef("P", "A02", 1), {"DNA": np.full((size, size), value, np.uint16)}, 0.65)


def measured_scene(dtype=np.uint16):
    """A field with masks."""
    scene, labels = nuclei(dtype)
    return Scene(scene.ref, scene.pixels, scene.pixel_size, Masks({NUCLEI: labels}))


def empty_scene():
    scene, labels = nuclei()
    return Scene(scene.ref, scene.pixels, scene.pixel_size, Masks({NUCLEI: np.zeros_like(labels)}))


class Pictures:
    """Crops that show a class by brightness and size; a crop source like any other."""

    pixel_size = None

    def __init__(self, kinds):
        self.kinds = np.asarray(kinds)

    def crops(self, ids, y, x, spec):
        out = []
        for cell in ids:
            rng = np.random.default_rng(int(cell))
            kind = self.kinds[cell - 1]
            grid = np.hypot(*np.mgrid[-32:32, -32:32])
            image = (grid < (16, 10, 22)[kind]) * (100, 200, 60)[kind] + rng.normal(20, 5, grid.shape)
            out.append(cut(image[None], np.array([[31.5, 31.5, 64.0]]), spec)[0])
        return np.stack(out) if out else np.zeros((0, 1, spec.size, spec.size), np.float32)


def cells(count=12, well="A01", seed=0):
    """Cells of three classes that features and crops both tell apart, and their classes."""
    rng = np.random.default_rng(seed)
    kinds = np.arange(count) % 3
    values = rng.normal(0, 0.5, (count, 5)).astype(np.float32)
    values[np.arange(count), kinds] += 3
    block = ColumnBlock(tuple(f"Nuclei_Test_{i}" for i in range(5)), values)
    place = np.arange(count, dtype=np.float32)
    ids = np.arange(1, count + 1, dtype=np.int32)
    return Cells(FieldRef("P", well, 1), ids, place, place, {"test": block}, Pictures(kinds)), kinds.astype(np.intp)


def training(wells=4, per_well=12, seed=0):
    """A training set grouped by well."""
    made = [cells(per_well, f"A{i + 1:02d}", seed + i) for i in range(wells)]
    labels = np.concatenate([k for _, k in made])
    groups = np.repeat(np.arange(wells), per_well)
    return TrainingSet(tuple(c for c, _ in made), CLASSES, labels, groups, tuple(f"A{i + 1:02d}" for i in range(wells)))


def prediction(chunk, kinds):
    probabilities = np.full((len(chunk), 3), 0.1, np.float32)
    probabilities[np.arange(len(chunk)), kinds] = 0.8
    return Prediction(chunk.field, chunk.ids, probabilities, CLASSES, "model")
