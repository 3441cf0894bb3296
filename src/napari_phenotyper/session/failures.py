"""Fields and wells that failed, and why: kept in the project until they succeed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.engine.plate import Outcome
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session

_KIND = "failed"


def note_failures(session: Session, outcomes: Sequence[Outcome]) -> None:
    """Remember what failed, and forget what failed before and has succeeded now.

    Parameters
    ----------
    session
        Where.
    outcomes
        Their items are FieldRef or WellRef; a well that succeeds clears its fields too.
    """
    for name in sorted({o.item.plate for o in outcomes}):
        plate = session.plates[name]
        failed = dict(failures_of(session, plate))
        for outcome in (o for o in outcomes if o.item.plate == name):
            own = [key for key in failed if key == str(outcome.item) or key.startswith(f"{outcome.item} field ")]
            for key in own:
                del failed[key]
            if outcome.error:
                failed[str(outcome.item)] = outcome.error
        session.project.reports.put(_KIND, digest(name), {"plate": name, "failed": failed})


def failures_of(session: Reading, plate: Plate) -> Mapping[str, str]:
    """Return the fields and wells of a plate that failed when they were last tried, and why."""
    report = session.project.reports.get(_KIND, digest(plate.name))
    return dict(report["failed"]) if report else {}
