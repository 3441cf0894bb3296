"""The dock in napari: opens plates, and shows the desk of the one that is open."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from qtpy.QtCore import QEvent, QObject, QTimer
from qtpy.QtGui import QDragEnterEvent, QDropEvent
from qtpy.QtWidgets import QApplication, QLabel, QSizePolicy, QVBoxLayout, QWidget

from napari_phenotyper.core.errors import PhenotyperError, PlateError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.desk.opening import desk_of, look_for_plates, open_session
from napari_phenotyper.engine.engine import Engine, Job
from napari_phenotyper.engine.runner import Threads
from napari_phenotyper.session.opened import project_folder
from napari_phenotyper.session.opening import Found, whole_path
from napari_phenotyper.session.sample import cached_sample
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.user_files import Recent, RecentProjects
from napari_phenotyper.views.jobs_bar import JobsBar
from napari_phenotyper.views.layers import before_removing
from napari_phenotyper.views.plate_tab import OpenButtons
from napari_phenotyper.views.preferences import user_preferences
from napari_phenotyper.views.qt_thread import GuiThread
from napari_phenotyper.views.recent_list import RecentList
from napari_phenotyper.views.small_screens import make_room
from napari_phenotyper.views.workplace import Workplace

WELCOME = (
    "<h3>From a plate to its hits</h3>"
    "<p>Open a folder of images, an OME-Zarr plate or a project. You can also drop it here.</p>"
    "<p>Then: <b>segment</b> the nuclei, <b>click</b> a few cells of each class, and every cell of the plate wears its "
    "prediction.</p>"
)


class PhenotyperDock(QWidget):
    """The window of the program inside napari's.

    Parameters
    ----------
    napari_viewer
        napari's viewer; napari gives it to an argument of this name.
    """

    def __init__(self, napari_viewer: Any) -> None:
        super().__init__()
        # napari hands out a proxy whose layers are proxies, too, which are not found in its list of layers
        self._viewer = getattr(napari_viewer, "__wrapped__", napari_viewer)
        self.thread_ = GuiThread(self)
        self.workplace: Workplace | None = None
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self.welcome, self.opening, self.problems = QWidget(), OpenButtons(), JobsBar()
        self.recent, self._projects = RecentList(), RecentProjects()
        self._opener = Engine(Threads(2), self.thread_.post)
        self._unclaimed: list[Session] = []
        self._lay_out()
        self.setAcceptDrops(True)
        # napari adds an empty stretch below a widget that does not want the height itself
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self._keeper = _Keeper(self)
        before_removing(self._viewer, self._take_canvas)
        QApplication.instance().aboutToQuit.connect(self.close_desk)

    @property
    def desk(self) -> Desk | None:
        """The desk that is worked at, None before a plate is open."""
        return self.workplace.desk if self.workplace is not None else None

    def open(self, path: Path, pattern: str = "", project: Path | None = None) -> None:
        """Open a plate, a folder of plates or a project soon: a disk may be slow.

        Problems are shown, and what was open before then stays open.
        """
        folder = whole_path(project or project_folder(path))
        if self._works_in(folder):
            self._open_here(path, pattern)
        else:
            self._open_anew(path, pattern, folder)

    def open_sample(self) -> None:
        """Make the sample plate if need be, and open it."""
        self._start("Making the sample plate", self.open, cached_sample)

    def show_tab(self, number: int) -> None:
        """Show a tab of the way, as `hints` numbers them."""
        if self.workplace is not None:
            self.workplace.tabs.setCurrentIndex(number)

    def close_desk(self) -> None:
        """Stop all work and close the project; may be called twice."""
        self._opener.close()
        self._let_unclaimed_go()
        workplace, self.workplace = self.workplace, None
        if workplace is not None:
            workplace.close_desk()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802  (Qt's name)
        """Take folders and files."""
        if event.mimeData().hasUrls():
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802  (Qt's name)
        """Open what was dropped."""
        urls = [url.toLocalFile() for url in event.mimeData().urls() if url.isLocalFile()]
        if urls:
            self.open(Path(urls[0]))

    def _lay_out(self) -> None:
        text = QLabel(WELCOME)
        text.setWordWrap(True)
        column = QVBoxLayout(self.welcome)
        column.addWidget(text)
        column.addWidget(self.opening)
        column.addWidget(self.recent, 1)
        column.addStretch(0)
        column.addWidget(self.problems)
        self.recent.asked.connect(self.open)
        self.recent.forget_asked.connect(self._forget_project)
        self._list_recent()
        self._column.addWidget(self.welcome)
        self.opening.asked.connect(self.open)
        self.problems.cancel_asked.connect(self._opener.cancel)
        self.opening.sample_asked.connect(self.open_sample)

    def _list_recent(self, add: Session | None = None, drop: Path | None = None) -> None:
        """List the projects that were open last, after one was added or dropped: in a thread, for disks may be slow."""
        added = (add.folder, tuple(add.plates)) if add is not None else None
        self._opener.submit("recent", "queue", _recent, self._projects, added, drop, on_result=self._show_recent)

    def _forget_project(self, project: Path) -> None:
        self._list_recent(drop=project)

    def _show_recent(self, found: tuple[Recent, ...]) -> None:
        for box in (self.recent, *([self.workplace.opening.recent] if self.workplace is not None else [])):
            box.show_projects(found)

    def _take_canvas(self, _: object = None) -> None:
        """Make the canvas's OpenGL context the current one.

        When a layer goes, napari deletes its textures and programs at once, in whichever context is current: outside of
        painting that is the one of Qt's window. What is drawn next then crashes (Mesa 22, napari 0.9).
        """
        for widget in self.window().findChildren(QWidget):
            if widget.inherits("QOpenGLWidget"):  # which Qt 5 and Qt 6 keep in different modules
                widget.makeCurrent()

    def _works_in(self, folder: Path) -> bool:
        """Tell whether a project is open here to write; a second desk would find it locked by the first."""
        session = self.desk.session if self.desk is not None else None
        return session is not None and whole_path(session.folder) == folder and not session.project.read_only

    def _start(self, title: str, on_result: Callable[[Any], None], fn: Callable[..., Any], *args: object) -> None:
        """Run what opens something in a thread; the newest wish wins."""
        self._opener.submit(
            "open", "replace", fn, *args, title=title, on_result=on_result, on_change=self._opening_changed
        )

    def _opening_changed(self, job: Job) -> None:
        self._bar.show_job(job)
        if isinstance(job.error, PlateError):
            (self.workplace.opening if self.workplace is not None else self.opening).ask_pattern()

    @property
    def _bar(self) -> JobsBar:
        return self.workplace.jobs if self.workplace is not None else self.problems

    def _open_here(self, path: Path, pattern: str) -> None:
        """Open a plate in the project that is open."""
        desk = self.desk
        assert desk is not None
        try:
            known = () if pattern else desk.session.known(path)
        except PhenotyperError as error:
            desk.background.fail(error)
            return
        if known:
            desk.viewing.show_plate(known[0].name)
        else:
            self._start(f"Opening {path.name}", self._add, look_for_plates, path, pattern, desk.session.registry)

    def _add_asked(self, path: Path, pattern: str) -> None:
        if self.desk is not None:
            self.open(path, pattern, self.desk.session.folder)

    def _add(self, found: list[Found]) -> None:
        """Take plates into the project that is open."""
        if self.desk is not None:
            try:
                self.desk.add(found)
            except PhenotyperError as error:
                self.desk.background.fail(error)

    def _open_anew(self, path: Path, pattern: str, folder: Path) -> None:
        """Open a project that has a plate, in place of the one before."""
        wishes = user_preferences()

        def work(progress: Progress) -> tuple[Session, tuple[Plate, ...]]:
            made = open_session(folder, path, pattern, wishes, progress)
            self._unclaimed.append(made[0])
            return made

        self._start(f"Opening {path.name}", self._opened, work)

    def _opened(self, made: tuple[Session, tuple[Plate, ...]]) -> None:
        """Put what was opened in place of what was there."""
        session, plates = made
        self._unclaimed.remove(session)
        self._let_unclaimed_go()
        desk = desk_of(session, self.thread_.post, self.thread_.later, user_preferences())
        self._change_to(desk)
        desk.opened(plates)
        self._list_recent(session)

    def _let_unclaimed_go(self) -> None:
        """Close projects that were opened while somebody changed his mind."""
        while self._unclaimed:
            self._unclaimed.pop().close()

    def _change_to(self, desk: Desk) -> None:
        """Put a desk in place of the one before."""
        before, self.workplace = self.workplace, None
        if before is not None:
            before.close_desk()
            self._column.removeWidget(before)
            before.hide()
            before.deleteLater()
        self.workplace = Workplace(self._viewer, desk)
        self.welcome.hide()
        self._column.addWidget(self.workplace)
        hidden = make_room(self.window(), self.screen().availableGeometry().width())
        if hidden:
            desk.background.tell(hidden)
        self.workplace.open_asked.connect(self.open)
        self.workplace.opening.recent.asked.connect(self.open)
        self.workplace.sample_asked.connect(self.open_sample)
        self.workplace.opening.adding_asked.connect(self._add_asked)
        self.workplace.jobs.cancel_asked.connect(self._opener.cancel)


class _Keeper(QObject):
    """Closes the desk when napari's window has closed or let the dock go: work does not outlive what shows it."""

    def __init__(self, dock: PhenotyperDock) -> None:
        super().__init__(dock)
        self._dock = dock
        self._window: QWidget | None = None
        dock.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Watch the window that the dock gets, and its end."""
        if watched is self._dock and event.type() == QEvent.Type.ParentChange and self._dock.parent() is None:
            QTimer.singleShot(0, self._let_go)
        elif watched is self._dock and event.type() in (QEvent.Type.Show, QEvent.Type.ParentChange):
            window = self._dock.window()
            if window is not self._window and window is not self._dock:
                self._window = window
                window.installEventFilter(self)
        elif watched is self._window and event.type() == QEvent.Type.Close:
            QTimer.singleShot(0, self._perhaps)
        elif watched is self._dock and event.type() == QEvent.Type.DeferredDelete:
            self._dock.close_desk()
        return False

    def _let_go(self) -> None:
        """End a dock that napari's cross has closed: napari drops it and makes a new one the next time."""
        if self._dock.parent() is None:
            self._dock.close_desk()
            self._dock.deleteLater()

    def _perhaps(self) -> None:
        """Close the desk unless somebody refused to let the window close."""
        if self._window is not None and not self._window.isVisible():
            self._dock.close_desk()


def _recent(
    projects: RecentProjects, add: tuple[Path, tuple[str, ...]] | None, drop: Path | None, progress: Progress
) -> tuple[Recent, ...]:
    progress(0.0, "Looking for projects")
    if add is not None:
        projects.add(*add)
    if drop is not None:
        projects.drop(drop)
    return projects.entries()
