"""Does a model fit a plate? What is missing is said in words, what can be resampled is, what cannot is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.reading import Reading

_ALIKE = 0.1
"""Pixel sizes that differ by less than this share are taken for equal: magnifications are no more exact."""
_NAMED = 3
"""Columns that a message names."""
_TRAIN = "Train on this plate, or use a model that does not look at it."


def check_model(
    meta: Mapping[str, Json], card: Mapping[str, Json], channels: Sequence[Channel], pixel_size: float | None,
    where: str, columns: Sequence[str] | None = None,
) -> tuple[str, ...]:  # fmt: skip
    """Compare what a model looks at with what a plate has.

    Parameters
    ----------
    meta, card
        Of the model.
    channels, pixel_size
        Of the plate, the pixel size in µm or None.
    where
        How the plate is called at the beginning of a sentence ("Plate P2", "These crops").
    columns
        Those that are measured; None where the model's columns are measured when they are needed.

    Returns
    -------
    Sentences on what does not fit but does not stop the work.

    Raises
    ------
    ModelError
        Naming the channels or columns that are missing, and the remedy; or if the card is damaged.
    """
    seen = _looks_at(meta, card)
    labels = [channel.label for channel in channels]
    missing = [label for label in seen if label.casefold() not in {have.casefold() for have in labels}]
    if missing:
        raise ModelError(
            f"{where}: no channel is called {', '.join(missing)}, which the model looks at; there are: "
            f"{', '.join(labels) or 'none'}.",
            f"Say which it is: phenotyper channels PLATE --set {missing[0]}=NAME, or --channels for crops. {_TRAIN}",
        )
    if columns is not None:
        _check_columns(meta, columns, where)
    spec = meta.get("crop")
    if isinstance(spec, Mapping):
        return (*_check_count(spec, card, labels, where), *_resampled(_number(spec.get("pixel_size")), pixel_size))
    return _sizes(_number(card.get("pixel_size")), pixel_size, where)


def check_plate(session: Reading, plate: Plate, meta: Mapping[str, Json], card: Mapping[str, Json]) -> tuple[str, ...]:
    """Compare a model with a plate of the project; returns and raises as `check_model`."""
    field = next(plate.fields(), None)
    pixel_size = field.info.pixel_size if field is not None else None
    return check_model(meta, card, plate.channels, pixel_size, f"Plate {plate.name}", _measured(session, plate))


def _measured(session: Reading, plate: Plate) -> tuple[str, ...] | None:
    """Return the columns that the first measured field of a plate has, None if nothing is measured."""
    for item in wanted(session, plate):
        cells = session.project.cells.get(item.field.ref, item.mask, item.blocks)
        if cells is not None:
            return cells.columns
    return None


def check_card(card: Mapping[str, Json], where: str) -> None:
    """Check what the rest of the program reads of a card that comes from elsewhere. Raises ModelError."""
    kinds = {"classes": list, "cells": dict, "wells": list, "plates": list, "training": str}
    wrong = [name for name, kind in kinds.items() if not isinstance(card.get(name), kind)]
    classes, cells = card.get("classes"), card.get("cells")
    if isinstance(classes, list) and not all(isinstance(name, str) for name in classes):
        wrong.append("classes")
    if isinstance(cells, dict) and not all(type(count) is int for count in cells.values()):
        wrong.append("cells")
    if wrong:
        raise ModelError(
            f"The card of the model in {where} does not tell its {', '.join(dict.fromkeys(wrong))}.",
            "Export it again where it was trained.",
        )
    _labels(card)


def _looks_at(meta: Mapping[str, Json], card: Mapping[str, Json]) -> list[str]:
    """Return the labels of the channels that a model looks at, as far as it tells."""
    spec, columns = meta.get("crop"), meta.get("columns")
    if isinstance(spec, Mapping):
        named = spec.get("channels")
        return [str(name) for name in named] if isinstance(named, list | tuple) else []
    if not isinstance(columns, list | tuple):
        return []
    parts = {part for name in columns for part in _ends(str(name))}
    return [label for label in _labels(card) or () if label in parts]


def _ends(column: str) -> list[str]:
    """Return what may be a channel's label in the name of a column, "Nuclei_Rings_MeanFrac_DNA_1of4"."""
    words = column.split("_")
    return ["_".join(words[start:stop]) for start in range(2, len(words)) for stop in range(start + 1, len(words) + 1)]


def _labels(card: Mapping[str, Json]) -> list[str] | None:
    """Return the labels of the channels a model was trained on; None for a card that does not tell."""
    told: Any = card.get("channels")
    if told is None:
        return None
    if not isinstance(told, list) or not all(
        isinstance(one, Mapping) and isinstance(one.get("name"), str) for one in told
    ):
        raise ModelError("The card of the model does not name its channels.", "Export it again where it was trained.")
    return [str(one.get("role") or one["name"]) for one in told]


def _check_columns(meta: Mapping[str, Json], columns: Sequence[str], where: str) -> None:
    wanted = meta.get("columns")
    if not isinstance(wanted, list | tuple):
        return
    have = set(columns)
    missing = [name for name in map(str, wanted) if name not in have]
    if missing:
        named = ", ".join(missing[:_NAMED]) + (" …" if len(missing) > _NAMED else "")
        raise ModelError(
            f"{where}: {len(missing)} of {len(wanted)} columns that the model looks at are not measured: {named}",
            "Measure with the extractors that it was trained on: phenotyper measure PLATE; and give the channels the "
            "same roles: phenotyper channels PLATE.",
        )


def _check_count(spec: Mapping[str, Json], card: Mapping[str, Json], labels: Sequence[str], where: str) -> list[str]:
    """Raise ModelError where a network that looks at all channels was trained on another number of them."""
    trained = _labels(card)
    if spec.get("channels") or trained is None:
        return []
    if len(trained) != len(labels):
        raise ModelError(
            f"{where}: there are {len(labels)} channels, and the model was trained on {len(trained)}: "
            f"{', '.join(trained)}.",
            _TRAIN,
        )
    if [label.casefold() for label in trained] != [label.casefold() for label in labels]:
        return [f"{where}: the model was trained on the channels {', '.join(trained)}, here are {', '.join(labels)}."]
    return []


def sizes_differ(first: float | None, second: float | None) -> bool:
    """Tell whether two pixel sizes are known and differ by more than a tenth."""
    return first is not None and second is not None and max(first / second, second / first) > 1 + _ALIKE


def _resampled(trained: float | None, here: float | None) -> list[str]:
    if trained is None or here is None:
        return _unknown(trained, here)
    if abs(here / trained - 1) <= 0.01:
        return []
    return [f"Crops are resampled from {here:g} to {trained:g} µm per pixel, as the model was trained."]


def _sizes(trained: float | None, here: float | None, where: str) -> tuple[str, ...]:
    if trained is None or here is None:
        return tuple(_unknown(trained, here))
    if not sizes_differ(trained, here):
        return ()
    ratio = trained / here
    return (
        f"{where}: a pixel is {here:g} µm, and the model was trained at {trained:g} µm. Its columns are in pixels, so "
        f"a nucleus of the same size looks {ratio:.2g} times as large to it: expect wrong classes. {_TRAIN}",
    )


def _unknown(trained: float | None, here: float | None) -> list[str]:
    """Tell that pixel sizes cannot be compared, where one of them is known."""
    if trained is None and here is None:
        return []
    who = "of the images the model was trained on" if trained is None else "of these images"
    return [f"The pixel size {who} is not known: whether cells are as large as in training cannot be checked."]


def _number(value: object) -> float | None:
    """Return a pixel size in µm, None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1e9:
        return None
    return float(value)
