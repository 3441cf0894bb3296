"""Small synthetic cells whose class can be seen, and measured."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock, CropSpec, Float32
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef

Make = Callable[..., TrainingSet]


@dataclass(frozen=True, eq=False)
class ArrayCrops:
    """Crops out of an array with a crop per cell id."""

    pixels: Float32

    pixel_size = None

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        return self.pixels[ids]


def make_training(
    n: int = 120,
    classes: int = 3,
    wells: int = 6,
    size: int = 16,
    channels: int = 1,
    seed: int = 0,
    spread: float = 0.5,
) -> TrainingSet:
    """Return cells of classes that differ in a column, and in the number of stripes of their crop."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    values = rng.normal(0, 1, (n, 6)).astype(np.float32)
    values[np.arange(n), labels] += 2 / spread
    wave = np.cos(np.arange(size)[None, None, :] * 2 * np.pi * (labels[:, None, None] + 1) / max(size, 2))
    pixels = np.repeat(wave, size, axis=1)[:, None] + rng.normal(0, 0.2, (n, channels, size, size))
    source = ArrayCrops(pixels.astype(np.float32))
    groups = (np.arange(n) // classes) % wells
    order = np.argsort(groups, kind="stable")
    chunks = []
    for well in np.unique(groups):
        ids = order[groups[order] == well].astype(np.int32)
        block = ColumnBlock(tuple(f"column{i}" for i in range(6)), values[ids])
        zero = np.zeros(len(ids), np.float32)
        chunks.append(Cells(FieldRef("P", f"A{well + 1:02d}", 1), ids, zero, zero, {"made": block}, source))
    names = tuple(f"class{k}" for k in range(classes))
    wells_named = tuple(f"A{w + 1:02d}" for w in range(wells))
    return TrainingSet(tuple(chunks), names, labels[order], groups[order], wells_named, seed=seed)


@pytest.fixture
def make() -> Make:
    """A maker of training sets."""
    return make_training


@pytest.fixture(autouse=True)
def short_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """Perceptrons of so few and so different cells need no more: a quarter of the time."""
    from napari_phenotyper.nets import perceptrons

    monkeypatch.setattr(perceptrons, "MOST", 15)
