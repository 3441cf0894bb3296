"""Annotate the cells of the open field: at once on the screen, then in the journal."""

from __future__ import annotations

import getpass
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.annotations import NOT_A_CELL, Annotation, Event, Phenotype, next_phenotype
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.viewing import OpenField, Viewing
from napari_phenotyper.session.labelling import (
    REACH,
    Click,
    Marked,
    annotate_payload,
    cell_of,
    crops_of,
    mark,
    redo,
    undo,
)
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.store.crops import CropStore


@dataclass(frozen=True, eq=False)
class Look:
    """How the cells of the open field stand: arrays by cell id, n the highest.

    Attributes
    ----------
    ref, mask_key
        Whose cells.
    phenotypes
        The class set; indices below point into it.
    predicted, annotated
        (n + 1,) int16, −1 for none.
    probability
        (n + 1,) float32, of the class predicted; NaN where there is none.
    points
        A pixel inside each annotated cell.
    """

    ref: FieldRef
    mask_key: str
    phenotypes: tuple[Phenotype, ...]
    predicted: NDArray[np.int16]
    annotated: NDArray[np.int16]
    probability: NDArray[np.float32]
    points: Mapping[int, tuple[float, float]]


class MarkingEvents(SignalGroup):
    """What changed."""

    classes = Signal()
    saved = Signal(int)
    chosen = Signal(str)


class Marking:
    """Annotates cells of the open field.

    Attributes
    ----------
    events
        classes() when class set or counts changed, saved(events still on their way), chosen(class).
    chosen
        The class that a click gives, "" while there is none.
    who
        In whose name.
    """

    def __init__(self, session: Session, background: Background, viewing: Viewing, predictions: Predictions) -> None:
        self._session = session
        self._background = background
        self._viewing = viewing
        self._predictions = predictions
        self.who = _user()
        self._fields: Mapping[FieldRef, tuple[Annotation, ...]] | None = None
        self.events = MarkingEvents()
        self.chosen = ""
        session.events.annotations.connect(self._changed)
        self._changed()

    def standing(self, ref: FieldRef) -> tuple[Annotation, ...]:
        """Return the annotations of a field."""
        if self._fields is None:
            self._fields = self._session.annotations.by_field()
        return self._fields.get(ref, ())

    def choose(self, name: str) -> None:
        """Choose the class that clicks give."""
        if name in (*self._session.annotations.classes, NOT_A_CELL) and name != self.chosen:
            self.chosen = name
            self.events.chosen.emit(name)

    def class_of_key(self, key: str) -> str:
        """Return the class that has a key, "" if none has."""
        return next((p.name for p in self._session.annotations.phenotypes if p.key == key), "")

    def click(self, y: float, x: float, name: str = "") -> bool:
        """Give the cell at a point a class, the chosen one by default; tell whether there was a cell."""
        return self.paint([(y, x)], name)

    def paint(self, points: Sequence[tuple[float, float]], name: str = "") -> bool:
        """Give the cells along a path a class, as one event."""
        field, name = self._viewing.open, name or self.chosen
        if not self._may(field) or field is None or field.masks is None:
            return False
        if not name:
            self._background.tell("Add a class first, then click cells of it.")
            return False
        cells: dict[int, tuple[float, float]] = {}
        for y, x in points:
            cell = field.masks.at(y, x, within=REACH)
            if cell:
                cells.setdefault(cell, (y, x))
        earlier = self.standing(field.ref)
        known: dict[int, set[str]] = {}
        for a in earlier:
            known.setdefault(cell_of(a, field.masks, field.mask_key), set()).add(a.phenotype)
        new = [Click(y, x, name, self.who) for cell, (y, x) in cells.items() if known.get(cell) != {name}]
        if new:
            self.put_marked(field, field.masks, mark(field.ref, field.masks, field.mask_key, new, earlier))
        return bool(cells)

    def clear(self, y: float, x: float) -> bool:
        """Take the class of the cell at a point away; tell whether it had one."""
        field = self._viewing.open
        if not self._may(field) or field is None or field.masks is None:
            return False
        cell, masks, key = field.masks.at(y, x, within=REACH), field.masks, field.mask_key
        ids: list[Json] = [a.id for a in self.standing(field.ref) if cell and cell_of(a, masks, key) == cell]
        if ids:
            self.write("clear", {"ids": ids})
        return bool(ids)

    def accept(self, y: float, x: float) -> bool:
        """Annotate the cell at a point with the class predicted for it; tell whether there was one."""
        look = self.look()
        field = self._viewing.open
        if look is None or field is None or field.masks is None:
            return False
        cell = field.masks.at(y, x, within=REACH)
        if not cell or look.predicted[cell] < 0:
            return False
        return self.click(y, x, look.phenotypes[look.predicted[cell]].name)

    def undo(self) -> None:
        """Take back the last event that stands."""
        self._step(undo, "There is nothing to undo.")

    def redo(self) -> None:
        """Bring back the last event that was undone."""
        self._step(redo, "There is nothing to redo.")

    def add(self, name: str) -> None:
        """Add a class with the next colour and key, and choose it."""
        phenotypes, name = self._session.annotations.phenotypes, name.strip()
        if name and name not in self._session.annotations.classes:
            self.put(next_phenotype(name, phenotypes))
        self.choose(name)

    def put(self, phenotype: Phenotype) -> None:
        """Add a class, or change colour and key of the one of that name; a key that another class has moves."""
        self.write("phenotype", {"name": phenotype.name, "colour": phenotype.colour, "key": phenotype.key})

    def rename(self, old: str, new: str) -> None:
        """Rename a class; into one that exists is a merge."""
        if new.strip() and NOT_A_CELL not in (old, new.strip()) and old != new.strip():
            self.write("rename", {"old": old, "new": new.strip()})
            self.choose(new.strip())

    def merge(self, name: str, into: str) -> None:
        """Give all cells of a class another one, and delete the first."""
        if into == NOT_A_CELL and into not in self._session.annotations.classes:
            self.put(next_phenotype(into, ()))
        self.write("rename", {"old": name, "new": into})
        self.choose(into)

    def remove(self, name: str) -> None:
        """Delete a class and its annotations."""
        self.write("remove", {"name": name})

    def write(self, kind: str, payload: Mapping[str, Json]) -> None:
        """Let an event stand, and save it behind."""
        self._try(lambda: self._watch(self._session.annotate_soon(kind, payload, self.who)))

    def may_write(self) -> bool:
        """Tell whether annotations can be saved, and say so where they cannot."""
        try:
            needs_writing(self._session)
        except PhenotyperError as error:
            self._background.fail(error)
            return False
        return True

    def look(self) -> Look | None:
        """Return how the cells of the open field stand, None while it has no masks."""
        field = self._viewing.open
        if field is None or field.masks is None:
            return None
        phenotypes = self._session.annotations.phenotypes
        number = {p.name: i for i, p in enumerate(phenotypes)}
        most = field.most
        annotated, predicted = np.full(most + 1, -1, np.int16), np.full(most + 1, -1, np.int16)
        probability = np.full(most + 1, np.nan, np.float32)
        points = {}
        for annotation in self.standing(field.ref):
            cell = cell_of(annotation, field.masks, field.mask_key)
            if cell:
                annotated[cell] = number[annotation.phenotype]
                points[cell] = (annotation.y, annotation.x)
        found = self._predictions.get(field.ref)
        if found is not None and len(found.ids) and found.ids.max() <= most:
            codes = np.array([number.get(name, -1) for name in found.classes], np.int16)
            predicted[found.ids] = codes[found.labels]
            probability[found.ids] = found.probabilities.max(axis=1)
        return Look(field.ref, field.mask_key, phenotypes, predicted, annotated, probability, points)

    def _step(self, step: Callable[[Session], bool], nothing: str) -> None:
        def wish() -> None:
            if not step(self._session):
                self._background.tell(nothing)

        self._try(wish)

    def put_marked(self, field: OpenField, masks: Masks, new: Marked) -> None:
        """Annotate cells of the open field that were marked, and keep their crops."""
        self.write("annotate", annotate_payload([new]))
        folder = self._session.project.crops.path
        self._background.read("crops", "queue", _keep_crops, folder, field.field, field.images, masks, new.annotations)

    def _may(self, field: OpenField | None) -> bool:
        """Tell whether cells of the open field can be annotated, and say so where they cannot."""
        if field is None:
            self._background.tell("Open a field first: click a well.")
        elif field.masks is None:
            self._background.tell(f"{field.ref} is not segmented yet: press Segment.")
        return field is not None and field.masks is not None

    def _watch(self, saved: Future[Event]) -> None:
        self.events.saved.emit(self._session.unsaved)
        saved.add_done_callback(lambda _: self._background.call(self._written))

    def _written(self) -> None:
        failure = self._session.lost_writes()
        if failure is not None:
            self._background.fail(failure)
        self.events.saved.emit(self._session.unsaved)

    def _try(self, wish: Callable[[], object]) -> None:
        try:
            needs_writing(self._session)
            wish()
        except PhenotyperError as error:
            self._background.fail(error)

    def _changed(self) -> None:
        self._fields = None
        classes = self._session.annotations.classes
        if self.chosen not in classes:
            self.chosen = next((c for c in classes if c != NOT_A_CELL), "")
            self.events.chosen.emit(self.chosen)
        self.events.classes.emit()


def _keep_crops(
    path: Path,
    field: Field,
    images: Mapping[int, NDArray[np.generic]],
    masks: Masks,
    made: Sequence[Annotation],
    progress: Progress,
) -> None:
    """Keep the crops of annotated cells, cut from pixels that are in memory."""
    if len(images) == len(field.channels):
        planes = [images[i] for i in range(len(images))]
        CropStore(path).put_many(crops_of(field, planes, masks, made))


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # no such user in a container, no such module on Windows
        return ""
