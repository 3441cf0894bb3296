"""Models on disk: arrays as safetensors and a card in JSON, two formats that cannot hold code."""

from __future__ import annotations

import hashlib
import json
import re
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.store.files import (
    Guard,
    discard,
    explained,
    place_folder,
    replacing,
    temporary,
    writable,
)

ARRAYS, CARD = "model.safetensors", "card.json"
FORMAT = 1
CARD_LIMIT = 16 * 2**20
"""Bytes that a card may have."""
ARRAYS_LIMIT = 4 * 2**30
"""Bytes that a model's arrays may have."""

_TYPES = frozenset(np.dtype(name) for name in ("float32", "float64", "int32", "int64", "uint8"))
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,62}[A-Za-z0-9])?")
_TRUST = "Export it again where it was trained; a model that is no safetensors file with a card is not read."
_OWN = frozenset(("format", "id", "created", "classifier", "meta", "sha256"))


class ModelStore:
    """Models by id.

    Parameters
    ----------
    folder
        `models` in the project folder; made at the first write.
    guard
        Called before every write; raises where writing is not allowed.
    """

    def __init__(self, folder: Path, guard: Guard = writable) -> None:
        self.folder = folder
        self._guard = guard

    def save(self, model: str, classifier: Mapping[str, Json], state: ModelState, card: Mapping[str, Json]) -> None:
        """Keep a model.

        Parameters
        ----------
        model
            Its id: up to 64 letters, digits, dots, dashes and underscores.
        classifier
            The record of the classifier that restores it.
        state
            Arrays and JSON.
        card
            What a person wants to know of it: data, scores, versions … "created" (ISO 8601) is added if not given.

        Raises
        ------
        ModelError
            If the id cannot be one, another model has it, or an array is of a type that is not kept.
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        raw = _packed(state.arrays)
        created = card.get("created") or datetime.now(UTC).isoformat()
        extra = {name: value for name, value in card.items() if name not in _OWN}
        whole = {"format": FORMAT, "id": _checked(model), "created": created, "classifier": classifier}
        whole |= {"meta": state.meta, "sha256": hashlib.sha256(raw).hexdigest(), **extra}
        text = json.dumps(whole, indent=1).encode()
        if (self.folder / model).exists():
            raise ModelError(f"There already is a model {model}.", "Keep the new one under another name.")
        self._place(model, text, raw)

    def load(self, model: str) -> tuple[ModelState, Mapping[str, Json]]:
        """Return a model's state and its card, which holds "id", "created", "classifier" and what `save` was given.

        Raises
        ------
        ModelError
            If there is none, or its files are foreign, damaged or not what the card says. No code in them is run.
        """
        place = self.folder / _checked(model)
        texts = [_read(place / name, limit) for name, limit in ((CARD, CARD_LIMIT), (ARRAYS, ARRAYS_LIMIT))]
        return unpacked(texts[0], texts[1], str(place))

    def card(self, model: str) -> Mapping[str, Any]:
        """Return a model's card without its arrays. Raises ModelError."""
        place = self.folder / _checked(model) / CARD
        return _card(_read(place, CARD_LIMIT), str(place))

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the models, the newest first; folders without a readable card are left out."""
        found = []
        for path in self.folder.glob(f"*/{CARD}"):
            try:
                card = _card(_read(path, CARD_LIMIT), str(path))
            except ModelError:
                continue
            if _ID.fullmatch(path.parent.name):
                found.append((str(card["created"]), path.parent.name))
        return tuple(name for _, name in sorted(found, reverse=True))

    def resolve(self, prefix: str | None = None) -> str:
        """Return the id of the newest model, or of the only one whose id begins with a text.

        Raises
        ------
        ModelError
            If there is none, or more than one.
        """
        known = self.ids()
        found = [name for name in known if prefix is None or name.startswith(prefix)]
        if prefix is not None and prefix in found:
            return prefix
        if found and (prefix is None or len(found) == 1):
            return found[0]
        wanted = "model" if prefix is None else f"model that begins with {prefix!r}"
        if not found:
            raise ModelError(
                f"There is no {wanted}.", "Train and keep one; there are: " + (", ".join(known) or "none.")
            )
        raise ModelError(f"There is more than one {wanted}: {', '.join(found)}.", "Give more of its id.")

    def export_file(self, model: str, path: Path) -> None:
        """Write a model to one file, a zip archive of the two, so that it can move to another project.

        Raises
        ------
        ModelError
            If there is none or it is damaged.
        ProjectError
            If the file cannot be written.
        """
        self.load(model)
        place = self.folder / model
        with replacing(path) as scratch, zipfile.ZipFile(scratch, "w", zipfile.ZIP_STORED) as archive:
            for name in (CARD, ARRAYS):
                archive.write(place / name, name)

    def import_file(self, path: Path) -> str:
        """Keep the model in a file that `export_file` wrote; return its id, which changes if another model has it.

        Raises
        ------
        ModelError
            If the file is anything else, too large or damaged. No code in it is run.
        ProjectError
            If the disk is full or the project read-only.
        """
        self._guard()
        text, raw = _unzipped(path)
        _, card = unpacked(text, raw, str(path))
        model = _checked(str(card["id"]))
        if (self.folder / model).exists():
            if (self.folder / model / ARRAYS).exists() and _read(self.folder / model / CARD, CARD_LIMIT) == text:
                return model
            model = f"{model[:55]}-{hashlib.sha256(text).hexdigest()[:8]}"
            text = json.dumps({**json.loads(text), "id": model}, indent=1).encode()
        self._place(model, text, raw)
        return model

    def _place(self, model: str, card: bytes, arrays: bytes) -> None:
        target = self.folder / model
        scratch = temporary(self.folder)
        with explained(target):
            try:
                scratch.mkdir(parents=True)
                for name, data in ((CARD, card), (ARRAYS, arrays)):
                    with replacing(scratch / name) as file:
                        file.write_bytes(data)
                place_folder(scratch, target, lambda folder: (folder / CARD).exists())
            finally:
                discard(scratch)


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
        If they are foreign or damaged, or do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    said = _card(card, where)
    if hashlib.sha256(arrays).hexdigest() != said["sha256"]:
        raise ModelError(f"The arrays of the model in {where} are damaged: their checksum differs.", _TRUST)
    try:
        found = load(arrays)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"The arrays of the model in {where} cannot be read: {error}.", _TRUST) from error
    odd = [name for name, array in found.items() if array.dtype not in _TYPES]
    if odd:
        raise ModelError(f"The model in {where} holds an array {odd[0]!r} of type {found[odd[0]].dtype}.", _TRUST)
    return ModelState(found, said["meta"]), {k: v for k, v in said.items() if k not in ("meta", "sha256", "format")}


def _packed(arrays: Mapping[str, NDArray[np.generic]]) -> bytes:
    from safetensors.numpy import save

    plain = {}
    for name, array in arrays.items():
        if array.dtype.newbyteorder("=") not in _TYPES:
            raise ModelError(f"The array {name!r} of the model is of type {array.dtype}.", "Keep float, int or uint8.")
        plain[name] = np.array(array, array.dtype.newbyteorder("="), order="C")
    return cast("bytes", save(plain))


def _card(raw: bytes, where: str) -> dict[str, Any]:
    """Return a card whose own entries are of the right kinds."""
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


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise ModelError(f"{path} is larger than a model may be.", _TRUST)
        return path.read_bytes()
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}).", "See `phenotyper models` for those there are."
        ) from error


def _unzipped(path: Path) -> tuple[bytes, bytes]:
    """Return card and arrays out of an archive that holds these two and nothing else."""
    try:
        with zipfile.ZipFile(path) as archive:
            if sorted(archive.namelist()) != sorted((CARD, ARRAYS)):
                raise ModelError(f"{path} holds something else than one model.", _TRUST)
            parts = []
            for name, limit in ((CARD, CARD_LIMIT), (ARRAYS, ARRAYS_LIMIT)):
                with archive.open(name) as file:
                    parts.append(file.read(limit + 1))
                if len(parts[-1]) > limit:
                    raise ModelError(f"{name} in {path} is larger than a model may be.", _TRUST)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, OSError) as error:
        raise ModelError(f"{path} is no exported model: {error}.", _TRUST) from error
    return parts[0], parts[1]


def _checked(model: str) -> str:
    if not _ID.fullmatch(model):
        raise ModelError(f"{model!r} cannot be the id of a model.", "Ids are of letters, digits, dots and dashes.")
    return model
