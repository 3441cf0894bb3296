"""Labels from CSV files: first what an import would do, then the import, as one event that one undo takes back."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from napari_phenotyper.core.annotations import Annotation, Annotations
from napari_phenotyper.core.errors import PlateError, TableError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.labelling import (
    REACH,
    Click,
    FieldMarks,
    Labelled,
    keep_marked,
    labelled,
    mark_clicks,
    write_marked,
)
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, Steps, carry_out
from napari_phenotyper.session.tables import read_table
from napari_phenotyper.store.crops import CropStore


@dataclass(frozen=True, eq=False)
class ImportPlan:
    """What an import would do.

    Attributes
    ----------
    path, plates, rows
        The file, the plates meant, and how many rows it has.
    marks
        Field by field, what is hit.
    outside
        Sentences about rows whose well or field the plates do not have; they are left out.
    lost
        Sentences about rows that hit no cell; they are kept, and found again if other masks have a cell there.
    new_classes
        Classes that the project does not have yet, and how many rows have them.
    changed
        Sentences about cells that have another class now and would get that of the file.
    unchanged
        Rows whose cells have that class already.
    standing
        The annotations that it was made for.
    """

    path: Path
    plates: tuple[Plate, ...]
    rows: int
    marks: tuple[FieldMarks, ...]
    outside: tuple[str, ...]
    lost: tuple[str, ...]
    new_classes: Mapping[str, int]
    changed: tuple[str, ...]
    unchanged: int
    standing: Annotations

    @property
    def outcome(self) -> Labelled:
        """What would become of the rows."""
        return replace(labelled(self.marks), rows=self.rows, outside=self.outside)


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
    return carry_out(import_steps(session, plan_import(session, plates, path, progress)), progress)


def plan_import(session: Reading, plates: Sequence[Plate], path: Path, progress: Progress) -> ImportPlan:
    """Return what `import_annotations` would do, without doing it; raises what that raises."""
    progress(0.0, f"Reading {path.name}")
    clicks, lines, outside = _read(plates, path)
    marks = mark_clicks(session, clicks, progress)
    known = set(session.annotations.classes)
    new = Counter(c.phenotype for points in clicks.values() for c in points if c.phenotype not in known)
    each = [(one, i, a) for one in marks for i, a in enumerate(one.marked.annotations)]
    lost, changed = [], []
    for one, i, a in each:
        where = f"Line {lines[a.field][i]}: {a.field}, y {a.click_y:g}, x {a.click_x:g}"
        if a.cell == 0:
            lost.append(f"{where}: {_reason(a, one.shape)}")
        elif one.had[i] - {a.phenotype}:
            changed.append(f"{where}: is {' and '.join(sorted(one.had[i]))}, would be {a.phenotype}")
    unchanged = sum(one.had[i] == {a.phenotype} for one, i, a in each)
    rows = len(each) + len(outside)
    return ImportPlan(
        path, tuple(plates), rows, marks, tuple(outside), tuple(lost), dict(new), tuple(changed), unchanged,
        session.annotations,
    )  # fmt: skip


def import_steps(session: Session, plan: ImportPlan) -> Steps[Labelled]:
    """Return the steps that carry a plan out; it is made anew where labels have changed since.

    They raise TableError, TrainingError, ProjectError, Cancelled.
    """
    needs_writing(session)
    if session.annotations is not plan.standing:
        plan = yield Away(plan_import, (session.snapshot(), plan.plates, plan.path))
    yield Away(_keep, (session.folder, session.project.crops.path, plan.marks))
    write_marked(session, plan.marks)
    return plan.outcome


def _keep(folder: Path, crops: Path, marks: Sequence[FieldMarks], progress: Progress) -> None:
    keep_marked(folder, CropStore(crops), marks, progress)


def _reason(a: Annotation, shape: tuple[int, int]) -> str:
    """Say why a point hits no cell."""
    inside = -0.5 <= a.click_y < shape[0] and -0.5 <= a.click_x < shape[1]
    return f"no cell within {REACH:g} px" if inside else f"outside the image ({shape[0]} × {shape[1]} px)"


def _read(
    plates: Sequence[Plate], path: Path
) -> tuple[dict[FieldRef, list[Click]], dict[FieldRef, list[int]], list[str]]:
    """Return clicks by field, the lines they stand in, and sentences about rows that lie on no field."""
    clicks: dict[FieldRef, list[Click]] = defaultdict(list)
    lines: dict[FieldRef, list[int]] = defaultdict(list)
    outside = []
    by_name = {p.name: p for p in plates}
    for line, ref, click in _rows(path, list(by_name)):
        try:
            field = by_name[ref.plate].field(ref.well, ref.field)
        except PlateError as error:
            outside.append(f"{path}, line {line}: {error.what}")
            continue
        clicks[field.ref].append(click)
        lines[field.ref].append(line)
    return clicks, lines, outside


def _rows(path: Path, plates: Sequence[str]) -> Iterator[tuple[int, FieldRef, Click]]:
    for line, row in read_table(path, ("well", "field", "y", "x", "phenotype")):
        yield line, *_row(row, f"{path}, line {line}", plates)


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
