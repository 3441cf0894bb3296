"""Labels that travel, in words: what an import would do or has done, what is lost, what is contested."""

from __future__ import annotations

from collections.abc import Sequence

from napari_phenotyper.pages.words import table_view
from napari_phenotyper.session.astray import CONTESTED, LOST, Stray, stray_rows
from napari_phenotyper.session.label_files import ImportPlan


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


def plan_sentences(plan: ImportPlan) -> list[str]:
    """Return what an import would do, a sentence each."""
    done = plan.outcome
    parts = [f"{done.found:,} find a cell"]
    if done.lost:
        parts.append(f"{done.lost:,} none (kept as lost)")
    if done.waiting:
        parts.append(f"{done.waiting:,} will once their field is segmented")
    if done.outside:
        parts.append(f"{len(done.outside):,} left out for want of their field")
    said = [f"{plan.rows:,} rows: {', '.join(parts)}."]
    if plan.new_classes:
        named = ", ".join(f"{name} ({count:,})" for name, count in plan.new_classes.items())
        said.append(f"New classes: {named}.")
    if plan.unchanged:
        said.append(f"{_cells(plan.unchanged)} that class already.")
    if plan.changed:
        said.append(f"{_cells(len(plan.changed))} another class now and would get that of the file.")
    if done.contested:
        said.append(f"{done.contested:,} labels give one cell two classes: contested, and not trained on.")
    return said


def plan_details(plan: ImportPlan) -> list[tuple[str, str]]:
    """Return the rows to look at: what is the matter, and which it is."""
    outside = [f"L{text.removeprefix(f'{plan.path}, l')}" for text in plan.outside]
    kinds = (("left out", outside), ("lost", plan.lost), ("another class", plan.changed))
    return [(kind, text) for kind, texts in kinds for text in texts]


def _cells(count: int) -> str:
    return f"{count:,} cell{' has' if count == 1 else 's have'}"
