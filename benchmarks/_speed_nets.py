"""Speed of networks on crops: training and inference of ours beside four plain convolutions.

The peer is four layers of 32 maps, 3 × 3, ReLU, in float32 and channels first, its mean, and a dense layer. Both see
128 crops of 64 × 64 in one channel, in turns and on as many threads as OMP_NUM_THREADS says.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from _bench import Row, medians, row
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.classifiers.fastnet import FastNet
from napari_phenotyper.classifiers.resnet import ResNet
from napari_phenotyper.nets.blocks import CropNet, fresh
from napari_phenotyper.nets.device import short_floats_pay
from napari_phenotyper.nets.loop import numbers
from napari_phenotyper.nets.model import made_ready, ready_scores

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


def measure() -> list[Row]:
    """Return crops a second of training and inference, of the fast and the residual network and the peer."""
    crops = torch.randn((BATCH, 1, SIDE, SIDE), generator=torch.Generator().manual_seed(0))
    peer = plain()
    made = {c.kind: fresh(c.architecture(1, CLASSES), torch.Generator().manual_seed(0)) for c in (FastNet(), ResNet())}
    trained = medians({"peer": step(peer, crops, False), **{k: step(n, crops, True) for k, n in made.items()}})

    @torch.no_grad()
    def predict_plain() -> None:
        peer(crops)

    def predict(net: CropNet) -> Callable[[], object]:
        ready = made_ready(net.eval())  # a model does this once
        return lambda: ready_scores(ready, crops)

    predicted = medians({"peer": predict_plain, **{name: predict(net) for name, net in made.items()}})
    targets = {"fastnet": {"training": 15, "inference": 30}}
    rows: list[Row] = [row("networks: threads", torch.get_num_threads(), None, "")]
    rows.append(row("networks: bfloat16 by AMX", int(short_floats_pay(CPU)), None, ""))
    for what, seconds in (("training", trained), ("inference", predicted)):
        for name in made:
            ours, theirs = BATCH / seconds[name], BATCH / seconds["peer"]
            rows.append(row(f"{name}: {what}", round(ours), round(theirs), "crops/s", None, False))
            target = targets.get(name, {}).get(what)
            rows.append(row(f"{name}: {what}, times the peer", round(ours / theirs, 1), 1, "×", target, False))
    return rows
