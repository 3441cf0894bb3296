"""The questions of the tab Train, and their answers: scores, learning curve, comparison, suspected labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QUrl, Signal
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QStackedWidget, QTextBrowser, QVBoxLayout, QWidget

from napari_phenotyper.desk.judging import COMPARISON, CURVE, SUSPECTS
from napari_phenotyper.pages.judgements import comparison_html, curve_html, suspects_html
from napari_phenotyper.views.curve_chart import CurveChart
from napari_phenotyper.views.scores_panel import ScoresPanel

SCORES = "scores"
QUESTIONS = {
    SCORES: "How good is it?",
    CURVE: "What would more labels bring?",
    COMPARISON: "Is another classifier better?",
    SUSPECTS: "Which labels look wrong?",
}
_HINTS = {
    CURVE: "Press <b>Test it</b>: the classifier learns from growing shares of your labels; how its scores rise tells "
    "what more labels would bring.",
    COMPARISON: "Choose the other one and press <b>Test it</b>: both predict the same cells that they never saw.",
    SUSPECTS: "Press <b>Test it</b>: annotated cells that a classifier which never saw them is sure to be of another "
    "class. A click opens the cell.",
}


class JudgingPanel(QWidget):
    """Shows the answer to the question that is chosen.

    Parameters
    ----------
    classifiers
        Id and title of those to compare with.
    """

    cell_clicked = Signal(object)
    """A suspect: plate, well, field, y, x."""
    gallery_asked = Signal()
    """Show the suspects as thumbnails."""

    def __init__(self, classifiers: Sequence[tuple[str, str]]) -> None:
        super().__init__()
        self.questions, self.others, self.scores = QComboBox(), QComboBox(), ScoresPanel()
        self.chart, self._pages, self.gallery = CurveChart(), QStackedWidget(), QPushButton("Show them in the gallery")
        self.line = QHBoxLayout()
        self._texts = {kind: QTextBrowser() for kind in _HINTS}
        self._suspects: Sequence[Mapping[str, Any]] = ()
        for kind, title in QUESTIONS.items():
            self.questions.addItem(title, kind)
        for name, title in classifiers:
            self.others.addItem(title, name)
        self._lay_out()
        self.questions.currentIndexChanged.connect(self._show_page)
        self._show_page()

    @property
    def question(self) -> str:
        """Which question is chosen: a key of `QUESTIONS`."""
        return str(self.questions.currentData())

    @property
    def other(self) -> str:
        """Id of the classifier to compare with."""
        return str(self.others.currentData())

    def set_found(self, kind: str, report: Mapping[str, Any]) -> None:
        """Show a report of `session.judging`."""
        words = {CURVE: curve_html, COMPARISON: comparison_html, SUSPECTS: suspects_html}[kind](report)
        self._texts[kind].setHtml(words)
        if kind == CURVE:
            self.chart.set_points(report["points"])
        if kind == SUSPECTS:
            self._suspects = report["suspects"]
            self.gallery.setEnabled(len(self._suspects) > 0)

    def text(self, kind: str) -> str:
        """Return what is written about a question."""
        return self._texts[kind].toPlainText()

    def _lay_out(self) -> None:
        for kind, text in self._texts.items():
            text.setOpenLinks(False)
            text.setHtml(_HINTS[kind])
        self._texts[SUSPECTS].anchorClicked.connect(self._open)
        self.gallery.setEnabled(False)
        self.gallery.clicked.connect(self.gallery_asked)
        self._pages.addWidget(self.scores)
        for kind, above in ((CURVE, self.chart), (COMPARISON, self.others), (SUSPECTS, self.gallery)):
            page = QWidget()
            column = QVBoxLayout(page)
            column.setContentsMargins(0, 0, 0, 0)
            column.addWidget(above)
            column.addWidget(self._texts[kind], 1)
            self._pages.addWidget(page)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.line.addWidget(self.questions, 1)
        column.addLayout(self.line)
        column.addWidget(self._pages, 1)

    def _show_page(self, *_: object) -> None:
        self._pages.setCurrentIndex(self.questions.currentIndex())

    def _open(self, link: QUrl) -> None:
        number = int(link.toString())
        if number < len(self._suspects):
            self.cell_clicked.emit(self._suspects[number])
