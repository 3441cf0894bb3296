"""A classifier of features on what a network has learnt to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import numpy as np

from napari_phenotyper.classifiers import _parts as parts
from napari_phenotyper.classifiers._crops import CropSettings
from napari_phenotyper.core.cells import Cells, ColumnBlock, Float32
from napari_phenotyper.core.contracts import Classifier
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from napari_phenotyper.nets.model import CropModel

KIND = "deep_svm"
LEARNED = "learned"
DECIDER = "svm"
NETWORKS = ("fastnet", "resnet", "lipnet")


@dataclass(frozen=True)
class DeepSupportVectorMachine(CropSettings):
    """SVM on learned features.

    A network is trained on crops of the annotated cells; what its last but one layer makes of a cell becomes columns,
    with the measured ones beside them if wanted, and a support vector machine is trained on these (METHODS.md §1).
    The network has seen its training cells, which look better to it than others: the machine's probabilities are
    therefore brought to the temperature (Guo et al. 2017) that suits the cells which the network held out.
    """

    version: ClassVar[int] = 1
    live_slices: ClassVar[int] = 8

    network: Literal["fastnet", "resnet", "lipnet"] = field(
        default="fastnet", metadata={"help": "What learns the features"}
    )
    measured: bool = field(default=False, metadata={"help": "Take the measured columns, too"})

    @property
    def needs_columns(self) -> bool:
        """Whether it looks at measured columns."""
        return self.measured

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train the network, going on from that of the model before where it can, then the machine, always anew.

        Raises
        ------
        TrainingError
            If there are no cells, or their crops have different channels.
        ModelError
            If there are no pixels.
        Cancelled
        """
        shared = {f.name: getattr(self, f.name) for f in fields(CropSettings)}
        earlier = training.before.seer if isinstance(training.before, _DeepModel) else None
        network = Registry().make("classifier", self.network, {**shared, "networks": 1})
        seer: CropModel = network.fit(replace(training, before=earlier), part(progress, 0.0, 0.8))
        progress(0.8, "reading learned features")
        seen = tuple(_learned(seer, chunk, self.measured) for chunk in training.cells)
        learnt = replace(training, cells=seen, before=None)
        slope = _slope(learnt, part(progress, 0.8, 0.9))
        decider = _decider().fit(learnt, part(progress, 0.9, 1.0))
        return _DeepModel(seer, decider, self.network, self.measured, slope)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        meta = state.meta
        found, network, measured, slope = (meta.get(k) for k in ("classifier", "network", "measured", "slope"))
        if found != KIND:
            raise ModelError(f"This is a model of {found!r}, not of {KIND!r}.", "Open the right model.")
        if network not in NETWORKS or type(measured) is not bool or not parts.is_slope(slope):
            raise ModelError("The model does not say what it is made of.", "The file is damaged; train again.")
        seer = Registry().make("classifier", str(network)).restore(parts.part_of(state, "seer"))
        decider = _decider().restore(parts.part_of(state, "decider"))
        model = _DeepModel(seer, decider, str(network), measured, cast("float", slope))
        told = model.state().meta
        if seer.classes != decider.classes or any(meta.get(k) != told.get(k) for k in ("classes", "crop", "columns")):
            raise ModelError("The model's parts do not fit each other.", "The file is damaged; train again.")
        return model


@dataclass(frozen=True, eq=False)
class _DeepModel:
    """A network that sees and a machine that decides, the first one's classifier, and 1 / temperature."""

    seer: CropModel
    decider: Model
    network: str
    measured: bool
    slope: float

    @property
    def classes(self) -> tuple[str, ...]:
        """K names."""
        return self.decider.classes

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) probabilities. Raises ModelError where crops cannot be cut, or columns are missing."""
        return parts.tempered(self.decider.predict(_learned(self.seer, cells, self.measured)), self.slope)

    def state(self) -> ModelState:
        """Return the states of both parts, side by side."""
        members = {"seer": self.seer.state(), "decider": self.decider.state()}
        meta: dict[str, Json] = {
            "classifier": KIND,
            "classes": list(self.classes),
            "crop": members["seer"].meta["crop"],
            "network": self.network,
            "measured": self.measured,
            "slope": self.slope,
        }
        if self.measured:
            given = cast("list[str]", members["decider"].meta["columns"])
            meta["columns"] = [name for name in given if not name.startswith("Deep_")]
        return parts.together(members, meta)


def _decider() -> Classifier:
    made: Classifier = Registry().make("classifier", DECIDER)
    return made


def _slope(learnt: TrainingSet, progress: Progress) -> float:
    """Return the slope that suits cells which neither the network nor the machine has seen; 1 where there are none.

    Live learning does not wait for it.
    """
    from napari_phenotyper.classifiers._networks import held_out
    from napari_phenotyper.evaluation.calibration import fit_slope

    held = held_out(learnt)
    if learnt.seconds is not None or not held.any():
        return 1.0
    machine, unseen = _decider().fit(learnt.take(~held), progress), learnt.take(held)
    given = np.concatenate([machine.predict(chunk) for chunk in unseen.cells])
    return fit_slope(parts.logarithms(given), unseen.labels)


def _learned(seer: CropModel, cells: Cells, measured: bool) -> Cells:
    """Return cells with the learned features as a block, alone or beside those that were measured."""
    from napari_phenotyper.nets.deep import activations

    block: Mapping[str, ColumnBlock] = {LEARNED: activations(seer, cells)}
    return replace(cells, blocks={**cells.blocks, **block} if measured else block)
