"""Networks on the pixels and a committee on the features that decide together."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _parts as parts
from napari_phenotyper.classifiers._crops import CropSettings
from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.contracts import Classifier
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import Model, ModelState, TrainingSet

if TYPE_CHECKING:
    from napari_phenotyper.nets.model import CropModel

KIND = "jury"
MEASURER = "committee"
NETWORKS = ("fastnet", "resnet", "lipnet")
SLOPE = 1.2
"""1 / temperature: two that err at different cells are surer together than the mean of their logarithms says (measured
on held-out MitoCheck nuclei; fitted on the cells that one network holds out, which is less sure than three, it came out
too low: a calibration error of 0.075)."""
_SMALLEST = 1e-7
"""A class that one of both thinks impossible is left to the other."""


@dataclass(frozen=True)
class Jury(CropSettings):
    """Jury (networks on crops, committee on features).

    Networks see the pixels; a support vector machine, a logistic regression and perceptrons look at the measured
    columns; a cell's probabilities are the geometric means of theirs, somewhat sharpened (Hinton 2002, products of
    experts). The most accurate on the MitoCheck nuclei: both err, but at different cells.
    """

    version: ClassVar[int] = 2
    live_slices: ClassVar[int] = 8

    network: Literal["fastnet", "resnet", "lipnet"] = field(
        default="resnet", metadata={"help": "What looks at the pixels"}
    )
    networks: int = field(default=3, metadata={"help": "How many networks look at them", "min": 1, "max": 16})

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Train the networks, going on from those of the model before where that can be, and the committee anew.

        Raises
        ------
        TrainingError
            If there are no cells or no columns, or crops have different channels.
        ModelError
            If there are no pixels.
        Cancelled
        """
        shared = {f.name: getattr(self, f.name) for f in fields(CropSettings)}
        earlier = training.before.seer if isinstance(training.before, _JuryModel) else None
        measurer = _measurer().fit(replace(training, before=None), part(progress, 0.0, 0.1))
        network = Registry().make("classifier", self.network, {**shared, "networks": self.networks})
        seer: CropModel = network.fit(replace(training, before=earlier), part(progress, 0.1, 1.0))
        return _JuryModel(seer, measurer, self.network, SLOPE)

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""
        found, network, slope = (state.meta.get(key) for key in ("classifier", "network", "slope"))
        if found != KIND:
            raise ModelError(f"This is a model of {found!r}, not of {KIND!r}.", "Open the right model.")
        if network not in NETWORKS or not parts.is_slope(slope):
            raise ModelError("The model does not say what it is made of.", "The file is damaged; train again.")
        seer = Registry().make("classifier", str(network)).restore(parts.part_of(state, "seer"))
        measurer = _measurer().restore(parts.part_of(state, "measurer"))
        model = _JuryModel(seer, measurer, str(network), cast("float", slope))
        told = model.state().meta
        if seer.classes != measurer.classes or any(
            state.meta.get(key) != told.get(key) for key in ("classes", "crop", "columns")
        ):
            raise ModelError("The model's parts do not fit each other.", "The file is damaged; train again.")
        return model


@dataclass(frozen=True, eq=False)
class _JuryModel:
    """Networks that see, a committee that measures, the networks' classifier, and 1 / temperature."""

    seer: CropModel
    measurer: Model
    network: str
    slope: float

    @property
    def classes(self) -> tuple[str, ...]:
        """K names."""
        return self.measurer.classes

    def predict(self, cells: Cells) -> Float32:
        """Return (n, K) probabilities. Raises ModelError where crops cannot be cut, or columns are missing."""
        from napari_phenotyper.evaluation.calibration import softmax

        return softmax(_agreed(self.seer, self.measurer, cells), self.slope)

    def state(self) -> ModelState:
        """Return the states of both parts, side by side."""
        members = {"seer": self.seer.state(), "measurer": self.measurer.state()}
        meta: dict[str, Json] = {
            "classifier": KIND,
            "classes": list(self.classes),
            "crop": members["seer"].meta["crop"],
            "columns": members["measurer"].meta["columns"],
            "network": self.network,
            "slope": self.slope,
        }
        return parts.together(members, meta)


def _measurer() -> Classifier:
    made: Classifier = Registry().make("classifier", MEASURER)
    return made


def _agreed(seer: CropModel, measurer: Model, cells: Cells) -> NDArray[np.float64]:
    """Return (n, K) means of the logarithms of both members' probabilities; −∞ for a class without training cells."""
    given = [np.maximum(member.predict(cells).astype(np.float64), _SMALLEST) for member in (seer, measurer)]
    return np.where(np.isin(seer.classes, seer.known), np.log(given).mean(axis=0), -np.inf)
