"""Drop results that no key needs."""

from __future__ import annotations

from napari_phenotyper.core.errors import ProjectError, TrainingError
from napari_phenotyper.session.illumination import light_keys
from napari_phenotyper.session.keys import pixels_key
from napari_phenotyper.session.learning import predicted_wells
from napari_phenotyper.session.measuring import wanted
from napari_phenotyper.session.session import Session, needs_writing


def needed_keys(session: Session) -> frozenset[str]:
    """Return the keys of all fields' pixels, all current masks, columns and predictions, and the light of plates."""
    keys: set[str] = set()
    models = session.project.models.ids()
    for plate in session.plates.values():
        keys |= {pixels_key(field) for field in plate.fields()} | light_keys(session, plate.name)
        try:
            for item in wanted(session, plate):
                keys |= {item.mask, *item.blocks.values()}
            for model in models:
                keys |= {key for key, _ in predicted_wells(session, plate, model).values()}
        except TrainingError:
            continue  # a plate that is not segmented needs nothing
    return frozenset(keys)


def clean(session: Session) -> int:
    """Remove what no current key needs, and what killed jobs left; annotations and models always stay.

    Profiles go, too: they are made again in seconds from what stays. Thumbnails stay while their fields' pixels do.

    Plates that could not be opened keep everything: what they need is not known.

    Returns
    -------
    int
        Bytes freed.

    Raises
    ------
    ProjectError
        If the project is read-only, or a plate of it could not be opened.
    """
    needs_writing(session)
    session.all_plates()
    if session.problems:
        raise ProjectError(
            f"Not cleaned: {session.problems[0]}", "What a missing plate needs is not known; make it available first."
        )
    return session.project.clean(needed_keys(session))
