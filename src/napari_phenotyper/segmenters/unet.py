"""Finds nuclei with a network that learned from outlined ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, Self

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.segmenters import _diameter

if TYPE_CHECKING:
    from napari_phenotyper.nets.unet_finder import Finder

SHIPPED = Path(__file__).parent / "weights" / "unet.safetensors"
"""The weights in the package."""

GUESSER = "nuclei"
"""The segmenter that the first guess of a diameter comes from."""
_LOOKED_AT = 2048
"""Pixels of the side of the middle part of a field that open parameters are decided from."""
_PASSES = 3
"""How often, at most, the diameter is looked for again at the scale that was found …"""
_SETTLED = 1.15
"""… until it changes by less than this factor."""


@dataclass(frozen=True)
class Unet:
    """Nuclei by a trained network.

    A small U-Net (Ronneberger et al. 2015), trained on the fluorescence fields of the Data Science Bowl 2018 (BBBC038,
    CC0), tells foreground and depth inside each nucleus, at the scale that the nuclei of the plate ask for. Touching
    nuclei are split by a watershed on depth; parts without a neck between them are joined again.
    """

    channel: str = field(default="DNA", metadata={"help": "Channel that shows the nuclei, by role or name"})
    diameter: float | None = field(
        default=None, metadata={"help": "Diameter of a typical nucleus; none: estimated", "min": 1, "max": 5000}
    )
    unit: Literal["px", "µm"] = field(default="px", metadata={"help": "Unit of the diameter"})
    model: str = field(
        default="", metadata={"help": "File that `phenotyper train-segmenter` wrote; empty: the weights in the package"}
    )
    score: float = field(default=0.6, metadata={"help": "Least certainty of a nucleus", "min": 0, "max": 1})
    neck: float = field(
        default=0.55,
        metadata={"help": "Split where depth falls below this share of the nucleus's", "min": 0, "max": 1},
    )
    min_area: float = field(
        default=0.05, metadata={"help": "Smallest nucleus, as a share of a typical one's area", "min": 0, "max": 1}
    )
    border: Literal["keep", "drop"] = field(default="keep", metadata={"help": "Nuclei that the field's border cuts"})
    device: Literal["auto", "cpu", "cuda", "mps"] = field(default="auto", metadata={"help": "Where the network runs"})
    weights: str = field(default="", metadata={"help": "Digest of the weights; filled in"})

    version: ClassVar[int] = 1

    def resolve(self, scenes: Sequence[Scene]) -> Self:
        """Return the segmenter with the diameter (px) decided from some fields, and the digest of its weights.

        Raises
        ------
        SettingError
            If the diameter is given in µm and the plate does not say how large a pixel is, or the device is not there.
        ModelError
            If the weights are missing, damaged or not those that were resolved before.
        ChannelError
        """
        if self.weights and self.diameter is not None and self.unit == "px":
            return self
        finder = self._finder()
        if not scenes:
            return replace(self, weights=finder.digest)
        diameter = _diameter.given(scenes[0], self.diameter, self.unit)
        if diameter is None:
            diameter = round(self._typical(scenes, finder), 2)
        return replace(self, diameter=diameter, unit="px", weights=finder.digest)

    def _finder(self) -> Finder:
        """Return the network, ready to run. Raises ModelError, SettingError."""
        from napari_phenotyper.nets import unet_finder

        finder = unet_finder.load(Path(self.model).expanduser() if self.model else SHIPPED, self.device)
        if self.weights not in ("", finder.digest):
            raise ModelError(
                f"The weights in {self.model or 'the package'} are not those that the plate was segmented with.",
                "Set weights to nothing to segment anew, or bring the file of that time back.",
            )
        return finder

    def _typical(self, scenes: Sequence[Scene], finder: Finder) -> float:
        """Return the diameter, in px, of the nuclei that cover half of the area of all in some fields.

        The first guess is that of the classical segmenter; the network then looks at that scale, and again.
        """
        from napari_phenotyper.nets.unet_pixels import typical

        images = [_middle(scene.image(self.channel)) for scene in scenes]
        seen = [replace(scene, pixels={self.channel: image}) for scene, image in zip(scenes, images, strict=True)]
        diameter: float = Registry().make("segmenter", GUESSER, {"channel": self.channel}).resolve(seen).diameter
        for _ in range(_PASSES):
            found = typical([self._labels(image, diameter, finder, no_progress) for image in images])
            before, diameter = diameter, max(found, 6.0) if found else diameter
            if max(before, diameter) < _SETTLED * min(before, diameter):
                break
        return diameter

    def segment(self, scene: Scene, progress: Progress) -> Masks:
        """Return masks of the nuclei; decides open parameters from this scene alone.

        Raises
        ------
        ChannelError, SettingError, ModelError, Cancelled
        """
        progress(0.0, f"Segmenting {scene.ref}")
        image = scene.image(self.channel)
        settings = self.resolve([scene])
        if settings.diameter is None:
            return Masks({NUCLEI: np.zeros(image.shape, np.int32)})
        labels = settings._labels(image, settings.diameter, settings._finder(), progress)
        return Masks({NUCLEI: labels if self.border == "keep" else _inside(labels)})

    def _labels(self, image: NDArray[np.generic], diameter: float, finder: Finder, progress: Progress) -> Labels:
        """Return (y, x) labels of the nuclei of an image, 1 … n."""
        from napari_phenotyper.nets.unet_instances import Rules

        return finder(image, diameter, Rules(neck=self.neck, score=self.score, area=self.min_area), progress)


def _middle(image: NDArray[np.generic]) -> NDArray[np.generic]:
    """Return the middle of an image, at most `_LOOKED_AT` pixels along a side."""
    top, left = (max(side - _LOOKED_AT, 0) // 2 for side in image.shape)
    return image[top : top + _LOOKED_AT, left : left + _LOOKED_AT]


def _inside(labels: Labels) -> Labels:
    """Return the labels that no border of the field cuts, numbered 1 … n."""
    from napari_phenotyper.kernels.splitting import renumber

    keep = np.ones(int(labels.max(initial=0)) + 1, bool)
    for side in (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:]):
        keep[side] = False
    return renumber(labels, keep)
