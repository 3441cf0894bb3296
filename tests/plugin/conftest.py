"""Real windows, driven by hand; every test ends with the proof that closing a window leaves nothing running."""

from __future__ import annotations

import multiprocessing
import threading

import numpy as np
import pytest

from napari_phenotyper.plugin import dock_of
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.views.tour import Tour

OURS = ("phenotyper", "journal writer", "project lock")


def left_running():
    """Our threads and processes that are alive."""
    threads = [thread for thread in threading.enumerate() if thread.name.startswith(OURS)]
    return threads + multiprocessing.active_children()


@pytest.fixture
def window(make_napari_viewer):
    """Opens windows; afterwards each is closed, and nothing of ours may be left."""
    tours = []

    def open_window(plate=None):
        viewer = make_napari_viewer(show=True)
        tour = Tour(viewer, dock_of(viewer))
        tours.append(tour)
        if plate is not None:
            tour.open(plate)
        return tour

    yield open_window
    for tour in tours:
        if hasattr(tour.viewer.window, "_qt_window"):
            tour.viewer.close()
    if tours:
        tours[0].hand.until(lambda: not left_running(), 20)
    tours.clear()  # pytest keeps this function for a while, and napari counts the viewers that are left


@pytest.fixture
def bare(copy):
    """A plate that is segmented and measured, and nobody has annotated."""
    for path in project_folder(copy).glob("*.sqlite*"):
        path.unlink()
    return copy


def points(tour, known=None):
    """A point in each cell of the open field, in order of their ids; only those of a class if one is named."""
    labels = tour.desk.viewing.open.masks.labels["nuclei"]
    look = tour.desk.marking.look()
    number = None if known is None else [p.name for p in look.phenotypes].index(known)
    found = []
    for cell in np.unique(labels)[1:]:
        if number is None or look.annotated[cell] == number:
            rows, columns = np.nonzero(labels == cell)
            found.append((float(np.median(rows)), float(np.median(columns))))
    return found


def given(tour, name):
    """How many annotations of a class stand."""
    return sum(a.phenotype == name for a in tour.desk.session.annotations.active.values())


def told(tour):
    """What the window said went wrong, in words."""
    return [f"{problem.what} {problem.remedy}" for problem in tour.place.jobs.problems()]


def journal(plate):
    """The annotations on disk, by somebody who may write: the lock must be free."""
    with opened(project_folder(plate), create=False, read_only=False) as session:
        return [a.phenotype for a in session.annotations.active.values()]
