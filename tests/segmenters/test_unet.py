"""Finding nuclei by a trained network: on made images, on real ones, and with files that are no model."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage
from tests.plates import field_image

from napari_phenotyper.core.errors import ChannelError, ModelError, SettingError
from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.mask_scores import MaskScores, score_masks
from napari_phenotyper.nets import unet_file, unet_tiles
from napari_phenotyper.segmenters.unet import SHIPPED, Unet

DATA = Path(__file__).parents[3] / "shared" / "data" / "dsb2018_fluo"


def scene(image, pixel_size=None, **hints):
    return Scene(FieldRef("P1", "B02", 1), {"DNA": image}, pixel_size, hints=hints)


def labels_of(image, segmenter=None):
    return (segmenter or Unet()).segment(scene(image), no_progress).labels[NUCLEI]


def discs(radius, size=256, spacing=None, pairs=False):
    """A noisy field of discs on a grid; in pairs that touch if asked. Returns uint16 pixels and true labels."""
    spacing = spacing or 4 * radius
    y, x = np.mgrid[:size, :size]
    places = range(spacing // 2, size - spacing // 3, spacing)
    centres = [(cy, cx) for cy in places for cx in places]
    if pairs:
        centres = [(cy, cx + side * 0.9 * radius) for cy, cx in centres for side in (-1, 1)]
    labels = np.zeros((size, size), np.int32)
    for number, (cy, cx) in enumerate(centres, 1):
        labels[((y - cy) ** 2 + (x - cx) ** 2 <= radius**2) & (labels == 0)] = number
    image = ndimage.gaussian_filter((labels > 0).astype(float), radius / 8) * 2000 + 200
    return np.random.default_rng(0).poisson(image).astype(np.uint16), labels


@pytest.mark.parametrize("radius", [6, 12, 30])
def test_nuclei_of_any_size_are_found_with_defaults(radius):
    image, truth = discs(radius, size=max(192, 8 * radius))
    assert score_masks(labels_of(image), truth).at("f1", 0.7) > 0.9


def test_touching_nuclei_are_told_apart():
    image, truth = discs(12, pairs=True, spacing=64)
    assert score_masks(labels_of(image), truth).at("f1", 0.5) > 0.9


def test_numbers_of_any_type_give_the_same_masks():
    image = discs(10, size=128)[0] // 16
    first, *others = (labels_of(image.astype(kind), Unet(diameter=20)) for kind in (np.uint8, np.uint16, np.float32))
    assert first.max() > 0 and all(np.array_equal(first, other) for other in others)


@settings(deadline=None, max_examples=8)
@given(st.integers(0, 10**6), st.integers(1, 90), st.integers(1, 90))
def test_labels_are_consecutive_and_connected_whatever_the_image(seed, height, width):
    rng = np.random.default_rng(seed)
    image = ndimage.gaussian_filter(rng.normal(0, 1, (height, width)), rng.uniform(0, 6)) * 1000
    labels = labels_of(image.astype(np.float32), Unet(diameter=10))
    assert labels.dtype == np.int32 and labels.shape == (height, width)
    assert set(np.unique(labels)) - {0} == set(range(1, labels.max() + 1))
    assert all(ndimage.label(labels == i)[1] == 1 for i in range(1, labels.max() + 1))


def test_diameter_and_weights_are_decided_from_the_fields():
    resolved = Unet().resolve([scene(discs(12)[0])])
    assert 20 < resolved.diameter < 28 and resolved.unit == "px"
    assert resolved.weights == unet_file.read(SHIPPED).digest
    assert replace(resolved, diameter=None, weights="") == Unet()


def test_a_diameter_in_micrometres_needs_the_pixel_size():
    given = Unet(diameter=13.0, unit="µm")
    assert given.resolve([scene(discs(12)[0], pixel_size=0.5)]).diameter == 26.0
    with pytest.raises(SettingError, match="pixel size"):
        given.resolve([scene(discs(12)[0])])


def test_a_hint_tells_the_diameter():
    assert Unet().resolve([scene(discs(12)[0], diameter=31)]).diameter == 31


def test_nuclei_at_the_border_can_be_left_out():
    image, _ = discs(12, size=200)
    labels = labels_of(image[12:, 12:], Unet(border="drop", diameter=24))
    edge = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    assert labels.max() > 0 and not edge.any()
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_pixels_that_are_no_numbers_are_no_nuclei():
    image = discs(12, size=192)[0].astype(np.float32)
    whole = labels_of(image, Unet(diameter=24))
    image[:, :50], image[5, 100] = np.nan, np.inf
    broken = labels_of(image, Unet(diameter=24))
    assert not broken[:, :40].any() and broken[:, 90:].any()
    assert abs(len(np.unique(broken[:, 70:])) - len(np.unique(whole[:, 70:]))) <= 1


@pytest.mark.parametrize("image", [np.full((40, 40), np.nan, np.float32), np.ones((1, 1)), np.zeros((0, 5))])
def test_images_without_anything_have_no_nuclei(image):
    labels = labels_of(image)
    assert labels.shape == image.shape and not labels.any()


def test_noise_is_no_nucleus():
    noise = np.random.default_rng(3).normal(300, 10, (256, 256)).astype(np.uint16)
    assert labels_of(noise).max() == 0


def test_one_object_that_fills_the_field_gives_a_result():
    y, x = np.mgrid[:300, :300]
    labels = labels_of(((y - 150) ** 2 + (x - 150) ** 2 < 130**2).astype(np.uint16) * 900 + 100)
    assert labels.shape == (300, 300) and labels.max() >= 0


def test_blocks_give_the_nuclei_of_the_whole(monkeypatch):
    image, _truth = discs(10, size=400, pairs=True, spacing=50)
    whole = labels_of(image, Unet(diameter=20))
    monkeypatch.setattr(unet_tiles, "TILE", 96)
    monkeypatch.setattr(unet_tiles, "BLOCK", 150)
    monkeypatch.setattr(unet_tiles, "MARGIN", 48)
    told = []
    cut = Unet(diameter=20).segment(scene(image), lambda fraction, message: told.append(fraction)).labels[NUCLEI]
    assert len(told) > 9 and told == sorted(told), "progress between the tiles"
    assert score_masks(cut, whole).at("f1", 0.9) > 0.98
    assert np.array_equal(np.unique(cut), np.arange(cut.max() + 1))
    assert all(ndimage.label(cut == label)[1] == 1 for label in range(1, cut.max() + 1))


def test_it_stops_between_tiles(monkeypatch):
    monkeypatch.setattr(unet_tiles, "TILE", 64)
    calls = []

    def stop(fraction, message):
        calls.append(message)
        if len(calls) > 3:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        Unet(diameter=20).segment(scene(discs(10)[0]), stop)


def test_a_channel_that_is_not_there_is_named():
    with pytest.raises(ChannelError, match="tubulin"):
        Unet(channel="tubulin").segment(scene(discs(6, size=64)[0]), no_progress)


def test_a_device_that_is_not_there_is_named():
    import torch

    if torch.backends.mps.is_available():
        pytest.skip("this computer has the device")
    with pytest.raises(SettingError, match="mps"):
        labels_of(discs(6, size=64)[0], Unet(device="mps"))


@pytest.fixture
def copied(tmp_path):
    """The shipped weights and their card, in a folder where they can be broken."""
    for suffix in (".safetensors", ".json"):
        (tmp_path / f"own{suffix}").write_bytes(SHIPPED.with_suffix(suffix).read_bytes())
    return tmp_path / "own.safetensors"


def changed(path, **entries):
    """Write a card again with other entries."""
    card = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    path.with_suffix(".json").write_text(json.dumps({**card, **entries}), encoding="utf-8")


def test_a_model_of_ones_own_is_another_key(copied):
    file = unet_file.read(copied)
    arrays = {**file.arrays, "head.bias": file.arrays["head.bias"] - 0.1}
    for path, data in zip((copied, copied.with_suffix(".json")), unet_file.packed(arrays, file.card["network"], {})):
        path.write_bytes(data)
    field = scene(field_image(np.random.default_rng(0), 0.3)[0])
    own, shipped = Unet(model=str(copied)).resolve([field]), Unet().resolve([field])
    assert own.weights != shipped.weights
    assert own.segment(field, no_progress).labels[NUCLEI].max() > 0
    with pytest.raises(ModelError, match="not those"):
        replace(own, model="").segment(field, no_progress)


def test_a_file_that_is_no_model_is_refused(copied):
    copied.write_bytes(b"import os")
    with pytest.raises(ModelError, match="damaged"):
        labels_of(discs(6, size=64)[0], Unet(model=str(copied)))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ModelError, match=r"no file .*nothing"):
        labels_of(discs(6, size=64)[0], Unet(model=str(tmp_path / "nothing.safetensors")))


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ({"kind": "classifier"}, "not the card of a segmenter"),
        ({"format": 99}, "newer version"),
        ({"sha256": 5}, "lacks"),
        ({"network": {"family": "unet", "widths": [10**9], "factor": 2}}, "not described"),
        ({"network": {"family": "unet", "widths": [8, 8], "factor": 2}}, "missing or of another shape"),
    ],
)
def test_a_card_that_does_not_fit_is_refused(copied, entries, told):
    changed(copied, **entries)
    with pytest.raises(ModelError, match=told):
        labels_of(discs(6, size=64)[0], Unet(model=str(copied)))


def test_a_card_that_is_no_json_is_refused(copied):
    copied.with_suffix(".json").write_text("[" * 100_000)
    with pytest.raises(ModelError, match="cannot be read"):
        labels_of(discs(6, size=64)[0], Unet(model=str(copied)))


def test_the_shipped_weights_are_small_and_say_where_they_are_from():
    file = unet_file.read(SHIPPED)
    assert SHIPPED.stat().st_size < 5e6
    assert sum(a.size for name, a in file.arrays.items() if "running" not in name) <= 500_000
    assert "CC0" in str(file.card["licence"]) and "BBBC038" in str(file.card["source"])
    assert file.card["scores"]["f1"]["0.5"] >= 0.9 and file.card["scores"]["f1"]["0.7"] >= 0.82


def test_real_nuclei_are_found():
    if not DATA.is_dir():
        pytest.skip(f"{DATA} is not there: the shared data of this project")
    with (DATA / "index.csv").open() as file:
        names = [row["name"] for row in csv.DictReader(file) if row["height"] == "256"][::80]
    pooled = MaskScores()
    for name in names:
        image, truth = (np.asarray(Image.open(DATA / kind / f"{name}.png")) for kind in ("images", "labels"))
        pooled += score_masks(labels_of(image), truth)
    assert pooled.at("f1", 0.5) > 0.75
