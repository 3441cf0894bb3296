"""Hits as a table: order, filter, replicates."""

from __future__ import annotations

import math

import numpy as np

from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.session import hit_table as by
from napari_phenotyper.session.hit_table import hit_table


def well(name):
    return WellRef("P", name)


LAYOUT = Layout(
    {
        well("A01"): Condition("DMSO", NEGATIVE),
        well("A02"): Condition("taxol", "sample", 0.1),
        well("A03"): Condition("taxol", "sample", 0.1),
        well("A10"): Condition("aspirin", "sample"),
    }
)


def hit(name, column, score, q=0.5, n=100):
    return Hit(well(name), column, score, {"value": 0.2, "control": 0.1, "n": n, "q": q})


HITS = (
    hit("A01", "a", 0.1),
    hit("A02", "a", 5.0, 0.001, 40),
    hit("A03", "a", 1.0, 0.3, 300),
    hit("A10", "a", -8.0, 0.0001, 200),
    hit("A02", "b", -2.0, 0.01),
    hit("A10", "b", math.nan, math.nan),
)


def names(table, rows):
    return [f"{table.hits[i].well.well} {table.hits[i].column}" for i in rows]


def test_negative_controls_are_not_listed_since_the_others_are_compared_with_them():
    assert all(h.well != well("A01") for h in hit_table(HITS, LAYOUT).hits)


def test_the_score_farthest_from_zero_comes_first_and_an_unknown_one_last():
    table = hit_table(HITS, LAYOUT)
    assert names(table, table.rows()) == ["A10 a", "A02 a", "A02 b", "A03 a", "A10 b"]


def test_of_shares_the_highest_score_comes_first():
    table = hit_table(HITS, LAYOUT, upwards=True)
    assert names(table, table.rows()) == ["A02 a", "A03 a", "A02 b", "A10 a", "A10 b"]


def test_one_class_is_listed_alone():
    table = hit_table(HITS, LAYOUT)
    assert names(table, table.rows("b")) == ["A02 b", "A10 b"]


def test_rows_are_sorted_by_wells_as_they_lie_on_the_plate_not_by_letters():
    table = hit_table(HITS, LAYOUT)
    assert names(table, table.rows("a", by.WELL)) == ["A02 a", "A03 a", "A10 a"]
    assert names(table, table.rows("a", by.WELL, descending=True)) == ["A10 a", "A03 a", "A02 a"]


def test_rows_are_sorted_by_cells_and_equal_ones_stay_strongest_first():
    table = hit_table(HITS, LAYOUT)
    assert names(table, table.rows("", by.CELLS)) == ["A02 a", "A02 b", "A10 b", "A10 a", "A03 a"]


def test_what_is_not_known_comes_last_in_either_direction():
    table = hit_table(HITS, LAYOUT)
    for descending in (False, True):
        assert names(table, table.rows("", by.CHANCE, descending))[-1] == "A10 b"


def test_replicates_of_a_treatment_that_differ_alike_are_counted():
    table = hit_table(HITS, LAYOUT)
    row = {name: i for i, name in enumerate(names(table, range(len(table))))}
    assert table.replicates[row["A02 a"]] == 2 and table.agreeing[row["A02 a"]] == 1
    assert table.treatments[row["A02 a"]] == "taxol 0.1"
    assert (table.agreeing[row["A10 a"]], table.replicates[row["A10 a"]]) == (1, 1)


def test_wells_without_a_treatment_are_no_replicates_of_each_other():
    table = hit_table([hit("B01", "a", 5.0, 0.001), hit("B02", "a", 6.0, 0.001)], Layout())
    assert table.replicates.tolist() == [1, 1]


def test_without_q_the_score_tells_whether_a_well_differs():
    found = [Hit(well("A02"), "a", 3.5), Hit(well("A03"), "a", -2.9)]
    assert hit_table(found, LAYOUT).differs.tolist() == [True, False]


def test_no_hits_make_an_empty_table():
    table = hit_table((), Layout())
    assert len(table) == 0 and table.columns == () and not len(table.rows("", by.SCORED))
    assert np.asarray(table.scores).dtype == np.float64
