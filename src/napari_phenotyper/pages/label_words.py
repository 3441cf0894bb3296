"""Labels that travel, in words: what an import would do or has done, what is lost, what is contested."""

from __future__ import annotations

from collections.abc import Sequence

from napari_phenotyper.pages.words import table_view
from napari_phenotyper.session.astray import CONTESTED, LOST, Stray, stray_rows


def strays_sentence(strays: Sequence[Stray]) -> str:
    """Return how many labels are lost and how many cells contested: "3 labels lost, 2 contested"; "" for none."""
    lost = sum(stray.kind == LOST for stray in strays)
    contested = sum(stray.kind == CONTESTED for stray in strays)
    parts = []
    if lost:
        parts.append(f"{lost:,} label{'s' if lost > 1 else ''} lost")
    if contested:
        cells = "" if lost else f" cell{'s' if contested > 1 else ''}"
        parts.append(f"{contested:,}{cells} contested")
    return ", ".join(parts)


def strays_text(strays: Sequence[Stray], labels: int) -> str:
    """Return labels that are lost or contested as text: how many, and a table."""
    if not strays:
        return f"All {labels} labels hit a cell of today's masks, and no cell has two classes."
    columns, rows = stray_rows(strays)
    head = f"{strays_sentence(strays)}, of {labels} labels"
    return f"{head}\n{table_view([c for c in columns if c not in ('id', 'time')], rows)}"


def stray_words(stray: Stray) -> str:
    """Return what is wrong with one of them, and what can be done, in a sentence or two."""
    if stray.kind == LOST:
        return (
            f"“{stray.phenotypes[0]}” was given here, but today's masks have no cell at the ring. Point at its cell "
            "and press R, attach it to the nearest, or drop it."
        )
    given = ", ".join(f"“{name}”" for name in stray.phenotypes)
    return f"The cell at the ring was given {given}, as when two cells have become one. Which is it?"
