"""Predictions of kept models: a parquet file per model, well and key."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.store.files import Guard, checked_key, discard, safe_name, well_file, writable
from napari_phenotyper.store.tables import read_table, table_record, table_writer


class PredictionStore:
    """Predictions by model, well and key, for any number of processes at once.

    Parameters
    ----------
    folder
        `predictions` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard

    def put(self, model: str, ref: WellRef, key: str, predictions: Sequence[Prediction]) -> None:
        """Keep the predictions of a well's fields, all of the same classes.

        The table has a row per cell: field, id, and a column of probabilities per class.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        ValueError
            If the predictions differ in their classes.
        """
        self._guard()
        classes = predictions[0].classes if predictions else ()
        if any(p.classes != classes for p in predictions):
            raise ValueError(f"the predictions of {ref.plate} {ref.well} differ in their classes")
        columns = [("field", "int32"), ("id", "int32"), *((f"p {name}", "float32") for name in classes)]
        record: dict[str, Json] = {
            "well": list(ref),
            "model": model,
            "classes": list(classes),
            "fields": [[p.field.field, len(p.ids)] for p in predictions],
        }
        with table_writer(self._place(model, ref, key), columns, record) as write:
            if predictions:
                numbers = np.repeat([p.field.field for p in predictions], [len(p.ids) for p in predictions])
                values = np.concatenate([p.probabilities for p in predictions]).T
                write([numbers, np.concatenate([p.ids for p in predictions]), *np.ascontiguousarray(values)])

    def get(self, model: str, ref: WellRef, key: str) -> tuple[Prediction, ...] | None:
        """Return the predictions of a well, field by field; None if there are none. Raises ProjectError if damaged."""
        path = self._place(model, ref, key)
        if not path.exists():
            return None
        columns, record = read_table(path)
        try:
            classes = tuple(record["classes"])
            ids = np.asarray(columns[1], np.int32)
            values = np.stack(columns[2:], axis=1) if classes else np.zeros((len(ids), 0), np.float32)
            out, start = [], 0
            for number, rows in record["fields"]:
                part = slice(start, start + rows)
                out.append(Prediction(FieldRef(*ref, number), ids[part], values[part], classes, model))
                start += rows
            if start != len(ids):
                raise ValueError("rows are missing")
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ProjectError(
                f"The predictions in {path} are damaged: {error}.", "Remove it; predict again."
            ) from error
        return tuple(out)

    def has(self, model: str, ref: WellRef, key: str) -> bool:
        """Tell whether there are whole predictions of a well, by the file's footer."""
        path = self._place(model, ref, key)
        if not path.exists():
            return False
        try:
            table_record(path)
        except ProjectError:
            return False
        return True

    def clean(self, needed: Collection[str]) -> int:
        """Remove predictions whose keys nothing needs; return the bytes freed."""
        self._guard()
        doomed = [path for path in self.folder.glob("*/*/*.parquet") if path.stem.rpartition("-")[2] not in needed]
        return sum(discard(path) for path in doomed)

    def _place(self, model: str, ref: WellRef, key: str) -> Path:
        file = f"{well_file(ref.well)}-{checked_key(key)}.parquet"
        return self.folder / checked_key(model) / safe_name(ref.plate) / file
