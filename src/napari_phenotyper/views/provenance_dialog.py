"""What a result was made from, in words that can be copied."""

from __future__ import annotations

from qtpy.QtWidgets import (
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTextEdit,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.provenance import TITLES, provenance_text
from napari_phenotyper.session.provenance import STAGES, provenance


class ProvenanceDialog(QDialog):
    """Tells how a result came about.

    Parameters
    ----------
    desk
        Whose results.
    of
        Which result to tell of first, one of `STAGES`.
    parent
        The widget that it belongs to.
    """

    def __init__(self, desk: Desk, of: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk, self._closed = desk, False
        self.setWindowTitle("How the results came about")
        self.resize(560, 460)
        self.of, self.text, self.copy = QComboBox(), QTextEdit(), QPushButton("Copy")
        for stage in STAGES:
            self.of.addItem(TITLES[stage].removeprefix("the ").capitalize(), stage)
        self.of.setCurrentIndex(max(self.of.findData(of), 0))
        self.of.setToolTip("Which result")
        self.text.setReadOnly(True)
        self.copy.setToolTip("Copy the text, for a methods section or a lab book")
        close = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        close.addButton(self.copy, QDialogButtonBox.ButtonRole.ActionRole)
        line, column = QHBoxLayout(), QVBoxLayout(self)
        line.addWidget(QLabel("How this was made:"))
        line.addWidget(self.of, 1)
        column.addLayout(line)
        column.addWidget(self.text, 1)
        column.addWidget(close)
        close.rejected.connect(self.reject)
        self.copy.clicked.connect(self._copy)
        self.of.currentIndexChanged.connect(self.ask)
        self.finished.connect(self._end)
        self.ask()

    def ask(self, *_: object) -> None:
        """Look the provenance up, off the window's thread."""
        of, found = str(self.of.currentData()), self._desk.results.findings
        question = found.question if found is not None and of in ("profile", "hits") else None
        session = self._desk.session.snapshot()
        plates = list(session.plates.values())
        self.text.setPlainText("…")
        self.copy.setEnabled(False)
        args = session, plates, of
        self._desk.background.read(
            "provenance", "replace", _told, *args, question, on_result=self._show, on_failure=self._fail
        )

    def _show(self, text: str) -> None:
        if not self._closed:
            self.text.setPlainText(text)
            self.copy.setEnabled(True)

    def _fail(self, error: BaseException) -> None:
        if not self._closed:
            words = f"{error.what}\n{error.remedy}" if isinstance(error, PhenotyperError) else str(error)
            self.text.setPlainText(words)

    def _copy(self, *_: object) -> None:
        QApplication.clipboard().setText(self.text.toPlainText())

    def _end(self, _: int) -> None:
        self._closed = True


def _told(session, plates, of, question, progress):
    """Return the words; the arguments are those of `session.provenance.provenance`."""
    return provenance_text(provenance(session, plates, of, progress, question))
