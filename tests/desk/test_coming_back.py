"""A desk that is closed and opened again stands as it stood."""

from __future__ import annotations

import pytest
from tests.desk.conftest import make_desk

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.coming_back import REST
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session import learning
from napari_phenotyper.session.hit_finding import HitQuestion
from napari_phenotyper.session.hit_recall import recall
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.unfinished import SEGMENT, Unfinished, begin

PATIENCE = 120


@pytest.fixture
def opened_again(wheel):
    """Opens a desk on a plate's project that learns; as many as one likes, one after the other."""
    made = []

    def open_desk(plate, read_only=None):
        project, background = make_desk(plate, wheel)
        if read_only:
            project = opened(project_folder(plate), read_only=True)
        session = project.__enter__()
        desk = Desk(session, background, wheel.later)
        made.append((desk, project))
        session.open(plate)
        desk.start()
        wheel.until(lambda: desk.viewing.open is not None and desk.surveys, PATIENCE)
        return desk

    yield open_desk
    for desk, project in made:
        desk.close()
        project.__exit__(None, None, None)


@pytest.fixture
def with_model(copy):
    """The plate with a kept model whose predictions are current."""
    with opened(project_folder(copy)) as session:
        plates = session.open(copy)
        learning.train(session, no_progress, "lda")
        learning.predict(session, plates, no_progress)
        session.set("display", {})
    return copy


def models(desk):
    return {p.model for p in desk.predictions.fields().values()}


def test_field_classifier_and_what_a_window_notes_come_back(opened_again, copy):
    first = opened_again(copy)
    first.viewing.show(FieldRef("P1", "C02", 2))
    first.live.switch(False)
    first.live.choose("knn", {"neighbours": 7})
    first.marking.choose("Mitotic")
    first.back.note(tab="Train")
    first.back.note_plate("P1", zoom=2.5, coloured_by="share:Mitotic")
    first.close()
    again = opened_again(copy)
    assert again.viewing.wish == FieldRef("P1", "C02", 2)
    assert (again.live.classifier, again.live.settings, again.live.on) == ("knn", {"neighbours": 7}, False)
    assert again.marking.chosen == "Mitotic"
    assert (again.back.state.tab, again.back.state.of("P1").zoom) == ("Train", 2.5)


def test_the_state_is_on_disk_soon_after_a_change(fresh, wheel):
    path = fresh.session.folder / "view.json"
    fresh.viewing.show(FieldRef("P1", "C03", 1))
    wheel.until(lambda: path.exists() and '"C03"' in path.read_text(), PATIENCE + REST)


def test_a_desk_that_may_not_write_leaves_the_state_alone(opened_again, copy):
    first = opened_again(copy)
    first.close()
    before = (project_folder(copy) / "view.json").read_text()
    reader = opened_again(copy, read_only=True)
    reader.viewing.show(FieldRef("P1", "C03", 2))
    reader.close()
    assert (project_folder(copy) / "view.json").read_text() == before


def test_a_state_that_is_broken_is_told_and_the_first_field_opens(opened_again, copy, wheel):
    (project_folder(copy) / "view.json").write_text("{")
    desk = opened_again(copy)
    assert desk.viewing.wish == FieldRef("P1", "B02", 1) and "view.json" in desk.back.problem


def test_a_plate_opens_where_it_was_left(fresh):
    fresh.viewing.show(FieldRef("P1", "C02", 2))
    fresh.viewing.show_plate("P1")
    assert fresh.viewing.wish == FieldRef("P1", "C02", 2)


def test_a_kept_model_is_worn_without_training_while_its_labels_stand(opened_again, with_model, wheel):
    first = opened_again(with_model)
    first.live.choose("lda", {})
    first.close()
    desk = opened_again(with_model)
    titles = []
    desk.background.events.job.connect(lambda job: titles.append(job.title))
    wheel.until(lambda: "kept model" in desk.live.state and not desk.background.jobs, PATIENCE)
    assert len(desk.predictions) == 8 and len(models(desk)) == 1 and desk.history.worn in models(desk)
    assert desk.live.model is None and not any(title.startswith("Learning") for title in titles)
    desk.marking.write("clear", {"ids": [next(iter(desk.session.annotations.active))]})
    wheel.until(lambda: models(desk) == {"live"} and len(desk.predictions) == 8, PATIENCE)
    assert desk.history.worn == ""


def test_a_classifier_of_another_kind_is_learnt_although_a_model_is_kept(opened_again, with_model, wheel):
    desk = opened_again(with_model)  # the default classifier, not the one that was kept
    wheel.until(lambda: models(desk) == {"live"}, PATIENCE)


def test_going_back_to_a_model_is_worn_and_takes_its_classifier(opened_again, with_model, wheel):
    desk = opened_again(with_model)
    wheel.until(lambda: models(desk) == {"live"} and len(desk.predictions) == 8, PATIENCE)
    desk.history.use("lda")
    wheel.until(lambda: len(models(desk)) == 1 and desk.history.worn in models(desk), PATIENCE)
    assert desk.live.classifier == "lda" and desk.live.model is None


def test_a_job_that_was_left_is_offered_and_can_be_dismissed(opened_again, copy, wheel):
    with opened(project_folder(copy)) as session:
        session.open(copy)
        begin(session, Unfinished(SEGMENT, "P1", "nuclei", {"edge": 0.5}))
        segmenters = dict(session.setting("segmenters"))
        segmenters["P1"]["resolved"]["settings"]["edge"] = 0.5
        session.set("segmenters", segmenters)
    desk = opened_again(copy)
    wheel.until(lambda: desk.resuming.offers, PATIENCE)
    (offer,) = desk.resuming.offers
    assert offer.sentence == "Segmenting P1 stopped at 0 of 8 fields."
    assert not any(job.title.startswith("Segmenting") for job in desk.background.jobs)
    desk.resuming.dismiss(offer)
    assert not desk.resuming.offers and not desk.session.setting("unfinished")


def test_a_job_that_ended_or_was_cancelled_is_not_offered_and_one_that_was_closed_over_is(opened_again, fresh, wheel):
    fresh.segment()
    assert fresh.session.setting("unfinished")
    (job,) = [job for job in fresh.background.jobs if job.title.startswith("Segmenting")]
    fresh.background.cancel(job)
    wheel.until(lambda: not fresh.session.setting("unfinished"), PATIENCE)
    fresh.segment()
    fresh.background.close()
    assert fresh.session.setting("unfinished")


@pytest.fixture
def with_hits(opened_again, copy, wheel):
    """The plate of a window that found hits, showed those of one class, and was closed."""
    first = opened_again(copy)
    first.live.switch(False)
    first.live.choose("lda", {})
    first.results.find(HitQuestion(learner=first.results.learner(), leave_out=("saturated",)))
    wheel.until(lambda: first.results.findings is not None and not first.background.jobs, PATIENCE)
    first.results.choose("Mitotic")
    first.close()
    return copy, first.results.findings


def test_hits_come_back_without_being_computed_anew(opened_again, with_hits, wheel):
    plate, before = with_hits
    desk = opened_again(plate)
    titles = []
    desk.background.events.job.connect(lambda job: titles.append(job.title))
    wheel.until(lambda: desk.results.findings is not None, PATIENCE)
    now = desk.results.findings
    assert [(h.well, h.column, h.score) for h in now.hits] == [(h.well, h.column, h.score) for h in before.hits]
    assert (now.model, now.question, desk.results.column) == (before.model, before.question, "Mitotic")
    assert not desk.results.stale and not any(titles)


def test_hits_that_come_back_are_told_apart_from_those_of_newer_annotations(opened_again, with_hits, wheel):
    plate, _ = with_hits
    between = opened_again(plate)
    between.marking.write("clear", {"ids": [next(iter(between.session.annotations.active))]})
    wheel.until(lambda: not between.background.jobs, PATIENCE)
    between.close()
    desk = opened_again(plate)
    wheel.until(lambda: desk.results.findings is not None, PATIENCE)
    assert desk.results.stale


def test_hits_of_cells_that_were_measured_anew_do_not_come_back(opened_again, with_hits, wheel):
    plate, _ = with_hits
    with opened(project_folder(plate)) as session:
        session.open(plate)
        for path in session.project.results.folder.glob("*.parquet"):
            path.unlink()
    desk = opened_again(plate)
    recalled = []
    desk.background.read = lambda lane, *args, **rest: recalled.append(lane) if lane == "hits" else None
    wheel.until(lambda: "hits" in recalled, PATIENCE)
    assert recall(desk.session.snapshot(), desk.back.state.hits, no_progress) is None


def test_a_question_that_cannot_be_read_is_left_alone(session):
    for kept in ({}, {"model": "lda"}, {"model": "", "learner": {}, "leave_out": []}, {"leave_out": 3}):
        assert recall(session, kept, no_progress) is None
