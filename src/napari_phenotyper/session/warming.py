"""Makes a worker ready before somebody waits for it."""

from __future__ import annotations

import importlib
from contextlib import suppress
from pathlib import Path

import numpy as np

from napari_phenotyper import kernels
from napari_phenotyper.core.cells import CropSpec
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Progress, no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.kernels.crops import cut
from napari_phenotyper.session.segmenting import DEFAULT_SEGMENTER
from napari_phenotyper.session.steps import Away, Steps

_SIDE, _STEP, _RADIUS = 120, 30, 9.0


def is_compiled() -> bool:
    """Tell whether machine code of loops lies beside their source; elsewhere it is not looked for."""
    folder = kernels.__file__
    return folder is not None and any((Path(folder).parent / "__pycache__").glob("*.nbi"))


def warm_up_steps() -> Steps[None]:
    """Return the steps that make a worker ready."""
    yield Away(warm_up, (), heavy=True)


def warm_up(progress: Progress) -> None:
    """Load libraries, then segment, measure and cut out some drawn nuclei, so that every loop is compiled.

    The first time that takes half a minute; the machine code stays on disk, and a later process needs a second.
    """
    for name in ("pyarrow.parquet", "zarr"):
        importlib.import_module(name)
    registry = Registry()
    for kind in (np.uint8, np.uint16):
        scene = _drawn(kind)
        with suppress(PhenotyperError):  # whoever uses what is broken will be told
            masks = registry.make("segmenter", DEFAULT_SEGMENTER).segment(scene, no_progress)
            cut(np.stack(list(scene.pixels.values())), np.array([[20.0, 20.0, 32.0]]), CropSpec(16))
            seen = Scene(scene.ref, scene.pixels, None, masks)
            for extractor in registry.defaults("extractor"):
                progress(0.0, f"Preparing {extractor}")
                registry.make("extractor", extractor).measure(seen)


def _drawn(kind: type[np.unsignedinteger]) -> Scene:
    """Return a field of bright discs on a dim ground, some of which touch."""
    y, x = np.mgrid[:_SIDE, :_SIDE]
    image = np.full((_SIDE, _SIDE), 10.0)
    for row in range(_STEP // 2, _SIDE, _STEP):
        for column in range(_STEP // 2, _SIDE, _STEP):
            far = np.hypot(y - row, x - column + (row % 4) * 2)
            image[far < _RADIUS + column % 3] = 120 + column % 7
    noise = np.random.default_rng(0).normal(0, 2, image.shape)
    return Scene(FieldRef("drawn", "A01", 1), {"DNA": (image + noise).clip(0, 255).astype(kind)})
