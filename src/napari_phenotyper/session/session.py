"""The state of a project that is open: plates, roles, layout, annotations, and which results are current."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, wait
from dataclasses import replace
from pathlib import Path

from psygnal import Signal, SignalGroup

from napari_phenotyper.core.annotations import Event
from napari_phenotyper.core.errors import PhenotyperError, PlateError, ProjectError, ProjectLockedError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.engine.runner import Runner
from napari_phenotyper.session.opening import Found, find_plates, own_name, read_again, unique_names, whole_path
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.store.project import Project
from napari_phenotyper.store.settings import PlateEntry


class SessionEvents(SignalGroup):
    """What changed; whoever shows it asks the session for the new value."""

    plates = Signal()
    annotations = Signal()
    masks = Signal(str)
    cells = Signal(str)
    models = Signal(str)
    predictions = Signal(str)


class Session(Reading):
    """A project that is open. Only the thread that made it writes to it.

    Parameters
    ----------
    project
        The folder on disk.
    registry
        Makes extensions.
    runner
        Where jobs over a plate run.

    Attributes
    ----------
    events
        Signals.
    plates
        Name to plate, roles and layout applied.
    problems
        Sentences about plates that could not be opened again.
    """

    def __init__(self, project: Project, registry: Registry, runner: Runner) -> None:
        super().__init__(project, registry, {})
        self.runner = runner
        self.events = SessionEvents()
        self.problems: list[str] = []
        self._sources: dict[str, str] = {}
        self._saved: list[Event] | None = None
        self._unsaved: deque[Future[Event]] = deque()
        self._reopen()

    def annotate(self, kind: str, payload: Mapping[str, Json], who: str = "") -> None:
        """Write an event to the journal and wait until it is saved. Raises ProjectError."""
        try:
            self.annotate_soon(kind, payload, who).result()
        except ProjectError:
            self.forget_unsaved()
            raise

    def annotate_soon(self, kind: str, payload: Mapping[str, Json], who: str = "") -> Future[Event]:
        """Let an event stand at once and queue it for the journal.

        Returns
        -------
        A future that resolves when the event is saved. Where it fails, `forget_unsaved` brings the state back to
        what the journal holds.

        Raises
        ------
        ProjectError
            If nothing may be written.
        """
        before = self.annotations
        saved = self.project.journal.append(kind, payload, who)
        self._unsaved.append(saved)
        replayed = kind in ("undo", "redo")  # else one more on top will do
        self._annotations = None if replayed else before.apply(Event(0, kind, payload, who))
        self.events.annotations.emit()
        return saved

    @property
    def unsaved(self) -> int:
        """How many events are on their way to the disk."""
        return sum(not future.done() for future in self._unsaved)

    def lost_writes(self) -> BaseException | None:
        """Return why an event could not be saved, None if all could; the state is then the journal's again."""
        failure = self._collect()
        if failure is not None:
            self.forget_unsaved()
        return failure

    def journal_events(self) -> tuple[Event, ...]:
        """Return all events, waiting for those on their way to the disk; what could not be saved is not among them."""
        wait(self._unsaved)
        if self._saved is None:
            self._saved = list(self.project.journal.events())
        self._collect()
        return tuple(self._saved)

    def forget_unsaved(self) -> None:
        """Bring the annotations back to what the journal holds."""
        self._annotations = None
        self.events.annotations.emit()

    def _collect(self) -> BaseException | None:
        """Take what has been saved from the waiting events; return why the last one that failed did."""
        failure = None
        while self._unsaved and self._unsaved[0].done():
            future = self._unsaved.popleft()
            failure = future.exception() or failure
            if future.exception() is None and self._saved is not None:
                known = self._saved[-1].seq if self._saved else 0
                if future.result().seq > known:
                    self._saved.append(future.result())
        return failure

    def set(self, name: str, value: Mapping[str, Json]) -> None:
        """Replace a group of parameters. Raises ProjectError."""
        settings = self.project.settings
        self.project.replace_settings(replace(settings, parameters={**settings.parameters, name: value}))

    def open(self, path: Path, pattern: str = "", found: Sequence[Found] | None = None) -> tuple[Plate, ...]:
        """Return the plates at a path, adding to the project those it does not have.

        Parameters
        ----------
        path
            A plate, a folder of plates, or this project's own folder (all its plates).
        pattern
            File name pattern, if the readers do not recognise the names.
        found
            What was found there a moment ago, so that it need not be read twice.

        Raises
        ------
        PlateError
        """
        known = () if pattern else self.known(path)
        return known or self.add(found or find_plates(path, self.registry, pattern))

    def known(self, path: Path) -> tuple[Plate, ...]:
        """Return the plates of a path that was opened before, all for this project's own folder; else none.

        Raises PlateError if the project's own folder is named and it has none.
        """
        path = whole_path(path)
        if path == whole_path(self.folder):
            return self.all_plates()
        if str(path) in self._sources.values():
            return tuple(p for n, p in self.plates.items() if _lies(p, path) or self._sources[n] == str(path))
        return tuple(p for p in self.plates.values() if p.path == str(path))

    def add(self, found: Sequence[Found]) -> tuple[Plate, ...]:
        """Add plates that were found to the project, those that it does not have. Raises ProjectError."""
        added = tuple(plate for one in found for plate in self._add(one))
        self.events.plates.emit()
        return added

    def all_plates(self) -> tuple[Plate, ...]:
        """Return every plate of the project. Raises PlateError if there is none, with the reason."""
        if not self.plates and self.problems:
            raise PlateError(" ".join(self.problems), "Open one: phenotyper segment PLATE --project DIR.")
        return super().all_plates()

    def update(self, plate: Plate) -> None:
        """Put a changed plate in place of the one of the same name."""
        self.plates[plate.name] = plate
        self.events.plates.emit()

    def close(self) -> None:
        """Stop the jobs and close the project."""
        self.runner.close()
        self.project.close()

    def _add(self, found: Found) -> list[Plate]:
        """Remember plates; those of a path that was opened before, with another pattern, are replaced."""
        entries = tuple(e for e in self.project.settings.plates if Path(e.path) != found.path)
        for entry in self.project.settings.plates:
            if entry not in entries:
                self.plates.pop(entry.name, None)
        known = [plate for p in found.plates if (plate := self._same(p)) is not None]
        plates = unique_names([p for p in found.plates if self._same(p) is None], frozenset(self.plates))
        added = tuple(PlateEntry(p.name, str(found.path), found.reader, dict(found.settings)) for p in plates)
        if not self.project.read_only:
            self.project.replace_settings(replace(self.project.settings, plates=(*entries, *added)))
        return [*known, *self._take(plates, found.path)]

    def _same(self, plate: Plate) -> Plate | None:
        """Return the plate that is open already, under whichever name, or None: the same place and first field."""
        here = (p for p in self.plates.values() if p.path == plate.path)
        return next((p for p in here if _first(p) == _first(plate)), None)

    def _reopen(self) -> None:
        """Read the plates of the project again, each path once."""
        paths: dict[str, list[PlateEntry]] = {}
        for entry in self.project.settings.plates:
            paths.setdefault(entry.path, []).append(entry)
        for path, entries in paths.items():
            try:
                found = read_again(Path(path), entries[0].reader, entries[0].settings, self.registry)
            except (PhenotyperError, OSError) as error:
                self.problems.append(str(error))
                continue
            new = [plate for plate in found if self._same(plate) is None]
            self._take(unique_names(_as_before(new, entries), frozenset(self.plates)), Path(path))

    def _take(self, plates: Sequence[Plate], source: Path) -> list[Plate]:
        """Apply roles and layout that the user gave before."""
        settings, taken = self.project.settings, []
        for plate in plates:
            changed = replace(plate, format=int(self.setting("formats").get(plate.name, 0)))
            if plate.name in settings.roles:  # all that the user left: what a name tells counts no more
                changed = replace(changed, channels=tuple(replace(c, role="") for c in changed.channels))
            try:
                changed = changed.with_roles(settings.roles.get(plate.name, {}))
            except PhenotyperError as error:
                self.problems.append(f"Plate {plate.name}: {error}")
            if plate.name in settings.layouts:
                changed = replace(changed, layout=settings.layouts[plate.name])
            self.plates[plate.name], self._sources[plate.name] = changed, str(source)
            taken.append(changed)
        return taken


def _lies(plate: Plate, path: Path) -> bool:
    return path == Path(plate.path) or path in Path(plate.path).parents


def _first(plate: Plate) -> str:
    """Return the fingerprint of a plate's first field; two plates in one folder differ in it."""
    field = next(plate.fields(), None)
    return field.source.fingerprint() if field is not None else ""


def _as_before(found: Sequence[Plate], entries: Sequence[PlateEntry]) -> list[Plate]:
    """Return plates under the names that the project knows them by: "P1 (2)" if another P1 came first."""
    known = {p.name: next((e.name for e in entries if own_name(e.name, p.name)), p.name) for p in found}
    return [p if known[p.name] == p.name else p.named(known[p.name]) for p in found]


def needs_writing(session: Session) -> None:
    """Raise ProjectLockedError or ProjectError if the project is open read-only."""
    if session.project.locked_by:
        raise ProjectLockedError(
            session.project.locked_by, "Close it there, or work in another project: --project DIR."
        )
    if session.project.read_only:
        raise ProjectError(f"The project {session.folder} is open for reading only.", "Work in another: --project DIR.")
