"""Masks on disk come back as they were, for other programs too, or count as absent."""

from __future__ import annotations

import json
import multiprocessing
import os
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.masks import CELLS, NUCLEI, Masks
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store import label_images
from napari_phenotyper.store.masks import MaskStore

REF = FieldRef("P1", "B03", 2)
KEY = "0123456789abcdef"


def some_masks(side: int = 40) -> Masks:
    nuclei = np.zeros((side, side + 3), np.int32)
    nuclei[2:9, 3:9], nuclei[20:30, 5:12] = 1, 2
    return Masks({NUCLEI: nuclei, CELLS: np.where(nuclei, nuclei, 0).astype(np.int32)}, revision=3)


def test_masks_come_back_with_their_record_and_count(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    store.write(REF, KEY, some_masks(), {"segmenter": "otsu", "pixel_size": 0.65})
    masks = store.read(REF, KEY)
    assert list(masks.labels) == [NUCLEI, CELLS] and masks.revision == 3
    for name, labels in some_masks().labels.items():
        np.testing.assert_array_equal(masks.labels[name], labels)
        assert masks.labels[name].dtype == np.int32
    assert store.has(REF, KEY) and store.keys(REF) == (KEY,) and store.count(REF, KEY) == 2
    assert store.look(REF, KEY) == (2, store.record(REF, KEY))
    assert store.record(REF, KEY) == {"segmenter": "otsu", "pixel_size": 0.65}


@given(hnp.arrays(np.int32, st.tuples(st.integers(0, 30), st.integers(0, 30)), elements=st.integers(0, 40)))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_label_image_round_trips(tmp_path: Path, labels: np.ndarray) -> None:
    store = MaskStore(tmp_path)
    store.drop(REF, KEY)
    store.write(REF, KEY, Masks({NUCLEI: labels}), {})
    np.testing.assert_array_equal(store.read(REF, KEY).labels[NUCLEI], labels)
    assert store.count(REF, KEY) == np.unique(labels[labels > 0]).size


def test_plain_zarr_opens_the_well_and_finds_ngff_labels(tmp_path: Path) -> None:
    MaskStore(tmp_path).write(REF, KEY, some_masks(), {"pixel_size": 0.65})
    well = zarr.open(str(next(tmp_path.glob("*/B03.zarr"))), mode="r")
    group = well[f"f2/{KEY}"]
    assert group.attrs["ome"]["labels"] == [NUCLEI, CELLS]
    ome = group[NUCLEI].attrs["ome"]
    assert ome["version"] == "0.5" and "image-label" in ome
    transform = ome["multiscales"][0]["datasets"][0]["coordinateTransformations"][0]
    assert transform == {"type": "scale", "scale": [0.65, 0.65]}
    np.testing.assert_array_equal(group[f"{NUCLEI}/0"][:], some_masks().labels[NUCLEI])


def test_large_masks_are_cut_into_chunks(tmp_path: Path) -> None:
    MaskStore(tmp_path).write(REF, KEY, Masks({NUCLEI: np.ones((1500, 1100), np.int32)}), {})
    array = zarr.open_array(str(next(tmp_path.glob(f"*/*/f2/{KEY}/nuclei/0"))), mode="r")
    assert max(array.chunks) <= 1024 and len(list(Path(array.store.root).glob("c/*/*"))) == 4


def test_fields_and_keys_do_not_meet(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    empty = Masks({NUCLEI: np.zeros((5, 5), np.int32)})
    store.write(REF, "one", some_masks(), {})
    store.write(REF, "two", empty, {})
    store.write(REF._replace(field=3), "one", empty, {})
    store.write(REF._replace(plate="p1"), "one", empty, {})
    assert store.keys(REF) == ("one", "two")
    assert (store.count(REF, "one"), store.count(REF, "two")) == (2, 0)
    store.drop(REF, "one")
    assert store.keys(REF) == ("two",) and store.has(REF._replace(field=3), "one")


def test_masks_that_are_not_there_are_missed_by_name(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    assert not store.has(REF, KEY) and store.keys(REF) == ()
    for method in (store.read, store.count, store.record):
        with pytest.raises(ProjectError, match="P1 B03 field 2") as caught:
            method(REF, KEY)
        assert caught.value.remedy


def chunk_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("c/*/*") if path.is_file()]


@pytest.mark.parametrize("damage", ["missing", "cut", "overwritten", "metadata"])
def test_damaged_masks_are_told_and_then_count_as_absent(tmp_path: Path, damage: str) -> None:
    store = MaskStore(tmp_path)
    store.write(REF, KEY, some_masks(), {})
    chunk = chunk_files(tmp_path)[0]
    if damage == "missing":
        chunk.unlink()
    elif damage == "cut":
        chunk.write_bytes(chunk.read_bytes()[:-5])
    elif damage == "overwritten":
        chunk.write_bytes(os.urandom(chunk.stat().st_size))
    else:
        (chunk.parents[2] / "zarr.json").write_bytes(b"{")
    with pytest.raises(ProjectError, match="damaged"):
        store.read(REF, KEY)
    assert not store.has(REF, KEY)
    store.write(REF, KEY, some_masks(), {})
    assert store.read(REF, KEY).ids().tolist() == [1, 2]


def test_a_half_written_group_counts_as_absent_and_is_replaced(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    store.write(REF, KEY, some_masks(), {})
    about = next(tmp_path.glob(f"*/*/f2/{KEY}/zarr.json"))
    about.write_text(json.dumps({"zarr_format": 3, "node_type": "group", "attributes": {}}))
    assert not store.has(REF, KEY) and store.keys(REF) == ()
    store.write(REF, KEY, some_masks(), {})
    assert store.count(REF, KEY) == 2


def test_a_write_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(label_images, "_write_attributes", full)
    store = MaskStore(tmp_path)
    with pytest.raises(ProjectError, match="no space"):
        store.write(REF, KEY, some_masks(), {})
    assert not store.has(REF, KEY) and not [p for p in tmp_path.rglob("*") if p.is_file()]


def test_cleaning_keeps_what_is_needed(tmp_path: Path) -> None:
    store = MaskStore(tmp_path)
    for key in ("old", "new"):
        store.write(REF, key, some_masks(), {})
    assert store.clean({"new"}) > 0
    assert store.keys(REF) == ("new",)


def write_same(folder: Path, times: int) -> None:
    store = MaskStore(folder)
    for number in range(times):
        store.write(REF._replace(field=number + 1), KEY, some_masks(), {"segmenter": "otsu"})


def test_two_processes_may_write_the_same_masks_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_same, args=(tmp_path, 12)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    store = MaskStore(tmp_path)
    assert all(store.read(REF._replace(field=n + 1), KEY).ids().size == 2 for n in range(12))
    assert not list(tmp_path.rglob(".tmp-*"))
