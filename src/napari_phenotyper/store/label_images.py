"""Label images as NGFF 0.5 image labels in zarr v3 (https://ngff.openmicroscopy.org/0.5)."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.kernels.chunks import chunked_array, decoder

GROUP: Mapping[str, Json] = {"zarr_format": 3, "node_type": "group", "attributes": {}}
"""`zarr.json` of a group that only holds others."""

_OURS = "phenotyper"
_CHUNK = 1024
_LEVEL = 3
"""Of zstd: its default."""


def write_group(folder: Path, masks: Masks, record: Mapping[str, Json]) -> None:
    """Write masks into an empty folder: a labels group with one label image per compartment.

    The group's attributes tell the number of cells and a checksum per compartment, since zarr takes a chunk that is
    missing for an empty one.

    Parameters
    ----------
    folder
        Exists.
    masks
        (y, x) int32 per compartment.
    record
        Kept as it is; "pixel_size" (µm) is the scale of the label images, which is 1 pixel without it.
    """
    size = record.get("pixel_size")
    checks = {}
    for name, labels in masks.labels.items():
        image = np.ascontiguousarray(labels, np.int32)
        _write_labels(folder / name, image, float(size) if isinstance(size, int | float) else None)
        checks[name] = zlib.crc32(image.data)
    first = NUCLEI if NUCLEI in masks.labels else next(iter(masks.labels))
    ours = {"record": record, "revision": masks.revision, "cells": len(masks.ids(first)), "labels": checks}
    _write_attributes(folder, {"ome": {"version": "0.5", "labels": list(masks.labels)}, _OURS: ours})


def read_group(folder: Path, about: Mapping[str, Any]) -> Masks:
    """Return the masks in a folder.

    Parameters
    ----------
    folder
        As `write_group` left it.
    about
        What `group_record` says of it.

    Raises
    ------
    OSError, ValueError, KeyError, TypeError, RuntimeError
        From json, zarr and its codecs, and if a checksum does not fit: the masks are damaged.
    """
    import zarr

    labels: dict[str, Labels] = {}
    for name, check in about["labels"].items():
        image = np.asarray(zarr.open_array(folder / name / "0", mode="r")[:], np.int32)
        if zlib.crc32(image.data) != check:
            raise ValueError(f"the pixels of {name} are not those that were written")
        labels[name] = image
    return Masks(labels, int(about["revision"]))


def read_parts(folder: Path, name: str, regions: Sequence[tuple[slice, slice]]) -> list[Labels]:
    """Return rows and columns of one compartment for each of some regions; raises what `read_group` raises.

    No checksum tells of damage here, and a chunk that is missing reads as empty.
    """
    array = chunked_array(folder / name / "0")
    if array is None:
        raise ValueError(f"{folder / name} is not stored as masks are")
    return [np.asarray(part, np.int32) for part in array.windows((), regions, decoder(array.codec))]


def group_record(folder: Path) -> dict[str, Any] | None:
    """Return what a masks group says of itself ("record", "revision", "cells", "labels"), None if it is not whole."""
    try:
        about = json.loads((folder / "zarr.json").read_bytes())["attributes"][_OURS]
        whole = isinstance(about["record"], dict) and isinstance(about["labels"], dict)
        numbers = isinstance(about["cells"], int) and isinstance(about["revision"], int)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(about) if whole and numbers else None


def _write_labels(folder: Path, image: Labels, pixel_size: float | None) -> None:
    import zarr
    from zarr.codecs import ZstdCodec

    unit = {} if pixel_size is None else {"unit": "micrometer"}
    scale = [pixel_size or 1.0] * 2
    multiscale = {
        "name": folder.name,
        "axes": [{"name": name, "type": "space", **unit} for name in "yx"],
        "datasets": [{"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}],
    }
    folder.mkdir()
    array = zarr.create_array(
        folder / "0",
        shape=image.shape,
        chunks=tuple(max(1, min(_CHUNK, side)) for side in image.shape),
        dtype="int32",
        compressors=ZstdCodec(level=_LEVEL),
        fill_value=0,
        dimension_names=("y", "x"),
        zarr_format=3,
    )
    array[:] = image
    _write_attributes(folder, {"ome": {"version": "0.5", "multiscales": [multiscale], "image-label": {}}})


def _write_attributes(folder: Path, attributes: Mapping[str, Any]) -> None:
    (folder / "zarr.json").write_text(json.dumps({**GROUP, "attributes": attributes}), "utf-8")
