"""Finds nuclei in the DNA channel."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress, no_progress, part
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.segmenters import _diameter, _objects, _threshold
from napari_phenotyper.segmenters._threshold import Image32

_NECK = 0.88
"""Share at which touching nuclei are split where one and two are as likely. The default is below it: outlined fields
have healthy nuclei that touch, a screen has lobed and fragmented ones."""

_DOUBT = 0.4
"""Odds (log) that favour one nucleus: a mitotic one in pieces is worse than two that are taken for one."""

_GLOW, _OTHERS = 1 / 12, 5
"""Share of a field that only a glow fills, where so many other nuclei are beside it."""

_TILE = 2048
"""Shrunken pixels of a tile; larger fields are segmented tile by tile, with nuclei to spare around each."""


@dataclass(frozen=True)
class Nuclei:
    """Nuclei by zones, basins and shape.

    The field is brought to the scale of its nuclei and its background flattened. Every zone around a bright spot is cut
    at a share of its own brightness, so that dim nuclei are found beside bright ones and the bright ones are not too
    large. The foreground falls into basins of depth and brightness; those that make up one nucleus are joined again, by
    the neck between them, the shape that results, size and brightness, weighed by logistic regression on hand-drawn
    nuclei; so is what tells a nucleus from debris.
    """

    channel: str = field(default="DNA", metadata={"help": "Channel that shows the nuclei, by role or name"})
    diameter: float | None = field(
        default=None, metadata={"help": "Diameter of a typical nucleus; none: estimated", "min": 1, "max": 5000}
    )
    unit: Literal["px", "µm"] = field(default="px", metadata={"help": "Unit of the diameter"})
    threshold: Literal["auto", "otsu", "li", "local"] = field(
        default="auto",
        metadata={"help": "auto, local: each nucleus by its own brightness; otsu, li: none below that of the field"},
    )
    split: Literal["shape", "intensity", "both", "none"] = field(
        default="both", metadata={"help": "What separates touching nuclei"}
    )
    neck: float = field(
        default=0.8,
        metadata={"help": "Split where the neck is narrower than about this share; 0.6 keeps lobed nuclei whole",
                  "min": 0, "max": 1},
    )  # fmt: skip
    edge: float = field(
        default=0.38,
        metadata={"help": "Where a nucleus ends, as a share of its own brightness; 0: at the threshold", "min": 0,
                  "max": 0.95},
    )  # fmt: skip
    debris: float = field(
        default=0.5,
        metadata={"help": "Drop what is less likely a nucleus than this; 0: keep everything", "min": 0, "max": 1},
    )
    min_area: float = field(
        default=0.05, metadata={"help": "Smallest nucleus, as a share of a typical one's area", "min": 0, "max": 1}
    )
    max_area: float = field(
        default=20.0, metadata={"help": "Largest nucleus, in areas of a typical one", "min": 1, "max": 1000}
    )
    fill_holes: bool = field(default=True, metadata={"help": "Fill holes"})
    border: Literal["keep", "drop"] = field(default="keep", metadata={"help": "Nuclei that the field's border cuts"})
    contrast: float | None = field(
        default=None,
        metadata={"help": "Least brightness above the background, in grey levels; none: estimated", "min": 0},
    )

    version: ClassVar[int] = 2

    @property
    def _is_resolved(self) -> bool:
        decided = self.diameter is not None and self.contrast is not None
        return decided and self.unit == "px" and self.threshold != "auto"

    def resolve(self, scenes: Sequence[Scene]) -> Self:
        """Return the segmenter with diameter (px), threshold and least contrast decided from some fields.

        A diameter that is not given is the typical one of the nuclei that are found with it: found again, from a first
        guess, until it stays.

        Raises
        ------
        SettingError
            If the diameter is given in µm and the plate does not say how large a pixel is.
        ChannelError
        """
        if self._is_resolved or not scenes:
            return self
        given = _diameter.given(scenes[0], self.diameter, self.unit)
        images = _threshold.sample(scene.image(self.channel) for scene in scenes)
        start = replace(self, unit="px", threshold="local" if self.threshold == "auto" else self.threshold)
        settings = start._with(given or _threshold.DIAMETER, images)
        for _ in range(0 if given else 5):
            before = settings.diameter or _threshold.DIAMETER
            found = settings._typical_diameter(images)
            if abs(found - before) < 0.03 * before:
                break
            settings = start._with(found, images)
        return settings

    def _with(self, diameter: float, images: Sequence[NDArray[np.generic]]) -> Self:
        """Return the segmenter for a diameter in px; the least contrast is what the images tell at that scale."""
        if self.contrast is not None:
            return replace(self, diameter=diameter)
        looks = [_threshold.look(_threshold.flatten(image, diameter)) for image in images]
        return replace(self, diameter=diameter, contrast=_threshold.least_contrast(looks))

    def _typical_diameter(self, images: Sequence[NDArray[np.generic]]) -> float:
        """Return the diameter, in px, below which half of the area of all nuclei lies, each as likely as it is one."""
        diameter = self.diameter or _threshold.DIAMETER
        times = _threshold.factor(diameter)
        sizes, shares = [], []
        for image in images:
            flat = _threshold.flatten(image, diameter)
            labels, count, _ = self._small(flat, no_progress)
            area = np.bincount(labels.ravel(), minlength=count + 1)[1:]
            sizes.append(2 * np.sqrt(area / np.pi) * times)
            likely = _objects.likelihood(labels, count, flat, diameter / times)
            usual = area <= _GLOW * labels.size
            # a glow behind nuclei has more area than all of them; a single giant is a nucleus
            shares.append(area * likely * (usual if likely[usual].sum() >= _OTHERS else 1))
        size, share = np.concatenate(sizes), np.concatenate(shares)
        if not len(size):
            return diameter
        order = np.argsort(size, kind="stable")
        below = np.cumsum(share[order])
        return round(max(6.0, float(size[order][np.searchsorted(below, below[-1] / 2)])), 2)

    def segment(self, scene: Scene, progress: Progress) -> Masks:
        """Return masks of the nuclei; decides open parameters from this scene alone.

        Raises
        ------
        ChannelError, SettingError, Cancelled
        """
        progress(0.0, f"Segmenting {scene.ref}")
        image = scene.image(self.channel)
        settings = self.resolve([scene])
        if not image.size or settings.diameter is None or settings.contrast is None:
            return Masks({NUCLEI: np.zeros(image.shape, np.int32)})
        return Masks({NUCLEI: settings._labels(image, progress)})

    def _labels(self, image: NDArray[np.generic], progress: Progress) -> Labels:
        """Return labels 1 … n, each in one piece, of the nuclei that keep the rules of size and border."""
        from napari_phenotyper.kernels.pieces import keep_largest

        typical = _objects.typical_area(self.diameter or 1.0)
        labels = self._all_tiles(image, part(progress, 0.1, 0.9))
        progress(0.9, "Numbering nuclei")
        if image.dtype.kind == "f":
            labels[~np.isfinite(image)] = 0
        least, most = self.min_area * typical, self.max_area * typical
        keep_largest(labels, int(labels.max(initial=0)), least, most, self.border == "drop")
        return labels

    def _all_tiles(self, image: NDArray[np.generic], progress: Progress) -> Labels:
        """Return labels of a field; of a large one tile by tile, each nucleus from the tile that its middle lies in."""
        size = _TILE * _threshold.factor(self.diameter or 1.0)
        if max(image.shape) <= 1.5 * size:
            return self._tile(image, progress)
        result = np.zeros(image.shape, np.int32)
        tiles, last = list(_tiles(image.shape, size, 4 * round(self.diameter or 1.0))), 0
        for k, (outer, inner) in enumerate(tiles):
            labels = self._tile(image[outer], part(progress, k / len(tiles), (k + 1) / len(tiles)))
            last += _paint(result[outer], labels, inner, last)
        return result

    def _tile(self, image: NDArray[np.generic], progress: Progress) -> Labels:
        """Return labels of the nuclei of a field or a part of it, at full size."""
        from napari_phenotyper.kernels.pieces import enlarge_labels, renamed

        progress(0.0, "Flattening the background")
        diameter = self.diameter or 1.0
        times = _threshold.factor(diameter)
        flat = _threshold.flatten(image, diameter)
        labels, count, above = self._small(flat, progress)
        progress(0.8, "Leaving out debris")
        likely = _objects.likelihood(labels, count, flat, diameter / times)
        name = np.arange(count + 1, dtype=np.int32) * np.append(False, likely >= self.debris)
        kept = renamed(labels, name)
        if times == 1:
            return kept
        progress(0.9, "Drawing nuclei at full size")
        return enlarge_labels(kept, above, times, *image.shape)

    def _small(self, flat: Image32, progress: Progress) -> tuple[Labels, int, Image32]:
        """Return labels 1 … n of a flattened field's objects, n, and how far each pixel lies above its zone's cut."""
        from napari_phenotyper.kernels.pieces import keep_largest, pieces

        diameter = self.diameter or 1.0
        small = diameter / _threshold.factor(diameter)
        floor = _threshold.floor(flat, self.threshold, self.contrast or 0.0)
        if not flat.size or flat.max() <= floor:
            return np.zeros(flat.shape, np.int32), 0, flat
        progress(0.2, "Finding the edge of each nucleus")
        found = _objects.cut(flat, floor, small, self.edge, self.fill_holes)
        progress(0.4, "Splitting touching nuclei")
        if self.split == "none":
            labels, count = pieces(found.mask.astype(np.int32))
        else:
            parts = _objects.parts(found.mask, found.filled, small, self.split)
            progress(0.6, "Joining parts of one nucleus")
            # a hundredth of the neck's width counts as much as a tenth of the odds
            bar = 10 * (self.neck - _NECK) - _DOUBT
            labels, count = _objects.join(parts, small, bar), parts.last
        least = self.min_area * _objects.typical_area(small)
        return labels, keep_largest(labels, count, least, float(labels.size), False), found.above


def _tiles(shape: tuple[int, ...], size: int, spare: int) -> Iterator[tuple[tuple[slice, slice], tuple[slice, slice]]]:
    """Yield what to read of a field, with pixels to spare around, and the tile itself, counted from what is read."""
    for top in range(0, shape[0], size):
        for left in range(0, shape[1], size):
            first, second = max(top - spare, 0), max(left - spare, 0)
            outer = np.s_[first : min(top + size + spare, shape[0]), second : min(left + size + spare, shape[1])]
            yield outer, np.s_[top - first : top - first + size, left - second : left - second + size]


def _paint(canvas: Labels, labels: Labels, inner: tuple[slice, slice], last: int) -> int:
    """Add to a canvas, numbered after the last, what has its middle in the tile; what is taken stays.

    Return how many numbers were used.
    """
    from napari_phenotyper.kernels.basins import centres

    middle = centres(labels, int(labels.max(initial=0)))
    rows, columns = inner
    inside = (middle[:, 0] >= rows.start) & (middle[:, 0] < rows.stop)
    inside &= (middle[:, 1] >= columns.start) & (middle[:, 1] < columns.stop)
    inside[0] = False
    name = np.where(inside, np.cumsum(inside) + last, 0).astype(np.int32)[labels]
    np.copyto(canvas, name, where=(canvas == 0) & (name > 0))
    return int(inside.sum())
