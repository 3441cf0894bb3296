"""One fit of networks on crops, the same for every architecture (imports torch: import it when something is fitted)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from napari_phenotyper.classifiers._crops import CropClassifier
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, TrainingSet
from napari_phenotyper.evaluation.calibration import fit_slope
from napari_phenotyper.evaluation.folds import assign_folds
from napari_phenotyper.nets.augment import Augmentation
from napari_phenotyper.nets.blocks import CropNet, fresh
from napari_phenotyper.nets.device import choose, has_room
from napari_phenotyper.nets.loop import Recipe, batch_of, crops_a_second, numbers, recorded, train
from napari_phenotyper.nets.model import CropModel, normalised, scores
from napari_phenotyper.nets.weights import to_arrays

HELD_OUT = 6
"""One group of so many is held out, to stop early and to calibrate on."""
FEWEST_HELD_OUT = 100
"""Fewer held-out cells than this judge less than they teach: all cells are trained on instead."""
AVERAGE = 0.99
"""What the running average of a cold fit's weights keeps at every step (accuracy +0.007, +0.008, −0.005 in runs)."""

Rows = NDArray[np.bool_]


class Fit:
    """One fit: what its steps share.

    Parameters
    ----------
    settings
        The classifier.
    training, crops
        The annotated cells, and (N, c, y, x) their crops.
    """

    def __init__(self, settings: CropClassifier, training: TrainingSet, crops: Float32) -> None:
        self.settings, self.training = settings, training
        present, labels = np.unique(training.labels, return_inverse=True)
        self.known = tuple(training.classes[k] for k in present)
        self.labels = np.asarray(labels, np.int64)
        self.architecture = settings.architecture(crops.shape[1], len(self.known))
        self.before = self._usable(training.before)
        self.mean, self.sd = _statistics(crops) if self.before is None else _kept_statistics(self.before)
        self.crops = normalised(crops, self.mean, self.sd)
        self.device = choose(settings.device)
        self.live = training.seconds is not None
        self.count = 1 if self.live else settings.networks
        # one view where somebody waits for it: the others cost three times as long for a point of accuracy
        self.views = 1 if self.live else settings.views

    def run(self, progress: Progress) -> Model:
        """Train, calibrate and return the model."""
        generator = torch.Generator().manual_seed(self.training.seed)
        arrays: dict[str, NDArray[np.generic]] = {"mean": self.mean, "sd": self.sd}
        given = np.full((len(self.labels), len(self.known)), np.nan)
        for i, held in enumerate(self._held_out()):
            net = self._start(generator).to(self.device)
            if len(self.known) > 1:
                self._train(net, held, generator, part(progress, i / self.count, (i + 1) / self.count))
            arrays |= to_arrays(net, f"net{i}.")
            if held.any():
                given[held] = scores(net.eval(), self.crops[held], self.views)
        judged = ~np.isnan(given[:, 0])
        slope = fit_slope(given[judged], self.labels[judged]) if judged.any() else 1.0
        progress(1.0, "trained")
        return CropModel(
            self.settings.kind,
            self.training.classes,
            self.known,
            self.settings.spec,
            self.architecture,
            arrays,
            slope,
            self.views,
            self.count,
            self.settings.device,
        )

    def _usable(self, before: Model | None) -> CropModel | None:
        """Return the model to go on from, if it is of the same kind, crop and shape."""
        if not isinstance(before, CropModel) or before.kind != self.settings.kind:
            return None
        wanted = self.settings.architecture(self.architecture.channels, before.architecture.classes)
        return before if before.spec == self.settings.spec and before.architecture == wanted else None

    def _held_out(self) -> list[Rows]:
        """Return the cells that each network holds out, each network others as long as there are others."""
        return [held_out(self.training, part) for part in range(self.count)]

    def _start(self, generator: torch.Generator) -> CropNet:
        """Return an untrained network, or the one before with a new output for every class that is new."""
        net = fresh(self.architecture, generator)
        if self.before is None:
            return net
        old = self.before.nets()[0].state_dict()
        weight, bias = old.pop("head.weight"), old.pop("head.bias")
        net.load_state_dict(old, strict=False)
        with torch.no_grad():
            for row, name in enumerate(self.known):
                if name in self.before.known:
                    source = self.before.known.index(name)
                    net.head.weight[row], net.head.bias[row] = weight[source], bias[source]
        return net

    def _train(self, net: CropNet, held: Rows, generator: torch.Generator, progress: Progress) -> None:
        rows = torch.from_numpy(np.flatnonzero(~held))
        loss = _Loss(self, net, rows, generator)
        rate = self.settings.rate / 4 if self.before else self.settings.rate
        recipe = Recipe(self._epochs(len(rows)), rate=rate, average=0.0 if self.live else AVERAGE)
        seconds = self.training.seconds
        if seconds is not None:
            pace = crops_a_second(net, loss, len(rows), recipe)
            recipe = replace(recipe, epochs=int(np.clip(pace * seconds / len(rows), 1, recipe.epochs)))
            loss.rows = rows[torch.randperm(len(rows), generator=generator)[: max(int(pace * seconds), 8)]]
        if seconds is None:
            loss.record(batch_of(recipe, len(rows)))
        judge = (lambda judged: self._judge(judged, held)) if held.any() and not self.live else None
        train(net, loss, len(loss.rows), recipe, generator, progress, judge)

    def _epochs(self, rows: int) -> int:
        """Return how many passes to make; a quarter where the network has learnt before."""
        if self.settings.epochs is not None:
            return self.settings.epochs
        cold = int(np.clip(self.settings.seen // rows, 10, self.settings.most_epochs))
        return cold // 4 if self.before else cold

    def _judge(self, net: torch.nn.Module, held: Rows) -> float:
        """Return the log loss of the held-out cells."""
        assert isinstance(net, CropNet)
        given = scores(net, self.crops[held])
        return -float(given[np.arange(len(given)), self.labels[held]].mean())


@dataclass(eq=False)
class _Loss:
    """The loss of augmented batches: label smoothing (Szegedy et al. 2016), logit adjustment (Menon et al. 2021)."""

    fit: Fit
    net: CropNet
    rows: Tensor
    generator: torch.Generator

    def __post_init__(self) -> None:
        """Count the classes of the rows."""
        labels = self.fit.labels[self.rows.numpy()]
        share = np.bincount(labels, minlength=len(self.fit.known)) / max(len(labels), 1)
        adjustment = self.fit.settings.balance * np.log(share)
        self.adjustment = torch.tensor(adjustment, dtype=torch.float32, device=self.fit.device)
        self.labels = torch.from_numpy(self.fit.labels).to(self.fit.device)
        self.augment = Augmentation(erase=self.fit.settings.erase)
        device, crops = self.fit.device, self.fit.crops
        self.crops = crops.to(device) if has_room(device, crops) else crops
        self.run: Callable[[Tensor], Tensor] = self.net

    def record(self, batch: int) -> None:
        """Have a GPU replay steps of so many rows; elsewhere nothing changes."""
        if self.fit.device.type == "cuda":
            sample = self.fit.crops[:1].expand(batch, -1, -1, -1).to(self.fit.device)
            self.run = recorded(self.net.train(), sample)

    def __call__(self, chosen: Tensor) -> Tensor:
        """Return the mean loss of (b,) chosen rows."""
        mine = self.rows[chosen]
        crops = self.crops[mine.to(self.crops.device)]
        # Apple's GPU lacks the resampling that augmentation does
        early = crops.to(self.fit.device) if self.fit.device.type == "cuda" else crops
        batch = self.augment(early, self.generator).to(self.fit.device)
        with numbers(self.fit.device):
            logits = self.run(batch)
        wanted = self.labels[mine.to(self.labels.device)]
        return functional.cross_entropy(logits.float() + self.adjustment, wanted, label_smoothing=0.1)


def held_out(training: TrainingSet, number: int = 0) -> Rows:
    """Return (N,) which cells to hold out: about one group in six, none where there are fewer than three groups.

    Cells of a class that would not be trained on at all are not held out.

    Parameters
    ----------
    training
        N annotated cells.
    number
        Which sixth, from 0; counted round where there are fewer parts.
    """
    nobody = np.zeros(len(training), bool)
    if len(np.unique(training.groups)) < 3:
        return nobody
    fold = assign_folds(training.labels, training.groups, HELD_OUT, training.seed)
    held = fold == number % (int(fold.max()) + 1)
    gone = np.setdiff1d(training.labels[held], training.labels[~held])
    held &= ~np.isin(training.labels, gone)
    return held if held.sum() >= FEWEST_HELD_OUT else nobody


def _statistics(crops: Float32) -> tuple[Float32, Float32]:
    """Return mean and SD of each channel over all finite pixels; 0 and 1 where there are none, or all are alike."""
    finite = np.where(np.isfinite(crops), crops, np.nan)
    empty = np.isnan(finite).all(axis=(0, 2, 3))
    finite[:, empty] = 0.0
    mean, sd = (np.asarray(f(finite, axis=(0, 2, 3), dtype=np.float64)) for f in (np.nanmean, np.nanstd))
    return np.asarray(mean, np.float32), np.asarray(np.where(sd > 1e-6, sd, 1.0), np.float32)


def _kept_statistics(before: CropModel) -> tuple[Float32, Float32]:
    return np.asarray(before.arrays["mean"], np.float32), np.asarray(before.arrays["sd"], np.float32)
