"""Training of the U-Net on fields and label images."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.nets.blocks import drawn
from napari_phenotyper.nets.loop import Recipe, numbers, train
from napari_phenotyper.nets.unet import UNet, UNetArchitecture
from napari_phenotyper.nets.unet_crops import CropDraw, draw

EPOCH = 800
"""Crops that count as an epoch, in the words of `Recipe`."""


def fitted(
    fields: Sequence[Tensor],
    shares: Sequence[float],
    progress: Progress,
    epochs: int,
    seed: int = 0,
    architecture: UNetArchitecture | None = None,
    how: CropDraw | None = None,
    device: torch.device | None = None,
) -> UNet:
    """Return a network trained on fields, on the processor and ready to predict.

    Parameters
    ----------
    fields
        (4, y, x) uint8 planes of each, as `unet_pixels.planes` makes them.
    shares
        How often a crop is taken from each field; need not sum to one.
    progress
        Called at every step's end; Cancelled passes through.
    epochs
        Of `EPOCH` crops each.
    seed
        For all that is random.
    architecture, how
        By default the ones of the shipped weights.
    device
        Where it is trained; by default the processor.

    Raises
    ------
    TrainingError
        If the loss stops being a number.
    """
    chosen, there = how or CropDraw(), device or torch.device("cpu")
    generator = torch.Generator().manual_seed(seed)
    net = started(architecture or UNetArchitecture(), generator).to(there)
    chances = torch.tensor(np.asarray(shares, np.float64))

    def mean_loss(rows: Tensor) -> Tensor:
        picked = torch.multinomial(chances, len(rows), replacement=True, generator=generator)
        crops = draw(fields, picked.tolist(), chosen, generator).to(there)
        with numbers(there):
            found = net(crops[:, :1])
        return loss(found.float(), crops)

    recipe = Recipe(epochs=epochs, batch=16, rate=1e-2, decay=0.02, average=0.99)
    train(net, mean_loss, EPOCH, recipe, generator, progress)
    return net.cpu()


def shares(nuclei: Sequence[int]) -> list[float]:
    """Return how often a crop is taken from each field: a crowded one shows more, yet is one kind of picture."""
    return [float(np.sqrt(1 + count)) for count in nuclei]


def started(architecture: UNetArchitecture, generator: torch.Generator) -> UNet:
    """Return an untrained network that takes every pixel for background, as most are.

    From a last layer of zeros, the first steps go into making everything background; the features of nuclei die of it.
    """
    net = drawn(architecture.build, generator)
    net.head.weight.data.normal_(0.0, 0.1, generator=generator)
    nn.init.constant_(net.head.bias, -2.0)  # type: ignore[arg-type]
    return net


def loss(found: Tensor, crops: Tensor) -> Tensor:
    """Return the weighted cross-entropy of (n, 2, y, x) logits against the planes of (n, 4, y, x) crops."""
    each = functional.binary_cross_entropy_with_logits(found, crops[:, 1:3], reduction="none")
    weight = crops[:, 3:]
    return (each * weight).sum() / (2 * weight.sum())
