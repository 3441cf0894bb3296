"""Cells: columns, rows, crops."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.cells import Cells, ColumnBlock, CropSpec, stack, total
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.wells import FieldRef

HERE = FieldRef("P", "B03", 2)


def cells(n: int = 5, blocks: dict[str, ColumnBlock] | None = None, pixels: object = None) -> Cells:
    made = {
        "shape": ColumnBlock(("area", "length"), np.arange(2 * n, dtype=np.float32).reshape(n, 2)),
        "texture": ColumnBlock(("grain",), -np.arange(n, dtype=np.float32)[:, None]),
    }
    places = np.arange(n, dtype=np.float32)
    chosen = made if blocks is None else blocks
    return Cells(HERE, np.arange(1, n + 1, dtype=np.int32), places, places, chosen, pixels)  # type: ignore[arg-type]


def test_columns_follow_the_blocks() -> None:
    assert cells().columns == ("area", "length", "grain")


def test_the_matrix_of_all_columns_is_float32_in_their_order() -> None:
    matrix = cells().matrix()
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix[1], [2, 3, -1])


def test_named_columns_come_in_the_order_asked_for() -> None:
    np.testing.assert_array_equal(cells().matrix(["grain", "area"])[1], [-1, 2])


def test_a_missing_column_is_named_with_the_field() -> None:
    with pytest.raises(ModelError, match="P B03 field 2, first 'girth'") as error:
        cells().matrix(["area", "girth", "age"])
    assert "2 of 3" in error.value.what
    assert error.value.remedy


def test_cells_without_blocks_have_an_empty_matrix() -> None:
    assert cells(blocks={}).matrix().shape == (5, 0)


def test_no_columns_asked_for_give_none() -> None:
    assert cells().matrix([]).shape == (5, 0)


def test_values_must_be_as_many_as_columns() -> None:
    with pytest.raises(ValueError, match="2 columns"):
        ColumnBlock(("a", "b"), np.zeros((3, 1), np.float32))


@given(st.lists(st.integers(0, 4), max_size=12))
def test_taking_rows_takes_them_everywhere(rows: list[int]) -> None:
    taken = cells().take(np.array(rows, np.intp))
    assert len(taken) == len(rows)
    np.testing.assert_array_equal(taken.ids, np.array(rows) + 1)
    np.testing.assert_array_equal(taken.matrix(), cells().matrix()[np.array(rows, np.intp)])


def test_crops_without_pixels_are_refused() -> None:
    with pytest.raises(ModelError, match="not at hand"):
        cells().crops(CropSpec())


def test_crops_are_asked_of_the_source_for_the_cells_that_are_left() -> None:
    class Source:
        def crops(self, ids: np.ndarray, y: np.ndarray, x: np.ndarray, spec: CropSpec) -> np.ndarray:
            return np.broadcast_to(ids[:, None, None, None], (len(ids), 1, spec.size, spec.size)).astype(np.float32)

    crops = cells(pixels=Source()).take(np.array([3, 1])).crops(CropSpec(size=4))
    assert crops.shape == (2, 1, 4, 4)
    np.testing.assert_array_equal(crops[:, 0, 0, 0], [4, 2])


def test_a_crop_spec_is_hashable_and_says_all_it_is() -> None:
    assert hash(CropSpec(channels=("DNA",))) == hash(CropSpec(channels=("DNA",)))
    assert set(CropSpec().state()) == set(CropSpec.__dataclass_fields__)


def test_chunks_stack_in_order_by_the_columns_of_the_first() -> None:
    second = cells(2, {"mixed": ColumnBlock(("grain", "area", "length"), np.ones((2, 3), np.float32))})
    assert stack([cells(3), second]).shape == (5, 3)
    assert total([cells(3), second]) == 5


def test_no_chunks_stack_to_nothing() -> None:
    assert stack([]).shape == (0, 0)
    assert stack([], ["a", "b"]).shape == (0, 2)
