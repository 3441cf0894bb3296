"""What a model's card tells of its columns."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.cards import column_notes


def training(values, names):
    labels = np.arange(len(values)) % 2
    place = np.zeros(len(values), np.float32)
    block = ColumnBlock(names, np.asarray(values, np.float32))
    cells = Cells(FieldRef("P", "A01", 1), np.arange(len(values), dtype=np.int32), place, place, {"made": block})
    return TrainingSet((cells,), ("a", "b"), labels.astype(np.intp), labels.astype(np.intp), ("A01", "A02"))


def test_columns_that_do_not_vary_and_columns_with_gaps_are_named():
    values = np.random.default_rng(0).normal(size=(40, 4))
    values[:, 1] = 7
    values[::10, 2] = np.nan
    cells = training(values, ("area", "flat", "holed", "mean"))
    model = Registry().make("classifier", "svm").fit(cells, no_progress)
    told = column_notes(cells, model.state().meta["columns"])
    assert told == [
        "1 of 4 columns are the same for all training cells and not used: flat.",
        "1 columns hold no number for some training cells, which take the mean: holed (4).",
    ]


def test_a_model_of_pixels_is_not_told_of_columns():
    assert column_notes(training(np.zeros((8, 1)), ("flat",)), ()) == []


def test_only_the_first_of_many_columns_are_named():
    names = tuple(f"c{i}" for i in range(12))
    values = np.zeros((8, 12))
    values[::2, 0] = 1
    (told,) = column_notes(training(values, names), ("c0",))
    assert told.endswith("c7, c8 and 3 more.")
