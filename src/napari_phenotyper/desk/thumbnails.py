"""The pixels around chosen cells: read as they come into sight, a field at a time, the newest wish first."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.field import Region
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.masks import MaskStore

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


Found = Mapping[CellId, Thumbnail]
Owned = Mapping[CellId, NDArray[np.bool_]]
Work = Sequence[tuple[Wanted, Sequence[Spot]]]
"""Fields, and the cells to read in each."""


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
        self._wanted: frozenset[CellId] = frozenset()
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
            Folder of the masks; None if it need not be known which pixels are the cell's own. These come last.
        """
        here = [spot for spot in spots if spot.cell[0] in fields]
        new = [spot for spot in here if spot.cell not in self._kept]
        bare = [spot for spot in here if masks is not None and self._is_bare(spot.cell)]
        cells = frozenset(spot.cell for spot in (*new, *bare))
        if not cells <= self._wanted:
            self._wanted = cells
            args = _by_field(new, fields), _by_field(bare, fields), side, masks
            self._background.read(
                "thumbnails", "replace", read_thumbnails, *args,
                on_part=self._take, on_result=self._done, on_failure=self._failed,
            )  # fmt: skip

    def forget(self) -> None:
        """Forget all pixels: cells have other ids."""
        self._kept.clear()
        self._held, self._wanted = 0, frozenset()

    def forget_outlines(self) -> None:
        """Forget which pixels are whose."""
        self._kept = OrderedDict((cell, replace(found, own=None)) for cell, found in self._kept.items())
        self._held, self._wanted = sum(found.size for found in self._kept.values()), frozenset()

    def _is_bare(self, cell: CellId) -> bool:
        found = self._kept.get(cell)
        return found is None or (found.own is None and not found.problem)

    def _take(self, found: Found | Owned) -> None:
        for cell, part in found.items():
            before = self._kept.pop(cell, None)
            if isinstance(part, Thumbnail):
                now = part
            elif before is not None:
                now = replace(before, own=part)
            else:  # there was no room for it
                continue
            self._held += now.size - (before.size if before is not None else 0)
            self._kept[cell] = now
        while self._held > self._room and len(self._kept) > 1:
            self._held -= self._kept.popitem(last=False)[1].size
        self.events.ready.emit(tuple(found))

    def _done(self, _: object) -> None:
        self._wanted = frozenset()

    def _failed(self, error: BaseException) -> None:
        self._wanted = frozenset()
        self._background.fail(error)


def _by_field(spots: Sequence[Spot], fields: Mapping[FieldRef, Wanted]) -> Work:
    groups: dict[FieldRef, list[Spot]] = {}
    for spot in spots:
        groups.setdefault(spot.cell[0], []).append(spot)
    return [(fields[ref], group) for ref, group in groups.items()]


def read_thumbnails(
    work: Work, bare: Work, side: float, masks: Path | None, progress: Progress
) -> Iterator[Found | Owned]:
    """Yield the pixels around cells, field by field, then which of them are the cells' own.

    Parameters
    ----------
    work, bare
        Cells whose pixels are wanted, and cells whose own pixels are.
    side
        Of the pictures: µm, pixels for fields whose pixel size is not known.
    masks
        Folder of the masks.
    progress
        Cancels.
    """
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS), thread_name_prefix="phenotyper thumbnails")
    try:
        for found in pool.map(lambda item: read_field(item[0], item[1], side), work):
            progress(0.0, "Reading cells")
            yield found
        if masks is not None:
            store = MaskStore(masks)
            for own in pool.map(lambda item: read_own(item[0], item[1], side, store), bare):
                progress(0.5, "Reading masks")
                yield own
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def read_field(item: Wanted, spots: Sequence[Spot], side: float) -> Found:
    """Return the pixels around cells of one field; why, in their place, if they cannot be read."""
    field = item.field
    try:
        around = _around(item, spots, side)
        parts = field.windows([place.region for place in around])
    except PhenotyperError as error:
        empty = np.zeros((0, 1, 1), np.uint8)
        return {spot.cell: Thumbnail(empty, (), str(error)) for spot in spots}
    channels = tuple(channel.label for channel in field.channels)
    return {
        spot.cell: Thumbnail(place.framed(part), channels)
        for spot, place, part in zip(spots, around, parts, strict=True)
    }


def read_own(item: Wanted, spots: Sequence[Spot], side: float, store: MaskStore) -> Owned:
    """Return which pixels around cells of one field are their own; nothing if that cannot be read."""
    try:
        around = _around(item, spots, side)
        parts = store.parts(item.field.ref, item.mask, [place.region for place in around])
    except PhenotyperError:
        return {}
    return {
        spot.cell: place.framed(part[None])[0] == spot.cell[1]
        for spot, place, part in zip(spots, around, parts, strict=True)
    }


@dataclass(frozen=True)
class Surroundings:
    """The surroundings of a cell: the region of the field, its corner in the picture, and how far that reaches."""

    region: Region
    corner: tuple[int, int]
    reach: int

    def framed(self, pixels: NDArray[np.generic]) -> NDArray[np.generic]:
        """Return (c, 2 reach, 2 reach) with the region in its place, black where there is no image."""
        whole = (len(pixels), 2 * self.reach, 2 * self.reach)
        if pixels.shape == whole:
            return np.ascontiguousarray(pixels)
        out = np.zeros(whole, pixels.dtype)
        y, x = self.corner
        out[:, y : y + pixels.shape[1], x : x + pixels.shape[2]] = pixels
        return out


def _around(item: Wanted, spots: Sequence[Spot], side: float) -> list[Surroundings]:
    info = item.field.info
    reach = max(round(side / (info.pixel_size or 1.0) / 2), 1)
    return [surroundings(spot, reach, info.shape[3:]) for spot in spots]


def surroundings(spot: Spot, reach: int, shape: tuple[int, ...]) -> Surroundings:
    """Return what lies around a cell, so many pixels far, in a field of some (y, x)."""
    starts = [round(position) - reach for position in (spot.y, spot.x)]
    first = [min(max(start, 0), size) for start, size in zip(starts, shape, strict=True)]
    last = [max(min(start + 2 * reach, size), begin) for start, size, begin in zip(starts, shape, first, strict=True)]
    region = slice(first[0], last[0]), slice(first[1], last[1])
    return Surroundings(region, (first[0] - starts[0], first[1] - starts[1]), reach)
