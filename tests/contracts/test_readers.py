"""What every plate reader promises. A new reader adds a maker of a small plate in its format."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import tifffile
import zarr

from napari_phenotyper.core.errors import ChannelError, PlateError
from napari_phenotyper.core.registry import Registry

IDS = Registry().ids("reader")
WELLS, FIELDS, CHANNELS, SIZE = ("B02", "C11"), 2, ("DAPI", "GFP"), 16


def pixels(well, field, channel):
    """Pixels that tell where they belong."""
    image = np.full((SIZE, SIZE), 1000 * (WELLS.index(well) + 1) + 100 * field + 10 * channel, np.uint16)
    image[0, 0] = 7
    return image


def tiffs(folder):
    folder.mkdir()
    for well in WELLS:
        for field in range(FIELDS):
            for c, name in enumerate(CHANNELS):
                tifffile.imwrite(folder / f"P1_{well}_s{field + 1}_{name}.tif", pixels(well, field, c))
    return folder


def ome_zarr(folder):
    """An NGFF 0.5 plate."""
    folder = folder.with_suffix(".zarr")
    positions = [(w[0], w[1:]) for w in WELLS]
    plate = {
        "rows": [{"name": r} for r, _ in positions],
        "columns": [{"name": c} for _, c in positions],
        "wells": [{"path": f"{r}/{c}", "rowIndex": i, "columnIndex": i} for i, (r, c) in enumerate(positions)],
    }
    root = zarr.create_group(folder, attributes={"ome": {"version": "0.5", "plate": plate}})
    for well, (row, column) in zip(WELLS, positions, strict=True):
        images = [{"path": str(f)} for f in range(FIELDS)]
        attributes = {"ome": {"version": "0.5", "well": {"images": images}}}
        group = root.require_group(row).create_group(column, attributes=attributes)
        for field in range(FIELDS):
            scale = [{"type": "scale", "scale": [1.0, 0.65, 0.65]}]
            space = ({"name": n, "type": "space", "unit": "micrometer"} for n in "yx")
            axes = [{"name": "c", "type": "channel"}, *space]
            multiscales = [{"axes": axes, "datasets": [{"path": "0", "coordinateTransformations": scale}]}]
            omero = {"channels": [{"label": name} for name in CHANNELS]}
            ome = {"version": "0.5", "multiscales": multiscales, "omero": omero}
            image = group.create_group(str(field), attributes={"ome": ome})
            stack = np.stack([pixels(well, field, c) for c in range(len(CHANNELS))])
            image.create_array("0", data=stack)
    return folder


MAKERS = {"file_pattern": tiffs, "ome_zarr": ome_zarr}


@pytest.fixture(params=IDS)
def reader_and_path(request, tmp_path):
    assert request.param in MAKERS, "write a maker of a small plate in this format"
    return Registry().make("reader", request.param), MAKERS[request.param](tmp_path / "P1")


def test_it_recognises_its_format_and_nothing_else(reader_and_path, tmp_path):
    reader, path = reader_and_path
    empty, text = tmp_path / "empty", tmp_path / "notes.txt"
    empty.mkdir()
    text.write_text("hello")
    assert reader.recognises(path)
    assert not any(reader.recognises(p) for p in (empty, text, tmp_path / "missing"))


def test_it_finds_wells_fields_and_channels(reader_and_path):
    reader, path = reader_and_path
    (plate,) = reader.read(path)
    assert [w.name for w in plate.wells] == list(WELLS)
    assert [len(w.sources) for w in plate.wells] == [FIELDS, FIELDS]
    assert [(c.name, c.role) for c in plate.channels] == [("DAPI", "DNA"), ("GFP", "")]


def test_every_plane_comes_from_its_own_place(reader_and_path):
    reader, path = reader_and_path
    (plate,) = reader.read(path)
    for field in plate.fields():
        image = field.read()
        for c in range(len(CHANNELS)):
            assert np.array_equal(image[c], pixels(field.ref.well, field.ref.field - 1, c))


def test_the_first_row_and_column_are_the_first(reader_and_path):
    reader, path = reader_and_path
    image = next(reader.read(path)[0].fields()).read(["DNA"], region=(slice(0, 2), slice(0, 3)))
    assert image.shape == (1, 2, 3) and image[0, 0, 0] == 7 and (image[0, 1] != 7).all()


def test_it_tells_shape_and_type_before_a_pixel_is_read(reader_and_path):
    reader, path = reader_and_path
    info = next(reader.read(path)[0].fields()).info
    assert info.shape == (1, 2, 1, SIZE, SIZE) and info.dtype == "uint16" and info.levels[0] == (SIZE, SIZE)


def test_a_channel_that_is_not_there_is_told_with_those_that_are(reader_and_path):
    reader, path = reader_and_path
    with pytest.raises(ChannelError, match="DAPI"):
        next(reader.read(path)[0].fields()).read(["actin"])


def test_plates_travel_to_other_processes(reader_and_path):
    reader, path = reader_and_path
    (plate,) = pickle.loads(pickle.dumps(reader)).read(path)
    field = pickle.loads(pickle.dumps(next(plate.fields())))
    assert np.array_equal(field.read(), next(plate.fields()).read())
    assert len(pickle.dumps(field)) < 5000


def test_fingerprints_differ_between_fields_and_stay_for_a_field(reader_and_path):
    reader, path = reader_and_path
    first, again = ([f.source.fingerprint() for f in reader.read(path)[0].fields()] for _ in range(2))
    assert first == again and len(set(first)) == len(first)


def test_reading_what_is_no_plate_says_what_to_do(reader_and_path, tmp_path):
    reader, _ = reader_and_path
    empty = tmp_path / "nothing"
    empty.mkdir()
    with pytest.raises(PlateError) as caught:
        reader.read(empty)
    assert caught.value.remedy


def test_nothing_is_written_into_the_plate(reader_and_path):
    reader, path = reader_and_path
    before = sorted(path.rglob("*"))
    for field in reader.read(path)[0].fields():
        field.read()
    assert sorted(path.rglob("*")) == before
