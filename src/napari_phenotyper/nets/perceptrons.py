"""Perceptrons on standard scores of columns: several small networks that are trained side by side."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.nets.loop import Recipe, train

HIDDEN = (256, 256)
"""Units of the layers between columns and classes."""
DROPOUT, NOISE, SMOOTHING = 0.4, 0.1, 0.05
"""Share of hidden units left out (of columns, half of it), SD added to the scores, and label smoothing."""
FAVOUR = 0.5
"""How far rare classes are favoured: 0 as frequent as annotated, 1 all equally likely."""
SEEN = 90_000
"""Cells that a training sees, all epochs together, but for FEWEST and MOST epochs."""
FEWEST, MOST = 10, 60

Layer = tuple[Float32, Float32]
"""(m, inputs, outputs) weights of m networks, and (m, 1, outputs) biases."""


class Perceptrons(nn.Module):
    """Some networks of two hidden layers, as one batch of matrix products; the last layer starts at zero.

    Parameters
    ----------
    count, columns, classes
        Networks, inputs and outputs.
    generator
        Draws the weights (He et al. 2015).
    """

    def __init__(self, count: int, columns: int, classes: int, generator: torch.Generator) -> None:
        super().__init__()
        sizes = (columns, *HIDDEN, classes)
        self.weights, self.biases = nn.ParameterList(), nn.ParameterList()
        for inputs, outputs in pairwise(sizes):
            self.weights.append(torch.randn((count, inputs, outputs), generator=generator) * math.sqrt(2 / inputs))
            self.biases.append(torch.zeros((count, 1, outputs)))
        nn.init.zeros_(self.weights[-1])

    def forward(self, scores: Tensor) -> Tensor:
        """Return (m, n, K) logits of (n, D) standard scores, with the noise of training."""
        x = (scores + NOISE * torch.randn_like(scores)).expand(len(self.weights[0]), -1, -1)
        x = functional.dropout(x, DROPOUT / 2)
        for weight, bias in zip(self.weights[:-1], self.biases[:-1], strict=True):
            x = functional.dropout(functional.silu(torch.baddbmm(bias, x, weight)), DROPOUT)
        return torch.baddbmm(self.biases[-1], x, self.weights[-1])


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Have torch work on one thread: on several, such small products wait for one another, ten times as long."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def trained(scores: Float32, labels: np.ndarray, count: int, seed: int) -> tuple[Layer, ...]:
    """Train networks and return their layers, first to last.

    Dropout (Srivastava et al. 2014), noise, label smoothing (Szegedy et al. 2016) and logit adjustment for rare classes
    (Menon et al. 2021) keep them from learning cells by heart.

    Parameters
    ----------
    scores, labels
        (N, D) standard scores and (N,) classes 0 … K − 1, all of which occur.
    count
        Networks.
    seed
        For all that is random.

    Raises
    ------
    TrainingError
        If the loss stops being a number.
    """
    generator = torch.Generator().manual_seed(seed)
    given, wanted = torch.from_numpy(np.ascontiguousarray(scores)), torch.from_numpy(np.asarray(labels, np.int64))
    share = torch.bincount(wanted) / len(wanted)
    net = Perceptrons(count, scores.shape[1], len(share), generator)

    def loss(rows: Tensor) -> Tensor:
        logits = net(given[rows]) + FAVOUR * share.log()
        return functional.cross_entropy(
            logits.flatten(0, 1), wanted[rows].repeat(count), label_smoothing=SMOOTHING, reduction="sum"
        ) / len(rows)  # fmt: skip

    epochs = int(np.clip(SEEN // len(wanted), FEWEST, MOST))
    with _one_thread():
        train(net, loss, len(wanted), Recipe(epochs, rate=3e-3), generator, no_progress)
    arrays = [(w.detach().numpy(), b.detach().numpy()) for w, b in zip(net.weights, net.biases, strict=True)]
    return tuple((np.asarray(w, np.float32), np.asarray(b, np.float32)) for w, b in arrays)
