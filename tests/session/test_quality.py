"""Doubtful fields of a plate: noted when they are segmented, told everywhere, left out of profiles when asked for."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from tests.plates import write_plate

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.survey import doubts, flag_counts, survey
from napari_phenotyper.pages.compose import compose
from napari_phenotyper.pages.report import render
from napari_phenotyper.session.layouts import set_layout
from napari_phenotyper.session.measuring import measure
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.profiling import hits, profile
from napari_phenotyper.session.quality import flags_of, left_out, qualities_of
from napari_phenotyper.session.segmenting import segment

BLURRED, BLANK = FieldRef("P1", "B03", 2), FieldRef("P1", "C02", 1)


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """A plate with a field that is blurred, one that is blank, and a well that is saturated; segmented and measured."""
    folder = write_plate(tmp_path_factory.mktemp("spoilt") / "P1")
    for name, spoil in (
        ("P1_B03_s2_w1.tif", lambda image: ndimage.gaussian_filter(image, 4.0)),
        ("P1_C02_s1_w1.tif", lambda image: np.full_like(image, 200)),
        ("P1_C03_s1_w1.tif", lambda image: np.minimum(image, 2500)),
        ("P1_C03_s2_w1.tif", lambda image: np.minimum(image, 2500)),
    ):
        tifffile.imwrite(folder / name, spoil(tifffile.imread(folder / name)))
    with opened(project_folder(folder)) as session:
        plates = session.open(folder)
        segment(session, plates, no_progress)
        measure(session, plates, no_progress)
    return folder


@pytest.fixture
def session(spoilt):
    with opened(project_folder(spoilt)) as made:
        yield made


@pytest.fixture
def one(session):
    return session.plates["P1"]


def test_each_doubtful_field_is_flagged_for_what_it_is(session, one):
    found = flags_of(session, one)
    assert found[BLURRED] == ("out of focus",) and found[BLANK] == ("empty",)
    assert set(found) == {BLURRED, BLANK, FieldRef("P1", "C03", 1), FieldRef("P1", "C03", 2)}
    assert all("saturated" in given for ref, given in found.items() if ref.well == "C03")


def test_a_plate_that_is_not_segmented_has_no_flags(plate):
    with opened(project_folder(plate)) as session:
        assert flags_of(session, session.open(plate)[0]) == {}


def test_masks_that_an_older_version_made_have_no_flags(spoilt, tmp_path):
    for path in (spoilt, project_folder(spoilt)):
        shutil.copytree(path, tmp_path / path.name)
    with opened(project_folder(tmp_path / "P1")) as session:
        (plate,), masks = session.open(tmp_path / "P1"), session.project.masks
        for field in plate.fields(["B02"]):
            (key,) = masks.keys(field.ref)
            record = {name: value for name, value in masks.record(field.ref, key).items() if name != "quality"}
            kept = masks.read(field.ref, key)
            masks.drop(field.ref, key)
            masks.write(field.ref, key, kept, record)
        assert {ref.well for ref in qualities_of(session, plate)} == {"B03", "C02", "C03"}


def test_a_profile_leaves_flagged_fields_out_and_says_so(session, one):
    whole = profile(session, [one], no_progress, "means")
    part = profile(session, [one], no_progress, "means", leave_out=["out-of-focus", "empty"])
    counts = dict(zip([w.well for w in whole.wells], whole.counts, strict=True))
    less = dict(zip([w.well for w in part.wells], part.counts, strict=True))
    assert less["B03"] < counts["B03"] and less["B02"] == counts["B02"] and less["C03"] == counts["C03"]
    assert part.note == "2 fields were left out: 1 empty, 1 out of focus." and not whole.note
    again = profile(session, [one], no_progress, "means", leave_out=["empty", "out of focus"])
    assert again.note == part.note and np.array_equal(again.counts, part.counts)


def test_wells_of_which_nothing_is_left_are_named(session, one):
    found = profile(session, [one], no_progress, "means", leave_out=["all"])
    assert "C03" not in {w.well for w in found.wells} and "Nothing is left of: P1 C03." in found.note


def test_nothing_to_leave_out_is_said_too(session, one):
    assert left_out(session, [one], ["crowded"]).sentence == "No field had to be left out."
    assert left_out(session, [one], []).sentence == ""


def test_a_flag_that_does_not_exist_is_told_with_those_there_are(session, one):
    with pytest.raises(SettingError, match="out of focus, saturated, crowded"):
        profile(session, [one], no_progress, "means", leave_out=["ugly"])


def test_the_survey_tells_the_map_which_wells_are_doubtful(session, one):
    found = survey(session, "P1", no_progress)
    assert found.flagged == flags_of(session, one)
    assert flag_counts(one, found) == {"B02": 0.0, "B03": 1.0, "C02": 1.0, "C03": 2.0}
    assert doubts(one, found)["B03"] == "of 2 fields: 1 out of focus" and "B02" not in doubts(one, found)


def test_the_report_names_them(session, one):
    page = render(compose(session, [one], no_progress))
    assert "P1 B03 field 2: out of focus" in page and "1 empty, 1 out of focus, 2 saturated" in page


def test_hits_rest_on_the_fields_that_are_left(session, spoilt):
    set_layout(session, session.all_plates(), spoilt / "layout.csv")
    plates = session.all_plates()
    column = profile(session, plates, no_progress, "means").columns[0]
    whole = {hit.well.well for hit in hits(session, plates, no_progress, column=column)}
    rest = {hit.well.well for hit in hits(session, plates, no_progress, column=column, leave_out=["saturated"])}
    assert whole - rest == {"C03"}
