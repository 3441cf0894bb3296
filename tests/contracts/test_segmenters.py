"""What every segmenter promises."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from scipy import ndimage
from tests.contracts.scenes import blank, nuclei

from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.core.registry import Registry

IDS = Registry().ids("segmenter")


@pytest.fixture(params=IDS)
def segmenter(request):
    return Registry().make("segmenter", request.param)


def cancel(fraction, message):
    raise Cancelled(message)


def test_there_is_one():
    assert IDS


def test_it_finds_the_nuclei_with_its_defaults(segmenter):
    scene, truth = nuclei()
    found = segmenter.segment(scene, no_progress).ids()
    assert abs(len(found) - truth.max()) <= 2


def test_labels_are_consecutive_int32_of_the_fields_shape(segmenter):
    scene, truth = nuclei()
    labels = segmenter.segment(scene, no_progress).labels[NUCLEI]
    assert labels.dtype == np.int32 and labels.shape == truth.shape
    assert np.array_equal(np.unique(labels), np.arange(labels.max() + 1))


def test_each_label_is_one_piece(segmenter):
    labels = segmenter.segment(nuclei()[0], no_progress).labels[NUCLEI]
    pieces = {i: ndimage.label(labels == i)[1] for i in range(1, labels.max() + 1)}
    assert set(pieces.values()) == {1}


def test_the_same_field_gives_the_same_masks(segmenter):
    first, second = (segmenter.segment(nuclei()[0], no_progress).labels[NUCLEI] for _ in range(2))
    assert np.array_equal(first, second)


def test_it_leaves_the_pixels_untouched(segmenter):
    scene, _ = nuclei()
    before = {k: v.copy() for k, v in scene.pixels.items()}
    segmenter.resolve([scene]).segment(scene, no_progress)
    assert all(np.array_equal(before[k], v) for k, v in scene.pixels.items())


def test_what_is_resolved_survives_as_settings(segmenter):
    scene, _ = nuclei()
    name = next(i for i in IDS if Registry().get("segmenter", i).cls is type(segmenter))
    extension = Registry().get("segmenter", name)
    resolved = segmenter.resolve([scene])
    again = extension.make(extension.record(resolved)["settings"])
    assert again == resolved
    assert again.resolve([blank()]) == again, "what is resolved stays, whichever fields it is shown next"


def test_it_pickles(segmenter):
    assert pickle.loads(pickle.dumps(segmenter)) == segmenter


@pytest.mark.parametrize("value", [0, 100, 65535])
def test_a_blank_field_has_no_cells(segmenter, value):
    assert segmenter.segment(blank(value), no_progress).labels[NUCLEI].max() == 0


def test_it_stops_when_progress_says_so(segmenter):
    with pytest.raises(Cancelled):
        segmenter.segment(nuclei()[0], cancel)
