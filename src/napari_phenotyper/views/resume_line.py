"""A line that offers to go on with a job that was interrupted; nothing starts unasked."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.resuming import Offer


class ResumeLine(QWidget):
    """Shows what can go on, a line each; hidden while there is nothing.

    Parameters
    ----------
    desk
        Whose jobs.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.lines: list[_Line] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(2)
        desk.resuming.events.offers.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        for line in self.lines:
            line.hide()
            self._column.removeWidget(line)
            line.deleteLater()
        self.lines = [_Line(self._desk, offer) for offer in self._desk.resuming.offers]
        for line in self.lines:
            self._column.addWidget(line)
        self.setVisible(bool(self.lines))


class _Line(QWidget):
    """One offer."""

    def __init__(self, desk: Desk, offer: Offer) -> None:
        super().__init__()
        self.setObjectName("resume")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        # an explicit pair, because neither theme has a colour for this
        self.setStyleSheet("#resume { background-color: #cfe3f7; border-radius: 3px; } QLabel { color: #10263b; }")
        self.text, self.go_on, self.dismiss = QLabel(f"{offer.sentence} Go on?"), QPushButton("Go on"), QToolButton()
        self.text.setWordWrap(True)
        self.go_on.setToolTip("Go on where it stopped: what is done is kept")
        self.dismiss.setText("✕")
        self.dismiss.setAutoRaise(True)
        self.dismiss.setStyleSheet("color: #10263b; background: transparent;")
        self.dismiss.setToolTip("Do not go on; what is done stays")
        self.go_on.clicked.connect(lambda: desk.go_on(offer))
        self.dismiss.clicked.connect(lambda: desk.resuming.dismiss(offer))
        line = QHBoxLayout(self)
        line.setContentsMargins(6, 3, 3, 3)
        line.addWidget(self.text, 1)
        line.addWidget(self.go_on)
        line.addWidget(self.dismiss)
