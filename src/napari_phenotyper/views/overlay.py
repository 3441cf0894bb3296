"""The class image: what every cell of the open field looks like, as one uint8 picture. Numpy only.

A picture holds codes, and a constant colormap (`colours`) says what each code looks like, so new predictions cost one
table lookup per pixel and a click repaints only the pixels of one cell.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.errors import SettingError

Style = Literal["outlines", "filled"]
Colouring = Literal["class", "confidence"]
Rgba = tuple[float, float, float, float]
Codes = NDArray[np.uint8]
Pixels = tuple[NDArray[np.intp], NDArray[np.intp], Codes]

CONFIDENCE = (
    "#fdf04a", "#fdc727", "#fba238", "#f2814c", "#e3645f", "#d04a79", "#b93a95", "#9d38b0", "#7c43c2", "#5a50c8",
)  # fmt: skip
"""Colours of ten equal steps of confidence from 0 to 1: the doubtful cells are the bright ones (after plasma, whose
dark end is lightened so that it can be seen on black)."""

_CELL, _RIM, _SHADE = 1, 2, 3
_FIRST_STEP = 4
"""Then ten steps of a line and a fill each, then the classes, of a line, a light and a strong fill each."""
_FIRST_CLASS = _FIRST_STEP + 2 * len(CONFIDENCE)
MAX_CLASSES = (256 - _FIRST_CLASS) // 3
"""How many classes fit into the codes."""

_LIGHT, _STRONG = 0.45, 0.85
_BLOCK, _SHARE = 1 << 15, 1 << 23
_BAND = 128
_REACH = 32


@dataclass(frozen=True, eq=False)
class Faces:
    """How each cell of the open field looks; arrays of length max_id + 1, indexed by cell id.

    Attributes
    ----------
    predicted, annotated
        int16 class index, or -1.
    probability
        float32, of the predicted class; NaN where unknown.
    """

    predicted: NDArray[np.int16]
    annotated: NDArray[np.int16]
    probability: NDArray[np.float32]

    @staticmethod
    def plain(max_id: int) -> Faces:
        """Return the faces of cells of which nothing is known."""
        none = np.full(max_id + 1, -1, np.int16)
        return Faces(none, none.copy(), np.full(max_id + 1, np.nan, np.float32))


class ClassImage:
    """Draws the cells of one field.

    Parameters
    ----------
    labels
        (y, x) int32; 0 is background.
    style
        "outlines": a line for a predicted cell; "filled": a translucent fill. An annotated cell has a white rim in
        both, and in "outlines" it alone is filled, so that it is told apart without colour.
    colouring
        "class", or "confidence" for the probability of the predicted class; annotated cells keep their class colour.
    zones
        What `zoned(labels)` gave, where it is there already (it depends on neither style nor colouring).
    """

    def __init__(
        self,
        labels: NDArray[np.int32],
        style: Style = "outlines",
        colouring: Colouring = "class",
        zones: NDArray[np.int32] | None = None,
    ) -> None:
        self.labels = labels
        self.style: Style = style
        self.colouring: Colouring = colouring
        self._zones = zones
        self._max_id: int | None = None

    @property
    def zones(self) -> NDArray[np.int32]:
        """The field's `zoned` labels, made when they are first asked for."""
        if self._zones is None:
            self._zones = zoned(self.labels)
        return self._zones

    def draw(self, faces: Faces, into: Codes | None = None) -> Codes:
        """Return the whole picture, uint8 (y, x).

        Parameters
        ----------
        faces
            Of the whole field.
        into
            A picture of the same shape to draw over, without gaps in memory: a new one of 8192² costs 30 ms more.

        Raises
        ------
        ValueError
            If `faces` is shorter than the highest id needs.
        """
        flat = self.zones.reshape(-1)
        if self._max_id is None:
            self._max_id = int(flat.max(initial=0)) >> 2
        if len(faces.predicted) <= self._max_id:
            raise ValueError(f"Faces of {len(faces.predicted)} ids do not cover cell {self._max_id}.")
        looks = self._looks(faces).reshape(-1)
        fits = into is not None and into.shape == self.zones.shape and into.flags.c_contiguous
        picture = into.reshape(-1) if into is not None and fits else np.empty(flat.shape, np.uint8)

        def look_up(share: slice) -> None:
            # np.take turns its indices into 64 bits: in blocks that copy stays in the cache
            for start in range(share.start, share.stop, _BLOCK):
                part = slice(start, min(start + _BLOCK, share.stop))
                np.take(looks, flat[part], out=picture[part], mode="clip")

        shares = [slice(start, min(start + _SHARE, flat.size)) for start in range(0, flat.size, _SHARE)]
        if len(shares) < 2:
            look_up(slice(0, flat.size))
        else:  # numpy lets go of the interpreter's lock here, so that threads share the work
            with ThreadPoolExecutor(min(os.cpu_count() or 1, 4)) as threads:
                list(threads.map(look_up, shares))
        return picture.reshape(self.zones.shape)

    def draw_cells(self, faces: Faces, points: Mapping[int, tuple[float, float]]) -> Pixels:
        """Return rows, columns and codes of the pixels of a few cells.

        Parameters
        ----------
        faces
            Of the whole field.
        points
            Cell id to a point (y, x) in it or close by: its pixels are looked for around there, not in the whole image.
        """
        found: list[Pixels] = []
        for cell, (y, x) in points.items():
            rows, columns = self._pixels(cell, y, x)
            looks = self._looks(faces, np.array([cell]))[0]
            found.append((rows, columns, looks[self.zones[rows, columns] & 3]))
        if not found:
            return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.uint8)
        rows, columns, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
        return rows, columns, values

    def _pixels(self, cell: int, y: float, x: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        height, width = self.zones.shape
        row, column = min(max(round(y), 0), height - 1), min(max(round(x), 0), width - 1)
        reach = _REACH
        while True:
            top, bottom = max(row - reach, 0), min(row + reach + 1, height)
            left, right = max(column - reach, 0), min(column + reach + 1, width)
            inside = self.zones[top:bottom, left:right] >> 2 == cell
            cut = (
                (top > 0 and inside[0].any())
                or (left > 0 and inside[:, 0].any())
                or (bottom < height and inside[-1].any())
                or (right < width and inside[:, -1].any())
            )
            rows, columns = np.nonzero(inside)
            whole = bottom - top == height and right - left == width
            if whole or (rows.size and not cut):
                return rows + top, columns + left
            reach *= 2

    def _looks(self, faces: Faces, ids: NDArray[np.integer] | slice = slice(None)) -> Codes:
        """Return (n, 4) codes: of a cell's outermost pixels, the second, the third, and all that lie deeper."""
        predicted, annotated = faces.predicted[ids], faces.annotated[ids]
        marked = annotated >= 0
        shown = np.where(marked, annotated, predicted).astype(np.int32)
        line = _FIRST_CLASS + 3 * shown
        if self.colouring == "confidence":
            probability = faces.probability[ids]
            known = ~np.isnan(probability)
            step = np.clip(np.nan_to_num(probability) * len(CONFIDENCE), 0, len(CONFIDENCE) - 1).astype(np.int32)
            line = np.where(marked, line, _FIRST_STEP + 2 * step)
            shown = np.where(marked | known, shown, -1)
        looks = np.zeros((len(shown), 4), np.uint8)
        plain, guessed = shown < 0, (shown >= 0) & ~marked
        looks[plain, 0] = _CELL
        looks[guessed] = self._guess(line[guessed])
        looks[marked] = self._mark(line[marked])
        if isinstance(ids, slice):
            looks[0] = 0
        return looks

    def _guess(self, line: NDArray[np.int32]) -> NDArray[np.int32]:
        if self.style == "outlines":
            # a shade inside the line sets it off from a bright nucleus
            return np.stack([line, line, np.full_like(line, _SHADE), np.zeros_like(line)], axis=1)
        return np.stack([line, line + 1, line + 1, line + 1], axis=1)

    def _mark(self, line: NDArray[np.int32]) -> NDArray[np.int32]:
        rim = np.full_like(line, _RIM)
        if self.style == "outlines":
            return np.stack([rim, line, line, line + 1], axis=1)
        return np.stack([rim, line + 2, line + 2, line + 2], axis=1)


def zoned(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return four times the label plus the zone of each pixel, (y, x) int32.

    The zone is the distance (of 4-neighbours) from the cell's edge: 0 the outermost pixels, 1, 2, and 3 for all that
    lie deeper. The edge of the image is no edge of a cell. Takes 0.3 s at 8192²: may be called in a thread.
    """
    zones = np.empty(labels.shape, np.int32)
    height = labels.shape[0]
    for top in range(0, height, _BAND):
        # three rows more on each side decide the zones of this band
        first, last = max(top - 3, 0), min(top + _BAND + 3, height)
        bottom = min(top + _BAND, height)
        depth = _depth(labels[first:last])[top - first : bottom - first]
        np.multiply(labels[top:bottom], 4, out=zones[top:bottom])
        zones[top:bottom] += depth
    return zones


def _depth(labels: NDArray[np.int32]) -> Codes:
    near = np.zeros(labels.shape, bool)
    for axis in (0, 1):
        ahead, behind = _neighbours(axis)
        differ = labels[ahead] != labels[behind]
        near[ahead] |= differ
        near[behind] |= differ
    depth = np.full(labels.shape, 3, np.uint8)
    depth -= near
    for _ in range(2):
        grown = near.copy()
        for axis in (0, 1):
            ahead, behind = _neighbours(axis)
            grown[ahead] |= near[behind]
            grown[behind] |= near[ahead]
        near = grown
        depth -= near
    return depth


def _neighbours(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    before = (slice(None),) * axis
    return (*before, slice(1, None)), (*before, slice(None, -1))


def colours(phenotypes: Sequence[Phenotype]) -> dict[int, Rgba]:
    """Return the colour of every code that a picture of these classes can hold: red, green, blue, alpha from 0 to 1.

    Raises
    ------
    SettingError
        If there are more classes than codes.
    """
    if len(phenotypes) > MAX_CLASSES:
        raise SettingError(
            f"The overlay can show {MAX_CLASSES} classes, not {len(phenotypes)}.", "Merge or remove classes."
        )
    table: dict[int, Rgba] = {
        0: (0.0, 0.0, 0.0, 0.0),
        _CELL: (0.78, 0.80, 0.82, 0.8),
        _RIM: (1.0, 1.0, 1.0, 1.0),
        _SHADE: (0.0, 0.0, 0.0, 0.5),
    }
    for step, colour in enumerate(CONFIDENCE):
        line = _FIRST_STEP + 2 * step
        table |= {line: _rgba(colour, 1.0), line + 1: _rgba(colour, _LIGHT)}
    for index, phenotype in enumerate(phenotypes):
        line = _FIRST_CLASS + 3 * index
        fills = {line + 1: _rgba(phenotype.colour, _LIGHT), line + 2: _rgba(phenotype.colour, _STRONG)}
        table |= {line: _rgba(phenotype.colour, 1.0), **fills}
    return table


def dot_codes(phenotypes: Sequence[Phenotype]) -> dict[str, int]:
    """Return each class's code of a full colour, for pictures in which a cell is a dot."""
    return {phenotype.name: _FIRST_CLASS + 3 * index for index, phenotype in enumerate(phenotypes[:MAX_CLASSES])}


def preview_colours() -> dict[int, Rgba]:
    """Return the colours of cells that are only tried out: orange, which shows on black and on bright nuclei."""
    return {**colours(()), _CELL: _rgba("#ff9500", 1.0)}


def _rgba(colour: str, alpha: float) -> Rgba:
    red, green, blue = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    return red, green, blue, alpha
