from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.wells import WellRef, well_name
from napari_phenotyper.scorers.robust_z import RobustZ


def wells(n: int, plate: str = "P") -> tuple[WellRef, ...]:
    return tuple(WellRef(plate, well_name(i // 12 + 1, i % 12 + 1)) for i in range(n))


def layout(controls: tuple[WellRef, ...]) -> Layout:
    return Layout({well: Condition("DMSO", NEGATIVE) for well in controls})


def one_column(values: list[float], plate: str = "P", half: float | None = None) -> Profile:
    column = np.array(values)[:, None]
    low, high = (None, None) if half is None else (column - half, column + half)
    return Profile(wells(len(values), plate), ("Apoptosis",), column, np.full(len(values), 50), low, high)


def by_well(hits: tuple[Hit, ...]) -> dict[str, Hit]:
    return {hit.well.well: hit for hit in hits}


def test_the_score_is_the_distance_from_the_controls_median_in_corrected_mads() -> None:
    # controls 1 … 5: median 3, MAD 1; five values want a factor of 1.206
    hits = RobustZ().score(one_column([1, 2, 3, 4, 5, 30]), layout(wells(5)))
    assert by_well(hits)["A06"].score == pytest.approx(27 / (1.4826 * 1.206), rel=1e-4)
    assert by_well(hits)["A06"].evidence["control"] == 3


def test_hits_come_with_the_highest_score_first() -> None:
    scores = [hit.score for hit in RobustZ().score(one_column([1, 2, 3, 4, 5, 30, -9]), layout(wells(5)))]
    assert scores == sorted(scores, reverse=True)


def test_controls_are_scored_too() -> None:
    hits = RobustZ().score(one_column([1, 2, 3, 4, 30]), layout(wells(4)))
    assert {"A01", "A02", "A03", "A04"} <= set(by_well(hits))


def test_the_evidence_tells_what_a_score_rests_on() -> None:
    hit = by_well(RobustZ().score(one_column([1, 2, 3, 4, 5, 30]), layout(wells(5))))["A06"]
    assert set(hit.evidence) == {"value", "control", "spread", "spread_from", "n", "controls", "p", "q"}
    assert hit.evidence["n"] == 50 and hit.evidence["controls"] == 5 and hit.evidence["spread_from"] == "controls"
    assert hit.evidence["p"] <= hit.evidence["q"] < 0.05  # type: ignore[operator]


def test_each_plate_is_compared_with_its_own_controls() -> None:
    a, b = one_column([1, 2, 3, 4, 5, 9], "P"), one_column([101, 102, 103, 104, 105, 109], "Q")
    both = Profile((*a.wells, *b.wells), a.columns, np.vstack([a.values, b.values]), np.full(12, 50))
    hits = RobustZ().score(both, layout((*a.wells[:5], *b.wells[:5])))
    scores = [h.score for h in hits if h.well.well == "A06"]
    assert scores[0] == scores[1]


def test_a_plate_without_negative_controls_is_named_with_its_remedy() -> None:
    with pytest.raises(TrainingError, match=r"plate Q.*role 'negative'"):
        RobustZ().score(one_column([1, 2], "Q"), Layout())


def test_controls_that_have_no_cells_are_no_controls() -> None:
    with pytest.raises(TrainingError, match="no negative control with cells"):
        RobustZ().score(one_column([np.nan, np.nan, 2]), layout(wells(2)))


def test_a_well_without_a_value_makes_no_hit() -> None:
    hits = RobustZ().score(one_column([1, 2, 3, 4, np.nan, 9]), layout(wells(4)))
    assert "A05" not in by_well(hits) and len(hits) == 5


def test_identical_controls_are_no_reason_for_an_endless_score() -> None:
    values = [0.0] * 6 + [0.01, 0.5]
    hits = by_well(RobustZ().score(one_column(values, half=0.0392), layout(wells(6))))
    assert hits["A07"].score < 1
    assert 10 < hits["A08"].score < 30
    assert hits["A08"].evidence["spread_from"] == "cells"


def test_a_well_of_few_cells_scores_lower_than_one_of_many_with_the_same_share() -> None:
    profile = one_column([0.10, 0.11, 0.12, 0.13, 0.40, 0.40], half=0.01)
    assert profile.low is not None and profile.high is not None
    profile.low[5], profile.high[5] = 0.05, 0.80
    hits = by_well(RobustZ().score(profile, layout(wells(4))))
    assert hits["A06"].score < hits["A05"].score / 4


def test_identical_controls_without_intervals_take_the_spread_of_the_plate() -> None:
    hits = by_well(RobustZ().score(one_column([5.0] * 5 + [5, 5, 5, 9]), layout(wells(5))))
    assert np.isfinite(hits["A09"].score) and hits["A09"].evidence["spread_from"] == "plate"


def test_a_plate_on_which_all_wells_agree_has_no_hits() -> None:
    assert RobustZ().score(one_column([5.0] * 8), layout(wells(4))) == ()


@pytest.mark.parametrize("controls", [1, 2, 3])
def test_few_controls_take_the_spread_of_all_wells(controls: int) -> None:
    values = [*np.random.default_rng(1).normal(10, 1, 30), 20.0]
    hits = RobustZ().score(one_column(values), layout(wells(controls)))
    assert hits[0].well == wells(31)[30]
    assert 5 < hits[0].score < 20 and hits[0].evidence["spread_from"] == "plate"


def test_an_empty_profile_has_no_hits() -> None:
    assert RobustZ().score(Profile((), ("a",), np.zeros((0, 1)), np.zeros(0, np.int64)), Layout()) == ()


@pytest.mark.parametrize("controls", [2, 4, 8, 16])
def test_wells_without_an_effect_are_seldom_called_hits(controls: int) -> None:
    rng = np.random.default_rng(controls)
    called = []
    for _ in range(40):
        hits = RobustZ().score(one_column(rng.normal(5, 1, 60).tolist()), layout(wells(controls)))
        called += [hit.evidence["q"] < 0.05 for hit in hits]  # type: ignore[operator]
    assert np.mean(called) < 0.05


@given(st.lists(st.floats(-100, 100), min_size=5, max_size=30), st.floats(0.1, 10), st.floats(-50, 50))
def test_scores_do_not_depend_on_the_unit_of_the_feature(values: list[float], scale: float, shift: float) -> None:
    rounded = [round(v, 3) for v in values]
    plain = by_well(RobustZ().score(one_column(rounded), layout(wells(4))))
    other = by_well(RobustZ().score(one_column([v * scale + shift for v in rounded]), layout(wells(4))))
    spread = min((h.evidence["spread"] for h in plain.values()), default=0)
    if spread > 1e-3:  # type: ignore[operator]
        assert {w: h.score for w, h in plain.items()} == pytest.approx(
            {w: h.score for w, h in other.items()}, rel=1e-6, abs=1e-6
        )
