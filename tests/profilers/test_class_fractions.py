from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Profile, Sums
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.profilers.class_fractions import ClassFractions, wilson

CLASSES = ("Interphase", NOT_A_CELL, "Apoptosis")


def part(labels: list[int], well: str = "B02", field: int = 1, classes: tuple[str, ...] = CLASSES) -> Sums:
    ref, n = FieldRef("P", well, field), len(labels)
    zeros = np.zeros(n, np.float32)
    cells = Cells(ref, np.arange(1, n + 1, dtype=np.int32), zeros, zeros, {})
    probabilities = np.eye(len(classes), dtype=np.float32)[labels].reshape(n, len(classes))
    return ClassFractions().partial(cells, Prediction(ref, cells.ids, probabilities, classes))


def profile(*parts: Sums) -> Profile:
    profiler = ClassFractions()
    total = parts[0]
    for other in parts[1:]:
        total = profiler.combine(total, other)
    return profiler.finish(total, Layout())


def test_the_share_of_a_class_is_its_cells_by_all_cells_of_the_well() -> None:
    result = profile(part([0, 0, 0, 2]))
    assert result.column("Interphase").tolist() == [0.75]
    assert result.column("Apoptosis").tolist() == [0.25]


def test_objects_that_are_no_cells_count_neither_above_nor_below_the_line() -> None:
    result = profile(part([0, 2, 1, 1, 1]))
    assert NOT_A_CELL not in result.columns
    assert result.counts.tolist() == [2]
    assert result.column("Apoptosis").tolist() == [0.5]


def test_fields_of_one_well_are_counted_together() -> None:
    result = profile(part([0, 0]), part([2, 2], field=2))
    assert result.counts.tolist() == [4]
    assert result.column("Apoptosis").tolist() == [0.5]


def test_wells_come_row_by_row_whatever_order_they_were_counted_in() -> None:
    result = profile(part([0], "C10"), part([0], "C02"), part([0], "AA01"), part([0], "B03"))
    assert [w.well for w in result.wells] == ["B03", "C02", "C10", "AA01"]


def test_a_well_without_cells_has_no_share_instead_of_zero() -> None:
    result = profile(part([]), part([0], "B03"))
    assert np.isnan(result.values[0]).all() and np.isnan(result.low[0]).all()  # type: ignore[index]
    assert result.counts.tolist() == [0, 1]


def test_a_well_of_nothing_but_debris_has_no_share() -> None:
    assert np.isnan(profile(part([1, 1, 1])).values).all()


def test_a_plate_without_wells_gives_an_empty_profile() -> None:
    result = ClassFractions().finish(Sums(("a", "b"), {}), Layout())
    assert result.values.shape == (0, 2) and result.wells == ()


def test_without_a_prediction_the_remedy_is_to_train() -> None:
    cells = Cells(FieldRef("P", "B02", 1), np.zeros(0, np.int32), np.zeros(0, np.float32), np.zeros(0, np.float32), {})
    with pytest.raises(ModelError, match=r"P B02 field 1.*Train a classifier"):
        ClassFractions().partial(cells, None)


def test_a_prediction_of_other_cells_is_refused() -> None:
    ref, zeros = FieldRef("P", "B02", 1), np.zeros(2, np.float32)
    cells = Cells(ref, np.array([1, 2], np.int32), zeros, zeros, {})
    other = Prediction(ref, np.array([1, 3], np.int32), np.ones((2, 1), np.float32), ("a",))
    with pytest.raises(ModelError, match="belongs to"):
        ClassFractions().partial(cells, other)


def test_wilson_agrees_with_the_published_table() -> None:
    # Newcombe 1998, Stat. Med. 17:857, table I, method 3: 81/263, 15/148, 0/20, 1/29
    low, high = wilson(np.array([81.0, 15, 0, 1]), np.array([263.0, 148, 20, 29]))
    np.testing.assert_allclose(low, [0.2553, 0.0624, 0.0, 0.0061], atol=5e-5)
    np.testing.assert_allclose(high, [0.3662, 0.1605, 0.1611, 0.1718], atol=5e-5)


@given(st.lists(st.integers(0, 2), max_size=60), st.integers(0, 60))
def test_shares_add_up_to_one_and_lie_within_their_interval(labels: list[int], cut: int) -> None:
    result = profile(part(labels[:cut]), part(labels[cut:], field=2))
    if result.counts[0]:
        assert result.values.sum() == pytest.approx(1)
        assert (result.low <= result.values).all() and (result.values <= result.high).all()  # type: ignore[operator]
        assert (result.low >= 0).all() and (result.high <= 1).all()  # type: ignore[operator]


def test_the_interval_holds_the_true_share_in_about_95_of_100_wells() -> None:
    rng = np.random.default_rng(0)
    hits = rng.binomial(80, 0.04, 20_000).astype(float)
    low, high = wilson(hits, np.full(20_000, 80.0))
    assert 0.93 < np.mean((low <= 0.04) & (high >= 0.04)) < 0.975
