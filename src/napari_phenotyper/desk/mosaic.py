"""The mosaic of a window: whether it is on the canvas, what of it is read, and the cells as dots in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.mosaic import LIMIT, MosaicPlan
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.background import Background
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.survey import Survey
from napari_phenotyper.desk.viewing import OpenField, Viewing
from napari_phenotyper.engine.engine import Job
from napari_phenotyper.session.mosaic import Tile, TileWish, place, read_mosaic
from napari_phenotyper.session.mosaic_cells import CellDots, dot_image, read_dots
from napari_phenotyper.session.session import Session
from napari_phenotyper.session.tasks import Wanted

MOST_PROBLEMS = 3
"""So many fields that cannot be read are named one by one."""


@dataclass(eq=False)
class MosaicPicture:
    """A mosaic, as far as it is read.

    Attributes
    ----------
    plate
        As it was when reading began.
    plan
        Where all lies.
    image
        (c, y, x) pixels, black where nothing is read yet.
    shapes
        (y, x) at full resolution of each field that is there.
    problems
        Why fields cannot be read.
    whole
        Whether all was tried.
    """

    plate: Plate
    plan: MosaicPlan
    image: NDArray[np.generic]
    shapes: dict[FieldRef, tuple[int, int]] = field(default_factory=dict)
    problems: dict[FieldRef, str] = field(default_factory=dict)
    whole: bool = False


class MosaicEvents(SignalGroup):
    """What changed."""

    shown = Signal()
    hidden = Signal()
    tiles = Signal()
    dots = Signal(object)


class Mosaic:
    """The mosaic of the plate that is open.

    Attributes
    ----------
    events
        shown() when a mosaic is to be seen, hidden() when a field is again, tiles() when more of it is read,
        dots(picture) when cells are drawn: (y, x) uint8 codes as `codes` says.
    on
        Whether the mosaic is on the canvas.
    picture
        What is shown, None before the first.
    limit
        Pixels a side at most; whoever shows it lowers it to what the graphics card takes.
    codes
        Class to the code of its cells' dots.
    """

    def __init__(
        self,
        session: Session,
        background: Background,
        viewing: Viewing,
        predictions: Predictions,
        surveys: Mapping[str, Survey],
    ) -> None:
        self._session, self._background, self._viewing = session, background, viewing
        self._predictions, self._surveys = predictions, surveys
        self.events = MosaicEvents()
        self.on, self.limit = False, LIMIT
        self.picture: MosaicPicture | None = None
        self.codes: Mapping[str, int] = {}
        self._job: Job | None = None
        self._dots: CellDots | None = None
        self._dotted: tuple[object, ...] = ()
        self._next = ""
        viewing.events.opened.connect(self._opened)

    def show(self, first: tuple[str, ...] = ()) -> None:
        """Show the mosaic of the plate that is open: what is read of it at once, the rest as it comes.

        Parameters
        ----------
        first
            Wells whose fields are read before all others.
        """
        plate = self._viewing.plate
        if plate is None or not plate.wells:
            return
        self.on = True
        if self._is_of(plate):
            self.events.shown.emit()
            self.draw_dots()
        if not self._is_of(plate) or self.picture is None or not self.picture.whole:
            self._read(plate, first)

    def hide(self) -> None:
        """Show the open field again."""
        if self.on:
            self.on = False
            self.events.hidden.emit()

    def toggle(self) -> None:
        """Show the mosaic, or the open field again."""
        if self.on:
            self.hide()
        else:
            self.show()

    def follow(self, plate: str) -> None:
        """Show the mosaic of another plate that was just chosen, once it is open, if one is on the canvas now."""
        self._next = plate if self.on else ""

    def open_at(self, y: float, x: float) -> FieldRef | None:
        """Open the field at a point of the mosaic, the nearest one of the well there; None where there is no well."""
        ref = self.picture.plan.at(y, x) if self.on and self.picture is not None else None
        if ref is not None:
            self._viewing.show(ref)
        return ref

    def draw_dots(self) -> None:
        """Draw the cells in the classes that they are predicted to be of, if the mosaic is on; `events.dots` tells."""
        if not self.on or self.picture is None or not self.codes:
            return
        measured = self._measured()
        keys = self.picture.plan, len(self.picture.shapes), {ref: item.mask for ref, item in measured.items()}
        if not measured or not len(self._predictions):
            self.events.dots.emit(np.zeros(self.picture.plan.size, np.uint8))
        elif self._dotted == keys and self._dots is not None:
            self._colour(self._dots)
        else:
            args = self._session.snapshot(), self.picture.plan, measured, dict(self.picture.shapes)

            def read(dots: CellDots) -> None:
                self._dots, self._dotted = dots, keys
                self._colour(dots)

            writable = not self._session.project.read_only
            self._background.read("dots", "coalesce", read_dots, *args, writable, on_result=read)

    def _colour(self, dots: CellDots) -> None:
        args = dots, self._predictions.fields(), dict(self.codes)
        self._background.read("dots", "coalesce", dot_image, *args, on_result=self._dots_drawn)

    def _dots_drawn(self, picture: NDArray[np.uint8]) -> None:
        if self.on and self.picture is not None and picture.shape == self.picture.plan.size:
            self.events.dots.emit(picture)

    def _measured(self) -> Mapping[FieldRef, Wanted]:
        assert self.picture is not None
        return self._surveys.get(self.picture.plan.plate, Survey()).measured

    def _is_of(self, plate: Plate) -> bool:
        """Whether what is there shows a plate as it is now; roles of channels and layouts change nothing of it."""
        return (
            self.picture is not None
            and self.picture.plate.name == plate.name
            and self.picture.plate.wells == plate.wells
        )

    def _read(self, plate: Plate, first: tuple[str, ...]) -> None:
        if self._job is not None and not self._job.over and self._is_of(plate):
            return
        wish = TileWish(plate.name, self.limit, first)
        args = self._session.snapshot(), wish, not self._session.project.read_only
        self._job = self._background.read(
            "mosaic", "replace", read_mosaic, *args, title=f"Mosaic of {plate.name}",
            on_part=lambda part: self._take(plate, part), on_result=self._over,
        )  # fmt: skip

    def _take(self, plate: Plate, part: MosaicPlan | Mapping[FieldRef, Tile]) -> None:
        if isinstance(part, MosaicPlan):
            if not self._is_of(plate) or self.picture is None or self.picture.plan.size != part.size:
                image = np.zeros((part.channels, *part.size), part.dtype)
                self.picture = MosaicPicture(plate, part, image)
                if self.on:
                    self.events.shown.emit()
        elif self.picture is not None:
            self.picture.problems |= place(self.picture.plan, part, self.picture.image)
            self.picture.shapes.update({ref: tile.shape for ref, tile in part.items() if not isinstance(tile, str)})
            if self.on:
                self.events.tiles.emit()

    def _over(self, _: object) -> None:
        assert self.picture is not None
        self.picture.whole = True
        problems = list(self.picture.problems.values())
        for text in problems[:MOST_PROBLEMS]:
            self._background.events.problem.emit(text, "")
        more = len(problems) - MOST_PROBLEMS
        if more > 0:
            self._background.tell(f"{more} more fields of {self.picture.plan.plate} cannot be read.")
        if self.on:
            self.events.tiles.emit()
            self.draw_dots()

    def _opened(self, found: OpenField) -> None:
        """A field is on the canvas in place of the mosaic."""
        self.on = False
        if self._next == found.ref.plate:
            self._next = ""
            self.show()
