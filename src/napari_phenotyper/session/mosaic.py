"""All fields of a plate made small: read from their coarsest level that suffices, and kept in the project."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import PhenotyperError, ProjectError
from napari_phenotyper.core.field import Field, FieldInfo
from napari_phenotyper.core.mosaic import MosaicPlan, make_plan
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.keys import pixels_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.store.project import THUMBNAILS
from napari_phenotyper.store.thumbnails import Thumbnail, ThumbnailStore

_BATCH = 96
"""Fields that are looked up, read and stored at a time."""
_BEAT = 0.6
"""Seconds between two parts that are handed over: whoever shows them draws the whole mosaic anew."""
_FINE = 4
"""Pixels along each side of which a thumbnail's pixel is the mean: all of them would take three times as long."""
_THREADS = 4

Tile = Thumbnail | str
"""A field's thumbnail, or why it cannot be read."""


@dataclass(frozen=True)
class TileWish:
    """Which mosaic is wanted.

    Attributes
    ----------
    plate
        Its name.
    limit
        Pixels a side at most.
    first
        Wells whose fields are read before all others.
    """

    plate: str
    limit: int
    first: tuple[str, ...] = ()


def read_mosaic(
    session: Reading, wish: TileWish, writable: bool, progress: Progress
) -> Iterator[MosaicPlan | Mapping[FieldRef, Tile]]:
    """Yield the plan of a plate's mosaic, then thumbnails as they come: the first field of each well, then the rest.

    Those that the project keeps come at once, before it is known whether they still show what is on the disk; where
    they do not, newer ones follow.

    Parameters
    ----------
    session, wish
        The project, and which mosaic is wanted.
    writable
        Whether thumbnails that had to be read may be kept in the project.
    progress
        Reports and cancels.
    """
    plate = session.plates[wish.plate]
    plan = make_plan(plate, wish.limit)
    yield plan
    fields = _in_order(plate, wish.first)
    store = ThumbnailStore(session.folder / THUMBNAILS) if writable else session.project.thumbnails
    seen = {ref: kept for ref, kept in store.last_seen(plate.name, plan.tile).items() if _has(plan, ref)}
    if seen:
        yield {ref: tile for ref, (_, tile) in seen.items()}
    done, last = 0, -_BEAT
    gathered: dict[FieldRef, Tile] = {}
    for batch in (fields[i : i + _BATCH] for i in range(0, len(fields), _BATCH)):
        for count, found in _batch(batch, plan.tile, seen, store, writable):
            gathered |= found
            done += count
            progress(done / len(fields), f"{done:,} of {len(fields):,} fields")
            if gathered and time.monotonic() - last >= _BEAT:
                yield gathered
                gathered, last = {}, time.monotonic()
    if gathered:
        yield gathered


def _in_order(plate: Plate, first: Collection[str]) -> list[Field]:
    """Return the fields in the order in which they are read."""
    return sorted(plate.fields(), key=lambda field: (field.ref.well not in first, field.ref.field > 1))


def _has(plan: MosaicPlan, ref: FieldRef) -> bool:
    return ref.field <= plan.fields.get(ref.well, 0)


def _batch(
    fields: Sequence[Field],
    size: tuple[int, int],
    seen: Mapping[FieldRef, tuple[str, Thumbnail]],
    store: ThumbnailStore,
    writable: bool,
) -> Iterator[tuple[int, Mapping[FieldRef, Tile]]]:
    """Yield how many fields are done, and the thumbnails of those that were not seen as they are now.

    First come those that are kept under their keys, then the others, which are read and kept.
    """
    keys = {field.ref: pixels_key(field) for field in fields}
    unseen = [field for field in fields if field.ref not in seen or seen[field.ref][0] != keys[field.ref]]
    kept = store.get_many([keys[field.ref] for field in unseen], size) if unseen else {}
    missing = [field for field in unseen if keys[field.ref] not in kept]
    yield len(fields) - len(missing), {f.ref: kept[keys[f.ref]] for f in unseen if keys[f.ref] in kept}
    new: dict[FieldRef, tuple[str, Thumbnail]] = {}
    pool = ThreadPoolExecutor(min(os.cpu_count() or 1, _THREADS), thread_name_prefix="phenotyper mosaic")
    try:
        for field, tile in zip(missing, pool.map(lambda field: read_tile(field, size), missing), strict=True):
            if isinstance(tile, Thumbnail):
                new[field.ref] = keys[field.ref], tile
            yield 1, {field.ref: tile}
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        if new and writable:
            _keep(store, new)


def _keep(store: ThumbnailStore, new: Mapping[FieldRef, tuple[str, Thumbnail]]) -> None:
    try:
        store.put_many(new)
    except ProjectError:
        return  # a full disk, or one that was taken away: they are read again the next time, and nothing is lost


def read_tile(field: Field, size: tuple[int, int]) -> Tile:
    """Return a field of all channels, projected over z, made small to `size` (height, width); or why it cannot be read.

    Each pixel is the mean of a grid of up to 4 × 4 pixels evenly spread over its place.
    """
    try:
        info = field.info
        level, (height, width) = coarse_level(info, size), info.shape[3:]
        # a whole plane as one window is read in half the time
        image = field.read(level=level) if level else field.windows([(slice(0, height), slice(0, width))])[0]
        return Thumbnail(shrunk(image, size), info.shape[3:])
    except PhenotyperError as error:
        return str(error)


def coarse_level(info: FieldInfo, size: tuple[int, int]) -> int:
    """Return the coarsest pyramid level that is at least as large as `size`; full resolution where none is."""
    enough = [i for i, level in enumerate(info.levels) if level[0] >= size[0] and level[1] >= size[1]]
    return max(enough, key=lambda i: -info.levels[i][0] * info.levels[i][1], default=0)


def shrunk(image: NDArray[np.generic], size: tuple[int, int]) -> NDArray[np.generic]:
    """Return (c, y, x) made small to `size` (height, width), in its own type."""
    fine = [min(_FINE, max(n // m, 1)) for n, m in zip(image.shape[1:], size, strict=True)]
    rows, columns = (
        np.minimum((np.arange(m * f) + 0.5) * (n / (m * f)), n - 1).astype(np.intp)
        for n, m, f in zip(image.shape[1:], size, fine, strict=True)
    )
    # first whole rows, which lie together in memory, then columns
    sample = np.take(np.take(image, rows, axis=1), columns, axis=2).astype(np.float32)
    means = sample.reshape(len(image), size[0], fine[0], size[1], fine[1]).mean(axis=(2, 4))
    whole = image.dtype.kind in "iub"
    result: NDArray[np.generic] = (np.rint(means) if whole else np.nan_to_num(means)).astype(image.dtype)
    return result


def mosaic_of(
    session: Reading, wish: TileWish, writable: bool, progress: Progress
) -> tuple[MosaicPlan, NDArray[np.generic], Mapping[FieldRef, str]]:
    """Return a whole mosaic: its plan, (c, y, x) pixels, and why some fields cannot be read."""
    parts = read_mosaic(session, wish, writable, progress)
    plan = next(parts)
    assert isinstance(plan, MosaicPlan)
    image = np.zeros((plan.channels, *plan.size), plan.dtype)
    problems: dict[FieldRef, str] = {}
    for found in parts:
        assert not isinstance(found, MosaicPlan)
        problems |= place(plan, found, image)
    return plan, image, problems


def place(plan: MosaicPlan, found: Mapping[FieldRef, Tile], image: NDArray[np.generic]) -> dict[FieldRef, str]:
    """Put thumbnails into a mosaic of (c, y, x); return why those that are not there cannot be read."""
    problems = {}
    for ref, tile in found.items():
        rows, columns = plan.box(ref)
        if isinstance(tile, str):
            problems[ref] = tile
            image[:, rows, columns] = 0
        else:
            image[: len(tile.pixels), rows, columns] = tile.pixels[: len(image)]
    return problems
