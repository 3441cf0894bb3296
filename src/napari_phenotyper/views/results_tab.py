"""The tab Results: from predictions to hits that open their cells."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

from qtpy.QtCore import QEvent, QItemSelectionModel, QModelIndex, QObject, Qt, Signal
from qtpy.QtGui import QFontMetrics, QKeyEvent
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QPushButton,
    QStyle,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.evaluation.field_quality import counted
from napari_phenotyper.session.exporting import write_table
from napari_phenotyper.session.hit_finding import Findings, Omissions, control_wells
from napari_phenotyper.session.hit_table import Q
from napari_phenotyper.session.profiling import DEFAULT_PROFILER, hit_rows
from napari_phenotyper.views.figures_dialog import FiguresDialog
from napari_phenotyper.views.hints import PLATE
from napari_phenotyper.views.hit_rows import HitModel
from napari_phenotyper.views.results_form import ResultsForm

STALE = "Annotations have changed since: press Find hits to count with them."
_NOTHING = (
    "<b>Find hits</b> trains on all annotations, keeps that model, predicts every cell, and compares each well with "
    "the negative controls of its plate. A click on a hit then shows its cells."
)
_ONLY_CONTROLS = (
    "Only negative controls have cells, so there is no well to compare with them. Segment wells of treatments too, "
    "or look in the tab Plate whether the layout is right."
)
_LETTERS, _LONG, _LOOKED_AT, _RIM = 17, 28, 200, 11
"""Names of classes and of features are cut after about so many letters; the hover text has the rest. So many rows
are looked at for the widths of columns. Pixels beside a text."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


class ResultsTab(QWidget):
    """Finds hits, lists them, and opens the cells of the one that is clicked.

    Parameters
    ----------
    desk
        Whose hits.
    """

    tab_asked = Signal(int)
    """A link asks for another tab, as `hints` numbers them."""

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self._desk = desk
        self.form, self.note, self.stale = ResultsForm(desk), QLabel(), QLabel(STALE)
        self.model, self.table = HitModel(self), QTableView()
        self.figures, self.save = QPushButton("Figures …"), QPushButton("Save table …")
        self.methods = QPushButton("Methods …")
        self._opened: Hit | None = None
        self._lay_out()
        self._connect()
        self.refresh()

    def start(self) -> None:
        """Find hits with what the form says."""
        self.form.find.setEnabled(False)
        self._desk.results.find(self.form.question())

    def refresh(self, *_: object) -> None:
        """Say anew how the hits stand."""
        results = self._desk.results
        busy = any(job.title == "Finding hits" for job in self._desk.background.jobs)
        obstacle = results.obstacle
        self.form.find.setEnabled(obstacle is None and not busy)
        self.stale.setVisible(results.stale)
        there = results.findings is not None
        for part in (self.table, self.figures, self.save, self.methods):
            part.setVisible(there)
        if results.findings is not None:
            self.note.setText(self._summary(results.findings))
        elif obstacle is not None:
            self.note.setText(_obstacle_text(obstacle))
        else:
            self.note.setText(_NOTHING)

    def show_figures(self) -> None:
        """Show the profiles and hits as figures."""
        if self._desk.results.findings is not None:
            dialog = FiguresDialog(self._desk, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.show()

    def ask_file(self) -> str:
        """Ask where to write the table; "" if the user thinks better of it."""
        kinds = "CSV (*.csv);;Parquet (*.parquet)"
        return QFileDialog.getSaveFileName(self, "Save the hits of all wells", "hits.csv", kinds)[0]

    def save_table(self) -> None:
        """Write every well and column that was scored, as `phenotyper hits --out` does."""
        found, chosen = self._desk.results.findings, self.ask_file() if self._desk.results.findings else ""
        if found is not None and chosen:
            path = Path(chosen)
            self._try(lambda: write_table(path, *hit_rows(self._desk.session, found.hits)), f"Hits written to {path}.")

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Open the hit that is current when Return is pressed in the table."""
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent) and event.key() in _ENTER:
            self._open(self.table.currentIndex())
            return True
        return super().eventFilter(watched, event)

    def _lay_out(self) -> None:
        for label in (self.note, self.stale):
            label.setWordWrap(True)
        self.note.setTextFormat(Qt.TextFormat.RichText)
        # an explicit pair, because neither theme has a colour that warns
        self.stale.setStyleSheet("background-color: #ffe9a8; color: #3d2e00; padding: 4px; border-radius: 2px;")
        self.figures.setToolTip("Profiles as a clustered heat map, shares by treatment, strongest hits, the plate map")
        self.save.setToolTip("Every well and column that was scored, with what the scores rest on")
        self.methods.setToolTip("How the hits came about, in words that can be copied (W)")
        self._lay_out_table()
        line, column = QHBoxLayout(), QVBoxLayout(self)
        line.addWidget(self.figures)
        line.addWidget(self.save)
        line.addWidget(self.methods)
        line.addStretch(1)
        column.addWidget(self.form)
        column.addWidget(self.stale)
        column.addWidget(self.note)
        column.addWidget(self.table, 1)
        column.addLayout(line)
        column.addStretch(0)

    def _lay_out_table(self) -> None:
        table = self.table
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setWordWrap(False)
        table.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        table.setTabKeyNavigation(False)
        table.setMinimumHeight(72)
        table.setAccessibleName("Hits: wells that differ from the negative controls")
        rows, heads = table.verticalHeader(), table.horizontalHeader()
        rows.hide()
        rows.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # all rows alike: thousands scroll at once
        rows.setDefaultSectionSize(table.fontMetrics().height() + 6)
        heads.setMinimumSectionSize(20)
        heads.setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
        if hasattr(heads, "setSortIndicatorClearable"):  # not before Qt 6.1
            heads.setSortIndicatorClearable(True)
        heads.sortIndicatorChanged.connect(self._fit_columns)
        table.setSortingEnabled(True)
        table.installEventFilter(self)

    def _connect(self) -> None:
        desk = self._desk
        self.form.asked.connect(self.start)
        self.form.column_changed.connect(desk.results.choose)
        self.table.clicked.connect(self._open)
        self.note.linkActivated.connect(self._follow)
        self.figures.clicked.connect(self._press_figures)
        self.save.clicked.connect(self._press_save)
        desk.results.events.found.connect(self._found)
        desk.results.events.recalled.connect(self._recalled)
        desk.results.events.shown.connect(self._shown)
        desk.background.events.job.connect(self._job)
        desk.events.plates.connect(self.refresh)
        desk.events.survey.connect(self.refresh)
        desk.session.events.annotations.connect(self._annotated)

    def _press_figures(self, *_: object) -> None:
        self.show_figures()

    def _press_save(self, *_: object) -> None:
        self.save_table()

    def _follow(self, link: str) -> None:
        self.tab_asked.emit(int(link))

    def _annotated(self, *_: object) -> None:
        self.stale.setVisible(self._desk.results.stale)

    def _job(self, job: object) -> None:
        if getattr(job, "title", "") == "Finding hits":
            self.refresh()

    def _found(self, findings: Findings) -> None:
        self.form.fill_models()
        self.form.fill_columns()
        shares = findings.question.profiler == DEFAULT_PROFILER
        self.model.set_table(findings.table, self._desk.results.column, shares)
        self._fit_columns()
        self.refresh()

    def _recalled(self, findings: Findings) -> None:
        """Show what an earlier window found, and the form as it stood then."""
        self.form.set_question(findings.question, self._desk.results.column)
        self._found(findings)

    def _fit_columns(self, *_: object) -> None:
        """Give columns the room they need, long names no more than leaves the score in sight."""
        metrics, bold = self.table.fontMetrics(), QFontMetrics(self.model.bold)
        most = metrics.averageCharWidth() * (_LETTERS if self.model.shares else _LONG)
        heads = self.table.horizontalHeader()
        arrow = heads.style().pixelMetric(QStyle.PixelMetric.PM_HeaderMarkSize, None, heads) + _RIM
        for section in range(self.model.columnCount()):
            head = str(self.model.headerData(section, Qt.Orientation.Horizontal))
            least = metrics.horizontalAdvance(head) + (arrow if section == heads.sortIndicatorSection() else 0)
            texts = (
                str(self.model.index(row, section).data()) for row in range(min(self.model.rowCount(), _LOOKED_AT))
            )
            wide = max((bold.horizontalAdvance(text) for text in texts), default=0)
            self.table.setColumnWidth(section, max(min(wide, most), least) + _RIM)

    def _shown(self, column: str) -> None:
        self.model.set_column(column)
        self._select(self._opened)
        self.refresh()

    def _select(self, hit: Hit | None) -> None:
        row = self.model.row_of(hit)
        if row >= 0:
            flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
            self.table.selectionModel().setCurrentIndex(self.model.index(row, 0), flags)

    def _open(self, index: QModelIndex) -> None:
        hit = self.model.hit(index.row())
        if hit is not None:
            self._opened = hit
            self._desk.results.open(hit)

    def _summary(self, found: Findings) -> str:
        """Return how many wells differ, what of, and what was left out."""
        table, column = found.table, self._desk.results.column
        rows = table.rows(column)
        listed = {table.hits[i].well for i in rows}
        hits = {table.hits[i].well for i in rows if table.differs[i]}
        controls = sum(len(control_wells(found, plate)) for plate in {well.plate for well in found.profile.wells})
        if not listed:
            return f"{_ONLY_CONTROLS}<br>{_left_out(found.left_out)}"
        what = f" in {escape(column)}" if column else ""
        chance = f" (q &lt; {Q:g})" if any(table.chances == table.chances) else ""
        text = (
            f"<b>{len(hits)} of {len(listed)} wells differ</b>{what} from the {controls} negative control "
            f"well{'' if controls == 1 else 's'}{chance}. Click one to see its cells."
        )
        return f"{text}<br>{_left_out(found.left_out)}"

    def _try(self, wish: Callable[[], object], done: str) -> None:
        try:
            wish()
        except (PhenotyperError, OSError) as error:
            self._desk.background.fail(error)
        else:
            self._desk.background.tell(done)


def _left_out(left: Omissions) -> str:
    """Return what the hits do not rest on, as one small line."""
    parts = []
    if left.no_cells:
        many = "s" if left.no_cells > 1 else ""
        parts.append(f"{left.no_cells:,} object{many} predicted “{NOT_A_CELL}”")
    if left.flagged:
        many = "s" if len(left.flagged) > 1 else ""
        parts.append(f"{len(left.flagged)} unusable field{many} ({escape(counted(left.flagged.values()))})")
    if left.emptied:
        parts.append(f"with them all of {escape(_few(list(left.emptied)))}")
    if left.failed:
        parts.append(f"{len(left.failed)} that failed ({escape(_few(list(left.failed)))})")
    if left.plates:
        parts.append(f"{escape(_few(list(left.plates)))}: no negative control")
    text = f"Left out: {'; '.join(parts)}." if parts else f"Nothing was left out as “{NOT_A_CELL}”, unusable or failed."
    return f"<small>{text}</small>"


def _few(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _obstacle_text(error: PhenotyperError) -> str:
    remedy = escape(error.remedy).replace("tab Plate", f'tab <a href="{PLATE}" style="color:#5aa9e6">Plate</a>')
    return f"{escape(error.what)}<br>{remedy}"
