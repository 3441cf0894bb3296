"""Segment plates, and know which masks are current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.engine.plate import Outcome
from napari_phenotyper.session.failures import note_failures
from napari_phenotyper.session.jobs import PlateJob, PlateOutcome, carry_out, summary
from napari_phenotyper.session.keys import Record, mask_key
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tasks import resolve_segmenter, segment_field

DEFAULT_SEGMENTER = "nuclei"


def segmenter_record(session: Session, plate: Plate) -> Record:
    """Return the segmenter that a plate is segmented with, parameters as resolved.

    Raises
    ------
    TrainingError
        If the plate was never segmented.
    """
    record = session.setting("segmenters").get(plate.name)
    if record is None:
        raise TrainingError(f"Plate {plate.name} is not segmented.", "Run: phenotyper segment PLATE.")
    return cast("Record", record["resolved"])


def current_masks(session: Session, plate: Plate, wells: Sequence[str] | None = None) -> Iterator[tuple[Field, str]]:
    """Yield the fields that have current masks, and the keys of these. Raises TrainingError."""
    record = segmenter_record(session, plate)
    for field in plate.fields(wells):
        key = mask_key(field, record)
        if session.project.masks.has(field.ref, key):
            yield field, key


def masks_of(session: Session, field: Field) -> Masks | None:
    """Return the current masks of a field, or None."""
    key = mask_key(field, segmenter_record(session, session.plates[field.ref.plate]))
    return session.project.masks.read(field.ref, key) if session.project.masks.has(field.ref, key) else None


def choose_segmenter(session: Session, plate: Plate, name: str, settings: Mapping[str, object]) -> Any:
    """Return a segmenter for a plate with every open parameter decided, and remember it.

    What was decided before for the same settings is used again, so that fields segmented later match.
    """
    extension = session.registry.get("segmenter", name)
    asked = dict(extension.record(extension.make(settings)))
    saved = dict(session.setting("segmenters"))
    if saved.get(plate.name, {}).get("asked") == asked and saved[plate.name]["sampled"]:
        return extension.make(saved[plate.name]["resolved"]["settings"])
    resolved, sampled = resolve_segmenter(plate, extension.make(settings))
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
    return carry_out(session, segment_job(session, plates, segmenter, settings, wells), progress)


def segment_job(
    session: Session,
    plates: Sequence[Plate],
    segmenter: str | None = None,
    settings: Mapping[str, object] | None = None,
    wells: Sequence[str] | None = None,
) -> PlateJob:
    """Return the job that `segment` carries out. Raises ExtensionError, SettingError, ProjectError."""
    needs_writing(session)
    items: list[tuple[Any, tuple[Any, ...]]] = []
    kept = cells = 0
    for plate in plates:
        name, chosen = _choice(session, plate, segmenter, settings)
        made = choose_segmenter(session, plate, name, chosen)
        record = segmenter_record(session, plate)
        for field in plate.fields(wells):
            key = mask_key(field, record)
            if session.project.masks.has(field.ref, key):
                kept += 1
                cells += session.project.masks.count(field.ref, key)
            else:
                items.append((field.ref, (session.folder, field, made, record, key)))

    def finish(outcomes: Sequence[Outcome]) -> PlateOutcome:
        note_failures(session, outcomes)
        for plate in plates:
            session.events.masks.emit(plate.name)
        return summary(outcomes, kept, cells)

    return PlateJob("Segmenting field", segment_field, items, finish)


def _choice(
    session: Session, plate: Plate, segmenter: str | None, settings: Mapping[str, object] | None
) -> tuple[str, Mapping[str, object]]:
    """Return the segmenter asked for, else the one used before, else the default."""
    before = session.setting("segmenters").get(plate.name, {}).get("asked")
    if segmenter is None and not settings and before:
        return str(before["id"]), before["settings"]
    return segmenter or DEFAULT_SEGMENTER, settings or {}
