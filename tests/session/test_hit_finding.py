"""Hits as a window asks for them: the same numbers as the commands make, and what they do not rest on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.session import profiling
from napari_phenotyper.session.hit_finding import (
    HitQuestion,
    Learner,
    best_field,
    compared_plates,
    control_wells,
    find_hits_steps,
)
from napari_phenotyper.session.learning import predictions_of
from napari_phenotyper.session.opened import opened
from napari_phenotyper.session.steps import carry_out

LIVE = Learner("lda", {})


def find(session, question=None):
    return carry_out(find_hits_steps(session, question or HitQuestion(learner=LIVE)), no_progress)


def without_layout(session):
    for plate in session.all_plates():
        session.update(replace(plate, layout=Layout()))


def test_one_question_trains_keeps_predicts_and_scores(session):
    found = find(session)
    assert found.model in session.project.models.ids()
    assert len(predictions_of(session, session.all_plates()[0], found.model)) == 8
    assert found.table.hits[0].well.well == "C03" and found.table.hits[0].column == "Mitotic"


def test_the_hits_are_those_of_the_command(session):
    found = find(session)
    theirs = profiling.hits(session, session.all_plates(), no_progress)
    assert [(h.well, h.column, h.score) for h in found.hits] == [(h.well, h.column, h.score) for h in theirs]


def test_asked_again_a_kept_model_answers_without_training(session):
    first = find(session)
    again = find(session, HitQuestion(model=first.model))
    assert again.model == first.model and len(session.project.models.ids()) == 1
    assert [h.score for h in again.hits] == [h.score for h in first.hits]


def test_the_profile_is_stored_for_the_next_time(session):
    find(session)
    made = profiling.make_profile(session, session.all_plates(), no_progress, correct=False)
    assert made.kept


def test_one_feature_alone_has_the_scores_that_it_has_among_all(session):
    every = find(session, HitQuestion(profiler="means"))
    column = every.profile.columns[3]
    one = find(session, HitQuestion(profiler="means", column=column))
    assert one.table.columns == (column,)
    wanted = {h.well: h.score for h in every.hits if h.column == column}
    assert {h.well: h.score for h in one.hits} == wanted


def test_without_negative_controls_it_is_said_what_to_do(session):
    without_layout(session)
    with pytest.raises(TrainingError) as caught:
        find(session)
    assert "negative control" in caught.value.what and "layout" in caught.value.remedy
    assert not session.project.models.ids(), "nothing is trained in vain"


def test_without_a_segmented_plate_it_is_said_what_to_do(session):
    session.set("segmenters", {})
    with pytest.raises(TrainingError, match="segmented"):
        compared_plates(session)


def test_a_plate_without_controls_is_left_out_and_named(session):
    plate = session.all_plates()[0]
    session.plates["P2"] = replace(plate.named("P2"), layout=Layout())
    session.set("segmenters", {**session.setting("segmenters"), "P2": session.setting("segmenters")["P1"]})
    plates, without = compared_plates(session)
    assert [p.name for p in plates] == ["P1"] and without == ("P2",)


def test_objects_predicted_to_be_no_cell_are_left_out_and_counted(session):
    session.annotate("rename", {"old": "Mitotic", "new": NOT_A_CELL})
    found = find(session)
    predictions = predictions_of(session, session.all_plates()[0], found.model).values()
    none = sum(int((p.labels == p.classes.index(NOT_A_CELL)).sum()) for p in predictions)
    assert none > 0 and found.left_out.no_cells == none
    assert NOT_A_CELL not in found.profile.columns


def test_the_field_with_most_of_a_class_is_found(session):
    found = find(session)
    for sign in (1, -1):
        ref = best_field(session, found.model, Hit(WellRef("P1", "C03"), "Mitotic", 5.0 * sign), no_progress)
        predictions = predictions_of(session, session.all_plates()[0], found.model, ["C03"])
        counts = {
            r: int(((p.labels == p.classes.index("Mitotic")) == (sign > 0)).sum()) for r, p in predictions.items()
        }
        assert counts[ref] == max(counts.values())


def test_the_field_with_most_cells_beyond_the_controls_is_found(session):
    found = find(session, HitQuestion(profiler="means"))
    hit = next(h for h in found.hits if h.well.well == "C03")
    ref = best_field(session, "", hit, no_progress)
    beyond = {}
    for cells in profiling.cells_of(session, session.all_plates()[0], ["C03"]):
        values = cells.matrix([hit.column])[:, 0] - hit.evidence["control"]
        beyond[cells.field] = int((values * np.sign(hit.score) > 0).sum())
    assert beyond[ref] == max(beyond.values())


def test_control_wells_are_those_of_the_plate(session):
    found = find(session)
    assert {w.well for w in control_wells(found, "P1")} == {"B02", "B03"}
    assert control_wells(found, "P2") == ()


def test_doubtful_fields_are_left_out_where_that_is_asked_for_and_are_told(session, monkeypatch):
    whole = find(session)
    flagged = {FieldRef("P1", "C03", 1): ("out of focus",)}
    monkeypatch.setattr("napari_phenotyper.session.quality.flags_of", lambda session, plate: flagged)
    found = find(session, HitQuestion(model=whole.model, leave_out=("all",)))
    assert found.left_out.flagged == flagged and found.left_out.no_cells == 0
    row = found.profile.wells.index(WellRef("P1", "C03"))
    assert 0 < found.profile.counts[row] < whole.profile.counts[row]
    assert not whole.left_out.flagged and not found.left_out.emptied


def test_a_well_of_which_nothing_is_left_is_named(session, monkeypatch):
    flagged = {FieldRef("P1", "C02", n): ("empty",) for n in (1, 2)}
    monkeypatch.setattr("napari_phenotyper.session.quality.flags_of", lambda session, plate: flagged)
    found = find(session, HitQuestion(learner=LIVE, leave_out=("empty",)))
    assert found.left_out.emptied == ("P1 C02",) and {h.well.well for h in found.table.hits} == {"C03"}


def test_a_project_that_is_only_read_answers_from_what_is_kept(session):
    first = find(session)
    with opened(session.folder, read_only=True) as other:
        again = find(other, HitQuestion(model=first.model))
    assert [hit.score for hit in again.hits] == [hit.score for hit in first.hits]
