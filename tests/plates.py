"""A small plate of two kinds of nuclei, written as TIFFs: the smallest input on which the whole way can be walked."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import tifffile
from scipy import ndimage

WELLS = ("B02", "B03", "C02", "C03")


def field_image(rng, share, size=240):
    """A field of round dim and small bright nuclei; returns pixels and rows of (y, x, phenotype)."""
    image = np.full((size, size), 200.0)
    grid_y, grid_x = np.mgrid[:size, :size]
    truth = []
    for row in range(30, size, 45):
        for column in range(30, size, 45):
            y, x = row + rng.integers(-4, 5), column + rng.integers(-4, 5)
            mitotic = rng.random() < share
            radius, level = (rng.uniform(6, 7.5), 6000) if mitotic else (rng.uniform(9.5, 12), 2500)
            image += ((grid_y - y) ** 2 + (grid_x - x) ** 2 < radius**2) * level * rng.uniform(0.8, 1.2)
            truth.append((y, x, "Mitotic" if mitotic else "Interphase"))
    image = ndimage.gaussian_filter(image, 1.2)
    return rng.poisson(np.clip(image, 0, 60000)).astype(np.uint16), truth


def write_plate(folder: Path, wells=WELLS, fields=2, seed=0) -> Path:
    """Write TIFFs, layout.csv and truth.csv; the last well has many mitotic cells, the first two are controls."""
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    rows = []
    for well in wells:
        for field in range(1, fields + 1):
            image, truth = field_image(rng, 0.7 if well == wells[-1] else 0.25)
            tifffile.imwrite(folder / f"P1_{well}_s{field}_w1.tif", image)
            rows += [(well, field, y, x, phenotype) for y, x, phenotype in truth]
    with (folder / "truth.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("well", "field", "y", "x", "phenotype"), *rows])
    with (folder / "layout.csv").open("w", newline="") as file:
        kinds = [(w, "DMSO" if i < 2 else "X", "negative" if i < 2 else "sample", i % 2) for i, w in enumerate(wells)]
        csv.writer(file).writerows([("well", "treatment", "role", "donor"), *kinds])
    return folder
