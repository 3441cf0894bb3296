"""Crops from elsewhere as training cells of a project: copied into it, measured as its plates are."""

from __future__ import annotations

import contextlib
import json
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from napari_phenotyper.core.annotations import next_phenotype
from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.progress import Progress, no_progress
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.session.crop_cells import prepare
from napari_phenotyper.session.crop_folders import CropFolder, CropSet, read_folder
from napari_phenotyper.session.keys import Record
from napari_phenotyper.session.measuring import extractor_records
from napari_phenotyper.session.model_check import sizes_differ
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tables import table_text
from napari_phenotyper.store.files import discard, explained, place_folder, replacing, safe_name, temporary
from napari_phenotyper.store.project import IMPORTED

_INDEX = "index.csv"


@dataclass(frozen=True, eq=False)
class ImportedCrops:
    """One folder of crops that a project trains on.

    Attributes
    ----------
    name
        What it is called in the project.
    training
        A cell per crop.
    key
        Changes when the crops do, or how they are measured.
    warnings
        Sentences.
    """

    name: str
    training: TrainingSet
    key: str
    warnings: tuple[str, ...]


def import_crops(session: Session, source: CropFolder, progress: Progress, name: str = "") -> dict[str, Any]:
    """Copy crops into the project and train on them from now on; their classes become classes of the project.

    Parameters
    ----------
    session, source, progress
        Where, and what.
    name
        What they are called; the folder's name by default.

    Returns
    -------
    "name", "classes" (class to crops), "groups" and "warnings".

    Raises
    ------
    ProjectError
        If the project has crops of that name, or cannot be written.
    TrainingError, TableError, SettingError, Cancelled
    """
    needs_writing(session)
    crops = read_folder(source, progress)
    called = name or source.folder.resolve().name
    known = session.setting(IMPORTED)
    if called in known:
        raise ProjectError(f"The project has crops named {called} already.", "Give others another name: --name.")
    _copy(source.folder, crops, session.folder / IMPORTED / safe_name(called))
    channels: list[Json] = [channel.label for channel in crops.channels]
    session.set(IMPORTED, {**known, called: {"channels": channels, "pixel_size": crops.pixel_size}})
    for kind in crops.classes:
        if kind not in session.annotations.classes:
            session.annotate("phenotype", dict(next_phenotype(kind, session.annotations.phenotypes).__dict__))
    counts = {kind: int(n) for kind, n in zip(crops.classes, np.bincount(crops.labels), strict=True)}
    return {"name": called, "classes": counts, "groups": len(crops.group_names), "warnings": list(crops.warnings)}


def imports_key(session: Reading) -> str:
    """Return what changes when `imported_crops` would return something else; nothing is read."""
    about: list[Json] = [dict(session.setting(IMPORTED)), dict(session.setting("segmenters"))]
    return digest(*about, dict(extractor_records(session))) if session.setting(IMPORTED) else ""


def imported_crops(session: Reading) -> list[ImportedCrops]:
    """Return all crops that a project trains on, measured with its segmenter and extractors; kept once measured."""
    return [
        _one(session, str(name), cast("Mapping[str, Any]", about)) for name, about in session.setting(IMPORTED).items()
    ]


def _one(session: Reading, name: str, about: Mapping[str, Any]) -> ImportedCrops:
    folder = session.folder / IMPORTED / safe_name(name)
    source = CropFolder(folder, f"{_INDEX}:group", "", tuple(about["channels"]), about["pixel_size"])
    crops = read_folder(source, no_progress)
    records = extractor_records(session)
    segmenter = next((cast("Record", one["resolved"]) for one in session.setting("segmenters").values()), None)
    made = {key: session.registry.make("extractor", key, cast("Any", r["settings"])) for key, r in records.items()}
    key = digest(name, _fingerprint(folder, crops), dict(records), segmenter, list(about["channels"]))
    file = folder / f"measured-{key}.npz"
    kept = _load(file)
    prepared = prepare(crops, session.registry, no_progress, True, segmenter, extractors=made, kept=kept)
    if kept is None:
        with contextlib.suppress(ProjectError):  # in a project that is read only they are measured again
            _keep(file, [chunk.blocks for chunk in prepared.training.cells])
    chunks = tuple(_of_project(chunk, f"crops {name}") for chunk in prepared.training.cells)
    warnings = (*prepared.warnings, *_size_warnings(session, name, crops.pixel_size))
    return ImportedCrops(name, replace(prepared.training, cells=chunks), key, warnings)


def _size_warnings(session: Reading, name: str, pixel_size: float | None) -> list[str]:
    """Tell where cells look larger or smaller than on a plate, because pixels differ."""
    sizes = {plate.name: next(plate.fields()).info.pixel_size for plate in session.plates.values()}
    return [
        f"The crops {name} have {pixel_size:g} µm per pixel, plate {plate} {size:g}: columns in pixels do not agree."
        for plate, size in sizes.items()
        if sizes_differ(pixel_size, size)
    ]


def _of_project(chunk: Cells, plate: str) -> Cells:
    return replace(chunk, field=chunk.field._replace(plate=plate))


def _copy(folder: Path, crops: CropSet, target: Path) -> None:
    """Copy the crops that are used, with their groups, whole or not at all."""
    scratch = temporary(target.parent)
    with explained(target):
        try:
            for name in crops.files:
                (scratch / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(folder / name, scratch / name)
            groups = [crops.group_names[g] for g in crops.groups]
            rows = [{"file": name, "group": group} for name, group in zip(crops.files, groups, strict=True)]
            (scratch / _INDEX).write_text(table_text(("file", "group"), rows), encoding="utf-8")
            place_folder(scratch, target, lambda path: False)
        finally:
            discard(scratch)


def _fingerprint(folder: Path, crops: CropSet) -> list[Json]:
    """Return names, sizes and times of the files and their groups: what a plate's pixels are known by, too."""
    stats = [(folder / name).stat() for name in (_INDEX, *crops.files)]
    return [[name, s.st_size, s.st_mtime_ns] for name, s in zip((_INDEX, *crops.files), stats, strict=True)]


def _keep(file: Path, chunks: Sequence[Mapping[str, ColumnBlock]]) -> None:
    """Keep the columns of all chunks, as arrays and their names; older ones go."""
    arrays = {f"{i} {name}": block.values for i, blocks in enumerate(chunks) for name, block in blocks.items()}
    names = [{name: list(block.columns) for name, block in blocks.items()} for blocks in chunks]
    with replacing(file) as scratch, scratch.open("wb") as out:
        np.savez(out, names=np.array(json.dumps(names)), **arrays)  # type: ignore[arg-type]
    for old in file.parent.glob("measured-*.npz"):
        if old != file:
            discard(old)


def _load(file: Path) -> list[dict[str, ColumnBlock]] | None:
    """Return the columns that were kept; None if there are none, or they are damaged."""
    try:
        with np.load(file, allow_pickle=False) as held:
            names = json.loads(str(held["names"]))
            return [
                {name: ColumnBlock(tuple(columns), held[f"{i} {name}"]) for name, columns in blocks.items()}
                for i, blocks in enumerate(names)
            ]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
