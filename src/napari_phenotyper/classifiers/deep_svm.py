"""A classifier of features on what a network has learnt to see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from napari_phenotyper.classifiers._crops import CropSettings
from napari_phenotyper.core.cells import Cells, ColumnBlock, Float32
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
    """

    version: ClassVar[int] = 1
    live_slices: ClassVar[int] = 8

    network: Literal["fastnet", "resnet", "lipnet"] = field(
        default="fastnet", metadata={"help": "What learns the features"}
    )
    measured: bool = field(default=False, metadata={"help": "Take the measured columns, too"})

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
        settings = {f.name: getattr(self, f.name) for f in fields(CropSettings)}
        earlier = training.before.seer if isinstance(training.before, _DeepModel) else None
        network = Registry().make("classifier", self.network, settings)
        seer: CropModel = network.fit(replace(training, before=earlier), part(progress, 0.0, 0.8))
        progress(0.8, "reading learned features")
        seen = tuple(_learned(seer, chunk, self.measured) for chunk in training.cells)
        decider = Registry().make("classifier", DECIDER)
        learnt = replace(training, cells=seen, before=None)
        return _DeepModel(seer, decider.fit(learnt, part(progress, 0.85, 1.0)), self.network, self.measured)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        meta = state.meta
        found, network, measured = meta.get("classifier"), meta.get("network"), meta.get("measured")
        if found != KIND:
            raise ModelError(f"This is a model of {found!r}, not of {KIND!r}.", "Open the right model.")
        if network not in NETWORKS or type(measured) is not bool:
            raise ModelError("The model does not say what it is made of.", "The file is damaged; train again.")
        seer = Registry().make("classifier", str(network)).restore(_part(state, "seer"))
        decider = Registry().make("classifier", DECIDER).restore(_part(state, "decider"))
        model = _DeepModel(seer, decider, str(network), measured)
        told = model.state().meta
        if seer.classes != decider.classes or any(meta.get(k) != told.get(k) for k in ("classes", "crop", "columns")):
            raise ModelError("The model's parts do not fit each other.", "The file is damaged; train again.")
        return model


@dataclass(frozen=True, eq=False)
class _DeepModel:
    """A network that sees and a machine that decides, with the id of what made the first."""

    seer: CropModel
    decider: Model
    network: str
    measured: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """K names."""
        return self.decider.classes

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) probabilities. Raises ModelError where crops cannot be cut, or columns are missing."""
        return self.decider.predict(_learned(self.seer, cells, self.measured))

    def state(self) -> ModelState:
        """Return the states of both parts, side by side."""
        parts = {"seer": self.seer.state(), "decider": self.decider.state()}
        meta: dict[str, Json] = {
            "classifier": KIND,
            "classes": list(self.classes),
            "crop": parts["seer"].meta["crop"],
            "network": self.network,
            "measured": self.measured,
            **{key: dict(state.meta) for key, state in parts.items()},
        }
        if self.measured:
            given = cast("list[str]", parts["decider"].meta["columns"])
            meta["columns"] = [name for name in given if not name.startswith("Deep_")]
        arrays = {f"{key}.{name}": array for key, state in parts.items() for name, array in state.arrays.items()}
        return ModelState(arrays, meta)


def _learned(seer: CropModel, cells: Cells, measured: bool) -> Cells:
    """Return cells with the learned features as a block, alone or beside those that were measured."""
    from napari_phenotyper.nets.deep import activations

    block: Mapping[str, ColumnBlock] = {LEARNED: activations(seer, cells)}
    return replace(cells, blocks={**cells.blocks, **block} if measured else block)


def _part(state: ModelState, key: str) -> ModelState:
    """Return one part's state. Raises ModelError."""
    meta = state.meta.get(key)
    if not isinstance(meta, Mapping):
        raise ModelError(f"The model's {key} is missing.", "The file is damaged; train again.")
    start = f"{key}."
    return ModelState({k.removeprefix(start): v for k, v in state.arrays.items() if k.startswith(start)}, meta)
