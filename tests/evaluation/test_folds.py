"""Folds that never split a group."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.evaluation.folds import assign_folds, thin_classes


@st.composite
def cells(draw: st.DrawFn) -> tuple[np.ndarray, np.ndarray]:
    n = draw(st.integers(2, 80))
    labels = draw(st.lists(st.integers(0, 4), min_size=n, max_size=n))
    groups = draw(st.lists(st.integers(0, 9), min_size=n, max_size=n))
    return np.array(labels), np.array(groups)


@settings(max_examples=60, deadline=None)
@given(cells(), st.integers(2, 8))
def test_no_group_is_split_and_folds_are_numbered_without_gaps(made: tuple[np.ndarray, np.ndarray], folds: int) -> None:
    labels, groups = made
    count = len(np.unique(groups))
    if count < 2:
        with pytest.raises(TrainingError):
            assign_folds(labels, groups, folds)
        return
    fold = assign_folds(labels, groups, folds)
    assert all(len(np.unique(fold[groups == g])) == 1 for g in np.unique(groups))
    assert np.array_equal(np.unique(fold), np.arange(fold.max() + 1))
    assert 2 <= fold.max() + 1 <= min(folds, count)


def test_classes_are_spread_over_the_folds() -> None:
    groups = np.repeat(np.arange(20), 30)
    labels = np.tile(np.repeat([0, 1, 2], [20, 8, 2]), 20)
    fold = assign_folds(labels, groups, 5)
    table = np.array([np.bincount(labels[fold == f], minlength=3) for f in range(5)])
    assert (table == table[0]).all()


def test_fewer_groups_than_folds_give_fewer_folds() -> None:
    assert assign_folds(np.tile([0, 1], 15), np.repeat([0, 1, 2], 10), 5).max() == 2


def test_one_group_is_refused_with_a_remedy() -> None:
    with pytest.raises(TrainingError, match="one group") as error:
        assign_folds(np.tile([0, 1], 15), np.zeros(30, int))
    assert "two wells" in error.value.remedy


def test_no_cells_are_refused() -> None:
    with pytest.raises(TrainingError, match="no annotated"):
        assign_folds(np.zeros(0, int), np.zeros(0, int))


def test_two_cells_of_two_classes_in_two_wells_make_two_folds() -> None:
    assert sorted(assign_folds(np.array([0, 1]), np.array([0, 1]))) == [0, 1]


def test_cells_without_a_class_are_never_tested() -> None:
    fold = assign_folds(np.array([0, 1, -1, 0, 1, -1]), np.array([0, 0, 0, 1, 1, 1]))
    assert (fold[[2, 5]] == -1).all()
    assert (fold[[0, 1, 3, 4]] >= 0).all()


def test_the_same_seed_gives_the_same_folds() -> None:
    labels, groups = np.tile([0, 1, 2], 40), np.repeat(np.arange(12), 10)
    np.testing.assert_array_equal(assign_folds(labels, groups, seed=3), assign_folds(labels, groups, seed=3))


def test_a_class_of_one_well_is_named_with_what_to_do() -> None:
    labels, groups = np.array([0] * 12 + [1] * 4 + [2]), np.array([0] * 12 + [0, 1, 2, 3] + [1])
    assert thin_classes(labels, groups, ("Anaphase", "Interphase", "Hole", "Grape")) == (
        "Anaphase: 12 cells from 1 well; label more from other wells",
        "Hole: 1 cell from 1 well; label more from other wells",
    )


def test_cells_that_are_groups_of_their_own_are_dealt_out_by_class():
    labels = np.repeat([0, 1], [9000, 50])
    fold = assign_folds(labels, np.arange(len(labels)), 5, 0)
    assert (np.bincount(fold[labels == 1]) == 10).all() and (np.bincount(fold) == 1810).all()
