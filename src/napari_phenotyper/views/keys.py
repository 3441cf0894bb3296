"""The keys of the window: what they do, how they are called, and the page that lists them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from qtpy.QtWidgets import QDialog, QDialogButtonBox, QLabel, QVBoxLayout, QWidget

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.plate_map import PlateMap


@dataclass(frozen=True)
class Key:
    """A key in napari's spelling, as a person reads it, and what it does."""

    binding: str
    name: str
    title: str
    act: Callable[[], object]


MOUSE = (
    ("Click", "Give the cell the chosen class"),
    ("Shift + drag", "Give the class to all cells on the way"),
    ("Drag, wheel", "Move and zoom the field"),
    ("Click a well", "Open its field; again: its next field"),
    ("Click in the mosaic", "Open the field there"),
    ("Drag over wells, Ctrl + click", "Select wells: jobs do only these"),
)


class Tabs(Protocol):
    """Where the keys find the tabs."""

    def next_tab(self) -> None:
        """Show the next tab."""

    def segment_plate(self) -> None:
        """Do what the button of the tab Segment does."""

    def find_hits(self) -> None:
        """Do what the button of the tab Results does."""

    def show_gallery(self) -> None:
        """Show the gallery, or put it away."""

    def show_mosaic(self) -> None:
        """Show the plate on the canvas, or the field again."""

    def show_heat(self) -> None:
        """Put the heat map over the mosaic, or take it away."""

    def show_methods(self) -> None:
        """Tell in words how results came about."""


def keys_of(desk: Desk, view: FieldView, plate_map: PlateMap, cursor: Callable[[], object], tabs: Tabs) -> list[Key]:
    """Return the keys that work on the canvas; `cursor` gives (y, x) or None."""
    marking = desk.marking

    def here(act: Callable[[float, float], object]) -> Callable[[], object]:
        def press() -> None:
            place = cursor()
            if place is not None:
                act(*place)

        return press

    def give(name: str) -> None:
        marking.choose(name)
        place = cursor()
        if name and place is not None:
            marking.click(*place, name)

    keys = [
        Key(str(k), "1 … 9" if k == 1 else "", "Choose the class, and give it to the cell under the cursor",
            lambda k=k: give(marking.class_of_key(str(k))))
        for k in range(1, 10)
    ]  # fmt: skip
    keys += [
        Key("0", "0", "Clear the cell under the cursor", here(marking.clear)),
        Key("X", "X", "The object under the cursor is not a cell", lambda: give(NOT_A_CELL)),
        Key("A", "A", "Accept the prediction of the cell under the cursor", here(marking.accept)),
        Key("R", "R", "Attach the lost label that is ringed to the cell under the cursor", here(desk.strays.attach)),
        Key("Control-Z", "Ctrl + Z", "Undo", marking.undo),
        Key("Control-Shift-Z", "Ctrl + Shift + Z", "Redo", marking.redo),
        Key("F", "F", "Next field", lambda: desk.viewing.step(1)),
        Key("B", "B", "Field before", lambda: desk.viewing.step(-1)),
        Key("Alt-Up", "Alt + arrows", "Walk to the next well", lambda: plate_map.step(-1, 0)),
        Key("Alt-Down", "", "", lambda: plate_map.step(1, 0)),
        Key("Alt-Left", "", "", lambda: plate_map.step(0, -1)),
        Key("Alt-Right", "", "", lambda: plate_map.step(0, 1)),
        Key("O", "O", "Outlines or filled", view.next_style),
        Key("C", "C", "Colour by class or by confidence", view.next_colouring),
        Key("T", "T", "Next tab: Plate, Segment, Annotate, Train, Results", tabs.next_tab),
        Key("S", "S", "Segment and measure the plate, or the wells selected", tabs.segment_plate),
        Key("G", "G", "Gallery of cells, or put it away", tabs.show_gallery),
        Key("M", "M", "Mosaic of the plate, or back to the field", tabs.show_mosaic),
        Key("Shift-M", "Shift + M", "Heat map over the mosaic, or none", tabs.show_heat),
        Key("L", "L", "Learn live, or stop", lambda: desk.live.switch(not desk.live.on)),
        Key("E", "E", "Test the classifier: evaluate it on wells it never saw", desk.evaluate),
        Key("K", "K", "Keep the model", desk.keep),
        Key("W", "W", "Methods: how the results came about, in words", tabs.show_methods),
        Key("H", "H", "Find hits: wells that differ from the negative controls", tabs.find_hits),
    ]  # fmt: skip
    return keys


def bindings(keys: Sequence[Key]) -> dict[str, Callable[[], None]]:
    """Return the keys as `Canvas` takes them."""
    return {key.binding: lambda act=key.act: _ignore(act()) for key in keys}


WIDE = 760
"""Width of the list in pixels: two columns of keys on the smallest screen."""


class KeysDialog(QDialog):
    """Lists the keys."""

    def __init__(self, keys: Sequence[Key], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        rows = [*((k.name, k.title) for k in keys if k.name), ("?", "This list"), *MOUSE]
        half = (len(rows) + 1) // 2
        text = QLabel(f"<table><tr><td>{_table(rows[:half])}</td><td>{_table(rows[half:])}</td></tr></table>")
        text.setWordWrap(True)
        text.setMinimumWidth(WIDE)
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(text)
        column.addWidget(close)


def _table(rows: Sequence[tuple[str, str]]) -> str:
    cells = "".join(f"<tr><td><nobr><b>{name}</b>&nbsp;&nbsp;</nobr></td><td>{title}</td></tr>" for name, title in rows)
    return f"<table cellpadding=2>{cells}</table>"


def _ignore(_: object) -> None:
    """Take what an action returns."""
