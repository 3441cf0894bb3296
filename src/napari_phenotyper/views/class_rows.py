"""The rows of the class list, as Qt's table reads and paints them."""

from __future__ import annotations

from dataclasses import dataclass

from qtpy.QtCore import QAbstractTableModel, QModelIndex, QRectF, Qt, Signal
from qtpy.QtGui import QColor, QPainter, QPen
from qtpy.QtWidgets import QLineEdit, QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.views.plain import plain_tip

SWATCH, KEY, NAME, ANNOTATED, PREDICTED = range(5)
COLOUR = 256
"""Role (Qt.UserRole) under which the first column gives its colour."""
_HEADS = ("", "Key", "Class", "Annotated", "Predicted")
_TIPS = (
    "Click a colour to change it",
    "The key that gives the class; double click to change it",
    "Click to choose what clicks on cells give; double click to rename",
    "Cells that somebody annotated; click the number to see them",
    "Cells that the classifier predicts; click the number to see them",
)


@dataclass(frozen=True)
class ClassRow:
    """One class: name, colour (#rrggbb), the key that gives it, cells annotated and predicted (None: not known)."""

    name: str
    colour: str
    key: str
    annotated: int
    predicted: int | None


class ClassRows(QAbstractTableModel):
    """The rows as Qt reads them; edits are passed on, never written."""

    edited = Signal(object, int, str)
    """Row, column and the text that somebody typed."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.rows: tuple[ClassRow, ...] = ()
        self._places: dict[str, int] = {}

    def set_rows(self, rows: tuple[ClassRow, ...]) -> None:
        """Show rows. A change of names starts anew, any other one tells only of the columns that changed."""
        if [row.name for row in rows] != [row.name for row in self.rows]:
            self.beginResetModel()
            self.rows, self._places = rows, {row.name: i for i, row in enumerate(rows)}
            self.endResetModel()
            return
        before, self.rows = self.rows, rows
        # column by column: telling of all would overwrite a name or key that is being typed
        for column in range(len(_HEADS)):
            if any(_field(old, column) != _field(new, column) for old, new in zip(before, rows, strict=True)):
                self.dataChanged.emit(self.index(0, column), self.index(len(rows) - 1, column))

    def row_of(self, name: str) -> int | None:
        """Return the place of a class, or None."""
        return self._places.get(name)

    def rowCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """Return the number of classes."""
        return 0 if parent is not None and parent.isValid() else len(self.rows)

    def columnCount(self, parent: QModelIndex | None = None) -> int:  # noqa: N802  (Qt's name)
        """Return the number of columns."""
        return len(_HEADS)

    def headerData(self, section: int, orientation: Qt.Orientation, role: int = 0) -> object:  # noqa: N802  (Qt's name)
        """Return a column's title or what it is for."""
        texts = {int(Qt.ItemDataRole.DisplayRole): _HEADS, int(Qt.ItemDataRole.ToolTipRole): _TIPS}.get(int(role))
        return texts[section] if texts and orientation == Qt.Orientation.Horizontal else None

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        """Return what can be done to a cell: keys and names can be edited, except the name of "not a cell"."""
        fixed = index.column() == NAME and self.rows[index.row()].name == NOT_A_CELL
        editable = index.column() in (KEY, NAME) and not fixed
        return super().flags(index) | (Qt.ItemFlag.ItemIsEditable if editable else Qt.ItemFlag.NoItemFlags)

    def data(self, index: QModelIndex, role: int = 0) -> object:
        """Return what a cell shows."""
        row, column = self.rows[index.row()], index.column()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return "" if column == SWATCH else _text(_field(row, column))
        if role == COLOUR:
            return QColor(row.colour) if column == SWATCH else None
        if role == Qt.ItemDataRole.ToolTipRole:
            return plain_tip(row.name) if column == NAME else _TIPS[column]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            side = {KEY: Qt.AlignmentFlag.AlignHCenter, NAME: Qt.AlignmentFlag.AlignLeft}
            return side.get(column, Qt.AlignmentFlag.AlignRight) | Qt.AlignmentFlag.AlignVCenter
        return None

    def setData(self, index: QModelIndex, value: object, role: int = 2) -> bool:  # noqa: N802  (Qt's name)
        """Tell of an edit; an empty or unchanged name is none."""
        row, text = self.rows[index.row()], str(value).strip()
        if text != _field(row, index.column()) and (text or index.column() == KEY):
            self.edited.emit(row, index.column(), text)
        return False


class Badges(QStyledItemDelegate):
    """Paints colours and keys, and keeps a key to one letter."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        """Paint a rounded square around the key, or filled with the colour; thick where the class is chosen."""
        super().paint(painter, option, index)
        colour = index.data(COLOUR)
        if colour is None and not index.data():
            return
        box = QRectF(0, 0, 18, 18)
        box.moveCenter(QRectF(option.rect).center())
        is_chosen = colour is not None and bool(option.state & QStyle.StateFlag.State_Selected)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(option.widget.palette().color(option.widget.foregroundRole()), 3 if is_chosen else 1))
        painter.setBrush(colour or Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(box, 4, 4)
        painter.restore()

    def createEditor(self, parent: QWidget, option: QStyleOptionViewItem, index: QModelIndex) -> QWidget:  # noqa: N802
        """Return an editor for one letter."""
        editor = super().createEditor(parent, option, index)
        if isinstance(editor, QLineEdit):
            editor.setMaxLength(1)
        return editor


def _field(row: ClassRow, column: int) -> object:
    return (row.colour, row.key, row.name, row.annotated, row.predicted)[column]


def _text(value: object) -> str:
    """Return text as it is, a count with thin spaces between thousands, and a dash for what is not known."""
    if value is None:
        return "–"
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else str(value)
