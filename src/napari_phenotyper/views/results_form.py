"""What hits are asked for: model, profile, score, and which class or feature; one press asks with good defaults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QCompleter,
    QFormLayout,
    QHBoxLayout,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.evaluation.field_quality import UNUSABLE
from napari_phenotyper.session.hit_finding import HitQuestion
from napari_phenotyper.session.profiling import DEFAULT_PROFILER, DEFAULT_SCORER
from napari_phenotyper.views.chooser import Chooser

LIVE = "live"
"""Stands for the model of the annotations as they are now, which is kept on the press."""
MOST = 200_000
"""So many wells times features are scored at once; where there are more, only the feature that is chosen."""


class ResultsForm(QWidget):
    """Asks for hits.

    Parameters
    ----------
    desk
        Whose models, classes and features.
    """

    asked = Signal()
    """The button was pressed, or a column was chosen that was not scored yet."""
    column_changed = Signal(str)
    """Another class or feature was chosen, "" for all."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self._entries: list[tuple[str, str]] = []
        self._teachable = self._follows = False
        self.find, self.how, self.column = QPushButton("Find hits"), QToolButton(), QComboBox()
        self.model, self.profile, self._options = QComboBox(), QComboBox(), QWidget()
        self.doubtful = QCheckBox(f"Leave out fields that are {' or '.join(UNUSABLE)}")
        self._scored: dict[str, Mapping[str, object]] = {}
        registry, fail = desk.session.registry, desk.background.fail
        self.scorer = Chooser(registry, "scorer", DEFAULT_SCORER, fail, lambda name: self._scored.get(name, {}))
        for name in registry.ids("profiler"):
            self.profile.addItem(registry.title("profiler", name).rstrip("."), name)
        self.profile.setCurrentIndex(max(self.profile.findData(DEFAULT_PROFILER), 0))
        self._lay_out()
        self.fill_models()
        self.fill_columns()
        self.find.clicked.connect(self._press)
        self.how.toggled.connect(self._fold)
        self.profile.currentIndexChanged.connect(self.fill_columns)
        self.column.currentIndexChanged.connect(self._column_chosen)
        self.column.lineEdit().editingFinished.connect(self._tidy)
        desk.session.events.models.connect(self.fill_models)
        desk.history.events.predicted.connect(self._worn)
        desk.session.events.annotations.connect(self._annotated)
        desk.marking.events.classes.connect(self.fill_columns)
        desk.events.survey.connect(self.fill_columns)

    def question(self) -> HitQuestion:
        """Return what is asked."""
        chosen = str(self.model.currentData() or "")
        learner = self._desk.results.learner() if chosen == LIVE else None
        settings = self.scorer.value()
        column = "" if self._all_at_once() else self.chosen_column
        model = "" if learner else chosen
        leave_out = UNUSABLE if self.doubtful.isChecked() else ()
        profile, scorer = str(self.profile.currentData()), self.scorer.name
        return HitQuestion(model, learner, profile, column, scorer, settings, leave_out)

    def set_question(self, question: HitQuestion, column: str) -> None:
        """Show what was asked, and a class or feature of the answer; the boxes are silent."""
        with QSignalBlocker(self.profile):
            self.profile.setCurrentIndex(max(self.profile.findData(question.profiler), 0))
        self._scored[question.scorer] = question.settings
        self.scorer.choose(question.scorer)
        self.doubtful.setChecked(bool(question.leave_out))
        with QSignalBlocker(self.column):
            self._list_columns()
            self.column.setCurrentIndex(max(self.column.findData(column or question.column), 0))
        self._tidy()

    @property
    def chosen_column(self) -> str:
        """The class or feature that is chosen, "" for all."""
        return str(self.column.currentData() or "")

    def fill_models(self, *_: object) -> None:
        """List the models: that of the annotations as they are, then the kept ones, the one in use first."""
        session = self._desk.session
        live = [("Live: train on all annotations and keep it", LIVE)]
        self._teachable = bool(session.annotations.active) and not session.project.read_only
        entries = live if self._teachable else []
        used = session.setting("model").get("id")
        kept = sorted(session.project.models.ids(), key=lambda name: name != used)
        entries += [(f"Kept: {name}{' (in use)' if name == used else ''}", name) for name in kept]
        _refill(self.model, entries or [("There is no model yet", "")])

    def _annotated(self, *_: object) -> None:
        """List the models anew after the first annotation, and after the last was taken away: not at every click.

        Where a kept model was worn, the annotations as they are count again.
        """
        if self._follows and self.model.currentData() != LIVE:
            self.model.setCurrentIndex(max(self.model.findData(LIVE), 0))
            self._follows = False
        if self._teachable != (
            bool(self._desk.session.annotations.active) and not self._desk.session.project.read_only
        ):
            self.fill_models()

    def _worn(self, _: object) -> None:
        """Count with the kept model that all cells wear, until somebody annotates."""
        worn = self._desk.history.worn
        if worn and self.model.findData(worn) >= 0 and not self._desk.results.findings:
            self.model.setCurrentIndex(self.model.findData(worn))
            self._follows = True

    def fill_columns(self, *_: object) -> None:
        """List the classes or features of the profile that is chosen, and keep what is chosen if it is there."""
        before = self.chosen_column
        self._list_columns()
        if self.chosen_column != before:
            self._column_chosen()

    def _list_columns(self) -> None:
        shares = self.profile.currentData() == DEFAULT_PROFILER
        names = self._columns(shares)
        entries = [("All classes" if shares else "All features", "")] if self._all_at_once() or not names else []
        entries += [(name, name) for name in names]
        if entries != self._entries:
            self._entries = entries
            _refill(self.column, entries)
            self._tidy()

    def _columns(self, shares: bool) -> Sequence[str]:
        findings = self._desk.results.findings
        if findings is not None and findings.question.profiler == self.profile.currentData():
            return findings.profile.columns
        return self._desk.session.annotations.classes if shares else self._features()

    def _features(self) -> Sequence[str]:
        found: dict[str, None] = {}
        for survey in self._desk.surveys.values():
            found |= dict.fromkeys(survey.columns)
        return tuple(found)

    def _all_at_once(self) -> bool:
        """Whether every class or feature can be scored at once."""
        wells = sum(len(plate.wells) for plate in self._desk.session.plates.values())
        shares = self.profile.currentData() == DEFAULT_PROFILER
        return shares or wells * max(len(self._features()), 1) <= MOST

    def _lay_out(self) -> None:
        self.find.setToolTip("Predict what is not predicted yet, and compare every well with the negative controls (H)")
        self.how.setCheckable(True)
        self.how.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.how.setToolTip("Which model, which profile and which score")
        self.column.setToolTip("Which class or feature is listed, and drawn on the plate map; type to search")
        self.doubtful.setChecked(True)
        self.doubtful.setToolTip(
            "The map marks their wells. Crowded fields are counted: more or denser cells may be what a treatment does."
        )
        self.column.setEditable(True)
        self.column.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.column.completer().setFilterMode(Qt.MatchFlag.MatchContains)
        self.column.completer().setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        for box in (self.column, self.model, self.profile, self.scorer.names):
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(10)
        form = QFormLayout(self._options)
        form.setContentsMargins(0, 0, 0, 0)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        for title, box in (("Model", self.model), ("Profile", self.profile), ("Score", self.scorer)):
            form.addRow(title, box)
        form.addRow(self.doubtful)
        line, column = QHBoxLayout(), QVBoxLayout(self)
        line.addWidget(self.find)
        line.addWidget(self.column, 1)
        line.addWidget(self.how)
        column.setContentsMargins(0, 0, 0, 0)
        column.addLayout(line)
        column.addWidget(self._options)
        self._fold(unfolded=False)

    def _fold(self, unfolded: bool) -> None:
        self.how.setArrowType(Qt.ArrowType.UpArrow if unfolded else Qt.ArrowType.DownArrow)
        self.how.setText("How")
        self._options.setVisible(unfolded)

    def _press(self, *_: object) -> None:
        self.asked.emit()

    def _column_chosen(self, *_: object) -> None:
        """Tell which column is wanted, and ask anew where that one was not scored."""
        self._tidy()
        findings = self._desk.results.findings
        self.column_changed.emit(self.chosen_column)
        if findings is None or findings.question.profiler != self.profile.currentData():
            return
        if findings.question.column not in ("", self.chosen_column):
            self.asked.emit()

    def _tidy(self, *_: object) -> None:
        """Show what is chosen, a long name from its beginning, in place of what was left half typed."""
        self.column.setEditText(self.column.itemText(self.column.currentIndex()))
        self.column.lineEdit().setCursorPosition(0)


def _refill(box: QComboBox, entries: Sequence[tuple[str, Any]]) -> None:
    """List entries anew, and keep what is chosen if it is still there."""
    chosen = box.currentData()
    with QSignalBlocker(box):
        box.clear()
        for text, data in entries:
            box.addItem(text, data)
        box.setCurrentIndex(max(box.findData(chosen), 0))
