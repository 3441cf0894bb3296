"""Masks: the cell under a click, and the ids there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.masks import NUCLEI, Masks, inner_point, pixels_near


@pytest.fixture
def masks():
    labels = np.zeros((20, 30), np.int32)
    labels[5:10, 5:10] = 1
    labels[5:10, 20:25] = 4
    return Masks({NUCLEI: labels})


def test_ids_are_those_present_in_order(masks):
    assert masks.ids().tolist() == [1, 4] and masks.ids().dtype == np.int32


def test_an_empty_mask_has_no_ids():
    assert Masks({NUCLEI: np.zeros((4, 4), np.int32)}).ids().size == 0
    assert Masks({NUCLEI: np.zeros((0, 0), np.int32)}).ids().size == 0


def test_a_click_inside_hits_the_cell(masks):
    assert masks.at(7, 7) == 1 and masks.at(9.4, 24.4) == 4


def test_a_click_beside_hits_the_nearest_cell(masks):
    assert masks.at(7, 12) == 1 and masks.at(7, 17) == 4


def test_a_click_too_far_away_hits_nothing(masks):
    assert masks.at(18, 15) == 0 and masks.at(7, 12, within=2) == 0


@pytest.mark.parametrize("point", [(-3, 7), (7, -40), (100, 100), (-100, 7)])
def test_a_click_outside_the_field_is_no_error(masks, point):
    assert masks.at(*point) in (0, 1)


def test_the_shape_is_that_of_the_field(masks):
    assert masks.shape == (20, 30)


def test_the_inner_point_of_a_ring_lies_on_it():
    y, x = np.mgrid[:21, :21]
    ring = (np.hypot(y - 10, x - 10) < 10) & (np.hypot(y - 10, x - 10) > 6)
    assert ring[inner_point(*np.nonzero(ring))]


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, unique=True))
def test_the_inner_point_is_a_pixel_of_the_cell(pixels):
    rows, columns = np.array(pixels).T
    assert inner_point(rows, columns) in pixels


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 30), st.integers(0, 30))
def test_the_pixels_of_a_cell_are_found_from_any_point_of_it_whatever_its_size(height, width, top, left):
    labels = np.zeros((95, 95), np.int32)
    labels[top : top + height, left : left + width] = 3
    for y, x in ((top, left), (top + height - 1, left + width - 1)):
        rows, columns = pixels_near(labels, 3, y, x, reach=2)
        assert len(rows) == height * width and (labels[rows, columns] == 3).all()
