"""A learning curve, painted: balanced accuracy against the number of labels, with its interval."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qtpy.QtCore import QPointF, QRectF, QSize, Qt
from qtpy.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from qtpy.QtWidgets import QSizePolicy, QWidget

_LEFT, _BELOW, _RIM = 48, 34, 8
_INK, _BAND = QColor("#5aa9e6"), QColor(90, 169, 230, 70)


class CurveChart(QWidget):
    """Paints the points of a learning curve; empty before there are any."""

    def __init__(self) -> None:
        super().__init__()
        self._points: tuple[tuple[int, float, float, float], ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Learning curve: balanced accuracy against the number of labels")
        self.hide()

    def set_points(self, points: Sequence[Mapping[str, Any]]) -> None:
        """Show the points of a report of `session.judging.learning_curve`."""
        scores = [(p["n"], p["balanced_accuracy"]) for p in points]
        self._points = tuple((n, s["value"], s["low"], s["high"]) for n, s in scores)
        self.setVisible(bool(self._points))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802  (Qt's name)
        """Return the size in a dock of usual width."""
        return QSize(320, 150)

    def place(self, labels: float, score: float) -> QPointF:
        """Return where a score (0 … 1) at a number of labels is painted."""
        low, most = self._lowest(), max(n for n, *_ in self._points)
        wide, high = self.width() - _LEFT - _RIM, self.height() - _BELOW - _RIM
        return QPointF(_LEFT + wide * labels / most, _RIM + high * (1 - (score - low) / (1 - low)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802  (Qt's name)
        """Paint axes, interval and curve."""
        if not self._points:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_axes(painter)
        above = [self.place(n, high) for n, _, _, high in self._points]
        below = [self.place(n, low) for n, _, low, _ in self._points]
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_BAND)
        painter.drawPolygon(QPolygonF([*above, *reversed(below)]))
        painter.setPen(QPen(_INK, 2))
        curve = [self.place(n, value) for n, value, *_ in self._points]
        painter.drawPolyline(QPolygonF(curve))
        painter.setBrush(_INK)
        for point in curve:
            painter.drawEllipse(point, 3, 3)
        painter.end()

    def _lowest(self) -> float:
        """Return the score at the foot of the chart: a whole tenth below all that is shown."""
        return min(max(int(10 * min(low for _, _, low, _ in self._points)) / 10, 0.0), 0.9)

    def _paint_axes(self, painter: QPainter) -> None:
        ink = self.palette().color(self.foregroundRole())
        faint = QColor(ink)
        faint.setAlpha(60)
        low = self._lowest()
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for score in (low, (1 + low) / 2, 1.0):
            y = self.place(0, score).y()
            painter.setPen(faint)
            painter.drawLine(QPointF(_LEFT, y), QPointF(self.width() - _RIM, y))
            painter.setPen(ink)
            painter.drawText(QRectF(0, y - 8, _LEFT - 5, 16), right, f"{100 * score:.0f} %")
        foot = self.height() - _BELOW + 2
        shown = [n for i, (n, *_) in enumerate(self._points) if i in (0, len(self._points) // 2, len(self._points) - 1)]
        for n in shown:
            x = min(self.place(n, 1.0).x(), self.width() - 20.0)
            painter.drawText(QRectF(x - 24, foot, 48, 14), Qt.AlignmentFlag.AlignHCenter, str(n))
        middle = QRectF(_LEFT, foot + 13, self.width() - _LEFT - _RIM, 16)
        painter.drawText(middle, Qt.AlignmentFlag.AlignHCenter, "balanced accuracy by labels")
