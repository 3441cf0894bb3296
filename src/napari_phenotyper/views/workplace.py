"""What the dock shows of a desk: the plate, the tabs of the way, what runs; and the field on the canvas."""

from __future__ import annotations

from typing import Any

from qtpy.QtCore import QEvent, QObject, QSize, Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QSplitter,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.engine.memory import give_back
from napari_phenotyper.views.annotate_tab import AnnotateTab
from napari_phenotyper.views.canvas import Canvas
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.gallery_dock import GalleryDock
from napari_phenotyper.views.hints import ANNOTATE, DO_HITS, DO_SEGMENT, RESULTS, next_step
from napari_phenotyper.views.jobs_bar import JobsBar
from napari_phenotyper.views.keys import KeysDialog, bindings, keys_of
from napari_phenotyper.views.mosaic_buttons import MosaicButtons
from napari_phenotyper.views.mosaic_view import MosaicView
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.plate_tab import OpenButtons, PlateTab
from napari_phenotyper.views.provenance_dialog import ProvenanceDialog
from napari_phenotyper.views.remembering import Remembering
from napari_phenotyper.views.results_tab import ResultsTab
from napari_phenotyper.views.resume_line import ResumeLine
from napari_phenotyper.views.segment_tab import SegmentTab
from napari_phenotyper.views.strays_dialog import StraysDialog
from napari_phenotyper.views.train_tab import TrainTab


class Workplace(QWidget):
    """All that belongs to one desk.

    Parameters
    ----------
    viewer
        napari's viewer.
    desk
        What is worked at.
    """

    open_asked = Signal(object, str)
    sample_asked = Signal()

    def __init__(self, viewer: Any, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self.view = FieldView(viewer, desk)
        self.gallery = GalleryDock(viewer, desk, self.view)
        self.plate, self.jobs, self.tabs = PlatePanel(desk), JobsBar(), QTabWidget()
        self.mosaic = MosaicView(viewer, desk, self.view, self.plate)
        self.plate.line.addWidget(MosaicButtons(desk, self.mosaic))
        self.keys = keys_of(desk, self.view, self.plate.map, self._cursor, self)
        self.canvas = Canvas(viewer, self.view.layers, {**bindings(self.keys), "?": self.show_keys})
        self.opening, self.plate_tab = OpenButtons(adding=not desk.session.project.read_only), PlateTab(desk)
        self.segment, self.annotate, self.train = (
            SegmentTab(desk, self.view),
            AnnotateTab(desk, self.view),
            TrainTab(desk, self.view),
        )
        self.hint, self.cells = QLabel(), QPushButton("Gallery")
        self.results, self.resume = ResultsTab(desk), ResumeLine(desk)
        self._told = ""
        self._lay_out()
        self._wire()
        self._hint()
        self.memory = Remembering(viewer, desk, self.view, self.plate, self.tabs)

    def show_keys(self) -> None:
        """List the keys."""
        dialog = KeysDialog(self.keys, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def show_methods(self, of: str = "") -> None:
        """Tell how a result came about: the hits where there are any, else the model or the cells."""
        known = "hits" if self.desk.results.findings is not None else "model" if self.desk.history.in_use else "cells"
        dialog = ProvenanceDialog(self.desk, of or known, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def show_strays(self) -> None:
        """List the labels that are lost or contested, once."""
        open_ = next((d for d in self.findChildren(StraysDialog) if d.isVisible()), None)
        dialog = open_ or StraysDialog(self.desk, self.view, lambda: self.canvas.cursor, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()
        dialog.raise_()

    def _press_methods(self, *_: object) -> None:
        self.show_methods()

    def next_tab(self) -> None:
        """Show the next tab of the way."""
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + 1) % self.tabs.count())

    def segment_plate(self) -> None:
        """Segment and measure with what the tab Segment says."""
        self.segment.start()

    def find_hits(self) -> None:
        """Find hits with what the tab Results says, and show it."""
        self.tabs.setCurrentIndex(RESULTS)
        if self.results.form.find.isEnabled():
            self.results.start()

    def show_gallery(self) -> None:
        """Show the gallery, or put it away."""
        self.gallery.toggle()

    def show_mosaic(self) -> None:
        """Show the plate on the canvas, or the field again."""
        self.mosaic.toggle()

    def show_heat(self) -> None:
        """Put the heat map over the mosaic, or take it away."""
        self.mosaic.toggle_heat()

    def close_desk(self) -> None:
        """Stop all work, save what waits, take the layers away."""
        self.memory.close()
        self.canvas.close()
        self.gallery.close()
        self.mosaic.close()
        self.view.close()
        self.desk.close()
        give_back()

    def _lay_out(self) -> None:
        first = QWidget()
        column = QVBoxLayout(first)
        column.addWidget(self.opening)
        column.addWidget(self.plate_tab)
        for widget, title in ((first, "Plate"), (self.segment, "Segment"), (self.train, "Train")):
            self.tabs.addTab(_Scrolling(widget), title)
        self.tabs.insertTab(ANNOTATE, _Scrolling(self.annotate), "Annotate")
        self.tabs.insertTab(RESULTS, _Scrolling(self.results), "Results")
        self.hint.setWordWrap(True)
        self.hint.setObjectName("hint")
        self.hint.setTextFormat(Qt.TextFormat.RichText)
        splitter = QSplitter(Qt.Orientation.Vertical)
        splitter.addWidget(self.plate)
        splitter.addWidget(self.tabs)
        splitter.setStretchFactor(0, 1)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(True)
        column = QVBoxLayout(self)
        column.setContentsMargins(4, 4, 4, 4)
        self.cells.setToolTip("Cells of all wells as thumbnails, below the canvas (G)")
        line = QHBoxLayout()
        line.addWidget(self.hint, 1)
        line.addWidget(self.cells, 0, Qt.AlignmentFlag.AlignTop)
        column.addLayout(line)
        column.addWidget(self.resume)
        column.addWidget(splitter, 1)
        column.addWidget(self.jobs)

    def _wire(self) -> None:
        desk = self.desk
        self.opening.asked.connect(self.open_asked)
        self.opening.sample_asked.connect(self.sample_asked)
        self.cells.clicked.connect(self.show_gallery)
        self.annotate.strays_asked.connect(self.show_strays)
        self.canvas.clicked.connect(self._clicked)
        self.canvas.dragged.connect(lambda path: None if self.view.lent else desk.marking.paint(path))
        self.jobs.cancel_asked.connect(desk.background.cancel)
        desk.background.events.job.connect(self.jobs.show_job)
        desk.background.events.job.connect(self._job_changed)
        desk.background.events.problem.connect(self.jobs.show_problem)
        desk.background.events.message.connect(self.jobs.show_message)
        self.results.methods.clicked.connect(self._press_methods)
        self.results.tab_asked.connect(self.tabs.setCurrentIndex)
        self.hint.linkActivated.connect(self._follow)
        for signal in (
            desk.viewing.events.asked,
            desk.events.survey,
            desk.events.plates,
            desk.events.scores,
            desk.marking.events.classes,
            desk.live.events.state,
            desk.results.events.found,
            desk.results.events.recalled,
        ):
            signal.connect(self._hint)
        for key in (*range(10), "?"):
            shortcut = QShortcut(QKeySequence(str(key)), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(self.show_keys if key == "?" else lambda k=key: self._choose(str(k)))

    def _cursor(self) -> tuple[float, float] | None:
        """Return where in the field the cursor is, None where there is none or the mosaic is shown."""
        return None if self.view.lent else self.canvas.cursor

    def _clicked(self, y: float, x: float) -> None:
        """Label a cell of the field, or open a field of the mosaic."""
        (self.mosaic.click if self.view.lent else self.desk.marking.click)(y, x)

    def _choose(self, key: str) -> None:
        """Choose a class by its key while the dock has the keyboard."""
        name = self.desk.marking.class_of_key(key)
        if name:
            self.desk.marking.choose(name)

    def _follow(self, link: str) -> None:
        """Do the step that a link of the hint names, or show its tab."""
        steps = {DO_SEGMENT: self.segment_plate, DO_HITS: self.find_hits}
        if link in steps:
            steps[link]()
        else:
            self.tabs.setCurrentIndex(int(link))

    def _job_changed(self, job: Job) -> None:
        if job.title.startswith("Segmenting"):
            self._hint()

    def _hint(self, *_: object) -> None:
        text = next_step(self.desk)
        if text != self._told:
            self._told = text
            self.hint.setText(text)


class _Scrolling(QScrollArea):
    """Scrolls up and down only: never narrower than what it shows and its bar."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.setWidget(widget)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return the room that the widget and the bar need beside each other."""
        hint, bar = super().minimumSizeHint(), self.verticalScrollBar().sizeHint().width()
        return QSize(self.widget().minimumSizeHint().width() + bar + 2 * self.frameWidth(), hint.height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Ask for room when the widget needs more."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)
