"""A plate's light is an input of measuring, with a digest: chosen, undone, told, dropped when no key needs it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tifffile
from tests.plates import write_plate

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.engine.cluster import Cluster
from napari_phenotyper.pages.compose import compose
from napari_phenotyper.pages.report import render
from napari_phenotyper.session import illumination, measuring, segmenting
from napari_phenotyper.session.channels import set_roles
from napari_phenotyper.session.cleaning import clean
from napari_phenotyper.session.illumination import choose_light, flats_of, illumination_of, is_decided, light_of
from napari_phenotyper.session.opened import opened, project_folder

FAMILIES = ("intensity",)
MEAN = "Nuclei_Intensity_MeanIntensity_DNA"


def darken(folder):
    """Darken all images towards one corner, above the camera's offset."""
    for path in folder.glob("*.tif"):
        image = tifffile.imread(path)
        y, x = (np.linspace(0, 1, side) for side in image.shape)
        gain = np.exp(-0.8 * (y[:, None] + x[None]))
        tifffile.imwrite(path, ((image - 100.0) * gain / gain.mean() + 100).clip(0, 65535).astype(np.uint16))
    return folder


@pytest.fixture(scope="module")
def segmented(tmp_path_factory):
    """A plate that is lit unevenly, segmented, with one quick family of columns to measure."""
    folder = darken(write_plate(tmp_path_factory.mktemp("dark") / "P1"))
    with opened(project_folder(folder)) as session:
        segmenting.segment(session, session.open(folder), no_progress)
        measuring.choose_extractors(session, FAMILIES)
    return folder


@pytest.fixture
def dark(segmented, tmp_path):
    """A session on a copy of that plate."""
    for path in (segmented, project_folder(segmented)):
        shutil.copytree(path, tmp_path / path.name)
    with opened(project_folder(tmp_path / "P1")) as session:
        session.open(tmp_path / "P1")
        yield session


def brightness(session):
    return np.concatenate([c.matrix([MEAN])[:, 0] for c in measuring.cells_of(session, session.plates["P1"])])


def measure(session):
    return measuring.measure(session, session.all_plates(), no_progress)


def choose(session, mode=None):
    return choose_light(session, session.all_plates(), no_progress, mode)["P1"]


def test_uneven_light_is_taken_out_unasked_when_a_plate_is_first_measured(dark):
    assert measure(dark).done == 4
    found = illumination_of(dark, "P1")
    assert found.mode == "auto" and set(found.flats) == {"w1"} and light_of(dark, "P1")


def test_another_choice_makes_columns_out_of_date_and_the_old_ones_return_from_disk(dark):
    measure(dark)
    corrected = brightness(dark)
    choose(dark, "off")
    assert not any(measuring.is_measured(dark, w) for w in measuring.wanted(dark, dark.plates["P1"]))
    assert measure(dark).done == 4
    assert not np.allclose(brightness(dark), corrected, rtol=0.02)
    choose(dark, "auto")
    assert measure(dark).kept == 4 and np.array_equal(brightness(dark), corrected)


def test_masks_do_not_depend_on_it(dark):
    before = [key for _, key in segmenting.current_masks(dark, dark.plates["P1"])]
    choose(dark, "on")
    assert [key for _, key in segmenting.current_masks(dark, dark.plates["P1"])] == before


def test_corrected_nuclei_are_as_bright_in_the_dark_corner_as_elsewhere(dark):
    measure(dark)
    ours = brightness_by_corner(dark)
    choose(dark, "off")
    measure(dark)
    assert abs(np.log(ours)) < 0.15 < 0.5 < abs(np.log(brightness_by_corner(dark)))


def brightness_by_corner(session):
    """How much brighter the nuclei near one corner are than those near the other, by medians."""
    near, far = [], []
    for cells in measuring.cells_of(session, session.plates["P1"]):
        values, place = cells.matrix([MEAN])[:, 0], cells.y + cells.x
        near += values[place < 200].tolist()
        far += values[place > 280].tolist()
    return np.median(near) / np.median(far)


def test_an_evenly_lit_plate_is_measured_as_it_is_with_the_keys_it_had_before(session):
    plate = session.plates["P1"]
    before = [w.blocks for w in measuring.wanted(session, plate)]
    assert not choose(session, "auto").flats
    assert [w.blocks for w in measuring.wanted(session, plate)] == before


def test_a_plate_that_was_measured_before_anybody_chose_is_left_as_it_is(session):
    session.set("illumination", {})
    assert measure(session).kept == 4
    assert not is_decided(session, "P1")


def test_with_on_a_channel_is_corrected_where_auto_would_not(session):
    assert choose(session, "on").flats and not choose(session, "auto").flats


def test_the_estimate_is_made_once(dark, monkeypatch):
    choose(dark, "auto")
    monkeypatch.setattr(illumination, "look_at", None)
    assert choose(dark, "off").mode == "off" and choose(dark, "on").flats


def test_a_role_that_is_given_later_does_not_part_a_channel_from_its_light(dark):
    choose(dark, "on")
    measure(dark)
    with_role = brightness_by_corner(dark)
    set_roles(dark, dark.all_plates(), {"DNA": "w1"})
    segmenting.segment(dark, dark.all_plates(), no_progress)
    measure(dark)
    assert brightness_by_corner(dark) == pytest.approx(with_role, rel=1e-3)


def test_there_is_no_other_mode(session):
    with pytest.raises(SettingError, match="auto, on, off"):
        choose(session, "maybe")


def test_cancelling_leaves_all_as_it_was(dark):
    def stop(fraction, message):
        if fraction > 0.3:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        choose_light(dark, dark.all_plates(), stop)
    assert not is_decided(dark, "P1")


def test_a_field_that_cannot_be_read_is_passed_over(tmp_path):
    folder = darken(write_plate(tmp_path / "P1"))
    broken = folder / "P1_B03_s1_w1.tif"
    broken.write_bytes(broken.read_bytes()[:3000])
    with opened(project_folder(folder)) as session:
        session.open(folder)
        assert choose(session).channels["w1"].fields == 7


def test_it_is_there_again_when_the_project_is_opened_again(dark):
    choose(dark)
    kept = light_of(dark, "P1")
    folder = dark.folder
    with opened(folder, read_only=True) as again:
        assert light_of(again, "P1") == kept and flats_of(again, "P1") == flats_of(dark, "P1")


def test_an_estimate_that_is_lost_or_damaged_is_made_again_with_the_same_digest(dark):
    measure(dark)
    before = light_of(dark, "P1")
    (path,) = (dark.folder / "results").glob("illumination-*.json")
    path.write_text("{")
    assert not is_decided(dark, "P1")
    assert measure(dark).kept == 4
    assert light_of(dark, "P1") == before and is_decided(dark, "P1")


def test_cleaning_drops_the_estimate_only_when_no_key_needs_it(dark):
    measure(dark)
    clean(dark)
    assert list((dark.folder / "results").glob("illumination-*.json")) and brightness(dark).size
    choose(dark, "off")
    clean(dark)
    assert not list((dark.folder / "results").glob("illumination-*.json"))


def test_what_is_stored_is_plain_json(dark):
    choose(dark)
    (path,) = (dark.folder / "results").glob("illumination-*.json")
    assert set(json.loads(path.read_text())["channels"]) == {"w1"}


def test_a_cluster_measures_the_same(dark):
    distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")
    measure(dark)
    here = brightness(dark)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None) as local,
        opened(dark.folder.parent / "Y.phenotyper", Cluster(local.scheduler_address)) as other,
    ):
        plates = other.open(Path(dark.plates["P1"].path))
        segmenting.segment(other, plates, no_progress)
        measuring.measure(other, plates, no_progress, FAMILIES)
        assert light_of(other, "P1") == light_of(dark, "P1") and np.array_equal(brightness(other), here)


def test_the_report_shows_the_light_and_tells_where_it_comes_from(dark):
    measure(dark)
    content = compose(dark, dark.all_plates(), no_progress)
    assert "freed of uneven light" in content.lights[0].sentences[0]
    assert any(step.stage == "illumination P1" for step in content.steps)
    assert any("uneven illumination was taken out of channel w1" in text for text in content.methods)
    assert 'id="illumination"' in render(content)


def test_a_report_of_a_plate_whose_light_nobody_looked_at_says_nothing_of_it(session):
    session.set("illumination", {})
    assert 'id="illumination"' not in render(compose(session, session.all_plates(), no_progress))
