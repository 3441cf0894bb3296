"""How long it takes to open a plate of 384 wells with 9 fields, from a warm disk.

    python benchmarks/bench_open.py

The plates are made in a temporary folder: an OME-Zarr plate of metadata files alone, and one of tiny TIFF files named
as MetaXpress names them. The peers open every array through zarr, and every file through tifffile.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np
import tifffile
import zarr
from _bench import medians, row, write

from napari_phenotyper.core.wells import PLATE_SHAPES, row_letters, well_name
from napari_phenotyper.readers.file_pattern import FilePattern
from napari_phenotyper.readers.ome_zarr import OmeZarr

WELLS, FIELDS, CHANNELS, LEVELS = 384, 9, 3, 3
TARGET_S = 1.0


def make_zarr(plate: Path) -> None:
    """Write the metadata of an NGFF 0.4 plate."""
    rows, columns = PLATE_SHAPES[WELLS]
    wells = [
        {"path": f"{row_letters(r + 1)}/{c + 1}", "rowIndex": r, "columnIndex": c}
        for r in range(rows)
        for c in range(columns)
    ]
    axes = [{"name": "c", "type": "channel"}, *({"name": a, "type": "space", "unit": "micrometer"} for a in "zyx")]
    scales = [{"type": "scale", "scale": [1.0, 1.0, 0.325 * 2**i, 0.325 * 2**i]} for i in range(LEVELS)]
    datasets = [{"path": str(i), "coordinateTransformations": [scale]} for i, scale in enumerate(scales)]
    labels = [{"label": name} for name in ("DAPI", "GFP", "Cy5")]
    image = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}], "omero": {"channels": labels}}
    names = {
        "rows": [{"name": row_letters(r + 1)} for r in range(rows)],
        "columns": [{"name": str(c + 1)} for c in range(columns)],
    }
    _group(plate, {"plate": {"version": "0.4", **names, "wells": wells}})
    for well in wells:
        folder = plate / str(well["path"])
        _group(folder, {"well": {"version": "0.4", "images": [{"path": str(f)} for f in range(FIELDS)]}})
        for field in range(FIELDS):
            _group(folder / str(field), image)
            for level in range(LEVELS):
                _array(folder / str(field) / str(level), [CHANNELS, 1, 2160 >> level, 2160 >> level])


def _group(folder: Path, attributes: object) -> None:
    folder.mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / ".zattrs").write_text(json.dumps(attributes))


def _array(folder: Path, shape: list[int]) -> None:
    folder.mkdir()
    meta = {
        "zarr_format": 2, "shape": shape, "chunks": [1, 1, 1080, 1080], "dtype": "<u2", "compressor": None,
        "fill_value": 0, "order": "C", "filters": None, "dimension_separator": "/",
    }  # fmt: skip
    (folder / ".zarray").write_text(json.dumps(meta))


def make_tiffs(plate: Path) -> None:
    """Write one tiny TIFF file per channel and field."""
    plate.mkdir()
    first = plate / "template"
    tifffile.imwrite(first, np.zeros((8, 8), np.uint16))
    rows, columns = PLATE_SHAPES[WELLS]
    for well in (well_name(r, c) for r in range(1, rows + 1) for c in range(1, columns + 1)):
        for field in range(1, FIELDS + 1):
            for channel in range(1, CHANNELS + 1):
                shutil.copyfile(first, plate / f"P1_{well}_s{field}_w{channel}.tif")
    first.unlink()


def open_every_array(plate: Path) -> int:
    """Open every array of full resolution through zarr, as a viewer without a plate reader of its own does."""
    count = 0
    for well in zarr.open_group(str(plate), mode="r").attrs["plate"]["wells"]:
        folder = plate / well["path"]
        for image in zarr.open_group(str(folder), mode="r").attrs["well"]["images"]:
            field = zarr.open_group(str(folder / image["path"]), mode="r")
            path = field.attrs["multiscales"][0]["datasets"][0]["path"]
            count += zarr.open_array(str(folder / image["path"] / path), mode="r").ndim == 4
    return count


def open_every_file(plate: Path) -> int:
    """Read the header of every file through tifffile."""
    count = 0
    for path in sorted(plate.glob("*.tif")):
        with tifffile.TiffFile(path) as tif:
            count += tif.pages[0].ndim == 2
    return count


def main() -> None:
    """Make the plates, time both ways of opening them, check that both see all fields, and write the result."""
    fields = WELLS * FIELDS
    with tempfile.TemporaryDirectory() as folder:
        zarr_plate, tiff_plate = Path(folder, "P1.zarr"), Path(folder, "P1")
        make_zarr(zarr_plate)
        make_tiffs(tiff_plate)
        seconds = medians(
            {
                "zarr": lambda: OmeZarr().read(zarr_plate),
                "zarr fields": lambda: [field.info for plate in OmeZarr().read(zarr_plate) for field in plate.fields()],
                "zarr peer": lambda: open_every_array(zarr_plate),
                "tiff": lambda: FilePattern().read(tiff_plate),
                "tiff peer": lambda: open_every_file(tiff_plate),
            }
        )
        counts = [
            sum(1 for _ in plate.fields()) for plate in (*OmeZarr().read(zarr_plate), *FilePattern().read(tiff_plate))
        ]
        if counts != [fields, fields] or open_every_array(zarr_plate) != fields:
            raise SystemExit(f"expected {fields} fields in each plate, found {counts}")
    plate = f"{WELLS} wells × {FIELDS} fields × {CHANNELS} channels"
    figures = (
        (f"open an OME-Zarr plate, {plate}", "zarr", "zarr peer"),
        (f"open it and know the shape, type and pixel size of every field, {plate}", "zarr fields", "zarr peer"),
        (f"open a plate of TIFF files, {plate}", "tiff", "tiff peer"),
    )
    rows = [row(what, round(seconds[a], 3), round(seconds[b], 3), "s", TARGET_S) for what, a, b in figures]
    write("open", rows)


if __name__ == "__main__":
    main()
