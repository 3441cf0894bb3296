"""Crops of annotated cells come back as they were kept."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.store.crops import CropStore, KeptCrop

PIXELS = hnp.arrays(
    st.sampled_from(["uint8", "uint16", "int32", "float32", ">u2", "bool"]),
    st.tuples(st.integers(0, 4), st.integers(0, 9), st.integers(0, 9)),
)


@given(PIXELS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_pixels_of_any_type_and_their_mask_round_trip(tmp_path: Path, pixels: np.ndarray) -> None:
    mask = np.random.default_rng(0).random(pixels.shape[1:]) > 0.5
    store = CropStore(tmp_path / "crops.sqlite")
    store.put_many({"a": KeptCrop(pixels, mask, {"channels": ["DNA"], "pixel_size": 0.3})})
    kept = store.get("a")
    assert kept is not None and kept.pixels.dtype == pixels.dtype
    np.testing.assert_array_equal(kept.pixels, pixels)
    np.testing.assert_array_equal(kept.mask, mask)
    assert kept.record == {"channels": ["DNA"], "pixel_size": 0.3}


def crop(value: int) -> KeptCrop:
    return KeptCrop(np.full((2, 8, 8), value, np.uint16), np.ones((8, 8), bool))


def test_what_was_not_kept_is_none_and_what_was_is_listed(tmp_path: Path) -> None:
    store = CropStore(tmp_path / "crops.sqlite")
    assert store.get("a") is None and store.ids() == frozenset()
    store.put_many({"a": crop(1), "b": crop(2)})
    assert store.ids() == {"a", "b"}
    assert set(store.get_many(["a", "c"])) == {"a"}


def test_a_crop_that_is_kept_again_replaces_the_old_one(tmp_path: Path) -> None:
    store = CropStore(tmp_path / "crops.sqlite")
    store.put_many({"a": crop(1)})
    store.put_many({"a": crop(2)})
    kept = store.get("a")
    assert kept is not None and kept.pixels.max() == 2


def test_a_damaged_crop_is_named_with_its_remedy(tmp_path: Path) -> None:
    store = CropStore(tmp_path / "crops.sqlite")
    store.put_many({"a": crop(1)})
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE crops SET pixels = ?", (b"nonsense",))
    db.close()
    with pytest.raises(ProjectError, match=r"annotation a .*crops\.sqlite") as caught:
        store.get("a")
    assert caught.value.remedy


def test_a_crop_store_that_is_no_database_says_so(tmp_path: Path) -> None:
    (tmp_path / "crops.sqlite").write_bytes(b"no database" * 100)
    with pytest.raises(ProjectError, match="Damaged"):
        CropStore(tmp_path / "crops.sqlite").get("a")


def test_a_mask_that_does_not_cover_the_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="mask of shape"):
        KeptCrop(np.zeros((1, 4, 4)), np.zeros((5, 4), bool))
