"""How good the classifier is: one sentence, a line per class, advice, and what is taken for what."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from qtpy.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from qtpy.QtGui import QColor, QFont, QFontMetricsF, QHelpEvent, QMouseEvent, QPainter, QPaintEvent
from qtpy.QtWidgets import QLabel, QScrollArea, QSizePolicy, QToolTip, QVBoxLayout, QWidget

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.pages.style import colours_of, ink_on, shorten

NOTHING = "Annotate at least two cells in each of two classes in two wells to see how good the classifier is."
STALE = "These scores are out of date: annotations, masks or settings have changed since."
_POOR = 0.7
"""A class of which less is found gets advice."""
_FEW = 5
"""With fewer cells than this, a share says too little to advise on."""

_MOST_ADVICE = 3
"""The classes that are found worst come first; more than these at a time nobody acts on."""


class ScoresPanel(QWidget):
    """The report of an evaluation; it scrolls where it is too long."""

    entry_clicked = Signal(str, str)
    """Annotated and predicted class of an entry of the confusion matrix: show its cells."""
    class_clicked = Signal(str)
    """A class of the table: show its annotated cells."""

    def __init__(self) -> None:
        super().__init__()
        self._is_stale, self._report = False, None
        self._stale, self._headline, self._table, self._advice = (_paragraph() for _ in range(4))
        self._stale.setText(STALE)
        # an explicit pair, because neither theme has a colour that warns
        self._stale.setStyleSheet("background-color: #ffe9a8; color: #3d2e00; padding: 4px; border-radius: 2px;")
        self._title, self.matrix = _paragraph(), ConfusionGrid()
        self._title.setText("<b>What is taken for what</b>: click a number to see its cells")
        self.matrix.clicked.connect(self.entry_clicked)
        links = Qt.TextInteractionFlag.LinksAccessibleByMouse
        self._table.setTextInteractionFlags(self._table.textInteractionFlags() | links)
        self._table.linkActivated.connect(self._open_class)
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(2, 2, 2, 2)
        column.setSpacing(8)
        for part in (self._stale, self._headline, self._table, self._advice, self._title, self.matrix):
            column.addWidget(part)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setWidget(inside)
        around = QVBoxLayout(self)
        around.setContentsMargins(0, 0, 0, 0)
        around.addWidget(scroll)
        self.set_report(None)

    def set_report(self, report: Mapping[str, Any] | None, phenotypes: Sequence[Phenotype] = ()) -> None:
        """Show a report; None: say what is needed for one.

        Parameters
        ----------
        report
            JSON as `session.learning.evaluate` makes it.
        phenotypes
            The class set, for its colours.
        """
        self._report = report
        advice = [] if report is None else _advice(report)
        self._headline.setText(escape(NOTHING) if report is None else _headline(report))
        self._table.setText("" if report is None else _table(report, phenotypes))
        self._advice.setText("<br>".join(f"• {escape(text)}" for text in advice))
        self.matrix.set_counts(*((), ()) if report is None else (report["classes"], report["confusion"]))
        for part in (self._table, self._title, self.matrix):
            part.setVisible(report is not None)
        self._advice.setVisible(bool(advice))
        self.set_stale(self._is_stale)

    def set_stale(self, is_stale: bool) -> None:
        """Say, or say no more, that the scores are out of date."""
        self._is_stale = is_stale
        self._stale.setVisible(is_stale and self._report is not None)

    def _open_class(self, number: str) -> None:
        if self._report is not None:
            self.class_clicked.emit(self._report["classes"][int(number)])


class ConfusionGrid(QWidget):
    """Counts of cells by annotated (rows) and predicted class (columns), shaded by their share of the row."""

    clicked = Signal(str, str)
    """The classes of an entry that has cells."""
    LARGEST = 44
    """Pixels of a cell of the grid, where there is room."""

    def __init__(self) -> None:
        super().__init__()
        self._classes: tuple[str, ...] = ()
        self._counts: tuple[tuple[int, ...], ...] = ()
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setAccessibleName("Confusion matrix: annotated against predicted class")

    def set_counts(self, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> None:
        """Show (K, K) counts of K classes; rows are what was annotated."""
        self._classes, self._counts = tuple(classes), tuple(tuple(row) for row in counts)
        self.updateGeometry()
        self.update()

    def text_at(self, x: float, y: float) -> str:
        """Return what the grid says at a point of the widget, in full words; "" beside the grid."""
        row, column = self._entry(x, y)
        if row < 0:
            return ""
        count, total = self._counts[row][column], sum(self._counts[row])
        share = f" ({_percent(count / total)} %)" if total else ""
        return f"Annotated as {self._classes[row]}, predicted {self._classes[column]}:\n{count} of {total} cells{share}"

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802  (Qt's name)
        """Tell of a click on an entry that has cells."""
        row, column = self._entry(event.pos().x(), event.pos().y())
        if row >= 0 and self._counts[row][column]:
            self.clicked.emit(self._classes[row], self._classes[column])

    def hasHeightForWidth(self) -> bool:  # noqa: N802  (Qt's name)
        """Return True: cells are square."""
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802  (Qt's name)
        """Return the height of names and square cells."""
        rim, size = self._geometry(width)
        return round(rim + size * len(self._classes)) + 2

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return the size in a dock of usual width."""
        return QSize(320, self.heightForWidth(320))

    def minimumSizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return a size that still shows shades."""
        return QSize(160, self.heightForWidth(160))

    def event(self, event: QEvent) -> bool:
        """Show the words of the cell under the cursor."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            QToolTip.showText(event.globalPos(), self.text_at(event.pos().x(), event.pos().y()), self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        """Paint names and cells."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
        rim, size = self._geometry(self.width())
        self._paint_names(painter, rim, size)
        painter.setFont(self._figures(size))
        room = QFontMetricsF(painter.font())
        for row, counts in enumerate(self._counts):
            for column, count in enumerate(counts):
                box = self.rect_of(row, column)
                colour = self._shade(count / max(sum(counts), 1))
                painter.fillRect(box.adjusted(0.5, 0.5, -0.5, -0.5), colour)
                if count and room.horizontalAdvance(str(count)) <= size and room.height() <= size + 2:
                    painter.setPen(QColor(ink_on(colour.getRgbF())))
                    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(count))
        painter.end()

    def _paint_names(self, painter: QPainter, rim: float, size: float) -> None:
        painter.setPen(self.palette().color(self.foregroundRole()))
        metrics = QFontMetricsF(painter.font())
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        corner = QRectF(0, 0, rim - 4, rim)
        painter.drawText(corner, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop, "predicted →")
        painter.drawText(corner, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, "annotated ↓")
        if size < metrics.height() - 4:
            return  # names would lie over each other; the tooltip has them
        for place, name in enumerate(self._classes):
            text = metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, rim - 6)
            painter.drawText(QRectF(0, rim + place * size, rim - 5, size), right, text)
            painter.save()
            painter.translate(QPointF(rim + (place + 0.5) * size, rim - 5))
            painter.rotate(-90)
            painter.drawText(QRectF(0, -size / 2, rim - 5, size), left, text)
            painter.restore()

    def rect_of(self, row: int, column: int) -> QRectF:
        """Return where an entry is, in pixels of the widget."""
        rim, size = self._geometry(self.width())
        return QRectF(rim + column * size, rim + row * size, size, size)

    def _entry(self, x: float, y: float) -> tuple[int, int]:
        """Return row and column of the entry at a point, −1 beside the grid."""
        rim, size = self._geometry(self.width())
        column, row = int((x - rim) // size), int((y - rim) // size)
        inside = 0 <= row < len(self._classes) and 0 <= column < len(self._classes)
        return (row, column) if inside else (-1, -1)

    def _geometry(self, width: int) -> tuple[float, float]:
        """Return the room for names, left and above, and the side of a cell, in pixels."""
        metrics = QFontMetricsF(self.font())
        widest = max((metrics.horizontalAdvance(name) for name in (*self._classes, "annotated ↓")), default=0.0)
        rim = min(widest + 8, 0.34 * width)
        return rim, max(min((width - rim - 2) / max(len(self._classes), 1), self.LARGEST), 1.0)

    def _figures(self, size: float) -> QFont:
        """Return the largest font, down to 7 px, in which every count fits into a cell."""
        widest = max((str(count) for row in self._counts for count in row), key=len, default="")
        font = QFont(self.font())
        for pixels in range(12, 6, -1):
            font.setPixelSize(pixels)
            if QFontMetricsF(font).horizontalAdvance(widest) <= size - 3:
                break
        return font

    def _shade(self, share: float) -> QColor:
        """Return the colour of a share: from near the window's own colour to a blue that stands out from it."""
        is_dark = self.palette().color(self.backgroundRole()).lightness() < 128
        low, high = (QColor("#343a46"), QColor("#8cc8ff")) if is_dark else (QColor("#ffffff"), QColor("#08519c"))
        parts = [a + (b - a) * share for a, b in zip(low.getRgb()[:3], high.getRgb()[:3], strict=True)]
        return QColor(*(round(part) for part in parts))


def _headline(report: Mapping[str, Any]) -> str:
    """Return accuracies with their intervals, and what they were measured on."""
    scores = ", ".join(
        f"{title} {_percent(score['value'])} % ({_percent(score['low'])} to {_percent(score['high'])} %)"
        for title, score in (("Accuracy", report["accuracy"]), ("balanced accuracy", report["balanced_accuracy"]))
    )
    folds, group = len(report["folds"]), escape(str(report["group"]))
    name = escape(str(report.get("classifier", {}).get("id", "")))
    by = f" by {name}" if name else ""
    return (
        f"<b>{scores}</b> on {report['n']} annotated cells, predicted{by} in {folds} folds grouped by {group}: "
        f"no cell was predicted by a classifier that had seen its {group}. In brackets: 95&nbsp;% intervals."
    )


def _table(report: Mapping[str, Any], phenotypes: Sequence[Phenotype]) -> str:
    """Return the lines of the classes, in % with the intervals beneath."""
    colours = colours_of(report["classes"], phenotypes)
    heads = ("cells", "recall", "prec.", "F1")
    lines = ["<tr><th align='left'>class</th>" + "".join(f"<th align='right'>{head}</th>" for head in heads) + "</tr>"]
    for place, name in enumerate(report["classes"]):
        one = report["per_class"][name]
        is_there, is_called = one["support"] > 0, any(row[place] for row in report["confusion"])
        many = "" if one.get("groups") == 1 else "s"
        groups = f"<br><small>{one['groups']} {escape(report['group'])}{many}</small>" if "groups" in one else ""
        figures = (
            f"{one['support']}{groups}",
            _score(one, "recall", is_there),
            _score(one, "precision", is_called),
            _score(one, "f1", is_there),
        )
        cells = "".join(f"<td align='right'>{figure}</td>" for figure in figures)
        # invisible breaks, so that a long word cannot push the figures out of a narrow dock
        words = escape(re.sub(r"(\S{14})(?=\S)", "\\1\u200b", shorten(name, 40)))
        lines.append(
            f"<tr><td><span style='color: {colours[name]}'>■</span>&nbsp;{_link(place, words)}</td>{cells}</tr>"
        )
    note = "recall: share of the class that is found; prec.: share of what is called so that is right; all in %"
    rows = "".join(lines)
    return (
        f"<table width='100%' cellspacing='0' cellpadding='3'>{rows}</table>"
        f"<small>{note}. Click a class to see its cells.</small>"
    )


def _link(place: int, words: str) -> str:
    return f"<a href='{place}' style='color: #5aa9e6; text-decoration: none'>{words}</a>"


def _score(one: Mapping[str, Any], name: str, is_known: bool) -> str:
    """Return a score over its interval; a dash where there was nothing to divide."""
    if not is_known:
        return "–"
    low, high = one.get(f"{name}_interval") or (None, None)
    interval = f"<br><small>{_percent(low)}–{_percent(high)}</small>" if _is_number(low) else ""
    return _percent(one[name]) + interval


def _advice(report: Mapping[str, Any]) -> list[str]:
    """Return the report's warnings, and what to do about classes of which too little is found."""
    found = []
    for row, name in enumerate(report["classes"]):
        counts = report["confusion"][row]
        total, wrong = sum(counts), [0 if k == row else count for k, count in enumerate(counts)]
        if total < _FEW or counts[row] / total >= _POOR:
            continue
        other = report["classes"][wrong.index(max(wrong))]
        text = (
            f"{name}: {max(wrong)} of {total} cells are taken for {other}; annotate more of both, "
            "or merge them if you cannot tell them apart either"
        )
        found.append((counts[row] / total, text))
    return [*map(str, report["warnings"]), *(text for _, text in sorted(found)[:_MOST_ADVICE])]


def _percent(value: float | None) -> str:
    return f"{100 * value:.0f}" if _is_number(value) else "–"


def _is_number(value: float | None) -> bool:
    return value is not None and value == value


def _paragraph() -> QLabel:
    label = QLabel()
    label.setTextFormat(Qt.TextFormat.RichText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label
