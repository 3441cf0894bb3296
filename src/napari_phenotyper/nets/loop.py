"""The training loop: one cycle of AdamW over batches of rows, stopped early where something judges it."""

from __future__ import annotations

import contextlib
import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.nets.device import short_floats_pay

_SHORTEST_CYCLE = 9
"""Steps of a cycle; of fewer, the rise of the rate would be no step at all."""


@dataclass(frozen=True)
class Recipe:
    """How a network is trained.

    Attributes
    ----------
    epochs
        Passes over the rows.
    batch
        Rows per step; the last batch of an epoch is filled up with further rows.
    rate
        Highest learning rate of the cycle (Smith & Topin 2018), for a batch of 128; smaller batches take smaller steps.
    decay
        Weight decay (Loshchilov & Hutter 2019).
    judged_from
        Share of the epochs after which networks are judged: before, the learning rate is high, judgements are noise,
        and stopping then would throw away what the falling rate still brings (measured: a tenth of the accuracy).
    patience
        Judged epochs without a better judgement after which training stops.
    """

    epochs: int
    batch: int = 128
    rate: float = 4e-3
    decay: float = 0.05
    judged_from: float = 0.8
    patience: int = 8


def train(
    net: nn.Module,
    loss: Callable[[Tensor], Tensor],
    rows: int,
    recipe: Recipe,
    generator: torch.Generator,
    progress: Progress,
    judge: Callable[[], float] | None = None,
) -> None:
    """Train a network in place.

    Parameters
    ----------
    net
        On its device.
    loss
        Row numbers (b,) to the mean loss of the batch.
    rows
        How many there are.
    recipe, generator
        The generator alone decides on the order.
    progress
        Called at every step's end; Cancelled passes through.
    judge
        Called after the later epochs, the network ready to predict; lower is better, and the best network is kept.

    Raises
    ------
    TrainingError
        If the loss stops being a number.
    """
    batch = batch_of(recipe, rows)
    steps = math.ceil(rows / batch)
    rate = recipe.rate * math.sqrt(batch / 128)
    optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=recipe.decay)
    total = max(recipe.epochs * steps + 1, _SHORTEST_CYCLE)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, rate, total_steps=total, pct_start=0.25)
    best, kept, waited = math.inf, None, 0
    for epoch in range(recipe.epochs):
        mean = 0.0
        net.train()
        for step, chosen in enumerate(_batches(rows, batch, steps, generator)):
            mean += _step(net, loss, chosen, optimiser) / steps
            cycle.step()
            progress((epoch + (step + 1) / steps) / recipe.epochs, f"epoch {epoch + 1} of {recipe.epochs}")
        if not math.isfinite(mean):
            raise TrainingError("The network's loss is no longer a number.", "Check the pixels, or use fewer epochs.")
        net.eval()
        if judge is None or epoch + 1 < recipe.judged_from * recipe.epochs:
            continue
        score = judge()
        waited += 1
        if score < best:
            best, waited, kept = score, 0, copy.deepcopy(net.state_dict())
        if waited >= recipe.patience:
            break
    if kept is not None:
        net.load_state_dict(kept)


def batch_of(recipe: Recipe, rows: int) -> int:
    """Return how many rows a step takes: fewer of few, so that an epoch has steps enough."""
    return min(recipe.batch, max(8, rows // 8))


def crops_a_second(net: nn.Module, loss: Callable[[Tensor], Tensor], rows: int, recipe: Recipe) -> float:
    """Return how many rows a second `train` works through, from a batch that is not learnt from."""
    chosen = torch.arange(min(batch_of(recipe, rows), rows))
    for _ in range(2):  # the first one pays for what is prepared once
        started = time.perf_counter()
        loss(chosen).backward()  # type: ignore[no-untyped-call]
        net.zero_grad()
    return len(chosen) / max(time.perf_counter() - started, 1e-6)


def _step(net: nn.Module, loss: Callable[[Tensor], Tensor], chosen: Tensor, optimiser: torch.optim.Optimizer) -> float:
    """Make one step down and return the batch's loss."""
    optimiser.zero_grad()
    with _repeatable(next(net.parameters()).device):
        value = loss(chosen)
        value.backward()  # type: ignore[no-untyped-call]
    optimiser.step()
    return float(value.detach())


def _batches(rows: int, batch: int, steps: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Return each row once, in random order, and as many again as fill the last batch."""
    order = torch.randperm(rows, generator=generator)
    extra = torch.randint(rows, (steps * batch - rows,), generator=generator)
    return tuple(torch.cat([order, extra]).reshape(steps, batch))


def _repeatable(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Choose repeatable convolutions on CUDA for as long as the context lasts; elsewhere they are anyway."""
    if device.type == "cuda":
        return torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True)
    return contextlib.nullcontext()


def numbers(device: torch.device) -> contextlib.AbstractContextManager[None]:
    """Run a network in the numbers that pay on the device, for as long as the context lasts."""
    if short_floats_pay(device):
        return torch.autocast(device.type, torch.bfloat16)
    return contextlib.nullcontext()
