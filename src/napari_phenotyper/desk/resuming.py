"""Jobs over a plate that were interrupted, offered when the project is opened again; never started unasked."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.desk.background import Background
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.unfinished import SEGMENT, HowFar, Unfinished, begin, end, how_far, unfinished


@dataclass(frozen=True)
class Offer:
    """A job that can go on, and how far it came."""

    job: Unfinished
    far: HowFar

    @property
    def sentence(self) -> str:
        """What stopped where, in words."""
        if self.job.kind != SEGMENT:
            return f"Keeping the model {self.job.name} was interrupted."
        far, plate = self.far, self.job.plate
        if far.segmented < far.fields:
            return f"Segmenting {plate} stopped at {far.segmented} of {far.fields} fields."
        return f"Measuring {plate} stopped at {far.measured} of {far.fields} fields."


class ResumingEvents(SignalGroup):
    """What changed."""

    offers = Signal()


class Resuming:
    """Remembers jobs while they run, and offers those that a closed window or a crash has left.

    A job that somebody cancels, and one that ends, is forgotten; one that fails is offered the next time.

    Attributes
    ----------
    events
        offers() when `offers` changed.
    offers
        What can go on.
    """

    def __init__(self, session: Session, background: Background) -> None:
        self._session, self._background = session, background
        self.events = ResumingEvents()
        self.offers: tuple[Offer, ...] = ()
        self._jobs: dict[int, Unfinished] = {}
        background.events.job.connect(self._changed)

    def look(self) -> None:
        """Look up what was left unfinished; only where it can go on: not in a window that may not write."""
        if unfinished(self._session) and not self._session.project.read_only:
            self._background.read("unfinished", "replace", _offers, self._session.snapshot(), on_result=self._found)

    def watch(self, job: Job, what: Unfinished) -> None:
        """Remember a job until it ends."""
        self._try_begin(what)
        self._withdraw(what)
        self._jobs[job.number] = what
        if job.over:
            self._changed(job)

    def dismiss(self, offer: Offer) -> None:
        """Forget a job that nobody wants to go on."""
        self._try_end(offer.job)
        self._withdraw(offer.job)

    def _found(self, offers: tuple[Offer, ...]) -> None:
        running = {what.key for what in self._jobs.values()}
        for offer in offers:
            if offer.job.kind == SEGMENT and offer.far.measured >= offer.far.fields:
                self._try_end(offer.job)  # it ended, and the window died before it could say so
        self.offers = tuple(
            o
            for o in offers
            if o.job.key not in running and not (o.job.kind == SEGMENT and o.far.measured >= o.far.fields)
        )
        self.events.offers.emit()

    def _changed(self, job: Job) -> None:
        if job.over and job.number in self._jobs:
            what = self._jobs.pop(job.number)
            if job.state != "failed" and what.key not in {other.key for other in self._jobs.values()}:
                self._try_end(what)

    def _withdraw(self, what: Unfinished) -> None:
        left = tuple(offer for offer in self.offers if offer.job.key != what.key)
        if left != self.offers:
            self.offers = left
            self.events.offers.emit()

    def _try_begin(self, what: Unfinished) -> None:
        with suppress(PhenotyperError):  # the job itself will say why nothing can be written
            begin(self._session, what)

    def _try_end(self, what: Unfinished) -> None:
        with suppress(PhenotyperError):
            end(self._session, what)


def _offers(session: Reading, progress: Progress) -> tuple[Offer, ...]:
    progress(0.0, "Looking for jobs that were interrupted")
    return tuple(Offer(job, how_far(session, job)) for job in unfinished(session))
