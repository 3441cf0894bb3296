"""Profiles: a parquet file each. Hits cost little and are computed from them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import cast

import numpy as np

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.profile import Float64, Profile
from napari_phenotyper.core.wells import WellRef
from napari_phenotyper.store.files import Guard, checked_key, discard, writable
from napari_phenotyper.store.tables import read_table, table_record, table_writer


class ResultStore:
    """Profiles by key.

    Parameters
    ----------
    folder
        `results` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard

    def put(self, key: str, profile: Profile, record: Mapping[str, Json]) -> None:
        """Keep a profile and where it comes from: a row per well, with plate, well, cells, values, low and high.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        parts = [("", profile.values), (" (low)", profile.low), (" (high)", profile.high)]
        given = [(ending, values) for ending, values in parts if values is not None]
        columns = [("plate", "string"), ("well", "string"), ("cells", "int64")]
        columns.extend((name + ending, "float64") for ending, _ in given for name in profile.columns)
        about: dict[str, Json] = {
            "kind": profile.kind,
            "note": profile.note,
            "columns": list(profile.columns),
            "interval": [profile.low is not None, profile.high is not None],
            "record": record,
        }
        with table_writer(self._place(key), columns, about) as write:
            numbers = [np.ascontiguousarray(column) for _, values in given for column in values.T]
            write([[w.plate for w in profile.wells], [w.well for w in profile.wells], profile.counts, *numbers])

    def get(self, key: str) -> Profile | None:
        """Return a profile, None if there is none. Raises ProjectError for a damaged one."""
        path = self._place(key)
        if not path.exists():
            return None
        columns, about = read_table(path)
        try:
            names = tuple(str(name) for name in about["columns"])
            wells = tuple(WellRef(plate, well) for plate, well in zip(columns[0], columns[1], strict=True))
            numbers = [np.asarray(column, np.float64) for column in columns[3:]]
            shape = (len(wells), len(names))
            sets: list[Float64 | None] = []
            for there in (True, *about["interval"]):
                taken, numbers = (numbers[: len(names)], numbers[len(names) :]) if there else ([], numbers)
                sets.append((np.stack(taken, axis=1) if taken else np.zeros(shape)) if there else None)
            values = cast("Float64", sets[0])
            if values.shape != shape:
                raise ValueError("columns are missing")
            told = str(about["kind"]), str(about.get("note", ""))
            return Profile(wells, names, values, np.asarray(columns[2], np.int64), sets[1], sets[2], *told)
        except (KeyError, ValueError, TypeError, IndexError) as error:
            raise ProjectError(f"The profile in {path} is damaged: {error}.", "Remove it; profile again.") from error

    def has(self, key: str) -> bool:
        """Tell whether there is a profile under a key."""
        return self._place(key).exists()

    def record(self, key: str) -> Mapping[str, Json]:
        """Return what a profile was kept with. Raises ProjectError if there is none."""
        return cast("Mapping[str, Json]", table_record(self._place(key)).get("record", {}))

    def clean(self, needed: Collection[str]) -> int:
        """Remove profiles whose keys nothing needs; return the bytes freed."""
        self._guard()
        doomed = [path for path in self.folder.glob("*.parquet") if path.stem not in needed]
        return sum(discard(path) for path in doomed)

    def _place(self, key: str) -> Path:
        return self.folder / f"{checked_key(key)}.parquet"
