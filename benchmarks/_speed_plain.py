"""Is the plain network that speed is compared with as right as `fastnet`? Both by the same schedule on the same folds.

`python benchmarks/_speed_plain.py [FOLDS …]` trains on the 1,884 crops of mitocheck_crops without a shipped fold and
tests on it. On a processor the plain network takes about an hour a fold, on a GPU less than a minute.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import ClassVar

import numpy as np
import torch
from _bench import Row, row
from torch import Tensor, nn

from napari_phenotyper.classifiers._crops import CropClassifier
from napari_phenotyper.classifiers._networks import Fit
from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.nets.blocks import CropNet
from napari_phenotyper.nets.device import choose
from napari_phenotyper.nets.model import CropModel, normalised, scores

LAYERS, MAPS = 4, 32


@dataclass(frozen=True)
class PlainArchitecture:
    """Four layers of 32 maps, 3 × 3, with ReLU; their mean, and a dense layer."""

    channels: int
    classes: int

    def state(self) -> Mapping[str, Json]:
        """Return the numbers as JSON."""
        return {"family": "plain", **asdict(self)}

    def build(self) -> CropNet:
        """Return a network whose weights are not drawn yet."""
        return PlainNet(self)


class PlainNet(CropNet):
    """The network of a `PlainArchitecture`."""

    def __init__(self, architecture: PlainArchitecture) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for i in range(LAYERS):
            layers += [nn.Conv2d(MAPS if i else architecture.channels, MAPS, 3, padding=1), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.head = nn.Linear(MAPS, architecture.classes)

    def features(self, crops: Tensor) -> Tensor:
        """Return (n, 32) activations before the dense layer."""
        return torch.as_tensor(self.layers(crops))


@dataclass(frozen=True)
class Plain(CropClassifier):
    """The plain network, by the schedule of `fastnet`."""

    kind: ClassVar[str] = "plain"

    def architecture(self, channels: int, classes: int) -> PlainArchitecture:
        """Return what the network is built from."""
        return PlainArchitecture(channels, classes)


def tested(made: CropClassifier, training: TrainingSet, crops: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Return (n, K) log scores of the `mine` crops by a network that was trained on the others."""
    model = Fit(made, training.take(~mine), crops[~mine]).run(no_progress)
    assert isinstance(model, CropModel) and model.known == training.classes
    given = normalised(crops[mine], model.arrays["mean"], model.arrays["sd"])
    return np.mean([scores(net.to(choose()), given, model.views) for net in model.nets()], axis=0)


def measure(training: TrainingSet, crops: np.ndarray, fold: np.ndarray, chosen: tuple[int, ...]) -> list[Row]:
    """Return accuracy and balanced accuracy of both, one network each, pooled over the chosen folds."""
    rows: list[Row] = []
    right: dict[str, np.ndarray] = {}
    labels = np.concatenate([training.labels[fold == number] for number in chosen])
    for made in (Plain(networks=1), FastNet(networks=1)):
        found = [tested(made, replace(training, seed=0), crops, fold == number) for number in chosen]
        right[made.kind] = np.concatenate(found).argmax(axis=1) == labels
    for name, peer in (("accuracy", None), ("balanced accuracy", labels)):
        ours, theirs = (float(_mean(right[kind], peer)) for kind in ("fastnet", "plain"))
        what = f"networks: {name}, one network each, folds {chosen}, {len(labels)} crops"
        rows.append(row(what, round(ours, 3), round(theirs, 3), "share", round(theirs, 3), False))
    return rows


def _mean(right: np.ndarray, labels: np.ndarray | None) -> np.floating:
    return right.mean() if labels is None else np.mean([right[labels == k].mean() for k in np.unique(labels)])


def main() -> None:
    """Measure and print."""
    from _learn_data import labelled_crops

    training, fold = labelled_crops(columns=False)
    crops = np.concatenate([cells.crops(FastNet().spec) for cells in training.cells])
    chosen = tuple(map(int, sys.argv[1:])) or tuple(map(int, np.unique(fold)[:2]))
    for line in measure(training, crops, fold, chosen):
        sys.stdout.write(f"{line}\n")


if __name__ == "__main__":
    main()
