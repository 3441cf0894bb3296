"""The simulated sample plate: find its generator, make the plate once."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from platformdirs import user_cache_path

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.progress import Progress, no_progress


def generator() -> ModuleType:
    """Return the module that makes the sample plate: in an installed package beside it, in a checkout at the top.

    Raises
    ------
    ProjectError
        If the installation lacks it.
    """
    package = Path(__file__).parents[1]
    for folder in (package / "sample_data", package.parents[1] / "sample_data"):
        path = folder / "simulated_plate.py"
        if path.is_file():
            spec = importlib.util.spec_from_file_location("napari_phenotyper_sample_plate", path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[spec.name] = module  # dataclasses look their own module up there
            spec.loader.exec_module(module)
            return module
    raise ProjectError("The sample plate's generator is missing.", "Install napari-phenotyper again.")


def cached_sample(progress: Progress = no_progress) -> Path:
    """Make the simulated plate in the user's cache, once, and return its folder. Raises ProjectError."""
    return sample_plate(user_cache_path("napari-phenotyper") / "SIMULATED", progress)


def sample_plate(folder: Path, progress: Progress = no_progress) -> Path:
    """Make the simulated plate in a folder, unless it is there, and return its path.

    Raises
    ------
    ProjectError
        If it cannot be written.
    """
    try:
        made: Path = generator().make(folder, progress=progress)
    except OSError as error:
        raise ProjectError(
            f"The sample plate cannot be written to {folder}: {error}.", "Choose another: --out DIR."
        ) from error
    return made
