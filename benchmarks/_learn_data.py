"""The labelled crops that learning is measured on, as cells, with the folds they are shipped with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.evaluation import crossval
from napari_phenotyper.session.crop_cells import prepare
from napari_phenotyper.session.crop_folders import CropFolder, read_folder

SHARED = Path(__file__).parents[2] / "shared"
FIVE = ("Interphase", "Prometaphase", "Metaphase", "Anaphase", "Apoptosis")
SEEDS = (0, 1, 2)


def labelled_crops(columns: bool = True) -> tuple[TrainingSet, np.ndarray]:
    """Return the 1,884 crops of mitocheck_crops, grouped by plate, and the fold of each."""
    folder = SHARED / "data" / "mitocheck_crops"
    if not folder.is_dir():
        raise SystemExit(f"no real data at {folder}")
    crops = read_folder(CropFolder(folder, "index.csv:plate", "index.csv:fold"), no_progress)
    return prepare(crops, Registry(), no_progress, columns).training, crops.folds


def of_classes(training: TrainingSet, fold: np.ndarray, names: tuple[str, ...]) -> tuple[TrainingSet, np.ndarray]:
    """Return the cells of some classes, which are then all there are."""
    chosen = np.isin(training.labels, [training.classes.index(name) for name in names])
    part = training.take(chosen)
    kept = tuple(name for name in training.classes if name in names)
    number = {training.classes.index(name): i for i, name in enumerate(kept)}
    labels = np.array([number[k] for k in part.labels], np.intp)
    return replace(part, classes=kept, labels=labels), fold[chosen]


def held_out(name: str, training: TrainingSet, fold: np.ndarray) -> list[crossval.OutOfFold]:
    """Return what held-out cells are predicted to be, by seed; by the first two where the second changes no label."""
    made, found = Registry().make("classifier", name), []
    for seed in SEEDS:
        found.append(crossval.cross_validate(made, replace(training, seed=seed), fold, no_progress))
        labels = [one.probabilities.argmax(axis=1) for one in found]
        if seed == 1 and (labels[0] == labels[1]).all():
            break
    return found


def few_labels(training: TrainingSet, fold: np.ndarray, count: int, draws: int) -> Iterator[np.ndarray]:
    """Yield draws: per fold, the rows outside it that are trained on, `count` of a class or all there are."""
    for draw in range(draws):
        rng, chosen = np.random.default_rng(draw), []
        for number in np.unique(fold):
            rows = [np.flatnonzero((training.labels == k) & (fold != number)) for k in range(len(training.classes))]
            chosen.append(np.concatenate([rng.permutation(mine)[:count] for mine in rows]))
        yield np.array(chosen, object)
