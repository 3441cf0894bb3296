"""How results get onto the GUI's thread, and how a call is delayed there."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QObject, Qt, QTimer, Signal


class GuiThread(QObject):
    """Calls functions on the thread that made it.

    Parameters
    ----------
    parent
        The widget that it serves; timers end with it.
    """

    _posted = Signal(object)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._posted.connect(self._call, Qt.ConnectionType.QueuedConnection)

    def post(self, what: Callable[[], None]) -> None:
        """Call a function soon; asked for from any thread."""
        self._posted.emit(what)

    def later(self, seconds: float, what: Callable[[], None]) -> Callable[[], None]:
        """Call a function after some seconds; return what takes the wish back."""
        timer = QTimer(self)
        timer.setSingleShot(True)

        def call() -> None:
            timer.deleteLater()
            what()

        timer.timeout.connect(call)
        timer.start(round(seconds * 1000))

        def take_back() -> None:
            if _is_alive(timer):
                timer.stop()
                timer.deleteLater()  # it would hold what it was to call for as long as the window is open

        return take_back

    def _call(self, what: Callable[[], None]) -> None:
        what()


class Soon(QObject):
    """Calls a function soon after it was asked for, once however often: what many signals make a widget draw.

    Parameters
    ----------
    parent
        The widget that draws.
    what
        The function.
    milliseconds
        How long to gather wishes.
    """

    def __init__(self, parent: QObject, what: Callable[[], None], milliseconds: int = 60) -> None:
        super().__init__(parent)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(milliseconds)
        self._timer.timeout.connect(what)

    def ask(self, *_: object) -> None:
        """Ask for the call; what a signal carries is not needed."""
        if not self._timer.isActive():
            self._timer.start()


def _is_alive(timer: QTimer) -> bool:
    try:
        return timer.isActive()
    except RuntimeError:  # Qt has deleted it
        return False
