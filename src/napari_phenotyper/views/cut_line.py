"""One line of text that is cut where there is no room for it, and whole again where there is."""

from __future__ import annotations

from qtpy.QtCore import QSize
from superqt import QElidingLabel

_RIM = 10
"""Pixels beside the text that the window's style takes."""


class CutLine(QElidingLabel):
    """A label that asks for the room of its whole text, where superqt's asks for that of what is left of it."""

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return the room that the whole text needs."""
        wide = self.fontMetrics().horizontalAdvance(self.text()) + _RIM
        return QSize(wide, super().sizeHint().height())
