"""The kept models: their scores, which one is in use, going back to an earlier one, and where two of them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.judgements import comparison_html
from napari_phenotyper.pages.model_words import HEADS, differences_head, model_row
from napari_phenotyper.session.model_history import Differences
from napari_phenotyper.views.provenance_dialog import ProvenanceDialog

_HINT = "Choose a model to go back to it; choose two (Ctrl + click) to see where they differ."
_MOST = 8
"""So many pairs of classes are listed."""


class ModelsDialog(QDialog):
    """Lists the kept models of a desk.

    Parameters
    ----------
    desk
        Whose models.
    parent
        The widget that it belongs to.
    """

    def __init__(self, desk: Desk, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._cards: Sequence[Mapping[str, Any]] = ()
        self._found: Differences | None = None
        self.setWindowTitle("Kept models")
        self.resize(720, 420)
        self.table, self.note = QTableWidget(0, len(HEADS)), QLabel(_HINT)
        self.use, self.compare, self.methods = QPushButton("Use it"), QPushButton("Compare"), QPushButton("Methods …")
        self._lay_out()
        self.use.clicked.connect(self._use)
        self.compare.clicked.connect(self._compare)
        self.methods.clicked.connect(self._methods)
        self.table.itemSelectionChanged.connect(self._chosen)
        self.note.linkActivated.connect(self._follow)
        desk.history.events.listed.connect(self._show)
        desk.history.events.compared.connect(self._show_differences)
        desk.session.events.models.connect(self._again)
        self.finished.connect(self._end)
        desk.history.look_up()

    @property
    def chosen(self) -> list[str]:
        """Ids of the models whose rows are selected, from above."""
        rows = sorted({index.row() for index in self.table.selectedIndexes()})
        return [str(self._cards[row]["id"]) for row in rows]

    def _lay_out(self) -> None:
        table = self.table
        table.setHorizontalHeaderLabels(list(HEADS))
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setAccessibleName("Kept models, the newest first")
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        self.note.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.RichText)
        self.use.setToolTip("Every plate wears this model, and hits count with it, until another one is chosen")
        self.compare.setToolTip("Scores on the same folds, and the cells that two models call differently")
        self.methods.setToolTip("How the model in use came about, in words")
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        for button in (self.use, self.compare, self.methods):
            buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(table, 1)
        column.addWidget(self.note)
        column.addWidget(buttons)
        self._chosen()

    def _show(self, cards: Sequence[Mapping[str, Any]]) -> None:
        before = self.chosen if self._cards else []
        self._cards = cards
        self.table.setRowCount(len(cards))
        for row, card in enumerate(cards):
            for column, text in enumerate(model_row(card)):
                item = QTableWidgetItem(text)
                item.setToolTip(f"{card['id']}\n{card.get('about', '')}")
                self.table.setItem(row, column, item)
            if card["id"] in before:
                self.table.selectRow(row)
        if not cards:
            self.note.setText("No model is kept yet: press Keep model in the tab Train.")
        self._chosen()

    def _chosen(self) -> None:
        chosen = self.chosen
        writable = not self._desk.session.project.read_only
        self.use.setEnabled(len(chosen) == 1 and writable and chosen[0] != self._desk.history.in_use)
        self.compare.setEnabled(len(chosen) == 2)
        self.methods.setEnabled(bool(self._cards))

    def _use(self, *_: object) -> None:
        self.note.setText(f"Going to {escape(self.chosen[0])} …")
        self._desk.history.use(self.chosen[0])

    def _compare(self, *_: object) -> None:
        first, other = self.chosen
        self.note.setText(f"Comparing {escape(first)} with {escape(other)} …")
        self._desk.history.compare(first, other)

    def _methods(self, *_: object) -> None:
        dialog = ProvenanceDialog(self._desk, "model", self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _show_differences(self, found: Differences) -> None:
        self._found = found
        report = found.report
        lines = [f"<p>{escape(differences_head(report))}</p>"]
        for number, pair in enumerate(report["pairs"][:_MOST]):
            words = f"{pair['cells']:,} × {pair['first']} → {pair['other']}"
            lines.append(f'<a href="{number}" style="color:#5aa9e6">{escape(words)}</a>&nbsp;&nbsp; ')
        if report["folds"] is not None:
            lines.append(comparison_html(report["folds"]))
        lines += [f"<p>{escape(text)}</p>" for text in report["notes"]]
        self.note.setText("".join(lines))

    def _follow(self, link: str) -> None:
        """Show the cells of a pair of classes in the gallery."""
        if self._found is not None:
            pair = self._found.report["pairs"][int(link)]
            self._desk.history.show_differences(self._found, pair["first"], pair["other"])

    def _again(self, _: object) -> None:
        self.note.setText(_HINT)
        self._desk.history.look_up()

    def _end(self, _: int) -> None:
        """Listen no more."""
        self._desk.history.events.listed.disconnect(self._show)
        self._desk.history.events.compared.disconnect(self._show_differences)
        self._desk.session.events.models.disconnect(self._again)
