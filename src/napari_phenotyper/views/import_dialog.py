"""What an import of labels would do, before it is done."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.pages.label_words import plan_details, plan_sentences
from napari_phenotyper.session.label_files import ImportPlan

_MOST = 2_000
"""Rows that are listed; nobody reads more."""


class ImportDialog(QDialog):
    """Shows a plan; accepted, it is to be carried out."""

    def __init__(self, plan: ImportPlan, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.plan = plan
        self.setWindowTitle(f"Import labels from {plan.path.name}")
        said, details = plan_sentences(plan), plan_details(plan)
        self.words = QLabel(f"<p><b>{escape(said[0])}</b></p>" + "".join(f"<p>{escape(text)}</p>" for text in said[1:]))
        self.words.setWordWrap(True)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(["What", "Row"])
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)
        shown = details[:_MOST]
        if len(details) > len(shown):
            shown = [*shown, ("", f"and {len(details) - len(shown):,} more")]
        for item in shown:
            self.list.addTopLevelItem(QTreeWidgetItem(list(item)))
        self.list.setVisible(bool(details))
        kinds = QDialogButtonBox.StandardButton
        self.buttons = QDialogButtonBox(kinds.Ok | kinds.Cancel)
        taken = plan.rows - len(plan.outside)
        self.buttons.button(kinds.Ok).setText(f"Import {taken:,} label{'' if taken == 1 else 's'}")
        self.buttons.button(kinds.Ok).setEnabled(taken > 0)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        column = QVBoxLayout(self)
        column.addWidget(self.words)
        column.addWidget(self.list, 1)
        column.addWidget(QLabel("<small>One undo takes the whole import back.</small>"))
        column.addWidget(self.buttons)
        self.resize(560, 420 if details else 180)
