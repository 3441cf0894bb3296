"""How a window stood, as JSON and back, and what is made of nonsense."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest

from napari_phenotyper.core.registry import Registry
from napari_phenotyper.session.opening import find_plates
from napari_phenotyper.session.view_state import PlateView, ViewState, view_state


def test_a_state_survives_the_disk():
    view = PlateView("B03", 2, (10.5, 20.25), 1.5, "share:Mitotic")
    state = ViewState("P1", "Train", "filled", "class", "Mitotic", "svm", {"cost": 10.0}, False, {"P1": view})
    state = replace(state, hits={"model": "svm-1", "leave_out": ["empty"]}, hit_column="Mitotic")
    assert view_state(json.loads(json.dumps(state.state()))) == state


def test_each_plate_has_a_view_of_its_own():
    state = ViewState().with_plate("P1", zoom=2.0).with_plate("P2", zoom=3.0).with_plate("P1", well="B02")
    assert (state.of("P1").zoom, state.of("P1").well, state.of("P2").zoom) == (2.0, "B02", 3.0)
    assert state.of("P3") == PlateView()


@pytest.mark.parametrize(
    "broken",
    [
        {"plates": 3, "settings": [], "live": "yes", "tab": None, "hits": "all"},
        {"plates": {"P1": {"well": 7, "field": "x", "centre": [1], "zoom": -1}}},
        {"plates": {"P1": {"centre": [math.nan, 1.0], "zoom": math.inf}}},
        {"plates": {"P1": "B02"}},
    ],
)
def test_what_is_not_as_it_should_be_is_left_out(broken):
    found = view_state(broken)
    assert found.of("P1") == PlateView() and found.live is None and found.tab == ""


def test_a_field_that_the_plate_has_no_more_is_not_opened(plate):
    opened = find_plates(plate, Registry())[0].plates[0]
    assert PlateView("C03", 2).ref(opened) == ("P1", "C03", 2)
    assert PlateView("C03", 3).ref(opened) is None
    assert PlateView("H12", 1).ref(opened) is None and PlateView().ref(opened) is None
