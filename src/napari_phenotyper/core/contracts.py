"""What each kind of extension promises.

An extension is a frozen dataclass in the folder of its kind; the file name is its id, the first line of its docstring
its title, its fields its parameters. A class variable `version` (an int, 1 if not given) goes into every key: raise it
when results change. One that says `default = False` is used only where it is chosen: of extractors, those whose columns
serve profiles rather than classifiers. A classifier that looks at crops only says `needs_columns = False` (class
variable or property), so that nothing is measured for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, Self, runtime_checkable

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.plate import Layout, Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Hit, Profile, Sums
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import Model, ModelState, TrainingSet


@runtime_checkable
class PlateReader(Protocol):
    """Opens one plate format."""

    def recognises(self, path: Path) -> bool:
        """Tell, in milliseconds and without raising, whether `read` would find plates here."""

    def read(self, path: Path) -> tuple[Plate, ...]:
        """Return the plates at a path, one or more. Reads metadata only.

        Raises
        ------
        PlateError
            Saying what is wrong and what to do.
        """


@runtime_checkable
class Segmenter(Protocol):
    """Finds cells in a field."""

    def resolve(self, scenes: Sequence[Scene]) -> Self:
        """Return the segmenter with every open parameter decided from a sample of the plate's fields.

        What is decided goes into the key, so one plate is segmented with one set of sizes and a field's
        masks do not depend on which other fields were segmented with it. May return itself.
        """

    def segment(self, scene: Scene, progress: Progress) -> Masks:
        """Return masks with labels 1 … n; of a blank image, empty ones. Raises ChannelError, Cancelled."""


@runtime_checkable
class FeatureExtractor(Protocol):
    """Measures one family of features."""

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return a row per cell of `scene.index`, in its order. The columns depend on the scene's channels only."""


@runtime_checkable
class Classifier(Protocol):
    """Learns phenotypes."""

    def fit(self, training: TrainingSet, progress: Progress) -> Model:
        """Return a new model; the same training set and seed give the same model on one machine.

        Raises
        ------
        TrainingError
            If the cells do not allow it (no cells, no columns).
        Cancelled
        """

    def restore(self, state: ModelState) -> Model:
        """Return the model that `state` describes. Raises ModelError for one that is foreign or damaged."""


@runtime_checkable
class Profiler(Protocol):
    """Turns cells into one row per well: map, combine, finish."""

    def partial(self, cells: Cells, prediction: Prediction | None) -> Sums:
        """Return the sums of one field's cells. `prediction` belongs to the same cells, row for row.

        Raises
        ------
        ModelError
            If it needs a prediction and there is none.
        """

    def combine(self, a: Sums, b: Sums) -> Sums:
        """Return the sums of two parts; the order of combining does not matter."""

    def finish(self, sums: Sums, layout: Layout) -> Profile:
        """Return the profile of all wells summed."""


@runtime_checkable
class Scorer(Protocol):
    """Finds the wells that differ from the controls."""

    def score(self, profile: Profile, layout: Layout) -> tuple[Hit, ...]:
        """Return a hit per well and column, the highest score first. Raises TrainingError without controls."""


KINDS: dict[str, tuple[str, type]] = {
    "reader": ("readers", PlateReader),
    "segmenter": ("segmenters", Segmenter),
    "extractor": ("extractors", FeatureExtractor),
    "classifier": ("classifiers", Classifier),
    "profiler": ("profilers", Profiler),
    "scorer": ("scorers", Scorer),
}
"""Kind to its folder (also the end of its entry point group) and its contract."""
