"""Choosing an extension and its parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QVBoxLayout, QWidget

from napari_phenotyper.core.errors import ExtensionError
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.views.forms import ParameterForm


def _defaults(_: str) -> Mapping[str, object]:
    return {}


class Chooser(QWidget):
    """The extensions of a kind, and the form of the one that is chosen.

    Parameters
    ----------
    registry
        Lists the extensions.
    kind
        Which kind, for example "segmenter".
    name
        Id of the one to choose first.
    fail
        Takes the error of an extension that is broken; the form before it then stays.
    settings
        Id to the values that its form begins with; defaults for those not named.
    """

    chosen = Signal()
    """There is another form."""
    changed = Signal()
    """A person changed a value in it."""

    def __init__(
        self,
        registry: Registry,
        kind: str,
        name: str,
        fail: Callable[[ExtensionError], None],
        settings: Callable[[str], Mapping[str, object]] = _defaults,
    ) -> None:
        super().__init__()
        self._registry, self._kind, self._fail, self._settings = registry, kind, fail, settings
        self.names, self.form = QComboBox(), ParameterForm(())
        for known in registry.ids(kind):
            self.names.addItem(registry.title(kind, known), known)
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.addWidget(self.names)
        self._column.addWidget(self.form)
        self.choose(name)
        self.names.currentIndexChanged.connect(self._show_form)

    @property
    def name(self) -> str:
        """Id of the extension that is chosen."""
        return str(self.names.currentData())

    def value(self) -> dict[str, object]:
        """Return the value of every parameter; None where one is left to the program."""
        return self.form.value()

    def choose(self, name: str) -> None:
        """Choose an extension, the first if there is none of that id, and show its form anew."""
        with QSignalBlocker(self.names):
            self.names.setCurrentIndex(max(self.names.findData(name), 0))
        self._show_form()

    def _show_form(self, *_: object) -> None:
        try:
            extension = self._registry.get(self._kind, self.name)
        except ExtensionError as error:
            self._fail(error)
            return
        form = ParameterForm(extension.parameters, self._settings(self.name))
        form.changed.connect(self.changed)
        self._column.replaceWidget(self.form, form)
        self.form.hide()
        self.form.deleteLater()
        self.form = form
        self.chosen.emit()
