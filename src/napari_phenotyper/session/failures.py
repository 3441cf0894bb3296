"""Fields and wells that failed, and why: kept in the project until they succeed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from napari_phenotyper.core.keys import digest
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.engine.plate import Outcome
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session

_KIND = "failed"


def note_failures(session: Session, outcomes: Sequence[Outcome], tried: Collection[FieldRef] = ()) -> None:
    """Remember what failed, and forget what failed before and has succeeded now.

    Parameters
    ----------
    session
        Where.
    outcomes
        Their items are FieldRef or WellRef.
    tried
        Fields that jobs over wells were about; one that is not among them may have failed before that.
    """
    by_well: dict[WellRef, list[FieldRef]] = defaultdict(list)
    for ref in tried:
        by_well[ref.well_ref].append(ref)
    for name in sorted({o.item.plate for o in outcomes}):
        plate = session.plates[name]
        failed = dict(failures_of(session, plate))
        for outcome in (o for o in outcomes if o.item.plate == name):
            for item in (outcome.item, *by_well.get(outcome.item, ())):
                failed.pop(str(item), None)
            if outcome.error:
                failed[str(outcome.item)] = outcome.error
        session.project.reports.put(_KIND, digest(name), {"plate": name, "failed": failed})


def failures_of(session: Reading, plate: Plate) -> Mapping[str, str]:
    """Return the fields and wells of a plate that failed when they were last tried, and why."""
    report = session.project.reports.get(_KIND, digest(plate.name))
    return dict(report["failed"]) if report else {}
