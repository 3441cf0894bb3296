"""Fields and wells that failed, and why: kept in the project until they succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.engine.plate import Outcome
from napari_phenotyper.session.session import Session

_KIND = "failed"


def note_failures(session: Session, plates: Sequence[Plate], outcomes: Sequence[Outcome]) -> None:
    """Remember what failed, and forget what failed before and has succeeded now."""
    tried = {str(o.item): o.error for o in outcomes}
    for plate in plates:
        own = {name: error for name, error in tried.items() if name.startswith(f"{plate.name} ")}
        kept = {name: why for name, why in failures_of(session, plate).items() if name not in own}
        failed = {**kept, **{name: error for name, error in own.items() if error}}
        if own:
            session.project.reports.put(_KIND, digest(plate.name), {"plate": plate.name, "failed": failed})


def failures_of(session: Session, plate: Plate) -> Mapping[str, str]:
    """Return the fields and wells of a plate that failed when they were last tried, and why."""
    report = session.project.reports.get(_KIND, digest(plate.name))
    return dict(report["failed"]) if report else {}
