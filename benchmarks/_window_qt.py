"""Clocks for a window: they see what vispy and Qt have drawn, and when Qt does not answer. The program is not imported.

A time ends when vispy has drawn the canvas after the change and OpenGL says that it is done. Until the frame is on the
screen Qt puts the whole window together, which without a graphics card takes as long again: that is told beside it.
"""

from __future__ import annotations

import faulthandler
import gc
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from qtpy.QtCore import QEvent, QEventLoop, QObject, Qt, QTimer
from qtpy.QtWidgets import QWidget

TICK, LATE, LONG = 0.010, 0.060, 0.100
IDLE = re.compile(r"in (wait|_worker|select|_next|_write|_keep|_run_once|_poll|poll)$")
PATIENCE = 120.0


def wait(until: Callable[[], bool], what: str, patience: float = PATIENCE) -> None:
    """Let Qt work until something holds."""
    loop, timer, end = QEventLoop(), QTimer(), time.perf_counter() + patience

    def look() -> None:
        if until() or time.perf_counter() > end:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    if not until():
        loop.exec_() if hasattr(loop, "exec_") else loop.exec()
    timer.stop()
    if not until():
        raise SystemExit(f"{what} did not come in {patience:.0f} s")


def rest(seconds: float) -> None:
    """Let Qt work for a while."""
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() >= end, "the end of a rest", seconds + PATIENCE)


class Frames:
    """Tells when the canvas of a viewer has been drawn after `expect`.

    Attributes
    ----------
    at
        When the canvas was drawn, 0 before.
    shown
        When Qt had put the window with it together, 0 before.
    """

    def __init__(self, viewer: Any) -> None:
        canvas = viewer.window._qt_viewer.canvas
        self.at = self.shown = 0.0
        canvas._scene_canvas.events.draw.connect(self._on_draw, position="last")
        canvas.native.frameSwapped.connect(self._on_swap)

    def expect(self) -> None:
        """Forget what was drawn before."""
        self.at = self.shown = 0.0

    def seen(self) -> bool:
        """Tell whether a frame was drawn and shown since."""
        return self.shown > 0

    def _on_draw(self, event: Any) -> None:
        if not self.at:
            event.source.context.finish()
            self.at = time.perf_counter()

    def _on_swap(self) -> None:
        if self.at and not self.shown:
            self.shown = time.perf_counter()


def until_drawn(frames: Frames, act: Callable[[], object]) -> tuple[float, float]:
    """Return the seconds from before something is done at once until it is drawn, and until it is shown."""
    start = time.perf_counter()
    act()
    frames.expect()
    wait(frames.seen, "a frame")
    return frames.at - start, frames.shown - start


class Painted(QObject):
    """Tells when a widget has been painted after `expect`."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__()
        self.at = 0.0
        self._begun = False
        widget.installEventFilter(self)

    def expect(self) -> None:
        """Forget what was painted before."""
        self._begun, self.at = False, 0.0

    def seen(self) -> bool:
        """Tell whether it was painted since; `at` then says when."""
        return self.at > 0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802  (Qt's name)
        """Note the time when Qt comes back from painting."""
        if event.type() == QEvent.Type.Paint and not self._begun:
            self._begun = True
            QTimer.singleShot(0, self._note)
        return False

    def _note(self) -> None:
        if self._begun:
            self.at = time.perf_counter()


class Stalls:
    """The longest time for which Qt did not come to a timer that is due every 10 ms.

    Parameters
    ----------
    stacks
        Whether to note what busy threads do whenever it is late; faulthandler sees it without Python's lock, which
        can also crash.

    Attributes
    ----------
    longest
        In seconds, over the 10 ms.
    over
        How many were longer than 100 ms.
    stack
        What was done in the longest.
    """

    def __init__(self, stacks: bool = False) -> None:
        self.longest, self.over, self.stack = 0.0, 0, ""
        self._last = time.perf_counter()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)
        self._file = tempfile.TemporaryFile("w+") if stacks else None  # noqa: SIM115  (closed at the exit)

    def __enter__(self) -> Stalls:
        """Begin to tick."""
        gc.collect()
        self._last = time.perf_counter()
        self._timer.start(round(TICK * 1000))
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._timer.stop()
        self._tick()
        if self._file is not None:
            faulthandler.cancel_dump_traceback_later()
            self._file.close()

    def _tick(self) -> None:
        late = time.perf_counter() - self._last - TICK
        if self._file is not None:
            self._look(late)
        self.over += late > LONG
        self.longest, self._last = max(self.longest, late), time.perf_counter()

    def _look(self, late: float) -> None:
        self._file.seek(0)
        dumped = self._file.read()
        if late > self.longest and dumped:
            self.stack = _busiest(dumped)
        self._file.seek(0)
        self._file.truncate()
        faulthandler.dump_traceback_later(LATE, repeat=True, file=self._file)


def _busiest(dumped: str) -> str:
    """Return what threads did at most samples, the innermost call first, without those that only wait."""
    found: Counter[str] = Counter()
    for thread in re.split(r"^(?:Timeout .*|Thread .*|Current thread .*)$", dumped, flags=re.MULTILINE):
        calls = thread.split("\n")
        if len(calls) > 2 and not IDLE.search(next(filter(None, calls))):
            found["\n".join(call for call in calls if call)] += 1
    return "\n".join(f"at {count} samples:\n{stack}" for stack, count in found.most_common(4))
