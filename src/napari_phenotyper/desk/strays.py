"""The labels of a window that hit no cell, and the cells that two classes claim: counted, looked at, settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, inner_point, pixels_near
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.live import Later, nothing
from napari_phenotyper.desk.marking import Marking
from napari_phenotyper.desk.viewing import Viewing
from napari_phenotyper.session.astray import (
    CONTESTED,
    LOST,
    Checked,
    Stray,
    check_labels,
    dropping,
    newest_winning,
    winning,
)
from napari_phenotyper.session.labelling import REACH, Click, Marked, mark
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session

PAUSE = 0.4
"""Seconds without another change after which all labels are looked for again."""
NEAR = 60.0
"""Pixels within which a lost label finds the nearest cell when it is told to."""


class StraysEvents(SignalGroup):
    """What changed."""

    found = Signal()
    chosen = Signal(object)


class Strays:
    """Labels that need somebody.

    Parameters
    ----------
    session, background, viewing, marking
        Whose labels; where masks are read; the open field; who writes.
    later
        Delays a call.

    Attributes
    ----------
    events
        found() when the list is another, chosen(Stray or None).
    items
        The list, field by field.
    chosen
        The one that is dealt with, None for none.
    """

    def __init__(
        self, session: Session, background: Background, viewing: Viewing, marking: Marking, later: Later
    ) -> None:
        self._session, self._background, self._viewing, self._marking = session, background, viewing, marking
        self._later, self._wait = later, nothing
        self._checked: Checked | None = None
        self._reader: Reading | None = None
        self.events = StraysEvents()
        self.items: tuple[Stray, ...] = ()
        self.chosen: Stray | None = None
        session.events.annotations.connect(self.look)
        session.events.masks.connect(self.look)
        session.events.plates.connect(self.look)
        self.look()

    @property
    def lost(self) -> int:
        """How many labels hit no cell."""
        return sum(stray.kind == LOST for stray in self.items)

    @property
    def contested(self) -> int:
        """How many cells two classes claim."""
        return sum(stray.kind == CONTESTED for stray in self.items)

    def look(self, *_: object) -> None:
        """Look for all labels once more, as soon as nothing has changed for a moment."""
        self._wait()
        self._wait = self._later(PAUSE, self._look)

    def stop(self) -> None:
        """Look no more: the project is about to be closed."""
        self._wait()

    def choose(self, stray: Stray | None) -> None:
        """Deal with one of them."""
        self.chosen = stray
        self.events.chosen.emit(stray)

    def drop(self, strays: Sequence[Stray]) -> None:
        """Take lost labels away, as one event."""
        self._clear(dropping(strays))

    def let_win(self, stray: Stray, phenotype: str) -> None:
        """Leave a contested cell only its labels of one class."""
        self._clear(winning(stray, phenotype))

    def let_newest_win(self, strays: Sequence[Stray]) -> None:
        """Leave contested cells the class that was given last, as one event."""
        self._clear(newest_winning(strays))

    def attach(self, y: float, x: float, within: float = REACH) -> bool:
        """Give the chosen lost label to the cell at a point of the open field instead; tell whether there was one."""
        stray, field = self.chosen, self._viewing.open
        if stray is None or stray.kind != LOST:
            self._background.tell("Choose a lost label first: tab Annotate, the line that counts them.")
            return False
        if field is None or field.masks is None or field.ref != stray.field:
            self._background.tell(f"The label was lost in {stray.field}: open that field first.")
            return False
        cell = field.masks.at(y, x, within=within)
        if not cell:
            self._background.tell("There is no cell near it." if within > REACH else "There is no cell there.")
            return False
        reach = max(round(within) + 1, 32)
        place = inner_point(*pixels_near(field.masks.labels[NUCLEI], cell, y, x, reach))
        label = stray.annotations[0]
        click = Click(float(place[0]), float(place[1]), label.phenotype, label.annotator)
        new = mark(field.ref, field.masks, field.mask_key, [click], self._marking.standing(field.ref))
        self._marking.put_marked(field, field.masks, Marked(new.annotations, (label.id, *new.replaced)))
        return True

    def attach_to_nearest(self) -> bool:
        """Give the chosen lost label to the cell nearest to its point; tell whether there was one."""
        return self.chosen is not None and self.attach(*self.chosen.point, within=NEAR)

    def _clear(self, payload: Mapping[str, Json]) -> None:
        if payload["ids"]:
            self._marking.write("clear", payload)

    def _look(self) -> None:
        self._reader = self._session.snapshot(self._reader)
        args = self._reader, self._checked
        self._background.read("strays", "coalesce", check_labels, *args, on_result=self._found)

    def _found(self, checked: Checked) -> None:
        before, self._checked, self.items = self.items, checked, checked.strays
        if self.chosen is not None and self.chosen not in self.items:
            self.choose(None)
        if self.items != before:
            self.events.found.emit()
