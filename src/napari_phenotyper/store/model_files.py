"""The format of models: arrays as safetensors and a card in JSON, two formats that cannot hold code."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.store.files import replacing

ARRAYS, CARD = "model.safetensors", "card.json"
FORMAT = 1
CARD_LIMIT = 16 * 2**20
"""Bytes that a card may have."""
ARRAYS_LIMIT = 4 * 2**30
"""Bytes that a model's arrays may have."""
_SWELLS = 64
"""How many times its own size an archive may unpack to: weights hardly shrink."""
_SPARE = 2**20
"""Bytes that any archive may unpack to."""
_TYPES = frozenset(np.dtype(name) for name in ("float32", "float64", "int32", "int64", "uint8"))
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_TRUST = "Export it again where it was trained; a model that is no safetensors file with a card is not read."
_OWN = frozenset(("format", "id", "created", "classifier", "meta", "sha256"))
_BROKEN = (
    zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError, zlib.error, struct.error, ValueError,
    OverflowError,
)  # fmt: skip
"""What zipfile raises on files that are no archive, are damaged, or were made to break it."""


def packed(
    model: str, classifier: Mapping[str, Json], state: ModelState, card: Mapping[str, Json]
) -> tuple[bytes, bytes]:
    """Return a model as the contents of its two files, card and arrays; parameters as of `ModelStore.save`.

    Raises
    ------
    ModelError
        If the id cannot be one, or an array is of a type that is not kept.
    """
    raw = _safetensors(state.arrays)
    created = card.get("created") or datetime.now(UTC).isoformat()
    extra = {name: value for name, value in card.items() if name not in _OWN}
    whole = {"format": FORMAT, "id": checked_id(model), "created": created, "classifier": classifier}
    whole |= {"meta": state.meta, "sha256": hashlib.sha256(raw).hexdigest(), **extra}
    return json.dumps(whole, indent=1).encode(), raw


def unpacked(card: bytes, arrays: bytes, where: str) -> tuple[ModelState, Mapping[str, Json]]:
    """Return the state and the card that two files hold.

    Parameters
    ----------
    card, arrays
        Contents of the files.
    where
        For the error.

    Raises
    ------
    ModelError
        If they are foreign or damaged, or do not belong together. No code in them is run.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    said = read_card(card, where)
    if hashlib.sha256(arrays).hexdigest() != said["sha256"]:
        raise ModelError(f"The arrays of the model in {where} are damaged: their checksum differs.", _TRUST)
    try:
        found = load(arrays)
    except (SafetensorError, ValueError, KeyError, TypeError, OverflowError, MemoryError) as error:
        raise ModelError(f"The arrays of the model in {where} cannot be read: {error}.", _TRUST) from error
    odd = [name for name, array in found.items() if array.dtype not in _TYPES]
    if odd:
        raise ModelError(f"The model in {where} holds an array {odd[0]!r} of type {found[odd[0]].dtype}.", _TRUST)
    return ModelState(found, said["meta"]), {k: v for k, v in said.items() if k not in ("meta", "sha256", "format")}


def read_card(raw: bytes, where: str) -> dict[str, Any]:
    """Return a card whose own entries are of the right kinds. Raises ModelError."""
    try:
        card = json.loads(raw)
        kinds = {"format": int, "id": str, "created": str, "classifier": dict, "meta": dict, "sha256": str}
        wrong = [name for name, kind in kinds.items() if not isinstance(card.get(name), kind)]
    except (ValueError, RecursionError, AttributeError) as error:
        raise ModelError(f"The card of the model in {where} cannot be read: {error}.", _TRUST) from error
    if wrong:
        raise ModelError(f"The card of the model in {where} lacks {', '.join(wrong)}.", _TRUST)
    if card["format"] > FORMAT:
        raise ModelError(f"The model in {where} was made by a newer version.", "Update napari-phenotyper.")
    return cast("dict[str, Any]", card)


def read_bytes(path: Path, limit: int) -> bytes:
    """Return a file's contents. Raises ModelError if it is missing, no plain file, or larger than a limit."""
    try:
        if path.stat().st_size > limit:
            raise ModelError(f"{path} is larger than a model may be.", _TRUST)
        if not path.is_file():  # a device or a pipe never ends
            raise ModelError(f"{path} is no file.", _TRUST)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}).", "See `phenotyper models` for those there are."
        ) from error


def write_archive(path: Path, card: bytes, arrays: bytes) -> None:
    """Write a model to one file, a zip archive of the two. Raises ProjectError if it cannot be written."""
    with replacing(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as archive:
        for name, data in ((CARD, card), (ARRAYS, arrays)):
            archive.writestr(zipfile.ZipInfo(name), data)


def read_archive(path: Path) -> tuple[bytes, bytes]:
    """Return card and arrays out of an archive that holds these two and nothing else; nothing is unpacked to disk.

    Raises
    ------
    ModelError
        If it is anything else, or unpacks to more than a model may be.
    """
    try:
        if not path.is_file():
            raise ModelError(f"{path} is no exported model: there is no such file.", "Check the name.")
        most = _SWELLS * path.stat().st_size + _SPARE
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != sorted((CARD, ARRAYS)):
                raise ModelError(f"{path} holds something else than one model.", _TRUST)
            parts = []
            for name, limit in ((CARD, min(CARD_LIMIT, most)), (ARRAYS, min(ARRAYS_LIMIT, most))):
                with archive.open(name) as file:
                    parts.append(file.read(limit + 1))
                if len(parts[-1]) > limit:
                    raise ModelError(f"{name} in {path} is larger than a model may be.", _TRUST)
    except ModelError:
        raise
    except _BROKEN as error:
        raise ModelError(f"{path} is no exported model: {error}.", _TRUST) from error
    return parts[0], parts[1]


def read_model_file(path: Path) -> tuple[ModelState, Mapping[str, Json]]:
    """Return the state and the card of the model in one file. Raises ModelError; no code in it is run."""
    return unpacked(*read_archive(path), str(path))


def checked_id(model: str) -> str:
    """Return an id that can name a folder. Raises ModelError."""
    if not _ID.fullmatch(model):
        raise ModelError(f"{model!r} cannot be the id of a model.", "Ids are of letters, digits, dots and dashes.")
    return model


def _safetensors(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    from safetensors.numpy import save

    plain = {}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("=") not in _TYPES:
            raise ModelError(f"The array {name!r} of the model is of type {array.dtype}.", "Keep float, int or uint8.")
        plain[name] = np.array(array, array.dtype.newbyteorder("="), order="C")
    return cast("bytes", save(plain))
