"""Hits behind a window: asked for, found, and opened."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.session.hit_finding import HitQuestion


@pytest.fixture
def found(desk, wheel):
    """A desk that has found hits with the classifier that is chosen."""
    desk.live.on = False
    desk.live.classifier = "lda"
    desk.results.find(HitQuestion(learner=desk.results.learner()))
    wheel.until(lambda: desk.results.findings is not None and not desk.background.jobs)
    return desk


def test_what_was_found_is_told_and_the_kept_model_is_worn(desk, wheel):
    heard = []
    desk.results.events.found.connect(heard.append)
    desk.live.on = False
    desk.results.find(HitQuestion(learner=desk.results.learner()))
    wheel.until(lambda: heard and len(desk.predictions) == 8)
    assert heard == [desk.results.findings]
    assert {desk.predictions.get(ref).model for ref in desk.surveys["P1"].cells} == {heard[0].model}


def test_without_a_layout_the_obstacle_says_what_to_do(desk):
    assert desk.results.obstacle is None
    desk.session.update(replace(desk.viewing.plate, layout=Layout()))
    assert "layout" in desk.results.obstacle.remedy


def test_a_question_that_cannot_be_answered_fails_as_a_job_and_leaves_what_there_was(found, wheel):
    before, jobs = found.results.findings, []
    found.background.events.job.connect(lambda job: jobs.append((job.title, job.state)))
    found.results.find(HitQuestion(model="no such model"))
    wheel.until(lambda: ("Finding hits", "failed") in jobs)
    assert found.results.findings is before


def test_a_job_that_finds_hits_can_be_cancelled(desk, wheel):
    job = desk.results.find(HitQuestion(learner=desk.results.learner()))
    desk.background.cancel(job)
    wheel.until(lambda: job.over)
    assert job.state == "cancelled" and desk.results.findings is None


def test_another_class_is_shown_once_told(found):
    heard = []
    found.results.events.shown.connect(heard.append)
    found.results.choose("Mitotic")
    found.results.choose("Mitotic")
    assert heard == ["Mitotic"] and found.results.column == "Mitotic"


def test_the_map_gets_each_wells_score_or_its_highest_one(found):
    hits = {(h.well.well, h.column): h.score for h in found.results.findings.hits}
    assert found.results.scores("P1", "Mitotic")["C03"] == hits["C03", "Mitotic"]
    assert found.results.scores("P1", "")["C03"] == max(s for (well, _), s in hits.items() if well == "C03")
    assert found.results.scores("another plate", "") == {}


def test_a_class_that_was_not_scored_has_no_scores(found):
    assert all(math.isnan(score) for score in found.results.scores("P1", "Odd").values())


def test_a_hit_opens_its_well_and_its_cells_beside_those_of_the_controls(found, wheel):
    hit = next(h for h in found.results.findings.table.hits if h.column == "Mitotic")
    found.results.open(hit)
    wheel.until(lambda: found.viewing.wish.well == hit.well.well and len(found.gallery.groups) == 2)
    here, controls = found.gallery.groups
    assert here.query.wells == (hit.well,) and here.query.predicted == "Mitotic" and len(here.rows)
    assert {w.well for w in controls.query.wells} == {"B02", "B03"} and controls.query.predicted == "Mitotic"
    assert "C03" in here.query.title and "% Mitotic" in here.query.title


def test_where_a_class_is_rarer_all_cells_are_shown_to_see_what_they_are_instead(found, wheel):
    hit = next(h for h in found.results.findings.table.hits if h.score < 0 and h.well.well == "C03")
    found.results.open(hit)
    wheel.until(lambda: len(found.gallery.groups) == 2)
    assert [group.query.predicted for group in found.gallery.groups] == ["", ""]


def test_of_a_feature_the_cells_farthest_from_the_controls_come_first(desk, wheel):
    desk.results.find(HitQuestion(profiler="means"))
    wheel.until(lambda: desk.results.findings is not None and not desk.background.jobs)
    hit = desk.results.findings.table.hits[0]
    desk.results.open(hit)
    wheel.until(lambda: len(desk.gallery.groups) == 2)
    query = desk.gallery.groups[0].query
    assert (query.sort, query.by, query.descending) == ("feature", hit.column, hit.score > 0)


def test_of_some_wells_the_strongest_hit_is_opened(found, wheel):
    found.results.open_best([WellRef("P1", "C02"), WellRef("P1", "C03")])
    wheel.until(lambda: found.viewing.wish.well == "C03")
    assert found.gallery.queries[0].wells == (WellRef("P1", "C02"), WellRef("P1", "C03"))
    assert "(2 wells)" in found.gallery.queries[0].title


def test_of_controls_which_are_no_hits_the_first_well_is_opened_and_just_their_cells(found, wheel):
    found.results.open_best([WellRef("P1", "B03")])
    assert found.viewing.wish.well == "B03"
    wheel.until(lambda: len(found.gallery.groups) == 1 and len(found.gallery.groups[0].rows))
    group = found.gallery.groups[0]
    assert {group.rows.cell(row)[0].well for row in range(len(group.rows))} == {"B03"}


def test_hits_are_out_of_date_once_annotations_change(found):
    assert not found.results.stale
    found.marking.remove("Mitotic")
    assert found.results.stale
