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
from napari_phenotyper.nets.device import memory_ran_out, short_floats_pay

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
    average
        Share of the weights' running average that is kept at every step; what is judged and kept is the average
        (Polyak & Juditsky 1992). 0: no average.
    """

    epochs: int
    batch: int = 128
    rate: float = 4e-3
    decay: float = 0.05
    judged_from: float = 0.8
    patience: int = 8
    average: float = 0.0


def train(
    net: nn.Module,
    loss: Callable[[Tensor], Tensor],
    rows: int,
    recipe: Recipe,
    generator: torch.Generator,
    progress: Progress,
    judge: Callable[[nn.Module], float] | None = None,
) -> None:
    """Train a network in place; what is random in its layers (dropout) comes from the generator, too.

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
        Called after the later epochs with a network ready to predict; lower is better, and the best one is kept.

    Raises
    ------
    TrainingError
        If the loss stops being a number.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        _Training(net, loss, rows, recipe, generator).run(progress, judge)


class _Training:
    """One training: what its steps share."""

    def __init__(
        self,
        net: nn.Module,
        loss: Callable[[Tensor], Tensor],
        rows: int,
        recipe: Recipe,
        generator: torch.Generator,
    ) -> None:
        self.net, self.loss, self.rows, self.recipe, self.generator = net, loss, rows, recipe, generator
        self.batch = batch_of(recipe, rows)
        self.most = self.batch
        self.steps = math.ceil(rows / self.batch)
        rate = recipe.rate * math.sqrt(self.batch / 128)
        on_cuda = next(net.parameters()).device.type == "cuda"
        self.optimiser = torch.optim.AdamW(net.parameters(), rate, weight_decay=recipe.decay, fused=on_cuda)
        total = max(recipe.epochs * self.steps + 1, _SHORTEST_CYCLE)
        self.cycle = torch.optim.lr_scheduler.OneCycleLR(self.optimiser, rate, total_steps=total, pct_start=0.25)
        self.average = _Average(net, recipe.average) if recipe.average else None

    def run(self, progress: Progress, judge: Callable[[nn.Module], float] | None) -> None:
        """Train, and leave the network as it is to be kept."""
        best, kept, waited = math.inf, None, 0
        for epoch in range(self.recipe.epochs):
            self._epoch(epoch, progress)
            if judge is None or epoch + 1 < self.recipe.judged_from * self.recipe.epochs:
                continue
            score = judge(self._result())
            waited += 1
            if score < best:
                best, waited, kept = score, 0, copy.deepcopy(self._result().state_dict())
            if waited >= self.recipe.patience:
                break
        self.net.load_state_dict(kept if kept is not None else self._result().state_dict())
        self.net.eval()

    def _result(self) -> nn.Module:
        """Return the network as it would be kept now."""
        return (self.net if self.average is None else self.average.net).eval()

    def _epoch(self, epoch: int, progress: Progress) -> None:
        total, epochs = torch.zeros(()), self.recipe.epochs
        self.net.train()
        for step, chosen in enumerate(_batches(self.rows, self.batch, self.steps, self.generator)):
            total = total + self._step(chosen)
            self.cycle.step()
            if self.average is not None:
                self.average.update(self.net)
            progress((epoch + (step + 1) / self.steps) / epochs, f"epoch {epoch + 1} of {epochs}")
        if not math.isfinite(float(total)):
            raise TrainingError("The network's loss is no longer a number.", "Check the pixels, or use fewer epochs.")

    def _step(self, chosen: Tensor) -> Tensor:
        """Make one step down and return the batch's loss, for which a GPU is not waited."""
        self.optimiser.zero_grad()
        try:
            total = self._backward(chosen)
        except RuntimeError as error:
            if self.most == 1 or not memory_ran_out(error):
                raise
            self.most = max(self.most // 2, 1)
            return self._step(chosen)
        self.optimiser.step()
        return total

    def _backward(self, chosen: Tensor) -> Tensor:
        """Add up the gradients of a batch, in parts where memory does not suffice for all of it."""
        total = torch.zeros(())
        with _repeatable(next(self.net.parameters()).device):
            for part in torch.split(chosen, self.most):
                value = self.loss(part) * (len(part) / len(chosen))
                value.backward()  # type: ignore[no-untyped-call]
                total = total + value.detach()
        return total


class _Average:
    """The running average of a network's weights; early on of few steps only, so that it leaves the start behind."""

    def __init__(self, net: nn.Module, keep: float) -> None:
        self.net = copy.deepcopy(net)
        self.keep, self.steps = keep, 0

    @torch.no_grad()
    def update(self, net: nn.Module) -> None:
        """Take a step's weights and running statistics in."""
        self.steps += 1
        keep = min(self.keep, self.steps / (self.steps + 10))
        pairs = list(zip(self.net.state_dict().values(), net.state_dict().values(), strict=True))
        mine, new = zip(*(pair for pair in pairs if pair[0].dtype.is_floating_point), strict=True)
        torch._foreach_lerp_(mine, new, 1 - keep)  # one launch on a GPU instead of one for each array
        for counted, newer in pairs:
            if not counted.dtype.is_floating_point:
                counted.copy_(newer)


def batch_of(recipe: Recipe, rows: int) -> int:
    """Return how many rows a step takes: fewer of few, so that an epoch has steps enough."""
    return min(recipe.batch, max(8, rows // 8))


def recorded(net: nn.Module, sample: Tensor) -> Callable[[Tensor], Tensor]:
    """Return a network in training as a function that CUDA replays, forward and backward.

    A GPU does a small network's work in less time than it takes to ask for it, piece by piece.

    Parameters
    ----------
    net
        In training, on a GPU; it is left as it is.
    sample
        A batch of the shape that is replayed; others go through the network as they would without.
    """
    before = copy.deepcopy(net.state_dict())
    with _repeatable(sample.device):
        torch.cuda.make_graphed_callables(net, (sample,))
    replay = net.__dict__.pop("forward")
    net.load_state_dict(before)
    return lambda batch: replay(batch) if batch.shape == sample.shape else net(batch)


def crops_a_second(net: nn.Module, loss: Callable[[Tensor], Tensor], rows: int, recipe: Recipe) -> float:
    """Return how many rows a second `train` works through, from a batch that is not learnt from."""
    chosen = torch.arange(min(batch_of(recipe, rows), rows))
    with torch.random.fork_rng(devices=[]):
        for _ in range(2):  # the first one pays for what is prepared once
            started = time.perf_counter()
            loss(chosen).backward()  # type: ignore[no-untyped-call]
            net.zero_grad()
    return len(chosen) / max(time.perf_counter() - started, 1e-6)


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
