"""A field: the pixels of one position in one well. The only thing that reads pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ChannelError
from napari_phenotyper.core.wells import FieldRef

Region = tuple[slice, slice]
"""Rows and columns to read, in pixels of the level read."""


@dataclass(frozen=True)
class Channel:
    """A channel of a plate, and what it shows.

    Attributes
    ----------
    name
        As the microscope called it.
    role
        What it stains ("DNA", "tubulin", …), empty if unknown. Columns and models speak of roles, so that they move
        between plates whose channels are named differently.
    """

    name: str
    role: str = ""

    @property
    def label(self) -> str:
        """The role where it is known, else the name."""
        return self.role or self.name


@dataclass(frozen=True)
class FieldInfo:
    """What is known of a field before a pixel is read.

    Attributes
    ----------
    shape
        (t, c, z, y, x) at full resolution.
    dtype
        Name of the pixel type, "uint16".
    pixel_size
        µm per pixel at full resolution, or None where the files do not say.
    levels
        (y, x) of each pyramid level, full resolution first.
    """

    shape: tuple[int, int, int, int, int]
    dtype: str
    pixel_size: float | None
    levels: tuple[tuple[int, int], ...]


class PixelSource(Protocol):
    """Where a field's pixels come from: what a reader writes, small and picklable (paths, not arrays)."""

    def info(self) -> FieldInfo:
        """Return shape, type and pixel size. Reads metadata only. Raises PixelError."""

    def plane(self, t: int, c: int, z: int, level: int, region: Region | None) -> NDArray[np.generic]:
        """Return one (y, x) plane in the type it is stored in. Raises PixelError naming the file and the remedy."""

    def fingerprint(self) -> str:
        """Return a text that changes when the pixels on disk do (names, sizes and times of the files)."""


def find_channel(channels: Sequence[Channel], key: str | int) -> int:
    """Return the index of the channel with a role, a name or an index.

    Raises
    ------
    ChannelError
        If there is none, naming those there are.
    """
    if isinstance(key, int):
        if 0 <= key < len(channels):
            return key
    else:
        for attribute in ("role", "name"):
            for i, channel in enumerate(channels):
                if getattr(channel, attribute).casefold() == key.casefold():
                    return i
    known = ", ".join(f"{c.name} ({c.role})" if c.role else c.name for c in channels) or "none"
    raise ChannelError(
        f"There is no channel {key!r}; the plate has: {known}.",
        "Say which channel it is: phenotyper channels PLATE --set DNA=NAME, or the tab Plate of the window.",
    )


@dataclass(frozen=True, eq=False)
class Field:
    """One field of a well.

    Attributes
    ----------
    ref
        Plate, well and number (from 1).
    source
        Where the pixels come from.
    channels
        In the order of the source's channel axis.
    """

    ref: FieldRef
    source: PixelSource
    channels: tuple[Channel, ...]

    @property
    def info(self) -> FieldInfo:
        """Shape, type, pixel size, pyramid levels."""
        return self.source.info()

    def read(
        self,
        channels: Iterable[str | int] | None = None,
        t: int = 0,
        z: int | None = None,
        level: int = 0,
        region: Region | None = None,
    ) -> NDArray[np.generic]:
        """Return pixels as (c, y, x) in the type they are stored in.

        Parameters
        ----------
        channels
            Roles, names or indices; all if None.
        t
            Time point.
        z
            Plane, or None for the maximum projection over z.
        level
            Pyramid level, 0 is full resolution.
        region
            Rows and columns at that level; the whole plane if None.

        Raises
        ------
        ChannelError, PixelError
        """
        keys = range(len(self.channels)) if channels is None else channels
        indices = [find_channel(self.channels, key) for key in keys]
        depth = self.info.shape[2]
        planes = []
        for c in indices:
            if z is not None:
                planes.append(self.source.plane(t, c, z, level, region))
                continue
            projection = self.source.plane(t, c, 0, level, region)
            for plane in range(1, depth):
                projection = np.maximum(projection, self.source.plane(t, c, plane, level, region))
            planes.append(projection)
        return np.stack(planes) if planes else np.zeros((0, *self.info.levels[level]), self.info.dtype)

    def windows(self, regions: Sequence[Region]) -> list[NDArray[np.generic]]:
        """Return (c, y, x) of several regions at full resolution, all channels, the maximum projection over z.

        Where the source knows a quicker way than to read all that lies between them, by a method `windows(t, c, z,
        regions)`, it is taken.

        Raises
        ------
        PixelError
        """
        quick: Callable[..., Sequence[NDArray[np.generic]]] | None = getattr(self.source, "windows", None)
        if quick is None or not self.channels:
            return self._out_of_one(regions)
        found = []
        for c in range(len(self.channels)):
            planes = list(quick(0, c, 0, regions))
            for z in range(1, self.info.shape[2]):
                planes = [np.maximum(a, b) for a, b in zip(planes, quick(0, c, z, regions), strict=True)]
            found.append(planes)
        return [np.stack(channels) for channels in zip(*found, strict=True)]

    def _out_of_one(self, regions: Sequence[Region]) -> list[NDArray[np.generic]]:
        """Return windows out of the one region that holds them all."""
        if not regions:
            return []
        top, left = (min(region[axis].start for region in regions) for axis in (0, 1))
        bottom, right = (max(region[axis].stop for region in regions) for axis in (0, 1))
        around = self.read(region=(slice(top, bottom), slice(left, right)))
        return [
            around[:, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left]
            for rows, columns in regions
        ]
