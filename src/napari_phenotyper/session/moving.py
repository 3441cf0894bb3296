"""Move models from project to project."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.session.learning import model_in_use
from napari_phenotyper.session.model_check import check_card, check_plate
from napari_phenotyper.session.model_choice import choose_model, labels_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session, needs_writing
from napari_phenotyper.session.tasks import restored
from napari_phenotyper.store.model_files import read_model_file


def export_model(session: Reading, path: Path, model: str | None = None) -> str:
    """Write a kept model, the one in use by default, to one file; return its id. Raises ModelError, ProjectError."""
    model_id = model_in_use(session, model)
    session.project.models.export_file(model_id, path)
    return model_id


def import_model(session: Session, path: Path) -> tuple[str, tuple[str, ...]]:
    """Keep the model in a file and make it the one in use.

    Returns
    -------
    Its id here, and sentences on what of it does not fit the plates of the project as they are now.

    Raises
    ------
    ModelError
        If the file is no model, or its classifier refuses it; nothing is kept of it then.
    ExtensionError
        If the classifier that made it is not installed.
    ProjectError
    """
    needs_writing(session)
    state, card = read_model_file(path)
    check_card(card, str(path))
    restored(state, card, session.registry)
    model_id = session.project.models.import_file(path)
    choose_model(session, model_id, labels_key(session))
    return model_id, fit(session, session.plates.values(), model_id)


def fit(session: Reading, plates: Iterable[Plate], model: str | None = None) -> tuple[str, ...]:
    """Return sentences on what of a kept model does not fit some plates, what stops the work among them."""
    state, card = session.project.models.load(model_in_use(session, model))
    said: list[str] = []
    for plate in plates:
        try:
            said += check_plate(session, plate, state.meta, card)
        except ModelError as error:
            said.append(str(error))
    return tuple(said)
