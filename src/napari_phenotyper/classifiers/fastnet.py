"""A small convolutional network on crops of cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import CropSpec, Float32
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    import torch

    from napari_phenotyper.nets.blocks import Architecture, CropNet
    from napari_phenotyper.nets.model import CropModel

KIND = "fastnet"
SEEN = 60_000
"""Crops that a cold fit sees, all epochs together, unless that is fewer than 10 or more than 60 epochs."""
HELD_OUT = 6
"""One group of so many is held out, to stop early and to calibrate on."""
FEWEST_HELD_OUT = 20
"""Fewer held-out cells than this judge nothing: all cells are trained on instead."""


@dataclass(frozen=True)
class FastNet:
    """Fast network on crops.

    A residual network (He et al. 2015) whose stem folds 4 × 4 pixels into channels, trained with the multi-class log
    loss, label smoothing (Szegedy et al. 2016), logit adjustment for rare classes (Menon et al. 2021), random
    rotations, shifts and mirrorings, and AdamW in one cycle (Smith & Topin 2018). One group of cells in six is held
    out: the network that is best on it is kept and calibrated on it by temperature (Guo et al. 2017). The scores of
    mirrored views of a crop are averaged.
    """

    version: ClassVar[int] = 1
    live_slices: ClassVar[int] = 8
    needs_columns: ClassVar[bool] = False

    epochs: int | None = field(
        default=None, metadata={"help": "Passes over the cells; none: as many as suit their number", "min": 1}
    )
    size: int = field(
        default=48, metadata={"help": "Side of the crop: twice a cell's diameter", "unit": "px", "min": 3, "max": 512}
    )
    pixel_size: float | None = field(
        default=None,
        metadata={
            "help": "Pixel size of the crop; plates with another are resampled to it. None: that of the training cells",
            "unit": "µm",
            "min": 0.01,
            "max": 100.0,
        },
    )
    background: Literal["surrounding", "cropped", "masked"] = field(
        default="surrounding", metadata={"help": "Show the neighbours, fit the crop to the cell, or mask all else too"}
    )
    normalisation: Literal["crop", "none"] = field(
        default="crop", metadata={"help": "Bring each crop to 0 … 1, or keep its brightness"}
    )
    channels: tuple[str, ...] = field(default=(), metadata={"help": "Channels to look at; none named: all"})
    balance: float = field(
        default=0.5,
        metadata={
            "help": "How far rare classes are favoured: 0 as frequent as annotated, 1 all equally likely",
            "min": 0.0,
            "max": 1.0,
        },
    )
    width: int = field(default=64, metadata={"help": "Feature maps of the first stage", "min": 4, "max": 512})
    views: int = field(
        default=4, metadata={"help": "Mirrored views whose scores are averaged; 1 is fastest", "min": 1, "max": 8}
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = field(default="auto", metadata={"help": "Where the network runs"})

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train; from `training.before` where that is a network of the same kind, else from random weights.

        Raises
        ------
        TrainingError
            If there are no cells, or their crops have different channels.
        ModelError
            If there are no pixels.
        Cancelled
        """
        if not len(training):
            raise TrainingError("No cell is annotated.", "Annotate a few cells of each class.")
        progress(0.0, "cutting crops")
        settled = replace(self, pixel_size=self.pixel_size or _pixel_size(training))
        return _Fit(settled, training, settled._crops(training)).run(part(progress, 0.1, 1.0))

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        from napari_phenotyper.nets.model import restore

        return restore(state, KIND, self.device)

    @property
    def spec(self) -> CropSpec:
        """How crops are cut."""
        return CropSpec(self.size, self.channels, self.pixel_size, self.background, self.normalisation)

    def _crops(self, training: TrainingSet) -> Float32:
        parts = [chunk.crops(self.spec) for chunk in training.cells if len(chunk)]
        counts = {crops.shape[1] for crops in parts}
        if len(counts) != 1:
            raise TrainingError(
                f"The annotated cells have different numbers of channels: {', '.join(map(str, sorted(counts)))}.",
                "Name the channels to look at, so that all plates give the same.",
            )
        return np.concatenate(parts)


class _Fit:
    """One fit: what its steps share."""

    def __init__(self, settings: FastNet, training: TrainingSet, crops: Float32) -> None:
        from napari_phenotyper.nets.blocks import Architecture
        from napari_phenotyper.nets.model import CropModel, normalised

        self.settings, self.training = settings, training
        present, labels = np.unique(training.labels, return_inverse=True)
        self.known = tuple(training.classes[k] for k in present)
        self.labels = np.asarray(labels, np.int64)
        self.architecture: Architecture = Architecture(crops.shape[1], len(self.known), settings.width)
        before = training.before
        self.before: CropModel | None = None
        if isinstance(before, CropModel) and before.kind == KIND and before.spec == settings.spec:
            same = replace(before.architecture, classes=len(self.known)) == self.architecture
            self.before = before if same else None
        self.mean, self.sd = _statistics(crops) if self.before is None else _kept_statistics(self.before)
        self.crops: torch.Tensor = normalised(crops, self.mean, self.sd)
        self.held = held_out(training)

    def run(self, progress: Progress) -> Model:
        """Train, calibrate and return the model."""
        import torch

        from napari_phenotyper.nets.device import choose
        from napari_phenotyper.nets.model import CropModel
        from napari_phenotyper.nets.weights import to_arrays

        generator = torch.Generator().manual_seed(self.training.seed)
        net = self._start(generator).to(choose(self.settings.device))
        if len(self.known) > 1:
            self._train(net, generator, progress)
        slope = self._slope(net.eval())
        progress(1.0, "trained")
        arrays = {**to_arrays(net), "mean": self.mean, "sd": self.sd}
        return CropModel(
            KIND,
            self.training.classes,
            self.known,
            self.settings.spec,
            self.architecture,
            arrays,
            slope,
            self._views,
            self.settings.device,
        )

    @property
    def _views(self) -> int:
        """One view where somebody waits for it: the others cost three times as long for a point of accuracy."""
        return self.settings.views if self.training.seconds is None else 1

    def _start(self, generator: torch.Generator) -> CropNet:
        """Return an untrained network, or the one before with a new output for every class that is new."""
        import torch

        from napari_phenotyper.nets.blocks import fresh

        net = fresh(self.architecture, generator)
        if self.before is None:
            return net
        old = self.before.net().state_dict()
        weight, bias = old.pop("head.weight"), old.pop("head.bias")
        net.load_state_dict(old, strict=False)
        with torch.no_grad():
            for row, name in enumerate(self.known):
                if name in self.before.known:
                    source = self.before.known.index(name)
                    net.head.weight[row], net.head.bias[row] = weight[source], bias[source]
        return net

    def _train(self, net: CropNet, generator: torch.Generator, progress: Progress) -> None:
        import torch
        from torch.nn import functional

        from napari_phenotyper.nets.augment import Augmentation
        from napari_phenotyper.nets.loop import Recipe, crops_a_second, numbers, train

        device = next(net.parameters()).device
        rows = torch.from_numpy(np.flatnonzero(~self.held))
        labels = torch.from_numpy(self.labels).to(device)
        share = np.bincount(self.labels[~self.held], minlength=len(self.known)) / int((~self.held).sum())
        adjustment = torch.tensor(self.settings.balance * np.log(share), dtype=torch.float32, device=device)
        augment = Augmentation()

        def loss(chosen: torch.Tensor) -> torch.Tensor:
            mine = rows[chosen]
            batch = augment(self.crops[mine], generator).to(device)
            with numbers(device):
                logits = net(batch)
            return functional.cross_entropy(logits.float() + adjustment, labels[mine], label_smoothing=0.1)

        recipe = Recipe(self._epochs(len(rows)), rate=1e-3 if self.before else 4e-3)
        seconds = self.training.seconds
        if seconds is not None:
            pace = crops_a_second(net, loss, len(rows), recipe)
            recipe = replace(recipe, epochs=int(np.clip(pace * seconds / len(rows), 1, recipe.epochs)))
            rows = rows[torch.randperm(len(rows), generator=generator)[: max(int(pace * seconds), 8)]]
        judge = (lambda: self._judge(net)) if self.held.any() and seconds is None else None
        train(net, loss, len(rows), recipe, generator, progress, judge)

    def _epochs(self, rows: int) -> int:
        """Return how many passes to make; a quarter where the network has learnt before."""
        if self.settings.epochs is not None:
            return self.settings.epochs
        cold = int(np.clip(SEEN // rows, 10, 60))
        return cold // 4 if self.before else cold

    def _judge(self, net: CropNet) -> float:
        """Return the log loss of the held-out cells."""
        from napari_phenotyper.nets.model import scores

        given = scores(net, self.crops[self.held])
        return -float(given[np.arange(len(given)), self.labels[self.held]].mean())

    def _slope(self, net: CropNet) -> float:
        from napari_phenotyper.evaluation.calibration import fit_slope
        from napari_phenotyper.nets.model import scores

        if not self.held.any():
            return 1.0
        return fit_slope(scores(net, self.crops[self.held], self._views), self.labels[self.held])


def held_out(training: TrainingSet) -> NDArray[np.bool_]:
    """Return (N,) which cells to hold out: about one group in six, none where there are fewer than three groups.

    Cells of a class that would not be trained on at all are not held out.
    """
    from napari_phenotyper.evaluation.folds import assign_folds

    nobody = np.zeros(len(training), bool)
    if len(np.unique(training.groups)) < 3:
        return nobody
    held = assign_folds(training.labels, training.groups, HELD_OUT, training.seed) == 0
    gone = np.setdiff1d(training.labels[held], training.labels[~held])
    held &= ~np.isin(training.labels, gone)
    return held if held.sum() >= FEWEST_HELD_OUT else nobody


def _pixel_size(training: TrainingSet) -> float | None:
    """Return the pixel size of the training cells, the commonest where plates differ; None where it is not known."""
    known = [(c.pixels.pixel_size, len(c)) for c in training.cells if c.pixels is not None and c.pixels.pixel_size]
    sizes, which = np.unique([size for size, _ in known], return_inverse=True)
    return float(sizes[np.bincount(which, [n for _, n in known]).argmax()]) if known else None


def _statistics(crops: Float32) -> tuple[Float32, Float32]:
    """Return mean and SD of each channel over all finite pixels; 0 and 1 where there are none, or all are alike."""
    finite = np.where(np.isfinite(crops), crops, np.nan)
    empty = np.isnan(finite).all(axis=(0, 2, 3))
    finite[:, empty] = 0.0
    mean, sd = (np.asarray(f(finite, axis=(0, 2, 3), dtype=np.float64)) for f in (np.nanmean, np.nanstd))
    return np.asarray(mean, np.float32), np.asarray(np.where(sd > 1e-6, sd, 1.0), np.float32)


def _kept_statistics(before: CropModel) -> tuple[Float32, Float32]:
    return np.asarray(before.arrays["mean"], np.float32), np.asarray(before.arrays["sd"], np.float32)
