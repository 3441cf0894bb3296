"""A plate: wells, channels, and what was done to each well."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from napari_phenotyper.core.channels import assign_roles
from napari_phenotyper.core.errors import PlateError
from napari_phenotyper.core.field import Channel, Field, PixelSource
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.wells import FieldRef, WellRef, normal_well, plate_order, plate_shape

NEGATIVE, POSITIVE, SAMPLE, EMPTY = "negative", "positive", "sample", "empty"
ROLES = (NEGATIVE, POSITIVE, SAMPLE, EMPTY)
"""What a well is for."""


@dataclass(frozen=True)
class Condition:
    """What was done to a well.

    Attributes
    ----------
    treatment
        Compound, siRNA, gene … empty if unknown.
    role
        "negative" or "positive" control, "sample", "empty".
    dose
        In the layout's own unit; NaN if there is none.
    replicate, batch
        Names, empty if there are none.
    extra
        Further columns of the layout file, by name.
    """

    treatment: str = ""
    role: str = SAMPLE
    dose: float = math.nan
    replicate: str = ""
    batch: str = ""
    extra: Mapping[str, str] = field(default_factory=dict)

    def state(self) -> Mapping[str, Json]:
        """Return the condition as JSON."""
        return {**self.__dict__, "dose": None if math.isnan(self.dose) else self.dose, "extra": dict(self.extra)}

    def value(self, column: str) -> str | None:
        """Return a column of the layout as text, or None if there is no such column."""
        if column == "dose":
            return "" if math.isnan(self.dose) else f"{self.dose:g}"
        if column in ("treatment", "role", "replicate", "batch"):
            return str(getattr(self, column))
        return self.extra.get(column)


@dataclass(frozen=True, eq=False)
class Layout:
    """Conditions of the wells of one or more plates; a well that is not named is an untreated sample."""

    conditions: Mapping[WellRef, Condition] = field(default_factory=dict)

    def of(self, well: WellRef) -> Condition:
        """Return the condition of a well."""
        return self.conditions.get(well, Condition())

    def wells(self, role: str) -> tuple[WellRef, ...]:
        """Return the wells that have a role, in the order of the layout."""
        return tuple(w for w, c in self.conditions.items() if c.role == role)

    def merged(self, other: Layout) -> Layout:
        """Return both layouts; where both name a well, the other one's word counts."""
        return Layout({**self.conditions, **other.conditions})

    def __len__(self) -> int:
        """Count the wells that are named."""
        return len(self.conditions)


@dataclass(frozen=True, eq=False)
class Well:
    """A well and where its fields' pixels come from, in field order.

    Attributes
    ----------
    name
        Normal name, "B03".
    sources
        One per field.
    names
        What the files call each field ("s1", "0"); as many as sources, or none.
    """

    name: str
    sources: tuple[PixelSource, ...]
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Plate:
    """A plate as a reader found it, plus what the user said of it.

    Attributes
    ----------
    name
        Unique in a project.
    path
        The plate's own file or folder, absolute.
    wells
        Those that have images, row by row. Missing wells are normal: they are simply not there.
    channels
        In the order of every field's channel axis.
    layout
        Conditions of this plate's wells.
    acquisition
        What the files tell of the acquisition (instrument, objective, date …).
    problems
        Sentences about what is wrong but does not stop the work.
    format
        Wells of the plate, as the user said; 0 if nobody did.
    """

    name: str
    path: str
    wells: tuple[Well, ...]
    channels: tuple[Channel, ...]
    layout: Layout = field(default_factory=Layout)
    acquisition: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    format: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the plate: of its format, else of the smallest (96 wells up) that holds the wells."""
        return plate_shape((w.name for w in self.wells), self.format)

    def well(self, name: str) -> Well:
        """Return a well by any spelling of its name. Raises PlateError if it has no images."""
        normal = normal_well(name)
        for well in self.wells:
            if well.name == normal:
                return well
        raise PlateError(f"Plate {self.name} has no images of well {normal}.", "Choose one that `info` lists.")

    def fields(self, wells: Iterable[str] | None = None) -> Iterator[Field]:
        """Yield the fields of the named wells, or of all, well by well."""
        chosen = self.wells if wells is None else tuple(self.well(name) for name in wells)
        for well in chosen:
            for number, source in enumerate(well.sources, 1):
                yield Field(FieldRef(self.name, well.name, number), source, self.channels)

    def field(self, well: str, number: int) -> Field:
        """Return a field by well and number (from 1). Raises PlateError."""
        found = self.well(well)
        if not 1 <= number <= len(found.sources):
            raise PlateError(
                f"Well {found.name} of plate {self.name} has no field {number}.",
                f"It has {len(found.sources)}; fields count from 1 in the order of `info`.",
            )
        return Field(FieldRef(self.name, found.name, number), found.sources[number - 1], self.channels)

    def well_refs(self) -> tuple[WellRef, ...]:
        """Return a reference to each well that has images."""
        return tuple(WellRef(self.name, w.name) for w in self.wells)

    def with_roles(self, roles: Mapping[str, str]) -> Plate:
        """Return the plate with channel roles set (`{"DNA": "w2"}`). Raises ChannelError."""
        return replace(self, channels=assign_roles(self.channels, roles))

    def named(self, name: str) -> Plate:
        """Return the plate under another name. Its layout follows."""
        conditions = {WellRef(name, w.well): c for w, c in self.layout.conditions.items()}
        return replace(self, name=name, layout=Layout(conditions))


def sorted_wells(wells: Iterable[Well]) -> tuple[Well, ...]:
    """Return wells row by row."""
    return tuple(sorted(wells, key=lambda well: plate_order(well.name)))
