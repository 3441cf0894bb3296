"""Learned features: what a trained network makes of a crop before its last layer, as columns of cells."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.nets.device import choose
from napari_phenotyper.nets.model import CropModel, averaged


def activations(model: CropModel, cells: Cells) -> ColumnBlock:
    """Return the penultimate activations of a model's networks, averaged over the views that the model predicts by.

    Returns
    -------
    A row per cell and a column per unit, "Deep_0_000" and so on: network, and unit.

    Raises
    ------
    ModelError
        Where crops cannot be cut or have other channels than the model's.
    """
    nets = model.nets()
    names = tuple(f"Deep_{i}_{unit:03d}" for i, net in enumerate(nets) for unit in range(net.head.in_features))
    if not len(cells):
        return ColumnBlock(names, np.zeros((0, len(names)), np.float32))
    crops, device = model.pixels(cells), choose(model.device)
    found = [averaged(n.to(device), crops, model.views, lambda ready, batch: ready.features(batch)) for n in nets]
    return ColumnBlock(names, np.hstack(found))
