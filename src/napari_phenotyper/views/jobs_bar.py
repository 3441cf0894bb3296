"""What runs, what went wrong and what was done last: a bar that is one quiet line high most of the time."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from time import monotonic

from qtpy.QtCore import Qt, QTimer, Signal
from qtpy.QtWidgets import (
    QApplication,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QScrollArea,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)
from superqt import QElidingLabel

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.engine.engine import Job

MOST_LINES = 3
"""Jobs that have a line of their own; the others are counted."""
MOST_PROBLEMS = 20


@dataclass(frozen=True)
class Problem:
    """What went wrong, what to do about it, and how often it came."""

    what: str
    remedy: str = ""
    times: int = 1


class JobsBar(QWidget):
    """Running jobs with progress, the last message, and the last problems.

    Parameters
    ----------
    patience
        Milliseconds that a job may take before it gets a line: a training after every click must not make the window
        twitch.
    """

    cancel_asked = Signal(object)
    """The `Job` that a person does not want any more."""

    def __init__(self, patience: int = 400) -> None:
        super().__init__()
        self._patience = patience / 1000
        self._since: dict[Job, float] = {}
        self._lines: dict[Job, _JobLine] = {}
        self._unfolded = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._show_jobs)
        self._message = _elided()
        self._jobs, self._more, self._problems = QVBoxLayout(), _flat_button(), ProblemList()
        self._more.clicked.connect(self._unfold)
        self._more.hide()
        self._jobs.setSpacing(3)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(3)
        column.addLayout(self._jobs)
        for part in (self._more, self._problems, self._message):
            column.addWidget(part)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)

    def show_job(self, job: Job) -> None:
        """Show how a job stands: call it at every change. One that failed leaves its error among the problems."""
        if job.over:
            self._since.pop(job, None)
            if job.state == "failed":
                self.show_problem(*_words(job))
        else:
            self._since.setdefault(job, monotonic())
        self._show_jobs()

    def show_problem(self, what: str, remedy: str = "") -> None:
        """Add a problem; an equal one is counted."""
        self._problems.add(what, remedy)

    def show_message(self, text: str) -> None:
        """Say something quietly, in place of what was said before."""
        _say(self._message, text)

    def problems(self) -> tuple[Problem, ...]:
        """Return the problems that were not dismissed, the oldest first."""
        return self._problems.problems

    def _show_jobs(self) -> None:
        now = monotonic()
        known = [job for job, since in self._since.items() if now - since >= self._patience]
        known.sort(key=lambda job: job.state != "running")
        shown = known if self._unfolded else known[:MOST_LINES]
        for job in [job for job in self._lines if job not in shown]:
            line = self._lines.pop(job)
            line.hide()  # at once: until Qt deletes it, it would still take room
            self._jobs.removeWidget(line)
            line.deleteLater()
        for place, job in enumerate(shown):
            if job not in self._lines:
                self._lines[job] = _JobLine(lambda job=job: self.cancel_asked.emit(job))
            if self._jobs.indexOf(self._lines[job]) != place:
                self._jobs.insertWidget(place, self._lines[job])
            self._lines[job].show_job(job)
        self._show_more(known[MOST_LINES:])
        if len(known) < len(self._since):
            youngest = min(s for s in self._since.values() if now - s < self._patience)
            self._timer.start(int(1000 * (youngest + self._patience - now)) + 1)

    def _show_more(self, others: list[Job]) -> None:
        self._unfolded = self._unfolded and bool(others)
        self._more.setVisible(bool(others))
        self._more.setArrowType(Qt.ArrowType.UpArrow if self._unfolded else Qt.ArrowType.DownArrow)
        waiting = " waiting" if all(job.state == "waiting" for job in others) else ""
        self._more.setText("Show fewer" if self._unfolded else f"and {len(others)} more{waiting}")

    def _unfold(self) -> None:
        self._unfolded = not self._unfolded
        self._show_jobs()


class _JobLine(QWidget):
    """A job: its title and a button to cancel it; while it runs, its progress and what it says."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        super().__init__()
        self._title, self._bar, self._message = _elided(), QProgressBar(), _elided()
        self._cancel = _button("Cancel", cancel)
        above = QHBoxLayout()
        above.addWidget(self._title, 1)
        above.addWidget(self._cancel)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        column.addLayout(above)
        column.addWidget(self._bar)
        column.addWidget(self._message)

    def show_job(self, job: Job) -> None:
        is_running = job.state == "running"
        _say(self._title, job.title if is_running else f"{job.title} · waiting")
        self._cancel.setToolTip(f"Cancel: {job.title}")
        # no fraction known: a bar that only says that something happens
        self._bar.setRange(0, 1000 if job.fraction > 0 else 0)
        self._bar.setValue(round(1000 * job.fraction))
        self._bar.setVisible(is_running)
        _say(self._message, job.message)
        self._message.setVisible(is_running and bool(job.message))


class ProblemList(QWidget):
    """One line that tells of the last problem and opens the list of all."""

    def __init__(self) -> None:
        super().__init__()
        self.problems: tuple[Problem, ...] = ()
        self._line, self._last, self._entries = _flat_button(), _elided(), QVBoxLayout()
        self._line.setCheckable(True)
        self._line.toggled.connect(lambda _: self._show())
        inside = QWidget()
        inside.setLayout(self._entries)
        self._entries.setContentsMargins(4, 0, 0, 0)
        self._scroll = QScrollArea()
        self._scroll.setWidgetResizable(True)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFixedHeight(190)
        self._scroll.setWidget(inside)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(1)
        line = QHBoxLayout()
        line.addWidget(self._line)
        line.addWidget(self._last, 1)
        column.addLayout(line)
        column.addWidget(self._scroll)
        self._show()

    def add(self, what: str, remedy: str) -> None:
        """Add a problem, or count it once more; the newest is last."""
        same = next((p for p in self.problems if (p.what, p.remedy) == (what, remedy)), Problem(what, remedy, 0))
        others = tuple(p for p in self.problems if p is not same)
        self.problems = (*others, replace(same, times=same.times + 1))[-MOST_PROBLEMS:]
        self._show()

    def dismiss(self, gone: tuple[Problem, ...]) -> None:
        """Take some problems off the list."""
        self.problems = tuple(p for p in self.problems if p not in gone)
        self._show()

    def _show(self) -> None:
        is_open = self._line.isChecked() and bool(self.problems)
        self.setVisible(bool(self.problems))
        self._scroll.setVisible(is_open)
        self._line.setArrowType(Qt.ArrowType.UpArrow if is_open else Qt.ArrowType.DownArrow)
        if self.problems:
            self._line.setText("⚠ 1 problem:" if len(self.problems) == 1 else f"⚠ {len(self.problems)} problems:")
            _say(self._last, _counted(self.problems[-1]))
        else:
            self._line.setChecked(False)
        self._fill(self.problems if is_open else ())

    def _fill(self, problems: tuple[Problem, ...]) -> None:
        while self._entries.count():
            item = self._entries.takeAt(0)
            if item.widget() is not None:
                item.widget().hide()
                item.widget().deleteLater()
        if len(problems) > 1:
            self._entries.addWidget(_button("Dismiss all", lambda: self.dismiss(problems)))
        for problem in reversed(problems):
            self._entries.addWidget(self._entry(problem))
        self._entries.addStretch(1)

    def _entry(self, problem: Problem) -> QWidget:
        entry = QWidget()
        column, buttons = QVBoxLayout(entry), QHBoxLayout()
        buttons.setSpacing(4)
        column.setContentsMargins(0, 0, 0, 6)
        column.setSpacing(1)
        column.addWidget(_paragraph(_counted(problem)))
        if problem.remedy:
            column.addWidget(_paragraph(f"→ {problem.remedy}"))
        text = f"{problem.what}\n{problem.remedy}".strip()
        buttons.addWidget(_button("Copy", lambda: QApplication.clipboard().setText(text)))
        buttons.addWidget(_button("Dismiss", lambda: self.dismiss((problem,))))
        buttons.addStretch(1)
        column.addLayout(buttons)
        return entry


def _words(job: Job) -> tuple[str, str]:
    """Return what went wrong in a job, and the remedy where the error knows one."""
    error = job.error
    if isinstance(error, PhenotyperError):
        return f"{job.title}: {error.what}", error.remedy
    return f"{job.title}: {type(error).__name__}: {error}", ""


def _counted(problem: Problem) -> str:
    return problem.what if problem.times == 1 else f"{problem.what} (× {problem.times})"


def _elided() -> QElidingLabel:
    """Return a label that gives way: however long its text, it never widens the dock."""
    label = QElidingLabel()
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
    return label


def _say(label: QElidingLabel, text: str) -> None:
    """Show the first line of a text, and all of it in the tooltip."""
    label.setText(text.partition("\n")[0])
    label.setToolTip(text)


def _paragraph(text: str) -> QLabel:
    # a long file name offers Qt no place to break, so that its end would be cut: give it invisible ones
    label = QLabel(re.sub(r"(\S{24})(?=\S)", "\\1\u200b", text))
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setWordWrap(True)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    return label


def _flat_button() -> QToolButton:
    button = QToolButton()
    button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
    button.setAutoRaise(True)
    return button


def _button(text: str, act: Callable[[], None]) -> QPushButton:
    button = QPushButton(text)
    button.clicked.connect(lambda: act())  # without "checked", which Qt hands to whatever takes an argument
    return button
