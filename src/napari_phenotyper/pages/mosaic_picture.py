"""What is drawn over and around the thumbnails of a mosaic: borders and names of wells, and the colours of a value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from napari_phenotyper.core.mosaic import MosaicPlan
from napari_phenotyper.core.wells import FieldRef, parse_well, row_letters

Rgba = NDArray[np.uint8]
Rgb = tuple[int, int, int]
Box = tuple[float, float, float, float]

_BORDER, _MISSING, _NAME, _TITLE = (104, 112, 122, 255), (60, 66, 74, 255), (214, 220, 226, 255), (236, 240, 244, 255)
_ROLES = {"negative": (108, 160, 255, 255), "positive": (240, 110, 165, 255), "empty": (150, 158, 168, 255)}
"""Borders of wells that have a role, lighter than on the white of a report."""
_DASHES = {"positive": 4, "empty": 9}
"""Role to the dashes along each side of its border, so that roles are told apart without colour."""
_SELECTED, _PROBLEM = (255, 255, 255, 255), (255, 107, 61, 255)
STEPS = 24
"""Pixels along a well in a picture of its value."""


def frames(
    plan: MosaicPlan,
    roles: Mapping[str, str] | None = None,
    selected: Collection[str] = (),
    problems: Collection[FieldRef] = (),
) -> Rgba:
    """Return (y, x, 4) uint8 as large as the mosaic: borders and names, crosses where a field cannot be read.

    Parameters
    ----------
    plan
        Where all lies.
    roles
        Well to "negative", "positive", "empty": these have a border of their own.
    selected
        Wells with a thick white border.
    problems
        Fields that cannot be read.
    """
    picture = Image.new("RGBA", plan.size[::-1], (0, 0, 0, 0))
    draw = ImageDraw.Draw(picture)
    for at in plan.missing():
        _frame(draw, plan.well_box(*at), _MISSING, plan.line)
    letters = font(round(plan.head * 0.82))
    for (row, column), well in plan.places.items():
        top, left, bottom, right = plan.well_box(row, column)
        role = (roles or {}).get(well, "")
        thick = plan.line * (2 if role in _ROLES else 1)
        _frame(draw, (top, left, bottom, right), _ROLES.get(role, _BORDER), thick, _DASHES.get(role, 0))
        if well in selected:
            _frame(draw, (top, left, bottom, right), _SELECTED, 3 * plan.line)
        draw.text((left + plan.line, top + plan.head / 2), well, fill=_NAME, font=letters, anchor="lm")
    for ref in problems:
        rows, columns = plan.box(ref)
        _cross(draw, (rows.start, columns.start, rows.stop, columns.stop), plan.line)
    _rows_and_columns(draw, plan)
    return np.asarray(picture)


def _frame(draw: ImageDraw.ImageDraw, box: Box, ink: tuple[int, ...], thick: int, dashes: int = 0) -> None:
    """Draw a border around a box, outside it."""
    top, left, bottom, right = box[0] - thick, box[1] - thick, box[2] + thick - 1, box[3] + thick - 1
    if not dashes:
        draw.rectangle((left, top, right, bottom), outline=ink, width=thick)
        return
    for a, b in _dashes(left, right + 1, dashes):
        draw.rectangle((a, top, b, top + thick - 1), fill=ink)
        draw.rectangle((a, bottom - thick + 1, b, bottom), fill=ink)
    for a, b in _dashes(top, bottom + 1, dashes):
        draw.rectangle((left, a, left + thick - 1, b), fill=ink)
        draw.rectangle((right - thick + 1, a, right, b), fill=ink)


def _dashes(start: float, stop: float, count: int) -> Iterable[tuple[float, float]]:
    """Return where dashes begin and end, the first and the last one at the ends."""
    marks = np.rint(np.linspace(start, stop, 2 * count)).tolist()
    return ((a, b - 1) for a, b in zip(marks[::2], marks[1::2], strict=True))


def _cross(draw: ImageDraw.ImageDraw, box: Box, thick: int) -> None:
    top, left, bottom, right = box[0], box[1], box[2] - 1, box[3] - 1
    draw.line((left, top, right, bottom), fill=_PROBLEM, width=thick)
    draw.line((left, bottom, right, top), fill=_PROBLEM, width=thick)


def _rows_and_columns(draw: ImageDraw.ImageDraw, plan: MosaicPlan) -> None:
    """Write the names of rows and columns, every other one where they would touch."""
    letters, (rows, columns) = font(plan.letters), plan.wells
    step = _every(plan.letters * 1.5, plan.pitch[1])
    for column in range(plan.corner[1], plan.corner[1] + columns):
        _, left, _, right = plan.well_box(plan.corner[0], column)
        if (column - plan.corner[1]) % step == 0:
            draw.text(((left + right) / 2, plan.margin / 2), str(column), fill=_TITLE, font=letters, anchor="mm")
    step = _every(plan.letters * 1.15, plan.pitch[0])
    for row in range(plan.corner[0], plan.corner[0] + rows):
        top, _, bottom, _ = plan.well_box(row, plan.corner[1])
        if (row - plan.corner[0]) % step == 0:
            draw.text((plan.margin / 2, (top + bottom) / 2), row_letters(row), fill=_TITLE, font=letters, anchor="mm")


def _every(need: float, pitch: float) -> int:
    return next((step for step in (1, 2, 4, 8, 16) if step * pitch >= need), 16)


@cache
def font(height: int) -> ImageFont.FreeTypeFont:
    """Return matplotlib's own letters, which are there on every system, of a height in pixels."""
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), max(height, 5))


def heat(plan: MosaicPlan, colours: Mapping[str, Rgb], *, filled: bool) -> Rgba:
    """Return (24 rows, 24 columns, 4) uint8 of the wells in the colours of their values.

    Parameters
    ----------
    plan
        Where the wells lie; the picture covers them without the names of rows and columns.
    colours
        Well to its colour; the others stay clear.
    filled
        The whole well wears it, or only its rim, so that the cells inside are seen.
    """
    rows, columns = plan.wells
    table = np.zeros((rows, columns, 4), np.uint8)
    for well, colour in colours.items():
        if well in plan.fields:
            row, column = parse_well(well)
            table[row - plan.corner[0], column - plan.corner[1]] = (*colour, 255)
    picture = table.repeat(STEPS, axis=0).repeat(STEPS, axis=1)
    if not filled:
        shape = np.ones((STEPS, STEPS), bool)
        shape[1:-1, 1:-1] = False
        picture[..., 3] *= np.tile(shape, (rows, columns))
    return picture


def laid_over(below: NDArray[np.float32], above: Rgba, opacity: float = 1.0) -> NDArray[np.float32]:
    """Return (y, x, 3) of 0 … 1 with an RGBA picture of the same size over it."""
    alpha = above[..., 3:].astype(np.float32) * (opacity / 255)
    return below * (1 - alpha) + above[..., :3].astype(np.float32) / 255 * alpha
