"""Give classes to cells that are known by their ids, out of many fields at once."""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from napari_phenotyper.core.annotations import Annotation
from napari_phenotyper.core.masks import NUCLEI, inner_point, pixels_near
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.labelling import crops_of
from napari_phenotyper.session.tasks import StoredMasks, Wanted
from napari_phenotyper.store.crops import CropStore


@dataclass(frozen=True)
class Pick:
    """A cell, its centre in pixels, and what somebody calls it."""

    field: FieldRef
    cell: int
    y: float
    x: float
    phenotype: str


Item = TypeVar("Item", Pick, Annotation)


def annotations_of(
    folder: Path, picks: Sequence[Pick], fields: Mapping[FieldRef, Wanted], who: str, progress: Progress
) -> list[Annotation]:
    """Return an annotation for each pick whose cell is in the masks: by id, so that no neighbour is hit.

    Parameters
    ----------
    folder
        Of the project.
    picks
        The cells.
    fields
        Their fields, with the keys of the masks that the ids are of.
    who
        Says so.
    progress
        Cancels.

    Raises
    ------
    ProjectError
        If masks cannot be read.
    """
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    made = []
    for done, (ref, group) in enumerate(_by_field(picks).items()):
        progress(done / len(picks), str(ref))
        key = fields[ref].mask
        masks = StoredMasks(folder / "masks", ref, key)()
        for pick in group:
            rows, columns = pixels_near(masks.labels[NUCLEI], pick.cell, pick.y, pick.x)
            if len(rows):
                y, x = map(float, inner_point(rows, columns))
                identity = uuid.uuid4().hex
                made.append(Annotation(identity, ref, y, x, y, x, key, pick.phenotype, who, now, pick.cell))
    return made


def keep_crops(
    folder: Path, store: CropStore, made: Sequence[Annotation], fields: Mapping[FieldRef, Wanted], progress: Progress
) -> None:
    """Keep the crops of annotated cells in a project's folder. Raises PixelError, ProjectError."""
    for done, (ref, group) in enumerate(_by_field(made).items()):
        progress(done / len(made), f"Keeping crops of {ref}")
        item = fields[ref]
        masks = StoredMasks(folder / "masks", ref, item.mask)()
        store.put_many(crops_of(item.field, list(item.field.read()), masks, group))


def _by_field(items: Sequence[Item]) -> dict[FieldRef, list[Item]]:
    found: dict[FieldRef, list[Item]] = defaultdict(list)
    for item in items:
        found[item.field].append(item)
    return found
