"""Names of wells."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.wells import (
    PLATE_SHAPES,
    FieldRef,
    WellRef,
    normal_well,
    parse_well,
    plate_order,
    plate_shape,
    row_letters,
    well_name,
    wells_named,
)

rows = st.integers(1, 32)
columns = st.integers(1, 48)


def all_wells(count: int) -> list[str]:
    height, width = PLATE_SHAPES[count]
    return [well_name(row, column) for row in range(1, height + 1) for column in range(1, width + 1)]


@pytest.mark.parametrize("count", PLATE_SHAPES)
def test_every_well_of_every_plate_has_its_own_name(count: int) -> None:
    names = all_wells(count)
    assert len(set(names)) == count
    assert [parse_well(name) for name in names] == sorted(parse_well(name) for name in names)


@pytest.mark.parametrize(
    ("count", "last"),
    [(6, "B03"), (12, "C04"), (24, "D06"), (48, "F08"), (96, "H12"), (384, "P24"), (1536, "AF48")],
)
def test_the_last_well_of_a_plate_is_known_by_name(count: int, last: str) -> None:
    assert all_wells(count)[-1] == last


@given(rows, columns)
def test_a_well_comes_back_from_its_name(row: int, column: int) -> None:
    assert parse_well(well_name(row, column)) == (row, column)


@given(rows, columns, st.booleans(), st.integers(0, 2), st.sampled_from(["", "-", "_", " "]))
def test_every_spelling_of_a_well_is_the_same_well(row: int, column: int, lower: bool, zeros: int, mark: str) -> None:
    letters = row_letters(row).lower() if lower else row_letters(row)
    spellings = (f"{letters}{mark}{'0' * zeros}{column}", f"r{row:02d}{mark}c{column:02d}", f" R{row}C{column} ")
    assert {normal_well(spelling) for spelling in spellings} == {well_name(row, column)}


@pytest.mark.parametrize(
    "text", ["", "A", "7", "A0", "A00", "A49", "AG1", "ZZ1", "B03x", "well", "r33c1", "1A", "A1.5"]
)
def test_a_text_that_names_no_well_is_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(PlateError, match="names no well") as caught:
        parse_well(text)
    assert "A01" in caught.value.remedy


@pytest.mark.parametrize(("row", "column"), [(0, 1), (-1, 1), (703, 1), (1, 0)])
def test_rows_and_columns_count_from_one(row: int, column: int) -> None:
    with pytest.raises(PlateError, match=r"no (row|column)"):
        well_name(row, column)


@pytest.mark.parametrize(("row", "letters"), [(1, "A"), (26, "Z"), (27, "AA"), (32, "AF"), (52, "AZ"), (53, "BA")])
def test_rows_after_z_have_two_letters(row: int, letters: str) -> None:
    assert row_letters(row) == letters


def test_wells_sort_row_by_row_and_by_number() -> None:
    assert sorted(["AA01", "B01", "A10", "A02", "Z01"], key=plate_order) == ["A02", "A10", "B01", "Z01", "AA01"]


@pytest.mark.parametrize(
    ("wells", "shape"),
    [
        ([], (8, 12)),
        (["A01"], (8, 12)),
        (["H12"], (8, 12)),
        (["A13"], (16, 24)),
        (["I01"], (16, 24)),
        (["AF48"], (32, 48)),
    ],
)
def test_the_smallest_standard_plate_from_96_wells_up_holds_the_wells(wells: list[str], shape: tuple[int, int]) -> None:
    assert plate_shape(wells) == shape


def test_a_field_is_named_for_a_person_and_knows_its_well() -> None:
    ref = FieldRef("P1", "B03", 2)
    assert str(ref) == "P1 B03 field 2"
    assert ref.well_ref == WellRef("P1", "B03")


@pytest.mark.parametrize(
    ("text", "found"),
    [("b3", ["B03"]), ("B03; AB12", ["B03", "AB12"]), ("B", ["B03", "B12"]), ("B*", ["B03", "B12"]), ("", []),
     ("*12", ["B12", "AB12"]), ("12", ["B12", "AB12"]), ("?03 AB", ["A03", "B03", "AB12"])],
)  # fmt: skip
def test_a_text_names_wells_rows_columns_and_patterns(text, found):
    assert wells_named(text, ["AB12", "B12", "B03", "A03"]) == (tuple(found), ())


def test_words_that_name_no_well_are_told():
    assert wells_named("B03, Z9, DMSO", ["B03", "C03"]) == (("B03",), ("Z9", "DMSO"))
