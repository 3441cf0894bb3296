"""Which plate and field is open: read in the background, the newest wish wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from psygnal import Signal, SignalGroup

from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef, parse_well
from napari_phenotyper.desk.background import Background
from napari_phenotyper.session.keys import mask_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.segmenting import segmenter_record
from napari_phenotyper.session.session import Session


@dataclass(frozen=True, eq=False)
class OpenField:
    """A field as it was read.

    Attributes
    ----------
    field
        Where it comes from.
    images
        Channel number to (y, x) pixels; channels that could not be read are not there.
    masks, mask_key
        Its current masks, or None and "".
    problems
        Why channels or masks could not be read.
    """

    field: Field
    images: dict[int, NDArray[np.generic]]
    masks: Masks | None = None
    mask_key: str = ""
    problems: tuple[PhenotyperError, ...] = ()

    @property
    def ref(self) -> FieldRef:
        """Which field it is."""
        return self.field.ref

    @cached_property
    def most(self) -> int:
        """The highest id of its cells, 0 for none; looked up once."""
        return int(self.masks.labels[NUCLEI].max(initial=0)) if self.masks is not None else 0


class ViewingEvents(SignalGroup):
    """What changed on the canvas."""

    asked = Signal(object)
    opened = Signal(object)
    masks = Signal(object)


class Viewing:
    """The field that is open.

    Attributes
    ----------
    events
        asked(FieldRef) at once, opened(OpenField) when it is read, masks(OpenField) when its masks are new.
    wish
        The field that was asked for last.
    open
        The field that is shown.
    left
        Plate name to the field that was open there last: where to come back to.
    """

    def __init__(self, session: Session, background: Background) -> None:
        self._session = session
        self._background = background
        self.events = ViewingEvents()
        self.wish: FieldRef | None = None
        self.open: OpenField | None = None
        self.left: dict[str, FieldRef] = {}
        self._told: set[str] = set()
        session.events.masks.connect(self.look_again)
        session.events.plates.connect(self._new_plates)

    @property
    def plate(self) -> Plate | None:
        """The plate of the field that was asked for, else the first."""
        if self.wish is not None and self.wish.plate in self._session.plates:
            return self._session.plates[self.wish.plate]
        return next(iter(self._session.plates.values()), None)

    def show(self, ref: FieldRef) -> None:
        """Open a field."""
        self.wish = self.left[ref.plate] = ref
        self.events.asked.emit(ref)
        self._background.read("field", "replace", read_field, self._session.snapshot(), ref, on_result=self._opened)

    def show_plate(self, name: str) -> None:
        """Open the field of a plate that was open last, the first one if none was."""
        first = next((field.ref for field in self._session.plates[name].fields()), None)
        ref = self.left.get(name, first)
        if ref is not None:
            self.show(ref)

    def show_well(self, well: str) -> None:
        """Open the first field of a well; the next one if the well is open already."""
        plate = self.plate
        if plate is None:
            return
        number = 1
        if self.wish is not None and (self.wish.plate, self.wish.well) == (plate.name, well):
            number = self.wish.field % len(plate.well(well).sources) + 1
        self.show(FieldRef(plate.name, well, number))

    def step(self, by: int) -> None:
        """Open the field that comes so many after this one, over the ends of wells."""
        plate = self.plate
        if plate is None:
            return
        refs = [field.ref for field in plate.fields()]
        here = refs.index(self.wish) if self.wish in refs else -by
        self.show(refs[(here + by) % len(refs)])

    def refresh(self) -> None:
        """Read the open field once more."""
        if self.wish is not None:
            self.show(self.wish)

    def look_again(self, plate: str) -> None:
        """Look whether the masks of the open field are still the current ones of its plate."""
        if self.open is not None and self.open.ref.plate == plate:
            self._background.read(
                "masks", "replace", read_masks, self._session.snapshot(), self.open, on_result=self._masks
            )

    def _opened(self, found: OpenField) -> None:
        self.open = found
        for problem in found.problems:
            if str(problem) not in self._told:  # once, however often the field is looked at
                self._told.add(str(problem))
                self._background.fail(problem)
        self.events.opened.emit(found)

    def _masks(self, found: OpenField) -> None:
        if self.open is not None and found.ref == self.open.ref and found.mask_key != self.open.mask_key:
            self.open = found
            self.events.masks.emit(found)

    def _new_plates(self) -> None:
        """Show the open field anew where its channels have other roles now."""
        if self.open is None or self.open.ref.plate not in self._session.plates:
            return
        if self._session.plates[self.open.ref.plate].channels != self.open.field.channels:
            self.refresh()


def read_field(session: Reading, ref: FieldRef, progress: Progress) -> OpenField:
    """Read all channels and the masks of a field; what cannot be read is told in it."""
    field = session.plates[ref.plate].field(ref.well, ref.field)
    images: dict[int, NDArray[np.generic]] = {}
    problems = []
    for number, channel in enumerate(field.channels):
        progress(number / max(len(field.channels), 1), f"Reading {ref} {channel.label}")
        try:
            images[number] = field.read([number])[0]
        except PhenotyperError as error:
            problems.append(error)
    return read_masks(session, OpenField(field, images, problems=tuple(problems)), progress)


def read_masks(session: Reading, found: OpenField, progress: Progress) -> OpenField:
    """Return a field with its current masks."""
    ref, problems = found.ref, found.problems
    if ref.plate not in session.setting("segmenters"):
        return OpenField(found.field, found.images, problems=problems)
    key = mask_key(found.field, segmenter_record(session, session.plates[ref.plate]))
    if key == found.mask_key or not session.project.masks.has(ref, key):
        return OpenField(found.field, found.images, found.masks, found.mask_key, problems)
    progress(1.0, f"Reading the masks of {ref}")
    try:
        masked = OpenField(found.field, found.images, session.project.masks.read(ref, key), key, problems)
        progress(1.0, f"{masked.most} cells")
        return masked
    except PhenotyperError as error:
        return OpenField(found.field, found.images, problems=(*problems, error))


def neighbours(plate: Plate, well: str, count: int = 9) -> Sequence[str]:
    """Return the wells nearest to one, itself first: those in view."""
    row, column = parse_well(well)

    def distance(name: str) -> float:
        r, c = parse_well(name)
        return (r - row) ** 2 + (c - column) ** 2

    return sorted((w.name for w in plate.wells), key=distance)[:count]
