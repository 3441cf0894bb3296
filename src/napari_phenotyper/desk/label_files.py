"""Labels to and from CSV files at a desk: an import is shown before it is done; both happen off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.desk.background import Background
from napari_phenotyper.session.exporting import annotation_rows, write_table
from napari_phenotyper.session.label_files import ImportPlan, import_steps, plan_import
from napari_phenotyper.session.labelling import Labelled
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing


class LabelFiles:
    """Imports and exports the labels of a session."""

    def __init__(self, session: Session, background: Background) -> None:
        self._session, self._background = session, background

    def plan(self, path: Path, on_plan: Callable[[ImportPlan], None]) -> None:
        """Find out what an import would do, and hand that over."""
        try:
            needs_writing(self._session)
            plates = self._session.all_plates()
        except PhenotyperError as error:
            self._background.fail(error)
            return
        args = self._session.snapshot(), plates, path
        title = f"Reading {path.name}"
        self._background.read("labels", "queue", plan_import, *args, title=title, on_result=on_plan)

    def take(self, plan: ImportPlan) -> None:
        """Do what was planned, as one event that one undo takes back."""

        def tell(done: Labelled) -> None:
            taken = done.rows - len(done.outside)
            self._background.tell(f"{taken} labels imported from {plan.path.name}; Undo takes them all back.")

        steps, title = import_steps(self._session, plan), f"Importing {plan.path.name}"
        self._background.start("labels", "queue", title, steps, self._session.runner, tell)

    def save(self, path: Path) -> None:
        """Write all labels to a file, as `phenotyper export --what annotations` does."""

        def tell(count: int) -> None:
            self._background.tell(f"{count} labels written to {path}.")

        args, title = (self._session.snapshot(), path), f"Writing {path.name}"
        self._background.read("labels", "queue", _save, *args, title=title, on_result=tell)


def _save(session: Reading, path: Path, progress: Progress) -> int:
    progress(0.0, "Looking for the labels' cells")
    columns, rows = annotation_rows(session, session.all_plates())
    write_table(path, columns, rows)
    return len(rows)
