"""What the feature families share: outlines, clean pixel values in order, blocks of columns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.masks import NUCLEI, Labels
from napari_phenotyper.core.scene import Scene

if TYPE_CHECKING:
    from napari_phenotyper.kernels.grouped import Moments
    from napari_phenotyper.kernels.hull import Hull

PREFIX = "Nuclei_"

Float64 = NDArray[np.float64]
Float32 = NDArray[np.float32]
Flags = NDArray[np.bool_]

_KEPT = 1 << 26
"""Pixels: clean images of larger fields are made again for each family, rather than kept for all channels."""


def block(columns: Mapping[str, Float64], count: int) -> ColumnBlock:
    """Return columns of `count` cells as a block: float32, NaN where infinite, names with the compartment before."""
    values = np.empty((count, len(columns)), np.float32)
    for j, column in enumerate(columns.values()):
        values[:, j] = column
    values[~np.isfinite(values)] = np.nan
    return ColumnBlock(tuple(PREFIX + name for name in columns), values)


def local_coordinates(scene: Scene) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return (P,) rows and columns from the corner of each cell's box: the same wherever the cell lies."""
    from napari_phenotyper.kernels.moments import from_corners

    index = scene.index
    return scene.shared(("local",), lambda: from_corners(index.y, index.x, index.offsets, index.box))


def local_centroids(scene: Scene) -> Float64:
    """Return (n, 2) mean row and column of each cell, from the corner of its box."""
    from napari_phenotyper.kernels.moments import centroids

    return scene.shared(("centroids",), lambda: centroids(*local_coordinates(scene), scene.index.offsets))


def clean(image: NDArray[np.generic]) -> Float32:
    """Return an image as float32; pixels that are not finite become its lowest finite value, the background."""
    pixels = np.ascontiguousarray(image, np.float32)
    if image.dtype.kind != "f":
        return pixels
    finite = np.isfinite(pixels)
    if finite.all():
        return pixels
    return np.where(finite, pixels, pixels[finite].min() if finite.any() else np.float32(0))


def clean_image(scene: Scene, label: str) -> Float32:
    """Return a channel's clean (y, x) image."""
    pixels = scene.pixels[label]
    if pixels.size > _KEPT:
        return clean(pixels)
    return scene.shared(("image", label), lambda: clean(pixels))


def cell_values(scene: Scene, label: str) -> Float32:
    """Return (P,) values of a channel at the pixels of the cells."""
    from napari_phenotyper.kernels.patches import pixel_values

    index = scene.index
    return scene.shared(("values", label), lambda: pixel_values(clean_image(scene, label), index.y, index.x))


def cell_moments(scene: Scene, label: str) -> Moments:
    """Return mean, spread, skewness and kurtosis of a channel's values in each cell."""
    from napari_phenotyper.kernels.grouped import group_moments

    return scene.shared(("moments", label), lambda: group_moments(cell_values(scene, label), scene.index.offsets))


def ordered_values(scene: Scene, label: str) -> Float32:
    """Return `cell_values`, ascending within each cell."""
    from napari_phenotyper.kernels.grouped import sort_groups

    return scene.shared(("ordered", label), lambda: sort_groups(cell_values(scene, label), scene.index.offsets))


def darkest(scene: Scene, label: str) -> float:
    """Return what the darkest twentieth of a channel's pixels stays below; 0 of an empty image."""
    from napari_phenotyper.kernels.ranks import quantile

    whole = scene.pixels[label].dtype in (np.uint8, np.uint16)
    return scene.shared(("dark", label), lambda: quantile(clean_image(scene, label).ravel(), 0.05, whole))


def contrast(scene: Scene, label: str) -> Float64:
    """Return (n,) how far a cell's mean lies above the darkest twentieth of the field; infinite if it does not."""

    def make() -> Float64:
        above = cell_moments(scene, label).mean - darkest(scene, label)
        return np.where(above > 0, above, np.inf)

    return scene.shared(("contrast", label), make)


def label_image(scene: Scene) -> Labels:
    """Return the (y, x) int32 label image of the nuclei."""
    labels = scene.masks.labels[NUCLEI] if scene.masks is not None else np.zeros((0, 0), np.int32)
    return np.ascontiguousarray(labels, np.int32)


def neighbour_codes(scene: Scene) -> NDArray[np.uint8]:
    """Return (P,) which neighbours of each pixel belong to its cell."""
    from napari_phenotyper.kernels.outline import neighbours

    index = scene.index
    return scene.shared(("codes",), lambda: neighbours(index.y, index.x, index.offsets, index.box))


def border_pixels(scene: Scene) -> Flags:
    """Return (P,) whether a pixel lies at the edge of its cell."""
    from napari_phenotyper.kernels.outline import is_border

    return scene.shared(("border",), lambda: is_border(neighbour_codes(scene)))


def depths(scene: Scene) -> Float32:
    """Return (P,) distance of each pixel to the nearest one outside its cell."""
    from napari_phenotyper.kernels.outline import depth

    index = scene.index
    return scene.shared(("depth",), lambda: depth(index.y, index.x, index.offsets, index.box))


def shared_hulls(scene: Scene) -> Hull:
    """Return the convex hulls of the cells."""
    from napari_phenotyper.kernels.hull import convex_hulls

    return scene.shared(("hulls",), lambda: convex_hulls(*local_coordinates(scene), scene.index.offsets))


def local_background(scene: Scene, label: str, reach: int) -> Float64:
    """Return (n,) mean of the background within `reach` of a cell's edge; of all background where none is near.

    NaN where the field has no background at all.
    """
    from napari_phenotyper.kernels.brightness import surroundings

    index, image, border = scene.index, clean_image(scene, label), border_pixels(scene)
    free = scene.shared(("free",), lambda: label_image(scene) == 0)

    def make() -> Float64:
        found = surroundings(image, free, border, index.y, index.x, index.offsets, index.box, reach)
        if np.isnan(found).any() and free.any():
            found[np.isnan(found)] = image[free].mean(dtype=np.float64)
        return found

    return scene.shared(("background", label, str(reach)), make)


def zernike_circles(scene: Scene) -> Float64:
    """Return (n, 3) row, column and radius of the circles about the centroids that hold every pixel of each cell."""
    from napari_phenotyper.kernels.moments import reach

    def make() -> Float64:
        centre = local_centroids(scene)
        # a pixel reaches half a side beyond its centre, so that a single one has a circle too
        radius = reach(*local_coordinates(scene), centre, scene.index.offsets) + 0.5
        return np.column_stack([centre, radius])

    return scene.shared(("circles",), make)


def ratio(top: Float64, bottom: Float64) -> Float64:
    """Return top / bottom, NaN where bottom is 0."""
    return np.asarray(np.divide(top, bottom, out=np.full(np.shape(top), np.nan), where=bottom != 0))
