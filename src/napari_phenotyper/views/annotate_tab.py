"""The tab Annotate: classes, what clicks give, undo and redo, how cells are drawn."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.annotations import NOT_A_CELL, Phenotype, next_phenotype
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.pages.label_words import strays_sentence
from napari_phenotyper.session.label_files import ImportPlan
from napari_phenotyper.session.labelling import counts
from napari_phenotyper.views.class_table import ClassRow, ClassTable
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.import_dialog import ImportDialog
from napari_phenotyper.views.overlay import CONFIDENCE
from napari_phenotyper.views.qt_thread import Soon

HOW = "Click a cell to give it the chosen class. Shift + drag: several. 1–9: the cell under the cursor. ?: all keys."


class AnnotateTab(QWidget):
    """Annotates the cells of the open field.

    Parameters
    ----------
    desk
        Whose annotations.
    view
        Draws the cells.
    """

    strays_asked = Signal()
    """Show the labels that are lost or contested."""

    def __init__(self, desk: Desk, view: FieldView) -> None:
        super().__init__()
        self._desk, self._view = desk, view
        self.table = ClassTable()
        self.live, self.saved = QCheckBox("Learn live"), QLabel()
        self.undo, self.redo = QPushButton("Undo"), QPushButton("Redo")
        self.take, self.give = QPushButton("Import …"), QPushButton("Export …")
        self.style, self.colouring = QComboBox(), QComboBox()
        self.how, self.legend, self.strays = QLabel(HOW), QLabel(), QPushButton()
        self._soon = Soon(self, self.refresh)
        self._lay_out()
        self._wire()
        self.refresh()
        self._show_saved(0)
        self._show_strays()

    def refresh(self, *_: object) -> None:
        """Show classes and counts anew."""
        session = self._desk.session
        annotated, predicted = counts(session), self._desk.predictions.class_counts()
        known = len(self._desk.predictions) > 0
        phenotypes = list(session.annotations.phenotypes)
        if NOT_A_CELL not in session.annotations.classes:
            phenotypes.append(next_phenotype(NOT_A_CELL, ()))
        rows = [
            ClassRow(
                p.name,
                p.colour,
                p.key if p.name != NOT_A_CELL else "X",
                annotated.get(p.name, 0),
                predicted.get(p.name, 0) if known else None,
            )
            for p in phenotypes
        ]
        self.table.set_rows(rows)
        self.table.choose(self._desk.marking.chosen)

    def ask_file(self, to_write: bool) -> str:
        """Ask for a CSV file; "" if the user thinks better of it."""
        ask = QFileDialog.getSaveFileName if to_write else QFileDialog.getOpenFileName
        title, kinds = "Export labels" if to_write else "Import labels", "CSV (*.csv);;All files (*)"
        return ask(self, title, "labels.csv" if to_write else "", kinds)[0]

    def import_labels(self) -> None:
        """Show what an import of a file would do, and do it if that is wanted."""
        chosen = self.ask_file(False)
        if chosen:
            self._desk.label_files.plan(Path(chosen), self._show_plan)

    def export_labels(self) -> None:
        """Write all labels to a file."""
        chosen = self.ask_file(True)
        if chosen:
            self._desk.label_files.save(Path(chosen))

    def _show_plan(self, plan: ImportPlan) -> None:
        dialog = ImportDialog(plan, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._desk.label_files.take(plan))
        dialog.open()

    def _lay_out(self) -> None:
        self.how.setWordWrap(True)
        self.live.setToolTip("After every click a classifier learns in the background and predicts all cells (L)")
        self.undo.setToolTip("Take back the last annotation or change of a class (Ctrl+Z)")
        self.redo.setToolTip("Bring it back (Ctrl+Shift+Z)")
        self.strays.setToolTip("Labels that hit no cell of today's masks, and cells that two classes claim: see each")
        self.style.addItem("Outlines", "outlines")
        self.style.addItem("Filled", "filled")
        self.style.setToolTip("How predicted cells are drawn (O)")
        self.colouring.addItem("Class", "class")
        self.colouring.addItem("Confidence", "confidence")
        self.colouring.setToolTip("What predicted cells are coloured by (C)")
        steps = QHBoxLayout()
        for widget in (self.undo, self.redo, self.saved):
            steps.addWidget(widget)
        steps.setStretch(2, 1)
        files = "CSV with well, field, y, x, phenotype"
        self.take.setToolTip(f"Labels from a file ({files}); you see first what would happen")
        self.take.setEnabled(not self._desk.session.project.read_only)
        self.give.setToolTip(f"All labels to a file ({files}, …), to be read in another project or program")
        for button in (self.take, self.give):
            steps.addWidget(button)
        looks = QGridLayout()
        looks.addWidget(QLabel("Cells as"), 0, 0)
        looks.addWidget(self.style, 0, 1)
        looks.addWidget(QLabel("by"), 0, 2)
        looks.addWidget(self.colouring, 0, 3)
        looks.setColumnStretch(1, 1)
        looks.setColumnStretch(3, 1)
        looks.addWidget(self.legend, 1, 0, 1, 4)
        steps_of = "".join(f'<span style="color:{colour}">█</span>' for colour in CONFIDENCE)
        self.legend.setText(f"Probability of the class: 0 % {steps_of} 100 %")
        self.legend.hide()
        column = QVBoxLayout(self)
        column.addWidget(self.table, 1)
        column.addWidget(self.how)
        column.addWidget(self.strays)
        column.addLayout(steps)
        column.addWidget(self.live)
        column.addLayout(looks)

    def _wire(self) -> None:
        desk, marking = self._desk, self._desk.marking
        self.table.chosen.connect(marking.choose)
        self.table.added.connect(marking.add)
        self.table.renamed.connect(marking.rename)
        self.table.merged.connect(marking.merge)
        self.table.removed.connect(marking.remove)
        self.table.recoloured.connect(lambda name, colour: self._put(name, colour=colour))
        self.table.key_given.connect(lambda name, key: self._put(name, key=key))
        self.table.cells_asked.connect(self._show_cells)
        self.undo.clicked.connect(lambda: marking.undo())
        self.redo.clicked.connect(lambda: marking.redo())
        self.take.clicked.connect(lambda: self.import_labels())
        self.give.clicked.connect(lambda: self.export_labels())
        self.live.setChecked(desk.live.on)
        self.live.toggled.connect(desk.live.switch)
        self.style.currentIndexChanged.connect(lambda _: self._view.set_style(self.style.currentData()))
        self.colouring.currentIndexChanged.connect(lambda _: self._view.set_colouring(self.colouring.currentData()))
        self._view.changed.connect(self._show_looks)
        marking.events.classes.connect(self.refresh)
        marking.events.chosen.connect(self.refresh)
        marking.events.saved.connect(self._show_saved)
        desk.strays.events.found.connect(self._show_strays)
        self.strays.clicked.connect(lambda: self.strays_asked.emit())
        desk.events.predictions.connect(self._soon.ask)
        desk.live.events.state.connect(self._show_live)

    def _show_cells(self, name: str, annotated: bool) -> None:
        """Show the cells of a class in the gallery: those annotated, or those predicted."""
        gallery = self._desk.gallery
        gallery.show_annotated(name) if annotated else gallery.show_predicted(name)

    def _put(self, name: str, colour: str = "", key: str | None = None) -> None:
        old = next((p for p in self._desk.session.annotations.phenotypes if p.name == name), None)
        old = old or next_phenotype(name, self._desk.session.annotations.phenotypes)
        self._desk.marking.put(Phenotype(name, colour or old.colour, old.key if key is None else key))

    def _show_looks(self) -> None:
        self.style.setCurrentIndex(self.style.findData(self._view.style))
        self.colouring.setCurrentIndex(self.colouring.findData(self._view.colouring))
        self.legend.setVisible(self._view.colouring == "confidence")

    def _show_live(self, _: str) -> None:
        self.live.setChecked(self._desk.live.on)

    def _show_strays(self) -> None:
        words = strays_sentence(self._desk.strays.items)
        self.strays.setText(f"⚠ {words}: look at them …")
        self.strays.setVisible(bool(words))

    def _show_saved(self, waiting: int) -> None:
        if self._desk.session.project.read_only:
            self.saved.setText("Read-only")
        else:
            self.saved.setText(f"Saving {waiting} …" if waiting else "All saved")
