"""What every feature extractor promises."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from tests.contracts.scenes import empty_scene, measured_scene

from napari_phenotyper.core.registry import Registry

IDS = Registry().ids("extractor")


@pytest.fixture(params=IDS)
def extractor(request):
    return Registry().make("extractor", request.param)


def test_there_are_some():
    assert len(IDS) >= 4


def test_it_gives_a_finite_float32_row_per_cell(extractor):
    scene = measured_scene()
    block = extractor.measure(scene)
    assert block.values.shape == (len(scene.index), len(block.columns)) and block.values.dtype == np.float32
    assert np.isfinite(block.values).all()


def test_columns_are_unique_and_named_by_compartment(extractor):
    columns = extractor.measure(measured_scene()).columns
    assert len(set(columns)) == len(columns) and all(c.startswith("Nuclei_") for c in columns)


def test_a_field_without_cells_has_the_same_columns_and_no_rows(extractor):
    block = extractor.measure(empty_scene())
    assert block.columns == extractor.measure(measured_scene()).columns and block.values.shape[0] == 0


def test_the_same_field_gives_the_same_values(extractor):
    first, second = (extractor.measure(measured_scene()).values for _ in range(2))
    assert np.array_equal(first, second)


def test_the_pixel_type_makes_no_difference(extractor):
    byte, word = (extractor.measure(measured_scene(t)).values for t in (np.uint8, np.uint16))
    assert np.allclose(byte, word, rtol=1e-4, atol=1e-4)


def test_it_leaves_pixels_and_masks_untouched(extractor):
    scene = measured_scene()
    before = [*(v.copy() for v in scene.pixels.values()), *(v.copy() for v in scene.masks.labels.values())]
    extractor.measure(scene)
    after = [*scene.pixels.values(), *scene.masks.labels.values()]
    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_it_pickles(extractor):
    assert pickle.loads(pickle.dumps(extractor)) == extractor


def test_families_share_no_column():
    scene = measured_scene()
    columns = [c for name in IDS for c in Registry().make("extractor", name).measure(scene).columns]
    assert len(set(columns)) == len(columns)
