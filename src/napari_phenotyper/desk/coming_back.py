"""How a window stood when it was closed: kept in the project a moment after it changes, and taken up when it opens."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import suppress
from dataclasses import replace

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.parameters import as_json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.live import Later, Live, nothing
from napari_phenotyper.desk.marking import Marking
from napari_phenotyper.desk.viewing import Viewing
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.view_state import ViewState, view_state
from napari_phenotyper.store.state_file import StateFile

REST = 1.0
"""Seconds after the last change after which the state is written."""


class ComingBack:
    """Keeps how a window stands. A window that may not write keeps nothing.

    Parameters
    ----------
    session, background, viewing, live, marking
        What is open, where writing runs, and what is kept of it.
    later
        Delays a call.

    Attributes
    ----------
    state
        How the window stands, as last noted; at first, how it stood when it was closed.
    """

    def __init__(
        self, session: Session, background: Background, viewing: Viewing, live: Live, marking: Marking, later: Later
    ) -> None:
        self._session, self._background, self._later = session, background, later
        self._viewing, self._live, self._marking = viewing, live, marking
        self.state: ViewState = view_state(session.project.view.read())
        self._written, self._forget = self.state, nothing
        self._take_up()
        viewing.events.asked.connect(self._asked)
        live.events.state.connect(self._learns)
        marking.events.chosen.connect(lambda name: self.note(phenotype=name))

    @property
    def problem(self) -> str:
        """Why the state of the window could not be taken up, "" if it could or there is none."""
        return self._session.project.view.problem

    def first(self, plates: Collection[str]) -> str:
        """Return which of some plates to show: the one that was open last if it is among them, else the first."""
        return self.state.plate if self.state.plate in plates else next(iter(plates), "")

    def note(self, **changes: object) -> None:
        """Remember something of the window, named as in `ViewState`; it is written soon."""
        self._put(replace(self.state, **changes))  # type: ignore[arg-type]

    def note_plate(self, name: str, **changes: object) -> None:
        """Remember how a plate is looked at, named as in `PlateView`."""
        if name:
            self._put(self.state.with_plate(name, **changes))

    def close(self) -> None:
        """Write what waits, now; the background must have ended, so that nothing older is written after it."""
        self._forget()
        with suppress(PhenotyperError):  # a disk that is full or gone: no reason to keep a window open
            if self._unsaved:
                self._session.project.view.write(self.state.state())
                self._written = self.state

    def _take_up(self) -> None:
        """Learn with what learnt before, and open each plate where it was left."""
        if self.state.classifier in self._session.registry.ids("classifier"):
            self._live.classifier, self._live.settings = self.state.classifier, dict(self.state.settings)
        if self.state.live is not None:
            self._live.on = self.state.live
        self._marking.choose(self.state.phenotype)
        for name, plate in self._session.plates.items():
            ref = self.state.of(name).ref(plate)
            if ref is not None:
                self._viewing.left[name] = ref

    def _asked(self, ref: FieldRef) -> None:
        self._put(replace(self.state.with_plate(ref.plate, well=ref.well, field=ref.field), plate=ref.plate))

    def _learns(self, _: object) -> None:
        live = self._live
        self.note(classifier=live.classifier, settings=as_json(live.settings), live=live.on)

    @property
    def _unsaved(self) -> bool:
        return self.state != self._written and not self._session.project.read_only

    def _put(self, state: ViewState) -> None:
        if state != self.state:
            self.state = state
            self._forget()
            self._forget = self._later(REST, self._write)

    def _write(self) -> None:
        if self._unsaved:
            self._written = self.state
            file, state = self._session.project.view, self.state.state()
            self._background.read("view", "queue", _write, file, state, on_failure=self._lost)

    def _lost(self, _: BaseException) -> None:
        """Try again with the next change: no message, since nothing of the user's work is in it."""
        self._written = ViewState()


def _write(file: StateFile, state: dict[str, Json], progress: Progress) -> None:
    progress(0.0, "Remembering the view")
    file.write(state)
