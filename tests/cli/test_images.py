"""Commands on folders of images, as a user types them."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import tifffile
from PIL import Image
from tests.plates import field_image

from napari_phenotyper import cli
from napari_phenotyper.core.registry import Registry


@pytest.fixture
def phenotyper(monkeypatch, capsys):
    """Run a command; returns exit code, stdout and stderr."""

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
def images(tmp_path):
    """Fields of one kind as TIFF, PNG and coloured PNG; and one with nuclei of three times the size."""
    folder = tmp_path / "images"
    folder.mkdir()
    image, _ = field_image(np.random.default_rng(0), 0.3)
    tifffile.imwrite(folder / "a.tif", image)
    Image.fromarray((image >> 5).clip(0, 255).astype(np.uint8)).save(folder / "b.png")
    blue = (image >> 5).clip(0, 255).astype(np.uint8)
    Image.fromarray(np.stack([blue // 8, blue // 4, blue], axis=2)).save(folder / "c.png")
    tifffile.imwrite(folder / "large.tif", np.kron(image[:100, :100], np.ones((3, 3), np.uint16)))
    return folder


def labels_of(folder):
    return {path.stem: tifffile.imread(path) for path in sorted(folder.glob("*.tif"))}


def test_every_image_gets_a_label_tiff_of_its_name(phenotyper, images, tmp_path):
    out = tmp_path / "masks"
    code, printed, err = phenotyper("segment-images", images, "--out", out, "--jobs", "1", "--json")
    assert code == 0, err
    report, labels = json.loads(printed), labels_of(out)
    assert report["images"] == 4 and report["failed"] == {} and sorted(labels) == ["a", "b", "c", "large"]
    for name, found in labels.items():
        assert found.dtype == np.uint16 and found.max() == report["files"][f"{name}.tif"] > 0
    assert labels["a"].shape == (240, 240) and 20 <= labels["a"].max() <= 27
    assert np.array_equal(labels["b"], labels["c"])  # blue is seen as strongly as grey


@pytest.mark.parametrize("segmenter", Registry().ids("segmenter"))
def test_every_segmenter_can_be_used(phenotyper, images, tmp_path, segmenter):
    out = tmp_path / "masks"
    code, printed, err = phenotyper(
        "segment-images", images, "--out", out, "--segmenter", segmenter, "--jobs", "1", "--json"
    )
    report = json.loads(printed)
    assert code == 0 and report["images"] == 4 and report["segmenter"]["id"] == segmenter, err
    assert len(list(out.glob("*.tif"))) == 4


def test_parameters_are_decided_for_each_image_unless_all_are_alike(phenotyper, images, tmp_path):
    apart, together = tmp_path / "apart", tmp_path / "together"
    assert phenotyper("segment-images", images, "--out", apart, "--jobs", "1")[0] == 0
    code, printed, _ = phenotyper("segment-images", images, "--out", together, "--together", "--jobs", "1", "--json")
    assert code == 0 and json.loads(printed)["segmenter"]["settings"]["diameter"] > 0
    alone, common = labels_of(apart), labels_of(together)
    assert not np.array_equal(alone["large"], common["large"])


def test_settings_reach_the_segmenter_and_processes_give_the_same_masks(phenotyper, images, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    settings = ("--set", "diameter=20", "border=drop")
    for out, jobs in ((here, 1), (there, 2)):
        code, _, err = phenotyper("segment-images", images, "--out", out, "--jobs", jobs, *settings)
        assert code == 0, err
    for name, labels in labels_of(here).items():
        assert np.array_equal(labels, labels_of(there)[name])
        assert not labels[0].any() and not labels[:, -1].any()


def test_what_cannot_be_used_is_named_and_the_rest_goes_on(phenotyper, images, tmp_path):
    (images / "broken.tif").write_bytes((images / "a.tif").read_bytes()[:3000])
    tifffile.imwrite(images / "stack.tif", np.zeros((5, 30, 30), np.uint16))
    (images / "a.png").write_bytes((images / "b.png").read_bytes())
    tifffile.imwrite(images / "blank.tif", np.zeros((30, 30), np.uint16))
    tifffile.imwrite(images / "dot.tif", np.ones((1, 1), np.uint8))
    code, printed, err = phenotyper("segment-images", images, "--out", tmp_path / "m", "--jobs", "1", "--json")
    report = json.loads(printed)
    assert code == 0 and report["images"] == 6 and set(report["failed"]) == {"broken.tif", "stack.tif", "a.tif"}
    assert "truncated" in report["failed"]["broken.tif"] and "not one plane" in report["failed"]["stack.tif"]
    assert report["files"]["blank.tif"] == report["files"]["dot.tif"] == 0 and "stack.tif" in err


def test_only_its_own_files_are_written_again(phenotyper, images, tmp_path):
    out = tmp_path / "masks"
    out.mkdir()
    tifffile.imwrite(out / "a.tif", np.ones((5, 5), np.uint16))
    for _ in range(2):
        code, printed, _ = phenotyper("segment-images", images, "--out", out, "--jobs", "1", "--json")
        report = json.loads(printed)
        assert code == 0 and report["images"] == 3 and list(report["failed"]) == ["a.tif"]
        assert tifffile.imread(out / "a.tif").shape == (5, 5)
    assert len(list(out.iterdir())) == 4


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("segment-images", "{}", "--out", "{}"), 2, "among the images"),
        (("segment-images", "{}", "--out", "{}/a.tif"), 2, "is a file"),
        (("segment-images", "{}"), 2, "--out"),
        (("segment-images", "nowhere", "--out", "m"), 1, "nowhere is no folder"),
        (("segment-images", "{}/..", "--out", "m"), 1, "holds no images"),
        (("segment-images", "{}", "--out", "m", "--segmenter", "magic"), 2, "no segmenter 'magic'"),
        (("segment-images", "{}", "--out", "m", "--set", "colour=blue"), 2, "no parameter 'colour'"),
        (("score-masks", "nowhere", "{}"), 1, "nowhere is no folder"),
        (("score-masks", "{}/..", "{}"), 1, "has the name of a true one"),
    ],
)
def test_what_is_wrong_is_told_on_stderr(phenotyper, images, monkeypatch, args, code, words):
    monkeypatch.chdir(images.parent)
    found, out, err = phenotyper(*(arg.format(images) for arg in args))
    assert found == code and words in err and not out and "Traceback" not in err


@pytest.fixture
def masks(tmp_path):
    """Predicted and true masks: a pair that agrees, a pair of two sizes, and one of each without its other half."""
    labels = np.zeros((40, 40), np.uint16)
    labels[2:12, 2:12], labels[20:30, 20:30] = 1, 2
    one = np.where(labels == 1, 1, 0).astype(np.uint16)
    for side, files in (
        ("predicted", {"a.tif": one, "b.tif": labels[:20], "extra.tif": labels}),
        ("true", {"a.png": labels, "b.png": labels, "lonely.png": labels}),
    ):
        (tmp_path / side).mkdir()
        for name, image in files.items():
            path = tmp_path / side / name
            tifffile.imwrite(path, image) if name.endswith("tif") else Image.fromarray(image).save(path)
    return tmp_path


def test_masks_are_scored_by_name_and_what_has_no_pair_is_told(phenotyper, masks):
    code, printed, err = phenotyper("score-masks", masks / "predicted", masks / "true", "--json")
    report = json.loads(printed)
    assert code == 0 and report["images"] == 1 and report["predicted"] == 1 and report["true"] == 2
    assert report["f1"]["0.5"] == pytest.approx(2 / 3) and report["ap"]["0.95"] == 0.5 == report["mean_ap"]
    assert len(report["f1"]) == 10 and report["splits"] == report["merges"] == 0
    assert report["missing"] == ["lonely.png"] and report["extra"] == ["extra.tif"]
    assert "20 × 40 and 40 × 40" in report["failed"]["b.tif"] and "b.tif" in err and "lonely.png" in err


def test_two_files_are_scored_whatever_their_names(phenotyper, masks):
    code, printed, _ = phenotyper("score-masks", masks / "predicted" / "extra.tif", masks / "true" / "a.png")
    assert code == 0 and "mean AP 1.000" in printed


def test_what_segment_images_writes_can_be_scored(phenotyper, images, tmp_path):
    phenotyper("segment-images", images, "--out", tmp_path / "m", "--jobs", "1")
    code, printed, _ = phenotyper("score-masks", tmp_path / "m", tmp_path / "m", "--json")
    assert code == 0 and json.loads(printed)["mean_ap"] == 1.0
