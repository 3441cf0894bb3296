"""The gallery of a window: cells that were chosen, out of all plates, in one or two groups beside each other."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.annotations import Annotation, Match
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.marking import Marking
from napari_phenotyper.desk.picking import Picking
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.desk.thumbnails import Spot, Thumbnails
from napari_phenotyper.session.cell_tables import Chosen, Wish, choose_cells
from napari_phenotyper.session.choosing import CellId, CellQuery, CellRows
from napari_phenotyper.session.picking import Pick
from napari_phenotyper.session.population import Population
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted

Places = Mapping[int, Iterable[int]]
"""Cells of the gallery: number of the group to rows in it."""


@dataclass(frozen=True, eq=False)
class Group:
    """Cells that a query found.

    Attributes
    ----------
    query
        What was asked.
    rows
        What was found, in order; they stay as they were found until somebody asks anew.
    """

    query: CellQuery
    rows: CellRows


@dataclass(frozen=True)
class Face:
    """How a cell stands now: class predicted and annotated ("" for none), probability of the predicted (NaN)."""

    predicted: str = ""
    annotated: str = ""
    probability: float = float("nan")


class GalleryEvents(SignalGroup):
    """What changed."""

    asked = Signal()
    rows = Signal()
    faces = Signal()


class Gallery:
    """Cells that were chosen.

    Attributes
    ----------
    events
        asked() when somebody wants to see cells, rows() when `groups` changed, faces() when cells wear other classes.
    queries
        What was asked last: one query, or two whose cells are shown beside each other.
    groups
        What was found, a group per query; none before the first answer.
    stale
        Whether cells have other predictions now than when they were chosen and put in order, or there are more cells.
    outlined
        Whether thumbnails tell which pixels are the cell's own.
    thumbnails
        The pixels around cells.
    picking
        Labels cells of the gallery.
    """

    def __init__(
        self,
        session: Session,
        background: Background,
        marking: Marking,
        predictions: Predictions,
        surveys: Mapping[str, Survey],
    ) -> None:
        self._session, self._background, self._marking = session, background, marking
        self._predictions, self._surveys = predictions, surveys
        self.events = GalleryEvents()
        self.queries: tuple[CellQuery, ...] = (CellQuery(),)
        self.groups: tuple[Group, ...] = ()
        self._chosen: Chosen | None = None
        self.outlined = True
        self._reader: Reading | None = None
        self._annotated: dict[FieldRef, dict[int, list[Annotation]]] = {}
        self._said: dict[CellId, str] = {}
        self.stale = False
        self.thumbnails = Thumbnails(background)
        self.picking = Picking(session, background, marking, self.standing)
        self.picking.events.changed.connect(self._faces_changed)
        session.events.annotations.connect(self._annotations_changed)

    @property
    def population(self) -> Population | None:
        """The cells that were chosen from."""
        return self._chosen.population if self._chosen is not None else None

    def show(self, query: CellQuery, beside: CellQuery | None = None) -> None:
        """Show the cells that a query wants, beside those of another one if there is one."""
        self.queries = (query,) if beside is None else (query, beside)
        self.events.asked.emit()
        self.refresh()

    def show_annotated(self, name: str) -> None:
        """Show the annotated cells of a class, those first that the classifier doubts."""
        self.show(CellQuery(annotated_as=name, sort="uncertainty", descending=True))

    def show_predicted(self, name: str) -> None:
        """Show the cells that are predicted to be of a class, the doubtful ones first."""
        self.show(CellQuery(predicted=name, sort="uncertainty", descending=True))

    def sort(self, **changes: object) -> None:
        """Ask all queries once more with some of their fields changed, as sort or by."""
        self.queries = tuple(replace(query, **changes) for query in self.queries)  # type: ignore[arg-type]
        self.refresh()

    def refresh(self) -> None:
        """Ask once more: what cells are predicted to be may have changed since."""
        wish = Wish(self._measured(), self._predictions.fields(), self.queries, not self._session.project.read_only)
        self._reader = self._session.snapshot(self._reader)
        args = self._reader, wish, self._chosen
        self._background.read("gallery", "coalesce", choose_cells, *args, on_result=self._found)

    def face(self, cell: CellId) -> Face:
        """Return how a cell stands now."""
        ref, number = cell
        standing = self.standing(cell)
        given = self.picking.waiting.get(cell) or (standing[-1].phenotype if standing else "")
        if cell in self._said:
            return Face(self._said[cell], given)
        found = self._predictions.get(ref)
        if found is not None:
            row = int(np.searchsorted(found.ids, number))
            if row < len(found.ids) and found.ids[row] == number:
                best = int(np.argmax(found.probabilities[row]))
                return Face(found.classes[best], given, float(found.probabilities[row, best]))
        return Face(annotated=given)

    def standing(self, cell: CellId) -> tuple[Annotation, ...]:
        """Return the annotations of a cell, several where it is contested."""
        ref, number = cell
        if ref not in self._annotated:
            self._annotated[ref] = self._find_annotated(ref)
        return tuple(self._annotated[ref].get(number, ()))

    def look(self, wishes: Sequence[Places]) -> None:
        """Read the pixels around some cells, those of the first wish first; `thumbnails` tells when they are there."""
        if self.population is not None:
            each = [pair for chosen in wishes for pair in self._each(chosen)]
            spots = [Spot(found.cell(row), float(found.y[row]), float(found.x[row])) for found, row in each]
            refs = {spot.cell[0] for spot in spots}
            fields = {ref: self.population.measured[ref] for ref in refs if ref in self.population.measured}
            masks = self._session.folder / "masks" if self.outlined else None
            self.thumbnails.want(spots, fields, self.population.side, masks)

    def outline(self, on: bool) -> None:
        """Read, or read no more, which pixels around a cell are its own."""
        self.outlined = on
        if not on:
            self.thumbnails.forget_outlines()

    def give(self, chosen: Places, name: str = "") -> None:
        """Give cells a class, or to each the one predicted for it where none is named, as one event."""
        picks = []
        for found, row in self._each(chosen):
            ref, number = found.cell(row)
            given = name or self.face((ref, number)).predicted
            if given:
                picks.append(Pick(ref, number, float(found.y[row]), float(found.x[row]), given))
        if self.population is not None:
            self.picking.give(picks, self.population.measured)

    def clear(self, chosen: Places) -> None:
        """Take the classes of cells away, as one event."""
        self.picking.clear([found.cell(row) for found, row in self._each(chosen)])

    def _each(self, chosen: Places) -> Iterator[tuple[CellRows, int]]:
        for group, rows in chosen.items():
            if group < len(self.groups):
                yield from ((self.groups[group].rows, int(row)) for row in rows)

    def predicted(self, _: object) -> None:
        """Take that fields have new predictions: cells wear them at once, and stay where they are."""
        self.stale = True
        self._faces_changed()

    def surveyed(self, _: object) -> None:
        """Ask once more where cells that are shown are no more, or where there were none at all.

        That there are more cells is told: those that are shown stay where they are.
        """
        if self.population is None:
            return
        now, shown = self._measured(), self.population.measured
        if not shown or any(ref not in now or now[ref].mask != item.mask for ref, item in shown.items()):
            self.refresh()
        elif self._lacks_some(shown):
            self.stale = True
            self._faces_changed()

    def _lacks_some(self, shown: Mapping[FieldRef, Wanted]) -> bool:
        return not self._measured().keys() <= shown.keys()

    def _measured(self) -> dict[FieldRef, Wanted]:
        return {ref: item for s in self._surveys.values() for ref, item in s.measured.items()}

    def _found(self, found: Chosen) -> None:
        if self.population is None or self.population.chunks is not found.population.chunks:
            self.thumbnails.forget()
        self._chosen = found
        self.stale = found.predictions_are_old(self._predictions.fields()) or self._lacks_some(
            found.population.measured
        )
        self._said = {cell: name for q in found.queries for cell, name in zip(q.cells or (), q.said, strict=False)}
        self._annotated.clear()
        self.groups = tuple(Group(query, rows) for query, rows in zip(found.queries, found.rows, strict=True))
        self.events.rows.emit()

    def _find_annotated(self, ref: FieldRef) -> dict[int, list[Annotation]]:
        """Return the annotated cells of a field."""
        found: dict[int, list[Annotation]] = {}
        item = self.population.measured.get(ref) if self.population is not None else None
        if item is None or self._chosen is None:
            return found
        _, key, hits = self._chosen.matched.get(ref, ((), "", Match({}, (), {})))
        moved = {a.id: cell for cell, a in hits.cells.items()} if key == item.mask else {}
        for annotation in self._marking.standing(ref):
            own = annotation.mask_key == item.mask and annotation.cell >= 0
            cell = annotation.cell if own else moved.get(annotation.id, 0)
            if cell:
                found.setdefault(cell, []).append(annotation)
        return found

    def _annotations_changed(self) -> None:
        self._annotated.clear()
        self._faces_changed()

    def _faces_changed(self) -> None:
        if self.groups:
            self.events.faces.emit()
