"""Give classes to cells that were picked out of many fields: at once on the screen, as one event in the journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.annotations import Annotation
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.marking import Marking
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.session.labelling import Marked, annotate_payload
from napari_phenotyper.session.picking import Pick, annotations_of, keep_crops
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.crops import CropStore

Standing = Callable[[CellId], Sequence[Annotation]]
"""Gives the annotations of a cell."""


class PickingEvents(SignalGroup):
    """What changed."""

    changed = Signal()


class Picking:
    """Labels cells by their ids.

    Attributes
    ----------
    events
        changed() when other cells wait for their class to be written.
    waiting
        Cell to the class that it was given and that is not in the journal yet.
    """

    def __init__(self, session: Session, background: Background, marking: Marking, standing: Standing) -> None:
        self._session, self._background, self._marking = session, background, marking
        self._standing = standing
        self.events = PickingEvents()
        self.waiting: dict[CellId, str] = {}

    def give(self, picks: Sequence[Pick], fields: Mapping[FieldRef, Wanted]) -> None:
        """Give cells their classes, as one event; those that have it already are left alone.

        Parameters
        ----------
        picks
            Cells and classes.
        fields
            The cells' fields, with the keys of the masks that the ids are of.
        """
        new = [pick for pick in picks if pick.field in fields and self._class(pick) != pick.phenotype]
        if not new or not self._marking.may_write():
            return
        self.waiting |= {(pick.field, pick.cell): pick.phenotype for pick in new}
        self.events.changed.emit()
        needed = {pick.field: fields[pick.field] for pick in new}

        def write(made: list[Annotation]) -> None:
            self._stop_waiting(new)
            replaced = [a.id for one in made for a in self._standing((one.field, one.cell))]
            self._marking.write("annotate", annotate_payload([Marked(tuple(made), tuple(replaced))]))
            self._keep(made, needed)

        def fail(error: BaseException) -> None:
            self._stop_waiting(new)
            self._background.fail(error)

        args = self._session.folder, new, needed, self._marking.who
        self._background.read("picking", "queue", annotations_of, *args, on_result=write, on_failure=fail)

    def clear(self, cells: Sequence[CellId]) -> None:
        """Take the classes of cells away, as one event."""
        ids: list[Json] = [a.id for cell in cells for a in self._standing(cell)]
        if ids:
            self._marking.write("clear", {"ids": ids})

    def _class(self, pick: Pick) -> str:
        """Return the class that a cell has, or waits for, "" for none or several."""
        cell = pick.field, pick.cell
        names = {a.phenotype for a in self._standing(cell)}
        return self.waiting.get(cell) or (next(iter(names)) if len(names) == 1 else "")

    def _stop_waiting(self, picks: Sequence[Pick]) -> None:
        for pick in picks:
            if self.waiting.get((pick.field, pick.cell)) == pick.phenotype:
                del self.waiting[pick.field, pick.cell]
        self.events.changed.emit()

    def _keep(self, made: Sequence[Annotation], fields: Mapping[FieldRef, Wanted]) -> None:
        project = self._session.project
        self._background.read("crops", "queue", _keep_crops, project.folder, project.crops.path, made, fields)


def _keep_crops(
    folder: Path, path: Path, made: Sequence[Annotation], fields: Mapping[FieldRef, Wanted], progress: Progress
) -> None:
    keep_crops(folder, CropStore(path), made, fields, progress)
