"""Training a segmenter on folders of images and masks, as the command does it."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import tifffile
from scipy import ndimage
from tests.plates import field_image

from napari_phenotyper import cli
from napari_phenotyper.nets import unet_file, unet_training

EMPTY = np.zeros((120, 120), np.uint8)


@pytest.fixture
def run(monkeypatch, capsys):
    """Run `phenotyper train-segmenter`, of one step only; returns exit code, stdout and stderr."""
    monkeypatch.setattr(unet_training, "EPOCH", 8)

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["phenotyper", *map(str, args)])
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def folders(tmp_path):
    """Three images with masks, and one of each without the other."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    for folder in (images, masks):
        folder.mkdir()
    for name in "abc":
        image, _ = field_image(np.random.default_rng(ord(name)), 0.3, size=120)
        tifffile.imwrite(images / f"{name}.tif", image)
        tifffile.imwrite(masks / f"{name}.tif", ndimage.label(image > 1200)[0].astype(np.uint16) * 3)
    tifffile.imwrite(images / "lone.tif", image)
    tifffile.imwrite(masks / "astray.tif", image)
    return images, masks


def test_images_and_masks_become_weights_and_a_card(run, folders, tmp_path):
    out = tmp_path / "own.safetensors"
    more = tmp_path / "more.json"
    more.write_text('{"licence": "CC0-1.0"}')
    code, printed, err = run("train-segmenter", *folders, "--out", out, "--epochs", 1, "--card", more, "--json")
    assert code == 0, err
    card = json.loads(printed)
    assert card["data"]["images"] == 3 and card["data"]["nuclei"] >= 9 and card["licence"] == "CC0-1.0"
    assert "lone.tif" in err and "astray.tif" in err and "scores" not in card
    assert unet_file.read(out).card["sha256"] == card["sha256"]
    masks = tmp_path / "found"
    code, _, err = run(
        "segment-images", folders[0], "--out", masks, "--segmenter", "unet", "--set", f"model={out}", "--jobs", 1
    )
    assert code == 0, err
    assert len(list(masks.glob("*.tif"))) == 4


def test_images_that_are_held_out_are_scored_and_not_trained_on(run, folders, tmp_path):
    held = tmp_path / "held.txt"
    held.write_text("b.tif\n\n")
    out = tmp_path / "own.safetensors"
    code, printed, err = run("train-segmenter", *folders, "--out", out, "--epochs", 1, "--held-out", held, "--json")
    assert code == 0, err
    card = json.loads(printed)
    assert card["data"]["images"] == 2 and card["scores"]["images"] == 1 and "0.5" in card["scores"]["f1"]


def test_a_mask_of_another_size_is_named_and_the_rest_is_used(run, folders, tmp_path):
    tifffile.imwrite(folders[1] / "b.tif", np.ones((5, 5), np.uint8))
    code, printed, err = run("train-segmenter", *folders, "--out", tmp_path / "own.safetensors", "--epochs", 1)
    assert code == 0 and "b.tif" in err and "2 images" in printed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda images, masks: [path.unlink() for path in masks.glob("[abc].tif")], "by name"),
        (lambda images, masks: [tifffile.imwrite(p, EMPTY) for p in masks.glob("*")], "no nucleus"),
        (lambda images, masks: [path.write_bytes(b"no image") for path in images.glob("*")], "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_learned_from_is_told(run, folders, tmp_path, change, told):
    change(*folders)
    code, _, err = run("train-segmenter", *folders, "--out", tmp_path / "own.safetensors", "--epochs", 1)
    assert code == 1 and told in err and not list(tmp_path.glob("own.*"))


def test_misuse_is_told_before_anything_is_trained(run, folders, tmp_path):
    out, text = tmp_path / "own.safetensors", tmp_path / "text"
    text.write_text("nobody.tif")
    for arguments, told in (
        (("--out", tmp_path / "own.pt"), ".safetensors"),
        (("--out", out, "--held-out", text), "nobody"),
        (("--out", out, "--held-out", tmp_path / "nothing"), "cannot be read"),
        (("--out", out, "--card", text), "JSON"),
    ):
        code, _, err = run("train-segmenter", *folders, *arguments)
        assert code in (1, 2) and told in err and not out.exists()
