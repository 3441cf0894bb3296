"""The small button beside a plot that saves it: as PNG, SVG, or its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtGui import QCursor
from qtpy.QtWidgets import QFileDialog, QMenu, QPushButton, QWidget

from napari_phenotyper.core.progress import Progress
from napari_phenotyper.desk.background import Background
from napari_phenotyper.pages.plots import KINDS, Plot, save_plot

TIP = "Save this figure as PNG or SVG, or its numbers as CSV"


@dataclass(frozen=True)
class Offer:
    """A plot that can be saved: its title, the name of its file, and what draws it, in any thread."""

    title: str
    name: str
    make: Callable[[], Plot]


class SaveButton(QPushButton):
    """Saves one of the plots that are offered when it is pressed, drawn off the window's thread.

    Parameters
    ----------
    background
        Where plots are drawn and written.
    offered
        Gives what there is to save now.
    """

    def __init__(
        self, background: Background, offered: Callable[[], Sequence[Offer]], parent: QWidget | None = None
    ) -> None:
        super().__init__("⤓", parent)
        self._background, self.offered = background, offered
        self.setToolTip(TIP)
        self.setAccessibleName(TIP)
        self.setFixedWidth(28)
        self.clicked.connect(self._press)

    def ask_file(self, name: str) -> str:
        """Ask where to save; "" if the user thinks better of it."""
        return QFileDialog.getSaveFileName(self, "Save the figure, or its numbers", f"{name}.png", KINDS)[0]

    def save(self, offer: Offer) -> None:
        """Ask where, and save a plot there."""
        chosen = self.ask_file(offer.name)
        if chosen:
            path = Path(chosen)

            def tell(saved: Path) -> None:
                self._background.tell(f"Saved {saved}.")

            title = f"Saving {path.name}"
            self._background.read("figures", "queue", _save, offer.make, path, title=title, on_result=tell)

    def _press(self, *_: object) -> None:
        offers = self.offered()
        if not offers:
            self._background.tell("There is no figure to save yet.")
        elif len(offers) == 1:
            self.save(offers[0])
        else:
            menu = QMenu(self)
            for offer in offers:
                menu.addAction(offer.title.replace("&", "&&")).triggered.connect(lambda _=False, o=offer: self.save(o))
            menu.aboutToHide.connect(menu.deleteLater)
            menu.popup(QCursor.pos())


def _save(make: Callable[[], Plot], path: Path, progress: Progress) -> Path:
    progress(0.0, f"Drawing {path.name}")
    return save_plot(make(), path)
