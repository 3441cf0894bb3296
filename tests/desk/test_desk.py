"""What stands behind a window, from opening to closing."""

from __future__ import annotations

import numpy as np
import pytest
from tests.desk.conftest import make_desk
from tests.desk.test_live import some_cell

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.opening import find_plates


@pytest.fixture
def opened_again(wheel):
    """Opens a desk on a plate's project, which does not learn; as many as one likes, one after the other."""
    made = []

    def open_desk(plate, live=False):
        project, background = make_desk(plate, wheel)
        session = project.__enter__()
        desk = Desk(session, background, wheel.later)
        made.append((desk, project))
        desk.live.on = live
        session.open(plate)
        desk.start()
        wheel.until(lambda: desk.viewing.open is not None and desk.surveys)
        return desk

    yield open_desk
    for desk, project in made:
        desk.close()
        project.__exit__(None, None, None)


def idle(desk):
    return not desk.background.jobs


def kept(desk, wheel):
    desk.keep()
    wheel.until(lambda: desk.session.project.models.ids() and idle(desk))
    return desk.session.project.models.ids()[0]


def models(desk):
    refs = desk.surveys["P1"].cells
    return {found.model for ref in refs if (found := desk.predictions.get(ref)) is not None}


def test_the_wells_that_are_selected_are_told_to_who_listens(fresh):
    heard = []
    fresh.events.selection.connect(heard.append)
    fresh.select(["B02", "C02"])
    assert heard == [{"B02", "C02"}] and fresh.selected == {"B02", "C02"}


def test_the_first_field_is_seen_before_workers_start(plate, wheel, monkeypatch):
    monkeypatch.setattr("napari_phenotyper.desk.desk.is_compiled", lambda: True)
    done = []
    monkeypatch.setattr("napari_phenotyper.desk.desk.warm_up", lambda progress: done.append("workers"))
    project, background = make_desk(plate, wheel)
    with project as session:
        session.open(plate)
        desk = Desk(session, background, wheel.later)
        desk.viewing.events.opened.connect(lambda _: done.append("field"))
        desk.start()
        wheel.until(lambda: "workers" in done)
        desk.close()
    assert done == ["field", "workers"]


def test_only_selected_wells_are_segmented_and_later_the_others(fresh, wheel):
    fresh.select(["C03"])
    fresh.segment()
    wheel.until(lambda: len(fresh.surveys["P1"].measured) == 2 and idle(fresh))
    assert {ref.well for ref in fresh.surveys["P1"].cells} == {"C03"}
    fresh.select(())
    fresh.segment()
    wheel.until(lambda: len(fresh.surveys["P1"].measured) == 8)


def test_the_open_well_is_segmented_first(fresh, wheel):
    fresh.viewing.show_well("C02")
    done = []
    fresh.events.survey.connect(lambda name: done.append({ref.well for ref in fresh.surveys[name].cells}))
    fresh.viewing.events.masks.connect(lambda field: done.append(field.ref.well))
    fresh.segment()
    wheel.until(lambda: len(fresh.surveys["P1"].measured) == 8)
    assert fresh.viewing.open.masks is not None and "C02" in done


def test_a_layout_beside_the_images_is_read_when_a_plate_is_opened(plate, wheel):
    project, background = make_desk(plate, wheel)
    with project as session:
        desk, said = Desk(session, background, wheel.later), []
        background.events.message.connect(said.append)
        desk.add(find_plates(plate, desk.session.registry))
        assert len(desk.viewing.plate.layout) == 4
        assert said == ["P1: layout read from layout.csv beside the images."]
        desk.close()


def test_the_model_that_was_kept_is_worn_when_the_project_is_opened_again(opened_again, copy, wheel):
    first = opened_again(copy)
    model = kept(first, wheel)
    first.close()
    again = opened_again(copy)
    wheel.until(lambda: len(again.predictions) == 8)
    assert models(again) == {model}
    assert again.live.model is None


def test_a_live_model_takes_the_place_of_the_kept_one_with_the_next_click(opened_again, copy, wheel):
    desk = opened_again(copy)
    model = kept(desk, wheel)
    wheel.until(lambda: models(desk) == {model})
    desk.live.switch(True)
    wheel.until(lambda: "kept model is worn" in desk.live.state)
    desk.marking.write("clear", {"ids": [next(iter(desk.session.annotations.active))]})
    wheel.until(lambda: len(desk.predictions) == 8 and model not in models(desk))


def test_predictions_of_other_masks_are_not_worn(opened_again, copy, wheel):
    desk = opened_again(copy)
    kept(desk, wheel)
    wheel.until(lambda: len(desk.predictions) == 8)
    desk.segment("nuclei", {"edge": 0.5})
    wheel.until(lambda: len(desk.surveys["P1"].measured) == 8 and idle(desk))
    wheel.until(lambda: desk.viewing.open.mask_key == desk.surveys["P1"].measured[desk.viewing.open.ref].mask)
    assert (desk.marking.look().predicted == -1).all()


def test_annotations_of_one_class_say_that_a_second_is_needed(desk, wheel):
    desk.marking.remove("Mitotic")
    wheel.until(lambda: "annotate a second class" in desk.live.state)
    assert desk.live.state.startswith("All annotated cells are Interphase")


def test_scores_are_out_of_date_after_a_click_until_they_are_brought_up_to_date(desk, wheel):
    desk.evaluate()
    wheel.until(lambda: desk.scores is not None)
    assert not desk.stale
    desk.marking.clear(*some_cell(desk)[1:])
    assert desk.stale
    wheel.until(lambda: not desk.stale)


def test_why_there_are_no_scores_is_told(desk, wheel):
    wheel.until(lambda: desk.live.model is not None and idle(desk))
    ids = [a.id for a in desk.session.annotations.active.values() if a.field.well != "B02"]
    desk.marking.write("clear", {"ids": ids})
    wheel.until(lambda: desk.untestable)
    assert "well" in desk.untestable


def test_learning_that_is_switched_on_again_says_so(desk, wheel):
    wheel.until(lambda: desk.live.state.startswith("Live model of") and idle(desk))
    desk.live.switch(False)
    heard = []
    desk.live.events.state.connect(heard.append)
    desk.live.switch(True)
    wheel.until(lambda: heard)
    assert "off" not in desk.live.state


def test_a_preview_is_of_the_open_field_and_leaves_its_masks(desk, wheel):
    before, found = desk.viewing.open.mask_key, []
    desk.preview("nuclei", {"max_area": 1.0, "min_area": 0.9}, found.append)
    wheel.until(lambda: found)
    masks = found[0].masks
    assert masks.labels["nuclei"].shape == desk.viewing.open.masks.labels["nuclei"].shape
    assert len(masks.ids()) < len(desk.viewing.open.masks.ids())
    assert found[0].settings["diameter"] > 0 and found[0].settings["min_area"] == 0.9
    assert desk.viewing.open.mask_key == before


def test_a_role_that_is_changed_shows_on_the_open_field(fresh, wheel):
    fresh.set_roles(fresh.viewing.plate, {"actin": "w1"})
    wheel.until(lambda: fresh.viewing.open.field.channels[0].role == "actin")


def test_a_closed_desk_runs_nothing(opened_again, copy, wheel):
    desk = opened_again(copy, live=True)
    desk.keep()
    desk.close()
    assert idle(desk)


def test_every_cell_of_the_open_field_wears_its_prediction(desk, wheel):
    wheel.until(lambda: len(desk.predictions) == 8)
    look = desk.marking.look()
    ids = desk.viewing.open.masks.ids()
    assert (look.predicted[ids] >= 0).all()
    assert np.nanmin(look.probability[ids]) > 0


@pytest.mark.parametrize("compiled", [False, True])
def test_getting_ready_is_told_as_a_job_only_where_loops_are_not_compiled_yet(fresh, wheel, monkeypatch, compiled):
    titles = []
    fresh.background.events.job.connect(lambda job: titles.append(job.title))
    monkeypatch.setattr("napari_phenotyper.desk.desk.is_compiled", lambda: compiled)
    fresh.start()
    wheel.until(lambda: not fresh.background.jobs)
    assert ("Getting ready, once after the installation" in titles) != compiled
