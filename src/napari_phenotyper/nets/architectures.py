"""Architectures out of JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast, get_args

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.nets.blocks import Architecture
from napari_phenotyper.nets.lipnets import LipArchitecture, Variant
from napari_phenotyper.nets.residual import ResidualArchitecture

_LIMITS = {"channels": 10_000, "classes": 100_000, "width": 4096, "stages": 8, "factor": 64}
"""What a file may ask for: more would only fill the memory."""


def restore(state: object) -> Architecture:
    """Return the architecture whose `state` this is. Raises ModelError for other values."""
    if isinstance(state, Mapping) and state.get("family") == "residual":
        numbers = _numbers(state, ("channels", "classes", "width", "stages", "factor"))
        return ResidualArchitecture(**numbers)
    if isinstance(state, Mapping) and state.get("family") == "lipnet" and state.get("variant") in get_args(Variant):
        numbers = _numbers(state, ("channels", "classes"))
        return LipArchitecture(**numbers, variant=cast("Variant", state["variant"]))
    raise _damaged()


def _numbers(state: Mapping[str, object], names: tuple[str, ...]) -> dict[str, int]:
    found = {name: value for name in names if type(value := state.get(name)) is int and 1 <= value <= _LIMITS[name]}
    if len(found) != len(names) or not set(state) <= {*names, "family", "variant"}:
        raise _damaged()
    return found


def _damaged() -> ModelError:
    return ModelError("The model's network is not described as it should be.", "The file is damaged; train again.")
