"""The gallery: how soon thumbnails are there, and how long it takes to choose from a million cells.

Pictures come from 60 fields of 2048² × 2 channels (OME-Zarr, lz4, two drawings that all fields repeat), read before, so
that the disk is warm. The million cells are numbers: 3,456 fields of 290 cells, 40 columns, 8 classes.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from _bench import Row, row
from _window_plates import Drawing, draw

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.plate import Condition
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.wells import FieldRef, well_name
from napari_phenotyper.desk.thumbnails import Spot, read_thumbnails
from napari_phenotyper.session.cell_tables import _values, _with_classes
from napari_phenotyper.session.choosing import CellQuery, CellTable, choose, with_annotations
from napari_phenotyper.session.opening import find_plates
from napari_phenotyper.session.population import Population
from napari_phenotyper.session.tasks import Wanted
from napari_phenotyper.store.masks import MaskStore

FIELDS, SIZE, CELLS, SIDE = 60, 2048, 1000, 80.0
SCREEN, EACH, COLUMNS, CLASSES = 3456, 290, 40, 8
REPEATS = 5


def measure(folder: Path) -> list[Row]:
    """Return the rows of the gallery."""
    return [*_pictures(folder), *_choosing(), *_painting()]


def seconds(function: Callable[[], object], repeats: int = REPEATS) -> float:
    """Return the median time of a call, the first one not counted."""
    times = []
    for turn in range(repeats + 1):
        began = time.perf_counter()
        function()
        if turn:
            times.append(time.perf_counter() - began)
    return float(np.median(times))


def _pictures(folder: Path) -> list[Row]:
    drawings = [draw(SIZE, CELLS, seed) for seed in (1, 2)]
    fields = _write(folder, drawings)
    masks = folder / "masks"
    rows = []
    for count, target in ((20, 200.0), (60, 800.0)):
        work = [(item, _spots(item, drawings[i % 2], 60 // count)) for i, item in enumerate(fields[:count])]
        for what, where in (("", None), (", with outlines", masks)):
            found = seconds(lambda work=work, where=where: list(read_thumbnails(work, work, SIDE, where, no_progress)))
            rows.append(row(f"60 cells out of {count} fields{what}", 1000 * found, None, "ms", target))
        first = seconds(lambda work=work: next(iter(read_thumbnails(work, [], SIDE, None, no_progress))))
        rows.append(row(f"… the first field of {count}", 1000 * first, None, "ms"))
    return rows


def _spots(item: Wanted, drawing: Drawing, count: int) -> list[Spot]:
    chosen = np.random.default_rng(0).choice(len(drawing.centres), count, replace=False)
    return [Spot((item.field.ref, int(i) + 1), *map(float, drawing.centres[i])) for i in chosen]


def _write(folder: Path, drawings: list[Drawing]) -> list[Wanted]:
    """Write the plate and its masks."""
    import zarr
    from zarr.codecs import BloscCodec

    names = [well_name(1 + i // 12, 1 + i % 12) for i in range(FIELDS)]
    wells = [{"path": f"{n[0]}/{n[1:]}", "rowIndex": "ABCDE".index(n[0]), "columnIndex": int(n[1:]) - 1} for n in names]
    plate = {
        "rows": [{"name": r} for r in "ABCDE"],
        "columns": [{"name": f"{c:02d}"} for c in range(1, 13)],
        "wells": wells,
    }
    axes = [{"name": "c", "type": "channel"}, *({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")]
    scales = [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]}]
    image = {"multiscales": [{"axes": axes, "datasets": scales}]}
    path = folder / "SEEN.zarr"
    root = zarr.create_group(path, attributes={"ome": {"version": "0.5", "plate": plate}})
    store, found = MaskStore(folder / "masks"), []
    for i, name in enumerate(names):
        well = root.require_group(name[0]).create_group(
            name[1:], attributes={"ome": {"version": "0.5", "well": {"images": [{"path": "0"}]}}}
        )
        place = path / name[0] / name[1:] / "0"
        drawing = drawings[i % 2]
        if i < 2:
            made = well.create_group("0", attributes={"ome": {"version": "0.5", **image}})
            pixels = np.stack([drawing.image, drawing.image.T])
            lz4 = BloscCodec(cname="lz4", typesize=2)
            made.create_array("0", data=pixels, chunks=(1, 1024, 1024), compressors=lz4)
        else:
            shutil.copytree(path / names[i % 2][0] / names[i % 2][1:] / "0", place)
    opened = find_plates(path, Registry(), "")[0].plates[0]
    for i, field in enumerate(opened.fields()):
        store.write(field.ref, "0" * 32, Masks({NUCLEI: drawings[i % 2].labels}), {})
        found.append(Wanted(field, "0" * 32, {}))
    return found


def _choosing() -> list[Row]:
    population, predictions, given = _million()
    session: Any = SimpleNamespace(annotations=SimpleNamespace(classes=("k0", "k1")))
    table = _with_classes(session, population, predictions, None)
    rows = []
    for what, query in (
        ("sort 10⁶ cells by doubt", CellQuery(sort="uncertainty", descending=True)),
        ("sort 10⁶ cells by the probability of a class", CellQuery(sort="probability", by="k3", descending=True)),
        ("sort 10⁶ cells by a feature", CellQuery(sort="feature", by="c7")),
        ("filter 10⁶ cells by class, sort by doubt", CellQuery(predicted="k1", sort="uncertainty")),
    ):

        def ask(query: CellQuery = query) -> object:
            return choose(with_annotations(table, given), query, _values(population, predictions, query))

        rows.append(row(what, 1000 * seconds(ask), None, "ms", 300.0))
    new = seconds(lambda: _with_classes(session, population, predictions, None))
    return [*rows, row("… in addition after every cell was predicted anew", 1000 * new, None, "ms")]


def _million() -> tuple[Population, dict[FieldRef, Prediction], dict[FieldRef, dict[int, str]]]:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(SCREEN * EACH, COLUMNS)).astype(np.float32)
    shares = rng.dirichlet(np.ones(CLASSES), SCREEN * EACH).astype(np.float32)
    names, ids = tuple(f"k{i}" for i in range(CLASSES)), np.arange(1, EACH + 1, dtype=np.int32)
    columns = tuple(f"c{i}" for i in range(COLUMNS))
    refs = [FieldRef("P", well_name(1 + i // 216, 1 + i // 9 % 24), 1 + i % 9) for i in range(SCREEN)]
    parts = [slice(i * EACH, (i + 1) * EACH) for i in range(SCREEN)]
    place = np.tile(ids, SCREEN).astype(np.float32)
    chunks = tuple(
        Cells(ref, ids, place[part], place[part], {"b": ColumnBlock(columns, values[part])})
        for ref, part in zip(refs, parts, strict=True)
    )
    count, none = len(place), np.full(len(place), -1, np.int16)
    table = CellTable(
        tuple(refs), tuple(Condition() for _ in refs), np.repeat(np.arange(SCREEN, dtype=np.int32), EACH),
        np.tile(ids, SCREEN), place, place, (), none, none, np.full(count, np.nan, np.float32),
    )  # fmt: skip
    predictions = {ref: Prediction(ref, ids, shares[part], names) for ref, part in zip(refs, parts, strict=True)}
    return Population({}, chunks, table, SIDE), predictions, {ref: {5: "k1", 9: "k0"} for ref in refs[::10]}


def _painting() -> list[Row]:
    """Return how long a page of 60 thumbnails whose pixels are there takes to draw and paint, when it is first seen."""
    from qtpy.QtCore import Qt
    from qtpy.QtGui import QImage, QPixmap
    from qtpy.QtWidgets import QApplication

    from napari_phenotyper.views.cell_grid import CellGrid, Tile
    from napari_phenotyper.views.compositing import GREY, ChannelLook, compose, outline

    app = QApplication.instance() or QApplication(["bench", "-platform", "offscreen"])
    rng = np.random.default_rng(0)
    side = int(SIDE)
    pixels = rng.integers(0, 4000, (2, side, side)).astype(np.uint16)
    own = np.hypot(*(np.mgrid[:side, :side] - side / 2)) < side / 4
    looks = {name: ChannelLook((100.0, 3000.0), GREY) for name in ("DNA", "tubulin")}

    def tile(_: int) -> Tile:
        rgb = outline(compose(pixels, ("DNA", "tubulin"), looks), own)
        image = QImage(rgb.tobytes(), side, side, 3 * side, QImage.Format.Format_RGB888)
        smooth = Qt.TransformationMode.SmoothTransformation
        picture = QPixmap.fromImage(image).scaled(96, 96, Qt.AspectRatioMode.KeepAspectRatio, smooth)
        return Tile(picture, "#0072B2", True, "98% Prometaphase")

    grid = CellGrid(tile, str)
    grid.resize(12 * 114 + 20, 5 * 131)
    grid.set_count(1_000_000)
    bar = grid.verticalScrollBar()

    def page() -> None:
        bar.setValue(bar.value() + bar.pageStep())
        grid.grab()
        app.processEvents()

    return [row("page down: 60 thumbnails drawn and painted", 1000 * seconds(page), None, "ms", 50.0)]
