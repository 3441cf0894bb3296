"""The rows of the table of hits: sorted and filtered as arrays, so that thousands of wells scroll at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QAbstractTableModel, QModelIndex, QObject, Qt
from qtpy.QtGui import QFont

from napari_phenotyper.core.plate import Layout
from napari_phenotyper.core.profile import Hit
from napari_phenotyper.session import hit_table as by
from napari_phenotyper.session.hit_table import HitTable, hit_table

HEADS = {
    by.WELL: ("Well", "Plate and well"),
    by.TREATMENT: ("Treatment", "What was done to the well, with the dose, as the layout says"),
    by.COLUMN: ("Class", "What was compared: the share of a class, or a feature"),
    by.SCORED: ("Score", "How far the well lies above (▲) or below (▼) the negative controls of its plate; bold: it "
                "differs from them (q < 0.05)"),
    by.REPLICATES: ("Repl.", "How many wells of the same treatment differ in the same direction"),
    by.CELLS: ("Cells", "Cells of the well that were counted"),
    by.VALUE: ("Value", "Share of the class in the well, or mean of the feature"),
    by.CONTROL: ("Controls", "The same in the negative controls: their median"),
    by.CHANCE: ("q", "False discovery rate: what part of wells that differ so much would do so by chance"),
}  # fmt: skip
"""Column to its title, and what it means."""

_NAMES = tuple(HEADS)
_TEXTS = (by.WELL, by.TREATMENT, by.COLUMN)


class HitModel(QAbstractTableModel):
    """Hits of one column, or of all.

    Attributes
    ----------
    shares
        Whether values are shares, shown in percent.
    bold
        The font of scores that differ from the controls.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._table, self._rows = hit_table((), Layout()), np.zeros(0, np.intp)
        self._column, self._sort, self._several = "", ("", False), False
        self.shares, self._prefix = True, ""
        self.bold = QFont()
        self.bold.setBold(True)

    def set_table(self, table: HitTable, column: str, shares: bool) -> None:
        """Show other hits, in the order that is chosen."""
        self._table, self.shares = table, shares
        self._several = len({hit.well.plate for hit in table.hits}) > 1
        # what all features begin with tells nothing and takes the room
        words = {name.partition("_")[0] for name in table.columns}
        self._prefix = f"{words.pop()}_" if len(words) == 1 and not shares else ""
        self.set_column(column)

    def set_column(self, column: str) -> None:
        """Show the hits of another class or feature, "" for all."""
        self._column = column
        self._arrange()

    def hit(self, row: int) -> Hit | None:
        """Return the hit in a row, None where there is none."""
        return self._table.hits[self._rows[row]] if 0 <= row < len(self._rows) else None

    def row_of(self, hit: Hit | None) -> int:
        """Return the row of a hit, −1 if it is not shown."""
        found = [i for i, row in enumerate(self._rows.tolist()) if self._table.hits[row] is hit]
        return found[0] if found else -1

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Sort by a column; by a negative one: the strongest first, whichever their sign."""
        self._sort = (_NAMES[column] if column >= 0 else "", order == Qt.SortOrder.DescendingOrder)
        self._arrange()

    def _arrange(self) -> None:
        self.beginResetModel()
        self._rows: NDArray[np.intp] = self._table.rows(self._column, *self._sort)
        self.endResetModel()

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """Return the number of hits shown."""
        return 0 if parent is not None and parent.isValid() else len(self._rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """Return the number of columns."""
        return len(_NAMES)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:  # noqa: N802  (Qt's name)
        """Return a column's title or what it means."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        title, meaning = HEADS[_NAMES[section]]
        if _NAMES[section] == by.COLUMN and not self.shares:
            title = "Feature"
        if role == Qt.ItemDataRole.ToolTipRole:
            return meaning
        return title if role == Qt.ItemDataRole.DisplayRole else None

    def data(self, index: QModelIndex, role: int = 0) -> object:
        """Return what a cell shows."""
        i, name = int(self._rows[index.row()]), _NAMES[index.column()]
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(i, name)
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = Qt.AlignmentFlag.AlignLeft if name in _TEXTS else Qt.AlignmentFlag.AlignRight
            return side | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole:
            return self.bold if name == by.SCORED and self._table.differs[i] else None
        if role == Qt.ItemDataRole.ToolTipRole:
            full = self._table.hits[i].column if name == by.COLUMN else self._text(i, name)
            return full if name in _TEXTS else HEADS[name][1]
        return None

    def _text(self, i: int, name: str) -> str:
        table, hit = self._table, self._table.hits[i]
        if name == by.WELL:
            return f"{hit.well.plate} {hit.well.well}" if self._several else hit.well.well
        if name == by.TREATMENT:
            return table.treatments[i] or "–"
        if name == by.COLUMN:
            return hit.column.removeprefix(self._prefix)
        if name == by.SCORED:
            return f"{'▲' if hit.score > 0 else '▼'} {hit.score:.1f}".replace("-", "−")
        if name == by.REPLICATES:
            return f"{table.agreeing[i]}/{table.replicates[i]}"
        if name == by.CELLS:
            return f"{table.cells[i]:,}".replace(",", "\u202f")
        return self._number(i, name)

    def _number(self, i: int, name: str) -> str:
        value = {by.VALUE: self._table.values, by.CONTROL: self._table.controls, by.CHANCE: self._table.chances}[name][
            i
        ]
        if value != value:
            return "–"
        if name == by.CHANCE:
            return f"{value:.1g}" if value >= 1e-4 else "< 0.0001"
        return f"{value * 100:.1f} %" if self.shares else f"{value:.4g}"
