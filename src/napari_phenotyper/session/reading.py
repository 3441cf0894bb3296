"""What can be asked of a project: by the session, and by jobs that read it off the session's thread."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from napari_phenotyper.core.annotations import Annotations, Event, replay
from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.plate import Layout, Plate
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.store.project import Project


class Reading:
    """A project as it is read: the open session, or a snapshot of it that a job takes to another thread.

    Parameters
    ----------
    project
        The folder on disk. Stores are not made for two threads at a time: a snapshot has its own.
    registry
        Makes extensions.
    plates
        Name to plate, roles and layout applied.
    annotations
        Those that stand; read from the journal where none are given.
    """

    def __init__(
        self, project: Project, registry: Registry, plates: dict[str, Plate], annotations: Annotations | None = None
    ) -> None:
        self.project = project
        self.registry = registry
        self.plates = plates
        self._annotations = annotations

    @property
    def folder(self) -> Path:
        """The project folder."""
        return self.project.folder

    @property
    def annotations(self) -> Annotations:
        """The annotations that stand."""
        if self._annotations is None:
            self._annotations = replay(self.journal_events())
        return self._annotations

    def journal_events(self) -> tuple[Event, ...]:
        """Return all saved events."""
        return self.project.journal.events()

    @property
    def layout(self) -> Layout:
        """Conditions of the wells of all plates."""
        merged = Layout()
        for plate in self.plates.values():
            merged = merged.merged(plate.layout)
        return merged

    def setting(self, name: str) -> Mapping[str, Any]:
        """Return a group of parameters, empty if it was never set."""
        return cast("Mapping[str, Any]", self.project.settings.parameters.get(name, {}))

    def all_plates(self) -> tuple[Plate, ...]:
        """Return every plate of the project. Raises PlateError if there is none."""
        if not self.plates:
            raise PlateError(
                f"The project {self.folder} has no plate.", "Open one: phenotyper segment PLATE --project DIR."
            )
        return tuple(self.plates.values())

    def snapshot(self, before: Reading | None = None) -> Reading:
        """Return what stands now, for a job in another thread.

        Parameters
        ----------
        before
            An older snapshot that is done with: its stores, and what they have looked up, are used again.
        """
        project = before.project if before is not None else Project.open(self.folder, create=False, read_only=True)
        project.take_settings(self.project.settings)
        return Reading(project, self.registry, dict(self.plates), self.annotations)
