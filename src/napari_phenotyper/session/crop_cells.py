"""Crops as cells: the object in the middle of each is segmented and measured as a nucleus of a plate is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import Cells, ColumnBlock, CropSpec, Float32
from napari_phenotyper.core.crops import CachedCrops, cut
from napari_phenotyper.core.field import Channel, find_channel
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress, no_progress, part
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.crop_folders import CropSet, Pixels
from napari_phenotyper.session.keys import Record

SEGMENTER = "nuclei"
_MARGIN = 8
"""Pixels that a crop is continued by on all sides: as far as a local background is read."""
_AT_ONCE = 256
"""Crops that are laid side by side and measured as one field."""
_LARGEST = 2**25
"""Pixels of such a field, all channels together."""
_SAMPLE = 64
"""Crops that open parameters of the segmenter are decided from."""
_MIDDLE = 1 / 3
"""How far from the middle an object may lie, as a share of the crop's smaller side."""
_NEIGHBOURS = "Neighbors_"
"""In the names of columns that a crop cannot tell: who stands beside the cell lies outside it."""

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
        return self.find(no_progress)[0]

    def find(self, progress: Progress) -> tuple[tuple[Mask, ...], int]:
        """Return the masks, and in how many crops no object was found in the middle."""
        found: list[Mask] = []
        missed = 0
        for i, image in enumerate(self.images):
            progress(i / len(self.images), "Segmenting crops")
            mask = _segmented(image[self.dna], self.segmenter)
            missed += mask is None
            found.append(_by_threshold(image[self.dna]) if mask is None else mask)
        self.__dict__["masks"] = tuple(found)
        return self.masks, missed


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
            centre, side = (float(y[i]), float(x[i])), spec.size * scale
            if spec.background != "surrounding":
                labels = self.objects.masks[cell - 1].astype(np.int32)
                rows, columns = np.nonzero(labels)
                centre = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
                side = float(max(np.ptp(rows), np.ptp(columns)) + 1)
            out[i] = cut(image, labels, centre, side, spec, 1)
        return out


def prepare(
    crops: CropSet,
    registry: Registry,
    progress: Progress,
    columns: bool = True,
    segmenter: Record | None = None,
    seed: int = 0,
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

    Raises
    ------
    ExtensionError, SettingError
        If the segmenter or an extractor cannot be made.
    Cancelled
    """
    dna = next((i for i, c in enumerate(crops.channels) if c.role == "DNA"), 0)
    made, record = _segmenter(crops, registry, dna, segmenter)
    extractors = {name: registry.make("extractor", name) for name in registry.ids("extractor")} if columns else {}
    chunks, missed = [], 0
    for number, rows in enumerate(_batches(crops), start=1):
        step = part(progress, rows.start / len(crops), rows.stop / len(crops))
        objects = Objects(crops.images[rows], dna, made)
        blocks: Mapping[str, ColumnBlock] = {}
        if columns:
            missed += objects.find(part(step, 0.0, 0.7))[1]
            blocks = _measured(objects, crops, extractors, part(step, 0.7, 1.0))
        chunks.append(_chunk(FieldRef("crops", "A01", number), objects, crops, blocks))
    warnings = list(crops.warnings)
    if crops.channels[dna].role != "DNA":
        warnings.append(f"No channel is named DNA: objects are looked for in {crops.channels[dna].name}.")
    if missed:
        warnings.append(
            f"In {missed} of {len(crops)} crops no object was found in the middle: what is bright there was measured."
        )
    training = TrainingSet(tuple(chunks), crops.classes, crops.labels, crops.groups, crops.group_names, seed)
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


def _scene(image: Pixels, masks: Masks | None = None) -> Scene:
    """Return one channel as a field of its own, whatever it is called."""
    return Scene(FieldRef("crops", "A01", 1), {"DNA": image}, None, masks)


def _segmented(image: Pixels, segmenter: Any) -> Mask | None:
    """Return the (y, x) mask of the object in the middle, None if there is none."""
    masks: Masks = segmenter.segment(_scene(image), no_progress)
    height, width = image.shape
    cell = masks.at((height - 1) / 2, (width - 1) / 2, within=_MIDDLE * min(height, width))
    return masks.labels[NUCLEI] == cell if cell else None


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


def _batches(crops: CropSet) -> Iterator[slice]:
    """Yield rows that are measured together: few enough that the field they make fits into memory."""
    start = 0
    while start < len(crops):
        sides = [image.shape[1:] for image in crops.images[start : start + _AT_ONCE]]
        height, width = (max(side) + 2 * _MARGIN for side in zip(*sides, strict=True))
        many = max(1, min(_AT_ONCE, _LARGEST // (height * width * len(crops.channels))))
        yield slice(start, min(start + many, len(crops)))
        start += many


def _measured(
    objects: Objects, crops: CropSet, extractors: Mapping[str, Any], progress: Progress
) -> dict[str, ColumnBlock]:
    """Return the columns of the object in the middle of each crop; what a crop cannot tell is NaN."""
    scene = _side_by_side(objects.images, objects.masks, crops.channels, crops.pixel_size)
    blocks = {}
    for i, (name, extractor) in enumerate(extractors.items()):
        progress(i / len(extractors), f"Measuring crops: {name}")
        block = extractor.measure(scene)
        unknown = np.array([_NEIGHBOURS in column for column in block.columns], bool)
        blocks[name] = ColumnBlock(block.columns, np.where(unknown, np.float32(np.nan), block.values))
    return blocks


def _side_by_side(
    images: Sequence[Pixels], masks: Sequence[Mask], channels: Sequence[Channel], pixel_size: float | None
) -> Scene:
    """Return one field of many crops; the object of crop i is nucleus i + 1, and each crop's edges are continued."""
    height, width = (max(n) + 2 * _MARGIN for n in zip(*(m.shape for m in masks), strict=True))
    across = int(np.ceil(np.sqrt(len(images))))
    down = -(-len(images) // across)
    field = np.zeros((len(channels), down * height, across * width), np.result_type(*(i.dtype for i in images)))
    labels = np.zeros(field.shape[1:], np.int32)
    for i, (image, mask) in enumerate(zip(images, masks, strict=True)):
        y, x = i // across * height, i % across * width
        h, w = mask.shape
        whole = np.pad(image, ((0, 0), (_MARGIN, _MARGIN), (_MARGIN, _MARGIN)), mode="edge")
        field[:, y : y + h + 2 * _MARGIN, x : x + w + 2 * _MARGIN] = whole
        labels[y + _MARGIN : y + _MARGIN + h, x + _MARGIN : x + _MARGIN + w][mask] = i + 1
    pixels = {channel.label: field[c] for c, channel in enumerate(channels)}
    return Scene(FieldRef("crops", "A01", 1), pixels, pixel_size, Masks({NUCLEI: labels}))


def _chunk(ref: FieldRef, objects: Objects, crops: CropSet, blocks: Mapping[str, ColumnBlock]) -> Cells:
    ids = np.arange(1, len(objects.images) + 1, dtype=np.int32)
    middle = np.array([((h - 1) / 2, (w - 1) / 2) for _, h, w in (i.shape for i in objects.images)], np.float32)
    cells = Cells(ref, ids, middle[:, 0], middle[:, 1], blocks)
    source = FolderCrops(objects, crops.channels, crops.pixel_size)
    return replace(cells, pixels=CachedCrops(source, ids, cells.y, cells.x))
