"""Cutting crops of cells out of fields."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import CropSource, CropSpec, Float32
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.scene import cell_index


def cut(
    images: NDArray[np.generic],
    labels: Labels | None,
    centre: tuple[float, float],
    side: float,
    spec: CropSpec,
    cell: int = 0,
) -> Float32:
    """Cut one crop.

    Parameters
    ----------
    images
        (c, y, x) pixels.
    labels
        (y, x) masks; needed only where the background is masked.
    centre
        y and x of the crop's centre.
    side
        Side of the crop in pixels of the image; resampled (bilinear) to `spec.size`. Outside the image, the crop
        has its own lowest value.
    cell
        Id of the cell to keep where the background is masked.

    Returns
    -------
    (c, size, size) float32
    """
    step = side / spec.size
    offset = (np.arange(spec.size, dtype=np.float64) - (spec.size - 1) / 2) * step
    rows, columns = centre[0] + offset, centre[1] + offset
    crop = _bilinear(images, rows, columns)
    height, width = images.shape[1:]
    inside = np.logical_and.outer(_within(rows, height), _within(columns, width))
    if not inside.all():
        # a repeated edge would draw streaks that no cell has
        crop = np.where(inside, crop, crop.min(axis=(1, 2), keepdims=True))
    crop = _normal(crop, spec)
    if spec.background == "masked" and labels is not None:
        r, c = np.rint(rows).astype(int), np.rint(columns).astype(int)
        own = labels[np.clip(r, 0, height - 1)[:, None], np.clip(c, 0, width - 1)[None, :]] == cell
        crop = crop * (own & inside)
    return crop


def _within(positions: NDArray[np.float64], length: int) -> NDArray[np.bool_]:
    """Tell which positions lie on the pixels of an axis, half a pixel around each centre."""
    return (positions >= -0.5) & (positions <= length - 0.5)


def _bilinear(images: NDArray[np.generic], rows: NDArray[np.float64], columns: NDArray[np.float64]) -> Float32:
    """Sample (c, y, x) on a grid of rows × columns."""
    height, width = images.shape[1:]
    rows, columns = np.clip(rows, 0, height - 1), np.clip(columns, 0, width - 1)
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    fy, fx = (rows - top).astype(np.float32)[:, None], (columns - left).astype(np.float32)[None, :]
    window = images[:, top[0] : bottom[-1] + 1, left[0] : right[-1] + 1].astype(np.float32)
    top, bottom, left, right = top - top[0], bottom - top[0], left - left[0], right - left[0]
    upper = window[:, top][:, :, left] * (1 - fx) + window[:, top][:, :, right] * fx
    lower = window[:, bottom][:, :, left] * (1 - fx) + window[:, bottom][:, :, right] * fx
    return np.asarray(upper * (1 - fy) + lower * fy, np.float32)


def _normal(crop: Float32, spec: CropSpec) -> Float32:
    """Bring each channel's 1st to 99.8th percentile to 0 … 1, unless the spec wants plain values."""
    if spec.normalisation == "none":
        return crop
    low, high = np.percentile(crop, (1.0, 99.8), axis=(1, 2)).astype(np.float32)
    span = np.maximum(high - low, np.float32(1e-6))
    return np.asarray(np.clip((crop - low[:, None, None]) / span[:, None, None], 0, 1.5), np.float32)


@dataclass(frozen=True, eq=False)
class FieldCrops:
    """Crops out of a field's pixels and masks, read when they are asked for.

    Attributes
    ----------
    field
        Where the pixels are.
    masks
        Gives the field's masks; called only where the spec needs them.
    """

    field: Field
    masks: Callable[[], Masks]

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of the field, or None."""
        return self.field.info.pixel_size

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32. Raises PixelError, ChannelError."""
        images = self.field.read(spec.channels or None)
        out = np.zeros((len(ids), images.shape[0], spec.size, spec.size), np.float32)
        fitted = spec.background != "surrounding"
        labels = self.masks().labels[NUCLEI] if fitted else None
        index = cell_index(labels) if labels is not None else None
        scale = spec.pixel_size / (self.pixel_size or spec.pixel_size) if spec.pixel_size else 1.0
        for i, cell in enumerate(ids):
            centre, side = (float(y[i]), float(x[i])), spec.size * scale
            if index is not None:
                top, left, bottom, right = index.box[np.searchsorted(index.ids, cell)]
                centre, side = ((top + bottom - 1) / 2, (left + right - 1) / 2), float(max(bottom - top, right - left))
            out[i] = cut(images, labels, centre, side, spec, int(cell))
        return out


Kept = dict[CropSpec, tuple[NDArray[np.int32], Float32]]
"""By spec: n ids, and (n, c, size, size) crops."""


@dataclass(frozen=True, eq=False)
class CachedCrops:
    """Crops that are cut once for all cells of a chunk and kept by spec: what cross-validation reads again and again.

    Attributes
    ----------
    source
        Where they are cut the first time.
    ids, y, x
        All cells of the chunk.
    kept
        What has been cut, perhaps for a smaller chunk of the same masks.
    """

    source: CropSource
    ids: NDArray[np.int32]
    y: Float32
    x: Float32
    kept: Kept = field(default_factory=dict, repr=False)

    @property
    def pixel_size(self) -> float | None:
        """µm per pixel of the source, or None."""
        return self.source.pixel_size

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32 of cells that the chunk holds."""
        new = ~np.isin(self.ids, self.kept[spec][0]) if spec in self.kept else np.ones(len(self.ids), bool)
        if new.any():
            cut_now = self.source.crops(self.ids[new], self.y[new], self.x[new], spec)
            before = self.kept.get(spec)
            self.kept[spec] = (
                (self.ids[new], cut_now)
                if before is None
                else (np.concatenate([before[0], self.ids[new]]), np.concatenate([before[1], cut_now]))
            )
        known, crops = self.kept[spec]
        order = np.argsort(known)
        return np.asarray(crops[order[np.searchsorted(known, ids, sorter=order)]], np.float32)
