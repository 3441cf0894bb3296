"""Annotate cells: by a click, by a file; undo; and find the annotated cells again in today's masks."""

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
from napari_phenotyper.core.errors import PlateError, TableError, TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Masks, inner_point, pixels_near
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.keys import mask_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import SEGMENT
from napari_phenotyper.session.segmenting import masks_of, segmenter_record
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tables import read_table
from napari_phenotyper.store.crops import KeptCrop

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
    """

    rows: int
    found: int
    lost: int
    contested: int
    outside: tuple[str, ...] = ()


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
        return frozenset(a.cell for a in self.annotations) - {0}


def label(session: Session, clicks: Mapping[FieldRef, Sequence[Click]], progress: Progress) -> Labelled:
    """Annotate cells, as one event that one undo takes back.

    An earlier annotation of the same cell is replaced. Two classes given to one cell by these clicks contest it.

    Raises
    ------
    TrainingError
        If a field has no masks.
    ProjectError
        If it cannot be saved.
    """
    needs_writing(session)
    earlier = session.annotations.by_field()
    marked: list[Marked] = []
    contested = 0
    for done, (ref, points) in enumerate(clicks.items()):
        progress(done / max(len(clicks), 1), str(ref))
        field = session.plates[ref.plate].field(ref.well, ref.field)
        masks = masks_of(session, field)
        if masks is None:
            raise TrainingError(
                f"{ref} is not segmented.",
                SEGMENT,
            )
        new = mark(ref, masks, mask_key(field, segmenter_record(session, session.plates[ref.plate])), points,
                   earlier.get(ref, ()))  # fmt: skip
        contested += len(match(new.annotations, masks, REACH).contested)
        if new.cells:
            session.project.crops.put_many(crops_of(field, list(field.read()), masks, new.annotations))
        marked.append(new)
    made = [a for new in marked for a in new.annotations]
    if made:
        session.annotate("annotate", annotate_payload(marked), made[0].annotator)
    found = sum(1 for a in made if a.cell)
    return Labelled(len(made), found, len(made) - found, contested)


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


def import_annotations(session: Session, plates: Sequence[Plate], path: Path, progress: Progress) -> Labelled:
    """Annotate cells from a CSV file with columns well, field, y, x, phenotype and, if wanted, annotator, plate.

    Parameters
    ----------
    session
        Where.
    plates
        The plates meant; with more than one, the file needs a column plate.
    path
        The file. Field numbers count from 1 in the order of `info`; y and x are in pixels.
    progress
        Reports and cancels.

    Raises
    ------
    TableError, TrainingError, ProjectError
    """
    rows = read_table(path, ("well", "field", "y", "x", "phenotype"))
    by_name = {p.name: p for p in plates}
    clicks: dict[FieldRef, list[Click]] = defaultdict(list)
    outside = []
    for line, row in rows:
        where = f"{path}, line {line}"
        ref, click = _row(row, where, list(by_name))
        try:
            field = by_name[ref.plate].field(ref.well, ref.field)
        except PlateError as error:
            outside.append(f"{where}: {error.what}")
            continue
        clicks[field.ref].append(click)
    done = label(session, clicks, progress)
    return Labelled(len(rows), done.found, done.lost, done.contested, tuple(outside))


def _row(row: Mapping[str, str], where: str, plates: Sequence[str]) -> tuple[FieldRef, Click]:
    plate = row.get("plate") or (plates[0] if len(plates) == 1 else "")
    if plate not in plates:
        raise TableError(
            f"{where}: plate {plate!r} is not open.", f"The column plate names one of {', '.join(plates)}."
        )
    try:
        number, y, x = int(float(row["field"])), float(row["y"]), float(row["x"])
    except ValueError as error:
        raise TableError(f"{where}: field, y and x must be numbers.", "Mend that line.") from error
    if not (np.isfinite([y, x]).all() and row["phenotype"]):
        raise TableError(f"{where}: y, x or phenotype is empty.", "Mend that line.")
    return FieldRef(plate, row["well"], number), Click(y, x, row["phenotype"], row.get("annotator", ""))


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
    plate = session.plates.get(ref.plate)
    if plate is None or plate.name not in session.setting("segmenters"):
        return None
    try:
        field = plate.field(ref.well, ref.field)
    except PlateError:
        return None  # the well's images are gone; its annotations and their crops stay
    key = mask_key(field, segmenter_record(session, plate))
    if not session.project.masks.has(ref, key):
        return None
    return match_known(standing, key) or match(standing, session.project.masks.read(ref, key), REACH)


def counts(session: Reading) -> dict[str, int]:
    """Return how many annotations each class has."""
    counted = Counter(a.phenotype for a in session.annotations.active.values())
    return {name: counted.get(name, 0) for name in session.annotations.classes}
