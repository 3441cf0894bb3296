"""Masks on disk: a zarr group per well, in it a group per field and key, in that a label image per compartment.

    <plate>/<well>.zarr/f<field>/<key>/<compartment>/0

Plain `zarr.open` and label viewers read them. What lies under a key never changes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.store.files import (
    Guard,
    checked_key,
    discard,
    explained,
    is_damage,
    place_folder,
    safe_name,
    temporary,
    well_file,
    writable,
    write_json,
)
from napari_phenotyper.store.label_images import GROUP, group_record, read_group, read_parts, write_group

_REMEDY = "Segment the field again."


class MaskStore:
    """Masks by field and key, for any number of processes at once.

    Parameters
    ----------
    folder
        `masks` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard

    def write(self, ref: FieldRef, key: str, masks: Masks, record: Mapping[str, Json]) -> None:
        """Keep masks under a key; whoever else writes the same key at the same time does no harm.

        Parameters
        ----------
        ref, key
            The place.
        masks
            One label image per compartment, at least one.
        record
            Where they come from; "pixel_size" (µm) becomes the scale of the label images.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        target = self._place(ref, key)
        scratch = temporary(self.folder / safe_name(ref.plate))
        with explained(target):
            try:
                scratch.mkdir(parents=True)
                write_group(scratch, masks, record)
                for group in (target.parent.parent, target.parent):
                    if not (group / "zarr.json").exists():
                        write_json(group / "zarr.json", GROUP)
                place_folder(scratch, target, _whole)
            finally:
                discard(scratch)

    def read(self, ref: FieldRef, key: str) -> Masks:
        """Return the masks under a key.

        Raises
        ------
        ProjectError
            If there are none, or they are damaged: these are dropped, so that the key counts as absent from then on.
        """
        place = self._place(ref, key)
        about = self._about(ref, key)
        try:
            return read_group(place, about)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            if is_damage(error):
                with suppress(ProjectError):
                    self.drop(ref, key)
            raise ProjectError(f"The masks of {ref} in {place} are damaged: {error}.", _REMEDY) from error

    def parts(self, ref: FieldRef, key: str, regions: Sequence[tuple[slice, slice]]) -> list[Labels]:
        """Return rows and columns of the nuclei in some regions, for looking at: what lies there is not checked.

        Raises ProjectError if they cannot be read.
        """
        place = self._place(ref, key)
        try:
            return read_parts(place, NUCLEI, regions)
        except (OSError, ValueError, KeyError, TypeError, RuntimeError) as error:
            raise ProjectError(f"The masks of {ref} in {place} cannot be read: {error}.", _REMEDY) from error

    def has(self, ref: FieldRef, key: str) -> bool:
        """Tell whether there are masks under a key, by their metadata."""
        return _whole(self._place(ref, key))

    def keys(self, ref: FieldRef) -> tuple[str, ...]:
        """Return the keys under which there are masks of a field, in alphabetical order."""
        folder = self._field(ref)
        return tuple(sorted(p.name for p in folder.iterdir() if _whole(p))) if folder.is_dir() else ()

    def record(self, ref: FieldRef, key: str) -> Mapping[str, Json]:
        """Return the record that the masks were written with. Raises ProjectError if there are none."""
        return cast("Mapping[str, Json]", self._about(ref, key)["record"])

    def count(self, ref: FieldRef, key: str) -> int:
        """Return the number of cells without reading a pixel. Raises ProjectError if there are no masks."""
        return int(self._about(ref, key)["cells"])

    def look(self, ref: FieldRef, key: str) -> tuple[int, Mapping[str, Json]]:
        """Return `count` and `record` in one read. Raises ProjectError if there are no masks."""
        about = self._about(ref, key)
        return int(about["cells"]), cast("Mapping[str, Json]", about["record"])

    def drop(self, ref: FieldRef, key: str) -> int:
        """Remove the masks under a key if there are any; return the bytes freed."""
        self._guard()
        return discard(self._place(ref, key))

    def clean(self, needed: Collection[str]) -> int:
        """Remove the masks under keys that nothing needs; return the bytes freed."""
        self._guard()
        found = [path for path in self.folder.glob("*/*.zarr/f*/*") if path.is_dir()]
        return sum(discard(path) for path in found if path.name not in needed)

    def _about(self, ref: FieldRef, key: str) -> dict[str, Any]:
        about = group_record(self._place(ref, key))
        if about is None:
            raise ProjectError(f"There are no masks of {ref} under {key}, or they are not whole.", _REMEDY)
        return about

    def _field(self, ref: FieldRef) -> Path:
        return self.folder / safe_name(ref.plate) / f"{well_file(ref.well)}.zarr" / f"f{ref.field}"

    def _place(self, ref: FieldRef, key: str) -> Path:
        return self._field(ref) / checked_key(key)


def _whole(path: Path) -> bool:
    return group_record(path) is not None
