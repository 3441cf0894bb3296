"""What is done about uneven light: a choice in the tab Segment, and what was decided for the plate that is open."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from napari_phenotyper.core.plate import Plate
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.pages.words import light_short, light_text
from napari_phenotyper.session.illumination import AUTO, OFF, ON, illumination_of, is_decided

_CHOICES = {AUTO: "where it helps", ON: "always", OFF: "never"}


class LightChoice(QWidget):
    """Chooses whether features are measured without uneven light.

    Parameters
    ----------
    desk
        Whose plate.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._job: Job | None = None
        self._asked_for = ""
        self.mode, self._told = QComboBox(), QLabel()
        for mode, words in _CHOICES.items():
            self.mode.addItem(words, mode)
        self._told.setWordWrap(True)
        self._lay_out()
        self.mode.activated.connect(self._chosen)
        desk.events.survey.connect(self.refresh)
        desk.viewing.events.asked.connect(self.refresh)
        desk.background.events.job.connect(self._changed)
        self.refresh()

    def refresh(self, *_: object) -> None:
        """Show what stands, unless a choice is still being carried out."""
        plate = self._desk.viewing.plate
        if plate is None or (plate.name == self._asked_for and self._job is not None and not self._job.over):
            return
        self.mode.setEnabled(not self._desk.session.project.read_only)
        self.mode.setCurrentIndex(self.mode.findData(self._mode(plate)))
        self._told.setText(self._words(plate))

    def _lay_out(self) -> None:
        self.setToolTip(
            "Looks at the brightness of objects in some fields of the plate, and measures every field as if it had\n"
            "been lit evenly. Masks stay as they are; features of another choice return when it is chosen again."
        )
        row, column = QHBoxLayout(), QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        row.addWidget(QLabel("Even out the light:"))
        row.addWidget(self.mode, 1)
        column.addLayout(row)
        column.addWidget(self._told)

    def _chosen(self) -> None:
        plate = self._desk.viewing.plate
        self._asked_for = plate.name if plate is not None else ""
        self._job = self._desk.set_light(str(self.mode.currentData()))
        self._told.setText("Looking at the plate's fields; the bar below tells how far it is.")

    def _changed(self, job: Job) -> None:
        if self._job is not None and job is self._job and job.over:
            self.refresh()

    def _mode(self, plate: Plate) -> str:
        """Return what was chosen; a plate that was measured before there was a choice is measured as it is."""
        session = self._desk.session
        if is_decided(session, plate.name):
            return illumination_of(session, plate.name).mode
        return OFF if self._desk.surveys.get(plate.name, Survey()).measured else AUTO

    def _words(self, plate: Plate) -> str:
        session = self._desk.session
        if not is_decided(session, plate.name):
            return ""
        labels = {channel.name: channel.label for channel in plate.channels}
        found = illumination_of(session, plate.name)
        self._told.setToolTip("\n".join(light_text(found, lambda name: labels.get(name, name))))
        return light_short(found, lambda name: labels.get(name, name))
