"""A network on crops as a model: plain arrays that build the network when they predict."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_phenotyper.core.cells import Background, Cells, CropSpec, Float32, Normalisation
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.evaluation.calibration import softmax
from napari_phenotyper.nets import architectures
from napari_phenotyper.nets.augment import views
from napari_phenotyper.nets.blocks import Architecture, CropNet, folded
from napari_phenotyper.nets.device import Device, choose, in_parts, short_floats_pay, side_by_side
from napari_phenotyper.nets.weights import from_arrays

AT_ONCE = {"cpu": 64}
"""Crops that go through a network together when it predicts, by device: what stays in a processor's cache …"""
AT_ONCE_ELSEWHERE = 4096
"""… and what keeps a GPU busy."""

MOST_NETWORKS = 16
"""A file that asks for more is damaged."""


@dataclass(frozen=True, eq=False)
class CropModel:
    """A trained network on crops, or several of one architecture whose scores are averaged.

    Attributes
    ----------
    kind
        Id of the classifier that made it.
    classes
        K names, in the order of the probabilities.
    known
        The classes that had training cells, in the order of the network's outputs; the others get probability 0.
    spec
        How crops are cut.
    architecture
        What the networks are built from.
    arrays
        The weights by name ("net0." and so on before it), and "mean" and "sd" (c,) of the training pixels.
    slope
        1 / temperature (Guo et al. 2017).
    views
        Mirrored and turned views of a crop whose scores are averaged.
    networks
        How many networks there are.
    device
        Where it runs; not part of the state, as another computer has others.
    """

    kind: str
    classes: tuple[str, ...]
    known: tuple[str, ...]
    spec: CropSpec
    architecture: Architecture
    arrays: Mapping[str, NDArray[np.generic]]
    slope: float = 1.0
    views: int = 1
    networks: int = 1
    device: Device = "auto"

    def nets(self) -> tuple[CropNet, ...]:
        """Build the networks, ready to predict, on the processor."""
        return tuple(from_arrays(self.architecture, self.arrays, f"net{i}.") for i in range(self.networks))

    @cached_property
    def ready(self) -> tuple[CropNet, ...]:
        """The networks, folded and on their device; kept, as to make them takes as long as to predict 100 crops."""
        return tuple(made_ready(net.to(choose(self.device))) for net in self.nets())

    def __getstate__(self) -> dict[str, object]:
        """Leave out what is kept for speed: another process may have another device."""
        return {name: value for name, value in vars(self).items() if name != "ready"}

    def pixels(self, cells: Cells) -> Tensor:
        """Return (n, c, y, x) crops as the networks take them. Raises ModelError, as `predict`."""
        crops = cells.crops(self.spec)
        if crops.shape[1] != self.architecture.channels:
            raise ModelError(
                f"{cells.field} has {crops.shape[1]} channels where the model was trained on "
                f"{self.architecture.channels}.",
                "Name the channels as on the plate that it was trained on, or train again.",
            )
        return normalised(crops, self.arrays["mean"], self.arrays["sd"])

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) probabilities. Raises ModelError where crops cannot be cut or have other channels."""
        out = np.zeros((len(cells), len(self.classes)), np.float32)
        if not len(cells):
            return out
        crops = self.pixels(cells)
        given = np.mean([ready_scores(net, crops, self.views) for net in self.ready], axis=0)
        out[:, [self.classes.index(name) for name in self.known]] = softmax(given, self.slope)
        return out

    def state(self) -> ModelState:
        """Return weights as arrays and the rest as JSON."""
        meta: dict[str, Json] = {
            "classifier": self.kind,
            "classes": list(self.classes),
            "known": list(self.known),
            "crop": self.spec.state(),
            "network": self.architecture.state(),
            "slope": self.slope,
            "views": self.views,
            "networks": self.networks,
        }
        return ModelState(dict(self.arrays), meta)


def normalised(crops: Float32, mean: NDArray[np.generic], sd: NDArray[np.generic]) -> Tensor:
    """Return (n, c, y, x) crops with each channel's training mean at 0 and SD at 1; what is not finite becomes 0."""
    shift, scale = (torch.from_numpy(np.asarray(v, np.float32)[:, None, None]) for v in (mean, sd))
    return (torch.from_numpy(crops) - shift).div_(scale).nan_to_num_(nan=0.0, posinf=0.0, neginf=0.0)


def scores(net: CropNet, crops: Tensor, count: int = 1) -> Float32:
    """Return (n, K) log probabilities of a network, averaged over `count` views of (n, c, y, x) normalised crops.

    The network is left as it is, in training or not.
    """
    return ready_scores(made_ready(net), crops, count)


def made_ready(net: CropNet) -> CropNet:
    """Return a copy of a network that predicts quickly on its device: folded, in the numbers that pay there."""
    return folded(net, short_floats_pay(next(net.parameters()).device))


def ready_scores(ready: CropNet, crops: Tensor, count: int = 1) -> Float32:
    """Return what `scores` does, by a network that was made ready."""
    return averaged(ready, crops, count, lambda net, batch: net(batch).float().log_softmax(1))


def averaged(ready: CropNet, crops: Tensor, count: int, what: Callable[[CropNet, Tensor], Tensor]) -> Float32:
    """Return what a network makes of crops, averaged over views of each.

    Parameters
    ----------
    ready
        Made ready, on its device.
    crops
        (n, c, y, x) normalised.
    count
        Views, 1 to 8.
    what
        The network and a batch on its device to (b, d) values.

    Returns
    -------
    (n, d) float32
    """
    device = next(ready.parameters()).device
    short = short_floats_pay(device)

    @torch.no_grad()
    def run(batch: Tensor) -> Tensor:
        there = batch.to(device, torch.bfloat16 if short else torch.float32)
        return torch.stack([what(ready, view).float() for view in views(there, count)]).mean(0).cpu()

    size = AT_ONCE.get(device.type, AT_ONCE_ELSEWHERE)
    if device.type != "cpu":
        return _array(in_parts(run, crops, size))
    batches = torch.split(crops, size)
    return _array(side_by_side(lambda i: torch.cat(list(in_parts(run, batches[i], size))), len(batches)))


def _array(parts: Sequence[Tensor]) -> Float32:
    return np.asarray(torch.cat(list(parts)).numpy(), np.float32)


def restore(state: ModelState, kind: str, device: Device = "auto") -> CropModel:
    """Return the model that `CropModel.state` described.

    Raises
    ------
    ModelError
        If the state is another classifier's, or damaged.
    """
    meta = state.meta
    if meta.get("classifier") != kind:
        raise ModelError(f"This is a model of {meta.get('classifier')!r}, not of {kind!r}.", "Open the right model.")
    classes, known = _names(meta.get("classes")), _names(meta.get("known"))
    architecture = architectures.restore(meta.get("network"))
    slope, count, networks = meta.get("slope"), meta.get("views"), meta.get("networks")
    if not known or not set(known) <= set(classes) or len(known) != architecture.classes:
        raise ModelError("The model's classes do not fit its network.", "The file is damaged; train again.")
    if not (isinstance(slope, int | float) and 0 < slope < np.inf and type(count) is int and 1 <= count <= 8):
        raise ModelError("The model's calibration is damaged.", "Train again.")
    if type(networks) is not int or not 1 <= networks <= MOST_NETWORKS:
        raise ModelError("The model does not say how many networks it has.", "The file is damaged; train again.")
    for name in ("mean", "sd"):
        array = np.asarray(state.arrays.get(name, np.zeros(0)))
        if array.shape != (architecture.channels,) or array.dtype != np.float32 or not np.isfinite(array).all():
            raise ModelError(f"The model's {name} of the training pixels is damaged.", "Train again.")
    spec = _spec(meta.get("crop"))
    arrays = dict(state.arrays)
    model = CropModel(kind, classes, known, spec, architecture, arrays, float(slope), count, networks, device)
    model.nets()
    return model


def _names(value: object) -> tuple[str, ...]:
    """Return names that differ. Raises ModelError."""
    names = tuple(value) if isinstance(value, list | tuple) else ()
    if not names or not all(isinstance(n, str) for n in names) or len(set(names)) != len(names):
        raise ModelError("The model does not name its classes.", "The file is damaged; train again.")
    return names


def _spec(value: object) -> CropSpec:
    """Return the spec that `CropSpec.state` made. Raises ModelError."""
    if isinstance(value, Mapping) and set(value) == set(CropSpec().state()):
        size, pixel_size, channels = value["size"], value["pixel_size"], value["channels"]
        background, normalisation = value["background"], value["normalisation"]
        if (
            type(size) is int
            and 1 <= size <= 4096
            and isinstance(channels, list | tuple)
            and (pixel_size is None or (isinstance(pixel_size, int | float) and 0 < pixel_size < np.inf))
            and background in ("surrounding", "cropped", "masked")
            and normalisation in ("none", "crop")
        ):
            return CropSpec(
                size,
                tuple(str(c) for c in channels),
                pixel_size,
                cast("Background", background),
                cast("Normalisation", normalisation),
            )
    raise ModelError("The model does not say how its crops are cut.", "The file is damaged; train again.")
