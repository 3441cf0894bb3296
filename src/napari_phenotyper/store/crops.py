"""Crops of annotated cells, kept beside the journal: raw pixels, so that training needs no plate."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.store.database import connect, explained
from napari_phenotyper.store.files import Guard, writable

_SCHEMA = "CREATE TABLE IF NOT EXISTS crops (id TEXT PRIMARY KEY, about TEXT NOT NULL, pixels BLOB NOT NULL, mask BLOB)"
_LEVEL = 1
"""Of zlib: camera noise hardly shrinks further at higher levels, which cost ten times the time."""


@dataclass(frozen=True, eq=False)
class KeptCrop:
    """What is kept of one annotated cell.

    Attributes
    ----------
    pixels
        (c, y, x) numbers of any type, as the camera gave them.
    mask
        (y, x) bool, the pixels of the cell.
    record
        What else is to be known: channels, pixel size, place.
    """

    pixels: NDArray[np.generic]
    mask: NDArray[np.bool_]
    record: Mapping[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that the mask covers the pixels, and that the pixels are numbers."""
        if self.pixels.ndim != 3 or self.mask.shape != self.pixels.shape[1:]:
            raise ValueError(f"pixels of shape {self.pixels.shape}, mask of shape {self.mask.shape}")
        if self.pixels.dtype.kind not in "biuf":
            raise ValueError(f"pixels are of type {self.pixels.dtype}, not numbers")


class CropStore:
    """Crops by annotation id in one sqlite file.

    Parameters
    ----------
    path
        The file; made at the first `put_many`.
    guard
        Called before every write.
    """

    def __init__(self, path: Path, guard: Guard = writable) -> None:
        self.path = path
        self._guard = guard

    def put_many(self, crops: Mapping[str, KeptCrop]) -> None:
        """Keep crops by annotation id, all of them or none; what was there under an id is replaced.

        Raises
        ------
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        rows = [(name, *_packed(crop)) for name, crop in crops.items()]
        with explained(self.path), closing(connect(self.path)) as db:
            db.execute(_SCHEMA)
            db.execute("BEGIN IMMEDIATE")
            db.executemany("INSERT OR REPLACE INTO crops VALUES (?, ?, ?, ?)", rows)
            db.execute("COMMIT")

    def get(self, annotation: str) -> KeptCrop | None:
        """Return the crop of an annotation, or None if none is kept. Raises ProjectError for a damaged one."""
        return self.get_many([annotation]).get(annotation)

    def get_many(self, annotations: Iterable[str]) -> dict[str, KeptCrop]:
        """Return the crops that are kept of some annotations. Raises ProjectError for a damaged one."""
        if not self.path.exists():
            return {}
        found = {}
        with explained(self.path), closing(connect(self.path, read_only=True)) as db:
            for name in annotations:
                row = db.execute("SELECT about, pixels, mask FROM crops WHERE id = ?", (name,)).fetchone()
                if row is not None:
                    found[name] = self._unpacked(name, *row)
        return found

    def ids(self) -> frozenset[str]:
        """Return the ids of the annotations whose crops are kept."""
        if not self.path.exists():
            return frozenset()
        with explained(self.path), closing(connect(self.path, read_only=True)) as db:
            return frozenset(row[0] for row in db.execute("SELECT id FROM crops"))

    def _unpacked(self, name: str, about: str, pixels: bytes, mask: bytes) -> KeptCrop:
        try:
            said = json.loads(about)
            shape = tuple(int(n) for n in said["shape"])
            image = np.frombuffer(zlib.decompress(pixels), np.dtype(said["type"])).reshape(shape)
            bits = np.frombuffer(zlib.decompress(mask), np.uint8)
            inside = np.unpackbits(bits, count=shape[1] * shape[2]).reshape(shape[1:]).astype(bool)
            return KeptCrop(image, inside, said["record"])
        except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
            raise ProjectError(
                f"The kept crop of annotation {name} in {self.path} is damaged: {error}.",
                "Open its plate: the crop is then cut again from the field.",
            ) from error


def _packed(crop: KeptCrop) -> tuple[str, bytes, bytes]:
    pixels = np.ascontiguousarray(crop.pixels)
    about = {"shape": list(pixels.shape), "type": pixels.dtype.str, "record": crop.record}
    mask = np.packbits(crop.mask.ravel())
    return json.dumps(about), zlib.compress(pixels.tobytes(), _LEVEL), zlib.compress(mask.tobytes(), _LEVEL)
