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
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.profilers._shares import MOST
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


def said(truth: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return probabilities by a classifier that takes a third of the apoptotic cells for interphase."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(0, 1, (len(truth), 3)) + np.array([[3.0, 0, 1.5], [0, 4, 0], [1.8, 0, 2.4]])[truth]
    return (np.exp(scores) / np.exp(scores).sum(1, keepdims=True)).astype(np.float32)


def judged(n: int = 1200, shift: int = 0) -> OutOfFold:
    truth, groups = np.random.default_rng(1).choice(3, n, p=[0.6, 0.1, 0.3]), np.arange(n) % 20
    probabilities = said(truth, 1)
    for fold in range(5):
        probabilities[groups % 5 == fold] = np.roll(probabilities[groups % 5 == fold], fold * shift, axis=1)
    return OutOfFold(probabilities, truth, groups, groups % 5, CLASSES)


def well(truth: np.ndarray, ids: np.ndarray, field: int = 1, seed: int = 2) -> tuple[Cells, Prediction]:
    ref, zeros = FieldRef("P", "B02", field), np.zeros(len(truth), np.float32)
    cells = Cells(ref, ids.astype(np.int32), zeros, zeros, {})
    return cells, Prediction(ref, cells.ids, said(truth, seed), CLASSES)


TRUTH = np.random.default_rng(3).choice(3, 1500, p=[0.1, 0.1, 0.8])


@pytest.mark.parametrize("correction", ["auto", "em", "adjusted"])
def test_shares_are_corrected_for_the_errors_that_an_evaluation_shows(correction: str) -> None:
    counting, knowing = ClassFractions(), ClassFractions(correction=correction).knowing(judged())
    cells, prediction = well(TRUTH, np.arange(1, 1501))
    true = (TRUTH == 2).sum() / (TRUTH != 1).sum()
    found = [p.finish(p.partial(cells, prediction), Layout()) for p in (counting, knowing)]
    errors = [abs(f.column("Apoptosis")[0] - true) for f in found]
    assert errors[0] > 0.1 and errors[1] < errors[0] / 3
    assert found[1].low[0, 1] <= true <= found[1].high[0, 1]  # type: ignore[index]
    assert found[0].counts.tolist() == found[1].counts.tolist()
    assert found[0].note == "" and "corrected" in found[1].note
    assert found[1].values.sum() == pytest.approx(1) and NOT_A_CELL not in found[1].columns


def test_fields_give_the_same_shares_in_whatever_order_they_come() -> None:
    knowing = ClassFractions(correction="em").knowing(judged())
    parts = [knowing.partial(*well(TRUTH[i::3], np.arange(500) + 1, i + 1, seed=i)) for i in range(3)]
    first = knowing.finish(knowing.combine(knowing.combine(parts[0], parts[1]), parts[2]), Layout())
    second = knowing.finish(knowing.combine(parts[2], knowing.combine(parts[1], parts[0])), Layout())
    np.testing.assert_array_equal(first.values, second.values)
    assert first.counts[0] == sum(p.wells[WellRef("P", "B02")][0, [0, 2]].sum() for p in parts)


def test_what_is_summed_of_a_well_does_not_grow_with_its_cells() -> None:
    knowing = ClassFractions(correction="em").knowing(judged())
    sizes = []
    for n in (3000, 30_000):
        truth = np.arange(n) % 3
        sizes.append(next(iter(knowing.partial(*well(truth, np.arange(n) + 1)).wells.values())).shape)
    assert sizes[0] == sizes[1] == (MOST + 1, 4)


def test_where_errors_differ_between_groups_shares_stay_counted_and_the_interval_owns_it() -> None:
    knowing, counting = ClassFractions().knowing(judged(shift=1)), ClassFractions()
    cells, prediction = well(TRUTH, np.arange(1, 1501))
    found, counted = (p.finish(p.partial(cells, prediction), Layout()) for p in (knowing, counting))
    np.testing.assert_array_equal(found.values, counted.values)
    assert "as counted" in found.note
    assert (found.low <= counted.low).all() and (found.high >= counted.high).all()  # type: ignore[operator]
    assert (found.high - found.low).sum() > 1.5 * (counted.high - counted.low).sum()  # type: ignore[operator]


def test_nothing_is_corrected_from_few_held_out_cells_or_unless_it_is_wanted() -> None:
    assert ClassFractions(correction="em").knowing(judged(60))._errors is None
    assert ClassFractions(correction="none").knowing(judged())._errors is None


def test_a_confusion_that_cannot_be_inverted_is_not_inverted() -> None:
    one = judged()
    blind = np.tile(np.array([0.5, 0.2, 0.3], np.float32), (len(one.labels), 1))
    blind = OutOfFold(blind, one.labels, one.groups, one.folds, one.classes)
    assert ClassFractions(correction="adjusted").knowing(blind)._errors is None


def test_a_well_of_few_cells_is_counted() -> None:
    knowing = ClassFractions(correction="em").knowing(judged())
    cells, prediction = well(np.array([2] * 20), np.arange(20))
    found = [p.finish(p.partial(cells, prediction), Layout()) for p in (ClassFractions(), knowing)]
    np.testing.assert_array_equal(found[0].values, found[1].values)


def test_a_well_without_cells_stays_without_shares_where_others_are_corrected() -> None:
    knowing = ClassFractions(correction="em").knowing(judged())
    cells, prediction = well(np.zeros(0, int), np.zeros(0))
    assert np.isnan(knowing.finish(knowing.partial(cells, prediction), Layout()).values).all()


def test_a_prediction_in_other_classes_than_were_judged_is_refused() -> None:
    knowing = ClassFractions(correction="em").knowing(judged())
    cells, prediction = well(TRUTH[:5], np.arange(5))
    other = Prediction(prediction.field, prediction.ids, prediction.probabilities, ("x", "y", "z"))
    with pytest.raises(ModelError, match="other classes"):
        knowing.partial(cells, other)
