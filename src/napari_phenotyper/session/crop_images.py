"""Pictures of single cells that somebody else cut: PNG and TIFF, grey or coloured, channels first or last."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.session.image_files import DEEP, UNREADABLE

SUFFIXES = (".png", ".tif", ".tiff")
LARGEST = 2048
"""Pixels along a side: what is larger is a field, not a cell."""
MOST_CHANNELS = 512

_REMEDY = "Write it again, or take it out of the folder: the others are used without it."


def read_crop(path: Path) -> NDArray[np.generic]:
    """Return the (c, y, x) pixels of one picture in native byte order; opacity is left out.

    Raises
    ------
    PixelError
        If it is missing, damaged, no picture, larger than a cell, or has axes beside channel, z, y and x.
    """
    try:
        image = _tiff(path) if path.suffix.lower() != ".png" else _png(path)
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PixelError(f"{path} cannot be read as a crop: {reason}.", _REMEDY) from error
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    if image.dtype.kind not in "uif":
        raise PixelError(f"{path} holds {image.dtype}, not grey levels.", _REMEDY)
    if not image.size:
        raise PixelError(f"{path} has no pixel.", _REMEDY)
    return np.ascontiguousarray(image, image.dtype.newbyteorder("="))


def _check_size(height: int, width: int, channels: int) -> None:
    """Raise ValueError before the pixels of something that is no crop are read."""
    if max(height, width) > LARGEST or channels > MOST_CHANNELS:
        raise ValueError(
            f"it has {channels} × {height} × {width} pixels, and a crop has {LARGEST} along a side and "
            f"{MOST_CHANNELS} channels at most"
        )


def _png(path: Path) -> NDArray[np.generic]:
    from PIL import Image

    try:
        picture = Image.open(path)
    except Image.DecompressionBombError as error:  # neither an OSError nor a ValueError
        raise ValueError("it has far more pixels than a crop") from error
    with picture:
        _check_size(picture.height, picture.width, 1)
        mode = picture.mode
        if mode in DEEP:
            return np.asarray(picture).astype(DEEP[mode])[None]
        if mode in ("1", "L", "LA"):
            return np.asarray(picture.convert("L"))[None]
        return np.moveaxis(np.asarray(picture.convert("RGB")), 2, 0)


def _tiff(path: Path) -> NDArray[np.generic]:
    import tifffile

    with tifffile.TiffFile(path) as tif:
        series = tif.series[0]
        axes = [(axis, n) for axis, n in zip(series.axes, series.shape, strict=True) if n > 1 or axis in "YX"]
        names, shape = "".join(axis for axis, _ in axes), tuple(n for _, n in axes)
        if len(shape) == 4 and "Z" in names:
            shape = tuple(n for axis, n in axes if axis != "Z")
        if not 2 <= len(shape) <= 3:
            raise ValueError(f"it has the axes {series.axes} of {series.shape}, and a crop has channel, y and x")
        sides = [*sorted(shape, reverse=True), 1]
        _check_size(sides[0], sides[1], sides[2])
        image = series.asarray().reshape([n for _, n in axes])
        coloured = series.keyframe.photometric == tifffile.PHOTOMETRIC.RGB
    if image.ndim == 4:  # planes are seen through, as of a plate
        image = image.max(axis=names.index("Z"))
        names = names.replace("Z", "")
    image = _channels_first(image, names)
    return image[:3] if coloured else image


def _channels_first(image: NDArray[Any], names: str) -> NDArray[Any]:
    """Return (c, y, x).

    What the file says of its axes counts; where it says nothing, the two sides that are equal are y and x, and of
    three that differ (or are all equal) the smaller of the first and the last one is the channels.
    """
    if image.ndim == 2:
        return image[None]
    for axis in "CSZ":
        if axis in names:
            return np.moveaxis(image, names.index(axis), 0)
    first, middle, last = image.shape
    if first == middle != last or (first != middle != last and last < first):
        return np.moveaxis(image, 2, 0)
    return image
