"""Folders of small crops of two classes, dim and large or bright and small, in any format somebody may bring."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image
from scipy import ndimage

RADIUS = {"Interphase": 9.0, "Mitotic": 5.0}


def picture(kind: str, number: int, shape: tuple[int, int] = (32, 32), channels: int = 1, dtype=np.uint8) -> np.ndarray:
    """Return (c, y, x) pixels of a cell of one kind; the same kind and number give the same."""
    rng = np.random.default_rng([number, len(kind)])
    y, x = (np.arange(n) - (n - 1) / 2 for n in shape)
    far = np.hypot(y[:, None], x[None, :])
    cell = (far < RADIUS[kind] * rng.uniform(0.9, 1.1)) * (80 if kind == "Interphase" else 180)
    image = ndimage.gaussian_filter(cell.astype(float), 1) + rng.normal(20, 3, (channels, *shape))
    return image.clip(0, 255).astype(dtype)


def write_png(path: Path, image: np.ndarray) -> None:
    """Write (c, y, x) with one or three channels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image[0] if len(image) == 1 else np.moveaxis(image, 0, 2)).save(path)


def write_tiff(path: Path, image: np.ndarray, **options) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    tifffile.imwrite(path, image, **options)


def write_crops(
    folder: Path, count: int = 20, make: Callable[..., np.ndarray] = picture, write=write_png, suffix=".png", **more
) -> Path:
    """Write `count` crops of each kind, and index.csv with four plates and two folds."""
    rows = []
    for kind in RADIUS:
        for i in range(count):
            name = f"{kind}/{i:03d}{suffix}"
            write(folder / name, make(kind, i, **more))
            rows.append((name, f"plate {i % 4}", i % 2))
    with (folder / "index.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("file", "plate", "fold"), *rows])
    return folder
