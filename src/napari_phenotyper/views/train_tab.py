"""The tab Train: which classifier learns, how good it is, and keeping the model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.judging import COMPARISON, CURVE
from napari_phenotyper.desk.live import nothing
from napari_phenotyper.pages.compose import SIMULATED, evaluation_part
from napari_phenotyper.pages.score_plots import EVALUATED, curve_plot, evaluated, evaluation_plot
from napari_phenotyper.session.learning import model_in_use
from napari_phenotyper.views.chooser import Chooser
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.judging_panel import SCORES, JudgingPanel
from napari_phenotyper.views.models_dialog import ModelsDialog
from napari_phenotyper.views.saving import Offer, SaveButton

PAUSE = 0.6
"""Seconds without another change after which a classifier is taken with new parameters."""


class TrainTab(QWidget):
    """Chooses what learns, and shows how good it is.

    Parameters
    ----------
    desk
        Whose classifier.
    view
        Shows cells whose label looks wrong.
    """

    def __init__(self, desk: Desk, view: FieldView) -> None:
        super().__init__()
        self._desk, self._view = desk, view
        self._wish = nothing
        self.chooser = Chooser(
            desk.session.registry, "classifier", desk.live.classifier, desk.background.fail, self._settings
        )
        self.live, self.state = QCheckBox("Learn live"), QLabel()
        self.test, self.keep = QPushButton("Test it"), QPushButton("Keep model")
        registry = desk.session.registry
        self.judging = JudgingPanel([(name, registry.title("classifier", name)) for name in registry.ids("classifier")])
        self.scores, self.kept, self.history = self.judging.scores, QLabel(), QPushButton("Kept models …")
        self.save = SaveButton(desk.background, self._offered)
        self.judging.line.addWidget(self.save)
        self._lay_out()
        self._take()
        self.chooser.chosen.connect(self._take)
        self.chooser.changed.connect(self._take_soon)
        self.live.setChecked(desk.live.on)
        self.live.toggled.connect(desk.live.switch)
        self.test.clicked.connect(lambda: self.answer())
        self.judging.cell_clicked.connect(self._show_cell)
        self.judging.gallery_asked.connect(desk.judging.show_suspects)
        self.scores.entry_clicked.connect(desk.judging.show_confused)
        self.scores.class_clicked.connect(desk.gallery.show_annotated)
        desk.judging.events.found.connect(self.judging.set_found)
        self.keep.clicked.connect(lambda: desk.keep())
        self.history.clicked.connect(self._press_history)
        desk.history.events.used.connect(self._went_to)
        desk.live.events.state.connect(self._show_state)
        desk.events.scores.connect(self._show_scores)
        desk.session.events.models.connect(self._show_kept)
        self._show_scores(desk.scores)
        self._show_kept()

    def answer(self) -> None:
        """Find out what is asked about the classifier that is chosen."""
        judging, question = self._desk.judging, self.judging.question
        if question == SCORES:
            self._desk.evaluate()
        elif question == CURVE:
            judging.learning_curve()
        elif question == COMPARISON:
            judging.compare(self.judging.other)
        else:
            judging.suspects()

    def show_models(self) -> ModelsDialog:
        """List the kept models."""
        dialog = ModelsDialog(self._desk, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        return dialog

    def _press_history(self, *_: object) -> None:
        self.show_models()

    def _settings(self, name: str) -> Mapping[str, object]:
        """Return the parameters that a classifier's form begins with: those it learns with, where it is the one."""
        live = self._desk.live
        return live.settings if name == live.classifier else {}

    def _went_to(self, _: str) -> None:
        """Show the classifier of a model that somebody went back to."""
        self.chooser.choose(self._desk.live.classifier)

    def _show_cell(self, cell: Mapping[str, Any]) -> None:
        """Open the field of a cell and look at it."""
        ref = FieldRef(cell["plate"], cell["well"], cell["field"])
        self._view.look_at(ref, cell["y"], cell["x"])

    def _offered(self) -> list[Offer]:
        """Return the plots of the answer that is shown."""
        desk, question = self._desk, self.judging.question
        names = list(desk.session.plates)
        plate = names[0] if len(names) == 1 else f"{len(names)} plates"
        simulated = any(name.startswith(SIMULATED) for name in names)
        if question == CURVE and CURVE in desk.judging.found:
            report = desk.judging.found[CURVE]
            return [Offer("Learning curve", "learning-curve", lambda: curve_plot(report, plate, simulated))]
        if question == SCORES and desk.scores is not None:
            part = evaluation_part(desk.session, desk.scores)
            drawn = plate, simulated
            return [Offer(EVALUATED[n], n, partial(evaluation_plot, part, n, *drawn)) for n in evaluated(part)]
        return []

    def _lay_out(self) -> None:
        self.chooser.names.setToolTip("What learns; all of them learn from the same annotations")
        self.test.setToolTip("Answer the question below: every well is predicted by a classifier that never saw it")
        self.keep.setToolTip("Train once more from nothing on all annotated cells, store the model, predict the plates")
        self.history.setToolTip("When and from what each model was kept, its scores; go back to one, compare two")
        self.keep.setEnabled(not self._desk.session.project.read_only)
        self.state.setWordWrap(True)
        self.kept.setWordWrap(True)
        column, line = QVBoxLayout(self), QHBoxLayout()
        line.addWidget(self.live, 1)
        line.addWidget(self.test)
        line.addWidget(self.keep)
        column.addWidget(self.chooser)
        column.addLayout(line)
        column.addWidget(self.state)
        column.addWidget(self.judging, 1)
        last = QHBoxLayout()
        last.addWidget(self.kept, 1)
        last.addWidget(self.history)
        column.addLayout(last)

    def _take_soon(self) -> None:
        self._wish()
        self._wish = self._desk.later(PAUSE, self._take)

    def _take(self) -> None:
        self._desk.live.choose(self.chooser.name, self.chooser.value())
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
        self.history.setVisible(bool(self._desk.session.project.models.ids()))
        try:
            self.kept.setText(f"Kept: {model_in_use(self._desk.session)}")
        except PhenotyperError:
            self.kept.setText("No model is kept yet.")
