"""Example cells of each class, for the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from napari_phenotyper.core.cells import Cells, CropSpec
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.pages.content import ClassExamples
from napari_phenotyper.session import learning, measuring
from napari_phenotyper.session.session import Session

_FIELDS, _PER_CLASS = 16, 10
_SIZES = (24, 160)
"""Least and most pixels along the side of an example."""


def class_examples(
    session: Session, plates: Sequence[Plate], model: str, progress: Progress
) -> tuple[ClassExamples, ...]:
    """Return some cells of each predicted class, drawn at random from the surer half, from fields all over the plates.

    Parameters
    ----------
    session, plates
        Where.
    model
        Whose predictions.
    progress
        Reports and cancels.
    """
    pairs = _predicted(session, plates, model)
    chosen = [pairs[i] for i in np.unique(np.linspace(0, len(pairs) - 1, min(_FIELDS, len(pairs))).round().astype(int))]
    spec = CropSpec(_side([cells for cells, _ in chosen]), normalisation="none")
    rng = np.random.default_rng(0)
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for done, (cells, prediction) in enumerate(chosen):
        progress(done / len(chosen), f"Picking cells of {cells.field}")
        for name, crops in _pick(cells, prediction, spec, rng).items():
            found[name].append(crops)
    pixel_size = next(iter(plates[0].fields())).info.pixel_size if plates else None
    order = [n for n in _classes(pairs) if n in found]
    return tuple(ClassExamples(n, _mixed(found[n], rng), pixel_size) for n in order)


def _predicted(session: Session, plates: Sequence[Plate], model: str) -> list[tuple[Cells, Prediction]]:
    pairs = []
    for plate in plates:
        predictions = learning.predictions_of(session, plate, model)
        try:
            pairs += [(c, predictions[c.field]) for c in measuring.cells_of(session, plate) if c.field in predictions]
        except PhenotyperError:
            continue  # a plate that is not measured has no examples
    return [pair for pair in pairs if len(pair[0])]


def _classes(pairs: Sequence[tuple[Cells, Prediction]]) -> tuple[str, ...]:
    return pairs[0][1].classes if pairs else ()


def _side(chunks: Sequence[Cells]) -> int:
    """Return twice the width of the larger cells, in pixels."""
    area = "Nuclei_AreaShape_Area"
    areas = [chunk.matrix([area])[:, 0] for chunk in chunks if area in chunk.columns]
    if not areas:
        return 64
    return int(np.clip(2 * np.sqrt(np.nanpercentile(np.concatenate(areas), 90)), *_SIZES))


def _pick(cells: Cells, prediction: Prediction, spec: CropSpec, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Return crops of a few cells of each class in one field, read in one go."""
    sure = prediction.probabilities.max(axis=1)
    rows: list[int] = []
    for k in range(len(prediction.classes)):
        own = np.flatnonzero(prediction.labels == k)
        if own.size:
            own = own[sure[own] >= np.median(sure[own])]
            rows += [int(i) for i in rng.permutation(own)[:3]]
    picked = np.sort(np.array(rows, np.intp))
    try:
        crops = cells.take(picked).crops(spec)
    except PhenotyperError:
        return {}  # the field's pixels cannot be read any more
    labels = prediction.labels[picked]
    return {prediction.classes[k]: crops[labels == k] for k in np.unique(labels)}


def _mixed(crops: Sequence[np.ndarray], rng: np.random.Generator) -> np.ndarray:
    together = np.concatenate(crops)
    return together[rng.permutation(len(together))[:_PER_CLASS]]
