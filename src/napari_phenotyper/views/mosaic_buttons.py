"""Two buttons beside what the wells are coloured by: the plate on the canvas, and these colours over it."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QWidget

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.views.mosaic_view import MosaicView


class MosaicButtons(QWidget):
    """Switches the mosaic and its heat map on and off.

    Parameters
    ----------
    desk, view
        Whether the mosaic is on, and what shows it.
    """

    def __init__(self, desk: Desk, view: MosaicView) -> None:
        super().__init__()
        self._desk, self._view = desk, view
        self.mosaic, self.heat = QPushButton("Mosaic"), QPushButton("Heat map")
        self.mosaic.setToolTip("All wells as thumbnails on the canvas, or the field again (M)")
        self.heat.setToolTip("These colours over the mosaic (Shift + M)")
        line = QHBoxLayout(self)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(2)
        for button, act in ((self.mosaic, view.toggle), (self.heat, view.toggle_heat)):
            button.setCheckable(True)
            button.clicked.connect(act)
            line.addWidget(button)
        view.changed.connect(self.update_state)

    def update_state(self) -> None:
        """Show what is on."""
        self.mosaic.setChecked(self._desk.mosaic.on)
        self.heat.setChecked(self._desk.mosaic.on and self._view.heated)
