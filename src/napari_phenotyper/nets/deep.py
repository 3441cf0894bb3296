"""Learned features: what a trained network makes of a crop before its last layer, as columns of cells."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.cells import Cells, ColumnBlock
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
    names = tuple(f"Deep_{i}_{unit:03d}" for i, net in enumerate(model.ready) for unit in range(net.head.in_features))
    if not len(cells):
        return ColumnBlock(names, np.zeros((0, len(names)), np.float32))
    crops = model.pixels(cells)
    found = [averaged(net, crops, model.views, lambda ready, batch: ready.features(batch)) for net in model.ready]
    return ColumnBlock(names, np.hstack(found))
