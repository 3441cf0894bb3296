"""Which rows of a long list are selected. Numpy only."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class RowSelection:
    """A selection among so many rows, in the way of every list: one alone, one more, all up to here.

    Attributes
    ----------
    count
        Rows that there are.
    current
        The row that was touched last, −1 for none.
    """

    def __init__(self, count: int) -> None:
        self.count, self.current, self._anchor = count, -1, -1
        self._chosen = np.zeros(count, bool)
        self._before = self._chosen

    def has(self, row: int) -> bool:
        """Tell whether a row is selected."""
        return bool(self._chosen[row])

    def rows(self) -> NDArray[np.intp]:
        """Return the rows that are selected, ascending."""
        return np.flatnonzero(self._chosen)

    def __len__(self) -> int:
        """Count the rows that are selected."""
        return int(self._chosen.sum())

    def only(self, row: int) -> None:
        """Select a row and no other."""
        self._chosen = np.zeros(self.count, bool)
        self._anchored(row)
        self._chosen[row] = True

    def toggle(self, row: int) -> None:
        """Select a row beside the others, or let it go."""
        is_chosen = self.has(row)
        self._anchored(row)
        self._chosen[row] = not is_chosen

    def extend(self, row: int) -> None:
        """Select all from the row that was chosen last by itself up to this one."""
        first = max(self._anchor, 0)
        self._chosen = self._before.copy()
        self._chosen[min(first, row) : max(first, row) + 1] = True
        self.current = row

    def all(self) -> None:
        """Select every row."""
        self._chosen = np.ones(self.count, bool)

    def none(self) -> None:
        """Select no row."""
        self._chosen = np.zeros(self.count, bool)
        self._before, self._anchor = self._chosen, -1

    def _anchored(self, row: int) -> None:
        """Begin a range at a row, beside what is selected."""
        self._before, self._chosen = self._chosen, self._chosen.copy()
        self.current = self._anchor = row
