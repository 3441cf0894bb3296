"""What napari calls: the composition root, the only file beside the command line that knows all rooms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from platformdirs import user_cache_path

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.session.opened import SUFFIX, opened
from napari_phenotyper.session.opening import find_plates
from napari_phenotyper.session.sample import sample_plate
from napari_phenotyper.views.layers import LayerData, field_layers


def plate_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return the reader of a plate or project folder, or None if the path is neither."""
    place = Path(path[0] if isinstance(path, list) else path)
    try:
        plates = _plates(place)
    except PhenotyperError:
        return None  # napari asks every reader in turn
    first = next((field for plate in plates for field in plate.fields()), None)
    return (lambda _: field_layers(first)) if first is not None else None


def simulated_plate() -> list[LayerData]:
    """Make the simulated plate in the user's cache, once, and return its first field."""
    folder = sample_plate(user_cache_path("napari-phenotyper") / "SIMULATED")
    return field_layers(next(_plates(folder)[0].fields()))


def _plates(path: Path) -> tuple[Plate, ...]:
    if path.suffix == SUFFIX and path.is_dir():
        with opened(path, create=False, read_only=True) as session:
            return session.all_plates()
    return tuple(plate for found in find_plates(path, Registry()) for plate in found.plates)
