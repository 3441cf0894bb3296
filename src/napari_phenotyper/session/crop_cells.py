"""Crops as cells: the object in the middle of each is segmented and measured as a nucleus of a plate is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock, CropSpec, Float32
from napari_phenotyper.core.crops import CachedCrops
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.field import Channel, find_channel
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.engine.plate import run_all
from napari_phenotyper.engine.runner import Inline, Runner
from napari_phenotyper.kernels.crops import cut
from napari_phenotyper.session.crop_folders import CropSet, Pixels
from napari_phenotyper.session.keys import Record

SEGMENTER = "nuclei"
_AT_ONCE = 128
"""Crops of a chunk: what is measured and predicted together."""
_WORTH_WORKERS = 6
"""With fewer chunks than this, worker processes are not done starting before the work is."""
_SAMPLE = 64
"""Crops that open parameters of the segmenter are decided from."""
_MIDDLE = 1 / 3
"""How far from the middle an object may lie, as a share of the crop's smaller side."""
_NEIGHBOURS = "Neighbors_"
"""In the names of columns that a crop cannot tell: who stands beside the cell lies outside it."""

_REF = FieldRef("crops", "A01", 1)

Mask = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Prepared:
    """Crops as a classifier takes them.

    Attributes
    ----------
    training
        A cell per crop, in the order of the set.
    segmenter
        Record of the segmenter as resolved; None where nothing was segmented.
    warnings
        Sentences, those of the set among them.
    """

    training: TrainingSet
    segmenter: Record | None
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Objects:
    """The object in the middle of each crop, segmented when first asked for.

    Attributes
    ----------
    images
        Pixels (c, y, x).
    dna
        Index of the channel that is segmented.
    segmenter
        With all parameters decided.
    """

    images: tuple[Pixels, ...]
    dna: int
    segmenter: Any

    @cached_property
    def masks(self) -> tuple[Mask, ...]:
        """(y, x) of every crop, each with a pixel at least."""
        found = (_middle_object(image[self.dna], self.segmenter) for image in self.images)
        return tuple(mask for mask, _ in found)


@dataclass(frozen=True, eq=False)
class FolderCrops:
    """Cuts crops anew out of crops: what a network reads.

    Attributes
    ----------
    objects
        Pixels, and the object in the middle of each where the background is not to be shown; cell i is crop i − 1.
    channels
        Of the pixels.
    pixel_size
        µm per pixel, or None.
    """

    objects: Objects
    channels: tuple[Channel, ...]
    pixel_size: float | None

    def crops(self, ids: NDArray[np.int32], y: Float32, x: Float32, spec: CropSpec) -> Float32:
        """Return (n, c, size, size) float32 around the middle of each crop. Raises ChannelError."""
        chosen = [find_channel(self.channels, name) for name in spec.channels] or list(range(len(self.channels)))
        out = np.zeros((len(ids), len(chosen), spec.size, spec.size), np.float32)
        scale = spec.pixel_size / (self.pixel_size or spec.pixel_size) if spec.pixel_size else 1.0
        for i, cell in enumerate(ids):
            image, labels = self.objects.images[cell - 1][chosen], None
            place = float(y[i]), float(x[i]), spec.size * scale
            if spec.background != "surrounding":
                labels = self.objects.masks[cell - 1].astype(np.int32)
                place = _box_of(labels)
            out[i] = cut(image, np.array([place]), spec, labels, np.ones(1, np.int32))[0]
        return out


def _box_of(labels: Labels) -> tuple[float, float, float]:
    """Return middle and longer side of the box of all that is labelled."""
    rows, columns = np.nonzero(labels)
    side = max(np.ptp(rows), np.ptp(columns)) + 1
    return (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2, float(side)


def prepare(
    crops: CropSet,
    registry: Registry,
    progress: Progress,
    columns: bool = True,
    segmenter: Record | None = None,
    seed: int = 0,
    runner: Runner | None = None,
    extractors: Mapping[str, Any] | None = None,
    kept: Sequence[Mapping[str, ColumnBlock]] | None = None,
) -> Prepared:
    """Turn crops into cells.

    Parameters
    ----------
    crops
        In memory.
    registry
        Makes segmenter and extractors.
    progress
        Reports and cancels.
    columns
        Whether the cells are measured: objects are found and all extractors run. Without, objects are found only when
        a crop without its surroundings is asked for.
    segmenter
        The record of a segmenter as it was resolved for other crops; None: ours, resolved on a sample of these.
    seed
        Goes into every fit.
    runner
        Where crops are measured; here if None.
    extractors
        By id; None: those that are on by default, with their defaults.
    kept
        Columns of every chunk as these parameters gave them before; then nothing is measured.

    Raises
    ------
    ExtensionError, SettingError
        If the segmenter or an extractor cannot be made.
    TrainingError
        If an extractor fails.
    Cancelled
    """
    dna = next((i for i, c in enumerate(crops.channels) if c.role == "DNA"), 0)
    made, record = _segmenter(crops, registry, dna, segmenter)
    batches = [Objects(crops.images[i : i + _AT_ONCE], dna, made) for i in range(0, len(crops), _AT_ONCE)]
    warnings = list(crops.warnings)
    if crops.channels[dna].role != "DNA":
        warnings.append(f"No channel is named DNA: objects are looked for in {crops.channels[dna].name}.")
    blocks = kept or [{} for _ in batches]
    if columns and kept is None:
        chosen = {name: registry.make("extractor", name) for name in registry.defaults("extractor")}
        blocks, missed = _measured(batches, crops, extractors or chosen, runner or Inline(), progress)
        if missed:
            warnings.append(
                f"In {missed} of {len(crops)} crops no object was found in the middle: what is bright there was "
                "measured."
            )
    chunks = tuple(
        _chunk(FieldRef("crops", "A01", number), objects, crops, found)
        for number, (objects, found) in enumerate(zip(batches, blocks, strict=True), start=1)
    )
    training = TrainingSet(chunks, crops.classes, crops.labels, crops.groups, crops.group_names, seed)
    return Prepared(training, record if columns else segmenter, tuple(warnings))


def _segmenter(crops: CropSet, registry: Registry, dna: int, record: Record | None) -> tuple[Any, Record]:
    """Return a segmenter with all parameters decided, and its record."""
    name, settings = SEGMENTER, dict[str, object]()
    if record is not None:
        name, settings = str(record["id"]), dict(cast("Record", record["settings"]))
        settings |= {"channel": "DNA"} if "channel" in settings else {}  # as `_scene` calls it
    extension = registry.get("segmenter", name)
    made = extension.make(settings)
    chosen = np.unique(np.linspace(0, len(crops) - 1, min(len(crops), _SAMPLE)).round().astype(int))
    made = made.resolve([_scene(crops.images[i][dna]) for i in chosen])
    return made, extension.record(made)


def _scene(image: Pixels) -> Scene:
    """Return one channel as a field of its own, whatever it is called."""
    return Scene(_REF, {"DNA": image})


def _middle_object(image: Pixels, segmenter: Any) -> tuple[Mask, bool]:
    """Return the (y, x) mask of the object in the middle of a crop, and whether the segmenter found one there."""
    masks: Masks = segmenter.segment(_scene(image), no_progress)
    height, width = image.shape
    cell = masks.at((height - 1) / 2, (width - 1) / 2, within=_MIDDLE * min(height, width))
    return (masks.labels[NUCLEI] == cell, True) if cell else (_by_threshold(image), False)


def _by_threshold(image: Pixels) -> Mask:
    """Return the bright part that is nearest to the middle; where nothing is bright, the inner half of the crop."""
    from scipy.ndimage import label
    from skimage.filters import threshold_otsu

    height, width = image.shape
    values = np.nan_to_num(image.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
    if values.max() > values.min():
        labels: Labels = label(values > threshold_otsu(values))[0].astype(np.int32)
        cell = Masks({NUCLEI: labels}).at((height - 1) / 2, (width - 1) / 2, within=float(height + width))
        if cell:
            return np.asarray(labels == cell)
    inner = np.zeros((height, width), bool)
    inner[height // 4 : height - height // 4, width // 4 : width - width // 4] = True
    return inner


def _measured(
    batches: Sequence[Objects], crops: CropSet, extractors: Mapping[str, Any], runner: Runner, progress: Progress
) -> tuple[list[dict[str, ColumnBlock]], int]:
    """Return the columns of each batch, and in how many crops no object was found."""
    labels = [channel.label for channel in crops.channels]
    items = [(i, (objects, labels, crops.pixel_size, extractors)) for i, objects in enumerate(batches)]
    runner = runner if len(batches) >= _WORTH_WORKERS else Inline()
    outcomes = run_all(runner, measure_crops, items, progress, f"Measuring {len(crops)} crops, batch")
    failed = next((outcome.error for outcome in outcomes if outcome.error), "")
    if failed:
        raise TrainingError(f"The crops cannot be measured: {failed}", "Choose a classifier that looks at crops only.")
    return [outcome.result[0] for outcome in outcomes], sum(outcome.result[1] for outcome in outcomes)


def measure_crops(
    objects: Objects, labels: Sequence[str], pixel_size: float | None, extractors: Mapping[str, Any], progress: Progress
) -> tuple[dict[str, ColumnBlock], int]:
    """Measure the object in the middle of each crop, each crop as a field of its own with that one nucleus.

    Side by side in one field, crops would see one another: the darkest pixels of the field are a reference of some
    columns. Other objects in a crop count as background, as parts of a cell that falls apart must: with them masked
    out, the svm on `mitocheck_crops` was right for 1.5 points fewer.

    Returns
    -------
    The columns by extractor, NaN where a crop cannot tell; and in how many crops no object was found.
    """
    names: dict[str, tuple[str, ...]] = {}
    rows: dict[str, list[Float32]] = {name: [] for name in extractors}
    missed = 0
    for i, image in enumerate(objects.images):
        progress(i / len(objects.images), "Measuring crops")
        mask, found = _middle_object(image[objects.dna], objects.segmenter)
        missed += not found
        scene = Scene(_REF, dict(zip(labels, image, strict=True)), pixel_size, Masks({NUCLEI: mask.astype(np.int32)}))
        for name, extractor in extractors.items():
            block = extractor.measure(scene)
            names[name] = block.columns
            rows[name].append(block.values[0])
    blocks = {}
    for name, columns in names.items():
        unknown = np.array([_NEIGHBOURS in column for column in columns], bool)
        blocks[name] = ColumnBlock(columns, np.where(unknown, np.float32(np.nan), np.stack(rows[name])))
    return blocks, missed


def _chunk(ref: FieldRef, objects: Objects, crops: CropSet, blocks: Mapping[str, ColumnBlock]) -> Cells:
    ids = np.arange(1, len(objects.images) + 1, dtype=np.int32)
    middle = np.array([((h - 1) / 2, (w - 1) / 2) for _, h, w in (i.shape for i in objects.images)], np.float32)
    cells = Cells(ref, ids, middle[:, 0], middle[:, 1], blocks)
    source = FolderCrops(objects, crops.channels, crops.pixel_size)
    return replace(cells, pixels=CachedCrops(source, ids, cells.y, cells.x))
