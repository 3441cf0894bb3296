"""Hits that were found before the window was closed: noted when they are found, and shown again once it is open."""

from __future__ import annotations

from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.coming_back import ComingBack
from napari_phenotyper.desk.live import Later, nothing
from napari_phenotyper.desk.results import Results
from napari_phenotyper.desk.viewing import OpenField, Viewing
from napari_phenotyper.session.hit_finding import Findings
from napari_phenotyper.session.hit_recall import asked, recall
from napari_phenotyper.session.session import Session

REST = 1.0
"""Seconds after the first field was read before hits are looked up: what is to be seen first comes first."""


class HitMemory:
    """Keeps what was asked for hits in the state of the window, and answers it again from the kept profile.

    Parameters
    ----------
    session, background, viewing, results, back
        What is open, where reading runs, whose first field is waited for, whose hits, and what keeps the question.
    later
        Delays a call.
    """

    def __init__(
        self,
        session: Session,
        background: Background,
        viewing: Viewing,
        results: Results,
        back: ComingBack,
        later: Later,
    ) -> None:
        self._session, self._background, self._later = session, background, later
        self._results, self._back = results, back
        self._waits = bool(back.state.hits)
        self.stop = nothing
        results.events.found.connect(self._found)
        results.events.shown.connect(self._shown)
        viewing.events.opened.connect(self._opened)

    def _found(self, found: Findings) -> None:
        self._back.note(hits=asked(found), hit_column=self._results.column)

    def _shown(self, column: str) -> None:
        if self._results.findings is not None:
            self._back.note(hit_column=column)

    def _opened(self, _: OpenField) -> None:
        if self._waits:
            self._waits = False
            self.stop = self._later(REST, self._look_up)

    def _look_up(self) -> None:
        if self._results.findings is None:
            args = self._session.snapshot(), self._back.state.hits
            self._background.read("hits", "replace", recall, *args, on_result=self._recalled)

    def _recalled(self, found: Findings | None) -> None:
        if found is not None and self._results.findings is None:
            self._results.take_up(found, self._back.state.hit_column)
