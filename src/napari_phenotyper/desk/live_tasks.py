"""What the worker that learns does: it receives values and hands over models and predictions as they come."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock, CropSpec, Float32
from napari_phenotyper.core.crops import CachedCrops, Kept
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.training import Model, ModelState, TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.tasks import Wanted, predict, read_cells, with_pixels
from napari_phenotyper.store.cell_files import CellKeys
from napari_phenotyper.store.cells import CellStore

SLICE = 1.0
"""Seconds of training in one slice of live learning; with crops, calibration and the open field it is at most two."""
_BEAT = 0.12
"""Seconds of predictions that are handed over together."""


@dataclass(frozen=True, eq=False)
class LiveModel:
    """What a slice of learning gave.

    Attributes
    ----------
    state
        Of the model.
    crops
        The crops of each field's annotated cells, so that the next slice need not cut them again.
    seconds
        How long the fit took.
    """

    state: ModelState
    crops: Mapping[FieldRef, Kept]
    seconds: float


def learn(
    classifier: Any,
    training: TrainingSet,
    before: ModelState | None,
    folder: Path,
    visible: Wanted | None,
    progress: Progress,
) -> Iterator[LiveModel | Prediction]:
    """Fit, and predict the field that is open.

    Parameters
    ----------
    classifier
        As made.
    training
        The annotated cells.
    before
        The model to go on from, None for a first slice.
    folder
        Of the project.
    visible
        The open field, None if it is not measured.
    """
    started = time.monotonic()
    earlier = classifier.restore(before) if before is not None else None
    model: Model = classifier.fit(replace(training, before=earlier, seconds=SLICE), progress)
    yield LiveModel(model.state(), _crops(training.cells), time.monotonic() - started)
    if visible is not None:
        yield predict(model, "live", read_cells(folder, CellStore(folder / "cells"), visible))


def warm_up(classifier: Any, progress: Progress) -> Iterator[None]:
    """Fit a handful of made-up cells, so that libraries are loaded before somebody waits for them."""
    ids = np.arange(1, 13, dtype=np.int32)
    values = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    values[6:] += 3
    block = {"made up": ColumnBlock(("a", "b", "c", "d"), values)}
    cells = Cells(FieldRef("", "A01", 1), ids, values[:, 0], values[:, 1], block, _NoPixels())
    labels = np.repeat([0, 1], 6).astype(np.intp)
    training = TrainingSet((cells,), ("a", "b"), labels, np.zeros(12, np.intp), ("A01",), seconds=0.1)
    with suppress(PhenotyperError):  # one that cannot learn this will say what it cannot when it is used
        classifier.fit(training, progress).predict(cells)
    yield None


class _NoPixels:
    """Crops of nothing."""

    pixel_size = None

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) noise."""
        shape = len(ids), max(len(spec.channels), 1), spec.size, spec.size
        return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def _crops(cells: Sequence[Cells]) -> dict[FieldRef, Kept]:
    return {c.field: c.pixels.kept for c in cells if isinstance(c.pixels, CachedCrops) and c.pixels.kept}


def spread(
    classifier: Any, state: ModelState, folder: Path, items: Sequence[Wanted], whole: bool, progress: Progress
) -> Iterator[list[Prediction]]:
    """Predict fields in the order given, handing over a few at a time.

    Parameters
    ----------
    classifier, state
        The model.
    folder
        Of the project.
    items
        The fields.
    whole
        Whether these are all measured fields of their plates; they are then read from the plate's matrix.
    """
    model: Model = classifier.restore(state)
    found: list[Prediction] = []
    handed = time.monotonic()
    for done, cells in enumerate(_chunks(folder, items, whole)):
        progress(done / len(items), f"Predicting field {done + 1} of {len(items)}")
        try:
            found.append(predict(model, "live", cells))
        except PhenotyperError as error:
            raise type(error)(f"{cells.field}: {error.what}", error.remedy) from error
        if time.monotonic() - handed > _BEAT:
            yield found
            found, handed = [], time.monotonic()
    if found:
        yield found


def _chunks(folder: Path, items: Sequence[Wanted], whole: bool) -> Iterator[Cells]:
    """Yield the cells of fields, in order."""
    store = CellStore(folder / "cells")
    mapped: dict[FieldRef, Cells] = {}
    if whole:
        for plate in {item.field.ref.plate for item in items}:
            keys = {
                i.field.ref: CellKeys(i.mask, i.blocks)
                for i in sorted(items, key=lambda i: i.field.ref)
                if i.field.ref.plate == plate
            }
            mapped |= {cells.field: cells for cells in store.matrix(plate, keys)}
    for item in items:
        cells = mapped.get(item.field.ref)
        yield read_cells(folder, store, item) if cells is None else with_pixels(folder, item, cells)
