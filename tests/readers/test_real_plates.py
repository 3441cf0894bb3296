"""Plates that microscopes and other people's software wrote."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.readers.file_pattern import FilePattern
from napari_phenotyper.readers.ome_zarr import OmeZarr


def named(plates: tuple[Plate, ...]) -> dict[str, Plate]:
    return {plate.name: plate for plate in plates}


@pytest.mark.parametrize("folder", ["imagehts_submorph", "imagehts_submorph/source"])
def test_two_plates_of_a_folder_per_well_open(shared_data: Path, folder: str) -> None:
    plates = named(FilePattern().read(shared_data / folder))
    assert list(plates) == ["PK-10B-pl1", "PK-11B-pl1"]
    for plate in plates.values():
        assert [w.name for w in plate.wells] == ["A03", "A05", "B03", "B05", "C03", "D03"]
        assert [(c.name, c.role) for c in plate.channels] == [("FITC", ""), ("Hoechst", "DNA"), ("Tritc", "")]
        assert not plate.problems
    picture = np.asarray(Image.open(shared_data / "imagehts_submorph/source/PK-11B-pl1/Well-B003/Hoechst.jpeg"))
    np.testing.assert_array_equal(plates["PK-11B-pl1"].field("B03", 1).read(["DNA"])[0], picture)


def test_the_users_pattern_reads_the_same_two_plates(shared_data: Path) -> None:
    own = FilePattern("{plate}/Well-{row}0{col}/{channel}.jpeg").read(shared_data / "imagehts_submorph")
    assert [(p.name, len(p.wells), len(p.channels)) for p in own] == [("PK-10B-pl1", 6, 3), ("PK-11B-pl1", 6, 3)]


def test_metaxpress_stacks_mixed_with_projections_open(shared_data: Path) -> None:
    (plate,) = FilePattern().read(shared_data / "hcs_imagexpress/ImageXpress/Projection-Mix")
    assert plate.name == "Projection-Mix"
    assert {w.name: w.names for w in plate.wells} == {"E07": ("s1", "s2"), "E08": ("s1", "s2")}
    assert [c.name for c in plate.channels] == ["w1", "w2", "w3", "w4"]
    field = plate.field("E08", 1)
    assert field.info.shape == (1, 4, 10, 512, 512)
    assert field.info.pixel_size == pytest.approx(1.3668)
    stack = np.stack([field.read(["w1"], z=z)[0] for z in range(10)])
    np.testing.assert_array_equal(field.read(["w1"])[0], stack.max(axis=0))
    assert field.read(["w3", "w4"]).any(axis=(1, 2)).all()
    assert ["8 files are left out, projections" in problem for problem in plate.problems] == [True]


def test_a_folder_of_metaxpress_plates_opens_as_three(shared_data: Path) -> None:
    plates = named(FilePattern().read(shared_data / "hcs_imagexpress"))
    assert list(plates) == ["1well-3C-2S-Zmix-T", "Projection-Mix", "SingleChannel"]
    assert plates["1well-3C-2S-Zmix-T"].field("C07", 2).info.shape == (2, 3, 1, 256, 256)
    assert plates["SingleChannel"].field("E07", 1).info.shape == (1, 1, 2, 512, 512)


def test_an_operetta_folder_opens(shared_data: Path) -> None:
    (plate,) = FilePattern().read(shared_data / "hcs_operetta")
    assert plate.name == "operetta_plate"
    assert plate.well("C03").names == ("f01", "f02")
    assert plate.channels[0].role == "DNA"
    assert plate.field("C03", 2).read().shape == (1, 1080, 1080)
    assert plate.field("C03", 1).info.pixel_size is None, "the TIFF tag holds the camera's pixel, not the sample's"


def test_a_yokogawa_plate_opens_without_its_shading_images(shared_data: Path) -> None:
    (plate,) = FilePattern().read(shared_data / "hcs_cv8000_blank")
    assert [w.name for w in plate.wells] == ["D08", "E03", "F08"]
    assert [c.name for c in plate.channels] == ["C01", "C02"]
    field = plate.field("F08", 4)
    assert field.info.shape == (1, 2, 4, 2000, 2000)
    assert not field.read(["C02"], z=3).any()
    assert ["6 of 102 image files" in problem for problem in plate.problems] == [True]


@pytest.mark.parametrize(
    ("folder", "name", "wells", "channels", "shape"),
    [
        ("BBBC022", "IXMtest", ["A02"], ["c0", "c1", "c2"], (3, 395, 695)),
        ("ExampleHuman", "AS_09125_050116030001", ["D03"], ["d0", "d1", "d2"], (3, 512, 512)),
        ("BBBC014_Vitra", "BBBC014_Vitra", ["A01", "A12"], ["Channel 1", "Channel 2"], (2, 1024, 1360)),
    ],
)
def test_benchmark_images_open(
    shared_data: Path, folder: str, name: str, wells: list[str], channels: list[str], shape: tuple[int, int, int]
) -> None:
    (plate,) = FilePattern().read(shared_data / "bbbc_small" / folder)
    assert (plate.name, [w.name for w in plate.wells], [c.name for c in plate.channels]) == (name, wells, channels)
    pixels = next(plate.fields()).read()
    assert pixels.shape == shape
    assert pixels.any(axis=(1, 2)).all()


@pytest.mark.parametrize("folder", ["mitocheck_crops", "dsb2018_fluo", "cellhts2_kcviab", "bbbc021_profiles"])
def test_folders_without_wells_are_not_taken_for_plates(shared_data: Path, folder: str) -> None:
    assert not FilePattern().recognises(shared_data / folder)
    assert not OmeZarr().recognises(shared_data / folder)


def test_the_composed_plate_opens(composed_plate: Path) -> None:
    (plate,) = FilePattern().read(composed_plate)
    assert (plate.name, len(plate.wells), plate.problems) == ("P1", 24, ())
    assert plate.channels[0].role == "DNA"
    assert plate.field("B02", 1).info.shape == (1, 1, 1, 384, 384)


@pytest.mark.parametrize(("name", "depth"), [("plate_ones", 3), ("plate_ones_mip", 1)])
def test_a_fractal_plate_opens_though_it_is_not_quite_conformant(shared_data: Path, name: str, depth: int) -> None:
    (plate,) = OmeZarr().read(shared_data / "omezarr_thirdparty/example_data" / f"{name}.zarr")
    assert (plate.name, [w.name for w in plate.wells]) == (name, ["B03"])
    assert [c.name for c in plate.channels] == ["some-label-1", "some-label-2"]
    field = plate.field("B03", 1)
    assert field.info.shape == (1, 2, depth, 1080, 1280)
    assert field.info.levels == ((1080, 1280), (540, 640), (270, 320))
    assert field.info.pixel_size == pytest.approx(0.1625)
    assert (field.read(level=2) == 1).all()


def test_a_five_dimensional_image_opens_as_one_well(shared_data: Path) -> None:
    (plate,) = OmeZarr().read(shared_data / "omezarr_thirdparty/example_data_5d/tubhiswt4D_sub.zarr")
    field = plate.field("A01", 1)
    assert field.info.shape == (3, 1, 2, 512, 512)
    assert field.info.pixel_size == 1.0
    assert not np.array_equal(field.read(t=0, level=2), field.read(t=2, level=2))


def test_an_image_of_zarr_3_with_shards_opens_as_one_well(shared_data: Path) -> None:
    (plate,) = OmeZarr().read(shared_data / "omezarr_thirdparty/example_data_zarr3/6001240_labels_v0.5.zarr")
    assert [(c.name, c.role) for c in plate.channels] == [("LaminB1", ""), ("Dapi", "DNA")]
    field = plate.field("A01", 1)
    assert field.info.shape == (1, 2, 236, 68, 67)
    assert field.info.pixel_size == pytest.approx(1.4416, abs=1e-4)
    assert field.read(["DNA"], z=118).any()


@pytest.mark.parametrize(
    ("reader", "folder"),
    [
        ("file_pattern", "hcs_imagexpress"),
        ("file_pattern", "imagehts_submorph"),
        ("ome_zarr", "omezarr_thirdparty/example_data"),
    ],
)
def test_a_plate_crosses_a_process_boundary_whole(shared_data: Path, reader: str, folder: str) -> None:
    plate = Registry(()).make("reader", reader).read(shared_data / folder)[-1]
    copy = pickle.loads(pickle.dumps(plate))
    here, there = next(plate.fields()), next(copy.fields())
    assert here.source.fingerprint() == there.source.fingerprint()
    np.testing.assert_array_equal(here.read(z=0), there.read(z=0))
