"""Which fields of a plate are doubtful: judged by what was noted of each when it was segmented."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.field_quality import FLAGS, FieldQuality, counted, flags, from_state
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.segmenting import current_masks

ANY = "all"
"""Stands for every flag where flags are named."""

Flagged = Mapping[FieldRef, tuple[str, ...]]


def qualities_of(session: Reading, plate: Plate) -> dict[FieldRef, FieldQuality]:
    """Return the figures of each segmented field; of masks that an older version made there are none."""
    if plate.name not in session.setting("segmenters"):
        return {}
    found = {}
    for one, key in current_masks(session, plate):
        noted = noted_quality(session.project.masks.record(one.ref, key))
        if noted is not None:
            found[one.ref] = noted
    return found


def noted_quality(record: Mapping[str, Json]) -> FieldQuality | None:
    """Return the figures in the record of a field's masks; None where there are none, or none that can be read."""
    noted = record.get("quality")
    try:
        return from_state(noted) if isinstance(noted, Mapping) else None
    except (KeyError, TypeError, ValueError):
        return None


def flags_of(session: Reading, plate: Plate) -> dict[FieldRef, tuple[str, ...]]:
    """Return what is doubtful of which field of a plate: "empty", "out of focus", "saturated", "crowded"."""
    return flags(qualities_of(session, plate))


def flagged_facts(flagged: Flagged) -> dict[str, list[str]]:
    """Return flags as JSON, by the names of the fields."""
    return {str(ref): list(given) for ref, given in flagged.items()}


@dataclass(frozen=True, eq=False)
class LeftOut:
    """Fields that a profile leaves out.

    Attributes
    ----------
    wanted
        The flags for which.
    fields
        Those that have one of them, with all their flags.
    emptied
        Wells of which no field is left.
    """

    wanted: tuple[str, ...] = ()
    fields: Flagged = field(default_factory=dict)
    emptied: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """What was left out, as a sentence; "" where nothing was asked for."""
        if not self.wanted:
            return ""
        if not self.fields:
            return "No field had to be left out."
        reasons = counted(tuple(f for f in given if f in self.wanted) for given in self.fields.values())
        many = "1 field was" if len(self.fields) == 1 else f"{len(self.fields)} fields were"
        gone = f" Nothing is left of: {', '.join(self.emptied)}." if self.emptied else ""
        return f"{many} left out: {reasons}.{gone}"


def left_out(session: Reading, plates: Sequence[Plate], names: Iterable[str]) -> LeftOut:
    """Return the fields of some plates that have one of the flags named; "all" names every flag.

    Raises
    ------
    SettingError
        For a flag that does not exist.
    """
    wanted = _wanted(names)
    if not wanted:
        return LeftOut()
    found: dict[FieldRef, tuple[str, ...]] = {}
    emptied = []
    for plate in plates:
        own = {ref: given for ref, given in flags_of(session, plate).items() if set(given) & set(wanted)}
        found |= own
        for well in plate.wells:
            gone = sum(ref.well == well.name for ref in own)
            emptied += [f"{plate.name} {well.name}"] if gone == len(well.sources) else []
    return LeftOut(wanted, found, tuple(emptied))


def _wanted(names: Iterable[str]) -> tuple[str, ...]:
    """Return the flags that are named, in their own order. Raises SettingError."""
    given = {name.strip().casefold().replace("-", " ").replace("_", " ") for name in names} - {""}
    unknown = given - {*FLAGS, ANY}
    if unknown:
        raise SettingError(
            f"Fields are not flagged as {sorted(unknown)[0]!r}.", f"They may be: {', '.join(FLAGS)}; or say {ANY}."
        )
    return tuple(flag for flag in FLAGS if flag in given or ANY in given)
