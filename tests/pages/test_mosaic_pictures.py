"""What is drawn over a mosaic, and the mosaic as a file."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.mosaic import MosaicPlan
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.pages.mosaic import mosaic_picture, write_mosaics
from napari_phenotyper.pages.mosaic_picture import STEPS, frames, heat
from napari_phenotyper.session.learning import predict, train

PLAN = MosaicPlan("P", {"B02": 2, "B04": 2}, (60, 60))


def test_borders_leave_every_field_as_it_is():
    picture = frames(PLAN, {"B02": "negative", "B04": "positive"}, {"B02"})
    assert picture.shape == (*PLAN.size, 4)
    for ref in PLAN.refs():
        assert not picture[PLAN.box(ref)][..., 3].any()


def test_roles_selection_and_missing_wells_are_told_apart():
    plain = frames(PLAN)
    for other in (frames(PLAN, {"B02": "negative"}), frames(PLAN, {"B02": "positive"}), frames(PLAN, {}, {"B02"})):
        changed = np.argwhere((other != plain).any(axis=-1))
        top, left, bottom, right = PLAN.well_box(2, 2)
        assert len(changed) and (changed.min(axis=0) >= (top - 5, left - 5)).all()
        assert (changed.max(axis=0) <= (bottom + 5, right + 5)).all()
    top, left, _, _ = PLAN.well_box(2, 3)
    assert plain[top - 1, left + 5, 3] and not plain[top + 5, left + 5 : left + 40, 3].any()


def test_a_field_that_cannot_be_read_is_crossed_out():
    ref = FieldRef("P", "B04", 2)
    picture = frames(PLAN, problems=[ref])
    assert picture[PLAN.box(ref)][..., 3].any() and not picture[PLAN.box(FieldRef("P", "B04", 1))][..., 3].any()


def test_a_heat_map_fills_known_wells_from_afar_and_rims_them_from_near():
    colours = {"B02": (10, 20, 30), "Z01": (1, 1, 1)}
    full, rim = heat(PLAN, colours, filled=True), heat(PLAN, colours, filled=False)
    assert full.shape == rim.shape == (STEPS, 3 * STEPS, 4)
    assert (full[:, :STEPS] == (10, 20, 30, 255)).all() and not full[:, STEPS:].any()
    assert not rim[STEPS // 2, STEPS // 2, 3] and rim[0, 0, 3] == 255


def test_a_mosaic_file_shows_every_field_and_a_class_colours_its_wells(session, tmp_path):
    plates = session.all_plates()
    (path,) = write_mosaics(session, plates, tmp_path / "plain.png", no_progress)
    plain = np.asarray(Image.open(path)).astype(int)
    assert (np.ptp(plain, axis=-1) == 0).mean() > 0.9  # one channel is grey
    train(session, no_progress)
    predict(session, plates, no_progress)
    (path,) = write_mosaics(session, plates, tmp_path / "shares.jpg", no_progress, "Mitotic")
    tinted = np.asarray(Image.open(path)).astype(int)
    assert tinted.shape[0] > plain.shape[0] and tinted.shape[1] == plain.shape[1]
    assert (np.ptp(tinted, axis=-1) > 10).mean() > 0.5


def test_each_of_several_plates_has_a_file_of_its_own(session, tmp_path):
    plate = session.all_plates()[0]
    session.plates["P2"] = plate.named("P2")
    paths = write_mosaics(session, list(session.plates.values()), tmp_path / "m.png", no_progress)
    assert [path.name[:4] for path in paths] == ["m_P1", "m_P2"] and not (tmp_path / "m.png").exists()


def test_a_small_limit_makes_a_small_picture(session):
    assert max(mosaic_picture(session, session.all_plates()[0], no_progress, limit=300).shape) <= 300


@pytest.mark.parametrize(("name", "column"), [("m.pdf", ""), ("m.png", "Nonsense")])
def test_what_cannot_be_drawn_is_told_with_what_can(session, tmp_path, name, column):
    with pytest.raises(SettingError):
        write_mosaics(session, session.all_plates(), tmp_path / name, no_progress, column)
    assert not (tmp_path / name).exists()
