"""What every profiler and every scorer promises."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.contracts.scenes import cells, prediction

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.plate import Condition, Layout
from napari_phenotyper.core.profile import Profile, Sums
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.wells import WellRef

PROFILERS, SCORERS = Registry().ids("profiler"), Registry().ids("scorer")


@pytest.fixture(params=PROFILERS)
def profiler(request):
    return Registry().make("profiler", request.param)


@pytest.fixture(params=SCORERS)
def scorer(request):
    return Registry().make("scorer", request.param)


def partials(profiler, wells=3):
    made = [cells(12, f"A{i + 1:02d}", seed=i) for i in range(wells)]
    return [profiler.partial(c, prediction(c, k)) for c, k in made]


def combined(profiler, parts):
    total = Sums((), {})
    for one in parts:
        total = profiler.combine(total, one)
    return profiler.finish(total, Layout())


def same(a, b):
    left, right = ({w: p.values[i] for i, w in enumerate(p.wells)} for p in (a, b))
    return a.columns == b.columns and left.keys() == right.keys() and all(np.allclose(left[w], right[w]) for w in left)


def screen():
    """Four controls and four samples; one sample far above in the first column."""
    wells = tuple(WellRef("P", f"A{i:02d}") for i in range(1, 9))
    values = np.full((8, 2), 0.1) + np.linspace(0, 0.01, 8)[:, None]
    values[7, 0] = 0.8
    layout = Layout(
        {w: Condition("DMSO" if i < 4 else "X", "negative" if i < 4 else "sample") for i, w in enumerate(wells)}
    )
    return Profile(wells, ("a", "b"), values, np.full(8, 100), kind="test"), layout


def test_there_are_some():
    assert {"class_fractions", "means"} <= set(PROFILERS) and "robust_z" in SCORERS


def test_a_profile_has_a_row_per_well_and_counts_its_cells(profiler):
    found = combined(profiler, partials(profiler))
    assert found.values.shape == (3, len(found.columns)) and list(found.counts) == [12, 12, 12]


def test_the_order_of_combining_makes_no_difference(profiler):
    parts = partials(profiler)
    assert same(combined(profiler, parts), combined(profiler, parts[::-1]))


def test_a_well_in_two_parts_is_the_well_in_one(profiler):
    chunk, kinds = cells(12)
    halves = [np.arange(12) < 5, np.arange(12) >= 5]
    parts = [profiler.partial(chunk.take(h), prediction(chunk.take(h), kinds[h])) for h in halves]
    assert same(combined(profiler, parts), combined(profiler, [profiler.partial(chunk, prediction(chunk, kinds))]))


def test_a_field_without_cells_adds_nothing(profiler):
    chunk, kinds = cells(12)
    none = chunk.take(np.zeros(12, bool))
    parts = [profiler.partial(chunk, prediction(chunk, kinds)), profiler.partial(none, prediction(none, kinds[:0]))]
    assert same(combined(profiler, parts), combined(profiler, parts[:1]))


def test_intervals_hold_the_values(profiler):
    found = combined(profiler, partials(profiler))
    if found.low is not None:
        assert (found.low <= found.values + 1e-9).all() and (found.values <= found.high + 1e-9).all()


def test_extensions_pickle(profiler, scorer):
    assert pickle.loads(pickle.dumps(profiler)) == profiler and pickle.loads(pickle.dumps(scorer)) == scorer


def test_the_well_far_from_the_controls_comes_first(scorer):
    found = scorer.score(*screen())
    assert found[0].well == WellRef("P", "A08") and found[0].column == "a"
    assert [h.score for h in found] == sorted((h.score for h in found), reverse=True)


def test_a_well_without_cells_is_no_hit(scorer):
    profile, layout = screen()
    profile.values[6] = np.nan
    assert WellRef("P", "A07") not in {h.well for h in scorer.score(profile, layout)}


def test_without_controls_the_remedy_is_named(scorer):
    with pytest.raises(TrainingError, match="negative"):
        scorer.score(screen()[0], Layout())


def test_a_score_leaves_the_profile_untouched(scorer):
    profile, layout = screen()
    before = profile.values.copy()
    scorer.score(profile, layout)
    assert np.array_equal(before, profile.values)
