"""How a channel was lit, as a value: a surface, what correcting by it does, and its state."""

from __future__ import annotations

import numpy as np
import pytest

from napari_phenotyper.core.illumination import FlatField, flats_digest, places, surface, terms

FLAT = FlatField((40, 60), 2, (0.3, -0.2, -0.1, 0.05, -0.2), (0.5, 2.0), (4.0, 1.0, -2.0, 0.5, 3.0), 100.0)


def test_the_surface_on_a_grid_is_the_sum_of_its_terms():
    y, x = (axis.ravel() for axis in np.meshgrid(places(40), places(60), indexing="ij"))
    assert np.allclose(surface(FLAT.gain, 2, (40, 60)).ravel(), terms(y, x, 2) @ FLAT.gain, atol=1e-6)


def test_the_gain_has_a_mean_of_one():
    assert FLAT.gain_image().mean() == pytest.approx(1.0, abs=1e-5)


def test_correcting_gives_back_what_was_there_whatever_the_background_of_the_well():
    there = np.random.default_rng(0).uniform(0, 500, FLAT.shape)
    for background in (0.0, 40.0):
        seen = FLAT.gain_image() * (there + background) + FLAT.level + surface(FLAT.ground, 2, FLAT.shape)
        assert np.allclose(FLAT.correct(seen), there + background + FLAT.level, atol=1e-2)


def test_an_image_of_another_size_is_left_as_it_is():
    image = np.ones((60, 40), np.uint16)
    assert FLAT.correct(image) is image


def test_the_input_is_not_written_to_and_the_result_is_float32():
    image = np.full(FLAT.shape, 300, np.uint16)
    assert FLAT.correct(image).dtype == np.float32 and (image == 300).all()


def test_pixels_that_are_not_finite_stay_so_and_spoil_no_other():
    image = np.full(FLAT.shape, 300.0)
    image[3, 4] = np.nan
    found = FLAT.correct(image)
    assert np.isnan(found[3, 4]) and np.isfinite(found).sum() == found.size - 1


def test_the_state_survives_a_round_trip():
    assert FlatField.restore(FLAT.state()) == FLAT


@pytest.mark.parametrize(
    "spoilt", [{"gain": [1.0]}, {"bounds": [0, 1]}, {"level": float("nan")}, {"shape": [3]}, {"degree": "x"}]
)
def test_a_state_that_does_not_fit_is_refused(spoilt):
    with pytest.raises((ValueError, KeyError, TypeError)):
        FlatField.restore({**FLAT.state(), **spoilt})


def test_the_digest_tells_illuminations_apart_and_none_has_none():
    other = FlatField.restore({**FLAT.state(), "level": 101.0})
    assert flats_digest({}) == ""
    assert flats_digest({"w1": FLAT}) != flats_digest({"w1": other}) != flats_digest({"w2": other})
