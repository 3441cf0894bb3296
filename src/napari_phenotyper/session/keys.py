"""The keys of results: what a stage's result depends on, as one digest per field and stage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from napari_phenotyper.core.field import Field
from napari_phenotyper.core.keys import Json, digest

if TYPE_CHECKING:
    from napari_phenotyper.core.wells import WellRef

Record = Mapping[str, Json]
"""Id, version and parameters of an extension."""


def pixels_key(field: Field) -> str:
    """Return the key of a field's pixels."""
    return digest("pixels", field.source.fingerprint())


def mask_key(field: Field, segmenter: Record, revision: int = 0) -> str:
    """Return the key of a field's masks: its pixels, what its channels show, the segmenter as resolved."""
    labels: list[Json] = [channel.label for channel in field.channels]
    return digest(field.source.fingerprint(), labels, segmenter, revision)


def block_key(mask: str, extractor: Record, light: str = "") -> str:
    """Return the key of one extractor's columns; `light` is the digest of the illumination that pixels are freed of."""
    return digest(mask, extractor, light) if light else digest(mask, extractor)


def prediction_key(model: str, blocks: Mapping[str, Mapping[str, str]]) -> str:
    """Return the key of a well's prediction: the model, and field by field the keys of the columns."""
    return digest(model, {field: dict(keys) for field, keys in blocks.items()})


def profile_key(profiler: Record, parts: Mapping[WellRef, Json]) -> str:
    """Return the key of a profile: the profiler, and well by well what it was made from."""
    return digest(profiler, {"\n".join(well): part for well, part in parts.items()})
