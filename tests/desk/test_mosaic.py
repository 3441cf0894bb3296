"""The mosaic of a desk: read in the background, kept, left for a field and found again."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.wells import FieldRef


def whole(desk, wheel):
    desk.mosaic.show()
    wheel.until(lambda: desk.mosaic.picture is not None and desk.mosaic.picture.whole)
    return desk.mosaic.picture


def test_a_mosaic_fills_as_it_is_read_and_can_be_cancelled_by_its_job(fresh, wheel):
    jobs, shown, filled = [], [], []
    fresh.background.events.job.connect(jobs.append)
    fresh.mosaic.events.shown.connect(lambda: shown.append(fresh.mosaic.picture.image.any()))
    fresh.mosaic.events.tiles.connect(lambda: filled.append(len(fresh.mosaic.picture.shapes)))
    picture = whole(fresh, wheel)
    assert shown == [False] and filled[0] >= 1 and len(picture.shapes) == 8
    assert {job.title for job in jobs if "Mosaic" in job.title} == {"Mosaic of P1"}


def test_a_mosaic_that_is_there_is_shown_at_once(fresh, wheel):
    before = whole(fresh, wheel)
    fresh.mosaic.hide()
    assert not fresh.mosaic.on
    shown = []
    fresh.mosaic.events.shown.connect(lambda: shown.append(True))
    fresh.mosaic.show()
    assert shown and fresh.mosaic.picture is before
    assert not any(job.title.startswith("Mosaic") for job in fresh.background.jobs)


def test_a_point_of_the_mosaic_opens_the_field_there(fresh, wheel):
    picture = whole(fresh, wheel)
    rows, columns = picture.plan.box(FieldRef("P1", "C03", 2))
    assert fresh.mosaic.open_at(rows.start + 3, columns.start + 3) == FieldRef("P1", "C03", 2)
    wheel.until(lambda: fresh.viewing.open.ref == FieldRef("P1", "C03", 2))
    assert not fresh.mosaic.on
    assert fresh.mosaic.open_at(rows.start + 3, columns.start + 3) is None


def test_a_field_that_cannot_be_read_is_told_once_the_rest_is_there(fresh, wheel):
    told = []
    fresh.background.events.problem.connect(lambda what, remedy: told.append(what))
    plate = fresh.session.plates["P1"]
    for path in list(plate.wells[1].sources[1].files):
        (fresh.session.folder.parent / "P1" / path[3]).write_bytes(b"no image")
    picture = whole(fresh, wheel)
    assert list(picture.problems) == [FieldRef("P1", "B03", 2)] and any("B03" in text for text in told)


def test_cells_wear_their_predicted_classes_as_dots(desk, wheel):
    wheel.until(lambda: len(desk.predictions) == 8)
    drawn = []
    desk.mosaic.codes = {"Interphase": 3, "Mitotic": 5}
    desk.mosaic.events.dots.connect(drawn.append)
    picture = whole(desk, wheel)
    wheel.until(lambda: any(found.any() for found in drawn))
    last = drawn[-1]
    assert last.shape == picture.plan.size and set(np.unique(last)) == {0, 3, 5}


def test_a_plate_without_cells_has_no_dots(fresh, wheel):
    drawn = []
    fresh.mosaic.codes = {"Mitotic": 5}
    fresh.mosaic.events.dots.connect(drawn.append)
    whole(fresh, wheel)
    wheel.until(lambda: drawn)
    assert not drawn[-1].any()


def test_the_mosaic_follows_to_another_plate_that_is_chosen(fresh, wheel, tmp_path):
    from tests.plates import write_plate

    second = write_plate(tmp_path / "P2", wells=("D05",), fields=1, seed=1)
    for path in list(second.glob("*.tif")):
        path.rename(second / path.name.replace("P1", "P2"))
    fresh.session.open(second)
    whole(fresh, wheel)
    fresh.viewing.show_plate("P2")
    fresh.mosaic.follow("P2")
    wheel.until(lambda: fresh.mosaic.picture.plan.plate == "P2" and fresh.mosaic.picture.whole)
    assert fresh.mosaic.on and fresh.mosaic.picture.plan.wells == (1, 1)
