"""One image file: its header, and one plane of it. TIFF through tifffile, PNG, JPEG and BMP through Pillow."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.readers._tiff import Header, Pages, strongest, tiff_header, tiff_plane

if TYPE_CHECKING:
    from PIL import Image

_REMEDY = "Copy it again from the microscope, or delete it: the rest of the plate opens without it."
_UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, AttributeError, RuntimeError, LookupError, ArithmeticError, MemoryError,
    SyntaxError, struct.error, zlib.error,
)  # fmt: skip
"""What tifffile, imagecodecs and Pillow raise on damaged files, found by damaging some at random: a width of 0 gives a
ZeroDivisionError, one of four billion a MemoryError, a broken PNG a SyntaxError."""

_PILLOW_TYPES = {"I": "uint16", "I;16": "uint16", "I;16B": "uint16", "I;16L": "uint16", "F": "float32"}


def header(path: str, pages: Pages = "z") -> Header:
    """Return what an image file says of itself. Reads no pixels. Raises PixelError naming the file."""
    with _telling(path):
        return tiff_header(path, pages) if _is_tiff(path) else _picture_header(path)


def plane(path: str, t: int = 0, c: int = 0, z: int = 0, pages: Pages = "z") -> NDArray[np.generic]:
    """Return one (y, x) plane of an image file in native byte order.

    Parameters
    ----------
    path
        The file.
    t, c, z
        Which plane of the file; a file that lacks an axis is taken for 0 along it.
    pages
        What pages of unstated meaning are.

    Raises
    ------
    PixelError
        If the file is missing, empty, truncated or no image, naming it.
    """
    with _telling(path):
        image = tiff_plane(path, {"T": t, "C": c, "Z": z}, pages) if _is_tiff(path) else _picture(path)
    if image.dtype == np.bool_:
        image = image.astype(np.uint8) * np.uint8(255)
    return image.astype(image.dtype.newbyteorder("="), copy=False)


@contextmanager
def _telling(path: str) -> Iterator[None]:
    """Turn whatever a damaged file raises into a PixelError that names it."""
    try:
        if Path(path).stat().st_size == 0:
            raise PixelError(f"{path} is empty (0 bytes).", _REMEDY)
        yield
    except PixelError:
        raise
    except FileNotFoundError as error:
        raise PixelError(f"{path} is not there any more.", "Put it back, or open the plate again.") from error
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise PixelError(f"{path} cannot be read as an image: {reason}.", _REMEDY) from error


def _is_tiff(path: str) -> bool:
    return path.lower().endswith((".tif", ".tiff"))


def _opened(path: str) -> Image.Image:
    from PIL import Image

    try:
        return Image.open(path)
    except Image.DecompressionBombError as error:  # neither an OSError nor a ValueError
        raise ValueError("it has more pixels than Pillow opens; save it as TIFF") from error


def _picture_header(path: str) -> Header:
    with _opened(path) as picture:
        return Header((1, 1, 1, picture.height, picture.width), _PILLOW_TYPES.get(picture.mode, "uint8"))


def _picture(path: str) -> NDArray[np.generic]:
    with _opened(path) as picture:
        mode = picture.mode
        if mode in _PILLOW_TYPES:
            return np.asarray(picture).astype(_PILLOW_TYPES[mode], copy=False)
        if mode == "LA":
            return np.asarray(picture.getchannel(0))
        image = np.asarray(picture.convert("L" if mode in ("1", "L") else "RGB"))
    return image if image.ndim == 2 else strongest(image, 2)
