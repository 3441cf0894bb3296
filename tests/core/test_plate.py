"""Plates, fields, and the roles of channels."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from napari_phenotyper.core.channels import assign_roles, guess_roles
from napari_phenotyper.core.errors import ChannelError, PlateError, SettingError
from napari_phenotyper.core.field import FieldInfo, Region, find_channel
from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout, Plate, Well, sorted_wells
from napari_phenotyper.core.wells import WellRef


@dataclass(frozen=True)
class Numbers:
    """Pixels that tell where they come from: 1000 t + 100 c + 10 z + x, at half size one level down."""

    shape: tuple[int, int, int, int, int] = (2, 3, 4, 6, 8)

    def info(self) -> FieldInfo:
        height, width = self.shape[3:]
        return FieldInfo(self.shape, "uint16", 0.5, ((height, width), (height // 2, width // 2)))

    def plane(self, t: int, c: int, z: int, level: int, region: Region | None) -> np.ndarray:
        height, width = self.info().levels[level]
        plane = np.broadcast_to(np.arange(width, dtype=np.uint16), (height, width)) + np.uint16(
            1000 * t + 100 * c + 10 * z
        )
        return plane if region is None else plane[region]

    def fingerprint(self) -> str:
        return "numbers"


@pytest.fixture
def plate() -> Plate:
    channels = guess_roles(["w1", "GFP", "Phalloidin"])
    wells = (Well("B10", (Numbers(),)), Well("B02", (Numbers(), Numbers()), ("s1", "s2")))
    layout = Layout({WellRef("P1", "B02"): Condition("DMSO", NEGATIVE)})
    return Plate("P1", "/plates/P1", sorted_wells(wells), channels, layout)


@pytest.mark.parametrize(
    ("names", "roles"),
    [
        (["DAPI", "GFP"], ["DNA", ""]),
        (["FITC", "Hoechst 33342", "Tritc"], ["", "DNA", ""]),
        (["w1", "w2"], ["DNA", ""]),
        (["c0", "c1"], ["DNA", ""]),
        (["GFP"], ["DNA"]),
        (["GFP", "RFP"], ["", ""]),
        (["DAPI", "Hoechst"], ["DNA", ""]),
        (["w1", "DAPI"], ["", "DNA"]),
        (["Actin", "Tubulin", "DAPI"], ["actin", "tubulin", "DNA"]),
        ([], []),
    ],
)
def test_roles_are_guessed_from_names(names: list[str], roles: list[str]) -> None:
    assert [(c.name, c.role) for c in guess_roles(names)] == list(zip(names, roles, strict=True))


def test_a_role_that_is_assigned_moves_away_from_the_channel_that_had_it() -> None:
    channels = assign_roles(guess_roles(["DAPI", "GFP"]), {"DNA": "gfp"})
    assert [(c.name, c.role) for c in channels] == [("DAPI", ""), ("GFP", "DNA")]


def test_roles_that_are_not_named_stay() -> None:
    channels = assign_roles(guess_roles(["DAPI", "GFP"]), {"virus": "GFP"})
    assert [c.role for c in channels] == ["DNA", "virus"]


def test_one_channel_takes_one_role() -> None:
    with pytest.raises(SettingError, match="two roles"):
        assign_roles(guess_roles(["DAPI"]), {"DNA": "DAPI", "virus": "DAPI"})


@pytest.mark.parametrize(("key", "index"), [("DNA", 0), ("dna", 0), ("w1", 0), ("phalloidin", 2), ("ACTIN", 2), (1, 1)])
def test_a_channel_is_found_by_role_name_or_index(plate: Plate, key: str | int, index: int) -> None:
    assert find_channel(plate.channels, key) == index


@pytest.mark.parametrize("key", ["mito", 3, -1])
def test_a_missing_channel_is_told_with_those_there_are(plate: Plate, key: str | int) -> None:
    with pytest.raises(ChannelError) as caught:
        find_channel(plate.channels, key)
    assert repr(key) in caught.value.what
    assert "w1 (DNA), GFP, Phalloidin (actin)" in caught.value.what
    assert "--set DNA=" in caught.value.remedy


def test_a_field_is_projected_over_z_unless_a_plane_is_named(plate: Plate) -> None:
    field = plate.field("B02", 1)
    assert field.read(["GFP"]).max() == 100 + 30 + 7
    assert field.read(["GFP"], z=1).max() == 100 + 10 + 7
    assert field.read(["GFP"], t=1, z=0).min() == 1000 + 100


def test_a_field_is_read_by_region_and_level(plate: Plate) -> None:
    image = plate.field("B02", 2).read(level=1, z=0, region=(slice(1, 3), slice(2, 4)))
    assert image.shape == (3, 2, 2)
    assert image[0, 0].tolist() == [2, 3]
    assert image.dtype == np.uint16


def test_channels_come_in_the_order_in_which_they_are_asked_for(plate: Plate) -> None:
    image = plate.field("B10", 1).read(["actin", "DNA"], z=0)
    assert image[:, 0, 0].tolist() == [200, 0]


def test_reading_no_channel_gives_no_plane_of_the_right_size(plate: Plate) -> None:
    image = plate.field("B10", 1).read([], level=1)
    assert (image.shape, image.dtype) == ((0, 3, 4), np.uint16)


def test_wells_are_found_by_any_spelling_and_come_row_by_row(plate: Plate) -> None:
    assert [w.name for w in plate.wells] == ["B02", "B10"]
    assert plate.well("b2").names == ("s1", "s2")
    assert [str(f.ref) for f in plate.fields()] == ["P1 B02 field 1", "P1 B02 field 2", "P1 B10 field 1"]
    assert [str(f.ref) for f in plate.fields(["B10"])] == ["P1 B10 field 1"]


@pytest.mark.parametrize(("well", "number"), [("A01", 1), ("B02", 0), ("B02", 3)])
def test_a_well_or_field_without_images_is_named(plate: Plate, well: str, number: int) -> None:
    with pytest.raises(PlateError, match=rf"P1.*{well}|{well}.*P1"):
        plate.field(well, number)


def test_a_renamed_plate_takes_its_layout_along(plate: Plate) -> None:
    renamed = plate.named("P2")
    assert renamed.layout.of(WellRef("P2", "B02")).treatment == "DMSO"
    assert plate.layout.wells(NEGATIVE) == (WellRef("P1", "B02"),)
    assert renamed.well_refs() == (WellRef("P2", "B02"), WellRef("P2", "B10"))


def test_of_two_layouts_the_later_one_counts() -> None:
    first = Layout({WellRef("P", "A01"): Condition("a"), WellRef("P", "A02"): Condition("b")})
    merged = first.merged(Layout({WellRef("P", "A02"): Condition("c")}))
    assert [c.treatment for c in merged.conditions.values()] == ["a", "c"]
    assert merged.of(WellRef("P", "A03")).role == "sample"


def test_giving_a_role_leaves_the_plate_as_it_was(plate: Plate) -> None:
    changed = plate.with_roles({"virus": "GFP"})
    assert changed.channels[1].label == "virus"
    assert plate.channels[1].label == "GFP"
