"""A plate with its masks and features as OME-Zarr, for other programs.

Images and label images follow NGFF 0.5; feature tables follow the layout of Fractal and ngio
(https://biovisioncenter.github.io/ngio/stable/table_specs): a parquet file per field, `label` being the id in the mask.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import parse_well, row_letters
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.files import discard, explained, patiently, temporary
from napari_phenotyper.store.label_images import write_group

_TABLE = "features"


def export_plate(session: Session, plate: Plate, out: Path, progress: Progress) -> int:
    """Write the segmented fields of a plate as a new OME-Zarr plate: maximum projections, masks, features.

    Parameters
    ----------
    session, plate
        What to write.
    out
        A folder that is not there yet.
    progress
        Reports and cancels; a plate that is cancelled or fails leaves nothing behind.

    Returns
    -------
    int
        Fields written.

    Raises
    ------
    ProjectError
        If the folder exists, or cannot be written.
    TrainingError
        If the plate is not segmented.
    PixelError
        If an image cannot be read any more.
    """
    if out.exists():
        raise ProjectError(f"{out} exists.", "Name a folder that is not there yet: nothing is written over.")
    items = list(wanted(session, plate))
    with explained(out):
        out.parent.mkdir(parents=True, exist_ok=True)
        scratch = temporary(out.parent)
        try:
            _write(session, plate, items, scratch, progress)
            patiently(lambda: scratch.replace(out))
        finally:
            discard(scratch)
    return len(items)


def _write(session: Session, plate: Plate, items: Sequence[Wanted], folder: Path, progress: Progress) -> None:
    import zarr

    by_well: dict[str, list[Wanted]] = {}
    for item in items:
        by_well.setdefault(item.field.ref.well, []).append(item)
    root = zarr.create_group(folder, attributes={"ome": {"version": "0.5", "plate": _plate(plate, list(by_well))}})
    done = 0
    for well, fields in by_well.items():
        row, column = parse_well(well)
        images = [{"path": str(i)} for i in range(len(fields))]
        about = {"ome": {"version": "0.5", "well": {"images": images}}}
        group = root.require_group(row_letters(row)).create_group(f"{column:02d}", attributes=about)
        for i, item in enumerate(fields):
            progress(done / len(items), f"Exporting {item.field.ref}")
            image = group.create_group(str(i), attributes=_image(item.field))
            image.create_array("0", data=item.field.read())
            _write_masks(session, item, folder / row_letters(row) / f"{column:02d}" / str(i))
            done += 1


def _plate(plate: Plate, wells: Sequence[str]) -> Mapping[str, Any]:
    """Return NGFF's metadata of a plate."""
    at = [parse_well(well) for well in wells]
    rows, columns = (sorted({place[axis] for place in at}) for axis in (0, 1))
    return {
        "name": plate.name,
        "rows": [{"name": row_letters(r)} for r in rows],
        "columns": [{"name": f"{c:02d}"} for c in columns],
        "wells": [
            {"path": f"{row_letters(r)}/{c:02d}", "rowIndex": rows.index(r), "columnIndex": columns.index(c)}
            for r, c in at
        ],
    }


def _image(field: Field) -> dict[str, Any]:
    """Return NGFF's metadata of an image of axes c, y, x."""
    size = field.info.pixel_size
    unit = {"unit": "micrometer"} if size else {}
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", **unit} for n in "yx")]
    scale = [{"type": "scale", "scale": [1.0, size or 1.0, size or 1.0]}]
    multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
    channels = [{"label": c.name, "color": "FFFFFF", "active": True} for c in field.channels]
    return {"ome": {"version": "0.5", "multiscales": multiscales, "omero": {"channels": channels}}}


def _write_masks(session: Session, item: Wanted, image: Path) -> None:
    """Write the label images of a field and, if it is measured, its features."""
    import zarr

    ref = item.field.ref
    labels = image / "labels"
    labels.mkdir()
    record = {**session.project.masks.record(ref, item.mask), "pixel_size": item.field.info.pixel_size}
    write_group(labels, session.project.masks.read(ref, item.mask), record)
    cells = session.project.cells.get(ref, item.mask, item.blocks)
    if cells is None:
        return
    about = {
        "type": "feature_table", "table_version": "1", "backend": "parquet", "index_key": "label", "index_type": "int",
        "region": {"path": f"../labels/{NUCLEI}"}, "instance_key": "label",
    }  # fmt: skip
    tables = zarr.create_group(image / "tables", attributes={"tables": [_TABLE]})
    tables.create_group(_TABLE, attributes=about)
    columns: dict[str, Any] = {"label": cells.ids.astype(np.int64), "y": cells.y, "x": cells.x}
    columns |= dict(zip(cells.columns, cells.matrix().T, strict=True))
    pq.write_table(pa.table(columns), image / "tables" / _TABLE / "table.parquet")
