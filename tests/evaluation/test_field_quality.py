"""What makes a field doubtful, on drawn fields and on real ones that were spoilt."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from scipy import ndimage

from napari_phenotyper.evaluation.field_quality import (
    FLAGS,
    FieldQuality,
    counted,
    field_quality,
    flags,
    from_state,
)


def discs(spacing=40, radius=11, blur=0.8, seed=0, size=320):
    """A field of discs of some brightness and its mask."""
    rng = np.random.default_rng(seed)
    labels = np.zeros((size, size), np.int32)
    image = np.full(labels.shape, 300.0)
    grid_y, grid_x = np.mgrid[:size, :size]
    for number, (y, x) in enumerate(np.ndindex(size // spacing, size // spacing), 1):
        y, x = (y + 0.5) * spacing + rng.uniform(-3, 3), (x + 0.5) * spacing + rng.uniform(-3, 3)
        inside = (grid_y - y) ** 2 + (grid_x - x) ** 2 < radius**2
        labels[inside] = number
        image[inside] += rng.uniform(1500, 4000)
    image *= 1 + 0.1 * ndimage.gaussian_filter(rng.normal(size=labels.shape), 1.5)
    return rng.poisson(ndimage.gaussian_filter(image, blur)).astype(np.uint16), labels


def plate(**others):
    """Qualities of nine good fields and of others, by name."""
    good = {f"good {seed}": field_quality(*discs(seed=seed)) for seed in range(9)}
    return {**good, **{name: field_quality(*field) for name, field in others.items()}}


def test_good_fields_have_no_flags():
    assert flags(plate()) == {}


def test_a_field_that_is_out_of_focus_stands_out_of_its_plate():
    assert flags(plate(bad=discs(blur=4))) == {"bad": ("out of focus",)}
    assert flags({str(i): field_quality(*discs(blur=4, seed=i)) for i in range(5)}) == {}  # nothing to tell it by


def test_few_cells_make_no_field_blurred():
    image, labels = discs(seed=20)
    image[labels > 3] = 300
    assert flags(plate(sparse=(image, np.where(labels > 3, 0, labels)))) == {}


def test_a_field_without_cells_is_empty_and_nothing_else():
    blank = np.full((320, 320), 300, np.uint16), np.zeros((320, 320), np.int32)
    assert flags(plate(blank=blank)) == {"blank": ("empty",)}
    assert flags({"a": field_quality(*blank)}) == {"a": ("empty",)}


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_a_ceiling_is_found_wherever_it_lies(dtype):
    image, labels = discs()
    scaled = (image / 20).astype(dtype) if dtype == "uint8" else image.astype(dtype)
    assert field_quality(scaled, labels).saturated < 0.01
    ceiling = np.quantile(scaled[labels > 0], 0.9).astype(dtype)
    assert field_quality(np.minimum(scaled, ceiling), labels).saturated == pytest.approx(0.1, abs=0.05)


def test_touching_nuclei_make_a_field_crowded():
    image, labels = discs(spacing=24, radius=12)
    quality = field_quality(image, labels)
    assert quality.touching > 0.8 and flags(plate(dense=(image, labels)))["dense"] == ("crowded",)


@pytest.mark.parametrize("value", [0, 7, np.nan])
def test_flat_and_undefined_images_are_measured_without_a_warning(value):
    labels = np.zeros((30, 30), np.int32)
    labels[5:15, 5:15] = 1
    quality = field_quality(np.full((30, 30), value, np.float32), labels)
    assert quality.cells == 1 and math.isnan(quality.detail)
    assert field_quality(np.zeros((1, 1), np.uint8), np.zeros((1, 1), np.int32)).cells == 0


def test_types_of_pixels_agree():
    image, labels = discs()
    eight = (image / image.max() * 255).astype(np.uint8)
    results = [field_quality(eight.astype(dtype), labels) for dtype in ("uint8", "uint16", "float32")]
    assert results[0] == results[1] and results[0].detail == pytest.approx(results[2].detail)


def test_figures_survive_json():
    for quality in (field_quality(*discs()), FieldQuality(0, 0.0, 0.0, 0.0, math.nan)):
        back = from_state(json.loads(json.dumps(quality.state(), allow_nan=False)))
        assert repr(back) == repr(quality)


def test_flags_are_counted_in_words():
    assert counted([("empty",), ("out of focus", "crowded"), ("out of focus",)]) == "1 empty, 2 out of focus, 1 crowded"
    assert counted([]) == "" and len(FLAGS) == 4


def test_real_fields_are_told_from_the_same_blurred(shared_data):
    from napari_phenotyper.core.progress import no_progress
    from napari_phenotyper.core.registry import Registry
    from napari_phenotyper.core.scene import Scene
    from napari_phenotyper.core.wells import FieldRef
    from napari_phenotyper.session.image_files import read_image

    nuclei, rng = Registry().make("segmenter", "nuclei"), np.random.default_rng(0)
    files = sorted((shared_data / "imagehts_submorph").rglob("Hoechst.jpeg"))[:6]
    fields = {}
    for i, image in enumerate(map(read_image, files)):
        blurred = ndimage.gaussian_filter(image.astype(float), 2) + rng.normal(0, 0.5, image.shape)
        for name, pixels in ((f"{i}", image), (f"{i} blurred", blurred.clip(0, 255).astype(np.uint8))):
            if name in ("0", "1", "2", "3", "4", "5", "1 blurred", "4 blurred"):
                masks = nuclei.segment(Scene(FieldRef("p", "A01", 1), {"DNA": pixels}), no_progress)
                fields[name] = field_quality(pixels, masks.labels["nuclei"])
    assert {name for name, given in flags(fields).items() if "out of focus" in given} == {"1 blurred", "4 blurred"}
