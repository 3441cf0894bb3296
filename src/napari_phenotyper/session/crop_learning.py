"""Evaluate, train and test classifiers on crops from elsewhere; no project is needed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np

from napari_phenotyper.core.errors import ModelError, TrainingError
from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.registry import Extension, Registry
from napari_phenotyper.core.training import Model
from napari_phenotyper.engine.runner import Runner
from napari_phenotyper.evaluation import crossval
from napari_phenotyper.session.cards import card_of, column_notes
from napari_phenotyper.session.crop_cells import Prepared, prepare
from napari_phenotyper.session.crop_folders import CropFolder, CropSet, read_folder
from napari_phenotyper.session.keys import Record
from napari_phenotyper.session.model_check import check_model
from napari_phenotyper.session.tasks import restored
from napari_phenotyper.store.model_files import packed, read_model_file, write_archive


def evaluate(
    source: CropFolder,
    progress: Progress,
    classifier: str,
    settings: Mapping[str, object] | None = None,
    folds: int = 5,
    seed: int = 0,
    runner: Runner | None = None,
) -> dict[str, Any]:
    """Cross-validate a classifier on a folder of crops.

    Returns
    -------
    dict
        JSON as `evaluation.crossval.report` makes it, with "classifier", "group", "key" and "training", as of an
        evaluation on a plate; "segmenter" as resolved for these crops.

    Raises
    ------
    TrainingError, TableError, SettingError, ExtensionError, Cancelled
    """
    registry = Registry()
    extension = registry.get("classifier", classifier)
    made = extension.make(settings)
    crops = read_folder(source, part(progress, 0.0, 0.05))
    prepared = prepare(crops, registry, part(progress, 0.05, 0.3), needs_columns(made), seed=seed, runner=runner)
    return _evaluated(extension, made, crops, prepared, folds, part(progress, 0.3, 1.0))


def train(
    source: CropFolder,
    progress: Progress,
    classifier: str,
    out: Path,
    settings: Mapping[str, object] | None = None,
    scores: bool = False,
    seed: int = 0,
    runner: Runner | None = None,
) -> Mapping[str, Json]:
    """Train on a folder of crops, write the model to one file, return its card.

    Parameters
    ----------
    scores
        Whether the classifier is cross-validated too, for the card; that takes about five times as long.

    Raises
    ------
    TrainingError, TableError, SettingError, ExtensionError, ProjectError, Cancelled
    """
    registry = Registry()
    extension = registry.get("classifier", classifier)
    made = extension.make(settings)
    crops = read_folder(source, part(progress, 0.0, 0.05))
    prepared = prepare(crops, registry, part(progress, 0.05, 0.3), needs_columns(made), seed=seed, runner=runner)
    report = None
    if scores:
        report = _evaluated(extension, made, crops, prepared, 5, part(progress, 0.3, 0.8))
    model: Model = made.fit(prepared.training, part(progress, 0.8 if scores else 0.3, 1.0))
    record, key = extension.record(made), training_key(crops, prepared)
    versions: dict[str, Json] = {name: _recorded(registry, name) for name in prepared.training.cells[0].blocks}
    state = model.state()
    notes = column_notes(prepared.training, cast("list[str]", state.meta.get("columns", [])))
    card = card_of(
        prepared.training, record, key, crops.channels, crops.pixel_size, crops.group, report,
        wells=[], plates=[], segmenter=prepared.segmenter, extractors=versions, pixels=pixel_digest(crops),
        folder=source.folder.resolve().name, notes=[*prepared.warnings, *notes],
    )  # fmt: skip
    model_id = f"{classifier}-{digest(key, record)[:10]}"
    write_archive(out, *packed(model_id, record, state, card))
    return {"id": model_id, "classifier": record, **card}


def tested(
    source: CropFolder, progress: Progress, model_file: Path, runner: Runner | None = None
) -> tuple[dict[str, Any], list[dict[str, object]]]:
    """Predict a folder of crops, whose classes are known, with a model in a file.

    Returns
    -------
    report
        As of `evaluate`, over all crops as one fold; "model" is the model's id.
    rows
        A row per crop: file, given, predicted, probability.

    Raises
    ------
    ModelError
        If the file is no model, or the crops lack what it looks at.
    TrainingError, TableError, SettingError, ExtensionError, Cancelled
    """
    registry = Registry()
    state, card = read_model_file(model_file)
    record = cast("Record", card["classifier"])
    model = restored(state, card, registry)
    crops = read_folder(source, part(progress, 0.0, 0.1))
    told = list(check_model(state.meta, card, crops.channels, crops.pixel_size, "These crops"))
    if card.get("pixels") == pixel_digest(crops):
        told.append("These are the crops that the model was trained on: the figures flatter.")
    prepared = prepare(
        crops, registry, part(progress, 0.1, 0.8), "columns" in state.meta, _segmenter_of(card), runner=runner
    )
    result = _predicted(model, crops, prepared, part(progress, 0.8, 1.0))
    report = crossval.report(result, crops.group, crops.group_names)
    report["warnings"] = [*prepared.warnings, *told, *cast("list[str]", report["warnings"])]
    report |= {"classifier": record, "group": crops.group, "key": digest(card["id"], training_key(crops, prepared))}
    return {**report, "model": card["id"]}, _rows(result, crops)


def needs_columns(classifier: object) -> bool:
    """Tell whether a classifier looks at measured columns; one that does not says `needs_columns = False`."""
    return bool(getattr(classifier, "needs_columns", True))


def pixel_digest(crops: CropSet) -> str:
    """Return a key of the pixels of all crops."""
    pixels = hashlib.sha256()
    for image in crops.images:
        pixels.update(f"{image.shape} {image.dtype.str}".encode())
        pixels.update(image.data)
    return pixels.hexdigest()


def training_key(crops: CropSet, prepared: Prepared) -> str:
    """Return the key of crops as cells: their files, pixels, classes and groups, and the segmenter."""
    labels: list[Json] = [
        [name, crops.classes[k], crops.group_names[g]]
        for name, k, g in zip(crops.files, crops.labels, crops.groups, strict=True)
    ]
    channels = [channel.label for channel in crops.channels]
    return digest(labels, pixel_digest(crops), channels, crops.pixel_size, prepared.segmenter, prepared.training.seed)


def _evaluated(
    extension: Extension, made: Any, crops: CropSet, prepared: Prepared, folds: int, progress: Progress
) -> dict[str, Any]:
    report = dict(crossval.evaluate(made, prepared.training, progress, folds, crops.group, crops.folds))
    record, key = extension.record(made), training_key(crops, prepared)
    report["warnings"] = [*prepared.warnings, *cast("list[str]", report["warnings"])]
    given: Json = None if crops.folds is None else crops.folds.tolist()
    whole = {"classifier": dict(record), "group": crops.group, "key": digest(key, record, crops.group, folds, given)}
    return {**report, **whole, "training": key, "segmenter": prepared.segmenter}


def _recorded(registry: Registry, extractor: str) -> Record:
    extension = registry.get("extractor", extractor)
    return extension.record(extension.make())


def _segmenter_of(card: Mapping[str, Json]) -> Record | None:
    """Return the record of the segmenter that a model's cells were found by. Raises ModelError for a damaged one."""
    record = card.get("segmenter")
    if record is None:
        return None
    whole = isinstance(record, Mapping) and isinstance(record.get("settings"), Mapping)
    if not (isinstance(record, Mapping) and whole and isinstance(record.get("id"), str)):
        raise ModelError("The card of the model does not name its segmenter.", "Export it again where it was trained.")
    return record


def _predicted(model: Model, crops: CropSet, prepared: Prepared, progress: Progress) -> crossval.OutOfFold:
    """Return the probabilities of all crops over the model's classes and the folder's."""
    strange = [name for name in crops.classes if name not in model.classes]
    classes = (*model.classes, *strange)
    parts = []
    for i, chunk in enumerate(prepared.training.cells):
        progress(i / len(prepared.training.cells), "Predicting")
        parts.append(model.predict(chunk))
    given = np.concatenate(parts)
    if not np.isfinite(given).all():
        raise ModelError("The model's probabilities are not finite.", "The file is damaged; train again.")
    wide = np.zeros((len(crops), len(classes)), np.float32)
    wide[:, : len(model.classes)] = given
    labels = np.array([classes.index(crops.classes[k]) for k in crops.labels], np.intp)
    said = tuple(
        f"The model does not know the class {name}: its {int((labels == classes.index(name)).sum())} crops count as "
        "wrong"
        for name in strange
    )
    if len(strange) == len(crops.classes):
        raise TrainingError(
            f"The model knows none of the classes of these crops; it knows: {', '.join(model.classes)}.",
            "Name the folders as its classes are named.",
        )
    return crossval.OutOfFold(wide, labels, crops.groups, np.zeros(len(crops), np.intp), classes, said)


def _rows(result: crossval.OutOfFold, crops: CropSet) -> list[dict[str, object]]:
    best = result.probabilities.argmax(axis=1)
    return [
        {
            "file": name,
            "given": result.classes[result.labels[i]],
            "predicted": result.classes[best[i]],
            "probability": float(result.probabilities[i, best[i]]),
        }
        for i, name in enumerate(crops.files)
    ]
