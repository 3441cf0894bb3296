"""Read all measured cells of a screen as one table that cells are chosen from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from napari_phenotyper.core.cells import Cells, Float32
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.choosing import CellQuery, CellRows, CellTable, Values, choose, tabulate
from napari_phenotyper.session.labelling import matches
from napari_phenotyper.session.learning import model_in_use, predictions_of
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.cell_files import CellKeys
from napari_phenotyper.store.cells import CellStore

AREA = "Nuclei_AreaShape_Area"
_SIDE = 48.0
"""Pixels along the side of a picture of a cell where no area is measured."""
_ROOM = 2.0
"""Side of a picture in widths of the larger cells, so that neighbours are seen too."""


@dataclass(frozen=True, eq=False)
class Population:
    """The measured cells of all plates, as they were read.

    Attributes
    ----------
    measured
        The fields with their keys.
    chunks
        Their cells, views into a file where there is one.
    table
        The same cells, without classes.
    side
        How much of a field a picture of one cell should show: µm, pixels where the pixel size is not known.
    """

    measured: Mapping[FieldRef, Wanted]
    chunks: tuple[Cells, ...]
    table: CellTable
    side: float

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the features."""
        return self.chunks[0].columns if self.chunks else ()


@dataclass(frozen=True, eq=False)
class Wish:
    """What is asked of a population.

    Attributes
    ----------
    measured
        The fields that are measured, with their keys.
    predictions
        What the window shows, by field.
    queries
        One or two.
    writable
        Whether a file that makes reading quicker may be written.
    """

    measured: Mapping[FieldRef, Wanted]
    predictions: Mapping[FieldRef, Prediction]
    queries: tuple[CellQuery, ...]
    writable: bool


@dataclass(frozen=True, eq=False)
class Chosen:
    """The answer to a wish.

    Attributes
    ----------
    queries
        What was asked.
    population
        The cells that were chosen from.
    rows
        The cells of each query.
    moved
        Id of each annotation that was made on other masks, to the cell of today's masks that it hits.
    """

    queries: tuple[CellQuery, ...]
    population: Population
    rows: tuple[CellRows, ...]
    moved: Mapping[str, int]


def choose_cells(session: Reading, wish: Wish, before: Population | None, progress: Progress) -> Chosen:
    """Return the cells that queries want; raises what reading them raises.

    Parameters
    ----------
    session
        The project; annotations, layout.
    wish
        What is wanted.
    before
        The cells as they were read for an earlier wish.
    progress
        Cancels.
    """
    population = read_population(session, wish, before, progress)
    given: dict[FieldRef, dict[int, str]] = {}
    moved: dict[str, int] = {}
    for ref, match in matches(session).items():
        progress(0.5, str(ref))
        given[ref] = {cell: annotation.phenotype for cell, annotation in match.cells.items()}
        key = population.measured[ref].mask if ref in population.measured else ""
        moved |= {a.id: cell for cell, a in match.cells.items() if a.mask_key != key}
    tables: dict[str, tuple[CellTable, Mapping[FieldRef, Prediction]]] = {}
    rows = []
    for query in wish.queries:
        if query.model not in tables:
            progress(0.7, "Choosing cells")
            predictions = _predictions(session, wish, query.model)
            tables[query.model] = _with_classes(session, population, predictions, given), predictions
        table, predictions = tables[query.model]
        rows.append(choose(table, query, _values(population, predictions, query)))
    return Chosen(wish.queries, population, tuple(rows), moved)


def read_population(session: Reading, wish: Wish, before: Population | None, progress: Progress) -> Population:
    """Return all measured cells; those read before, if nothing was measured since."""
    if before is not None and _keys(before.measured) == _keys(wish.measured):
        return Population(wish.measured, before.chunks, _with_conditions(session, before.table), before.side)
    store = CellStore(session.folder / "cells") if wish.writable else session.project.cells
    chunks: list[Cells] = []
    for name in session.plates:
        progress(0.0, f"Looking through the cells of {name}")
        keys = {ref: CellKeys(i.mask, i.blocks) for ref, i in sorted(wish.measured.items()) if ref.plate == name}
        chunks += [chunk for chunk in store.matrix(name, keys) if len(chunk)]
    counts = [len(chunk) for chunk in chunks]
    table = CellTable(
        tuple(chunk.field for chunk in chunks),
        (),
        np.repeat(np.arange(len(chunks), dtype=np.int32), counts),
        np.concatenate([np.zeros(0, np.int32), *(chunk.ids for chunk in chunks)]),
        _joined(chunk.y for chunk in chunks),
        _joined(chunk.x for chunk in chunks),
        (),
        np.full(sum(counts), -1, np.int16),
        np.full(sum(counts), -1, np.int16),
        np.full(sum(counts), np.nan, np.float32),
    )
    side = _side(wish.measured, chunks)
    return Population(wish.measured, tuple(chunks), _with_conditions(session, table), side)


def _keys(measured: Mapping[FieldRef, Wanted]) -> dict[FieldRef, tuple[str, Mapping[str, str]]]:
    return {ref: (item.mask, item.blocks) for ref, item in measured.items()}


def _joined(parts: Iterable[Float32]) -> Float32:
    return np.concatenate([np.zeros(0, np.float32), *parts])


def _with_conditions(session: Reading, table: CellTable) -> CellTable:
    layouts = {name: plate.layout for name, plate in session.plates.items()}
    return replace(table, conditions=tuple(layouts[ref.plate].of(ref.well_ref) for ref in table.fields))


def _side(measured: Mapping[FieldRef, Wanted], chunks: Sequence[Cells]) -> float:
    """Return the side of a picture in µm, or in pixels: one for all plates, so that sizes can be compared."""
    widths = []
    for chunk in chunks[:: max(len(chunks) // 200, 1)]:
        pixel = measured[chunk.field].field.info.pixel_size or 1.0
        widths.append(np.sqrt(_column(chunk, AREA)) * pixel)
    known = np.concatenate(widths) if widths else np.zeros(0)
    known = known[np.isfinite(known)]
    if not len(known):
        return _SIDE
    return float(_ROOM * np.percentile(known, 90))


def _predictions(session: Reading, wish: Wish, model: str) -> Mapping[FieldRef, Prediction]:
    """Return what the window shows, or the current predictions of a kept model. Raises ModelError."""
    if not model:
        return wish.predictions
    found: dict[FieldRef, Prediction] = {}
    for plate in session.plates.values():
        if plate.name in session.setting("segmenters"):
            found |= predictions_of(session, plate, model_in_use(session, model))
    return found


def _with_classes(
    session: Reading,
    population: Population,
    predictions: Mapping[FieldRef, Prediction],
    given: Mapping[FieldRef, Mapping[int, str]],
) -> CellTable:
    """Return the table with what cells are predicted and annotated to be."""
    names = [*session.annotations.classes, *(name for p in _kinds(predictions) for name in p)]
    classes = tuple(dict.fromkeys(names))
    number = {name: i for i, name in enumerate(classes)}
    found = {}
    for chunk in population.chunks:
        prediction = predictions.get(chunk.field)
        if prediction is not None and np.array_equal(prediction.ids, chunk.ids):
            codes = np.array([number[name] for name in prediction.classes], np.int16)
            labels = prediction.labels
            found[chunk.field] = codes[labels], prediction.probabilities[np.arange(len(labels)), labels]
    return tabulate(population.table, found, given, classes)


def _kinds(predictions: Mapping[FieldRef, Prediction]) -> list[tuple[str, ...]]:
    return list(dict.fromkeys(prediction.classes for prediction in predictions.values()))


def _values(population: Population, predictions: Mapping[FieldRef, Prediction], query: CellQuery) -> Values | None:
    """Return what gives the values that a query sorts by, None if the table has them."""
    if query.sort == "feature":
        return lambda: _joined(_column(chunk, query.by) for chunk in population.chunks)
    if query.sort == "probability" and query.by:
        return lambda: _joined(_probabilities(population, predictions, query.by))
    return None


def _column(chunk: Cells, name: str) -> Float32:
    """Return (n,) of a column, NaN where it is not measured."""
    for block in chunk.blocks.values():
        if name in block.columns:
            return np.asarray(block.values[:, block.columns.index(name)], np.float32)
    return np.full(len(chunk), np.nan, np.float32)


def _probabilities(population: Population, predictions: Mapping[FieldRef, Prediction], name: str) -> Iterator[Float32]:
    """Yield, field by field, the probability of a class, NaN where it is not known."""
    for chunk in population.chunks:
        found = predictions.get(chunk.field)
        if found is not None and name in found.classes and np.array_equal(found.ids, chunk.ids):
            yield found.probabilities[:, found.classes.index(name)]
        else:
            yield np.full(len(chunk), np.nan, np.float32)
