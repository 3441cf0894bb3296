"""File names that say where an image belongs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.wells import well_name
from napari_phenotyper.readers._listing import natural
from napari_phenotyper.readers._patterns import best_pattern, compiled

UUID = "17654C10-92F1-4DFD-98AA-6A01BBD77557"


def said(path: str) -> tuple[str, ...] | None:
    """Plate, well, field, channel, z and time that the best pattern for a file reads from it."""
    pattern = best_pattern([path])
    place = pattern.place(path) if pattern else None
    return place and (place.plate, place.well, place.field, place.channel, place.z, place.time)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("P1_B02_s1_w1.tif", ("P1", "B02", "s1", "w1", "", "")),
        ("a_b_AF48_s12_w3.TIF", ("a_b", "AF48", "s12", "w3", "", "")),
        ("B02_s1_w1.tif", ("", "B02", "s1", "w1", "", "")),
        ("IXMtest_A02_s9.tif", ("IXMtest", "A02", "s9", "", "", "")),
        ("Week1_150607_B02_w1.tif", ("Week1_150607", "B02", "", "w1", "", "")),
        (f"P_E08_s1_w1{UUID}.tif", ("P", "E08", "s1", "w1", "", "")),
        (f"P_E08_s12_w2{UUID}.tif", ("P", "E08", "s12", "w2", "", "")),
        (f"P_E08_s1{UUID}.tif", ("P", "E08", "s1", "", "", "")),
        (f"2023-02-21/1334/ZStep_10/P_E07_s1_w1{UUID}.tif", ("P", "E07", "s1", "w1", "10", "")),
        (f"2024/1697/TimePoint_2/P_C07_s1_w1{UUID}.tif", ("P", "C07", "s1", "w1", "", "2")),
        (f"x/TimePoint_2/ZStep_3/P_C07_s1_w1{UUID}.tif", ("P", "C07", "s1", "w1", "3", "2")),
        ("Images/r03c04f01p02-ch1sk5fk1fl1.tiff", ("", "C04", "f01", "ch1", "02", "5")),
        ("Images/r16c24f01p01-ch12.tiff", ("", "P24", "f01", "ch12", "01", "")),
        ("Plate_D08_T0001F002L01A01Z03C01.tif", ("Plate", "D08", "F002", "C01", "03", "0001")),
        ("AS_09125_050116030001_D03f00d2.tif", ("AS_09125_050116030001", "D03", "f00", "d2", "", "")),
        ("Channel 1-01-A-01-00.tif", ("", "A01", "00", "Channel 1", "", "")),
        ("Channel2-12-H-12.bmp", ("", "H12", "", "Channel2", "", "")),
        ("A01_f1_DAPI.tif", ("", "A01", "f1", "DAPI", "", "")),
        ("A01_DAPI_f1.tif", ("", "A01", "f1", "DAPI", "", "")),
        ("A01_1_DAPI.png", ("", "A01", "1", "DAPI", "", "")),
        ("A01_DAPI.jpg", ("", "A01", "", "DAPI", "", "")),
        ("A01.tif", ("", "A01", "", "", "", "")),
        ("P1_B02_DAPI.tif", ("P1", "B02", "", "DAPI", "", "")),
        ("P1_B02_C01.tif", ("P1", "B02", "", "C01", "", "")),
        ("A01_F001_C02.tif", ("", "A01", "F001", "C02", "", "")),
        ("A01_f2_DAPI_z3.tif", ("", "A01", "f2", "DAPI", "3", "")),
        ("A01_f2_t4_z3_DAPI.tif", ("", "A01", "f2", "DAPI", "3", "4")),
        ("plate/Well-B003/Hoechst.jpeg", ("", "B03", "", "Hoechst", "", "")),
        ("plate/B03/DAPI.tif", ("", "B03", "", "DAPI", "", "")),
        ("plate/B03/s1_DAPI.tif", ("", "B03", "s1", "DAPI", "", "")),
        ("plate/B03/DAPI_s1.tif", ("", "B03", "s1", "DAPI", "", "")),
        ("plate/B03/s1.tif", ("", "B03", "s1", "", "", "")),
        ("plate/B/03/DAPI.tif", ("", "B03", "", "DAPI", "", "")),
        ("plate/B/3/f2_DAPI.tif", ("", "B03", "f2", "DAPI", "", "")),
    ],
)
def test_a_common_name_is_understood(path: str, expected: tuple[str, ...]) -> None:
    assert said(path) == expected


@pytest.mark.parametrize(
    "path",
    [
        "0a7d30b25235.png",
        "PLLT0017_19--ex2005_07_06--sp2005_04_12--tt19--c5___P00365_01___T00064___X0746___Y0848____img.png",
        "17P1_POS0013_D_1UL.tif",
        "images/photo.jpg",
        "DC_DCAM#1_CAM3.tif",
        "G99_f1_DAPI.tif",
        "ZZ01_f1_DAPI.tif",
    ],
)
def test_a_name_without_a_well_is_left_alone(path: str) -> None:
    assert said(path) is None


def test_a_microscopes_naming_wins_over_plain_names_that_fit_more_files() -> None:
    paths = [f"P_A01_T0001F001L01A01Z01C{c:02d}.tif" for c in range(1, 5)] + ["SC_BP445-45_20x v2_M01_CH01.tif"]
    pattern = best_pattern(paths)
    assert pattern is not None
    assert pattern.title == "Yokogawa"


def test_the_pattern_that_explains_most_files_wins() -> None:
    pattern = best_pattern(["B03/DAPI.tif", "A01_f1_DAPI.tif", "A01_f2_DAPI.tif"])
    assert pattern is not None
    assert pattern.place("B03/DAPI.tif") is None


def test_a_few_plate_files_among_thousands_of_others_are_found() -> None:
    pattern = best_pattern([f"picture {i}.png" for i in range(1300)] + ["P1_B02_s1_w1.tif"])
    assert pattern is not None
    assert pattern.title == "MetaXpress"


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        ("a/P_E07_s1_w1.tif", "a"),
        ("a/b/ZStep_1/P_E07_s1_w1.tif", "a/b"),
        ("a/E07/P_E07_s1_w1.tif", "a"),
        ("a/Well-E007/P_E07_s1_w1.tif", "a"),
        ("a/E/07/P_E07_s1_w1.tif", "a"),
        ("a/E08/P_E07_s1_w1.tif", "a/E08"),
        ("plate/Images/r03c03f01p01-ch1sk1fk1fl1.tiff", "plate"),
        ("plate/Well-B003/Hoechst.jpeg", "plate"),
    ],
)
def test_folders_that_repeat_the_well_are_not_the_plates(path: str, folder: str) -> None:
    pattern = best_pattern([path])
    place = pattern.place(path) if pattern else None
    assert place is not None
    assert place.folder == folder


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{plate}_{well}_s{field}_w{channel}.tif", "P_1_B2_s3_wGFP.tif", ("P_1", "B02", "3", "GFP", "", "")),
        ("{plate}/Well-{row}0{col}/{channel}.jpeg", "x/P 1/Well-B003/FITC.jpeg", ("P 1", "B03", "", "FITC", "", "")),
        ("{row}-{col}-{field}.png", "2-3-1.png", ("", "B03", "1", "", "", "")),
        ("{plate}/{plate}_{well}.tif", "P1/P1_B03.tif", ("P1", "B03", "", "", "", "")),
        ("img*_{well}_t{time}_z{z}.tif", "img 7 x_a1_t02_z5.TIF", ("", "A01", "", "", "5", "02")),
        (r"{plate}\{channel}\{well}.tif", "P1/GFP/r02c03.tif", ("P1", "B03", "", "GFP", "", "")),
        ("ZStep_{z}/{well}.tif", "ZStep_4/A01.tif", ("", "A01", "", "", "4", "")),
    ],
)
def test_a_pattern_of_the_users_own_is_followed(pattern: str, path: str, expected: tuple[str, ...]) -> None:
    place = compiled(pattern).place(path)
    assert place is not None
    assert (place.plate, place.well, place.field, place.channel, place.z, place.time) == expected


def test_a_placeholder_that_comes_twice_must_say_the_same() -> None:
    assert compiled("{plate}/{plate}_{well}.tif").place("P1/P2_B03.tif") is None


def test_special_characters_in_a_pattern_mean_themselves() -> None:
    assert compiled("a.b(1)+{well}.tif").place("axb(1)+A01.tif") is None
    assert compiled("a.b(1)+{well}.tif").place("a.b(1)+A01.tif") is not None


def test_a_pattern_with_an_unknown_placeholder_is_refused_with_those_there_are() -> None:
    with pytest.raises(SettingError, match=r"\{site\}") as caught:
        compiled("{well}_{site}.tif")
    assert "{field}" in caught.value.remedy


@pytest.mark.parametrize("pattern", ["{plate}.tif", "{row}_{channel}.tif", "{col}.tif"])
def test_a_pattern_that_names_no_well_is_refused(pattern: str) -> None:
    with pytest.raises(SettingError, match="names no well"):
        compiled(pattern)


@given(st.integers(1, 32), st.integers(1, 48), st.integers(1, 99), st.integers(1, 9), st.uuids())
def test_a_uuid_glued_to_a_number_never_changes_it(
    row: int, column: int, site: int, channel: int, uuid: object
) -> None:
    well = well_name(row, column)
    assert said(f"P_{well}_s{site}_w{channel}{str(uuid).upper()}.tif") == ("P", well, f"s{site}", f"w{channel}", "", "")


@given(st.lists(st.integers(0, 10**6), unique=True))
def test_names_sort_by_the_numbers_in_them(numbers: list[int]) -> None:
    assert sorted((f"s{n}_x" for n in numbers), key=natural) == [f"s{n}_x" for n in sorted(numbers)]
