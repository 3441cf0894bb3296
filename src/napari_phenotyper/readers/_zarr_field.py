"""The pixels of a field that is one OME-Zarr image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.field import FieldInfo, Region
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.kernels.chunks import ChunkedArray, chunked_array, decoder
from napari_phenotyper.readers._ngff import AXES, ArrayFile, Multiscale, array_file, attributes, multiscale

_DAMAGED = (OSError, ValueError, RuntimeError, TypeError, LookupError)
"""What zarr and its codecs raise on damaged chunks."""


@dataclass(frozen=True)
class ZarrField:
    """The pixels of a field that is one OME-Zarr image.

    Attributes
    ----------
    root
        Absolute path of the plate.
    path
        Of the image, below the plate; empty if the plate is one image.
    name
        How messages call the field: "P1 B03 field 1".
    """

    root: str
    path: str
    name: str

    @property
    def _group(self) -> Path:
        return Path(self.root, self.path)

    @cached_property
    def _metadata(self) -> tuple[Multiscale, tuple[ArrayFile, ...]]:
        """The pyramid and its arrays; levels below full resolution that are not there are left out."""
        if not self._group.is_dir():
            raise PixelError(
                f"{self.name}: {self._group} is not there.", "Copy it into the plate again, or leave the field out."
            )
        image = multiscale(attributes(self._group), self._group)
        present = (level for i, level in enumerate(image.levels) if i == 0 or (self._group / level).is_dir())
        arrays = tuple(array_file(self._group / level) for level in present)
        if any(len(array.shape) != len(image.axes) for array in arrays):
            raise PixelError(
                f"{self.name}: {self._group} names the axes {image.axes!r}, its arrays have {len(arrays[0].shape)}.",
                "Write the image again with the software that made it, or leave the field out.",
            )
        return image, arrays

    @property
    def channel_names(self) -> tuple[str, ...]:
        """Names of the channels, c0 … where the image has none. Raises PixelError."""
        names, count = self._metadata[0].channels, self.info().shape[1]
        return tuple(names[i] if i < len(names) else f"c{i}" for i in range(count))

    def info(self) -> FieldInfo:
        """Return shape, type and pixel size, from the JSON alone. Raises PixelError naming the file."""
        image, arrays = self._metadata
        sizes = [dict(zip(image.axes, array.shape)) for array in arrays]
        t, c, z, y, x = (sizes[0].get(axis, 1) for axis in AXES)
        levels = tuple((size["y"], size["x"]) for size in sizes)
        return FieldInfo((t, c, z, y, x), arrays[0].dtype, image.pixel_size, levels)

    def plane(self, t: int, c: int, z: int, level: int, region: Region | None) -> NDArray[np.generic]:
        """Return one (y, x) plane. Raises PixelError naming the field or the array."""
        import zarr

        image, arrays = self._metadata
        if not 0 <= level < len(arrays):
            raise PixelError(f"{self.name} has no pyramid level {level}.", f"It has 0 to {len(arrays) - 1}.")
        array = arrays[level]
        wanted = {"t": t, "c": c, "z": z}
        lengths = dict(zip(image.axes, array.shape))
        for axis, position in wanted.items():
            if not 0 <= position < lengths.get(axis, 1):
                raise PixelError(
                    f"{self.name} has no {axis} {position}.", f"Its {axis} axis has {lengths.get(axis, 1)}, from 0."
                )
        rows, columns = region or (slice(None), slice(None))
        index = tuple({"y": rows, "x": columns, **wanted}[axis] for axis in image.axes)
        try:
            stored = zarr.open_array(str(array.path.parent), mode="r", zarr_format=2 if array.version == 2 else 3)
            plane: NDArray[np.generic] = np.asarray(stored[index])
        except _DAMAGED as error:
            raise self._damaged(array.path.parent, error) from error
        if image.axes.index("x") < image.axes.index("y"):
            plane = plane.T
        return plane.astype(plane.dtype.newbyteorder("="), copy=False)

    def windows(self, t: int, c: int, z: int, regions: Sequence[Region]) -> list[NDArray[np.generic]]:
        """Return regions of one plane at full resolution, of whose chunks only those are read that they need.

        Raises PixelError naming the field or the array.
        """
        image, _ = self._metadata
        array = self._chunks
        positions = {"t": t, "c": c, "z": z}
        known = array is not None and image.axes.endswith("yx")
        if array is None or not known or any(positions[a] >= n for a, n in zip(image.axes[:-2], array.shape)):
            return [self.plane(t, c, z, 0, region) for region in regions]
        try:
            found = array.windows([positions[axis] for axis in image.axes[:-2]], regions, decoder(array.codec))
        except _DAMAGED as error:
            raise self._damaged(array.folder, error) from error
        return [window.astype(window.dtype.newbyteorder("="), copy=False) for window in found]

    @cached_property
    def _chunks(self) -> ChunkedArray | None:
        """How the array at full resolution is stored; None if only zarr can read it."""
        return chunked_array(self._metadata[1][0].path.parent)

    def _damaged(self, array: object, error: Exception) -> PixelError:
        return PixelError(
            f"{self.name}: {array} cannot be read: {error}.",
            "Copy the plate again; a chunk that is damaged may be deleted and reads as blank.",
        )

    def fingerprint(self) -> str:
        """Return a digest of the image's path, its arrays' metadata files and the top of its chunk tree."""
        try:
            _, arrays = self._metadata
        except PixelError as error:
            return digest(self.path, ["damaged", error.what])
        full = arrays[0].path.parent
        chunks = full / "c" if arrays[0].version == 3 else full
        described: list[Json] = [[list(a.shape), a.dtype, *_state(a.path, self._group)] for a in arrays]
        return digest(self.path, described + sorted(_top(chunks, self._group), key=str))


def _top(folder: Path, group: Path) -> Iterator[Json]:
    """Yield the state of what lies in a folder."""
    if folder.is_dir():
        for entry in folder.iterdir():
            yield _state(entry, group)


def _state(path: Path, group: Path) -> list[Json]:
    """Return name, size and time in whole seconds; a folder's size means nothing."""
    try:
        found = path.stat()
    except OSError:
        return [path.relative_to(group).as_posix(), "missing"]
    return [path.relative_to(group).as_posix(), 0 if path.is_dir() else found.st_size, int(found.st_mtime)]
