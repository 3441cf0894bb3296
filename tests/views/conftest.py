"""Desks on small plates whose thread is Qt's, and a viewer that needs no window."""

from __future__ import annotations

from contextlib import ExitStack

import pytest
from napari.components import ViewerModel
from qtpy.QtCore import QObject
from tests.plates import write_plate

from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.engine.runner import Threads
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.qt_thread import GuiThread


@pytest.fixture
def until(qtbot):
    """Lets Qt work until something holds."""
    return lambda what: qtbot.waitUntil(lambda: bool(what()), timeout=60_000)


@pytest.fixture
def desk_on(until):
    """Opens a desk on plates, the first one's project for all; whatever runs behind it are threads."""
    with ExitStack() as stack:
        owner = QObject()  # Qt's part of its children goes with it

        def open_desk(*plates, read_only=None, live=True):
            folder = project_folder(plates[0])
            session = stack.enter_context(opened(folder, Threads(1), read_only=read_only))
            for plate in plates:
                session.open(plate)
            thread = GuiThread(owner)
            background = Background(Threads(2), Threads(4), Threads(1), thread.post)
            desk = Desk(session, background, thread.later)
            desk.live.on = live
            stack.callback(desk.close)
            desk.start()
            until(lambda: desk.viewing.open is not None and len(desk.surveys) == len(session.plates))
            return desk

        yield open_desk


@pytest.fixture
def desk(desk_on, copy):
    """A desk on a plate that is segmented, measured, laid out and annotated; it does not learn before it is told."""
    return desk_on(copy, live=False)


@pytest.fixture
def fresh(desk_on, plate):
    """A desk on a plate that nothing was done to."""
    return desk_on(plate)


@pytest.fixture
def two(desk_on, copy, tmp_path):
    """A desk on that plate and on P2, of one well, that nothing was done to."""
    second = write_plate(tmp_path / "P2", wells=("D05",), fields=1, seed=1)
    for path in list(second.glob("*.tif")):
        path.rename(second / path.name.replace("P1", "P2"))
    return desk_on(copy, second, live=False)


@pytest.fixture
def cell_at():
    """Finds a point in a cell of the open field."""

    def find(desk, number=0):
        masks = desk.viewing.open.masks
        labels = masks.labels["nuclei"]
        cell = int(masks.ids()[number])
        rows, columns = (labels == cell).nonzero()
        return float(rows[len(rows) // 2]), float(columns[len(columns) // 2])

    return find


@pytest.fixture
def two_channels(plate):
    """The plate with a second channel, the same pixels once more."""
    for path in list(plate.glob("*_w1.tif")):
        path.with_name(path.name.replace("_w1", "_w2")).write_bytes(path.read_bytes())
    return plate


@pytest.fixture
def shown(qtbot):
    """Shows a widget as wide as a dock."""

    def show(widget, height=600):
        qtbot.addWidget(widget)
        widget.resize(340, height)
        widget.show()
        return widget

    return show


@pytest.fixture
def view_of():
    """Shows the open field of a desk in a viewer without a window."""
    views = []

    def make(desk):
        views.append(FieldView(ViewerModel(), desk))
        return views[-1]

    yield make
    for view in views:
        view.close()
