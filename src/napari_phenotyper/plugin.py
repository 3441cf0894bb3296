"""What napari calls: the composition root, the only file beside the command line that knows all rooms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.engine.memory import share_heaps
from napari_phenotyper.session.opened import SUFFIX, opened
from napari_phenotyper.session.opening import find_plates
from napari_phenotyper.session.sample import cached_sample

if TYPE_CHECKING:
    import napari

    from napari_phenotyper.views.dock import PhenotyperDock
    from napari_phenotyper.views.layer_data import LayerData

NAME, DOCK = "napari-phenotyper", "Phenotyper"


def dock_of(viewer: napari.Viewer) -> PhenotyperDock:
    """Return the dock in a viewer's window, added if it is not there."""
    from napari_phenotyper.views.dock import PhenotyperDock

    _, widget = viewer.window.add_plugin_dock_widget(NAME, DOCK)
    assert isinstance(widget, PhenotyperDock)
    return widget


def new_viewer(show: bool = True) -> napari.Viewer:
    """Open napari as the program does when it is started by its own command."""
    share_heaps()  # before the threads of napari and of OpenGL have heaps of their own
    import napari

    return napari.Viewer(title="Phenotyper", show=show)


def open_window(path: Path | None = None, pattern: str = "", project: Path | None = None) -> None:
    """Open napari with the dock and a plate, the sample plate if none is named, and stay until it is closed."""
    import napari

    dock = dock_of(new_viewer())
    if path is None:
        dock.open_sample()
    else:
        dock.open(path, pattern, project)
    napari.run()


def tour_window(plate: Path, labels: Path, out: Path, project: Path | None = None) -> None:
    """Walk the whole way by mouse and keyboard, taking pictures; the window is closed and opened again on the way."""
    from napari_phenotyper.views.tour import Tour
    from napari_phenotyper.views.tour_seeing import walk

    made: list[Tour] = []

    def open_tour() -> Tour:
        viewer = new_viewer(show=False)
        viewer.show()
        viewer.window.resize(1400, 900)
        made.append(Tour(viewer, dock_of(viewer), out))
        return made[-1]

    try:
        walk(open_tour, plate, labels, project)
    finally:
        for tour in made[-1:]:  # those before are closed on the way
            tour.viewer.close()


def plate_reader(path: str | list[str]) -> Callable[[str | list[str]], list[LayerData]] | None:
    """Return the reader of a plate or project folder, or None if the path is neither."""
    place = Path(path[0] if isinstance(path, list) else path)
    try:
        plates = _plates(place)
    except PhenotyperError:
        return None  # napari asks every reader in turn
    first = next((field for plate in plates for field in plate.fields()), None)
    return (lambda _: _open_or_layers(place, plates)) if first is not None else None


def simulated_plate() -> list[Any]:
    """Open the simulated plate in the dock; without a window return the layers of its first field."""
    import napari
    import numpy as np

    viewer = napari.current_viewer()
    if viewer is None:
        return _first_layers(_plates(cached_sample()))
    dock_of(viewer).open_sample()
    # napari refuses a sample without layers, (None,) among them; an image of no channels is one that adds none
    return [(np.zeros((0, 1, 1)), {"channel_axis": 0}, "image")]


def segment(viewer: napari.Viewer) -> None:
    """Show the dock at segmenting."""
    from napari_phenotyper.views.hints import SEGMENT

    dock_of(viewer).show_tab(SEGMENT)


def classify(viewer: napari.Viewer) -> None:
    """Show the dock at annotating."""
    from napari_phenotyper.views.hints import ANNOTATE

    dock_of(viewer).show_tab(ANNOTATE)


def _open_or_layers(place: Path, plates: tuple[Plate, ...]) -> list[Any]:
    """Open a plate in the dock of the viewer that asks for it, or return layers where there is none."""
    import napari

    viewer = napari.current_viewer()
    if viewer is None:
        return _first_layers(plates)
    dock_of(viewer).open(place)
    return [(None,)]  # what napari takes for: read, and there is nothing to add


def _first_layers(plates: tuple[Plate, ...]) -> list[LayerData]:
    from napari_phenotyper.views.layer_data import field_layers

    return field_layers(next(field for plate in plates for field in plate.fields()))


def _plates(path: Path) -> tuple[Plate, ...]:
    if path.suffix == SUFFIX and path.is_dir():
        with opened(path, create=False, read_only=True) as session:
            return session.all_plates()
    return tuple(plate for found in find_plates(path, Registry()) for plate in found.plates)
