"""Predictions and profiles come back as they were kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.store.predictions import PredictionStore
from napari_phenotyper.store.results import ResultStore

WELL = WellRef("P1", "B03")


def prediction(field: int, rows: int, classes: tuple[str, ...] = ("field", "mitosis é")) -> Prediction:
    values = np.random.default_rng(field).dirichlet(np.ones(len(classes)), rows).astype(np.float32)
    return Prediction(FieldRef(*WELL, field), np.arange(1, rows + 1, dtype=np.int32), values, classes, "svm-1")


@pytest.mark.parametrize("rows", [(3, 0, 5), (0, 0), (4,), ()])
def test_predictions_come_back_field_by_field(tmp_path: Path, rows: tuple[int, ...]) -> None:
    store = PredictionStore(tmp_path)
    made = [prediction(i + 1, n) for i, n in enumerate(rows)]
    store.put("svm-1", WELL, "k1", made)
    assert store.has("svm-1", WELL, "k1")
    back = store.get("svm-1", WELL, "k1")
    assert back is not None and len(back) == len(made)
    for a, b in zip(back, made, strict=True):
        assert (a.field, a.classes, a.model) == (b.field, b.classes, "svm-1")
        np.testing.assert_array_equal(a.ids, b.ids)
        np.testing.assert_array_equal(a.probabilities, b.probabilities)
        assert a.probabilities.shape == b.probabilities.shape


def test_predictions_of_other_models_wells_and_keys_are_not_there(tmp_path: Path) -> None:
    store = PredictionStore(tmp_path)
    store.put("svm-1", WELL, "k1", [prediction(1, 2)])
    for place in (("svm-2", WELL, "k1"), ("svm-1", WELL._replace(well="B04"), "k1"), ("svm-1", WELL, "k2")):
        assert store.get(*place) is None and not store.has(*place)


def test_other_programs_read_a_column_per_class(tmp_path: Path) -> None:
    PredictionStore(tmp_path).put("svm-1", WELL, "k1", [prediction(1, 2)])
    assert pq.read_table(next(tmp_path.rglob("*.parquet"))).column_names == ["field", "id", "p field", "p mitosis é"]


def test_a_truncated_prediction_is_named_and_not_had(tmp_path: Path) -> None:
    store = PredictionStore(tmp_path)
    store.put("svm-1", WELL, "k1", [prediction(1, 200)])
    path = next(tmp_path.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-9])
    assert not store.has("svm-1", WELL, "k1")
    with pytest.raises(ProjectError, match="B03-k1"):
        store.get("svm-1", WELL, "k1")


def test_cleaning_drops_predictions_that_nothing_needs(tmp_path: Path) -> None:
    store = PredictionStore(tmp_path)
    for key in ("k1", "k2"):
        store.put("svm-1", WELL, key, [prediction(1, 2)])
    assert store.clean({"k2"}) > 0
    assert store.has("svm-1", WELL, "k2") and not store.has("svm-1", WELL, "k1")


def profile(low: bool, high: bool, wells: int = 3) -> Profile:
    values = np.random.default_rng(0).normal(size=(wells, 2))
    values[:1] = np.nan
    names = tuple(WellRef(f"Plaque é {i}", "A01") for i in range(wells))
    counts = np.arange(wells, dtype=np.int64)
    return Profile(
        names, ("well", "b"), values, counts, values - 1 if low else None, values + 1 if high else None, "means"
    )


@pytest.mark.parametrize(("low", "high"), [(False, False), (True, True), (False, True)])
@pytest.mark.parametrize("wells", [0, 3])
def test_a_profile_comes_back_with_its_interval(tmp_path: Path, low: bool, high: bool, wells: int) -> None:
    store = ResultStore(tmp_path)
    made = profile(low, high, wells)
    store.put("k", made, {"profiler": "means"})
    back = store.get("k")
    assert back is not None and (back.wells, back.columns, back.kind) == (made.wells, made.columns, "means")
    for name in ("values", "counts", "low", "high"):
        expected = getattr(made, name)
        if expected is None:
            assert getattr(back, name) is None
        else:
            np.testing.assert_array_equal(getattr(back, name), expected)
    assert store.has("k") and store.record("k") == {"profiler": "means"}


def test_a_profile_without_columns_keeps_its_wells(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    store.put("k", Profile((WELL,), (), np.zeros((1, 0)), np.array([5])), {})
    back = store.get("k")
    assert back is not None and back.wells == (WELL,) and back.values.shape == (1, 0)


def test_a_profile_that_is_missing_is_none_and_a_damaged_one_is_named(tmp_path: Path) -> None:
    store = ResultStore(tmp_path)
    assert store.get("k") is None and not store.has("k")
    store.put("k", profile(True, True), {})
    (tmp_path / "k.parquet").write_bytes(b"PAR1 nonsense PAR1")
    with pytest.raises(ProjectError, match=r"k\.parquet"):
        store.get("k")
    assert store.clean(set()) > 0 and not store.has("k")
