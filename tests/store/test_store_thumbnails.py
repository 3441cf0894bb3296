"""Thumbnails on disk."""

from __future__ import annotations

import numpy as np
import pytest

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.project import THUMBNAILS, Project
from napari_phenotyper.store.thumbnails import Thumbnail, ThumbnailStore


@pytest.fixture
def store(tmp_path):
    return ThumbnailStore(tmp_path / THUMBNAILS)


def thumbnail(seed=0, dtype=np.uint16, shape=(2, 5, 4)):
    return Thumbnail(np.random.default_rng(seed).integers(0, 200, shape).astype(dtype), (500, 400))


def put(store, kept, plate="P1"):
    store.put_many({FieldRef(plate, "B02", i): (key, one) for i, (key, one) in enumerate(kept.items(), 1)})


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_thumbnails_come_back_as_they_were_kept(store, dtype):
    kept = {f"key{i}": thumbnail(i, dtype) for i in range(3)}
    put(store, kept)
    found = store.get_many([*kept, "another"], (5, 4))
    assert set(found) == set(kept)
    for key, one in kept.items():
        assert np.array_equal(found[key].pixels, one.pixels) and found[key].pixels.dtype == dtype
        assert found[key].shape == (500, 400)


def test_more_keys_than_sqlite_takes_at_once_are_found(store):
    kept = {f"key{i}": thumbnail(i, np.uint8, (1, 2, 2)) for i in range(1200)}
    put(store, kept)
    assert len(store.get_many(kept, (2, 2))) == 1200


def test_another_size_is_another_thumbnail(store):
    put(store, {"key": thumbnail()})
    put(store, {"key": thumbnail(shape=(2, 9, 9))})
    assert store.get_many(["key"], (5, 4))["key"].pixels.shape == (2, 5, 4)
    assert store.get_many(["key"], (9, 9))["key"].pixels.shape == (2, 9, 9)
    assert not store.get_many(["key"], (7, 7))


def test_what_a_plate_was_last_seen_as_is_found_by_its_name(store):
    put(store, {"a": thumbnail(1), "b": thumbnail(2)})
    put(store, {"c": thumbnail(3)}, "P2")
    found = store.last_seen("P1", (5, 4))
    assert {ref.field: key for ref, (key, _) in found.items()} == {1: "a", 2: "b"}
    assert np.array_equal(found[FieldRef("P1", "B02", 2)][1].pixels, thumbnail(2).pixels)
    assert not store.last_seen("P1", (9, 9)) and not store.last_seen("P3", (5, 4))


def test_cleaning_drops_what_no_key_needs_and_frees_its_bytes(store):
    put(store, {key: thumbnail(shape=(2, 100, 100)) for key in ("old", "new")})
    assert store.clean({"new"}) > 30_000
    assert set(store.get_many(["old", "new"], (100, 100))) == {"new"}
    assert store.clean({"new"}) == 0


def test_a_damaged_file_is_as_good_as_none_and_is_made_anew(store):
    store.path.write_bytes(b"this is no database, but it is long enough to be taken for one" * 99)
    assert store.get_many(["key"], (5, 4)) == {}
    put(store, {"key": thumbnail()})
    assert "key" in store.get_many(["key"], (5, 4))


def test_cleaning_removes_a_damaged_file(store):
    store.path.write_bytes(b"this is no database, but it is long enough to be taken for one" * 99)
    assert store.clean({"key"}) > 0 and not store.path.exists()


def test_a_project_that_is_read_only_keeps_no_thumbnails(tmp_path):
    Project.open(tmp_path / "P.phenotyper").close()
    with Project.open(tmp_path / "P.phenotyper", read_only=True) as project:
        with pytest.raises(ProjectError):
            put(project.thumbnails, {"key": thumbnail()})
        assert project.thumbnails.get_many(["key"], (5, 4)) == {}
