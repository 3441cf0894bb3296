"""Single images in any common file: TIFF, PNG, JPEG, BMP, grey or coloured; and label images in the same."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PixelError

SUFFIXES = (".tif", ".tiff", ".png", ".jpg", ".jpeg", ".bmp")
UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, AttributeError, RuntimeError, LookupError, ArithmeticError, MemoryError,
    SyntaxError, struct.error, zlib.error,
)  # fmt: skip
"""What tifffile, imagecodecs and Pillow raise on damaged files; the readers of plates meet the same."""
DEEP = {"I": "uint16", "I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "F": "float32"}
"""Pillow's modes of more than 8 bits, and the type of their pixels."""

_ONE_PLANE = "Save the plane that is meant as a file of its own; the other images are used without this one."
_REMEDY = "Copy or save it again, or take it out of the folder: the other images are used without it."

Image = NDArray[np.generic]


def image_files(folder: Path) -> tuple[Path, ...]:
    """Return the image files that lie in a folder itself, by name. Raises PixelError if there is no such folder."""
    if not folder.is_dir():
        raise PixelError(f"{folder} is no folder.", "Name the folder that the images lie in.")
    found = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return tuple(sorted(p for p in found if p.is_file()))


def stem(path: Path) -> str:
    """Return the name of an image file without its ending: "a" of "a.png" and of "a.ome.tif"."""
    return path.stem.removesuffix(".ome")


def read_image(path: Path) -> Image:
    """Return the (y, x) grey levels of an image; of a coloured one the strongest component at each pixel.

    Raises
    ------
    PixelError
        If it is missing, damaged, no image, or has several planes or channels, naming it.
    """
    image = _read(path, painted=True)
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    return image if image.ndim == 2 else np.asarray(image.max(axis=2))


def read_labels(path: Path) -> NDArray[np.integer]:
    """Return the (y, x) labels in a file; of a mask that holds one value only, its connected parts are the objects.

    Raises
    ------
    PixelError
        If it is missing, damaged, no image, or holds colours or broken numbers instead of labels, naming it.
    """
    image = _read(path, painted=False)
    if image.ndim == 3:
        if not (image == image[..., :1]).all():
            raise PixelError(f"{path} is a coloured picture, not labels.", "Save labels as grey levels: one per cell.")
        image = image[..., 0]
    if image.dtype.kind not in "buif" or (image.dtype.kind == "f" and not (image == np.floor(image)).all()):
        raise PixelError(f"{path} holds {image.dtype} numbers, not labels.", "Save labels as whole numbers.")
    labels: NDArray[np.integer] = image.astype(np.int64) if image.dtype.kind in "bf" else image.astype(image.dtype)
    used = labels[labels > 0]
    if used.size and (used == used[0]).all():
        from scipy import ndimage

        return np.asarray(ndimage.label(labels > 0, np.ones((3, 3)))[0], np.int32)
    return labels


def _read(path: Path, painted: bool) -> Image:
    """Return (y, x) or (y, x, colour) pixels in native byte order; `painted`: palettes are looked up."""
    with _telling(path):
        tiff = path.suffix.lower() in (".tif", ".tiff")
        image = _tiff(path, painted) if tiff else _picture(path, painted)
    if not image.size:
        raise PixelError(f"{path} has no pixel.", _REMEDY)
    if image.dtype.kind not in "buif":
        raise PixelError(f"{path} holds {image.dtype}, not grey levels.", _REMEDY)
    return image.astype(image.dtype.newbyteorder("="), copy=False)


@contextmanager
def _telling(path: Path) -> Iterator[None]:
    """Turn whatever a damaged file raises into a PixelError that names it."""
    try:
        yield
    except PixelError:
        raise
    except UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PixelError(f"{path} cannot be read as an image: {reason}.", _REMEDY) from error


def _tiff(path: Path, painted: bool) -> Image:
    import tifffile

    with tifffile.TiffFile(path, is_ome=False) as tif:  # the XML of one file may speak of a whole set of files
        series = tif.series[0]
        axes = "".join(axis for axis, n in zip(series.axes, series.shape, strict=True) if n > 1 or axis in "YX")
        if len(tif.series) > 1 or sorted(axes.replace("S", "")) != ["X", "Y"]:
            sizes = " and ".join(str(one.shape) for one in tif.series[:2])
            raise PixelError(f"{path} is not one plane: it holds {sizes} pixels ({series.axes}).", _ONE_PLANE)
        for page in series.pages:
            end = max((o + n for o, n in zip(page.dataoffsets, page.databytecounts, strict=True)), default=0)
            if end > tif.filehandle.size:  # which some decoders fill up in silence
                raise ValueError(f"it is truncated: {tif.filehandle.size} of at least {end} bytes are there")
        image = np.asarray(series.asarray()).reshape([n for a, n in zip(series.axes, series.shape) if a in axes])
        page = series.keyframe
        if "S" in axes:
            image = np.moveaxis(image, axes.index("S"), 2)[..., :3]
        elif painted and page.photometric == tifffile.PHOTOMETRIC.PALETTE and page.colormap is not None:
            image = np.moveaxis(np.asarray(page.colormap), 0, 1)[image]
    return image


def _picture(path: Path, painted: bool) -> Image:
    from PIL import Image as Pillow

    try:
        picture = Pillow.open(path)
    except Pillow.DecompressionBombError as error:  # neither an OSError nor a ValueError
        raise ValueError("it has more pixels than Pillow opens; save it as TIFF") from error
    with picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1:
            raise PixelError(f"{path} is not one plane: it has {frames} frames.", _ONE_PLANE)
        if picture.mode in DEEP:
            deep = np.asarray(picture)
            fits = picture.mode == "F" or deep.max(initial=0) < 2**16
            return deep.astype(DEEP[picture.mode], copy=False) if fits else deep
        if picture.mode in ("1", "L", "LA") or (picture.mode == "P" and not painted):
            return np.asarray(picture.getchannel(0) if picture.mode == "LA" else picture)
        return np.asarray(picture.convert("RGB"))
