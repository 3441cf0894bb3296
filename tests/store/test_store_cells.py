"""Cells on disk: found by their keys, put together from whichever files hold them, measured once."""

from __future__ import annotations

import multiprocessing
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.errors import ProjectError, TableError
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.store.cell_files import CellKeys, MeasuredField
from napari_phenotyper.store.cells import CellStore

COLUMNS = {"shape": ("Area", "Form"), "texture": ("T1", "T2", "T3")}


def measured(
    ref: FieldRef, rows: int = 5, mask: str = "m", seed: int = 0, blocks: Mapping[str, str] | None = None
) -> MeasuredField:
    """A field measured by some extractors; the values follow from the keys."""
    blocks = {"shape": "s1", "texture": "t1"} if blocks is None else blocks
    made = {}
    for name, key in blocks.items():
        chance = np.random.default_rng([ref.field, rows, seed, *key.encode()])
        made[name] = ColumnBlock(COLUMNS[name], chance.normal(size=(rows, len(COLUMNS[name]))).astype(np.float32))
    ids = np.arange(1, rows + 1, dtype=np.int32)
    cells = Cells(ref, ids, ids.astype(np.float32) * 2, ids.astype(np.float32) * 3, made)
    return MeasuredField(cells, mask, blocks)


def same(a: Cells | None, b: Cells) -> None:
    assert a is not None and a.field == b.field and a.columns == b.columns
    for name in ("ids", "y", "x"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
    np.testing.assert_array_equal(a.matrix(), b.matrix())
    assert a.matrix().dtype == np.float32 and a.ids.dtype == np.int32


def fields(well: str, number: int = 3, plate: str = "P1") -> list[FieldRef]:
    return [FieldRef(plate, well, i + 1) for i in range(number)]


def plate_on_disk(store: CellStore, wells: tuple[str, ...] = ("B03", "A02", "A10")) -> dict[FieldRef, MeasuredField]:
    """Measure three wells of three fields, one of which has no cells."""
    made = {}
    for n, well in enumerate(wells):
        chunks = [measured(ref, rows=(ref.field - 1) * 4, seed=n) for ref in fields(well)]
        store.put(WellRef("P1", well), chunks)
        made.update({chunk.cells.field: chunk for chunk in chunks})
    return made


def wanted_of(made: Mapping[FieldRef, MeasuredField]) -> dict[FieldRef, CellKeys]:
    return {ref: CellKeys(chunk.mask_key, chunk.block_keys) for ref, chunk in made.items()}


def test_cells_come_back_as_they_were_measured(tmp_path: Path) -> None:
    made = plate_on_disk(CellStore(tmp_path))
    store = CellStore(tmp_path)
    for ref, chunk in made.items():
        assert store.has(ref, chunk.mask_key, chunk.block_keys)
        same(store.get(ref, chunk.mask_key, chunk.block_keys), chunk.cells)


@given(st.lists(st.integers(0, 6), min_size=1, max_size=4), st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_numbers_of_cells_round_trip_through_both_kinds_of_file(
    tmp_path_factory: pytest.TempPathFactory, rows: list[int], compacted: bool
) -> None:
    store = CellStore(tmp_path_factory.mktemp("cells"))
    chunks = [measured(ref, n) for ref, n in zip(fields("B03", len(rows)), rows, strict=True)]
    store.put(WellRef("P1", "B03"), chunks)
    wanted = wanted_of({c.cells.field: c for c in chunks})
    if compacted:
        store.compact("P1", wanted)
    for chunk in chunks:
        same(store.get(chunk.cells.field, *wanted[chunk.cells.field]), chunk.cells)


def test_the_columns_come_in_the_order_that_was_asked_for(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    cells = store.get(FieldRef("P1", "B03", 2), "m", {"texture": "t1", "shape": "s1"})
    assert cells is not None and cells.columns == (*COLUMNS["texture"], *COLUMNS["shape"])
    only = store.get(FieldRef("P1", "B03", 2), "m", {"texture": "t1"})
    assert only is not None
    np.testing.assert_array_equal(only.matrix(), made[FieldRef("P1", "B03", 2)].cells.blocks["texture"].values)


def test_places_of_cells_can_be_had_without_columns(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    store.put(WellRef("P1", "B03"), [measured(FieldRef("P1", "B03", 1), blocks={})])
    cells = store.get(FieldRef("P1", "B03", 1), "m", {})
    assert cells is not None and len(cells) == 5 and cells.columns == ()


def test_cells_under_other_keys_are_not_found(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    plate_on_disk(store)
    ref = FieldRef("P1", "B03", 2)
    assert store.get(ref, "other mask", {"shape": "s1"}) is None
    assert store.get(ref, "m", {"shape": "s2"}) is None
    assert store.missing(ref, "m", {"shape": "s1", "texture": "t2"}) == ("texture",)
    assert store.missing(ref, "other mask", {"shape": "s1"}) is None
    assert not store.has(FieldRef("P2", "B03", 2), "m", {})


@pytest.mark.parametrize("compacted", [False, True])
def test_a_changed_extractor_is_measured_alone_and_changing_back_finds_the_old_columns(
    tmp_path: Path, compacted: bool
) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    if compacted:
        store.compact("P1", wanted_of(made))
    ref = FieldRef("P1", "B03", 3)
    new = {"shape": "s1", "texture": "t2"}
    assert store.missing(ref, "m", new) == ("texture",)
    again = measured(ref, 8, seed=0, blocks={"texture": "t2"})
    store.put(ref.well_ref, [again])
    cells = CellStore(tmp_path).get(ref, "m", new)
    assert cells is not None
    np.testing.assert_array_equal(cells.blocks["shape"].values, made[ref].cells.blocks["shape"].values)
    np.testing.assert_array_equal(cells.blocks["texture"].values, again.cells.blocks["texture"].values)
    same(store.get(ref, "m", {"shape": "s1", "texture": "t1"}), made[ref].cells)


def test_a_corrected_field_is_measured_alone(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    corrected = measured(FieldRef("P1", "B03", 2), rows=9, mask="m2")
    store.put(WellRef("P1", "B03"), [corrected])
    made[corrected.cells.field] = corrected
    for ref, keys in wanted_of(made).items():
        same(store.get(ref, *keys), made[ref].cells)


def test_compacting_makes_one_file_with_a_row_group_per_well(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    path = store.compact("P1", wanted_of(made))
    assert path is not None and [p.name for p in path.parent.iterdir()] == [path.name]
    assert pq.read_metadata(path).num_row_groups == 3
    table = pq.read_table(path)
    assert table.column_names == ["field", "id", "y", "x", *COLUMNS["shape"], *COLUMNS["texture"]]
    assert table.num_rows == 3 * (0 + 4 + 8)
    for other in (store, CellStore(tmp_path)):
        for ref, chunk in made.items():
            same(other.get(ref, chunk.mask_key, chunk.block_keys), chunk.cells)


def test_compacting_keeps_the_files_of_other_keys_and_leaves_out_what_is_not_measured(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    ref = FieldRef("P1", "B03", 2)
    store.put(ref.well_ref, [measured(ref, 4, blocks={"shape": "old"})])
    wanted = wanted_of(made) | {FieldRef("P1", "H12", 1): CellKeys("m", {})}
    assert store.compact("P1", wanted) == store.compact("P1", wanted)
    assert store.get(ref, "m", {"shape": "old"}) is not None
    assert store.compact("P1", {FieldRef("P1", "H12", 1): CellKeys("m", {})}) is None


def test_a_reader_follows_when_files_are_compacted_behind_its_back(tmp_path: Path) -> None:
    reader, writer = CellStore(tmp_path), CellStore(tmp_path)
    made = plate_on_disk(writer)
    ref = FieldRef("P1", "A02", 2)
    assert reader.has(ref, "m", {"shape": "s1"})
    writer.compact("P1", wanted_of(made))
    same(reader.get(ref, "m", made[ref].block_keys), made[ref].cells)


def test_fields_with_other_columns_share_a_file(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    one, two = fields("B03", 2)
    chunks = [measured(one, 3, blocks={"shape": "s1"}), measured(two, 4, blocks={"texture": "t1"})]
    store.put(one.well_ref, chunks)
    wanted = wanted_of({c.cells.field: c for c in chunks})
    store.compact("P1", wanted)
    for chunk, mapped in zip(chunks, store.matrix("P1", wanted), strict=True):
        same(store.get(chunk.cells.field, *wanted[chunk.cells.field]), chunk.cells)
        same(mapped, chunk.cells)


def test_a_column_that_two_extractors_gave_is_refused(tmp_path: Path) -> None:
    chunk = measured(FieldRef("P1", "B03", 1), blocks={"shape": "s1"})
    block = chunk.cells.blocks["shape"]
    twice = replace(chunk.cells, blocks={"a": block, "b": block})
    with pytest.raises(TableError, match="'Area' was measured twice"):
        CellStore(tmp_path).put(WellRef("P1", "B03"), [MeasuredField(twice, "m", {"a": "1", "b": "2"})])


@pytest.mark.parametrize("compacted", [False, True])
def test_the_matrix_is_mapped_and_its_chunks_are_views(tmp_path: Path, compacted: bool) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    wanted = wanted_of(made)
    if compacted:
        store.compact("P1", wanted)
    first, again = store.matrix("P1", wanted), CellStore(tmp_path).matrix("P1", wanted)
    for chunks in (first, again):
        for chunk, ref in zip(chunks, made, strict=True):
            same(chunk, made[ref].cells)
            for block in chunk.blocks.values():
                assert not block.values.flags.owndata and not block.values.flags.writeable


def test_the_matrix_is_not_written_anew_for_one_corrected_field(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store, tuple(f"A{n:02d}" for n in range(1, 6)))
    store.matrix("P1", wanted_of(made))
    files = sorted(p.name for p in tmp_path.glob("*/matrix-*"))
    made[FieldRef("P1", "A01", 2)] = corrected = measured(FieldRef("P1", "A01", 2), rows=9, mask="m2")
    store.put(WellRef("P1", "A01"), [corrected])
    for chunk, ref in zip(store.matrix("P1", wanted_of(made)), made, strict=True):
        same(chunk, made[ref].cells)
    assert sorted(p.name for p in tmp_path.glob("*/matrix-*")) == files


def test_a_matrix_of_other_content_takes_the_place_of_the_old_one(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    old = store.matrix("P1", wanted_of(made))
    few = {ref: CellKeys("m", {"shape": "s1"}) for ref in made}
    new = store.matrix("P1", few)
    assert len(list(tmp_path.glob("*/matrix-*"))) == 3
    for a, b, ref in zip(old, new, made, strict=True):
        same(a, made[ref].cells)
        np.testing.assert_array_equal(b.matrix(), made[ref].cells.blocks["shape"].values)


def test_a_matrix_of_nothing_is_empty(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    assert store.matrix("P1", {}) == ()
    blank = FieldRef("P1", "B03", 1)
    store.put(blank.well_ref, [measured(blank, 0)])
    (chunk,) = store.matrix("P1", {blank: CellKeys("m", {"shape": "s1"})})
    assert len(chunk) == 0 and chunk.columns == COLUMNS["shape"]


def test_a_damaged_matrix_is_written_again(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    store.matrix("P1", wanted_of(made))
    next(tmp_path.glob("*/matrix-*[0-9a-f].npy")).write_bytes(b"short")
    for chunk, ref in zip(store.matrix("P1", wanted_of(made)), made, strict=True):
        same(chunk, made[ref].cells)


def test_a_reader_without_the_right_to_write_gets_the_cells_without_a_matrix(tmp_path: Path) -> None:
    made = plate_on_disk(CellStore(tmp_path))

    def refuse() -> None:
        raise ProjectError("Reading only.")

    for chunk, ref in zip(CellStore(tmp_path, refuse).matrix("P1", wanted_of(made)), made, strict=True):
        same(chunk, made[ref].cells)
    assert not list(tmp_path.glob("*/matrix-*"))


@pytest.mark.parametrize("damage", ["footer", "pages"])
def test_a_damaged_table_counts_as_missing_and_is_measured_again(tmp_path: Path, damage: str) -> None:
    made = plate_on_disk(CellStore(tmp_path), ("B03",))
    path = next(tmp_path.glob("*/B03-*.parquet"))
    raw = bytearray(path.read_bytes())
    ref = FieldRef("P1", "B03", 2)
    keys = wanted_of(made)[ref]
    store = CellStore(tmp_path)
    if damage == "footer":
        path.write_bytes(raw[:-20])
    else:
        raw[4:400] = bytes(396)
        path.write_bytes(raw)
        with pytest.raises(ProjectError, match=r"B03-.*damaged"):
            store.get(ref, *keys)
    assert store.get(ref, *keys) is None and not store.has(ref, *keys)
    store.put(ref.well_ref, list(made.values()))
    same(store.get(ref, *keys), made[ref].cells)


def test_cleaning_keeps_what_is_needed(tmp_path: Path) -> None:
    store = CellStore(tmp_path)
    made = plate_on_disk(store)
    ref = FieldRef("P1", "B03", 2)
    store.put(ref.well_ref, [measured(ref, 4, blocks={"shape": "old"})])
    store.matrix("P1", wanted_of(made))
    assert store.clean({"m", "s1", "t1"}) > 0
    assert store.get(ref, "m", {"shape": "old"}) is None
    same(store.get(ref, *wanted_of(made)[ref]), made[ref].cells)
    assert len(list(tmp_path.glob("*/matrix-*"))) == 3
    store.clean(set())
    assert not [p for p in tmp_path.rglob("*") if p.is_file()]


def put_same(folder: Path) -> None:
    store = CellStore(folder)
    for well in ("A01", "A02", "A03"):
        store.put(WellRef("P1", well), [measured(ref) for ref in fields(well)])


def test_two_processes_may_write_the_same_wells_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=put_same, args=(tmp_path,)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0]
    store = CellStore(tmp_path)
    for ref in fields("A02"):
        same(store.get(ref, "m", {"shape": "s1", "texture": "t1"}), measured(ref).cells)
    assert len(list(tmp_path.glob("*/*"))) == 3
