from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Profile, Sums
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.profilers.means import Means


def cells_of(values: np.ndarray, field: int = 1, well: str = "B02") -> Cells:
    values = np.asarray(values, np.float32)
    n = len(values)
    block = ColumnBlock(tuple(f"f{i}" for i in range(values.shape[1])), values)
    zeros = np.zeros(n, np.float32)
    return Cells(FieldRef("P", well, field), np.arange(1, n + 1, dtype=np.int32), zeros, zeros, {"made": block})


def profile(*chunks: Cells) -> Profile:
    means = Means()
    total = Sums((), {})
    for cells in chunks:
        total = means.combine(total, means.partial(cells, None))
    return means.finish(total, Layout())


def test_the_mean_runs_over_all_cells_of_a_well_not_over_its_fields() -> None:
    result = profile(cells_of([[0.0]]), cells_of([[3.0], [3.0]], field=2))
    assert result.values.tolist() == [[2.0]]
    assert result.counts.tolist() == [3]


def test_an_undefined_value_is_left_out_of_its_own_column_only() -> None:
    result = profile(cells_of([[1.0, np.nan], [3.0, 5.0], [np.inf, 7.0]]))
    assert result.values.tolist() == [[2.0, 6.0]]
    assert result.counts.tolist() == [3]


def test_a_column_without_any_value_has_no_mean() -> None:
    result = profile(cells_of([[np.nan, 1.0], [np.nan, 2.0]]))
    assert np.isnan(result.values[0, 0]) and result.values[0, 1] == 1.5


def test_the_interval_is_196_standard_errors_to_either_side() -> None:
    values = np.random.default_rng(0).normal(7, 2, (50, 1)).astype(np.float32)
    result = profile(cells_of(values[:20]), cells_of(values[20:], field=2))
    error = values.std(ddof=1) / np.sqrt(50)
    assert result.low is not None and result.high is not None
    assert result.low[0, 0] == pytest.approx(values.mean() - 1.96 * error, rel=1e-4)
    assert result.high[0, 0] == pytest.approx(values.mean() + 1.96 * error, rel=1e-4)


def test_one_cell_has_a_mean_but_no_interval() -> None:
    result = profile(cells_of([[4.0]]))
    assert result.values[0, 0] == 4
    assert result.low is not None and np.isnan(result.low[0, 0])


def test_equal_values_far_from_zero_have_an_interval_of_no_width() -> None:
    result = profile(cells_of(np.full((9, 1), 60_000.1)))
    assert result.low is not None and result.high is not None
    assert result.high[0, 0] - result.low[0, 0] == pytest.approx(0, abs=1e-2)


def test_objects_predicted_to_be_no_cells_are_left_out_unless_wanted() -> None:
    cells = cells_of([[1.0], [100.0]])
    classes = ("a", NOT_A_CELL)
    prediction = Prediction(cells.field, cells.ids, np.eye(2, dtype=np.float32), classes)
    for cells_only, mean, count in ((True, 1.0, 1), (False, 50.5, 2)):
        means = Means(cells_only=cells_only)
        result = means.finish(means.partial(cells, prediction), Layout())
        assert result.values[0, 0] == mean and result.counts[0] == count


def test_a_field_without_cells_gives_a_well_without_means() -> None:
    result = profile(cells_of(np.zeros((0, 2))))
    assert result.values.shape == (1, 2) and np.isnan(result.values).all()
    assert result.counts.tolist() == [0]


def test_measuring_leaves_the_cells_as_they_were() -> None:
    values = np.array([[1.0, np.nan]], np.float32)
    cells = cells_of(values)
    Means().partial(cells, None)
    np.testing.assert_array_equal(cells.matrix(), values)


@given(
    hnp.arrays(np.float32, st.tuples(st.integers(1, 20), st.just(2)), elements=st.floats(-1e4, 1e4, width=32)),
    st.integers(0, 20),
)
def test_cutting_a_well_into_fields_does_not_change_its_mean(values: np.ndarray, cut: int) -> None:
    whole = profile(cells_of(values))
    halves = profile(cells_of(values[:cut]), cells_of(values[cut:], field=2))
    np.testing.assert_allclose(halves.values, whole.values, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole.values[0], values.astype(float).mean(axis=0), rtol=1e-9, atol=1e-9)
