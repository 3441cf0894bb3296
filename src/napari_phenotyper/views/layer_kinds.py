"""The kinds of layers that a field is made of: napari's own, which say in the status line what is under the cursor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import napari.layers


class Described:
    """A layer whose status line `say(position in the world)` writes; napari calls it in a thread of its own."""

    say: Callable[[Any], str] | None = None

    def get_status(self, position: Any = None, **options: Any) -> dict[str, str]:
        """Return what the status line says, as napari wants it."""
        # asked without a position, napari reads no pixels, which the main thread may be changing
        status = super().get_status()
        text = self.say(position) if self.say is not None and position is not None else ""
        # napari shows "coordinates" of the selected layer, and "value" where several are selected
        return {**status, "layer_base": "", "plugin": "", "coordinates": text, "coords": "", "value": text}


# named as napari's own, which takes icons, help and the name of the layer's kind from the class name
class Image(Described, napari.layers.Image):
    """A channel of the open field."""


class Labels(Described, napari.layers.Labels):
    """The class image of the open field; it has no history, the session's journal has."""

    def undo(self) -> None:
        """Do nothing: undoing is the session's."""

    def redo(self) -> None:
        """Do nothing: redoing is the session's."""


class Points(Described, napari.layers.Points):
    """A ring about a place in the open field."""
