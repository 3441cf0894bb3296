"""A form for the parameters of an extension, made from what the extension says of them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import cast

from magicgui.widgets import create_widget
from magicgui.widgets.bases import ValueWidget
from qtpy.QtCore import QEvent, QObject, Qt, Signal
from qtpy.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QSizePolicy,
    QToolButton,
    QWidget,
)

from napari_phenotyper.core.parameters import Parameter

SHOWN = 3
"""Parameters that stand open where there are many; the rest is folded."""
_FAR = 10**9


class ParameterForm(QWidget):
    """Editors for some parameters, one line each.

    Parameters
    ----------
    parameters
        What to edit, in this order.
    values
        Name to value; defaults for what is not named.
    """

    changed = Signal()
    """A person changed a value."""

    def __init__(self, parameters: Sequence[Parameter], values: Mapping[str, object] | None = None) -> None:
        super().__init__()
        self._editors = {p.name: _Editor(p, self.changed.emit) for p in parameters}
        # one parameter behind a button would take as much room as the button
        self._folded = list(self._editors.values())[SHOWN:] if len(parameters) > SHOWN + 1 else []
        self._more = QToolButton()
        self._lay_out()
        self.set_value(values or {})

    def value(self) -> dict[str, object]:
        """Return the value of every parameter; None where one is left to the program."""
        return {name: editor.value for name, editor in self._editors.items()}

    def set_value(self, values: Mapping[str, object]) -> None:
        """Show some values; `changed` is silent. Names that the form does not have are passed over."""
        for name, value in values.items():
            if name in self._editors:
                self._editors[name].set_value(value)
        if any(e.value != e.parameter.default for e in self._folded):
            self._more.setChecked(True)

    def set_resolved(self, values: Mapping[str, object]) -> None:
        """Show what parameters that are left to the program came to, such as the diameter that was estimated."""
        for name, value in values.items():
            if name in self._editors and value is not None:
                self._editors[name].set_resolved(value)

    def reset(self) -> None:
        """Go back to the defaults; `changed` tells once, if anything differed."""
        before = self.value()
        for editor in self._editors.values():
            editor.set_value(editor.parameter.default)
        if self.value() != before:
            self.changed.emit()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setVerticalSpacing(3)
        grid.setColumnStretch(1, 1)
        for row, editor in enumerate(self._editors.values()):
            grid.addWidget(editor.label, row, 0)
            grid.addWidget(editor.field, row, 1)
        self._more.setCheckable(True)
        self._more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._more.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._more.toggled.connect(self._fold)
        grid.addWidget(self._more, len(self._editors), 0, 1, 2)
        self._more.setVisible(bool(self._folded))
        self._fold(unfolded=False)

    def _fold(self, unfolded: bool) -> None:
        self._more.setArrowType(Qt.ArrowType.UpArrow if unfolded else Qt.ArrowType.DownArrow)
        self._more.setText("Less" if unfolded else f"More ({len(self._folded)})")
        for editor in self._folded:
            editor.label.setVisible(unfolded)
            editor.field.setVisible(unfolded)


class _Editor(QObject):
    """One parameter: a label, magicgui's widget and, where None is allowed, a tick box for it.

    `value` is the last valid one: while somebody types "1e-", it stays what it was.
    """

    def __init__(self, parameter: Parameter, tell: Callable[[], None]) -> None:
        super().__init__()
        self.parameter = parameter
        self.value = parameter.default
        self._tell = tell
        self._widget = _widget(parameter)
        self._native = cast("QWidget", self._widget.native)
        self._auto = QCheckBox("auto")
        self._resolved = False
        self.label, self.field = QLabel(_title(parameter)), QWidget()
        self._dress()
        self.set_value(parameter.default)
        self._widget.changed.connect(self._edited)
        self._auto.toggled.connect(self._edited)
        if isinstance(self._native, QLineEdit):
            self._native.editingFinished.connect(self._tidy)

    def set_value(self, value: object) -> None:
        """Show a value without telling."""
        self.value = tuple(value) if self.parameter.kind == "list" else value  # type: ignore[call-overload]
        self._auto.blockSignals(True)
        self._auto.setChecked(value is None)
        self._auto.blockSignals(False)
        if value is not None:
            self._write(value)
            self.value = self._read()
        self._show_auto()

    def set_resolved(self, value: object) -> None:
        """Show what None came to; it is also where editing starts when "auto" is unticked."""
        if self.value is None:
            self._resolved = True
            self._write(float(f"{value:.4g}") if isinstance(value, float) else value)
            self._show_auto()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Keep the wheel from changing a value by accident when the dock is scrolled."""
        if event.type() == QEvent.Type.Wheel and not self._native.hasFocus():
            event.ignore()
            return True
        return super().eventFilter(watched, event)

    def _dress(self) -> None:
        default = "auto" if self.parameter.default is None else _text(self.parameter, self.parameter.default)
        tip = "\n".join(line for line in (self.parameter.help, default and f"Default: {default}") if line)
        for part in (self.label, self._native, self._auto):
            part.setToolTip(tip)
        self.label.setBuddy(self._native)
        self._native.setAccessibleName(self.label.text())
        self._native.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        if isinstance(self._native, QLineEdit) and self.parameter.kind == "list":
            self._native.setPlaceholderText("names, separated by commas")
        if isinstance(self._native, QAbstractSpinBox | QComboBox):
            self._native.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
            self._native.installEventFilter(self)
        row = QHBoxLayout(self.field)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._auto)
        row.addWidget(self._native)
        self._auto.setVisible(self.parameter.optional)

    def _show_auto(self) -> None:
        """Let the editor be seen where it says something true."""
        auto = self._auto.isChecked()
        self._native.setEnabled(not auto)
        self._native.setVisible(not auto or self._resolved)

    def _edited(self, *_: object) -> None:
        value = None if self._auto.isChecked() else self._read()
        self._show_auto()
        if value != self.value:
            self.value = value
            self._tell()

    def _read(self) -> object:
        """Return what the editor says, or the last valid value where that is none."""
        given = self._widget.value
        if self.parameter.kind == "list":
            return tuple(_items(str(given).split(",")))
        if self.parameter.kind == "str":
            return str(given).strip()
        if _is_written(self.parameter):
            return self._number(str(given))
        return given

    def _number(self, text: str) -> object:
        try:
            number = float(text.replace(",", "."))
        except ValueError:
            return self.value
        low, high = _limits(self.parameter)
        return number if math.isfinite(number) and low <= number <= high else self.value

    def _write(self, value: object) -> None:
        low, high = _limits(self.parameter)
        with self._widget.changed.blocked():
            if self.parameter.kind in ("list", "str") or _is_written(self.parameter):
                self._widget.value = _text(self.parameter, value)
            elif self.parameter.kind in ("int", "float"):
                number = min(max(float(cast("float", value)), low), high)
                if self.parameter.kind == "float":
                    self._native.setDecimals(max(self._native.decimals(), _decimals(number)))
                self._widget.value = number
            else:
                self._widget.value = value

    def _tidy(self) -> None:
        """Put the last valid value back in place of what was left half typed."""
        if self.value is not None and self._native.text() != _text(self.parameter, self.value):
            self._write(self.value)


def _widget(parameter: Parameter) -> ValueWidget:
    """Return magicgui's widget for a parameter."""
    if parameter.kind == "choice":
        return create_widget(widget_type="ComboBox", options={"choices": list(parameter.choices)})
    if parameter.kind == "bool":
        return create_widget(widget_type="CheckBox", label="", options={"text": ""})
    if parameter.kind in ("list", "str") or _is_written(parameter):
        return create_widget(widget_type="LineEdit")
    low, high = _limits(parameter)
    start = min(max(low, 1.0), high)
    if parameter.kind == "int":
        return create_widget(widget_type="SpinBox", value=int(start), options={"min": int(low), "max": int(high)})
    widget = create_widget(widget_type="FloatSpinBox", value=start, options={"min": low, "max": high})
    default = cast("float | None", parameter.default)
    widget.native.setDecimals(2 if default is None else max(2, _decimals(default) + 1))
    return widget


def _is_written(parameter: Parameter) -> bool:
    """Whether a number is typed as text: one that runs over many magnitudes has no step that suits it."""
    low = parameter.minimum
    return parameter.kind == "float" and low is not None and low > 0 and low != int(low)


def _limits(parameter: Parameter) -> tuple[float, float]:
    low, high = parameter.minimum, parameter.maximum
    return -_FAR if low is None else low, _FAR if high is None else high


def _decimals(number: float) -> int:
    """Count the digits after the point."""
    return len(f"{number:.6f}".rstrip("0").partition(".")[2])


def _title(parameter: Parameter) -> str:
    words = parameter.name.replace("_", " ")
    unit = f" ({parameter.unit})" if parameter.unit else ""
    return f"{words[:1].upper()}{words[1:]}{unit}"


def _text(parameter: Parameter, value: object) -> str:
    """Return a value as a person types it."""
    if parameter.kind == "list":
        return ", ".join(_items(cast("Iterable[object]", value)))
    if parameter.kind == "bool":
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _items(values: Iterable[object]) -> list[str]:
    return [str(item).strip() for item in values if str(item).strip()]
