"""Which kept model is in use, and whether it has learnt from the annotations that stand."""

from __future__ import annotations

from napari_phenotyper.core.keys import Json, digest
from napari_phenotyper.session.imported import imports_key
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session


def labels_key(session: Reading) -> str:
    """Return what changes when somebody annotates, undoes, renames a class or imports cells to train on."""
    standing = session.annotations.active
    said: list[Json] = [[name, a.phenotype, a.mask_key, a.y, a.x] for name, a in sorted(standing.items())]
    return digest(said, imports_key(session))


def choose_model(session: Session, model: str, labels: str) -> None:
    """Make a kept model the one in use, chosen while certain labels stood. Raises ProjectError."""
    session.set("model", {"id": model, "labels": labels})
    session.events.models.emit(model)


def chosen_for_now(session: Reading) -> bool:
    """Tell whether the model in use was trained on, or chosen beside, the annotations that stand."""
    chosen = session.setting("model")
    return bool(chosen.get("id")) and chosen.get("labels") == labels_key(session)
