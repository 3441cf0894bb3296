"""The network that finds nuclei: what it is made of, what it learns from, and that it learns."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.nets import unet_file, unet_training
from napari_phenotyper.nets.unet import UNetArchitecture, restore
from napari_phenotyper.nets.unet_crops import CropDraw, draw
from napari_phenotyper.nets.unet_pixels import (
    DIAMETER,
    ONE,
    Levels,
    depth,
    levels,
    normalised,
    planes,
    typical,
    weights,
)  # fmt: skip
from napari_phenotyper.nets.unet_tiles import blocks, ready, seen
from napari_phenotyper.nets.weights import to_arrays

SMALL = UNetArchitecture(widths=(8, 8), factor=2)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def pair(size=96, radius=12):
    """Two nuclei that touch, and a small one far from them."""
    y, x = np.mgrid[:size, :size]
    labels = np.zeros((size, size), np.int32)
    labels[(y - 30) ** 2 + (x - 20) ** 2 < radius**2] = 1
    labels[((y - 30) ** 2 + (x - 43) ** 2 < radius**2) & (labels == 0)] = 2
    labels[(y - 75) ** 2 + (x - 75) ** 2 < (radius / 2) ** 2] = 3
    image = (labels > 0) * 900.0 + 100 + np.random.default_rng(0).normal(0, 20, labels.shape)
    return image.astype(np.float32), labels


def test_a_network_answers_for_every_pixel():
    net = unet_training.started(SMALL, generator()).eval()
    assert SMALL.multiple == 4
    assert net(torch.zeros(2, 1, 16, 20)).shape == (2, 2, 16, 20)


def test_an_untrained_network_takes_all_for_background():
    net = unet_training.started(UNetArchitecture(), generator()).eval()
    with torch.no_grad():
        assert net(torch.rand(1, 1, 64, 64)).sigmoid().mean() < 0.3


@pytest.mark.parametrize(
    "state",
    [
        None, {}, {"family": "unet"}, {"family": "residual", "widths": [8], "factor": 2},
        {"family": "unet", "widths": [], "factor": 2}, {"family": "unet", "widths": [8.0], "factor": 2},
        {"family": "unet", "widths": [8], "factor": True}, {"family": "unet", "widths": "88", "factor": 2},
        {"family": "unet", "widths": [8], "factor": 2, "more": 1},
    ],
)  # fmt: skip
def test_a_state_that_is_no_architecture_is_refused(state):
    with pytest.raises(ModelError):
        restore(state)


def test_an_architecture_survives_as_json():
    assert restore(SMALL.state()) == SMALL


def test_depth_is_greatest_in_the_middle_and_nothing_outside():
    _, labels = pair()
    found = depth(labels)
    assert found[30, 20] > 0.9 and found[75, 75] > 0.8 and found[labels == 0].max() == 0
    assert found[30, 31] < 0.2, "where two nuclei touch it is as low as at an edge"


def test_the_end_of_the_image_is_no_edge_of_a_nucleus():
    labels = np.zeros((40, 40), np.int32)
    labels[:20, 10:30] = 1
    assert depth(labels)[0, 20] > 0.9


def test_pixels_between_nuclei_and_of_small_nuclei_count_more():
    _, labels = pair()
    found = weights(labels, touching=3.0, small=0.5)
    assert found[30, 31] > 3 > found[30, 15] and found[75, 75] > found[30, 15] and found[5, 90] == 1


def test_fields_come_to_the_training_scale():
    image, labels = pair(radius=12)
    found = planes(np.kron(image, np.ones((3, 3))), np.kron(labels, np.ones((3, 3), np.int32)))
    assert found.shape[0] == 4 and abs(found.shape[1] - 96 * DIAMETER / typical([labels])) <= 1
    assert 0.4 < float(found[1].sum() / ONE) / (np.pi / 4 * DIAMETER**2 * 2.25) < 2


def test_levels_leave_out_what_is_no_number():
    image = np.full((20, 20), np.nan)
    assert levels(image) == Levels(0.0, 0.0)
    image[:, :10], image[0, 0] = 5.0, np.inf
    assert levels(image) == Levels(5.0, 5.0)
    assert np.isfinite(normalised(image, Levels(0.0, 10.0))).all()


def test_the_generator_alone_decides_on_crops():
    fields, how = [planes(*pair())], CropDraw(side=48)
    first, same, other = (draw(fields, [0] * 4, how, generator(seed)) for seed in (1, 1, 2))
    assert first.shape == (4, 4, 48, 48) and torch.equal(first, same) and not torch.equal(first, other)
    assert first[:, :3].min() >= 0 and first[:, 1:3].max() <= 1 and first[:, 3].max() > 1


def test_crops_without_nuclei_teach_that_noise_is_none():
    crops = draw([planes(*pair())], [0] * 6, CropDraw(side=48, empty=1.0), generator())
    assert crops[:, 1:3].abs().max() == 0 and crops[:, 0].std() > 0


def test_training_finds_the_nuclei_again(monkeypatch):
    monkeypatch.setattr(unet_training, "EPOCH", 128)
    image, labels = pair()
    how = CropDraw(side=32, empty=0.0, blur=0.5, zoom=1.1, gain=(1.0, 1.0), uneven=0.0, gamma=0.1)
    net = unet_training.fitted([planes(image, labels)], [1.0], no_progress, 24, architecture=SMALL, how=how)
    found, deep = seen(ready(net, torch.device("cpu")), image, levels(image), 1.0, SMALL.multiple, no_progress)
    assert found[labels > 0].mean() > 0.5 > 0.25 > found[labels == 0].mean()
    assert deep[30, 20] > deep[30, 31]


def test_the_same_seed_trains_the_same_network(monkeypatch):
    monkeypatch.setattr(unet_training, "EPOCH", 16)
    fields, how = [planes(*pair())], CropDraw(side=32)
    one, two, three = (
        to_arrays(unet_training.fitted(fields, [1.0], no_progress, 1, seed, SMALL, how)) for seed in (0, 0, 1)
    )
    assert all(np.array_equal(one[name], two[name]) for name in one)
    assert any(not np.array_equal(one[name], three[name]) for name in one)


def test_training_stops_when_nobody_wants_it():
    def stop(fraction, message):
        raise Cancelled(message)

    with pytest.raises(Cancelled):
        unet_training.fitted([planes(*pair())], [1.0], stop, 1, architecture=SMALL, how=CropDraw(side=32))


def test_blocks_make_up_the_image():
    covered = np.zeros((5000, 2100), int)
    for block in blocks(covered.shape, 1.0):
        top, left, bottom, right = block.own
        covered[top:bottom, left:right] += 1
        assert block.seen[0] <= top and block.seen[3] >= right
        assert max(block.seen[2] - block.seen[0], block.seen[3] - block.seen[1]) <= 2048 + 2 * 128
    assert (covered == 1).all()


def test_weights_and_card_survive_the_disk(tmp_path):
    arrays = to_arrays(unet_training.started(SMALL, generator()), "")
    raw, card = unet_file.packed(arrays, SMALL.state(), {"licence": "CC0"})
    (tmp_path / "a.safetensors").write_bytes(raw)
    (tmp_path / "a.json").write_bytes(card)
    file = unet_file.read(tmp_path / "a.safetensors")
    assert file.card["licence"] == "CC0" and restore(file.card["network"]) == SMALL and len(file.digest) == 16
    assert all(np.array_equal(arrays[name], file.arrays[name]) for name in arrays)
