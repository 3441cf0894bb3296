"""Labels that hit no cell, and cells that two classes claim, are found, listed and settled; undo takes that back."""

from __future__ import annotations

import pytest
from tests.session.test_labelling import FIELD, at

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import astray, labelling, segmenting
from napari_phenotyper.session.labelling import Click


def strays(session, kind):
    return [stray for stray in astray.check_labels(session, None, no_progress).strays if stray.kind == kind]


@pytest.fixture
def troubled(session, copy):
    """A project with one label more that hits nothing, and one cell of two classes."""
    lost = strays(session, astray.LOST)
    if lost:
        astray.drop(session, lost)
    clicks = [Click(2.0, 2.0, "Odd"), at(copy, 0, "Odd"), at(copy, 0, "Even")]
    labelling.label(session, {FIELD: clicks}, no_progress)
    return session


def test_a_label_that_hits_no_cell_is_lost_and_shown_where_it_was(troubled):
    (stray,) = strays(troubled, astray.LOST)
    assert (stray.field, stray.point, stray.phenotypes, stray.cell) == (FIELD, (2.0, 2.0), ("Odd",), 0)


def test_a_cell_of_two_classes_is_one_entry_with_both(troubled):
    (stray,) = strays(troubled, astray.CONTESTED)
    assert stray.phenotypes == ("Odd", "Even") and stray.cell > 0


def test_lost_labels_are_dropped_as_one_event(troubled):
    before = len(troubled.annotations)
    assert astray.drop(troubled, strays(troubled, astray.LOST)) == 1
    assert not strays(troubled, astray.LOST) and len(troubled.annotations) == before - 1
    assert labelling.undo(troubled) and len(strays(troubled, astray.LOST)) == 1


def test_the_class_that_wins_is_the_one_that_is_chosen(troubled):
    (stray,) = strays(troubled, astray.CONTESTED)
    troubled.annotate("clear", astray.winning(stray, "Odd"))
    counts = labelling.counts(troubled)
    assert (counts["Odd"], counts["Even"]) == (2, 0) and not strays(troubled, astray.CONTESTED)


def test_of_equal_ones_the_newest_label_wins(session, copy):
    labelling.label(session, {FIELD: [at(copy, 0, "Odd")]}, no_progress)
    first = next(a for a in session.annotations.active.values() if a.phenotype == "Odd")
    later = {**first.state(), "id": "later", "phenotype": "Even", "time": "2999-01-01T00:00:00"}
    session.annotate("annotate", {"annotations": [later]})
    assert astray.settle_by_newest(session, strays(session, astray.CONTESTED)) == 1
    assert labelling.counts(session)["Even"] == 1 and labelling.counts(session)["Odd"] == 0


def test_labels_of_fields_without_masks_wait_and_are_not_lost(troubled):
    settings = dict(troubled.setting("segmenters"))
    settings["P1"] = {**settings["P1"], "resolved": {**settings["P1"]["resolved"], "version": 999}}
    troubled.set("segmenters", settings)
    assert astray.check_labels(troubled, None, no_progress).strays == ()


def test_what_another_segmentation_loses_comes_back_with_the_first(troubled):
    segmenting.segment(troubled, troubled.all_plates(), no_progress, settings={"contrast": "60000"})
    assert len(strays(troubled, astray.LOST)) == len(troubled.annotations)
    segmenting.segment(troubled, troubled.all_plates(), no_progress, "nuclei", {})
    assert len(strays(troubled, astray.LOST)) + len(strays(troubled, astray.CONTESTED)) == 2


def test_masks_are_read_once_while_they_and_the_labels_stay(troubled, monkeypatch):
    first = astray.check_labels(troubled, None, no_progress)
    monkeypatch.setattr(astray, "match_under", lambda *args: pytest.fail("read again"))
    assert astray.check_labels(troubled, first, no_progress).strays == first.strays


def test_the_table_has_a_row_per_label(troubled):
    columns, rows = astray.stray_rows(astray.check_labels(troubled, None, no_progress).strays)
    assert sorted(row["what"] for row in rows) == ["contested", "contested", "lost"]
    assert set(rows[0]) == set(columns)
