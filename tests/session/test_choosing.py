"""Cells are chosen out of a screen by what they are, where they lie, and in an order."""

from __future__ import annotations

import time

import numpy as np
import pytest

from napari_phenotyper.core.plate import Condition
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.session.choosing import CellQuery, CellTable, choose, order, with_annotations, with_predictions

CLASSES = ("Interphase", "Mitotic", "Dead")
PLACES = (("P1", "A01", "DMSO", "negative"), ("P1", "A02", "KIF11", "sample"), ("P2", "A01", "KIF11", "sample"))


def table(cells=4, fields=2, seed=0):
    """Cells in so many fields of each place, so many a field; the first of each field is annotated as Dead."""
    rng = np.random.default_rng(seed)
    refs = [(FieldRef(p, w, n + 1), Condition(t, r)) for p, w, t, r in PLACES for n in range(fields)]
    count = cells * len(refs)
    bare = CellTable(
        tuple(ref for ref, _ in refs), tuple(condition for _, condition in refs),
        np.repeat(np.arange(len(refs), dtype=np.int32), cells),
        np.tile(np.arange(1, cells + 1, dtype=np.int32), len(refs)),
        rng.uniform(0, 99, count).astype(np.float32), rng.uniform(0, 99, count).astype(np.float32), (),
        np.full(count, -1, np.int16), np.full(count, -1, np.int16), np.full(count, np.nan, np.float32),
    )  # fmt: skip
    codes = rng.integers(0, 3, count).astype(np.int16).reshape(len(refs), cells)
    sure = rng.uniform(0.3, 1, count).astype(np.float32).reshape(len(refs), cells)
    predicted = {ref: (codes[i], sure[i]) for i, (ref, _) in enumerate(refs)}
    return with_annotations(with_predictions(bare, predicted, CLASSES), {ref: {1: "Dead"} for ref, _ in refs})


def cells(rows):
    return [rows.cell(i) for i in range(len(rows))]


def test_a_query_without_wishes_gives_every_cell_in_its_place():
    found = choose(table(), CellQuery())
    assert len(found) == found.total == 24
    assert cells(found)[:2] == [(FieldRef("P1", "A01", 1), 1), (FieldRef("P1", "A01", 1), 2)]


def test_cells_are_chosen_by_the_class_predicted():
    whole = table()
    found = choose(whole, CellQuery(predicted="Mitotic"))
    assert len(found) == int((whole.predicted == 1).sum()) > 0
    assert set(found.predicted) == {1}


def test_a_class_that_nobody_knows_has_no_cells():
    assert len(choose(table(), CellQuery(predicted="Odd"))) == 0


@pytest.mark.parametrize(("query", "count"), [
    (CellQuery(annotated=True), 6), (CellQuery(annotated=False), 18), (CellQuery(annotated_as="Dead"), 6),
    (CellQuery(annotated_as="Mitotic"), 0), (CellQuery(wells=("A01",)), 16), (CellQuery(plates=("P2",)), 8),
    (CellQuery(wells=(WellRef("P2", "A01"),)), 8), (CellQuery(treatments=("KIF11",)), 16),
    (CellQuery(roles=("negative",)), 8), (CellQuery(wells=("A02",), annotated=True), 2),
])  # fmt: skip
def test_cells_are_chosen_by_annotation_and_place(query, count):
    assert len(choose(table(), query)) == count


def test_the_most_doubtful_cells_come_first():
    found = choose(table(), CellQuery(sort="uncertainty", descending=True))
    assert (np.diff(found.probability) >= 0).all()


def test_cells_without_a_value_come_last_whichever_way_they_are_sorted():
    whole = table()
    values = np.arange(24, dtype=np.float32)
    values[5] = np.nan
    for descending in (False, True):
        found = choose(whole, CellQuery(sort="feature", by="Area", descending=descending), lambda: values)
        assert cells(found)[-1] == (FieldRef("P1", "A01", 2), 2)
        assert cells(found)[0] == cells(choose(whole, CellQuery()))[23 if descending else 0]


def test_a_random_order_is_the_same_the_next_time_and_holds_every_cell_once():
    first, again = (cells(choose(table(), CellQuery(sort="random"))) for _ in range(2))
    assert first == again
    assert first != sorted(first) == cells(choose(table(), CellQuery()))


def test_named_cells_keep_their_order_and_those_that_are_gone_are_left_out():
    wanted = ((FieldRef("P2", "A01", 1), 3), (FieldRef("P1", "A01", 1), 9), (FieldRef("P1", "A01", 1), 2))
    assert cells(choose(table(), CellQuery(cells=wanted))) == [wanted[0], wanted[2]]


def test_a_limit_is_told_from_what_there_is():
    found = choose(table(), CellQuery(limit=5))
    assert (len(found), found.total) == (5, 24)


def test_values_are_put_in_order_and_equal_ones_stay_as_they_stand():
    values = np.array([0.5, -1.5, np.nan, 0.0, -0.0, np.inf, 0.5, -np.inf, 1e-40], np.float32)
    assert order(values).tolist() == np.argsort(values, kind="stable").tolist()


@pytest.mark.parametrize("query", [
    CellQuery(predicted="Mitotic", sort="uncertainty", descending=True), CellQuery(sort="random"),
    CellQuery(sort="feature", by="Area"), CellQuery(treatments=("KIF11",), annotated=False, sort="probability"),
])  # fmt: skip
def test_a_million_cells_are_chosen_from_at_once(query, record_property):
    whole = table(cells=300, fields=1112)
    values = np.random.default_rng(1).normal(size=len(whole)).astype(np.float32)
    started = time.perf_counter()
    found = choose(whole, query, lambda: values)
    seconds = time.perf_counter() - started
    record_property("seconds", seconds)
    assert len(whole) > 1_000_000
    assert len(found) > 200_000
    assert seconds < 2.0  # a third of a second on a machine that does nothing else
