"""Opening a project and its plates off the thread of the window: a slow disk must not stop it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.live import Later
from napari_phenotyper.engine.engine import Post
from napari_phenotyper.engine.runner import Threads
from napari_phenotyper.engine.worker import Workers
from napari_phenotyper.session.opening import Found, find_plates
from napari_phenotyper.session.preferences import Preferences
from napari_phenotyper.session.session import Session
from napari_phenotyper.store.project import Project


def look_for_plates(path: Path, pattern: str, registry: Registry, progress: Progress) -> list[Found]:
    """Return the plates at a path. Raises PlateError, Cancelled."""
    progress(0.0, f"Looking for plates in {path}")
    try:
        found = find_plates(path, registry, pattern)
    except OSError as error:
        raise _unreadable(path, error) from error
    progress(1.0, f"Found {sum(len(one.plates) for one in found)}")
    return found


def open_session(
    folder: Path, path: Path, pattern: str, wishes: Preferences, progress: Progress
) -> tuple[Session, tuple[Plate, ...]]:
    """Open a project, to write if nobody else does, and its plates at a path.

    Raises PlateError, ProjectError, Cancelled; then nothing is left open.
    """
    # looked for first, so that a folder opened by mistake gets no project beside it
    registry, found = Registry(), None
    if not folder.exists():
        found = look_for_plates(path, pattern, registry, progress)
    progress(0.5, f"Opening {folder.name}")
    with ExitStack() as stack:
        try:
            session = Session(Project.open(folder), registry, Workers(wishes.worker_count))
            stack.callback(session.close)
            plates = session.open(path, pattern, found)
            session.project.view.read()  # so that the window's thread need not
        except OSError as error:
            raise _unreadable(path, error) from error
        progress(1.0, f"{len(plates)} plates")
        stack.pop_all()
    return session, plates


def desk_of(session: Session, post: Post, later: Later, wishes: Preferences) -> Desk:
    """Return a desk for a session as a user wishes it, with threads for what it reads and a process that learns."""
    background = Background(Threads(2), Threads(4), Workers(1, wishes.thread_count), post)
    desk = Desk(session, background, later)
    desk.marking.who = wishes.annotator or desk.marking.who
    desk.live.pause_before = wishes.pause
    if desk.back.state.live is None:
        desk.live.on = wishes.learn_live
    return desk


def _unreadable(path: Path, error: OSError) -> PlateError:
    return PlateError(f"{path} cannot be read: {error}.", "Check its rights, and that its disk is there.")
