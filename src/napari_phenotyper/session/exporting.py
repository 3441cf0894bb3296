"""Tables and masks for other programs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tifffile

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import SettingError, TrainingError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.session.labelling import matches
from napari_phenotyper.session.learning import model_in_use, predictions_of
from napari_phenotyper.session.measuring import cells_of
from napari_phenotyper.session.ngff import export_plate
from napari_phenotyper.session.profiling import hit_rows, hits, profile, profile_rows
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import PREDICT, SEGMENT
from napari_phenotyper.session.segmenting import current_masks
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tables import table_text
from napari_phenotyper.store.files import replacing, safe_name

Rows = tuple[list[str], list[dict[str, object]]]


def export(
    session: Session, plates: Sequence[Plate], what: str, out: Path, progress: Progress, model: str | None = None
) -> int:
    """Write results for other programs.

    Parameters
    ----------
    session, plates
        What to export.
    what
        "cells" (features; CSV or Parquet by the file's ending, `label` being the mask's id), "annotations",
        "predictions", "profiles", "hits" (CSV or Parquet), "masks" (a folder of label TIFFs, one per field; or, where
        the name ends in .zarr, a new OME-Zarr plate with images, masks and features).
    out
        File, or folder for masks.
    progress
        Reports and cancels.
    model
        Whose predictions, profiles and hits; the newest by default.

    Returns
    -------
    int
        Rows, or masks, written.

    Raises
    ------
    SettingError, TrainingError, ProjectError
    """
    if what == "masks" and out.suffix == ".zarr":
        return sum(export_plate(session, p, _own(out, p, plates), progress) for p in plates)
    if what == "masks":
        return _masks(session, plates, out, progress)
    if what == "cells":
        return _cells(session, plates, out, progress)
    makers: Mapping[str, Callable[[], Rows]] = {
        "annotations": lambda: annotation_rows(session, plates),
        "predictions": lambda: prediction_rows(session, plates, model),
        "profiles": lambda: profile_rows(session, profile(session, plates, progress, model=model)),
        "hits": lambda: hit_rows(session, hits(session, plates, progress, model=model)),
    }
    if what not in makers:
        raise SettingError(
            f"{what!r} cannot be exported.", f"Choose one of: cells, masks, mosaic, {', '.join(makers)}."
        )
    columns, rows = makers[what]()
    write_table(out, columns, rows)
    return len(rows)


def _own(out: Path, plate: Plate, plates: Sequence[Plate]) -> Path:
    """Return the name of a plate's own OME-Zarr: the one that was given, with the plate's name where there are more."""
    return out if len(plates) == 1 else out.with_name(f"{out.stem}_{safe_name(plate.name)}.zarr")


def write_table(out: Path, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> None:
    """Write rows as Parquet if the file ends in .parquet, else as CSV."""
    with replacing(out) as path:
        if out.suffix == ".parquet":
            pq.write_table(pa.table({c: [row.get(c) for row in rows] for c in columns}), path)
        else:
            path.write_text(table_text(columns, rows), encoding="utf-8")


def annotation_rows(session: Reading, plates: Sequence[Plate]) -> Rows:
    """Return all annotations of some plates, with the cell each hits today (empty if lost or contested)."""
    names = {p.name for p in plates}
    hit = {a.id: cell for m in matches(session).values() for cell, a in m.cells.items()}
    columns = ["plate", "well", "field", "y", "x", "phenotype", "annotator", "time", "label"]
    rows: list[dict[str, object]] = [
        {
            "plate": a.field.plate, "well": a.field.well, "field": a.field.field, "y": a.y, "x": a.x,
            "phenotype": a.phenotype, "annotator": a.annotator, "time": a.time, "label": hit.get(a.id),
        }
        for a in session.annotations.active.values()
        if a.field.plate in names
    ]  # fmt: skip
    return columns, rows


def prediction_rows(session: Session, plates: Sequence[Plate], model: str | None = None) -> Rows:
    """Return every predicted cell with its class and probabilities. Raises TrainingError if there is none."""
    model_id = model_in_use(session, model)
    columns = ["plate", "well", "field", "label", "y", "x", "phenotype", "probability"]
    rows: list[dict[str, object]] = []
    for plate in plates:
        predictions = predictions_of(session, plate, model_id)
        for cells in cells_of(session, plate):
            if cells.field in predictions:
                rows += _predicted(cells, predictions[cells.field])
                columns += [f"p_{c}" for c in predictions[cells.field].classes if f"p_{c}" not in columns]
    if not rows:
        raise TrainingError("No cell is predicted.", PREDICT)
    return columns, rows


def _predicted(cells: Cells, prediction: Prediction) -> list[dict[str, object]]:
    labels = prediction.labels
    rows = []
    for i, cell in enumerate(cells.ids):
        p = prediction.probabilities[i]
        rows.append(
            {
                "plate": cells.field.plate,
                "well": cells.field.well,
                "field": cells.field.field,
                "label": int(cell),
                "y": float(cells.y[i]),
                "x": float(cells.x[i]),
                "phenotype": prediction.classes[labels[i]],
                "probability": float(p[labels[i]]),
                **{f"p_{c}": float(v) for c, v in zip(prediction.classes, p, strict=True)},
            }
        )
    return rows


def _cells(session: Session, plates: Sequence[Plate], out: Path, progress: Progress) -> int:
    """Write features field by field, so that a plate of any size passes through little memory."""
    tables = _cell_tables(session, plates, progress)
    first = next(tables)
    count = 0
    with replacing(out) as path:
        if out.suffix == ".parquet":
            with pq.ParquetWriter(path, first.schema) as writer:
                for table in _chain(first, tables):
                    writer.write_table(table.select(first.column_names))
                    count += table.num_rows
        else:
            import pyarrow.csv as pc

            with pc.CSVWriter(path, first.schema) as writer:
                for table in _chain(first, tables):
                    writer.write_table(table.select(first.column_names))
                    count += table.num_rows
    return count


def _chain(first: pa.Table, rest: Iterator[pa.Table]) -> Iterator[pa.Table]:
    yield first
    yield from rest


def _cell_tables(session: Session, plates: Sequence[Plate], progress: Progress) -> Iterator[pa.Table]:
    for plate in plates:
        for cells in cells_of(session, plate):
            progress(0.0, f"Exporting {cells.field}")
            n = len(cells)
            columns: dict[str, object] = {
                "plate": [cells.field.plate] * n, "well": [cells.field.well] * n,
                "field": np.full(n, cells.field.field, np.int32), "label": cells.ids, "y": cells.y, "x": cells.x,
            }  # fmt: skip
            columns |= dict(zip(cells.columns, cells.matrix().T, strict=True))
            yield pa.table(columns)


def _masks(session: Session, plates: Sequence[Plate], out: Path, progress: Progress) -> int:
    """Write one label TIFF (int32, zlib) per field and compartment: PLATE_WELL_sFIELD_nuclei.tif."""
    count = 0
    for plate in plates:
        for field, key in current_masks(session, plate):
            progress(0.0, f"Exporting {field.ref}")
            masks = session.project.masks.read(field.ref, key)
            for compartment, labels in masks.labels.items():
                name = f"{safe_name(plate.name)}_{field.ref.well}_s{field.ref.field}_{compartment}.tif"
                out.mkdir(parents=True, exist_ok=True)
                with replacing(out / name) as path:
                    tifffile.imwrite(path, labels, compression="zlib")
                count += 1
    if not count:
        raise TrainingError("No field has masks.", SEGMENT)
    return count
