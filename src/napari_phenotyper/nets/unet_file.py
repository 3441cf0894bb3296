"""A trained U-Net on disk: weights as safetensors and a card in JSON beside them, two formats that hold no code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json

KIND = "unet segmenter"
FORMAT = 1
_MOST_WEIGHTS, _MOST_CARD = 256 * 2**20, 2**20
_TRUST = "Name a .safetensors file that `phenotyper train-segmenter` wrote, with its .json beside it."


@dataclass(frozen=True, eq=False)
class NetFile:
    """What the two files of a trained network hold.

    Attributes
    ----------
    arrays
        Weights by name.
    card
        "network" (how it is built), "data", "licence", "scores" and what else is told of it.
    digest
        Of the weights and of how the network is built, 16 hexadecimal digits.
    """

    arrays: Mapping[str, NDArray[np.generic]]
    card: Mapping[str, Json]
    digest: str


def packed(
    arrays: Mapping[str, NDArray[np.generic]], network: Mapping[str, Json], card: Mapping[str, Json]
) -> tuple[bytes, bytes]:
    """Return the contents of the two files, weights and card."""
    from safetensors.numpy import save

    raw = bytes(save({name: np.array(array, order="C") for name, array in arrays.items()}))
    said = {"kind": KIND, "format": FORMAT, "network": network, "sha256": hashlib.sha256(raw).hexdigest()}
    return raw, (json.dumps(said | dict(card), indent=1, ensure_ascii=False) + "\n").encode()


def read(path: Path) -> NetFile:
    """Return the trained network of a .safetensors file and the card beside it. No code in them is run.

    Raises
    ------
    ModelError
        If one is missing, foreign or damaged, or they do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    raw, card = _bytes(path, _MOST_WEIGHTS), _card(path.with_suffix(".json"))
    if hashlib.sha256(raw).hexdigest() != card["sha256"]:
        raise ModelError(f"The weights in {path} are damaged or not those of the card beside them.", _TRUST)
    try:
        arrays = load(raw)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ModelError(f"The weights in {path} cannot be read: {error}.", _TRUST) from error
    told = hashlib.sha256(raw + json.dumps(card["network"], sort_keys=True).encode())
    return NetFile(arrays, card, told.hexdigest()[:16])


def _card(path: Path) -> dict[str, Json]:
    """Return a card whose own entries are of the right kinds. Raises ModelError."""
    raw = _bytes(path, _MOST_CARD)
    try:
        card = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"The card {path} cannot be read: {error}.", _TRUST) from error
    if not isinstance(card, dict) or card.get("kind") != KIND:
        raise ModelError(f"{path} is not the card of a segmenter.", _TRUST)
    if not isinstance(card.get("network"), dict) or not isinstance(card.get("sha256"), str):
        raise ModelError(f"The card {path} lacks the network or the checksum.", _TRUST)
    if type(card.get("format")) is not int or card["format"] > FORMAT:
        raise ModelError(f"The segmenter in {path} was made by a newer version.", "Update napari-phenotyper.")
    return card


def _bytes(path: Path, limit: int) -> bytes:
    """Return a file's contents. Raises ModelError if it is missing, no plain file, or larger than a limit."""
    try:
        if not path.is_file():  # a device or a pipe never ends
            raise ModelError(f"There is no file {path}.", _TRUST)
        if path.stat().st_size > limit:
            raise ModelError(f"{path} is larger than a segmenter may be.", _TRUST)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).", _TRUST) from error
