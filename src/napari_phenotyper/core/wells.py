"""Names of wells on plates of 6 to 1536 wells.

A well is named by its row letters and its column with at least two digits: A01 … H12, A01 … AF48.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import NamedTuple

from napari_phenotyper.core.errors import PlateError

PLATE_SHAPES = {6: (2, 3), 12: (3, 4), 24: (4, 6), 48: (6, 8), 96: (8, 12), 384: (16, 24), 1536: (32, 48)}
"""Wells on a plate: (rows, columns)."""

_NAME = re.compile(r"([A-Za-z]{1,2})[ _-]?0*([1-9]\d?)")
_ROW_COLUMN = re.compile(r"[rR]0*([1-9]\d?)[ _-]?[cC]0*([1-9]\d?)")


class WellRef(NamedTuple):
    """A well of a screen: plate name and well name."""

    plate: str
    well: str

    def __str__(self) -> str:
        """Name the well for a person."""
        return f"{self.plate} {self.well}"


class FieldRef(NamedTuple):
    """A field of a screen: plate name, well name and the field's number in the well, from 1."""

    plate: str
    well: str
    field: int

    @property
    def well_ref(self) -> WellRef:
        """The well that the field lies in."""
        return WellRef(self.plate, self.well)

    def __str__(self) -> str:
        """Name the field for a person."""
        return f"{self.plate} {self.well} field {self.field}"


def row_letters(row: int) -> str:
    """Return the letters of a row counted from 1: 1 is A, 26 is Z, 27 is AA, 32 is AF."""
    if not 1 <= row <= 702:
        raise PlateError(f"A plate has no row {row}.", "Rows count from 1.")
    letters = chr(ord("A") + (row - 1) % 26)
    return letters if row <= 26 else chr(ord("A") + (row - 1) // 26 - 1) + letters


def well_name(row: int, column: int) -> str:
    """Return the name of the well in a row and column, both counted from 1."""
    if column < 1:
        raise PlateError(f"A plate has no column {column}.", "Columns count from 1.")
    return f"{row_letters(row)}{column:02d}"


@lru_cache(maxsize=8192)
def parse_well(text: str) -> tuple[int, int]:
    """Return row and column, both from 1, of a well named as A01, A1, A001, a1, AF48 or r01c01.

    Raises
    ------
    PlateError
        If the text names no well of a plate of up to 1536 wells.
    """
    text = text.strip()
    row = column = 0
    if match := _ROW_COLUMN.fullmatch(text):
        row, column = int(match[1]), int(match[2])
    elif match := _NAME.fullmatch(text):
        letters = match[1].upper()
        row, column = 0, int(match[2])
        for letter in letters:
            row = row * 26 + ord(letter) - ord("A") + 1
    rows, columns = PLATE_SHAPES[1536]
    if not (1 <= row <= rows and 1 <= column <= columns):
        raise PlateError(f"{text!r} names no well.", "Wells are named A01 to AF48, or r01c01.")
    return row, column


def normal_well(text: str) -> str:
    """Return the normal name of a well: `normal_well("b3") == "B03"`."""
    return well_name(*parse_well(text))


def plate_shape(wells: Iterable[str], least: int = 0) -> tuple[int, int]:
    """Return (rows, columns) of the smallest standard plate that holds all the wells: of `least` wells, or from 96 up.

    Smaller plates are never guessed: a few wells of a larger plate are the commoner case, and a wrong small
    geometry would hide that the others are missing.
    """
    positions = [parse_well(w) for w in wells]
    rows = max((r for r, _ in positions), default=1)
    columns = max((c for _, c in positions), default=1)
    for count, (height, width) in PLATE_SHAPES.items():
        if count >= (least or 96) and rows <= height and columns <= width:
            return height, width
    return rows, columns


def plate_order(well: str) -> tuple[int, int]:
    """Sort key that orders wells row by row (A02 before A10, Z01 before AA01)."""
    return parse_well(well)


def wells_named(text: str, wells: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return those of some wells that a text names, row by row, and the words in it that name none.

    Parameters
    ----------
    text
        Words between commas or blanks: a well ("B03", "b3"), a row ("B"), a column ("3"), or a pattern in which * is
        any letters and ? is one ("B*", "*03").
    wells
        Normal names.
    """
    known = sorted(set(wells), key=plate_order)
    found: set[str] = set()
    unknown = []
    for word in re.split(r"[\s,;]+", text.strip()):
        named = [well for well in known if _is_named(well, word.upper())]
        found.update(named)
        if word and not named:
            unknown.append(word)
    return tuple(well for well in known if well in found), tuple(unknown)


def _is_named(well: str, word: str) -> bool:
    letters, number = well.rstrip("0123456789"), well.lstrip("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    if word.isdecimal():
        return int(number) == int(word)
    if match := _NAME.fullmatch(word):
        return letters == match[1].upper() and int(number) == int(match[2])
    return letters == word or fnmatchcase(well, word)
