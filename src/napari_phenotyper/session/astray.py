"""Labels that hit no cell of today's masks, and cells that two classes claim: found, listed, settled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from napari_phenotyper.core.annotations import Annotation, Match
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.labelling import current_key, match_under
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing

LOST, CONTESTED = "lost", "contested"
Known = Mapping[FieldRef, tuple[tuple[Annotation, ...], str, Match]]
"""Field to its annotations, the key of its masks, and which cells they hit."""


@dataclass(frozen=True)
class Stray:
    """A label that hits no cell, or a cell that two classes claim.

    Attributes
    ----------
    field
        Where.
    annotations
        The lost one; or all of the cell, the oldest first.
    cell
        The cell that is contested, 0 for a label that is lost.
    """

    field: FieldRef
    annotations: tuple[Annotation, ...]
    cell: int = 0

    @property
    def kind(self) -> str:
        """`LOST` or `CONTESTED`."""
        return CONTESTED if self.cell else LOST

    @property
    def point(self) -> tuple[float, float]:
        """Where to look, (y, x) in pixels: the point by which the cell was to be found again."""
        return self.annotations[-1].y, self.annotations[-1].x

    @property
    def phenotypes(self) -> tuple[str, ...]:
        """The classes that were given, each once, the oldest first."""
        return tuple(dict.fromkeys(a.phenotype for a in self.annotations))


@dataclass(frozen=True, eq=False)
class Checked:
    """What a look at all labels came to.

    Attributes
    ----------
    strays
        Those that need somebody, field by field.
    known
        What the next look need not find out again.
    """

    strays: tuple[Stray, ...] = ()
    known: Known = field(default_factory=dict, repr=False)


def check_labels(session: Reading, before: Checked | None, progress: Progress) -> Checked:
    """Find the labels that are lost or contested in the current masks.

    Labels in fields that have no masks at present are neither: they wait.

    Parameters
    ----------
    session
        The project.
    before
        An earlier look: masks are read only where labels or masks are others since.
    progress
        Cancels.
    """
    known: dict[FieldRef, tuple[tuple[Annotation, ...], str, Match]] = {}
    by_field = session.annotations.by_field()
    for done, (ref, standing) in enumerate(by_field.items()):
        progress(done / len(by_field), f"Looking for the labels of {ref}")
        key = current_key(session, ref)
        if key:
            old = before.known.get(ref) if before is not None else None
            if old is None or old[:2] != (standing, key):
                old = standing, key, match_under(session, ref, key, standing)
            known[ref] = old
    return Checked(tuple(stray for ref, found in known.items() for stray in _strays(ref, found[2])), known)


def drop(session: Session, strays: Sequence[Stray]) -> int:
    """Take lost labels away, as one event that can be undone; return how many. Raises ProjectError."""
    return _clear(session, dropping(strays))


def settle_by_newest(session: Session, strays: Sequence[Stray]) -> int:
    """Let the newest label of contested cells win, as one event; return how many went. Raises ProjectError."""
    return _clear(session, newest_winning(strays))


def dropping(strays: Sequence[Stray]) -> dict[str, Json]:
    """Return the payload of the event that takes lost labels away."""
    return {"ids": [stray.annotations[0].id for stray in strays if stray.kind == LOST]}


def winning(stray: Stray, phenotype: str) -> dict[str, Json]:
    """Return the payload of the event that leaves a contested cell only its labels of one class."""
    return {"ids": [a.id for a in stray.annotations if a.phenotype != phenotype]}


def newest_winning(strays: Sequence[Stray]) -> dict[str, Json]:
    """Return the payload of the event that leaves contested cells the class that was given last."""
    ids: list[Json] = []
    for stray in strays:
        if stray.kind == CONTESTED:
            newest = max(stray.annotations, key=lambda a: a.time)
            ids += [a.id for a in stray.annotations if a.phenotype != newest.phenotype]
    return {"ids": ids}


def stray_rows(strays: Sequence[Stray]) -> tuple[list[str], list[dict[str, object]]]:
    """Return labels that are lost or contested as a table: columns and a row per label."""
    columns = ["what", "plate", "well", "field", "y", "x", "label", "phenotype", "annotator", "time", "id"]
    rows: list[dict[str, object]] = [
        {
            "what": stray.kind, "plate": stray.field.plate, "well": stray.field.well, "field": stray.field.field,
            "y": a.y, "x": a.x, "label": stray.cell or None, "phenotype": a.phenotype, "annotator": a.annotator,
            "time": a.time, "id": a.id,
        }
        for stray in strays
        for a in stray.annotations
    ]  # fmt: skip
    return columns, rows


def _clear(session: Session, payload: dict[str, Json]) -> int:
    needs_writing(session)
    ids = payload["ids"]
    assert isinstance(ids, list)
    if ids:
        session.annotate("clear", payload)
    return len(ids)


def _strays(ref: FieldRef, found: Match) -> list[Stray]:
    lost = [Stray(ref, (a,)) for a in found.lost]
    return lost + [Stray(ref, items, cell) for cell, items in found.disputed.items()]
