"""Training sets: rows over chunks."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef


def chunk(well: str, values: list[float], columns: tuple[str, ...] = ("a", "b")) -> Cells:
    n = len(values)
    matrix = np.repeat(np.array(values, np.float32)[:, None], len(columns), axis=1)
    zero = np.zeros(n, np.float32)
    return Cells(FieldRef("P", well, 1), np.arange(n, dtype=np.int32), zero, zero, {"x": ColumnBlock(columns, matrix)})


def training(**more: object) -> TrainingSet:
    chunks = (chunk("A01", [0, 1, 2]), chunk("A02", [3, 4]))
    labels, groups = np.array([0, 1, 0, 2, 0]), np.array([0, 0, 0, 1, 1])
    return TrainingSet(chunks, ("u", "v", "w", "unused"), labels, groups, ("A01", "A02"), **more)  # type: ignore[arg-type]


def test_counts_have_a_number_for_every_class() -> None:
    np.testing.assert_array_equal(training().counts, [3, 1, 1, 0])


def test_labels_must_be_as_many_as_cells() -> None:
    with pytest.raises(ValueError, match="5 cells, 4 labels"):
        TrainingSet(training().cells, ("u",), np.zeros(4, int), np.zeros(5, int), ("A01",))


@given(st.lists(st.booleans(), min_size=5, max_size=5))
def test_taking_rows_keeps_values_labels_and_groups_together(rows: list[bool]) -> None:
    mask = np.array(rows)
    taken = training(domains=np.arange(5)).take(mask)
    np.testing.assert_array_equal(taken.matrix(("a",))[:, 0], np.arange(5)[mask])
    np.testing.assert_array_equal(taken.labels, training().labels[mask])
    np.testing.assert_array_equal(taken.groups, training().groups[mask])
    np.testing.assert_array_equal(taken.domains, np.arange(5)[mask])
    assert taken.classes == training().classes


def test_rows_by_number_come_in_the_order_of_the_set() -> None:
    np.testing.assert_array_equal(training().take(np.array([4, 0])).matrix()[:, 0], [0, 4])


def test_columns_are_those_that_all_chunks_have() -> None:
    chunks = (chunk("A01", [0.0], ("a", "b", "c")), chunk("A02", [1.0], ("c", "a")))
    mixed = TrainingSet(chunks, ("u",), np.zeros(2, int), np.array([0, 1]), ("A01", "A02"))
    assert mixed.columns == ("a", "c")
    assert mixed.matrix(mixed.columns).shape == (2, 2)
    with pytest.raises(ModelError, match="'b'"):
        mixed.matrix()


def test_a_set_without_cells_has_no_columns() -> None:
    empty = training().take(np.zeros(5, bool))
    assert len(empty) == 0
    assert empty.columns == ()
    assert empty.cells == ()
