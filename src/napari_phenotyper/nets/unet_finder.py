"""A trained U-Net, ready to find nuclei in images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.masks import Labels
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.nets import unet_file
from napari_phenotyper.nets.device import Device, choose
from napari_phenotyper.nets.unet import UNet, restore
from napari_phenotyper.nets.unet_instances import Rules, nuclei
from napari_phenotyper.nets.unet_pixels import levels
from napari_phenotyper.nets.unet_tiles import Image32, ready, seen
from napari_phenotyper.nets.weights import from_arrays


@dataclass(frozen=True, eq=False)
class Finder:
    """Finds nuclei in an image.

    Attributes
    ----------
    net
        Ready to predict, on its device.
    multiple
        What the sides of its tiles must be multiples of.
    digest
        Of its weights.
    """

    net: UNet
    multiple: int
    digest: str

    def __call__(self, image: NDArray[np.generic], diameter: float, rules: Rules, progress: Progress) -> Labels:
        """Return (y, x) labels, 1 … n, of the nuclei of a (y, x) image; none where it is blank.

        Parameters
        ----------
        image
            Of any type; may hold what is not finite.
        diameter
            Of a typical nucleus, in px.
        rules
            What counts as a nucleus.
        progress
            Called at every tile; Cancelled passes through.
        """
        found = levels(image)
        if not found.high > found.low:
            return np.zeros(image.shape, np.int32)

        def see(part: NDArray[np.generic], scale: float, report: Progress) -> tuple[Image32, Image32]:
            return seen(self.net, part, found, scale, self.multiple, report)

        return nuclei(image, diameter, see, rules, progress)


def load(path: Path, device: Device = "auto") -> Finder:
    """Return the network of a file that `train-segmenter` wrote, ready on a device.

    Raises
    ------
    ModelError
        If the file is missing, foreign or damaged.
    SettingError
        If the device is not there.
    """
    there, file = choose(device), unet_file.read(path)
    architecture = restore(file.card["network"])
    net = from_arrays(architecture, file.arrays, "")
    return Finder(ready(net, there), architecture.multiple, file.digest)
