"""Models on disk: a folder each, with its card and its arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.store.files import Guard, discard, explained, place_folder, replacing, temporary, writable
from napari_phenotyper.store.model_files import (
    ARRAYS,
    ARRAYS_LIMIT,
    CARD,
    CARD_LIMIT,
    checked_id,
    packed,
    read_archive,
    read_bytes,
    read_card,
    unpacked,
    write_archive,
)


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
        text, raw = packed(model, classifier, state, card)
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
        place = self.folder / checked_id(model)
        texts = [read_bytes(place / name, limit) for name, limit in ((CARD, CARD_LIMIT), (ARRAYS, ARRAYS_LIMIT))]
        return unpacked(texts[0], texts[1], str(place))

    def card(self, model: str) -> Mapping[str, Any]:
        """Return a model's card without its arrays. Raises ModelError."""
        place = self.folder / checked_id(model) / CARD
        return read_card(read_bytes(place, CARD_LIMIT), str(place))

    def ids(self) -> tuple[str, ...]:
        """Return the ids of the models, the newest first; folders without a readable card are left out."""
        found = []
        for path in self.folder.glob(f"*/{CARD}"):
            try:
                checked_id(path.parent.name)
                card = read_card(read_bytes(path, CARD_LIMIT), str(path))
            except ModelError:
                continue
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
        write_archive(path, read_bytes(place / CARD, CARD_LIMIT), read_bytes(place / ARRAYS, ARRAYS_LIMIT))

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
        text, raw = read_archive(path)
        _, card = unpacked(text, raw, str(path))
        model = checked_id(str(card["id"]))
        if (self.folder / model).exists():
            if (self.folder / model / ARRAYS).exists() and read_bytes(self.folder / model / CARD, CARD_LIMIT) == text:
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
