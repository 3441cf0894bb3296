"""The tab Plate: open plates, say what channels show, read a layout."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal, SignalInstance
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.channels import ROLES
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import PLATE_SHAPES
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.numbers import plural
from napari_phenotyper.pages.words import plate_facts
from napari_phenotyper.views.recent_list import RecentMenu

NO_ROLE = "–"


class OpenButtons(QWidget):
    """What opens a plate: a folder, a file, the sample plate; and how files are named, if nobody can tell."""

    asked = Signal(object, str)
    """Path, and a file name pattern or "". """
    adding_asked = Signal(object, str)
    """The same, of a plate that is to go into the project that is open."""
    sample_asked = Signal()

    def __init__(self, adding: bool = False) -> None:
        super().__init__()
        folder, add, sample = QPushButton("Open a plate …"), QPushButton("Add …"), QPushButton("Sample plate")
        self.recent = RecentMenu()
        add.setToolTip("Add a plate to this project: one classifier, and one table of hits, for all its plates")
        add.setVisible(adding)
        folder.setToolTip("A folder of images, an OME-Zarr plate, or a .phenotyper project. You can also drop it here.")
        sample.setToolTip("A simulated plate of 24 wells to try everything on")
        self.pattern = QLineEdit()
        self.pattern.setPlaceholderText("File names, if they are not recognised: {plate}_{well}_s{field}_{channel}.tif")
        self.pattern.setToolTip(self.pattern.placeholderText())
        self.pattern.hide()
        folder.clicked.connect(lambda: self._choose(self.asked))
        add.clicked.connect(lambda: self._choose(self.adding_asked))
        sample.clicked.connect(self.sample_asked)
        line = QHBoxLayout()
        line.addWidget(folder)
        line.addWidget(add)
        line.addWidget(sample)
        line.addWidget(self.recent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        column.addWidget(self.pattern)

    def ask_pattern(self) -> None:
        """Show where to say how files are named."""
        self.pattern.show()

    def ask_folder(self) -> str:
        """Ask for a folder; "" if the user thinks better of it."""
        return QFileDialog.getExistingDirectory(self, "Open a plate: the folder with the images, or X.zarr")

    def _choose(self, wish: SignalInstance) -> None:
        chosen = self.ask_folder()
        if chosen:
            wish.emit(Path(chosen), self.pattern.text().strip())


class PlateTab(QWidget):
    """What is known of the plate that is open.

    Parameters
    ----------
    desk
        What to show.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._roles: list[QComboBox] = []
        self._facts, self._form = QLabel(), QFormLayout()
        self.format, self.layout_button = QComboBox(), QPushButton("Read a layout …")
        self._lay_out()
        desk.events.plates.connect(self.refresh)
        desk.viewing.events.asked.connect(self._asked)
        self._shown = ""
        self.refresh()

    def refresh(self) -> None:
        """Show the plate anew."""
        plate = self._desk.viewing.plate
        if plate is None:
            return
        self._shown = plate.name
        self._facts.setText(_facts_text(plate))
        self._facts.setToolTip(plate.path)
        self._fill_channels(plate)
        self.format.blockSignals(True)
        self.format.setCurrentIndex(max(self.format.findData(plate.format), 0))
        self.format.blockSignals(False)
        writable = not self._desk.session.project.read_only
        for widget in (*self._roles, self.format, self.layout_button):
            widget.setEnabled(writable)

    def ask_layout(self) -> str:
        """Ask for a layout file."""
        return QFileDialog.getOpenFileName(self, "Layout: CSV with columns well, treatment, role", "", "CSV (*.csv)")[0]

    def _lay_out(self) -> None:
        self._facts.setWordWrap(True)
        self._facts.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.format.addItem("From the well names", 0)
        for wells in PLATE_SHAPES:
            self.format.addItem(f"{wells} wells", wells)
        self.format.setToolTip("By their names, wells are of a plate of 96 or more: a smaller one has to be told here")
        _narrow(self.format)
        self.format.currentIndexChanged.connect(self._format_chosen)
        self.layout_button.setToolTip("What was done to each well: a CSV with columns well, treatment, role, dose …")
        self.layout_button.clicked.connect(self._read_layout)
        column = QVBoxLayout(self)
        column.addWidget(self._facts)
        column.addLayout(self._form)
        column.addWidget(self.layout_button)
        column.addStretch(1)

    def _fill_channels(self, plate: Plate) -> None:
        while self._form.rowCount():
            row = self._form.takeRow(0)
            for item in (row.labelItem, row.fieldItem):
                if item is not None and item.widget() is not self.format:
                    item.widget().hide()
                    item.widget().deleteLater()
        self._roles = [self._role_box(channel) for channel in plate.channels]
        for channel, box in zip(plate.channels, self._roles, strict=True):
            self._form.addRow(f"Channel {channel.name}", box)
        self._form.addRow("Plate format", self.format)

    def _role_box(self, channel: Channel) -> QComboBox:
        box = QComboBox()
        box.addItems([NO_ROLE, *ROLES])
        box.setEditable(True)
        box.setCurrentText(channel.role or NO_ROLE)
        box.setToolTip("What the channel shows; segmentation needs DNA")
        _narrow(box)
        box.textActivated.connect(lambda role: self._role_chosen(channel.name, role))
        return box

    def _role_chosen(self, channel: str, role: str) -> None:
        plate = self._desk.viewing.plate
        if plate is not None:
            self._desk.set_roles(plate, {"" if role == NO_ROLE else role.strip(): channel})

    def _format_chosen(self) -> None:
        plate = self._desk.viewing.plate
        if plate is not None:
            self._desk.set_format(plate, self.format.currentData())

    def _read_layout(self) -> None:
        chosen = self.ask_layout()
        if chosen:
            self._desk.set_layout(Path(chosen))

    def _asked(self, ref: object) -> None:
        if ref.plate != self._shown:
            self.refresh()


def _narrow(box: QComboBox) -> None:
    """Let a box be narrower than its longest entry."""
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    box.setMinimumContentsLength(8)


def _facts_text(plate: Plate) -> str:
    """Return what there is to know of a plate in a few short lines."""
    facts = plate_facts(plate)
    lines = [f"{facts['name']}: {plural(len(facts['wells']), 'well')}, {plural(facts['fields'], 'field')}"]
    if "field_size" in facts:
        size, pixel = facts["field_size"], facts["pixel_size_um"]
        unit = f"{pixel:g} µm per pixel" if pixel else "pixel size unknown"
        lines.append(f"{size['y']} × {size['x']} pixels, {unit}")
    if facts["layout"]["wells"]:
        wells, controls = facts["layout"]["wells"], facts["layout"]["negative"]
        lines.append(f"Layout of {plural(wells, 'well')}, {plural(controls, 'negative control')}")
    else:
        lines.append("No layout: nobody has said what was done to the wells")
    return "\n".join(lines)
