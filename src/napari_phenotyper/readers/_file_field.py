"""The pixels of a field whose planes are image files, and where each file belongs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.field import FieldInfo, Region
from napari_phenotyper.core.keys import digest
from napari_phenotyper.readers._images import header as header_of
from napari_phenotyper.readers._images import plane as plane_of
from napari_phenotyper.readers._tiff import Header, Pages


class Place(NamedTuple):
    """Where an image file belongs; a text is empty where nothing says it.

    `path` is relative to the folder that was opened, with forward slashes; `folder` is the plate's, likewise; `well` is
    a normal name ("B03"); the rest is as the files say it.
    """

    path: str
    folder: str
    plate: str
    well: str
    field: str = ""
    channel: str = ""
    z: str = ""
    time: str = ""


@dataclass(frozen=True)
class FileField:
    """The pixels of a field whose planes are image files.

    Attributes
    ----------
    root
        Absolute path of the plate's folder.
    name
        How messages call the field: "P1 B02 field s1".
    channels
        Names, in order.
    files
        (t, c, z, path relative to root) of each plane, or of each file where axes lie inside the files.
    times, depth
        How many time points and planes the file names tell; along an axis of 1 the files themselves are asked.
    inside
        Whether the channels lie inside the files.
    pages
        What pages of unstated meaning are: "c" or "z".
    """

    root: str
    name: str
    channels: tuple[str, ...]
    files: tuple[tuple[int, int, int, str], ...]
    times: int = 1
    depth: int = 1
    inside: bool = False
    pages: Pages = "z"

    @cached_property
    def _table(self) -> Mapping[tuple[int, int, int], str]:
        return {(t, c, z): path for t, c, z, path in self.files}

    @cached_property
    def _header(self) -> Header:
        """The header of the first file that has one: a damaged file must not hide its neighbours."""
        first: PixelError | None = None
        for path in dict.fromkeys(path for *_, path in self.files):
            try:
                return header_of(self._absolute(path), self.pages)
            except PixelError as error:
                first = first or error
        raise first or PixelError(f"{self.name} has no files.", "Open the plate again.")

    def _absolute(self, path: str) -> str:
        return str(Path(self.root, path))

    def info(self) -> FieldInfo:
        """Return shape, type and pixel size from the header of one file. Raises PixelError if none can be read."""
        header = self._header
        t, _, z, height, width = header.shape
        shape = (self.times if self.times > 1 else t, len(self.channels), self.depth if self.depth > 1 else z)
        return FieldInfo((*shape, height, width), header.dtype, header.pixel_size, ((height, width),))

    def plane(self, t: int, c: int, z: int, level: int, region: Region | None) -> NDArray[np.generic]:
        """Return one (y, x) plane. Raises PixelError naming the field and channel, or the file."""
        if level != 0:
            raise PixelError(f"{self.name} has no pyramid level {level}.", "Image files have level 0 only.")
        for axis, position, length in zip(("time point", "channel", "plane"), (t, c, z), self.info().shape):
            if not 0 <= position < length:
                raise PixelError(f"{self.name} has no {axis} {position}.", f"It has {length}, counted from 0.")
        in_file = (0 if self.times > 1 else t, c if self.inside else 0, 0 if self.depth > 1 else z)
        among_files = (t if self.times > 1 else 0, 0 if self.inside else c, z if self.depth > 1 else 0)
        path = self._table.get(among_files)
        if path is None:
            raise PixelError(
                f"{self.name} has no file for channel {self.channels[c]}, time point {t}, plane {z}.",
                f"Put the missing file back into {self.root} and open the plate again, or leave the field out.",
            )
        image = plane_of(self._absolute(path), *in_file, self.pages)
        if image.shape != self.info().shape[3:]:
            raise PixelError(
                f"{self._absolute(path)} has {image.shape[0]} × {image.shape[1]} pixels, "
                f"the rest of {self.name} has {self.info().shape[3]} × {self.info().shape[4]}.",
                "Export the channels of a field at one size, or leave the field out.",
            )
        return image if region is None else image[region]

    def fingerprint(self) -> str:
        """Return a digest of the files' names below the plate, their sizes and times in whole seconds."""
        return digest([self._state(path) for path in dict.fromkeys(path for *_, path in self.files)])

    def _state(self, path: str) -> list[str | int]:
        try:
            found = Path(self.root, path).stat()
        except OSError:
            return [path, "missing"]
        return [path, found.st_size, int(found.st_mtime)]
