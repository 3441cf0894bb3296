"""Choose cells out of a project: what they are predicted and annotated to be, put together for `choosing`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from napari_phenotyper.core.annotations import Annotation, Match, match, match_known
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.choosing import (
    CellQuery,
    CellRows,
    CellTable,
    Values,
    choose,
    with_annotations,
    with_predictions,
)
from napari_phenotyper.session.labelling import REACH
from napari_phenotyper.session.learning import model_in_use, predictions_of
from napari_phenotyper.session.population import Population, column, joined, read_population
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.tasks import Wanted

Predicted = Mapping[FieldRef, Prediction]
Matched = Mapping[FieldRef, tuple[tuple[Annotation, ...], str, Match]]
"""Field to its annotations, the key of its masks, and which cells they hit."""


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
    """The answer to a wish, and what the next one need not find out again.

    Attributes
    ----------
    queries
        What was asked.
    rows
        The cells of each query.
    population
        The cells that were chosen from.
    matched
        Annotations and the cells that they hit.
    tables
        Model to its predictions and the table with them.
    """

    queries: tuple[CellQuery, ...]
    rows: tuple[CellRows, ...]
    population: Population
    matched: Matched
    tables: Mapping[str, tuple[Predicted, CellTable]] = field(repr=False)

    def predictions_are_old(self, now: Predicted) -> bool:
        """Tell whether the window shows other predictions by now."""
        return "" in self.tables and not _same(self.tables[""][0], now)


def choose_cells(session: Reading, wish: Wish, before: Chosen | None, progress: Progress) -> Chosen:
    """Return the cells that queries want; raises what reading them raises.

    Parameters
    ----------
    session
        The project; annotations, layout.
    wish
        What is wanted.
    before
        An earlier answer.
    progress
        Cancels.
    """
    known = before.population if before is not None else None
    population = read_population(session, wish.measured, wish.writable, known, progress)
    matched = _match(session, population, before.matched if before is not None else {}, progress)
    given = {ref: {cell: a.phenotype for cell, a in m.cells.items()} for ref, (_, _, m) in matched.items()}
    tables: dict[str, tuple[Predicted, CellTable]] = {}
    rows = []
    for query in wish.queries:
        progress(0.7, "Choosing cells")
        if query.model not in tables:
            predictions = _predictions(session, wish, query.model)
            old = before.tables.get(query.model) if before is not None else None
            is_current = known is not None and known.chunks is population.chunks
            same = old if old is not None and is_current and _same(old[0], predictions) else None
            tables[query.model] = predictions, _with_classes(session, population, predictions, same)
        predictions, table = tables[query.model]
        rows.append(choose(with_annotations(table, given), query, _values(population, predictions, query)))
    return Chosen(wish.queries, tuple(rows), population, matched, tables)


def _match(session: Reading, population: Population, before: Matched, progress: Progress) -> Matched:
    """Return which measured cells annotations hit; masks are read only for annotations made on others."""
    found = {}
    for ref, standing in session.annotations.by_field().items():
        item = population.measured.get(ref)
        if item is None:
            continue
        progress(0.5, str(ref))
        known = before.get(ref)
        if known is not None and known[:2] == (standing, item.mask):
            found[ref] = known
        else:
            hits = match_known(standing, item.mask)
            found[ref] = standing, item.mask, hits or match(standing, session.project.masks.read(ref, item.mask), REACH)
    return found


def _predictions(session: Reading, wish: Wish, model: str) -> Predicted:
    """Return what the window shows, or the current predictions of a kept model. Raises ModelError."""
    if not model:
        return wish.predictions
    found: dict[FieldRef, Prediction] = {}
    for plate in session.plates.values():
        if plate.name in session.setting("segmenters"):
            found |= predictions_of(session, plate, model_in_use(session, model))
    return found


def _same(before: Predicted, now: Predicted) -> bool:
    """Tell whether the predictions are the very same."""
    return before.keys() == now.keys() and all(before[ref] is found for ref, found in now.items())


def _with_classes(
    session: Reading, population: Population, predictions: Predicted, before: tuple[Predicted, CellTable] | None
) -> CellTable:
    """Return the table with what cells are predicted to be, the one before if it says the same."""
    kinds = dict.fromkeys(prediction.classes for prediction in predictions.values())
    classes = tuple(dict.fromkeys([*session.annotations.classes, *(name for kind in kinds for name in kind)]))
    if before is not None and before[1].classes == classes:
        return replace(before[1], conditions=population.table.conditions)
    number = {name: i for i, name in enumerate(classes)}
    codes = {kind: np.array([number[name] for name in kind], np.int16) for kind in kinds}
    found = {}
    for chunk in population.chunks:
        prediction = predictions.get(chunk.field)
        if prediction is not None and np.array_equal(prediction.ids, chunk.ids):
            labels = prediction.labels
            sure = prediction.probabilities[np.arange(len(labels)), labels]
            found[chunk.field] = codes[prediction.classes][labels], sure
    return with_predictions(population.table, found, classes)


def _values(population: Population, predictions: Predicted, query: CellQuery) -> Values | None:
    """Return what gives the values that a query sorts by, None if the table has them."""
    if query.sort == "feature":
        return lambda: joined(column(chunk, query.by) for chunk in population.chunks)
    if query.sort == "probability" and query.by:
        return lambda: joined(_probabilities(population, predictions, query.by))
    return None


def _probabilities(population: Population, predictions: Predicted, name: str) -> Iterator[Float32]:
    """Yield, field by field, the probability of a class, NaN where it is not known."""
    for chunk in population.chunks:
        found = predictions.get(chunk.field)
        if found is not None and name in found.classes and np.array_equal(found.ids, chunk.ids):
            yield found.probabilities[:, found.classes.index(name)]
        else:
            yield np.full(len(chunk), np.nan, np.float32)
