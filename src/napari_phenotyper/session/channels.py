"""Say what a plate's channels show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from napari_phenotyper.core.plate import Plate
from napari_phenotyper.session.session import Session, needs_writing


def set_roles(session: Session, plates: Sequence[Plate], roles: Mapping[str, str]) -> tuple[Plate, ...]:
    """Give channels their roles in some plates, and remember it.

    Parameters
    ----------
    session, plates
        Where.
    roles
        Role to channel name, `{"DNA": "w2"}`.

    Raises
    ------
    ChannelError, SettingError, ProjectError
    """
    needs_writing(session)
    changed = tuple(plate.with_roles(roles) for plate in plates)
    settings = session.project.settings
    roles_now = {plate.name: {c.role: c.name for c in plate.channels if c.role} for plate in changed}
    session.project.replace_settings(replace(settings, roles={**settings.roles, **roles_now}))
    for plate in changed:
        session.update(plate)
    return changed
