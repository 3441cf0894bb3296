"""OME-Zarr plates."""

from __future__ import annotations

import itertools
import json
import os
import pickle
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st

from napari_phenotyper.core.errors import PixelError, PlateError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import PLATE_SHAPES, plate_order, row_letters, well_name
from napari_phenotyper.readers.ome_zarr import OmeZarr

SIZES = {"t": 2, "c": 3, "z": 2, "y": 6, "x": 8}


def attributes(folder: Path, found: Mapping[str, Any], version: str = "0.4") -> None:
    """Write a group's attributes where an NGFF version keeps them."""
    folder.mkdir(parents=True, exist_ok=True)
    if version == "0.5":
        about = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **found}}}
        (folder / "zarr.json").write_text(json.dumps(about))
    else:
        (folder / ".zgroup").write_text('{"zarr_format": 2}')
        (folder / ".zattrs").write_text(json.dumps(found))


def image(
    folder: Path,
    axes: str = "cyx",
    version: str = "0.4",
    value: int = 0,
    levels: int = 2,
    scale: float = 0.5,
    unit: str | None = "micrometer",
    omero: Mapping[str, Any] | None = None,
) -> np.ndarray:
    """Write an image pyramid; return its pixels at full resolution, counted up from `value`."""
    kinds = {"t": "time", "c": "channel"}
    named = [
        {"name": a, "type": kinds.get(a, "space"), **({"unit": unit} if unit and a in "zyx" else {})} for a in axes
    ]
    scales = [[scale * 2**i if a in "yx" else 1.0 for a in axes] for i in range(levels)]
    datasets = [
        {"path": str(i), "coordinateTransformations": [{"type": "scale", "scale": s}]} for i, s in enumerate(scales)
    ]
    found: dict[str, Any] = {"multiscales": [{"axes": named, "datasets": datasets, "version": version}]}
    attributes(folder, found | ({"omero": omero} if omero else {}), version)
    shape = [SIZES[a] for a in axes]
    full = (np.arange(np.prod(shape)).reshape(shape) + value).astype(np.uint16)
    for level in range(levels):
        step = tuple(slice(None, None, 2**level) if a in "yx" else slice(None) for a in axes)
        store(folder / str(level), full[step], version)
    return full


def store(folder: Path, pixels: np.ndarray, version: str) -> None:
    kind: dict[str, Any] = {"zarr_format": 3}
    if version != "0.5":
        kind = {"zarr_format": 2, "chunk_key_encoding": {"name": "v2", "separator": "/"}}
    array = zarr.create_array(str(folder), shape=pixels.shape, chunks=pixels.shape, dtype=pixels.dtype, **kind)
    array[:] = pixels


def plate(
    folder: Path, wells: Sequence[str], fields: int = 1, version: str = "0.4", **options: Any
) -> dict[str, np.ndarray]:
    """Write a plate; return the pixels by "B/3/0"."""
    listed = [{"path": path, "rowIndex": 0, "columnIndex": 0} for path in wells]
    attributes(folder, {"plate": {"version": version, "wells": listed}}, version)
    pixels = {}
    for n, (path, field) in enumerate(itertools.product(wells, range(fields))):
        images = [{"path": str(f)} for f in range(fields)]
        attributes(folder / path, {"well": {"images": images, "version": version}}, version)
        pixels[f"{path}/{field}"] = image(folder / path / str(field), version=version, value=100 * n, **options)
    return pixels


def only(folder: Path) -> Plate:
    (found,) = OmeZarr().read(folder)
    return found


@settings(max_examples=8, deadline=None)
@given(st.data(), st.sampled_from([96, 384, 1536]), st.integers(1, 3), st.sampled_from(["0.4", "0.5"]))
def test_any_wells_and_fields_come_back(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, size: int, fields: int, version: str
) -> None:
    rows, columns = PLATE_SHAPES[size]
    places = st.tuples(st.integers(1, rows), st.integers(1, columns))
    chosen = data.draw(st.lists(places, min_size=1, max_size=3, unique=True))
    folder = tmp_path_factory.mktemp("plates") / "P1.zarr"
    pixels = plate(folder, [f"{row_letters(r)}/{c}" for r, c in chosen], fields, version, levels=1)
    assert OmeZarr().recognises(folder)
    found = only(folder)
    assert found.name == "P1"
    assert not found.problems
    assert [w.name for w in found.wells] == sorted((well_name(*place) for place in chosen), key=plate_order)
    for (row, column), number in itertools.product(chosen, range(fields)):
        image = found.field(well_name(row, column), number + 1).read()
        np.testing.assert_array_equal(image, pixels[f"{row_letters(row)}/{column}/{number}"])


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "czyx", "tyx", "tcyx", "tzyx", "tczyx", "cxy", "yxc"])
def test_any_subset_of_axes_is_read(tmp_path: Path, axes: str, version: str) -> None:
    pixels = image(tmp_path, axes, version)
    source = only(tmp_path).field("A01", 1).source
    shape = tuple(SIZES[a] if a in axes else 1 for a in "tczyx")
    assert source.info().shape == shape
    for t, c, z in itertools.product(*(range(n) for n in shape[:3])):
        at = {"t": t, "c": c, "z": z}
        expected = pixels[tuple(at.get(a, slice(None)) for a in axes)]
        expected = expected if axes.index("y") < axes.index("x") else expected.T
        np.testing.assert_array_equal(source.plane(t, c, z, 0, None), expected)
        part = source.plane(t, c, z, 0, (slice(1, 3), slice(2, 7)))
        np.testing.assert_array_equal(part, expected[1:3, 2:7])


@pytest.mark.parametrize("axes", ["yx", "tczyx", "yxc"])
def test_windows_are_parts_of_what_is_read(tmp_path: Path, axes: str) -> None:
    image(tmp_path, axes)
    field = only(tmp_path).field("A01", 1)
    regions = [(slice(0, 2), slice(1, 4)), (slice(2, 6), slice(3, 8)), (slice(3, 3), slice(0, 2))]
    for window, region in zip(field.windows(regions), regions, strict=True):
        np.testing.assert_array_equal(window, field.read(region=region))


def test_a_window_on_a_damaged_chunk_is_named_with_its_remedy(tmp_path: Path) -> None:
    image(tmp_path)
    next(path for path in (tmp_path / "0").rglob("0") if path.is_file()).write_bytes(b"no chunk")
    with pytest.raises(PixelError, match="Copy the plate again"):
        only(tmp_path).field("A01", 1).windows([(slice(0, 2), slice(0, 2))])


def test_pyramid_levels_are_listed_and_read(tmp_path: Path) -> None:
    pixels = image(tmp_path, levels=2)
    field = only(tmp_path).field("A01", 1)
    assert field.info.levels == ((6, 8), (3, 4))
    np.testing.assert_array_equal(field.read(level=1), pixels[:, ::2, ::2])


def test_a_pyramid_level_that_is_missing_on_disk_is_left_out(tmp_path: Path) -> None:
    image(tmp_path, levels=2)
    shutil.rmtree(tmp_path / "1")
    field = only(tmp_path).field("A01", 1)
    assert field.info.levels == ((6, 8),)
    with pytest.raises(PixelError, match="no pyramid level 1"):
        field.read(level=1)


@pytest.mark.parametrize(
    ("scale", "unit", "expected"),
    [
        (0.5, "micrometer", 0.5),
        (500.0, "nanometer", 0.5),
        (0.0005, "millimeter", 0.5),
        (1.0, "micrometer", 1.0),
        (0.5, None, 0.5),
        (1.0, None, None),
        (0.5, "parsec", None),
    ],
)
def test_the_pixel_size_is_in_micrometres(
    tmp_path: Path, scale: float, unit: str | None, expected: float | None
) -> None:
    image(tmp_path, scale=scale, unit=unit)
    assert only(tmp_path).field("A01", 1).info.pixel_size == (None if expected is None else pytest.approx(expected))


def test_a_scale_of_the_whole_pyramid_counts_too(tmp_path: Path) -> None:
    image(tmp_path, scale=0.5)
    found = json.loads((tmp_path / ".zattrs").read_text())
    found["multiscales"][0]["coordinateTransformations"] = [{"type": "scale", "scale": [1.0, 3.0, 3.0]}]
    attributes(tmp_path, found)
    assert only(tmp_path).field("A01", 1).info.pixel_size == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("channels", "names"),
    [
        (
            [{"label": "DAPI"}, {"label": "GFP", "window": {"min": "0", "max": "10"}}, {"name": "Cy5"}],
            ["DAPI", "GFP", "Cy5"],
        ),
        ([{"wavelength_id": "A01_C01"}], ["A01_C01", "c1", "c2"]),
        ([{"label": "a"}, {"label": "A"}, {}], ["a", "A c1", "c2"]),
        ([{"label": str(i)} for i in range(5)], ["0", "1", "2"]),
        ("nonsense", ["c0", "c1", "c2"]),
    ],
)
def test_channels_are_named_by_omero_where_it_names_them(tmp_path: Path, channels: Any, names: list[str]) -> None:
    image(tmp_path, omero={"channels": channels})
    assert [c.name for c in only(tmp_path).channels] == names


def test_old_versions_without_named_axes_have_five(tmp_path: Path) -> None:
    pixels = image(tmp_path, "tczyx")
    attributes(tmp_path, {"multiscales": [{"version": "0.1", "datasets": [{"path": "0"}]}]})
    field = only(tmp_path).field("A01", 1)
    assert field.info.shape == tuple(SIZES.values())
    np.testing.assert_array_equal(field.read(t=1, z=1), pixels[1, :, 1])


def test_paths_may_be_numbers(tmp_path: Path) -> None:
    pixels = plate(tmp_path, ["B/3"])
    attributes(tmp_path / "B" / "3", {"well": {"images": [{"path": 0}]}})
    found = json.loads((tmp_path / "B" / "3" / "0" / ".zattrs").read_text())
    found["multiscales"][0]["datasets"][0]["path"] = 0
    attributes(tmp_path / "B" / "3" / "0", found)
    np.testing.assert_array_equal(only(tmp_path).field("B03", 1).read(), pixels["B/3/0"])


def test_a_well_without_attributes_lists_its_numbered_folders(tmp_path: Path) -> None:
    plate(tmp_path, ["B/3"], fields=11, levels=1)
    (tmp_path / "B" / "3" / ".zattrs").unlink()
    (tmp_path / "B" / "3" / "tables").mkdir()
    assert only(tmp_path).well("B03").names == tuple(str(i) for i in range(11))


def test_a_plate_that_lists_no_wells_is_read_by_its_folders(tmp_path: Path) -> None:
    plate(tmp_path, ["B/3", "AA/10"])
    attributes(tmp_path, {"plate": {}})
    assert [w.name for w in only(tmp_path).wells] == ["B03", "AA10"]


def test_wells_in_numbered_rows_are_told_by_their_position(tmp_path: Path) -> None:
    plate(tmp_path, ["2/3"])
    attributes(tmp_path, {"plate": {"wells": [{"path": "2/3", "rowIndex": 1, "columnIndex": 2}, {"path": "x"}]}})
    found = only(tmp_path)
    assert [w.name for w in found.wells] == ["B03"]
    assert any("1 of 2 wells name no place" in problem for problem in found.problems)


def test_wells_and_fields_that_are_not_there_are_told_and_the_rest_opens(tmp_path: Path) -> None:
    plate(tmp_path, ["A/1", "A/2", "A/3"], fields=2)
    shutil.rmtree(tmp_path / "A" / "2")
    shutil.rmtree(tmp_path / "A" / "3" / "0")
    found = only(tmp_path)
    assert {w.name: w.names for w in found.wells} == {"A01": ("0", "1"), "A03": ("1",)}
    assert any("A/2" in problem and "A/3/0" in problem for problem in found.problems)


def test_each_acquisition_is_a_plate(tmp_path: Path) -> None:
    plate(tmp_path, ["A/1"], fields=3)
    images = [{"path": "0", "acquisition": 0}, {"path": "1", "acquisition": 1}, {"path": "2", "acquisition": 1}]
    attributes(tmp_path / "A" / "1", {"well": {"images": images}})
    about = {"name": "P", "wells": [{"path": "A/1"}], "acquisitions": [{"id": 0, "name": "live"}, {"id": 1}]}
    attributes(tmp_path, {"plate": about})
    found = OmeZarr().read(tmp_path)
    assert {p.name: p.well("A01").names for p in found} == {"P live": ("0",), "P 1": ("1", "2")}
    assert found[0].acquisition == {"acquisition": "live"}


def test_a_folder_of_plates_opens_as_all_of_them_under_their_own_names(tmp_path: Path) -> None:
    for name in ("P2.ome.zarr", "P10.zarr", "other.zarr"):
        plate(tmp_path / name, ["A/1"], levels=1)
    attributes(tmp_path / "other.zarr", {"plate": {"name": "P2", "wells": [{"path": "A/1"}]}})
    image(tmp_path / "lone.zarr", levels=1)
    assert OmeZarr().recognises(tmp_path)
    assert [p.name for p in OmeZarr().read(tmp_path)] == ["P2", "P2 2", "P10"]


def test_opening_reads_the_metadata_of_one_field_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plate(tmp_path, ["A/1", "A/2"], fields=3, levels=1)
    opened: list[Path] = []
    plain = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: opened.append(path) or plain(path))
    only(tmp_path)
    assert {path.parent.relative_to(tmp_path).as_posix() for path in opened} == {".", "A/1", "A/2", "A/1/0", "A/1/0/0"}


def test_a_source_is_small_and_survives_pickling(tmp_path: Path) -> None:
    pixels = plate(tmp_path, ["B/3"])
    source = only(tmp_path).field("B03", 1).source
    source.info()
    copy = pickle.loads(pickle.dumps(source))
    assert copy == source
    assert len(pickle.dumps(source)) < 2000
    np.testing.assert_array_equal(copy.plane(0, 1, 0, 0, None), pixels["B/3/0"][1])


def test_the_fingerprint_changes_with_metadata_and_chunks_and_not_with_the_place(tmp_path: Path) -> None:
    for folder in (tmp_path / "a" / "P.zarr", tmp_path / "b" / "P.zarr"):
        plate(folder, ["B/3"], version="0.5")
        for path in folder.rglob("*"):
            os.utime(path, (1e9, 1e9))
    here, there = (only(tmp_path / name / "P.zarr").field("B03", 1).source for name in "ab")
    before = here.fingerprint()
    assert before == there.fingerprint()
    full = tmp_path / "a" / "P.zarr" / "B" / "3" / "0" / "0"
    os.utime(full / "c" / "0", (2e9, 2e9))
    after = here.fingerprint()
    assert after != before
    os.utime(full / "zarr.json", (2e9, 2e9))
    assert here.fingerprint() not in (before, after)


@pytest.mark.parametrize("place", [(0, 3, 0, 0), (1, 0, 0, 0), (0, 0, 1, 0), (0, -1, 0, 0), (0, 0, 0, 9)])
def test_a_plane_that_is_not_there_is_refused_by_name(tmp_path: Path, place: tuple[int, int, int, int]) -> None:
    plate(tmp_path, ["B/3"])
    with pytest.raises(PixelError, match="B03 field 1 has no") as caught:
        only(tmp_path).field("B03", 1).source.plane(*place, None)
    assert caught.value.remedy


def test_a_damaged_chunk_is_named_with_its_remedy(tmp_path: Path) -> None:
    image(tmp_path, levels=1)
    chunk = next(path for path in (tmp_path / "0").rglob("*") if path.is_file() and not path.name.startswith(".z"))
    chunk.write_bytes(b"broken")
    with pytest.raises(PixelError, match="A01 field 1") as caught:
        only(tmp_path).field("A01", 1).read()
    assert "Copy the plate again" in caught.value.remedy


def test_a_missing_chunk_reads_as_blank(tmp_path: Path) -> None:
    image(tmp_path, levels=1)
    chunk = next(path for path in (tmp_path / "0").rglob("*") if path.is_file() and not path.name.startswith(".z"))
    chunk.unlink()
    assert not only(tmp_path).field("A01", 1).read().any()


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "null", '{"multiscales": []}', '{"multiscales": [{"datasets": []}]}']
)
def test_a_field_with_damaged_metadata_is_named_and_the_others_open(tmp_path: Path, content: str) -> None:
    pixels = plate(tmp_path, ["A/1", "A/2"])
    (tmp_path / "A" / "1" / "0" / ".zattrs").write_text(content)
    found = only(tmp_path)
    np.testing.assert_array_equal(found.field("A02", 1).read(), pixels["A/2/0"])
    with pytest.raises(PixelError, match=r"A.1.0"):
        found.field("A01", 1).read()


@pytest.mark.parametrize("axes", [["c", "x"], ["q", "y", "x"], ["y", "y", "x"], [{}, "y", "x"]])
def test_impossible_axes_are_refused(tmp_path: Path, axes: list[Any]) -> None:
    image(tmp_path)
    attributes(tmp_path, {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]})
    with pytest.raises(PlateError, match="axes"):
        OmeZarr().read(tmp_path)


def test_axes_that_do_not_fit_the_array_are_refused(tmp_path: Path) -> None:
    image(tmp_path)
    attributes(tmp_path, {"multiscales": [{"axes": ["y", "x"], "datasets": [{"path": "0"}]}]})
    with pytest.raises(PlateError, match="'yx', its arrays have 3"):
        OmeZarr().read(tmp_path)


@pytest.mark.parametrize("found", [{"plate": {}}, {"plate": None}, {"plate": {"wells": [{"path": "A/1"}, 7, None]}}])
def test_a_plate_without_a_single_field_says_so(tmp_path: Path, found: dict[str, Any]) -> None:
    attributes(tmp_path, found)
    with pytest.raises(PlateError, match="no field in any well"):
        OmeZarr().read(tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]", "text"])
def test_a_plate_with_damaged_metadata_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / ".zattrs").write_text(content)
    assert not OmeZarr().recognises(tmp_path)
    with pytest.raises(PlateError, match="zattrs"):
        OmeZarr().read(tmp_path)


def test_what_is_no_ome_zarr_is_not_recognised_and_reading_says_what_was_looked_for(tmp_path: Path) -> None:
    (tmp_path / "file.txt").write_text("text")
    for path in (tmp_path, tmp_path / "file.txt", tmp_path / "missing"):
        assert not OmeZarr().recognises(path)
        with pytest.raises(PlateError, match="looked for"):
            OmeZarr().read(path)
