"""Segment plates, and know which masks are current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.parameters import settings_of
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.failures import note_failures
from napari_phenotyper.session.keys import Record, mask_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.remedies import SEGMENT
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.steps import Away, PlateOutcome, Steps, carry_out, over_plate, summary
from napari_phenotyper.session.tasks import find_masks, resolve_segmenter, segment_field

DEFAULT_SEGMENTER = "nuclei"

_Item = tuple[FieldRef, tuple[Any, ...]]


def segmenter_record(session: Reading, plate: Plate) -> Record:
    """Return the segmenter that a plate is segmented with, parameters as resolved.

    Raises
    ------
    TrainingError
        If the plate was never segmented.
    """
    record = session.setting("segmenters").get(plate.name)
    if record is None:
        raise TrainingError(
            f"Plate {plate.name} is not segmented.",
            SEGMENT,
        )
    return cast("Record", record["resolved"])


def current_masks(session: Reading, plate: Plate, wells: Sequence[str] | None = None) -> Iterator[tuple[Field, str]]:
    """Yield the fields that have current masks, and the keys of these. Raises TrainingError."""
    record = segmenter_record(session, plate)
    for field in plate.fields(wells):
        key = mask_key(field, record)
        if session.project.masks.has(field.ref, key):
            yield field, key


def masks_of(session: Reading, field: Field) -> Masks | None:
    """Return the current masks of a field, or None."""
    key = mask_key(field, segmenter_record(session, session.plates[field.ref.plate]))
    return session.project.masks.read(field.ref, key) if session.project.masks.has(field.ref, key) else None


def choose_segmenter(session: Session, plate: Plate, name: str, settings: Mapping[str, object]) -> Steps[Any]:
    """Return a segmenter for a plate with every open parameter decided, and remember it.

    What was decided before for the same settings is used again, so that fields segmented later match.
    """
    extension = session.registry.get("segmenter", name)
    asked = dict(extension.record(extension.make(settings)))
    saved = dict(session.setting("segmenters"))
    if saved.get(plate.name, {}).get("asked") == asked and saved[plate.name]["sampled"]:
        return extension.make(saved[plate.name]["resolved"]["settings"])
    resolved, sampled = yield Away(resolve_segmenter, (plate, extension.make(settings)), heavy=True)
    saved = dict(session.setting("segmenters"))
    saved[plate.name] = {"asked": asked, "resolved": dict(extension.record(resolved)), "sampled": sampled}
    session.set("segmenters", saved)
    return resolved


def segment(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    segmenter: str | None = None,
    settings: Mapping[str, object] | None = None,
    wells: Sequence[str] | None = None,
) -> PlateOutcome:
    """Segment all fields that have no current masks.

    Parameters
    ----------
    session, plates
        What to segment.
    progress
        Reports and cancels; what is done stays done.
    segmenter, settings
        Id and parameters; by default those the plate was segmented with before, else the default.
    wells
        Only these wells.

    Raises
    ------
    ExtensionError, SettingError, ProjectError, Cancelled
    """
    return carry_out(segment_steps(session, plates, segmenter, settings, wells), progress)


def segment_steps(
    session: Session,
    plates: Sequence[Plate],
    segmenter: str | None = None,
    settings: Mapping[str, object] | None = None,
    wells: Sequence[str] | None = None,
    first: str = "",
) -> Steps[PlateOutcome]:
    """Return the steps that `segment` carries out; the well named first comes before the others.

    Raises ExtensionError, SettingError, ProjectError.
    """
    needs_writing(session)
    todo: list[_Item] = []
    kept = cells = 0
    for plate in plates:
        made = yield from choose_segmenter(session, plate, *_choice(session, plate, segmenter, settings))
        items, there, count = yield Away(_to_segment, (session.snapshot(), plate, made, wells))
        todo, kept, cells = todo + items, kept + there, cells + count
    todo.sort(key=lambda item: item[0].well != first)
    outcomes = yield over_plate(session.runner, segment_field, todo, "Segmenting field")
    note_failures(session, outcomes)
    for plate in plates:
        session.events.masks.emit(plate.name)
    return summary(outcomes, kept, cells)


def _to_segment(
    session: Reading, plate: Plate, segmenter: Any, wells: Sequence[str] | None, progress: Progress
) -> tuple[list[_Item], int, int]:
    """Return the fields without current masks and the arguments of their jobs; how many are current; their cells."""
    items: list[_Item] = []
    kept = cells = 0
    record = segmenter_record(session, plate)
    for field in plate.fields(wells):
        key = mask_key(field, record)
        if session.project.masks.has(field.ref, key):
            kept += 1
            cells += session.project.masks.count(field.ref, key)
        else:
            items.append((field.ref, (session.folder, field, segmenter, record, key)))
    return items, kept, cells


@dataclass(frozen=True, eq=False)
class Preview:
    """What a segmenter finds in one field: masks that are stored nowhere, and its parameters as resolved."""

    masks: Masks
    settings: Mapping[str, Json]


def preview_steps(session: Session, field: Field, name: str, settings: Mapping[str, object]) -> Steps[Preview]:
    """Return what a segmenter finds in one field; open parameters are decided from that field alone.

    Where the plate is segmented with these settings already, those that were decided for it are used.
    """
    extension = session.registry.get("segmenter", name)
    made = extension.make(settings)
    saved = session.setting("segmenters").get(field.ref.plate, {})
    if saved.get("asked") == dict(extension.record(made)):
        made = extension.make(saved["resolved"]["settings"])
    masks, resolved = yield Away(find_masks, (field, made), heavy=True)
    return Preview(masks, settings_of(resolved))


def _choice(
    session: Session, plate: Plate, segmenter: str | None, settings: Mapping[str, object] | None
) -> tuple[str, Mapping[str, object]]:
    """Return the segmenter asked for, else the one used before, else the default."""
    before = session.setting("segmenters").get(plate.name, {}).get("asked")
    if segmenter is None and not settings and before:
        return str(before["id"]), before["settings"]
    return segmenter or DEFAULT_SEGMENTER, settings or {}
