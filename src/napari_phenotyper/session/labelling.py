"""Annotate cells by clicks; undo; and find the annotated cells again in today's masks."""

from __future__ import annotations

import uuid
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.annotations import Annotation, Match, match, match_known, redoable, undoable
from napari_phenotyper.core.errors import PlateError, TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks, inner_point, pixels_near
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.keys import mask_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import SEGMENT
from napari_phenotyper.session.segmenting import segmenter_record
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.store.crops import CropStore, KeptCrop
from napari_phenotyper.store.masks import MaskStore

REACH = 5.0
"""Pixels that a point may miss a cell."""
_MARGIN = 8
"""Pixels kept around an annotated cell."""


@dataclass(frozen=True)
class Click:
    """A point in a field and what somebody calls the cell there."""

    y: float
    x: float
    phenotype: str
    annotator: str = ""


@dataclass(frozen=True)
class Labelled:
    """What became of clicks.

    Attributes
    ----------
    rows
        Clicks.
    found
        Those that hit a cell.
    lost
        Those that did not; kept, and found again if another segmentation has a cell there.
    contested
        Cells that now have two classes; not trained on.
    outside
        Sentences about rows whose well or field the plate does not have.
    waiting
        Those in fields that are not segmented; they find their cells then.
    """

    rows: int
    found: int
    lost: int
    contested: int
    outside: tuple[str, ...] = ()
    waiting: int = 0


@dataclass(frozen=True, eq=False)
class Marked:
    """Clicks in one field and the cells that they hit.

    Attributes
    ----------
    annotations
        One per click, in order.
    replaced
        Ids of earlier annotations that these take the place of.
    """

    annotations: tuple[Annotation, ...]
    replaced: tuple[str, ...]

    @property
    def cells(self) -> frozenset[int]:
        """Ids of the cells that were hit."""
        return frozenset(a.cell for a in self.annotations if a.cell > 0)


def label(session: Session, clicks: Mapping[FieldRef, Sequence[Click]], progress: Progress) -> Labelled:
    """Annotate cells, as one event that one undo takes back.

    An earlier annotation of the same cell is replaced. Two classes given to one cell by these clicks contest it.
    Clicks in fields that have no masks wait until these are segmented.

    Raises
    ------
    TrainingError
        If none of the fields has masks.
    ProjectError
        If it cannot be saved.
    """
    needs_writing(session)
    marks = mark_clicks(session, clicks, part(progress, 0.0, 0.5))
    keep_marked(session.folder, session.project.crops, marks, part(progress, 0.5, 1.0))
    write_marked(session, marks)
    return labelled(marks)


@dataclass(frozen=True, eq=False)
class FieldMarks:
    """Clicks in one field and what they hit.

    Attributes
    ----------
    field, mask
        Where, and the key of its masks, "" where it has none.
    shape
        Rows and columns of the field.
    marked
        An annotation per click.
    had
        The classes that the cell of each click has already.
    contested
        Annotations that contest a cell among each other.
    """

    field: Field
    mask: str
    shape: tuple[int, int]
    marked: Marked
    had: tuple[frozenset[str], ...]
    contested: int = 0


def mark_clicks(
    session: Reading, clicks: Mapping[FieldRef, Sequence[Click]], progress: Progress
) -> tuple[FieldMarks, ...]:
    """Find the cells under clicks in any number of fields; nothing is written. Raises TrainingError, as `label`."""
    earlier, found = session.annotations.by_field(), []
    for done, (ref, points) in enumerate(clicks.items()):
        progress(done / max(len(clicks), 1), f"Looking for the cells of {ref}")
        field, key = session.plates[ref.plate].field(ref.well, ref.field), current_key(session, ref)
        shape = field.info.shape[3], field.info.shape[4]
        if not key:
            found.append(FieldMarks(field, "", shape, _waiting(ref, points), (frozenset(),) * len(points)))
            continue
        masks, standing = session.project.masks.read(ref, key), earlier.get(ref, ())
        marked = mark(ref, masks, key, points, standing)
        classes: dict[int, set[str]] = defaultdict(set)
        for a in standing:
            classes[cell_of(a, masks, key)].add(a.phenotype)
        had = tuple(frozenset(classes[a.cell]) if a.cell else frozenset() for a in marked.annotations)
        contested = len(match(marked.annotations, masks, REACH).contested)
        found.append(FieldMarks(field, key, shape, marked, had, contested))
    if found and not any(one.mask for one in found):
        raise TrainingError(f"{found[0].field.ref} is not segmented.", SEGMENT)
    return tuple(found)


def keep_marked(folder: Path, store: CropStore, marks: Sequence[FieldMarks], progress: Progress) -> None:
    """Keep the crops of cells that were marked. Raises PixelError, ProjectError."""
    for done, one in enumerate(marks):
        progress(done / len(marks), f"Keeping crops of {one.field.ref}")
        if one.marked.cells:
            masks = MaskStore(folder / "masks").read(one.field.ref, one.mask)
            store.put_many(crops_of(one.field, list(one.field.read()), masks, one.marked.annotations))


def write_marked(session: Session, marks: Sequence[FieldMarks]) -> None:
    """Annotate cells that were marked, as one event. Raises ProjectError."""
    made = [a for one in marks for a in one.marked.annotations]
    if made:
        session.annotate("annotate", annotate_payload([one.marked for one in marks]), made[0].annotator)


def labelled(marks: Sequence[FieldMarks]) -> Labelled:
    """Return what became of clicks."""
    made = [a for one in marks for a in one.marked.annotations]
    found, waiting = sum(a.cell > 0 for a in made), sum(a.cell < 0 for a in made)
    contested = sum(one.contested for one in marks)
    return Labelled(len(made), found, len(made) - found - waiting, contested, waiting=waiting)


def _waiting(ref: FieldRef, points: Sequence[Click]) -> Marked:
    """Return annotations of a field that has no masks yet: they find their cells when there are some."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return Marked(
        tuple(Annotation(uuid.uuid4().hex, ref, p.y, p.x, p.y, p.x, "", p.phenotype, p.annotator, now) for p in points),
        (),
    )


def mark(ref: FieldRef, masks: Masks, key: str, points: Sequence[Click], earlier: Sequence[Annotation] = ()) -> Marked:
    """Find the cells under clicks.

    Parameters
    ----------
    ref, masks, key
        The field, its masks, and the key of these.
    points
        The clicks.
    earlier
        Annotations of the field that stand.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    made = []
    for point in points:
        cell = masks.at(point.y, point.x, within=REACH)
        y, x = point.y, point.x
        if cell:
            y, x = map(float, inner_point(*pixels_near(masks.labels[NUCLEI], cell, y, x)))
        made.append(
            Annotation(uuid.uuid4().hex, ref, y, x, point.y, point.x, key, point.phenotype, point.annotator, now, cell)
        )
    return Marked(tuple(made), tuple(_replaced(earlier, masks, key, made)))


def annotate_payload(marked: Sequence[Marked]) -> dict[str, Json]:
    """Return the payload of the event that makes annotations."""
    return {
        "annotations": [dict(a.state()) for new in marked for a in new.annotations],
        "replaces": [key for new in marked for key in new.replaced],
    }


def _replaced(earlier: Iterable[Annotation], masks: Masks, key: str, new: Sequence[Annotation]) -> list[str]:
    """Return ids of earlier annotations of the same cells or, where no cell was hit, of the same points."""
    points, cells = {(a.y, a.x) for a in new}, {a.cell for a in new} - {0}
    return [a.id for a in earlier if (a.y, a.x) in points or cell_of(a, masks, key) in cells]


def cell_of(annotation: Annotation, masks: Masks, key: str) -> int:
    """Return the cell of masks under a key that an annotation hits, 0 for none."""
    if annotation.mask_key == key and annotation.cell >= 0:
        return annotation.cell
    return masks.at(annotation.y, annotation.x, within=REACH)


def crops_of(
    field: Field, images: Sequence[NDArray[np.generic]], masks: Masks, made: Sequence[Annotation]
) -> dict[str, KeptCrop]:
    """Return pixels and mask of each annotated cell with a margin: what is left of it should its plate be lost.

    Parameters
    ----------
    field
        Where the cells lie.
    images
        (y, x) pixels of every channel of the field.
    masks, made
        Its masks, and annotations that were made on them.
    """
    record: dict[str, Json] = {"channels": [c.label for c in field.channels], "pixel_size": field.info.pixel_size}
    crops = {}
    for annotation in made:
        if annotation.cell:
            rows, columns = pixels_near(masks.labels[NUCLEI], annotation.cell, annotation.y, annotation.x)
            top, left = max(int(rows.min()) - _MARGIN, 0), max(int(columns.min()) - _MARGIN, 0)
            window = slice(top, rows.max() + _MARGIN + 1), slice(left, columns.max() + _MARGIN + 1)
            pixels = np.stack([image[window] for image in images])
            mask = np.zeros(pixels.shape[1:], bool)
            mask[rows - top, columns - left] = True
            crops[annotation.id] = KeptCrop(pixels, mask, record)
    return crops


def undo(session: Session) -> bool:
    """Take back the last event that stands; tell whether there was one."""
    return _step(session, "undo", undoable(session.journal_events()))


def redo(session: Session) -> bool:
    """Bring back the last event that was undone; tell whether there was one."""
    return _step(session, "redo", redoable(session.journal_events()))


def _step(session: Session, kind: str, seq: int | None) -> bool:
    if seq is None:
        return False
    needs_writing(session)
    session.annotate(kind, {"of": seq})
    return True


def matches(session: Reading) -> dict[FieldRef, Match]:
    """Return, per annotated field that has current masks, which cell each annotation hits."""
    found = {}
    for ref, standing in session.annotations.by_field().items():
        matched = match_field(session, ref, standing)
        if matched is not None:
            found[ref] = matched
    return found


def match_field(session: Reading, ref: FieldRef, standing: Sequence[Annotation]) -> Match | None:
    """Return which cells the annotations of a field hit; None if the field is gone or has no current masks.

    Masks are read only for annotations that were made on others.
    """
    key = current_key(session, ref)
    return match_under(session, ref, key, standing) if key else None


def match_under(session: Reading, ref: FieldRef, key: str, standing: Sequence[Annotation]) -> Match:
    """Return which cells of the masks under a key the annotations of a field hit."""
    return match_known(standing, key) or match(standing, session.project.masks.read(ref, key), REACH)


def current_key(session: Reading, ref: FieldRef) -> str:
    """Return the key of a field's current masks, "" if it has none or is gone."""
    plate = session.plates.get(ref.plate)
    if plate is None or plate.name not in session.setting("segmenters"):
        return ""
    try:
        key = mask_key(plate.field(ref.well, ref.field), segmenter_record(session, plate))
    except PlateError:
        return ""  # the well's images are gone; its annotations and their crops stay
    return key if session.project.masks.has(ref, key) else ""


def counts(session: Reading) -> dict[str, int]:
    """Return how many annotations each class has."""
    counted = Counter(a.phenotype for a in session.annotations.active.values())
    return {name: counted.get(name, 0) for name in session.annotations.classes}
