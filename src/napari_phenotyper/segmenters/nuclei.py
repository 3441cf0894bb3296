"""Finds nuclei in the DNA channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.segmenters import _threshold
from napari_phenotyper.segmenters._threshold import Image32


@dataclass(frozen=True)
class Nuclei:
    """Nuclei by threshold and watershed.

    The background is flattened, the field is thresholded, and every nucleus is then cut at a share of its own
    brightness, so that dim nuclei are found beside bright ones and the bright ones are not too large. Touching nuclei
    are split by a watershed on the distance from the edge; parts without a neck between them are joined again.
    Thresholds: Otsu (1979) on square roots, minimum cross-entropy (Li & Tam 1998), or a local mean.
    """

    channel: str = field(default="DNA", metadata={"help": "Channel that shows the nuclei, by role or name"})
    diameter: float | None = field(
        default=None, metadata={"help": "Diameter of a typical nucleus; none: estimated", "min": 1, "max": 5000}
    )
    unit: Literal["px", "µm"] = field(default="px", metadata={"help": "Unit of the diameter"})
    threshold: Literal["auto", "otsu", "li", "local"] = field(
        default="auto", metadata={"help": "auto: local where brightness differs much over the field, else otsu"}
    )
    split: Literal["shape", "intensity", "both", "none"] = field(
        default="shape", metadata={"help": "What separates touching nuclei"}
    )
    neck: float = field(
        default=0.88,
        metadata={"help": "Split where the neck is narrower than this share of the nucleus", "min": 0, "max": 1},
    )
    edge: float = field(
        default=0.36,
        metadata={"help": "Where a nucleus ends, as a share of its own brightness; 0: at the threshold", "min": 0,
                  "max": 0.95},
    )  # fmt: skip
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

    version: ClassVar[int] = 1

    @property
    def _is_resolved(self) -> bool:
        decided = self.diameter is not None and self.contrast is not None
        return decided and self.unit == "px" and self.threshold != "auto"

    def resolve(self, scenes: Sequence[Scene]) -> Self:
        """Return the segmenter with diameter (px), threshold and least contrast decided from some fields.

        Raises
        ------
        SettingError
            If the diameter is given in µm and the plate does not say how large a pixel is.
        ChannelError
        """
        if self._is_resolved or not scenes:
            return self
        given = self._given_diameter(scenes[0])
        looks = [_threshold.look(_threshold.pixels(s.image(self.channel)), given) for s in scenes]
        return replace(
            self,
            diameter=given or round(_threshold.typical_diameter(looks), 2),
            unit="px",
            threshold=_threshold.choice(looks) if self.threshold == "auto" else self.threshold,
            contrast=self.contrast if self.contrast is not None else _threshold.least_contrast(looks),
        )

    def _given_diameter(self, scene: Scene) -> float | None:
        """Return the diameter in px that the user or the scene's hints give."""
        if self.diameter is None:
            hint = scene.hints.get("diameter")
            return float(hint) if isinstance(hint, int | float) and hint > 0 else None
        if self.unit == "px":
            return self.diameter
        if not scene.pixel_size:
            raise SettingError(
                f"The diameter is {self.diameter:g} µm, but {scene.ref.plate} does not say how large a pixel is.",
                "Give the diameter in pixels (unit=px), or the plate's pixel size.",
            )
        return self.diameter / scene.pixel_size

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
        pixels = _threshold.pixels(image)
        progress(0.2, "Flattening the background")
        flat = _threshold.flatten(pixels, settings.diameter)
        progress(0.3, "Thresholding")
        mask = _threshold.foreground(flat, settings.threshold, settings.diameter, settings.contrast)
        mask &= np.isfinite(image)
        if not mask.any():
            return Masks({NUCLEI: np.zeros(image.shape, np.int32)})
        labels = settings._objects(mask, flat, progress)
        return Masks({NUCLEI: settings._chosen(labels)})

    def _objects(self, mask: NDArray[np.bool_], flat: Image32, progress: Progress) -> Labels:
        """Return labels of the nuclei of a mask, split, and cut at a share of their own brightness."""
        from scipy.ndimage import binary_fill_holes

        valid = mask.copy() if not self.fill_holes else binary_fill_holes(mask)
        progress(0.4, "Splitting touching nuclei")
        labels = self._split(valid, flat)
        if self.edge > 0:
            progress(0.6, "Finding the edge of each nucleus")
            inside = _threshold.bright_part(labels, flat, self.edge)
            if self.fill_holes:
                inside = binary_fill_holes(inside) & valid
            progress(0.7, "Splitting touching nuclei")
            labels = self._split(inside, flat)
        progress(0.9, "Numbering nuclei")
        return labels

    def _split(self, mask: NDArray[np.bool_], flat: Image32) -> Labels:
        """Return labels of a mask's objects, by the chosen kind of split."""
        from scipy import ndimage

        from napari_phenotyper.kernels.splitting import distance, split

        diameter = self.diameter or 1.0
        if self.split == "none":
            return np.asarray(ndimage.label(mask)[0], np.int32)
        least = 0.2 * np.pi / 4 * diameter**2
        bright = np.maximum(flat, 0) if self.split == "shape" else ndimage.gaussian_filter(flat, diameter / 10)
        if self.split == "intensity":
            return split(mask, np.where(mask, np.maximum(bright, 0), 0), diameter, self.neck, least)
        relief = ndimage.gaussian_filter(distance(mask), max(1.0, diameter / 20))
        if self.split == "both":
            relief = relief * np.sqrt(np.maximum(bright, 0))
        return split(mask, relief, diameter, self.neck, least)

    def _chosen(self, labels: Labels) -> Labels:
        """Return the labels that keep the rules of size and border, numbered 1 … n and each in one piece."""
        from napari_phenotyper.kernels.splitting import largest_parts, renumber

        labels = largest_parts(labels)
        typical = np.pi / 4 * (self.diameter or 1.0) ** 2
        area = np.bincount(labels.ravel())
        keep = (area >= self.min_area * typical) & (area <= self.max_area * typical)
        if self.border == "drop":
            for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
                keep[side] = False
        return renumber(labels, keep)
