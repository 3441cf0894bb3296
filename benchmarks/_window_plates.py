"""Made plates for the window's benchmark: composed nuclei, and a project in which they are segmented and measured.

Nothing is segmented here: masks are those that the image was drawn from, under the key that the program would give
them. Columns are measured with the program's own extractors, on four fields that all other wells repeat.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy import ndimage

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef, well_name
from napari_phenotyper.session.keys import Record, mask_key
from napari_phenotyper.session.labelling import Click, label
from napari_phenotyper.session.measuring import wanted, wanted_keys
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.segmenting import DEFAULT_SEGMENTER
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import scene_of
from napari_phenotyper.store.cell_files import MeasuredField

KINDS = ("Interphase", "Mitotic", "Elongated", "Apoptotic")
_SIZE = np.array([0.40, 0.26, 0.40, 0.22])
_ASPECT = np.array([1.15, 1.3, 2.0, 1.0])
_LIGHT = np.array([900.0, 2600.0, 1100.0, 4000.0])

TEMPLATES = 4
ANNOTATED_WELLS = 15
NOISE = 2.0
"""Standard deviations of each column."""


@dataclass(frozen=True, eq=False)
class Drawing:
    """A field that was drawn: pixels, (y, x) labels 1 … n, the centre of each cell and its kind, n rows each."""

    image: NDArray[np.uint16]
    labels: NDArray[np.int32]
    centres: NDArray[np.float64]
    kinds: NDArray[np.intp]


def draw(size: int, count: int, seed: int = 0) -> Drawing:
    """Draw nuclei of four kinds on a jittered grid, of which none touch."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    pitch = size / side
    grid = (np.stack(np.divmod(np.arange(count), side), axis=1) + 0.5) * pitch
    centres = np.clip(grid + rng.uniform(-0.08, 0.08, (count, 2)) * pitch, 1, size - 2)
    kinds = rng.choice(len(KINDS), count, p=(0.7, 0.1, 0.12, 0.08))
    long = _SIZE[kinds] * pitch * rng.uniform(0.85, 1.0, count)
    short, turn = long / (_ASPECT[kinds] * rng.uniform(0.95, 1.05, count)), rng.uniform(0, np.pi, count)
    labels = np.zeros((size, size), np.int32)
    corner = np.round(centres).astype(int)
    reach = int(np.ceil(long.max()))
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            along = (dx * np.cos(turn) + dy * np.sin(turn)) / long
            across = (dy * np.cos(turn) - dx * np.sin(turn)) / short
            inside = np.flatnonzero(along**2 + across**2 <= 1)
            y, x = corner[inside].T + np.array([[dy], [dx]])
            seen = (y >= 0) & (y < size) & (x >= 0) & (x < size)
            labels[y[seen], x[seen]] = inside[seen] + 1
    light = np.append(0.0, _LIGHT[kinds] * rng.uniform(0.8, 1.2, count)).astype(np.float32)
    clean = ndimage.gaussian_filter(light[labels] + 300, 1.0)
    noise = rng.normal(size=(size, size)).astype(np.float32) * np.sqrt(clean)
    return Drawing(np.clip(clean + noise, 0, 65535).astype(np.uint16), labels, centres, kinds)


def make_fields(folder: Path, drawings: Mapping[str, Drawing]) -> Path:
    """Write a plate of a field per well, and its project with masks but without measured cells."""
    _write(folder, {well: drawing.image for well, drawing in drawings.items()})
    with opened(project_folder(folder)) as session:
        _put_masks(session, session.open(folder)[0], drawings)
    return folder


def make_screen(folder: Path, wells: int, cells: int, annotations: int) -> tuple[Path, Drawing]:
    """Write a plate of a field per well whose cells are segmented, measured and, some of them, annotated.

    Returns
    -------
    The plate, and the drawing of its first well, whose cells are annotated, too.
    """
    templates = [draw(1024, cells, seed) for seed in range(1, TEMPLATES + 1)]
    names = [well_name(1 + i // 12, 1 + i % 12) for i in range(wells)]
    drawings = {name: templates[i % TEMPLATES] for i, name in enumerate(names)}
    _write(folder, {well: drawing.image for well, drawing in drawings.items()})
    with opened(project_folder(folder)) as session:
        plate = session.open(folder)[0]
        _put_masks(session, plate, drawings)
        _put_cells(session, plate, templates)
        _annotate(session, plate, drawings, annotations)
    return folder, templates[0]


def _write(folder: Path, images: Mapping[str, NDArray[np.uint16]]) -> None:
    folder.mkdir(parents=True)
    for well, image in images.items():
        tifffile.imwrite(folder / f"{folder.name}_{well}_s1_w1.tif", image)


def _put_masks(session: Session, plate: Plate, drawings: Mapping[str, Drawing]) -> None:
    record = _chosen_segmenter(session, plate)
    for field in plate.fields():
        masks = Masks({NUCLEI: drawings[field.ref.well].labels})
        session.project.masks.write(field.ref, mask_key(field, record), masks, record)


def _chosen_segmenter(session: Session, plate: Plate) -> Record:
    """Note in the project that the plate is segmented with the default segmenter, its parameters as they are."""
    extension = session.registry.get("segmenter", DEFAULT_SEGMENTER)
    record = dict(extension.record(extension.make({})))
    session.set("segmenters", {plate.name: {"asked": record, "resolved": record, "sampled": 1}})
    return record


def _put_cells(session: Session, plate: Plate, templates: Sequence[Drawing]) -> None:
    extractors = {name: session.registry.make("extractor", name) for name in session.registry.defaults("extractor")}
    first = list(plate.fields())[: len(templates)]
    scenes = [scene_of(f, Masks({NUCLEI: t.labels})) for f, t in zip(first, templates, strict=True)]
    measured = [_measured(scene, extractors) for scene in scenes]
    for number, item in enumerate(wanted(session, plate)):
        chunk = _noisy(measured[number % len(measured)], item.field.ref, number)
        session.project.cells.put(item.field.ref.well_ref, [MeasuredField(chunk, item.mask, item.blocks)])
    session.project.cells.compact(plate.name, wanted_keys(session, plate))


def _measured(scene: Scene, extractors: Mapping[str, object]) -> Cells:
    blocks = {name: extractor.measure(scene) for name, extractor in extractors.items()}
    centre = scene.index.centroid.astype(np.float32)
    return Cells(scene.ref, scene.index.ids, centre[:, 0], centre[:, 1], blocks)


def _noisy(cells: Cells, ref: FieldRef, seed: int) -> Cells:
    rng, blocks = np.random.default_rng(seed), {}
    for name, block in cells.blocks.items():
        noise = rng.normal(size=block.values.shape) * NOISE * np.nanstd(block.values, axis=0)
        blocks[name] = replace(block, values=(block.values + noise).astype(np.float32))
    return replace(cells, field=ref, blocks=blocks)


def _annotate(session: Session, plate: Plate, drawings: Mapping[str, Drawing], count: int) -> None:
    """Call so many cells by their kind, as many of each, in the first wells; none twice although images repeat."""
    per_class = count // (ANNOTATED_WELLS * len(KINDS))
    clicks: dict[FieldRef, list[Click]] = {}
    for number, field in enumerate(list(plate.fields())[:ANNOTATED_WELLS]):
        drawing, turn = drawings[field.ref.well], number // TEMPLATES
        for kind, name in enumerate(KINDS):
            cells = np.flatnonzero(drawing.kinds == kind)[turn * per_class : (turn + 1) * per_class]
            clicks.setdefault(field.ref, []).extend(Click(*map(float, drawing.centres[i]), name) for i in cells)
    label(session, clicks, no_progress)
