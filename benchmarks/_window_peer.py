"""The way of most plugins, side by side: napari's own colour per cell, and scikit-learn on the GUI's thread."""

from __future__ import annotations

import time
import warnings
from typing import Any

import napari
import numpy as np
from _window_gui import SIZE
from _window_qt import Frames, rest, until_drawn
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari_phenotyper.core.cells import stack
from napari_phenotyper.desk.desk import Desk
from napari_phenotyper.session.gathering import training_set
from napari_phenotyper.session.measuring import cells_of

COLOURS = np.array([[0.0, 0.45, 0.7, 1], [0.9, 0.62, 0, 1], [0, 0.62, 0.45, 1], [0.8, 0.47, 0.65, 1]], np.float32)


class DirectColours:
    """A Labels layer with a DirectLabelColormap of one entry per cell id.

    Parameters
    ----------
    image, labels
        (y, x).
    """

    def __init__(self, image: NDArray[np.uint16], labels: NDArray[np.int32]) -> None:
        self.viewer = napari.Viewer(show=False)
        self.viewer.window._qt_window.resize(*SIZE)
        self.viewer.window._qt_window.show()
        self.viewer.add_image(image)
        self._rng, self._count = np.random.default_rng(0), int(labels.max())
        self._frames = Frames(self.viewer)
        self._table()
        self._layer = self.viewer.add_labels(labels, colormap=self._colormap())
        rest(1.0)

    def click(self) -> tuple[float, float]:
        """Change one entry and reassign the colormap; return the seconds until that is drawn, and shown."""
        cell = int(self._rng.integers(1, self._count + 1))
        other = COLOURS[(np.abs(COLOURS - self._colours[cell]).sum(axis=1)).argmax()]
        self._colours[cell] = other
        return until_drawn(self._frames, self._recolour)

    def recolour(self) -> tuple[float, float]:
        """Give every cell a colour anew; return the seconds until that is drawn, and shown."""
        self._table()
        return until_drawn(self._frames, self._recolour)

    def close(self) -> None:
        """Close the viewer."""
        self.viewer.close()
        rest(0.5)

    def _table(self) -> None:
        colours = COLOURS[self._rng.integers(0, len(COLOURS), self._count)]
        self._colours: dict[int | None, Any] = {None: np.zeros(4, np.float32), 0: np.zeros(4, np.float32)}
        self._colours.update(zip(range(1, self._count + 1), colours, strict=True))

    def _colormap(self) -> DirectLabelColormap:
        return DirectLabelColormap(color_dict=self._colours)

    def _recolour(self) -> None:
        self._layer.colormap = self._colormap()


def learn_here(desk: Desk) -> float:
    """Fit SVC(probability=True) to the annotated cells and predict all of them in this thread.

    Returns the seconds; reading columns is not counted.
    """
    from sklearn.preprocessing import StandardScaler
    from sklearn.svm import SVC

    found = training_set(desk.session).training
    cells = [chunk for plate in desk.session.plates.values() for chunk in cells_of(desk.session, plate)]
    scaler = StandardScaler()
    known = scaler.fit_transform(np.nan_to_num(stack(found.cells)))
    everything = scaler.transform(np.nan_to_num(stack(cells)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # probability=True leaves scikit-learn some day
        start = time.perf_counter()
        model = SVC(probability=True).fit(known, found.labels)
        model.predict_proba(everything)
    return time.perf_counter() - start
