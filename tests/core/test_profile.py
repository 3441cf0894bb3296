from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.profile import Profile, Sums, add
from napari_phenotyper.core.wells import WellRef

A, B = WellRef("P", "A01"), WellRef("P", "B02")
COLUMNS = ("x", "y", "z")


@st.composite
def parts(draw: st.DrawFn) -> Sums:
    columns = tuple(draw(st.lists(st.sampled_from(COLUMNS), min_size=1, unique=True)))
    wells = draw(st.lists(st.sampled_from([A, B]), unique=True))
    number = st.integers(0, 1000)
    values = {w: np.array([[draw(number) for _ in columns] for _ in range(2)], float) for w in wells}
    return Sums(columns, values)


def by_name(sums: Sums) -> dict[tuple[WellRef, str], list[float]]:
    """Sums by well and column, without those that are zero: a column nobody measured is the same as zeros."""
    found = {(w, c): v[:, i].tolist() for w, v in sums.wells.items() for i, c in enumerate(sums.columns)}
    return {key: value for key, value in found.items() if any(value)}


def test_wells_of_two_parts_stand_side_by_side() -> None:
    both = add(Sums(("x",), {A: np.ones((1, 1))}), Sums(("x",), {B: np.ones((1, 1))}))
    assert set(both.wells) == {A, B}


def test_one_well_in_two_parts_adds_up() -> None:
    both = add(Sums(("x",), {A: np.full((1, 1), 2.0)}), Sums(("x",), {A: np.full((1, 1), 3.0)}))
    assert both.wells[A][0, 0] == 5


def test_a_column_that_one_part_lacks_keeps_the_other_parts_sums() -> None:
    both = add(Sums(("x", "y"), {A: np.array([[1.0, 2.0]])}), Sums(("y", "z"), {A: np.array([[10.0, 20.0]])}))
    assert both.columns == ("x", "y", "z")
    assert both.wells[A].tolist() == [[1, 12, 20]]


def test_an_empty_part_adds_nothing_and_brings_no_columns() -> None:
    part = Sums(("x",), {A: np.ones((1, 1))})
    assert add(part, Sums(("other",), {})) is part
    assert add(Sums((), {}), part) is part


@given(parts(), parts())
def test_the_order_of_two_parts_does_not_matter(a: Sums, b: Sums) -> None:
    assert by_name(add(a, b)) == by_name(add(b, a))


@given(parts(), parts(), parts())
def test_the_grouping_of_three_parts_does_not_matter(a: Sums, b: Sums, c: Sums) -> None:
    assert by_name(add(add(a, b), c)) == by_name(add(a, add(b, c)))


@given(parts(), parts())
def test_adding_leaves_both_parts_as_they_were(a: Sums, b: Sums) -> None:
    before = [{w: v.copy() for w, v in part.wells.items()} for part in (a, b)]
    add(a, b)
    for part, kept in zip((a, b), before, strict=True):
        assert all(np.array_equal(part.wells[w], kept[w]) for w in kept)


def test_a_profile_gives_a_column_by_name_and_refuses_others() -> None:
    profile = Profile((A, B), ("x", "y"), np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([5, 6]))
    assert profile.column("y").tolist() == [2, 4]
    with pytest.raises(KeyError):
        profile.column("z")
