"""Speed of networks on crops: the fast one against plain convolutions, and a cold fit on real nuclei.

`python benchmarks/bench_nets.py` writes benchmarks/results/nets.json; the fit needs ../shared and is left out without.
The peer is four layers of 32 maps, 3 × 3, ReLU, in float32 and channels first, its mean, and a dense layer. Both see
128 crops of 64 × 64 in one channel, in turns and on as many threads as OMP_NUM_THREADS says.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from _bench import Row, medians, row, write
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.classifiers.resnet import ResNet
from napari_phenotyper.core.cells import Cells, CropSpec, Float32
from napari_phenotyper.core.crops import cut
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.nets.blocks import fresh
from napari_phenotyper.nets.device import short_floats_pay
from napari_phenotyper.nets.loop import numbers
from napari_phenotyper.nets.model import scores

CROPS = Path(__file__).parents[2] / "shared" / "data" / "mitocheck_crops"
BATCH, SIDE, CLASSES = 128, 64, 16
CPU = torch.device("cpu")


def plain() -> nn.Module:
    """Return the peer."""
    layers: list[nn.Module] = []
    for i in range(4):
        layers += [nn.Conv2d(32 if i else 1, 32, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, CLASSES))


def step(net: nn.Module, crops: Tensor, ours: bool) -> Callable[[], None]:
    """Return one step of training, in the numbers that each trains in."""
    labels = torch.arange(len(crops)) % CLASSES
    optimiser = torch.optim.AdamW(net.parameters())

    def run() -> None:
        optimiser.zero_grad()
        if ours:
            with numbers(CPU):
                logits = net(crops)
        else:
            logits = net(crops)
        functional.cross_entropy(logits.float(), labels).backward()
        optimiser.step()

    return run


def speeds() -> list[Row]:
    """Return crops a second of training and inference, of the fast and the residual network and the peer."""
    crops = torch.randn((BATCH, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    peer = plain()
    made = {c.kind: fresh(c.architecture(1, CLASSES), torch.Generator().manual_seed(0)) for c in (FastNet(), ResNet())}
    trained = medians({"peer": step(peer, crops, False), **{k: step(n, crops, True) for k, n in made.items()}})

    @torch.no_grad()
    def predict_plain() -> None:
        peer(crops)

    def predict(name: str) -> Callable[[], object]:
        return lambda: scores(made[name].eval(), crops)

    predicted = medians({"peer": predict_plain, **{name: predict(name) for name in made}})
    targets = {"fastnet": {"training": 15, "inference": 30}}
    rows: list[Row] = []
    for what, seconds in (("training", trained), ("inference", predicted)):
        for name in made:
            ours, theirs = BATCH / seconds[name], BATCH / seconds["peer"]
            rows.append(row(f"{name}: {what}", round(ours), round(theirs), "crops/s", None, False))
            target = targets.get(name, {}).get(what)
            rows.append(row(f"{name}: {what}, times the peer", round(ours / theirs, 1), 1, "×", target, False))
    return rows


class Nuclei:
    """Crops out of files of 64 × 64."""

    pixel_size = None

    def __init__(self, images: np.ndarray) -> None:
        self.images = images

    def crops(self, ids: np.ndarray, y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, 1, size, size) of the crops' middles."""
        return np.stack([cut(self.images[i][None], None, (31.5, 31.5), spec.size, spec) for i in ids])


def nuclei() -> TrainingSet:
    """Return the annotated nuclei, grouped by plate."""
    with (CROPS / "index.csv").open() as file:
        index = list(csv.DictReader(file))
    images = np.stack([np.asarray(Image.open(CROPS / line["file"]).convert("L")) for line in index])
    classes, labels = np.unique([line["phenotype"] for line in index], return_inverse=True)
    plates, groups = np.unique([line["plate"] for line in index], return_inverse=True)
    ids = np.arange(len(index), dtype=np.int32)
    centre = np.full(len(ids), 31.5, np.float32)
    cells = Cells(FieldRef("P", "A01", 1), ids, centre, centre, {}, Nuclei(images))
    return TrainingSet((cells,), tuple(map(str, classes)), labels, groups, tuple(map(str, plates)))


def fit() -> list[Row]:
    """Return seconds of a cold fit on all annotated nuclei, and of predicting them."""
    training = nuclei()
    started = time.perf_counter()
    model = FastNet().fit(training, no_progress)
    fitted = time.perf_counter()
    model.predict(training.cells[0])
    done = time.perf_counter()
    return [
        row(f"fastnet: cold fit, {len(training)} crops", round(fitted - started, 1), None, "s", 300),
        row(f"fastnet: prediction with its views, {len(training)} crops", round(done - fitted, 2), None, "s"),
    ]


def main() -> None:
    """Measure and write."""
    rows = [
        row("threads", torch.get_num_threads(), None, ""),
        row("bfloat16 by AMX", int(short_floats_pay(CPU)), None, ""),
        *speeds(),
    ]
    if CROPS.is_dir():
        rows += fit()
    print(write("nets", rows))


if __name__ == "__main__":
    main()
