"""Plate jobs that were begun and not ended: a window that was closed, or a program that died, left them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.session.measuring import is_measured, wanted
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session

GROUP = "unfinished"
SEGMENT, KEEP = "segment", "keep"


@dataclass(frozen=True)
class Unfinished:
    """A job over a plate.

    Attributes
    ----------
    kind
        `SEGMENT`: segment and measure; `KEEP`: train, keep, predict every plate.
    plate
        Its name; "" for all.
    name, settings
        Id and parameters of the segmenter or classifier.
    wells
        Those it is restricted to; none for all.
    """

    kind: str
    plate: str = ""
    name: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict)
    wells: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Under which the project remembers it: one of a kind and plate."""
        return f"{self.kind} {self.plate}".strip()


@dataclass(frozen=True)
class HowFar:
    """How far an unfinished job came: fields segmented and measured, of how many; without a meaning for `KEEP`."""

    segmented: int = 0
    measured: int = 0
    fields: int = 0


def begin(session: Session, job: Unfinished) -> None:
    """Remember that a job was begun; nothing is remembered where nothing may be written. Raises ProjectError."""
    if not session.project.read_only:
        state: dict[str, Json] = {**job.__dict__, "settings": dict(job.settings), "wells": list(job.wells)}
        session.set(GROUP, {**session.setting(GROUP), job.key: state})


def end(session: Session, job: Unfinished) -> None:
    """Forget a job, which is done or not wanted any more. Raises ProjectError."""
    known = session.setting(GROUP)
    if job.key in known and not session.project.read_only:
        session.set(GROUP, {key: state for key, state in known.items() if key != job.key})


def unfinished(session: Reading) -> tuple[Unfinished, ...]:
    """Return the jobs that were begun and not ended, of plates that are there."""
    found = [_restored(state) for state in session.setting(GROUP).values()]
    return tuple(job for job in found if job is not None and (not job.plate or job.plate in session.plates))


def how_far(session: Reading, job: Unfinished) -> HowFar:
    """Return how far a job came, by what lies in the project."""
    plate = session.plates.get(job.plate)
    if plate is None:
        return HowFar()
    wells: Sequence[str] | None = [w for w in job.wells if any(own.name == w for own in plate.wells)] or None
    fields = sum(1 for _ in plate.fields(wells))
    try:
        items = list(wanted(session, plate, wells))
    except PhenotyperError:  # stopped before its parameters were decided
        return HowFar(0, 0, fields)
    return HowFar(len(items), sum(is_measured(session, item) for item in items), fields)


def _restored(state: Any) -> Unfinished | None:
    try:
        wells = tuple(str(name) for name in state["wells"])
        kind, plate, name = (str(state[part]) for part in ("kind", "plate", "name"))
        job = Unfinished(kind, plate, name, dict(state["settings"]), wells)
    except (KeyError, TypeError, ValueError):
        return None
    return job if job.kind in (SEGMENT, KEEP) else None
