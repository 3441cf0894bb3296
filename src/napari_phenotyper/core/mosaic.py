"""Where the wells and fields of a plate lie in one picture of all of them, the mosaic."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.field import Region
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import FieldRef, parse_well

LIMIT = 4096
"""Pixels a side that a mosaic has at most: graphics cards take it as one texture, and it stays quick to redraw."""

_SIDES = (256, 192, 128, 96, 64, 48, 32, 24, 16, 12, 8, 6, 4)
"""Pixels along the longer side of a field's thumbnail, the largest that fits is taken."""
_SEEN = 800.0
"""Screen pixels that a mosaic is usually seen at as a whole: lines and letters are drawn for that."""
_LINE, _LETTERS = 1.0, 17.0
"""Screen pixels of a border and of the letters of rows and columns there."""


@dataclass(frozen=True, eq=False)
class MosaicPlan:
    """Where each field lies in the mosaic of a plate.

    The wells lie as on the plate, from its first row and column that have images to its last; a well's fields lie in
    the order of their numbers, as nothing says where they were taken.

    Attributes
    ----------
    plate
        Name.
    fields
        Well to how many fields it has.
    tile
        (height, width) of a field's thumbnail in pixels.
    channels, dtype, pixel_size
        Of its fields: how many, type of the pixels, µm per pixel of the mosaic (None where it is unknown).
    """

    plate: str
    fields: Mapping[str, int]
    tile: tuple[int, int]
    channels: int = 1
    dtype: str = "uint16"
    pixel_size: float | None = None

    @cached_property
    def places(self) -> Mapping[tuple[int, int], str]:
        """(row, column), counted from 1 on the plate, to each well that has images."""
        return {parse_well(well): well for well in self.fields}

    @cached_property
    def corner(self) -> tuple[int, int]:
        """First row and column that have images."""
        return min((r for r, _ in self.places), default=1), min((c for _, c in self.places), default=1)

    @cached_property
    def wells(self) -> tuple[int, int]:
        """Rows and columns of wells in the mosaic."""
        last = max((r for r, _ in self.places), default=1), max((c for _, c in self.places), default=1)
        return last[0] - self.corner[0] + 1, last[1] - self.corner[1] + 1

    @cached_property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of fields in a well."""
        most = max(self.fields.values(), default=1)
        across = math.ceil(math.sqrt(most))
        return math.ceil(most / across), across

    @cached_property
    def inside(self) -> tuple[int, int]:
        """Height and width of a well's fields, a pixel between them."""
        return tuple(n * side + n - 1 for n, side in zip(self.grid, self.tile, strict=True))  # type: ignore[return-value]

    @cached_property
    def head(self) -> int:
        """Height of the strip above a well's fields that its name stands in."""
        return min(max(round(0.12 * self.inside[1]), 6), 26)

    @cached_property
    def line(self) -> int:
        """Thickness of a well's border, which never outshines what is inside."""
        extent = max(n * side for n, side in zip(self.wells, self.inside, strict=True))
        return max(1, min(round(_LINE * extent / _SEEN), self.inside[1] // 40))

    @cached_property
    def pitch(self) -> tuple[int, int]:
        """Distance of wells, down and across."""
        gap = 4 * self.line + 1  # room for a border of twice the thickness on both sides
        return self.inside[0] + self.head + gap, self.inside[1] + gap

    @cached_property
    def letters(self) -> int:
        """Height of the names of rows and columns."""
        extent = max(n * pitch for n, pitch in zip(self.wells, self.pitch, strict=True))
        return max(12, round(_LETTERS * extent / _SEEN))

    @cached_property
    def margin(self) -> int:
        """Above and left of the wells, for the names of rows and columns."""
        return round(1.6 * self.letters)

    @cached_property
    def size(self) -> tuple[int, int]:
        """Height and width of the mosaic."""
        return tuple(self.margin + n * p for n, p in zip(self.wells, self.pitch, strict=True))  # type: ignore[return-value]

    def refs(self) -> Iterator[FieldRef]:
        """Yield every field, well by well."""
        for well, count in self.fields.items():
            yield from (FieldRef(self.plate, well, number) for number in range(1, count + 1))

    def well_box(self, row: int, column: int) -> tuple[int, int, int, int]:
        """Return top, left, bottom and right of a well, its name among it; rows and columns as on the plate."""
        top = self.margin + (row - self.corner[0]) * self.pitch[0] + self.line
        left = self.margin + (column - self.corner[1]) * self.pitch[1] + self.line
        return top, left, top + self.head + self.inside[0], left + self.inside[1]

    def box(self, ref: FieldRef) -> Region:
        """Return rows and columns of a field's thumbnail."""
        top, left, _, _ = self.well_box(*parse_well(ref.well))
        down, across = divmod(ref.field - 1, self.grid[1])
        top, left = top + self.head + down * (self.tile[0] + 1), left + across * (self.tile[1] + 1)
        return slice(top, top + self.tile[0]), slice(left, left + self.tile[1])

    def at(self, y: float, x: float) -> FieldRef | None:
        """Return the field at a point, the nearest one of the well there; None beside the wells that have images."""
        row, column = (math.floor((v - self.margin) / p) for v, p in zip((y, x), self.pitch, strict=True))
        place = row + self.corner[0], column + self.corner[1]
        well = self.places.get(place) if row >= 0 and column >= 0 else None
        if well is None:
            return None
        top, left, _, _ = self.well_box(*place)
        down = min(max(math.floor((y - top - self.head) / (self.tile[0] + 1)), 0), self.grid[0] - 1)
        across = min(max(math.floor((x - left) / (self.tile[1] + 1)), 0), self.grid[1] - 1)
        return FieldRef(self.plate, well, min(down * self.grid[1] + across + 1, self.fields[well]))

    def missing(self) -> Iterator[tuple[int, int]]:
        """Yield row and column of each well among these that has no images."""
        for row in range(self.corner[0], self.corner[0] + self.wells[0]):
            for column in range(self.corner[1], self.corner[1] + self.wells[1]):
                if (row, column) not in self.places:
                    yield row, column


def make_plan(plate: Plate, limit: int = LIMIT) -> MosaicPlan:
    """Return the mosaic of a plate that has the largest thumbnails with which no side is longer than `limit` pixels.

    The size of the fields is that of the first one that says it; where none does, they are taken for squares.
    """
    shape, dtype, pixel = (_SIDES[0], _SIDES[0]), "uint16", None
    for well in plate.wells:
        try:
            info = well.sources[0].info()
        except (PhenotyperError, IndexError):
            continue
        shape, dtype, pixel = info.shape[3:], info.dtype, info.pixel_size
        break
    fields = {well.name: len(well.sources) for well in plate.wells if well.sources}
    for side in _SIDES:
        scale = min(side / max(shape), 1.0)
        tile = max(round(shape[0] * scale), 1), max(round(shape[1] * scale), 1)
        size = pixel / scale if pixel else None
        plan = MosaicPlan(plate.name, fields, tile, len(plate.channels), dtype, size)
        if max(plan.size) <= limit:
            break
    return plan
