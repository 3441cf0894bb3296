"""Scenes and the pixel index of their cells."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from napari_phenotyper.core.errors import ChannelError
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.scene import Scene, cell_index
from napari_phenotyper.core.wells import FieldRef

REF = FieldRef("P1", "B02", 1)
label_images = arrays(np.int32, st.tuples(st.integers(1, 12), st.integers(1, 12)), elements=st.integers(0, 6))


@given(label_images)
def test_the_index_holds_every_pixel_of_every_cell_in_raster_order(labels):
    index = cell_index(labels)
    assert index.ids.tolist() == [i for i in np.unique(labels) if i]
    for i, cell in enumerate(index.ids):
        part = slice(index.offsets[i], index.offsets[i + 1])
        rows, columns = np.nonzero(labels == cell)
        assert np.array_equal(index.y[part], rows) and np.array_equal(index.x[part], columns)
        assert index.box[i].tolist() == [rows.min(), columns.min(), rows.max() + 1, columns.max() + 1]
        assert np.allclose(index.centroid[i], [rows.mean(), columns.mean()])


@given(label_images)
def test_areas_and_sums_are_those_of_the_pixels(labels):
    index = cell_index(labels)
    values = np.arange(labels.size).reshape(labels.shape)
    assert index.area.tolist() == [int((labels == i).sum()) for i in index.ids]
    assert index.sum(values[index.y, index.x]).tolist() == [values[labels == i].sum() for i in index.ids]
    assert len(index.cell) == len(index.y) and len(index) == len(index.ids)


@pytest.mark.parametrize("shape", [(5, 7), (0, 0), (0, 4)])
def test_the_index_of_an_empty_mask_is_empty(shape):
    index = cell_index(np.zeros(shape, np.int32))
    assert len(index) == 0 and index.offsets.tolist() == [0] and index.box.shape == (0, 4)
    assert index.centroid.shape == (0, 2) and index.shape == shape


def test_a_scene_without_masks_has_no_cells():
    assert len(Scene(REF, {"DNA": np.zeros((4, 4))}).index) == 0


def test_the_index_is_made_once_for_all_families():
    scene = Scene(REF, {}, None, Masks({NUCLEI: np.eye(3, dtype=np.int32)}))
    assert scene.index is scene.index


def test_a_channel_is_found_by_its_name_in_any_case():
    image = np.ones((2, 2))
    assert Scene(REF, {"DNA": image}).image("dna") is image


def test_a_missing_channel_is_named_with_those_there_are():
    with pytest.raises(ChannelError, match=r"P1 B02 field 1 has no channel 'actin'; it has: DNA, ER"):
        Scene(REF, {"DNA": np.ones((2, 2)), "ER": np.ones((2, 2))}).image("actin")
