"""Segment plates, and know which masks are current."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from napari_phenotyper.core.errors import PixelError, TrainingError
from napari_phenotyper.core.field import Field
from napari_phenotyper.core.masks import Masks
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.engine.plate import Outcome, run_all
from napari_phenotyper.session.failures import note_failures
from napari_phenotyper.session.keys import Record, mask_key
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tasks import scene_of, segment_field

DEFAULT_SEGMENTER = "nuclei"
_SAMPLE = 8
"""Fields of a plate that open parameters are decided from."""


@dataclass(frozen=True)
class PlateOutcome:
    """What a job over plates came to.

    Attributes
    ----------
    done
        Fields (or wells) done now.
    kept
        Those that were current already.
    cells
        Cells in all of them.
    failed
        Name to reason.
    """

    done: int
    kept: int
    cells: int
    failed: Mapping[str, str]


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
    scenes = sample_scenes(plate)
    resolved = extension.make(settings).resolve(scenes)
    saved[plate.name] = {"asked": asked, "resolved": dict(extension.record(resolved)), "sampled": len(scenes)}
    session.set("segmenters", saved)
    return resolved


def sample_scenes(plate: Plate, count: int = _SAMPLE) -> list[Scene]:
    """Read some fields, spread evenly over the plate; fields that cannot be read are passed over."""
    fields = list(plate.fields())
    chosen = np.unique(np.linspace(0, len(fields) - 1, min(count, len(fields))).round().astype(int))
    scenes = []
    for i in chosen:
        try:
            scene = scene_of(fields[i])
            list(scene.pixels.values())
        except PixelError:
            continue  # named again, with its remedy, when the field itself is segmented
        scenes.append(scene)
    return scenes


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
    needs_writing(session)
    items, kept, cells = [], 0, 0
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
    outcomes = run_all(session.runner, segment_field, items, progress, "Segmenting field")
    note_failures(session, outcomes)
    for plate in plates:
        session.events.masks.emit(plate.name)
    return summary(outcomes, kept, cells)


def _choice(
    session: Session, plate: Plate, segmenter: str | None, settings: Mapping[str, object] | None
) -> tuple[str, Mapping[str, object]]:
    """Return the segmenter asked for, else the one used before, else the default."""
    before = session.setting("segmenters").get(plate.name, {}).get("asked")
    if segmenter is None and not settings and before:
        return str(before["id"]), before["settings"]
    return segmenter or DEFAULT_SEGMENTER, settings or {}


def summary(outcomes: Sequence[Outcome], kept: int, cells: int) -> PlateOutcome:
    """Sum up what became of the items of a plate job."""
    done = [o for o in outcomes if not o.error]
    total = cells + sum(int(o.result) for o in done)
    return PlateOutcome(len(done), kept, total, {str(o.item): o.error for o in outcomes if o.error})
