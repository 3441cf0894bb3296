"""What segmenters and extractors receive: the pixels of a field by role, its masks, and the per-cell pixel index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ChannelError
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.wells import FieldRef

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class CellIndex:
    """The pixels of every cell of one compartment, cell after cell. P pixels, n cells.

    Attributes
    ----------
    shape
        (y, x) of the field.
    ids
        (n,) int32, ascending.
    offsets
        (n + 1,) int64; cell i owns entries offsets[i] … offsets[i + 1].
    y, x
        (P,) int32 coordinates, in raster order within a cell.
    box
        (n, 4) int32: top, left, bottom, right; bottom and right are exclusive.
    """

    shape: tuple[int, int]
    ids: NDArray[np.int32]
    offsets: NDArray[np.int64]
    y: NDArray[np.int32]
    x: NDArray[np.int32]
    box: NDArray[np.int32]

    @cached_property
    def cell(self) -> NDArray[np.intp]:
        """(P,) the position in `ids` of the cell that owns each pixel."""
        return np.repeat(np.arange(len(self.ids)), np.diff(self.offsets))

    @cached_property
    def area(self) -> NDArray[np.int64]:
        """(n,) pixels per cell."""
        return np.diff(self.offsets)

    @cached_property
    def centroid(self) -> NDArray[np.float64]:
        """(n, 2) mean y and x."""
        area = np.maximum(self.area, 1)
        return np.stack([self.sum(self.y) / area, self.sum(self.x) / area], axis=1)

    def pixels(self, cell: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return rows and columns of a cell by its id. Raises KeyError if there is none."""
        i = int(np.searchsorted(self.ids, cell))
        if i >= len(self.ids) or self.ids[i] != cell:
            raise KeyError(cell)
        own = slice(self.offsets[i], self.offsets[i + 1])
        return self.y[own], self.x[own]

    def sum(self, values: NDArray[np.generic]) -> NDArray[np.float64]:
        """Return (n,) the sum of (P,) values over each cell's pixels."""
        return np.bincount(self.cell, values.astype(np.float64), len(self.ids)).astype(np.float64, copy=False)

    def __len__(self) -> int:
        """Count the cells."""
        return len(self.ids)


def cell_index(labels: Labels) -> CellIndex:
    """Make the index of a label image (y, x), by its runs: pixels of one label side by side in a row."""
    height, width = labels.shape
    begins = np.ones((height, width), bool)
    np.not_equal(labels[:, 1:], labels[:, :-1], out=begins[:, 1:])
    start = np.flatnonzero(begins)
    owner = labels.ravel()[start]
    length = np.diff(start, append=labels.size)
    order = np.flatnonzero(owner)
    order = order[np.argsort(owner[order], kind="stable")]
    start, length, owner = start[order], length[order], owner[order]
    first = np.flatnonzero(np.diff(owner, prepend=0))
    past = np.cumsum(length)
    before = past - length
    offsets = np.append(before[first], past[-1:] if len(past) else 0).astype(np.int64)
    row, column = (c.astype(np.int32) for c in np.divmod(start, max(width, 1)))
    y = np.repeat(row, length)
    x = np.arange(len(y), dtype=np.int32) + np.repeat((column - before).astype(np.int32), length)
    box = np.zeros((len(first), 4), np.int32)
    if len(first):
        last = np.append(first[1:], len(owner)) - 1
        box[:, 0], box[:, 2] = row[first], row[last] + 1
        box[:, 1] = np.minimum.reduceat(column, first)
        box[:, 3] = np.maximum.reduceat(column + length.astype(np.int32), first)
    return CellIndex((height, width), owner[first].astype(np.int32), offsets, y, x, box)


@dataclass(frozen=True, eq=False)
class Scene:
    """One field, read: the one context that segmenters and extractors receive.

    Attributes
    ----------
    ref
        Which field it is.
    pixels
        Channel label (role, or name where no role is known) to (y, x) image, in plate order. Of a field on disk, a
        channel is read when it is first asked for.
    pixel_size
        µm per pixel, or None.
    masks
        Masks there are already; None before segmentation.
    hints
        What the user or the session adds: "diameter" in px, scribbles, an illumination estimate …
    """

    ref: FieldRef
    pixels: Mapping[str, NDArray[np.generic]]
    pixel_size: float | None = None
    masks: Masks | None = None
    hints: Mapping[str, object] = field(default_factory=dict)
    _made: dict[tuple[str, ...], object] = field(default_factory=dict, init=False, repr=False)

    def image(self, label: str) -> NDArray[np.generic]:
        """Return a channel's (y, x) image by role or name. Raises ChannelError."""
        for name in self.pixels:
            if name.casefold() == label.casefold():
                return self.pixels[name]
        raise ChannelError(
            f"{self.ref} has no channel {label!r}; it has: {', '.join(self.pixels) or 'none'}.",
            "Say which channel it is: phenotyper channels PLATE --set DNA=NAME, or the tab Plate of the window.",
        )

    def shared(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """Return what several families need of this scene (pixel values in order, outlines …), made by the first.

        Parameters
        ----------
        key
            What it is, and of which channel; one key, one type.
        make
            Makes it.
        """
        if key not in self._made:
            self._made[key] = make()
        return cast("T", self._made[key])

    @cached_property
    def index(self) -> CellIndex:
        """The pixel index of the nuclei, made once and shared by all families."""
        labels = self.masks.labels[NUCLEI] if self.masks is not None else np.zeros((0, 0), np.int32)
        return cell_index(labels)
