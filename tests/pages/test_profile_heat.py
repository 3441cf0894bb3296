"""Profiles as a clustered heat map."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pytest

from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.pages.profile_heat import MOST_COLUMNS, MOST_ROWS, differences, profile_heat_map
from napari_phenotyper.pages.style import to_png, to_svg


def screen(values, treatments, columns=None, plates=None):
    """A profile of wells A01, A02 … and its layout; DMSO are the negative controls."""
    values = np.array(values, np.float64)
    count = len(values)
    wells = tuple(
        WellRef((plates or ["P"] * count)[i], f"{'ABCDEFGHIJKLMNOP'[i // 48]}{i % 48 + 1:02d}") for i in range(count)
    )
    names = tuple(columns or (f"c{j}" for j in range(values.shape[1])))
    roles = {"DMSO": NEGATIVE}
    layout = Layout({w: Condition(t, roles.get(t, "sample")) for w, t in zip(wells, treatments, strict=True)})
    return Profile(wells, names, values, np.full(count, 100)), layout


SIX = screen(
    [[0.1, 0.9], [0.12, 0.88], [0.5, 0.5], [0.52, 0.48], [0.11, 0.89], [0.9, 0.1]],
    ["DMSO", "DMSO", "taxol", "taxol", "aspirin", "poison"],
)


def rows_of(heat):
    return [tuple(w.well for w in wells) for wells in heat.rows]


def test_wells_are_compared_with_the_controls_of_their_own_plate():
    profile, layout = screen([[1.0], [2.0], [10.0], [12.0]], ["DMSO", "x", "DMSO", "x"], plates=["P", "P", "Q", "Q"])
    assert differences(profile, layout)[:, 0].tolist() == [0.0, 1.0, 0.0, 2.0]


def test_without_controls_wells_are_compared_with_all_of_their_plate():
    profile, layout = screen([[1.0], [2.0], [6.0]], ["x", "y", "z"])
    assert differences(profile, layout)[:, 0].tolist() == [-1.0, 0.0, 4.0]


def test_a_row_is_a_treatment_or_a_well():
    assert sorted(rows_of(profile_heat_map(*SIX, "P"))) == [("A01", "A02"), ("A03", "A04"), ("A05",), ("A06",)]
    assert len(profile_heat_map(*SIX, "P", by="well").rows) == 6


def test_alike_rows_stand_side_by_side():
    order = [name for (name,) in rows_of(profile_heat_map(*SIX, "P", by="well"))]
    assert abs(order.index("A03") - order.index("A04")) == 1
    assert {order.index(name) for name in ("A01", "A02", "A05")} in ({0, 1, 2}, {3, 4, 5}, {1, 2, 3}, {2, 3, 4})


def test_columns_are_in_units_of_their_spread_so_that_all_scales_can_be_compared():
    profile, layout = SIX
    wide = Profile(profile.wells, profile.columns, profile.values * [1.0, 1000.0], profile.counts)
    one, other = (profile_heat_map(p, layout, "P", by="well") for p in (profile, wide))
    assert one.values == pytest.approx(other.values)


def test_a_place_on_the_figure_tells_its_row():
    heat = profile_heat_map(*SIX, "P", by="well")
    pitch = (heat.bottom - heat.top) / 6
    assert [heat.row_at(heat.top + (i + 0.5) * pitch) for i in range(6)] == list(range(6))
    assert heat.row_at(heat.top - 0.01) == heat.row_at(heat.bottom + 0.01) == -1


def test_the_rows_lie_where_the_picture_shows_them():
    heat = profile_heat_map(*SIX, "P", by="well")
    axes = next(a for a in heat.figure.axes if a.images)
    assert 1 - axes.get_position().y1 == pytest.approx(heat.top)
    assert 1 - axes.get_position().y0 == pytest.approx(heat.bottom)


@pytest.mark.parametrize("count", [3, 120])
def test_the_title_stays_above_the_map_however_tall_it_is(count):
    rng = np.random.default_rng(0)
    profile, layout = screen(rng.random((count, 3)), ["DMSO", *(f"t{i}" for i in range(count - 1))])
    heat = profile_heat_map(profile, layout, "P", by="well", simulated=True)
    to_png(heat.figure)
    title, mark = (text.get_window_extent() for text in heat.figure.texts[:2])
    axes = next(a for a in heat.figure.axes if a.images).get_window_extent()
    assert title.y0 > axes.y1 and title.y1 <= heat.figure.bbox.y1
    assert mark.y0 >= 0 and mark.y1 < axes.y0


def test_wells_without_cells_are_left_out():
    profile, layout = screen([[0.1, 0.9], [math.nan, math.nan], [0.5, 0.5]], ["DMSO", "x", "y"])
    assert [w for (w,) in rows_of(profile_heat_map(profile, layout, "P", by="well"))] in (
        ["A01", "A03"],
        ["A03", "A01"],
    )


def test_of_too_many_rows_and_columns_those_that_differ_most_are_shown():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(MOST_ROWS + 60, MOST_COLUMNS + 20))
    values[:40] *= 0.1
    values[-1] += 30
    profile, layout = screen(values, ["DMSO"] * 40 + [f"t{i}" for i in range(MOST_ROWS + 20)])
    heat = profile_heat_map(profile, layout, "P", by="well")
    assert heat.values.shape == (MOST_ROWS, MOST_COLUMNS)
    assert profile.wells[-1] in {wells[0] for wells in heat.rows}
    assert f"{MOST_COLUMNS} of {MOST_COLUMNS + 20}" in heat.figure.get_suptitle()


@pytest.mark.parametrize("count", [0, 1, 2])
def test_profiles_of_hardly_any_wells_are_drawn(count):
    profile, layout = screen(np.full((count, 2), 0.5), ["DMSO", "x"][:count])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heat = profile_heat_map(profile, layout, "P", by="well")
        assert to_png(heat.figure).startswith(b"\x89PNG") and b"<svg" in to_svg(heat.figure)
    assert len(heat.rows) == count


def test_equal_values_and_undefined_features_do_not_break_the_clustering():
    values = np.full((5, 3), 0.2)
    values[:, 2] = math.nan
    profile, layout = screen(values, ["DMSO", "a", "b", "c", "d"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heat = profile_heat_map(profile, layout, "P", by="well")
    assert np.isfinite(heat.values).all() and not heat.values.any()
