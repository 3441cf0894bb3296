"""Thumbnails of all fields of a plate, and its cells as dots among them."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from napari_phenotyper.core.field import FieldInfo
from napari_phenotyper.core.mosaic import MosaicPlan
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.cleaning import clean
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.mosaic import TileWish, coarse_level, mosaic_of, read_mosaic, shrunk
from napari_phenotyper.session.mosaic_cells import dot_image, read_dots
from napari_phenotyper.session.opened import opened, project_folder

WISH = TileWish("P1", 4096)


def parts(session, wish=WISH, progress=no_progress, writable=True):
    return list(read_mosaic(session, wish, writable, progress))


def test_every_field_is_in_the_mosaic_at_its_place(session):
    plan, image, problems = mosaic_of(session, WISH, False, no_progress)
    assert not problems
    for field in session.plates["P1"].fields():
        expected = shrunk(field.read(), plan.tile)
        assert np.array_equal(image[(slice(None), *plan.box(field.ref))], expected)


def test_the_first_field_of_each_well_comes_before_all_others(session):
    found = [ref for part in parts(session)[1:] for ref in part]
    assert [ref.field for ref in found] == [1] * 4 + [2] * 4


def test_wells_that_are_wished_for_come_first(session):
    found = [ref.well for part in parts(session, TileWish("P1", 4096, ("C02",)))[1:] for ref in part]
    assert found[:2] == ["C02", "C02"]


def test_thumbnails_are_read_once_and_again_only_where_the_pixels_changed(session, copy, monkeypatch):
    parts(session)
    image = tifffile.imread(copy / "P1_B03_s1_w1.tif")
    tifffile.imwrite(copy / "P1_B03_s1_w1.tif", image, compression="zlib")
    read = []
    monkeypatch.setattr(
        "napari_phenotyper.session.mosaic.read_tile", lambda field, size: read.append(field.ref) or "no"
    )
    parts(session)
    assert read == [FieldRef("P1", "B03", 1)]


def test_what_was_kept_comes_at_once_and_newer_thumbnails_follow_where_it_is_old(session, copy):
    parts(session)
    image = tifffile.imread(copy / "P1_B03_s1_w1.tif")
    tifffile.imwrite(copy / "P1_B03_s1_w1.tif", image // 2, compression="zlib")
    _, kept, *rest = parts(session)
    assert len(kept) == 8
    ((ref, newer),) = [item for part in rest for item in part.items()]
    assert ref == FieldRef("P1", "B03", 1) and newer.pixels.mean() < kept[ref].pixels.mean()
    plan, mosaic, _ = mosaic_of(session, WISH, False, no_progress)
    assert np.array_equal(mosaic[(slice(None), *plan.box(ref))], newer.pixels)


def test_a_field_that_cannot_be_read_is_told_and_hides_no_other(session, copy):
    (copy / "P1_B03_s1_w1.tif").write_bytes(b"no image")
    _, image, problems = mosaic_of(session, WISH, True, no_progress)
    assert list(problems) == [FieldRef("P1", "B03", 1)] and "P1_B03_s1_w1.tif" in problems[FieldRef("P1", "B03", 1)]
    assert image.any()


def test_a_mosaic_that_was_cancelled_goes_on_from_the_thumbnails_that_were_kept(session, monkeypatch):
    monkeypatch.setattr("napari_phenotyper.session.mosaic._BATCH", 2)
    reported = []

    def stop(fraction, message):
        reported.append(fraction)
        if fraction > 0.5:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        parts(session, progress=stop)
    read = []
    monkeypatch.setattr("napari_phenotyper.session.mosaic.read_tile", lambda field, size: read.append(field) or "no")
    parts(session)
    assert 0 < len(read) < 8 and reported == sorted(reported)


def test_a_project_that_is_only_read_shows_a_mosaic_and_keeps_nothing(copy):
    with opened(project_folder(copy), read_only=True) as session:
        session.open(copy)
        assert len(parts(session, writable=False)) > 1
        assert not session.project.thumbnails.path.exists()


def test_the_coarsest_level_that_suffices_is_read():
    levels = ((2048, 2048), (1024, 1024), (512, 512), (256, 256), (128, 128))
    info = FieldInfo((1, 1, 1, 2048, 2048), "uint16", None, levels)
    assert coarse_level(info, (256, 256)) == 3 and coarse_level(info, (129, 129)) == 3
    assert coarse_level(info, (8, 8)) == 4 and coarse_level(info, (4000, 4000)) == 0


def test_a_shrunk_image_keeps_its_light_and_its_type():
    image = np.random.default_rng(0).integers(900, 1100, (2, 400, 301)).astype(np.uint16)
    small = shrunk(image, (40, 30))
    assert small.shape == (2, 40, 30) and small.dtype == np.uint16
    assert small.mean() == pytest.approx(1000, abs=3) and small.std() < image.std()
    assert np.array_equal(shrunk(image, (400, 301)), image)
    assert np.isfinite(shrunk(np.full((1, 8, 8), np.nan, np.float32), (2, 2))).all()


def test_cells_are_dots_in_their_field_with_the_code_of_their_class(session):
    plan, _, _ = mosaic_of(session, WISH, False, no_progress)
    measured = {item.field.ref: item for item in wanted(session, session.plates["P1"])}
    dots = read_dots(session, plan, measured, dict.fromkeys(measured, (240, 240)), False, no_progress)
    ref = FieldRef("P1", "C03", 2)
    ids = dots.ids[dots.parts[ref]]
    odd = np.stack([ids % 2 == 0, ids % 2 == 1], axis=1).astype(np.float32)
    picture = dot_image(dots, {ref: Prediction(ref, ids, odd, ("even", "odd"))}, {"odd": 7}, no_progress)
    assert picture.shape == plan.size and set(np.unique(picture)) == {0, 7}
    outside = picture.copy()
    outside[plan.box(ref)] = 0
    assert not outside.any() and picture.any()


def test_cleaning_keeps_the_thumbnails_of_fields_that_are_there(session, copy):
    parts(session)
    path = session.project.thumbnails.path
    size = path.stat().st_size
    clean(session)
    assert path.stat().st_size == size
    assert session.project.clean([]) > 0 and path.stat().st_size < size


def test_a_plan_is_the_first_part(session):
    assert isinstance(parts(session)[0], MosaicPlan)
