"""Pictures of the window as files: sharp, and light enough for a page."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

LIGHT = 150_000
"""Bytes that a picture of the window may have."""


def save_picture(pixels: NDArray[np.uint8], path: Path, most: int = LIGHT) -> None:
    """Write a (y, x, 3 or more) picture as JPEG, in the best quality that needs at most so many bytes, or the least.

    Colours are kept at full resolution, because thin coloured outlines and text suffer first.
    """
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3]))
    for quality in range(90, 20, -5):
        file = io.BytesIO()
        picture.save(file, "JPEG", quality=quality, subsampling=0, optimize=True, progressive=True)
        if file.tell() <= most:
            break
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(file.getvalue())
