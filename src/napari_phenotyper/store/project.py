"""The project folder: who may write to it, what it is told, and the stores in it."""

from __future__ import annotations

import threading
from collections.abc import Collection
from pathlib import Path
from types import TracebackType
from typing import Self

from napari_phenotyper.core.errors import ProjectError, ProjectLockedError
from napari_phenotyper.store.cells import CellStore
from napari_phenotyper.store.crops import CropStore
from napari_phenotyper.store.files import discard_left_overs, explained, read_json, write_json
from napari_phenotyper.store.journal import Journal
from napari_phenotyper.store.lock import LOCK, Lock
from napari_phenotyper.store.masks import MaskStore
from napari_phenotyper.store.models import ModelStore
from napari_phenotyper.store.predictions import PredictionStore
from napari_phenotyper.store.reports import ReportStore
from napari_phenotyper.store.results import ResultStore
from napari_phenotyper.store.settings import Settings
from napari_phenotyper.store.state_file import StateFile
from napari_phenotyper.store.thumbnails import ThumbnailStore

SETTINGS, JOURNAL, CROPS = "project.json", "journal.sqlite", "crops.sqlite"
VIEW = "view.json"
"""How the window stood; nothing that is known rests on it."""
MASKS, CELLS, MODELS, PREDICTIONS, RESULTS = "masks", "cells", "models", "predictions", "results"
THUMBNAILS = "thumbnails.sqlite"
IMPORTED = "imported"
"""Folders of crops from elsewhere that are trained on."""
ILLUMINATION = "illumination"
"""Kind of the reports that tell how a plate was lit."""
_OURS = (SETTINGS, VIEW, JOURNAL, CROPS, LOCK, MASKS, CELLS, MODELS, PREDICTIONS, RESULTS, IMPORTED, THUMBNAILS)
_SYSTEM = (".", "thumbs.db", "desktop.ini")
"""How names begin that file managers put into any folder."""


class Project:
    """An open project. Made by `Project.open`; close it, or use it in a `with` statement.

    Worker processes open `MaskStore(folder / MASKS)` and the other stores by folder, without a lock: what they write
    lies under keys, and writing the same key twice does no harm.

    Attributes
    ----------
    folder
        Where it lies.
    locked_by
        Who writes to it, where that is the reason for `read_only`; else empty.
    journal, crops, masks, cells, models, predictions, results, reports, thumbnails, view
        The stores, and how the window stood. Each refuses to write while `read_only` is true.
    """

    def __init__(self, folder: Path, lock: Lock | None, refusal: ProjectError | None = None) -> None:
        self.folder = folder
        self.locked_by = refusal.what if isinstance(refusal, ProjectLockedError) else ""
        self._lock = lock
        # without the frames that it was raised in, which would live as long as the project
        self._refusal = refusal.with_traceback(None) if refusal is not None else None
        self._settings_gate = threading.Lock()
        self._settings = self._read_settings()
        self.journal = Journal(folder / JOURNAL, lock is None, self._check_writable)
        self.crops = CropStore(folder / CROPS, self._check_writable)
        self.masks = MaskStore(folder / MASKS, self._check_writable)
        self.cells = CellStore(folder / CELLS, self._check_writable)
        self.models = ModelStore(folder / MODELS, self._check_writable)
        self.predictions = PredictionStore(folder / PREDICTIONS, self._check_writable)
        self.results = ResultStore(folder / RESULTS, self._check_writable)
        self.reports = ReportStore(folder / RESULTS, self._check_writable)
        self.thumbnails = ThumbnailStore(folder / THUMBNAILS, self._check_writable)
        self.view = StateFile(folder / VIEW, self._check_writable)

    @classmethod
    def open(cls, folder: str | Path, create: bool = True, read_only: bool | None = None) -> Self:
        """Open a project.

        Parameters
        ----------
        folder
            "X.phenotyper".
        create
            Whether to make it if it is not there.
        read_only
            True to take no lock; False to insist on writing; None to write if nobody else does and the folder may be
            written, and to read otherwise.

        Raises
        ------
        ProjectLockedError
            If `read_only` is False and somebody else writes.
        ProjectError
            If there is no project, the folder is something else, it was made by a newer version, or it is damaged.
        """
        folder = Path(folder).absolute()
        exists = _is_project(folder)
        if not exists and (not create or read_only):
            raise ProjectError(f"There is no project at {folder}.", "Check the path, or make a project there.")
        lock, refusal = None, None
        if not read_only:
            try:
                lock = _locked(folder)
            except ProjectError as error:
                if read_only is False or not exists:
                    raise
                refusal = error
        try:
            return cls(folder, lock, refusal)
        except ProjectError:
            if lock is not None:
                lock.release()
            raise

    @property
    def read_only(self) -> bool:
        """Whether writing is refused: opened so, locked by somebody, closed, or taken over while this machine slept."""
        return self._lock is None or self._lock.lost

    @property
    def settings(self) -> Settings:
        """What the project is told, as last read or replaced."""
        return self._settings

    def replace_settings(self, settings: Settings) -> None:
        """Replace what the project is told, on disk first. Raises ProjectError."""
        self._check_writable()
        with self._settings_gate:
            write_json(self.folder / SETTINGS, settings.state(self.folder))
            self._settings = settings

    def take_settings(self, settings: Settings) -> None:
        """Read by these settings from now on, where another holder of the project has just replaced them."""
        self._settings = settings

    def clean(self, needed: Collection[str]) -> int:
        """Remove what lies under keys that are not needed, and remains of dead jobs.

        Parameters
        ----------
        needed
            Keys of masks, columns, predictions, profiles and illuminations that current results rest on, and of
            fields' pixels.

        Returns
        -------
        Bytes freed.

        Raises
        ------
        ProjectError
            If the project is read-only.
        """
        self._check_writable()
        keys = frozenset(needed)
        stores = (self.masks, self.cells, self.predictions, self.results, self.thumbnails)
        freed = sum(store.clean(keys) for store in stores) + self.reports.clean(ILLUMINATION, keys)
        return freed + discard_left_overs(self.folder)

    def close(self) -> None:
        """Commit what is queued and give the lock back; a second call does nothing."""
        self.journal.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _read_settings(self) -> Settings:
        path = self.folder / SETTINGS
        if not path.exists():
            settings = Settings()
            if self._lock is not None:
                write_json(path, settings.state(self.folder))
            return settings
        return Settings.restore(read_json(path), self.folder)

    def _check_writable(self) -> None:
        if self._refusal is not None:
            raise type(self._refusal)(self._refusal.what, self._refusal.remedy)
        if self._lock is not None:
            if not self._lock.lost:
                return
            what = f"Another program has taken over the project {self.folder}."
            raise ProjectLockedError(what, "Close it there, then open the project again.")
        raise ProjectError(f"The project {self.folder} is open for reading only.", "Open it for writing.")


def _locked(folder: Path) -> Lock:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        what = f"The project folder {folder} cannot be made ({error.strerror or error})."
        raise ProjectError(what, "Choose another place for it: --project DIR.") from error
    return Lock.acquire(folder)


def _is_project(folder: Path) -> bool:
    """Tell whether a project lies in a folder; False if there is nothing. Raises ProjectError for anything else."""
    with explained(folder):
        if not folder.exists():
            return False
        if not folder.is_dir():
            raise ProjectError(f"{folder} is a file, not a project.", "Choose a folder.")
        names = [path.name for path in folder.iterdir() if not path.name.lower().startswith(_SYSTEM)]
    if SETTINGS in names or not names:
        return bool(names)
    if not all(name.startswith(_OURS) for name in names):
        raise ProjectError(
            f"{folder} holds other things than a project.", "Choose a new folder, such as one beside the plate."
        )
    return True
