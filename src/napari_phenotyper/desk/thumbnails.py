"""The pixels around chosen cells: read as they come into sight, a field at a time, the newest wish first."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.session.tasks import StoredMasks, Wanted

ROOM = 256 * 2**20
"""Bytes of pixels that are kept."""
_THREADS = 4


@dataclass(frozen=True, eq=False)
class Spot:
    """A cell and its centre in pixels."""

    cell: CellId
    y: float
    x: float


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """The pixels around a cell.

    Attributes
    ----------
    pixels
        (c, s, s) in the type they are stored in; no channels where they cannot be read.
    channels
        Labels of the channels.
    problem
        Why they cannot be read, "" if they can.
    own
        (s, s) bool, the pixels of the cell; None where nobody asked for them.
    """

    pixels: NDArray[np.generic]
    channels: tuple[str, ...]
    problem: str = ""
    own: NDArray[np.bool_] | None = None

    @property
    def size(self) -> int:
        """Bytes in memory."""
        return self.pixels.nbytes + (self.own.nbytes if self.own is not None else 0)


Found = dict[CellId, Thumbnail]


class ThumbnailEvents(SignalGroup):
    """What changed."""

    ready = Signal(object)


class Thumbnails:
    """Reads and keeps the pixels around cells.

    Attributes
    ----------
    events
        ready(cells) when pixels of some were read.
    """

    def __init__(self, background: Background, room: int = ROOM) -> None:
        self._background, self._room, self._held = background, room, 0
        self._kept: OrderedDict[CellId, Thumbnail] = OrderedDict()
        self._wanted: tuple[CellId, ...] = ()
        self.events = ThumbnailEvents()

    def get(self, cell: CellId) -> Thumbnail | None:
        """Return the pixels around a cell, None while they are not read."""
        found = self._kept.get(cell)
        if found is not None:
            self._kept.move_to_end(cell)
        return found

    def want(
        self, spots: Sequence[Spot], fields: Mapping[FieldRef, Wanted], side: float, masks: Path | None = None
    ) -> None:
        """Read the pixels around cells, the first ones first; whoever wanted others before has changed his mind.

        Parameters
        ----------
        spots
            The cells; those that are known already cost nothing.
        fields
            Where their pixels and masks are.
        side
            Of the pictures: µm, pixels for fields whose pixel size is not known.
        masks
            Folder of the masks; None if it need not be known which pixels are the cell's own.
        """
        todo = [spot for spot in spots if spot.cell not in self._kept and spot.cell[0] in fields]
        cells = tuple(spot.cell for spot in todo)
        if cells and not set(cells) <= set(self._wanted):
            self._wanted = cells
            groups: dict[FieldRef, list[Spot]] = {}
            for spot in todo:
                groups.setdefault(spot.cell[0], []).append(spot)
            work = [(fields[ref], group) for ref, group in groups.items()]
            self._background.read(
                "thumbnails", "replace", read_thumbnails, work, side, masks, on_part=self._take, on_result=self._done
            )

    def forget(self) -> None:
        """Forget all pixels: cells have other ids, or pictures another size."""
        self._kept.clear()
        self._held, self._wanted = 0, ()

    def _take(self, found: Found) -> None:
        for cell, thumbnail in found.items():
            before = self._kept.pop(cell, None)
            self._held += thumbnail.size - (before.size if before is not None else 0)
            self._kept[cell] = thumbnail
        while self._held > self._room and len(self._kept) > 1:
            self._held -= self._kept.popitem(last=False)[1].size
        self.events.ready.emit(tuple(found))

    def _done(self, _: object) -> None:
        self._wanted = ()


def read_thumbnails(
    work: Sequence[tuple[Wanted, Sequence[Spot]]], side: float, masks: Path | None, progress: Progress
) -> Iterator[Found]:
    """Yield the pixels around cells, field by field; a field that cannot be read says why in their place."""
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS), thread_name_prefix="phenotyper thumbnails")
    try:
        for number, found in enumerate(pool.map(lambda item: read_field(item[0], item[1], side, masks), work)):
            progress(number / len(work), "Reading cells")
            yield found
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_field(item: Wanted, spots: Sequence[Spot], side: float, masks: Path | None = None) -> Found:
    """Return the pixels around cells of one field, read in one go."""
    field = item.field
    try:
        info = field.info
        reach = max(round(side / (info.pixel_size or 1.0) / 2), 1)
        height, width = info.shape[3:]
        rows, columns = [round(spot.y) for spot in spots], [round(spot.x) for spot in spots]
        top, left = max(min(rows) - reach, 0), max(min(columns) - reach, 0)
        region = slice(top, min(max(rows) + reach, height)), slice(left, min(max(columns) + reach, width))
        pixels = field.read(region=region)
        labels = StoredMasks(masks, field.ref, item.mask)().labels[NUCLEI][None, *region] if masks is not None else None
    except PhenotyperError as error:
        empty = np.zeros((0, 1, 1), np.uint8)
        return {spot.cell: Thumbnail(empty, (), str(error)) for spot in spots}
    channels, found = tuple(channel.label for channel in field.channels), {}
    for spot, row, column in zip(spots, rows, columns, strict=True):
        place = row - top, column - left, reach
        own = window(labels, *place)[0] == spot.cell[1] if labels is not None else None
        found[spot.cell] = Thumbnail(window(pixels, *place), channels, own=own)
    return found


def window(pixels: NDArray[np.generic], row: int, column: int, reach: int) -> NDArray[np.generic]:
    """Return (c, 2 reach, 2 reach) around a pixel, a copy; black where there is no image."""
    out = np.zeros((len(pixels), 2 * reach, 2 * reach), pixels.dtype)
    height, width = pixels.shape[1:]
    top, left = row - reach, column - reach
    inside = slice(max(top, 0), min(row + reach, height)), slice(max(left, 0), min(column + reach, width))
    part = pixels[:, inside[0], inside[1]]
    y, x = inside[0].start - top, inside[1].start - left
    out[:, y : y + part.shape[1], x : x + part.shape[2]] = part
    return out
