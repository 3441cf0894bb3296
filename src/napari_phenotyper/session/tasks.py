"""What workers do: functions of values and keys that write their result to the store by key.

A worker holds no lock: a result under a key is the same whoever writes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.errors import ModelError, PhenotyperError, PixelError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.illumination import Flats
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import Model, ModelState
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.evaluation.field_quality import field_quality
from napari_phenotyper.session.field_crops import FieldCrops
from napari_phenotyper.session.keys import Record
from napari_phenotyper.session.remedies import MEASURE
from napari_phenotyper.store.cell_files import MeasuredField
from napari_phenotyper.store.cells import CellStore
from napari_phenotyper.store.masks import MaskStore
from napari_phenotyper.store.models import ModelStore
from napari_phenotyper.store.predictions import PredictionStore

_SAMPLE = 8
"""Fields of a plate that open parameters are decided from."""


@dataclass(frozen=True, eq=False)
class StoredMasks:
    """Reads a field's masks when called: what crops need, small enough to travel."""

    folder: Path
    ref: FieldRef
    key: str

    def __call__(self) -> Masks:
        """Return the masks. Raises ProjectError."""
        return MaskStore(self.folder).read(self.ref, self.key)


@dataclass(frozen=True, eq=False)
class Wanted:
    """A field, the key of its masks and the keys of its columns by extractor."""

    field: Field
    mask: str
    blocks: Mapping[str, str]


class _Channels(Mapping[str, NDArray[np.generic]]):
    """A field's channels by label, each read when it is first asked for: one that is missing stops nobody else."""

    def __init__(self, field: Field, flats: Flats) -> None:
        self._field, self._flats = field, flats
        self._numbers = {channel.label: i for i, channel in enumerate(field.channels)}
        self._read: dict[str, NDArray[np.generic]] = {}

    def __getitem__(self, label: str) -> NDArray[np.generic]:
        if label not in self._read:
            number = self._numbers[label]
            image, flat = self._field.read([number])[0], self._flats.get(self._field.channels[number].name)
            self._read[label] = image if flat is None else flat.correct(image)
        return self._read[label]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def scene_of(field: Field, masks: Masks | None = None, flats: Flats | None = None) -> Scene:
    """Return a field as segmenters and extractors see it. Raises PixelError, now or when a channel is asked for.

    Parameters
    ----------
    field, masks
        What is to be seen.
    flats
        How channels were lit, of which their pixels are to be freed.
    """
    return Scene(field.ref, _Channels(field, flats or {}), field.info.pixel_size, masks)


def resolve_segmenter(plate: Plate, segmenter: Any, progress: Progress, count: int = _SAMPLE) -> tuple[Any, int]:
    """Decide a segmenter's open parameters from fields spread evenly over a plate.

    Fields that cannot be read are passed over: they are named, with their remedy, when they are segmented.

    Returns
    -------
    The segmenter, and how many fields it was decided from.
    """
    fields = list(plate.fields())
    scenes = []
    for i in np.unique(np.linspace(0, len(fields) - 1, min(count, len(fields))).round().astype(int)):
        progress(0.0, f"Looking at {fields[i].ref}")
        try:
            scene = scene_of(fields[i])
            list(scene.pixels.values())
        except PixelError:
            continue
        scenes.append(scene)
    return segmenter.resolve(scenes), len(scenes)


def segment_field(folder: Path, field: Field, segmenter: Any, record: Record, key: str, progress: Progress) -> int:
    """Segment one field, store its masks and what they say of its quality, return how many cells it has."""
    store = MaskStore(folder / "masks")
    scene = scene_of(field)
    masks: Masks = segmenter.segment(scene, progress)
    quality = field_quality(_looked_at(scene, segmenter), masks.labels[NUCLEI])
    store.write(field.ref, key, masks, {**record, "quality": quality.state()})
    return quality.cells


def _looked_at(scene: Scene, segmenter: Any) -> NDArray[np.generic]:
    """Return the channel that shows the nuclei: the segmenter's own, else DNA, else the first."""
    named = str(getattr(segmenter, "channel", "DNA")).casefold()
    label = next((label for label in scene.pixels if label.casefold() == named), next(iter(scene.pixels)))
    return scene.pixels[label]


def find_masks(field: Field, segmenter: Any, progress: Progress) -> tuple[Masks, Any]:
    """Segment one field without storing anything; return the segmenter too, open parameters decided from the field."""
    scene = scene_of(field)
    resolved = segmenter.resolve([scene])
    return resolved.segment(scene, progress), resolved


@dataclass(frozen=True, eq=False)
class Measured:
    """What became of a well: its cells, and the fields that failed with the reason."""

    cells: int
    failed: Mapping[FieldRef, str]


def measure_well(
    folder: Path,
    well: WellRef,
    wanted: Sequence[Wanted],
    extractors: Mapping[str, Any],
    flats: Flats,
    progress: Progress,
) -> Measured:
    """Measure the wanted columns of the fields of a well and store them; a field that fails stops no other."""
    masks = MaskStore(folder / "masks")
    measured: list[MeasuredField] = []
    failed: dict[FieldRef, str] = {}
    for i, item in enumerate(wanted):
        report = part(progress, i / len(wanted), (i + 1) / len(wanted))
        try:
            scene = scene_of(item.field, masks.read(item.field.ref, item.mask), flats)
            blocks = _blocks(item, scene, extractors, report)
        except PhenotyperError as error:
            failed[item.field.ref] = str(error)
            continue
        measured.append(_measured(item, scene, blocks))
    if measured:
        CellStore(folder / "cells").put(well, measured)
    return Measured(sum(len(m.cells) for m in measured), failed)


def _blocks(item: Wanted, scene: Scene, extractors: Mapping[str, Any], progress: Progress) -> dict[str, ColumnBlock]:
    """Return the columns of every extractor that is wanted."""
    blocks = {}
    for i, name in enumerate(item.blocks):
        progress(i / len(item.blocks), f"{item.field.ref}: {name}")
        blocks[name] = extractors[name].measure(scene)
    return blocks


def _measured(item: Wanted, scene: Scene, blocks: Mapping[str, ColumnBlock]) -> MeasuredField:
    centre = scene.index.centroid.astype(np.float32)
    chunk = Cells(item.field.ref, scene.index.ids, centre[:, 0], centre[:, 1], blocks)
    return MeasuredField(chunk, item.mask, item.blocks)


def read_cells(folder: Path, store: CellStore, item: Wanted) -> Cells:
    """Return the cells of a field with their columns and the way to their crops.

    Raises
    ------
    ModelError
        If they are not measured.
    """
    found = store.get(item.field.ref, item.mask, item.blocks)
    if found is None:
        raise ModelError(
            f"{item.field.ref} is not measured.",
            MEASURE,
        )
    return with_pixels(folder, item, found)


def with_pixels(folder: Path, item: Wanted, cells: Cells) -> Cells:
    """Return cells that know where their crops come from."""
    pixels = FieldCrops(item.field, StoredMasks(folder / "masks", item.field.ref, item.mask))
    return Cells(cells.field, cells.ids, cells.y, cells.x, cells.blocks, pixels)


def load_model(folder: Path, model_id: str) -> Model:
    """Load a kept model. Raises ModelError."""
    return restored(*ModelStore(folder / "models").load(model_id), Registry())


def restored(state: ModelState, card: Mapping[str, Json], registry: Registry) -> Model:
    """Return the model that state and card describe. Raises ModelError; ExtensionError without its classifier."""
    record = card.get("classifier")
    name = record.get("id") if isinstance(record, Mapping) else None
    if not isinstance(name, str):
        raise ModelError("The model does not name its classifier.", "Export it again where it was trained.")
    classifier = registry.make("classifier", name)
    try:
        model: Model = classifier.restore(state)
    except PhenotyperError:
        raise
    except Exception as error:  # whatever a state made to break a classifier makes it raise
        raise ModelError(
            f"The classifier {name!r} cannot restore the model: {type(error).__name__}: {error}.",
            "The file is damaged; train again.",
        ) from error
    return model


def predict_wells(
    folder: Path, model_id: str, wells: Sequence[tuple[WellRef, str, Sequence[Wanted]]], progress: Progress
) -> int:
    """Predict the cells of some wells with a kept model, store that, return how many cells there are."""
    model, count = load_model(folder, model_id), 0
    cells, store = CellStore(folder / "cells"), PredictionStore(folder / "predictions")
    for i, (well, key, wanted) in enumerate(wells):
        progress(i / len(wells), str(well.well))
        found = [predict(model, model_id, read_cells(folder, cells, item)) for item in wanted]
        store.put(model_id, well, key, found)
        count += sum(len(p.ids) for p in found)
    return count


def predict(model: Model, model_id: str, cells: Cells) -> Prediction:
    """Predict one chunk."""
    return Prediction(cells.field, cells.ids, model.predict(cells), model.classes, model_id)
