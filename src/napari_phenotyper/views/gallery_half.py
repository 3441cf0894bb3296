"""A titled grid of cells: the whole gallery, or one of two groups beside each other."""

from __future__ import annotations

from html import escape

from qtpy.QtWidgets import QLabel, QVBoxLayout, QWidget

from napari_phenotyper.desk.gallery import Gallery, Group
from napari_phenotyper.session.choosing import CellId
from napari_phenotyper.views.cell_grid import CellGrid, Tile
from napari_phenotyper.views.gallery_tiles import Tiles


class Half(QWidget):
    """A titled grid: one, or one of two beside each other.

    Parameters
    ----------
    gallery, number
        Whose group it shows, and which.
    tiles
        Draws cells.
    """

    def __init__(self, gallery: Gallery, number: int, tiles: Tiles) -> None:
        super().__init__()
        self._gallery, self._number, self._tiles = gallery, number, tiles
        self.title = QLabel()
        self.title.setWordWrap(True)
        self.title.hide()
        self.grid = CellGrid(self._tile, self._words)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(2)
        column.addWidget(self.title)
        column.addWidget(self.grid, 1)

    def show_group(self, group: Group, titled: bool) -> None:
        """Show what a query found."""
        self.title.setText(f"<b>{escape(titled_words(group))}</b>")
        self.title.setVisible(titled)
        self.grid.set_count(len(group.rows))

    def cell(self, row: int) -> CellId:
        """Return the cell of a row."""
        return self._gallery.groups[self._number].rows.cell(row)

    def _tile(self, row: int) -> Tile:
        return self._tiles.tile(self.cell(row))

    def _words(self, row: int) -> str:
        return self._tiles.words(self.cell(row))


def titled_words(group: Group) -> str:
    """Return what a group is, and how many cells it has."""
    query = group.query
    parts = [query.title] if query.title else [query.predicted, *query.treatments, *map(str, query.wells), *query.roles]
    return f"{' · '.join(part for part in parts if part) or 'All cells'}: {cells_words(len(group.rows))}"


def cells_words(count: int) -> str:
    """Return a number of cells in words."""
    return "1 cell" if count == 1 else f"{thousands(count)} cells"


def thousands(count: int) -> str:
    """Return a number with thin spaces between thousands."""
    return f"{count:,}".replace(",", "\u202f")
