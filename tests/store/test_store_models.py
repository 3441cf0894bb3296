"""Model files come back as they were, and a hostile one does nothing but raise."""

from __future__ import annotations

import hashlib
import json
import os
import pickle
import struct
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.store.model_files import ARRAYS, CARD, read_model_file
from napari_phenotyper.store.models import ModelStore

STATE = ModelState(
    {
        "weights": np.linspace(0, 1, 12).reshape(3, 4),
        "turned": np.arange(12, dtype=np.float32).reshape(3, 4).T,
        "labels": np.arange(5, dtype=np.int64),
        "bytes": np.arange(7, dtype=np.uint8),
        "none": np.zeros((0, 3), np.int32),
        "one": np.array(2.5),
    },
    {"classes": ["a", "b"], "columns": ["Area"], "C": 1.5},
)


class Trap:
    """Creates a file if it is ever unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[str, int]]:
        return os.mkdir, (str(self.path), 0o777)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    store = ModelStore(tmp_path / "models")
    store.save("svm-1", {"id": "svm", "C": 1.0}, STATE, {"scores": {"f1": 0.9}, "created": "2024-01-01T00:00:00+00:00"})
    return store


def same(state: ModelState) -> None:
    assert state.meta == STATE.meta and set(state.arrays) == set(STATE.arrays)
    for name, array in STATE.arrays.items():
        np.testing.assert_array_equal(state.arrays[name], array)
        assert state.arrays[name].dtype == array.dtype and state.arrays[name].shape == array.shape


def test_a_model_comes_back_with_its_card(store: ModelStore) -> None:
    state, card = store.load("svm-1")
    same(state)
    assert card["id"] == "svm-1" and card["classifier"] == {"id": "svm", "C": 1.0} and card["scores"] == {"f1": 0.9}
    assert sorted(p.name for p in (store.folder / "svm-1").iterdir()) == [CARD, ARRAYS]


def test_models_are_listed_newest_first_and_found_by_a_prefix(store: ModelStore) -> None:
    store.save("svm-2", {}, STATE, {"created": "2025-01-01T00:00:00+00:00"})
    store.save("forest", {}, STATE, {"created": "2023-01-01T00:00:00+00:00"})
    (store.folder / "foreign").mkdir()
    (store.folder / "foreign" / CARD).write_text("{")
    assert store.ids() == ("svm-2", "svm-1", "forest")
    assert store.resolve() == "svm-2" and store.resolve("for") == "forest" and store.resolve("svm-1") == "svm-1"
    with pytest.raises(ModelError, match="svm-2, svm-1"):
        store.resolve("svm")
    with pytest.raises(ModelError, match="begins with 'x'"):
        store.resolve("x")


def test_a_project_without_models_says_so(tmp_path: Path) -> None:
    store = ModelStore(tmp_path / "models")
    assert store.ids() == ()
    with pytest.raises(ModelError, match="There is no model"):
        store.resolve()
    with pytest.raises(ModelError, match="cannot be read"):
        store.load("a")


def test_a_model_is_never_overwritten(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="already is a model svm-1"):
        store.save("svm-1", {}, ModelState({}, {}), {})
    same(store.load("svm-1")[0])


@pytest.mark.parametrize("model", ["../evil", "a/b", "", ".hidden", "a\\b", "C:"])
def test_an_id_that_could_leave_the_folder_is_refused(store: ModelStore, model: str) -> None:
    for action in (lambda: store.load(model), lambda: store.save(model, {}, STATE, {})):
        with pytest.raises(ModelError, match="cannot be the id"):
            action()


def test_an_array_of_objects_is_not_kept(store: ModelStore) -> None:
    with pytest.raises(ModelError, match="type object"):
        store.save("b", {}, ModelState({"x": np.array([{}], object)}, {}), {})
    assert store.ids() == ("svm-1",)


def retold(store: ModelStore, raw: bytes) -> None:
    """Put foreign arrays under a card whose checksum fits, as somebody hostile would."""
    place = store.folder / "svm-1"
    card = json.loads((place / CARD).read_text())
    card["sha256"] = hashlib.sha256(raw).hexdigest()
    (place / CARD).write_text(json.dumps(card))
    (place / ARRAYS).write_bytes(raw)


def header(text: bytes, size: int | None = None) -> bytes:
    return struct.pack("<Q", len(text) if size is None else size) + text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x80\x04.",
        header(b"{}", 2**62),
        header(b"not json"),
        header(b'{"w":{"dtype":"F32","shape":[1000000,1000000],"data_offsets":[0,4]}}') + b"1234",
        header(b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4000]}}') + b"1234",
        header(b'{"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}') + b"1234",
        header(b'{"w":{"dtype":"I16","shape":[2],"data_offsets":[0,4]}}') + b"1234",
        header(b'{"w":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}') + b"1234",
        header(b'{"w":{"dtype":"OBJECT","shape":[2],"data_offsets":[0,4]}}') + b"1234",
    ],
    ids=["empty", "pickle", "huge header", "no json", "huge", "offsets", "negative", "int16", "bfloat16", "object"],
)
def test_foreign_arrays_raise_a_model_error(store: ModelStore, raw: bytes) -> None:
    retold(store, raw)
    with pytest.raises(ModelError) as caught:
        store.load("svm-1")
    assert caught.value.remedy


def test_a_pickle_in_place_of_the_arrays_or_the_card_is_never_run(store: ModelStore, tmp_path: Path) -> None:
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    retold(store, trap)
    with pytest.raises(ModelError):
        store.load("svm-1")
    (store.folder / "svm-1" / CARD).write_bytes(trap)
    with pytest.raises(ModelError):
        store.load("svm-1")
    assert not (tmp_path / "sprung").exists()


def test_truncated_arrays_are_noticed(store: ModelStore) -> None:
    path = store.folder / "svm-1" / ARRAYS
    path.write_bytes(path.read_bytes()[:-8])
    with pytest.raises(ModelError, match="damaged"):
        store.load("svm-1")


@pytest.mark.parametrize(
    "card", [b"", b"[]", b"{}", b'{"format": 1, "id": 3}', b"[" * 100_000, b'{"format": 99}'], ids=range(6)
)
def test_a_foreign_card_raises_a_model_error(store: ModelStore, card: bytes) -> None:
    (store.folder / "svm-1" / CARD).write_bytes(card)
    with pytest.raises(ModelError):
        store.load("svm-1")
    assert store.ids() == ()


def test_a_card_of_a_newer_version_says_so(store: ModelStore) -> None:
    path = store.folder / "svm-1" / CARD
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ModelError, match="newer version"):
        store.load("svm-1")


def test_a_model_moves_to_another_project_in_one_file(store: ModelStore, tmp_path: Path) -> None:
    store.export_file("svm-1", tmp_path / "svm.zip")
    other = ModelStore(tmp_path / "other")
    assert other.import_file(tmp_path / "svm.zip") == "svm-1"
    assert other.import_file(tmp_path / "svm.zip") == "svm-1"
    same(other.load("svm-1")[0])
    assert other.load("svm-1")[1] == store.load("svm-1")[1]


def test_an_imported_model_whose_id_is_taken_gets_another(store: ModelStore, tmp_path: Path) -> None:
    store.export_file("svm-1", tmp_path / "svm.zip")
    other = ModelStore(tmp_path / "other")
    other.save("svm-1", {}, ModelState({}, {}), {})
    name = other.import_file(tmp_path / "svm.zip")
    assert name != "svm-1" and name.startswith("svm-1-") and other.load(name)[1]["id"] == name
    same(other.load(name)[0])


def archive(path: Path, **files: bytes) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        for name, data in files.items():
            out.writestr(name, data)
    return path


def test_an_archive_with_anything_else_in_it_is_refused(store: ModelStore, tmp_path: Path) -> None:
    card, arrays = ((store.folder / "svm-1" / name).read_bytes() for name in (CARD, ARRAYS))
    hostile = [
        {CARD: card, ARRAYS: arrays, "../../evil": b"x"},
        {f"../{CARD}": card, ARRAYS: arrays},
        {CARD: card},
        {},
    ]
    other = ModelStore(tmp_path / "other")
    for number, files in enumerate(hostile):
        with pytest.raises(ModelError, match="something else"):
            other.import_file(archive(tmp_path / f"{number}.zip", **files))
    assert not (tmp_path / "other").exists() and not (tmp_path.parent / "evil").exists()


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(pickle.dumps({"a": 1}))
    for path in (tmp_path / "a.zip", tmp_path / "missing.zip"):
        with pytest.raises(ModelError, match="no exported model"):
            ModelStore(tmp_path / "models").import_file(path)


def test_a_card_that_unpacks_to_far_too_much_is_refused(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.zip", **{CARD: b" " * (17 * 2**20), ARRAYS: b""})
    assert bomb.stat().st_size < 100_000
    with pytest.raises(ModelError, match="larger than a model may be"):
        ModelStore(tmp_path / "models").import_file(bomb)


def test_a_hostile_id_in_a_card_is_refused(store: ModelStore, tmp_path: Path) -> None:
    card = json.loads((store.folder / "svm-1" / CARD).read_text()) | {"id": "../../evil"}
    arrays = (store.folder / "svm-1" / ARRAYS).read_bytes()
    path = archive(tmp_path / "a.zip", **{CARD: json.dumps(card).encode(), ARRAYS: arrays})
    with pytest.raises(ModelError, match="cannot be the id"):
        ModelStore(tmp_path / "other").import_file(path)


def test_an_archive_is_read_without_a_project(store: ModelStore, tmp_path: Path) -> None:
    store.export_file("svm-1", tmp_path / "svm.model")
    state, card = read_model_file(tmp_path / "svm.model")
    same(state)
    assert (state.meta, card) == (store.load("svm-1")[0].meta, store.load("svm-1")[1])


def test_arrays_that_unpack_to_far_more_than_the_file_are_refused(tmp_path: Path) -> None:
    bomb = archive(tmp_path / "bomb.zip", **{CARD: b"{}", ARRAYS: bytes(2**27)})
    assert bomb.stat().st_size < 2**18
    with pytest.raises(ModelError, match="larger than a model may be"):
        ModelStore(tmp_path / "models").import_file(bomb)


def test_an_archive_with_damaged_bytes_never_raises_anything_else(store: ModelStore, tmp_path: Path) -> None:
    card, arrays = ((store.folder / "svm-1" / name).read_bytes() for name in (CARD, ARRAYS))
    raw = archive(tmp_path / "a.zip", **{CARD: card, ARRAYS: arrays}).read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(300):
        broken = bytearray(raw)
        for at in rng.integers(0, len(raw), rng.integers(1, 6)):
            broken[at] = rng.integers(256)
        (tmp_path / "b.zip").write_bytes(
            bytes(broken[: rng.integers(1, len(raw) + 1)] if rng.random() < 0.3 else broken)
        )
        try:
            read_model_file(tmp_path / "b.zip")
        except ModelError:
            refused += 1
    assert refused > 200


def test_names_that_stand_twice_in_an_archive_are_refused(store: ModelStore, tmp_path: Path) -> None:
    card, arrays = ((store.folder / "svm-1" / name).read_bytes() for name in (CARD, ARRAYS))
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for name, data in ((CARD, card), (ARRAYS, arrays), (CARD, b"{}")):
            out.writestr(name, data)
    with pytest.raises(ModelError, match="something else"):
        read_model_file(tmp_path / "a.zip")


def test_a_link_in_an_archive_is_not_followed(store: ModelStore, tmp_path: Path) -> None:
    link = zipfile.ZipInfo(CARD)
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as out:
        out.writestr(link, str(store.folder / "svm-1" / CARD))
        out.writestr(ARRAYS, b"")
    with pytest.raises(ModelError, match="cannot be read"):
        read_model_file(tmp_path / "a.zip")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes on this system")
def test_a_pipe_in_place_of_a_card_is_not_waited_for(store: ModelStore) -> None:
    (store.folder / "svm-1" / CARD).unlink()
    os.mkfifo(store.folder / "svm-1" / CARD)
    with pytest.raises(ModelError, match="no file"):
        store.load("svm-1")


@pytest.mark.parametrize(
    "card",
    [
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"format": ' + b"9" * 5000 + b"}",
        b'{"format": 1, "id": "a", "created": "", "classifier": [], "meta": {}, "sha256": ""}',
        b"\xff\xfe\x00",
    ],
    ids=["nested", "huge number", "list", "no text"],
)
def test_a_card_made_to_break_the_parser_raises_a_model_error(tmp_path: Path, card: bytes) -> None:
    with pytest.raises(ModelError):
        read_model_file(archive(tmp_path / "a.zip", **{CARD: card, ARRAYS: b""}))


def test_a_pickle_in_an_archive_is_never_run(store: ModelStore, tmp_path: Path) -> None:
    trap = pickle.dumps(Trap(tmp_path / "sprung"))
    card = json.loads((store.folder / "svm-1" / CARD).read_text())
    card["sha256"] = hashlib.sha256(trap).hexdigest()
    for files in ({CARD: trap, ARRAYS: trap}, {CARD: json.dumps(card).encode(), ARRAYS: trap}):
        with pytest.raises(ModelError):
            read_model_file(archive(tmp_path / "a.zip", **files))
    assert not (tmp_path / "sprung").exists()
