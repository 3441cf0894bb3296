"""Mouse and keys on the canvas, through napari's own callbacks: no Qt here."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from psygnal import Signal

from napari_phenotyper.views.layers import FieldLayers

Point = tuple[float, float]

_STILL = 4.0
"""How many screen pixels a hand may tremble in a click."""
_SPACING = 2.0
"""Field pixels between two points of a path; no cell is smaller."""


class Canvas:
    """What the user does on the canvas, in pixels of the field.

    A plain drag still pans and the wheel still zooms. A double click is one click, and napari zooms in at it: Qt tells
    the second press as a double click, which starts no drag, so nothing is labelled twice. Nothing is told while the
    active layer is in another mode than pan and zoom, or in 3D.

    Parameters
    ----------
    viewer
        napari's viewer.
    layers
        The layers of the open field.
    keys
        Key in napari's spelling ("1", "A", "Control-Z") to what it does. They work while the canvas has the focus and
        no layer, or one of ours, is active.
    """

    clicked = Signal(float, float)
    """The left button, pressed and released at one place: y, x."""
    dragged = Signal(object)
    """Shift and the left button: a list of (y, x), the part of the path that is new; it begins with the press."""
    moved = Signal(float, float)
    """The cursor: y, x."""

    def __init__(self, viewer: Any, layers: FieldLayers, keys: Mapping[str, Callable[[], None]]) -> None:
        self._viewer = viewer
        self._layers = layers
        self._keys = dict(keys)
        self._bound: list[tuple[Any, str, Any, Any]] = []
        viewer.mouse_drag_callbacks.append(self._on_press)
        viewer.mouse_move_callbacks.append(self._on_move)
        layers.layer_made.connect(self._bind)
        for target in (viewer, *layers.layers):
            self._bind(target)

    @property
    def cursor(self) -> Point | None:
        """Where the cursor is, (y, x); None while it is not over the canvas or no field is shown."""
        if not self._viewer.mouse_over_canvas or not self._layers.layers:
            return None
        return self._layers.world_to_pixel(self._viewer.cursor.position)

    def close(self) -> None:
        """Take callbacks and key bindings back; may be called twice."""
        drags, moves = self._viewer.mouse_drag_callbacks, self._viewer.mouse_move_callbacks
        if self._on_press in drags:
            drags.remove(self._on_press)
        if self._on_move in moves:
            moves.remove(self._on_move)
        self._layers.layer_made.disconnect(self._bind)
        for target, key, ours, before in reversed(self._bound):
            found = target.bind_key(key, None)
            # what somebody else bound since then stays, else what was there before us comes back
            back = before if found is ours else found
            if back is not None:
                target.bind_key(key, back)
        self._bound.clear()

    def _bind(self, target: Any) -> None:
        # on our layers too, whose own keys (napari sets modes by digits) come before the viewer's; gone ones are let go
        kept = (self._viewer, *self._layers.layers)
        self._bound = [bound for bound in self._bound if any(bound[0] is layer for layer in kept)]
        for key, act in self._keys.items():
            press = _as_binding(act)
            self._bound.append((target, key, press, target.bind_key(key, press, overwrite=True)))

    def _on_move(self, viewer: Any, event: Any) -> None:
        if self._layers.layers:
            self.moved.emit(*self._layers.world_to_pixel(event.position))

    def _on_press(self, viewer: Any, event: Any) -> Iterator[None]:
        modifiers = {str(getattr(modifier, "name", modifier)) for modifier in event.modifiers}
        if event.button == 1 and self._layers.takes_clicks:
            if not modifiers:
                yield from self._click(event)
            elif modifiers == {"Shift"}:
                yield from self._drag(event)

    def _click(self, event: Any) -> Iterator[None]:
        start, place = np.array(event.pos), self._layers.world_to_pixel(event.position)
        still = True
        while event.type != "mouse_release":
            yield
            still = still and float(np.hypot(*(np.array(event.pos) - start))) <= _STILL
        if still:
            self.clicked.emit(*place)

    def _drag(self, event: Any) -> Iterator[None]:
        last = self._layers.world_to_pixel(event.position)
        self.dragged.emit([last])
        while event.type != "mouse_release":
            # handled: the camera stays where it is, also when Shift is let go first
            event.handled = True
            yield
            path = _path(last, self._layers.world_to_pixel(event.position))
            if path:
                last = path[-1]
                self.dragged.emit(path)


def _as_binding(act: Callable[[], None]) -> Callable[[Any], None]:
    # napari hands over the viewer or layer, and takes what is returned for something to do on release
    def press(target: Any) -> None:
        act()

    return press


def _path(start: Point, end: Point) -> list[Point]:
    """Return points after `start` up to `end`, 2 to 4 pixels apart, so that a fast hand skips no cell."""
    steps = int(np.hypot(end[0] - start[0], end[1] - start[1]) // _SPACING)
    parts = np.linspace(start, end, steps + 1)[1:]
    return [(float(y), float(x)) for y, x in parts]
