"""A page of chosen cells as a figure, without a window."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.pages.cell_page import PageCell, PageGroup, cell_page
from napari_phenotyper.pages.compose import SIMULATED
from napari_phenotyper.pages.plots import Plot
from napari_phenotyper.pages.style import UNLIKE, colours_of, composite, contrast
from napari_phenotyper.session.cell_tables import Wish, choose_cells
from napari_phenotyper.session.choosing import CellQuery, CellRows
from napari_phenotyper.session.labelling import matches
from napari_phenotyper.session.measuring import cells_of, is_measured, wanted
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import MEASURE

ACROSS = 12


def gallery_page(session: Reading, plates: Sequence[Plate], query: CellQuery, progress: Progress) -> Plot:
    """Return a page with the cells that a query wants, all with the same contrast.

    Parameters
    ----------
    session, plates
        Where.
    query
        Which cells, in which order, and how many at most.
    progress
        Reports and cancels.

    Raises
    ------
    TrainingError
        If nothing is measured, or there are no such cells.
    ModelError, PixelError, Cancelled
    """
    items = [item for plate in plates for item in wanted(session, plate) if is_measured(session, item)]
    measured = {item.field.ref: item for item in items}
    if not measured:
        raise TrainingError("No cell is measured.", MEASURE)
    query = replace(query, plates=query.plates or tuple(plate.name for plate in plates))
    chosen = choose_cells(session, Wish(measured, {}, (query,), False), None, part(progress, 0.0, 0.4))
    (rows,), population = chosen.rows, chosen.population
    if not len(rows):
        raise TrainingError("There are no such cells.", "Ask for others: another class, well or treatment.")
    pictures = _pictures(session, rows, population.side, part(progress, 0.4, 1.0))
    given = {(ref, cell): a.phenotype for ref, m in matches(session).items() for cell, a in m.cells.items()}
    colours = colours_of(rows.classes, session.annotations.phenotypes)
    cells = tuple(_cell(rows, i, pictures[i], given.get(rows.cell(i), ""), colours) for i in range(len(rows)))
    name = plates[0].name if len(plates) == 1 else f"{len(plates)} plates"
    title = f"{name} · {query.title or 'cells'} ({len(rows):,} of {rows.total:,})"
    simulated = any(plate.name.startswith(SIMULATED) for plate in plates)
    across = min(ACROSS, len(cells))
    return cell_page([PageGroup("", cells)], population.side, population.unit, across, title, simulated=simulated)


def _pictures(session: Reading, rows: CellRows, side: float, progress: Progress) -> list[NDArray[np.uint8]]:
    """Return (s, s, 3) uint8 of each cell; contrast over all of them, so that bright cells look bright."""
    found: dict[int, NDArray[np.float32]] = {}
    by_field: dict[FieldRef, list[int]] = {}
    for i in range(len(rows)):
        by_field.setdefault(rows.cell(i)[0], []).append(i)
    for done, (ref, places) in enumerate(by_field.items()):
        progress(done / len(by_field), f"Reading cells of {ref}")
        plate = session.plates[ref.plate]
        chunk = next(cells for cells in cells_of(session, plate, [ref.well]) if cells.field == ref)
        pixel_size = plate.field(ref.well, ref.field).info.pixel_size or 1.0
        at = np.array([int(np.flatnonzero(chunk.ids == rows.ids[i])[0]) for i in places], np.intp)
        order = np.argsort(at)
        crops = chunk.take(at[order]).crops(CropSpec(2 * max(round(side / pixel_size / 2), 1), normalisation="none"))
        found |= {places[place]: crop for place, crop in zip(order.tolist(), crops, strict=True)}
    channels = range(min(len(crop) for crop in found.values()))
    limits = [contrast(np.concatenate([crop[c].ravel() for crop in found.values()])) for c in channels]
    return [np.rint(composite(found[i][: len(limits)], limits) * 255).astype(np.uint8) for i in range(len(rows))]


def _cell(rows: CellRows, i: int, picture: NDArray[np.uint8], given: str, colours: Mapping[str, str]) -> PageCell:
    """Return a cell with what is said of it: what somebody annotated counts more than what is predicted."""
    (ref, number), probability = rows.cell(i), float(rows.probability[i])
    predicted = rows.classes[rows.predicted[i]] if rows.predicted[i] >= 0 else ""
    sure = "" if math.isnan(probability) else f"{probability:.0%} "
    words = f"✓ {given}" if given else f"{sure}{predicted}"
    if given and predicted and given != predicted:
        words = f"{given}{UNLIKE}{predicted}"
    facts: dict[str, object] = {
        "plate": ref.plate, "well": ref.well, "field": ref.field, "label": number, "y": float(rows.y[i]),
        "x": float(rows.x[i]), "annotated": given, "predicted": predicted,
        "probability": None if math.isnan(probability) else probability,
    }  # fmt: skip
    name = given or predicted
    return PageCell(picture, words, name, colours.get(name, ""), bool(given), facts)
