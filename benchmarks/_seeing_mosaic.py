"""The mosaic of 384 wells: how soon it is there the first time and the next, and how long a new heat map takes.

The plate: 3,456 fields of 2048² × 2 channels (OME-Zarr, lz4, levels of 1, ½, ¼, ⅛) that repeat 60 drawn ones, and the
same without levels. It is made once, in a folder beside other temporary files: each image is hard links to one of the
60. What is cold: the project, so that no thumbnail is kept the first time. The disk is warm: after sixty of them all
fields share their bytes. The heat map is set and drawn anew in a viewer without a window, without the upload to a card.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from _bench import Row, medians, row
from _window_plates import draw

from napari_phenotyper.core.mosaic import LIMIT
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import row_letters
from napari_phenotyper.engine.runner import Inline
from napari_phenotyper.pages.mosaic_picture import heat
from napari_phenotyper.session.mosaic import TileWish, read_mosaic
from napari_phenotyper.session.opened import opened
from napari_phenotyper.session.session import Session

ROWS, COLUMNS, FIELDS, SOURCES, SIZE, CELLS, LEVELS = 16, 24, 9, 60, 2048, 290, 4
CACHE = Path(tempfile.gettempdir()) / "phenotyper-bench-mosaic"


def measure(folder: Path) -> list[Row]:
    """Return the rows of the mosaic."""
    plain, pyramid = make_plate(1), make_plate(LEVELS)
    rows = [*_read(pyramid, folder / "pyramid", f"{LEVELS} levels"), *_read(plain, folder / "plain", "one level")]
    with opened(folder / "pyramid.phenotyper", Inline()) as session:
        return [*rows, *_window(session)]


def make_plate(levels: int) -> Path:
    """Write the plate, unless it is there, and return its path."""
    path = CACHE / f"SCREEN{levels}.zarr"
    if (path / "zarr.json").is_file():
        return path
    shutil.rmtree(path, ignore_errors=True)
    images = [_image(CACHE / f"sources{levels}" / str(i), i, levels) for i in range(SOURCES)]
    count = 0
    for line in range(1, ROWS + 1):
        for column in range(1, COLUMNS + 1):
            well = path / row_letters(line) / f"{column:02d}"
            for number in range(FIELDS):
                shutil.copytree(images[count % SOURCES], well / str(number), copy_function=_link)
                count += 1
            _write(well, {"well": {"images": [{"path": str(number)} for number in range(FIELDS)]}})
    names = [{"path": f"{row_letters(r)}/{c:02d}", "rowIndex": r - 1, "columnIndex": c - 1}
             for r in range(1, ROWS + 1) for c in range(1, COLUMNS + 1)]  # fmt: skip
    lines = [{"name": row_letters(r)} for r in range(1, ROWS + 1)]
    columns = [{"name": f"{c:02d}"} for c in range(1, COLUMNS + 1)]
    _write(path, {"plate": {"rows": lines, "columns": columns, "wells": names}})  # last: the plate is whole
    return path


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # more links than the file system allows
        shutil.copy2(source, target)


def _write(group: Path, ome: dict[str, object]) -> None:
    group.mkdir(parents=True, exist_ok=True)
    said = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **ome}}}
    (group / "zarr.json").write_text(json.dumps(said), encoding="utf-8")


def _image(path: Path, seed: int, levels: int) -> Path:
    """Write one of the images that the plate repeats."""
    import zarr
    from zarr.codecs import BloscCodec

    drawn = draw(SIZE, CELLS, seed).image
    pixels = np.stack([drawn, drawn.T])
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")]
    for level in range(levels):
        small = pixels[:, :: 2**level, :: 2**level]
        zarr.create_array(
            str(path / str(level)), data=np.ascontiguousarray(small), chunks=(1, 1024, 1024),
            compressors=BloscCodec(cname="lz4", typesize=2), overwrite=True,
        )  # fmt: skip
    sets = [
        {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": [1.0, 0.5 * 2**i, 0.5 * 2**i]}]}
        for i in range(levels)
    ]
    channels = {"channels": [{"label": "DNA"}, {"label": "tubulin"}]}
    _write(path, {"multiscales": [{"axes": axes, "datasets": sets}], "omero": channels})
    return path


def _read(path: Path, place: Path, what: str) -> Iterator[Row]:
    """Yield how long a mosaic takes without a project's thumbnails, and with them."""
    project = place.with_name(f"{place.name}.phenotyper")
    for turn, target, end in (
        ("first time", 10.0, "all 3,456 fields are read"),
        ("again, in a new window", 1.0, "all files are known to be unchanged"),
    ):
        with opened(project, Inline()) as session:
            session.open(path)
            wells: set[str] = set()
            seconds: dict[str, float] = {}
            began = time.perf_counter()
            for found in read_mosaic(session, _wish(session), True, no_progress):
                if isinstance(found, dict):
                    wells |= {ref.well for ref in found}
                    seconds.setdefault("the first are seen", time.perf_counter() - began)
                if len(wells) == ROWS * COLUMNS:
                    seconds.setdefault("every well is seen", time.perf_counter() - began)
            seconds[end] = time.perf_counter() - began
        for name, taken in seconds.items():
            aim = target if name == "every well is seen" else None
            yield row(f"mosaic of 384 wells, {what}, {turn}: {name}", taken, None, "s", aim)


def _wish(session: Session) -> TileWish:
    return TileWish(next(iter(session.plates)), LIMIT)


@contextmanager
def _shown(session: Session) -> Iterator[tuple[object, Callable[[], object]]]:
    """Show the mosaic's layers in a viewer without a window; yield them and what draws all of it once more."""
    from napari.components import ViewerModel

    from napari_phenotyper.core.mosaic import make_plan
    from napari_phenotyper.core.wells import FieldRef
    from napari_phenotyper.pages.mosaic_picture import frames
    from napari_phenotyper.views.layers import FieldLayers
    from napari_phenotyper.views.plate_layers import PlateLayers

    plate = next(iter(session.plates.values()))
    plan, layers = make_plan(plate), FieldLayers(ViewerModel())
    images = np.zeros((plan.channels, *plan.size), plan.dtype)
    layers.show_channels(FieldRef(plate.name, "", 0), plate.channels, list(images), plan.pixel_size, {})
    over = PlateLayers(layers)
    try:
        yield (plan, over), lambda: over.show_wells(frames(plan))
    finally:
        over.hide()
        layers.close()


def _window(session: Session) -> list[Row]:
    from napari_phenotyper.views.map_colours import MapFace, read_face

    with _shown(session) as ((plan, over), borders):  # type: ignore[misc]
        borders()
        rng = np.random.default_rng(0)

        def recolour() -> None:
            reading = read_face(MapFace((ROWS, COLUMNS), {well: float(rng.random()) for well in plan.fields}, "x"))
            worn = {reading.wells[at]: colour.getRgb()[:3] for at, colour in reading.colours.items()}
            over.show_heat(heat(plan, worn, filled=True), plan)

        taken = medians({"heat": recolour, "wells": borders}, 5)
    return [
        row("recolour the heat map of 384 wells", 1000 * taken["heat"], None, "ms", 50.0),
        row("draw borders and names of 384 wells", 1000 * taken["wells"], None, "ms"),
    ]
