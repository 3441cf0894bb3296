"""A worker is ready before somebody waits for it."""

from __future__ import annotations

import numpy as np

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.session import warming


def test_the_drawn_field_has_nuclei_for_every_loop_to_run_on():
    masks = Registry().make("segmenter", "nuclei").segment(warming._drawn(np.uint8), no_progress)
    assert masks.labels["nuclei"].max() >= 12


def test_every_family_that_is_on_is_prepared():
    said = []
    warming.warm_up(lambda fraction, text: said.append(text))
    assert {text.split()[-1] for text in said} == set(Registry().defaults("extractor"))
