"""Plates of image files."""

from __future__ import annotations

import itertools
import os
import pickle
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.core.errors import PixelError, PlateError, SettingError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import PLATE_SHAPES, plate_order, well_name
from napari_phenotyper.readers.file_pattern import FilePattern


def write(folder: Path, names: Iterable[str], value: int = 0, shape: tuple[int, int] = (4, 5)) -> None:
    """Write a TIFF per name; the pixels of the n-th file are `value` + n."""
    for n, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(path, np.full(shape, value + n, np.uint16))


def only(folder: Path, pattern: str = "") -> Plate:
    (plate,) = FilePattern(pattern).read(folder)
    return plate


def first_pixel(plate: Plate, well: str, number: int, channel: str | int) -> int:
    return int(plate.field(well, number).read([channel])[0, 0, 0])


@settings(max_examples=12, deadline=None)
@given(st.data(), st.sampled_from([96, 384, 1536]), st.integers(1, 3), st.integers(1, 3))
def test_any_wells_fields_and_channels_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, size: int, fields: int, channels: int
) -> None:
    rows, columns = PLATE_SHAPES[size]
    places = st.tuples(st.integers(1, rows), st.integers(1, columns))
    wells = [well_name(*place) for place in data.draw(st.lists(places, min_size=1, max_size=5, unique=True))]
    folder = tmp_path_factory.mktemp("plate") / "P1"
    triples = list(itertools.product(wells, range(1, fields + 1), range(1, channels + 1)))
    write(folder, [f"P1_{well}_s{field}_w{channel}.tif" for well, field, channel in triples], value=1)
    plate = only(folder)
    assert FilePattern().recognises(folder)
    assert plate.name == "P1"
    assert [w.name for w in plate.wells] == sorted(wells, key=plate_order)
    assert {len(w.sources) for w in plate.wells} == {fields}
    assert [c.name for c in plate.channels] == [f"w{i}" for i in range(1, channels + 1)]
    assert not plate.problems
    for n, (well, field, channel) in enumerate(triples, 1):
        assert first_pixel(plate, well, field, f"w{channel}") == n


def test_fields_sort_by_number_and_keep_their_names(tmp_path: Path) -> None:
    write(tmp_path, [f"P_A01_s{i}_w1.tif" for i in (10, 2, 1)])
    plate = only(tmp_path)
    assert plate.well("A01").names == ("s1", "s2", "s10")
    assert [first_pixel(plate, "A01", number, 0) for number in (1, 2, 3)] == [2, 1, 0]


def test_thumbnails_are_passed_over(tmp_path: Path) -> None:
    write(
        tmp_path,
        ["P_A01_s1_w1.tif", "P_A01_s1_w1_thumb.tif", "P_A01_s1_w1_thumb17654C10-92F1-4DFD-98AA-6A01BBD77557.tif"],
    )
    plate = only(tmp_path)
    assert len(plate.wells) == 1
    assert not plate.problems


def test_files_that_do_not_fit_are_counted(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A02_s1_w1.tif", "shading.tif"])
    assert any("1 of 3 image files" in problem and "shading.tif" in problem for problem in only(tmp_path).problems)


def test_two_files_for_one_place_are_told_and_the_first_counts(tmp_path: Path) -> None:
    write(tmp_path, ["A01_f1_DAPI.png.tif"])
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A01_s1_w1.tiff"], value=7)
    plate = only(tmp_path, "P_{well}_s{field}_w{channel}.*")
    assert first_pixel(plate, "A01", 1, 0) == 7
    assert any("P_A01_s1_w1.tiff (as P_A01_s1_w1.tif)" in problem for problem in plate.problems)


def test_a_missing_channel_file_is_listed_and_named_when_read(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A01_s1_w2.tif", "P_A02_s1_w1.tif"])
    plate = only(tmp_path)
    assert any("A02 field s1 lacks channel w2" in problem for problem in plate.problems)
    assert first_pixel(plate, "A02", 1, "w1") == 2
    assert first_pixel(plate, "A01", 1, "w2") == 1
    with pytest.raises(PixelError, match="P A02 field s1 has no file for channel w2") as caught:
        plate.field("A02", 1).read(["w2"])
    assert "Put the missing file back" in caught.value.remedy


def test_a_missing_plane_of_a_stack_is_listed(tmp_path: Path) -> None:
    names = [f"ZStep_{z}/P_A01_s1_w{c}.tif" for z in (1, 2, 3) for c in (1, 2)]
    write(tmp_path, names)
    (tmp_path / names[3]).unlink()
    plate = only(tmp_path)
    assert any("lacks 1 of 3 planes of channel w2" in problem for problem in plate.problems)
    assert first_pixel(plate, "A01", 1, "w1") == 4
    with pytest.raises(PixelError, match="channel w2, time point 0, plane 1"):
        plate.field("A01", 1).read(["w2"], z=1)


def test_wells_with_fewer_fields_are_told(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A01_s2_w1.tif", "P_A02_s2_w1.tif"])
    plate = only(tmp_path)
    assert plate.well("A02").names == ("s2",)
    assert any("1 of 2 wells have fewer fields" in problem and "A02 (1 of 2)" in problem for problem in plate.problems)


def test_folders_for_z_and_time_become_axes(tmp_path: Path) -> None:
    write(tmp_path, [f"TimePoint_{t}/ZStep_{z}/P_A01_s1_w1.tif" for t in (1, 2) for z in (1, 2, 10)])
    field = only(tmp_path).field("A01", 1)
    assert field.info.shape == (2, 1, 3, 4, 5)
    assert [int(field.read(t=t, z=z)[0, 0, 0]) for t in (0, 1) for z in (0, 1, 2)] == [0, 1, 2, 3, 4, 5]


def test_projections_beside_a_stack_are_left_out_and_lone_planes_stand_at_every_depth(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A01_s1_w2.tif"], value=100)
    write(tmp_path, ["ZStep_1/P_A01_s1_w1.tif", "ZStep_2/P_A01_s1_w1.tif", "ZStep_1/P_A01_s1_w3.tif"])
    plate = only(tmp_path)
    field = plate.field("A01", 1)
    assert field.info.shape[1:3] == (3, 2)
    assert field.read()[:, 0, 0].tolist() == [1, 101, 2]
    assert field.read(z=1)[:, 0, 0].tolist() == [1, 101, 2]
    assert ["projections" in problem for problem in plate.problems] == [True]


def test_plate_names_in_the_file_names_make_plates(tmp_path: Path) -> None:
    write(tmp_path, ["P2_A01_s1_w1.tif", "P10_A01_s1_w1.tif", "P2_A02_s1_w1.tif"])
    assert {p.name: len(p.wells) for p in FilePattern().read(tmp_path)} == {"P2": 2, "P10": 1}
    assert [p.name for p in FilePattern().read(tmp_path)] == ["P2", "P10"]


def test_folders_make_plates_where_the_names_do_not_tell(tmp_path: Path) -> None:
    write(tmp_path, ["screen/P1/A01_f1_DAPI.tif", "screen/P2/A01_f1_DAPI.tif"])
    assert [p.name for p in FilePattern().read(tmp_path)] == ["P1", "P2"]


def test_one_name_in_two_folders_makes_two_plates_named_by_the_folders(tmp_path: Path) -> None:
    write(tmp_path, ["2023-01-01/77/P_A01_s1_w1.tif", "2023-02-02/77/P_A01_s1_w1.tif"])
    plates = FilePattern().read(tmp_path)
    assert [p.name for p in plates] == ["2023-01-01", "2023-02-02"]
    assert [first_pixel(p, "A01", 1, 0) for p in plates] == [0, 1]


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from("abP"), st.sampled_from(["P", "a", "a_b"])),
        unique=True,
        min_size=1,
    )
)
@settings(max_examples=25, deadline=None)
def test_the_names_of_the_plates_of_one_folder_are_unique(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("screen")
    for outer, inner, plate in parts:
        path = folder / outer / inner / f"{plate}_A01_s1_w1.tif"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    names = [p.name for p in FilePattern().read(folder)]
    assert len(names) == len(set(names)) == len(parts)


def test_files_in_a_folder_per_well_are_one_plate(tmp_path: Path) -> None:
    write(tmp_path, ["P1/A01/P1_A01_s1_w1.tif", "P1/A02/P1_A02_s1_w1.tif"])
    assert [w.name for w in only(tmp_path).wells] == ["A01", "A02"]


def test_a_pattern_of_the_users_own_is_read(tmp_path: Path) -> None:
    write(tmp_path, ["run7/GFP/site1 of b3.tif", "run7/DAPI/site1 of b3.tif"])
    assert not FilePattern().recognises(tmp_path)
    own = "{plate}/{channel}/site{field} of {well}.tif"
    assert FilePattern(own).recognises(tmp_path)
    plate = only(tmp_path, own)
    assert (plate.name, [c.name for c in plate.channels]) == ("run7", ["DAPI", "GFP"])
    assert first_pixel(plate, "B03", 1, "GFP") == 0


def test_channels_inside_the_files_are_found(tmp_path: Path) -> None:
    stack = np.stack([np.full((4, 5), 10 * c, np.uint16) for c in range(3)])
    tifffile.imwrite(
        tmp_path / "P_A01_s1.tif",
        stack,
        ome=True,
        metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}},
    )
    plate = only(tmp_path)
    assert [(c.name, c.role) for c in plate.channels] == [("DAPI", "DNA"), ("GFP", ""), ("Cy5", "")]
    assert plate.field("A01", 1).read()[:, 0, 0].tolist() == [0, 10, 20]


@pytest.mark.parametrize(("pages", "shape"), [(3, (1, 3, 1)), (9, (1, 1, 9))])
def test_a_few_pages_without_a_channel_in_the_name_are_channels_and_many_are_planes(
    tmp_path: Path, pages: int, shape: tuple[int, int, int]
) -> None:
    with tifffile.TiffWriter(tmp_path / "P_A01_s1.tif") as tif:
        for page in range(pages):
            tif.write(np.full((4, 5), page, np.uint16), contiguous=False, metadata=None)
    field = only(tmp_path).field("A01", 1)
    assert field.info.shape[:3] == shape
    assert field.read().max() == pages - 1


def test_a_stack_in_each_channels_file_is_projected(tmp_path: Path) -> None:
    for channel in (1, 2):
        stack = np.arange(4, dtype=np.uint16)[:, None, None] * np.ones((4, 5), np.uint16) * channel
        tifffile.imwrite(tmp_path / f"P_A01_s1_w{channel}.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    field = only(tmp_path).field("A01", 1)
    assert field.info.shape == (1, 2, 4, 4, 5)
    assert field.read()[:, 0, 0].tolist() == [3, 6]


def test_more_channels_in_a_file_than_its_name_tells_are_told(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "P_A01_s1_w1.tif", np.zeros((2, 4, 5), np.uint16), imagej=True, metadata={"axes": "CYX"}
    )
    assert any("holds 2" in problem for problem in only(tmp_path).problems)


def test_one_damaged_file_does_not_hide_its_neighbours(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif", "P_A01_s1_w2.tif", "P_A02_s1_w1.tif", "P_A02_s1_w2.tif"])
    (tmp_path / "P_A01_s1_w1.tif").write_bytes(b"")
    plate = only(tmp_path)
    assert first_pixel(plate, "A01", 1, "w2") == 1
    assert first_pixel(plate, "A02", 1, "w1") == 2
    with pytest.raises(PixelError, match=r"P_A01_s1_w1\.tif is empty"):
        plate.field("A01", 1).read(["w1"])


def test_a_plate_whose_files_are_all_damaged_opens_and_says_so_when_read(tmp_path: Path) -> None:
    (tmp_path / "P_A01_s1_w1.tif").write_text("no image")
    with pytest.raises(PixelError, match=r"P_A01_s1_w1\.tif"):
        _ = only(tmp_path).field("A01", 1).info


def test_a_region_is_a_part_of_the_plane(tmp_path: Path) -> None:
    pixels = np.arange(20, dtype=np.uint16).reshape(4, 5)
    tifffile.imwrite(tmp_path / "P_A01_s1_w1.tif", pixels)
    region = only(tmp_path).field("A01", 1).read(region=(slice(1, 3), slice(2, 9)))
    np.testing.assert_array_equal(region[0], pixels[1:3, 2:9])


def test_a_channel_of_another_size_is_named(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif"])
    write(tmp_path, ["P_A01_s1_w2.tif"], shape=(8, 10))
    with pytest.raises(PixelError, match=r"w2\.tif has 8 × 10 pixels, the rest of P A01 field s1 has 4 × 5"):
        only(tmp_path).field("A01", 1).read()


def test_a_pyramid_level_or_plane_that_is_not_there_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif"])
    source = only(tmp_path).field("A01", 1).source
    for place in ((0, 0, 0, 1), (0, 0, 1, 0), (1, 0, 0, 0), (0, 1, 0, 0)):
        with pytest.raises(PixelError):
            source.plane(*place, None)


def test_a_source_is_small_and_survives_pickling(tmp_path: Path) -> None:
    write(tmp_path, [f"P_A01_s1_w{c}.tif" for c in range(1, 6)])
    source = only(tmp_path).field("A01", 1).source
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert copy.info() == source.info()
    assert len(pickle.dumps(source)) < 2000
    np.testing.assert_array_equal(copy.plane(0, 4, 0, 0, None), source.plane(0, 4, 0, 0, None))


def test_a_relative_path_stays_valid_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "plate", ["P_A01_s1_w1.tif"])
    monkeypatch.chdir(tmp_path)
    plate = only(Path("plate"))
    monkeypatch.chdir("/")
    assert first_pixel(plate, "A01", 1, 0) == 0


def test_the_fingerprint_changes_with_the_pixels_and_not_with_the_place(tmp_path: Path) -> None:
    for folder in (tmp_path / "a" / "P", tmp_path / "b" / "P"):
        write(folder, ["P_A01_s1_w1.tif", "P_A02_s1_w1.tif"])
        for path in folder.iterdir():
            os.utime(path, (1e9, 1e9))
    here, there = (only(tmp_path / name).field("A01", 1).source for name in "ab")
    before = here.fingerprint()
    assert before == there.fingerprint()
    os.utime(tmp_path / "a" / "P" / "P_A02_s1_w1.tif", (2e9, 2e9))
    assert here.fingerprint() == before
    os.utime(tmp_path / "a" / "P" / "P_A01_s1_w1.tif", (2e9, 2e9))
    assert here.fingerprint() != before
    (tmp_path / "a" / "P" / "P_A01_s1_w1.tif").unlink()
    assert here.fingerprint() not in (before, there.fingerprint())


def test_reading_a_plate_opens_one_image_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, [f"P_A{column:02d}_s1_w{c}.tif" for column in range(1, 13) for c in (1, 2)])
    opened = []
    plain = tifffile.TiffFile
    monkeypatch.setattr(tifffile, "TiffFile", lambda path, **options: opened.append(path) or plain(path, **options))
    assert len(only(tmp_path).wells) == 12
    assert len(opened) == 1


def test_an_empty_folder_holds_no_plate_and_reading_says_what_was_looked_for(tmp_path: Path) -> None:
    assert not FilePattern().recognises(tmp_path)
    with pytest.raises(PlateError, match="no image files") as caught:
        FilePattern().read(tmp_path)
    assert caught.value.remedy


def test_a_folder_of_other_pictures_is_no_plate_and_the_remedy_is_a_pattern(tmp_path: Path) -> None:
    write(tmp_path, ["holiday.tif", "cat.tif"])
    assert not FilePattern().recognises(tmp_path)
    with pytest.raises(PlateError, match=r"None of the 2 image files.*cat\.tif.*P1_B02_s1_w1\.tif") as caught:
        FilePattern().read(tmp_path)
    assert "--pattern " in caught.value.remedy


def test_a_pattern_that_fits_nothing_is_told_with_a_name_that_is_there(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif"])
    with pytest.raises(PlateError, match=r"P_A01_s1_w1\.tif"):
        FilePattern("{well}.png").read(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file.txt"])
def test_what_is_no_folder_is_no_plate(tmp_path: Path, name: str) -> None:
    (tmp_path / "file.txt").write_text("text")
    assert not FilePattern().recognises(tmp_path / name)
    with pytest.raises(PlateError, match=name):
        FilePattern().read(tmp_path / name)


def test_a_pattern_that_cannot_be_understood_recognises_nothing_and_is_refused(tmp_path: Path) -> None:
    write(tmp_path, ["P_A01_s1_w1.tif"])
    assert not FilePattern("{what}.tif").recognises(tmp_path)
    with pytest.raises(SettingError):
        FilePattern("{what}.tif").read(tmp_path)


def test_links_that_lead_back_do_not_trap_the_listing(tmp_path: Path) -> None:
    write(tmp_path, ["plate/P_A01_s1_w1.tif"])
    try:
        (tmp_path / "plate" / "back").symlink_to(tmp_path, target_is_directory=True)
    except OSError:
        pytest.skip("this system allows no links")
    assert not only(tmp_path).problems


def test_plates_that_are_called_by_letters_are_not_taken_for_rows(tmp_path: Path) -> None:
    for plate in "AB":
        write(tmp_path / plate, [f"P_{well}_s1_w1.tif" for well in ("A01", "B01", "C01")])
    assert {p.name: [w.name for w in p.wells] for p in FilePattern().read(tmp_path)} == {
        "A": ["A01", "B01", "C01"],
        "B": ["A01", "B01", "C01"],
    }


def test_a_folder_per_row_is_one_plate(tmp_path: Path) -> None:
    for well in ("A01", "B01", "B02", "C03"):
        write(tmp_path / well[0], [f"P_{well}_s1_w1.tif"])
    (plate,) = FilePattern().read(tmp_path)
    assert [w.name for w in plate.wells] == ["A01", "B01", "B02", "C03"]
