"""The tab Train: which classifier learns, how good it is, and keeping the model."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_phenotyper.core.errors import ExtensionError, PhenotyperError
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.learning import model_in_use
from napari_phenotyper.views.forms import ParameterForm
from napari_phenotyper.views.scores_panel import ScoresPanel

PAUSE = 0.6
"""Seconds without another change after which a classifier is taken with new parameters."""


class TrainTab(QWidget):
    """Chooses what learns, and shows how good it is.

    Parameters
    ----------
    desk
        Whose classifier.
    """

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._wish = desk.later(0.0, lambda: None)
        self.classifier, self.form = QComboBox(), QWidget()
        self.live, self.state = QCheckBox("Learn live"), QLabel()
        self.test, self.keep = QPushButton("Test it"), QPushButton("Keep model")
        self.scores, self.kept = ScoresPanel(), QLabel()
        self._column = QVBoxLayout(self)
        self._lay_out()
        self._choose(0)
        self.live.setChecked(desk.live.on)
        self.live.toggled.connect(desk.live.switch)
        self.test.clicked.connect(lambda: desk.evaluate())
        self.keep.clicked.connect(lambda: desk.keep())
        desk.live.events.state.connect(self._show_state)
        desk.events.scores.connect(self._show_scores)
        desk.session.events.models.connect(self._show_kept)
        self._show_scores(desk.scores)
        self._show_kept()

    def _lay_out(self) -> None:
        registry = self._desk.session.registry
        for name in registry.ids("classifier"):
            self.classifier.addItem(registry.title("classifier", name), name)
        self.classifier.setCurrentIndex(max(self.classifier.findData(self._desk.live.classifier), 0))
        self.classifier.currentIndexChanged.connect(self._choose)
        self.classifier.setToolTip("What learns; all of them learn from the same annotations")
        self.test.setToolTip("Cross-validate: every well is predicted by a classifier that never saw it")
        self.keep.setToolTip("Train once more from nothing on all annotated cells, store the model, predict the plates")
        self.keep.setEnabled(not self._desk.session.project.read_only)
        self.state.setWordWrap(True)
        self.kept.setWordWrap(True)
        line = QHBoxLayout()
        line.addWidget(self.live, 1)
        line.addWidget(self.test)
        line.addWidget(self.keep)
        self._column.addWidget(self.classifier)
        self._column.addWidget(self.form)
        self._column.addLayout(line)
        self._column.addWidget(self.state)
        self._column.addWidget(self.scores, 1)
        self._column.addWidget(self.kept)

    def _choose(self, _: int) -> None:
        try:
            extension = self._desk.session.registry.get("classifier", self.classifier.currentData())
        except ExtensionError as error:
            self._desk.background.fail(error)
            return
        form = ParameterForm(extension.parameters)
        form.changed.connect(self._take_soon)
        self._column.replaceWidget(self.form, form)
        self.form.hide()
        self.form.deleteLater()
        self.form = form
        self._take()

    def _take_soon(self) -> None:
        self._wish()
        self._wish = self._desk.later(PAUSE, self._take)

    def _take(self) -> None:
        self._desk.live.choose(self.classifier.currentData(), self.form.value())
        self._show_scores(self._desk.scores)

    def _show_state(self, text: str) -> None:
        self.live.setChecked(self._desk.live.on)
        self.state.setText(text)
        self.state.setVisible(bool(text))

    def _show_scores(self, report: object) -> None:
        self.scores.set_report(report, self._desk.session.annotations.phenotypes)
        self.scores.set_stale(self._desk.stale)
        self.scores.setToolTip(self._desk.untestable)

    def _show_kept(self, *_: object) -> None:
        try:
            self.kept.setText(f"Kept: {model_in_use(self._desk.session)}")
        except PhenotyperError:
            self.kept.setText("No model is kept yet.")
