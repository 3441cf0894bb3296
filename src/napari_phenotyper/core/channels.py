"""Guess what a channel shows from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.field import Channel, find_channel

_ROLES = (
    ("DNA", r"dna|hoechst|dapi|h2b|draq|nucle(i|us|ar)|\bnuc\b|sytox|propidium|histone"),
    ("actin", r"actin|phalloidin|lifeact"),
    ("tubulin", r"tubulin"),
    ("mitochondria", r"mito"),
    ("ER", r"\ber\b|concanavalin|calreticulin|calnexin"),
    ("Golgi", r"golgi|wga"),
)
ROLES = tuple(role for role, _ in _ROLES)
"""What a channel may show; any other word does, too."""
_FIRST_CHANNEL = r"^(w|ch|c|a01z01c|d)?0*[01]$"


def guess_roles(names: Sequence[str]) -> tuple[Channel, ...]:
    """Return channels with the roles that their names tell.

    A stain that is named wins (DNA: DAPI, Hoechst, H2B …). Where no name tells the DNA channel, a first channel named
    only by a number (w1, ch1, C01) is taken for it, as is the only channel of a plate: nuclei are what screens stain
    first. A role is given to one channel only.
    """
    roles: dict[int, str] = {}
    for role, pattern in _ROLES:
        for i, name in enumerate(names):
            if i not in roles and re.search(pattern, name, re.IGNORECASE):
                roles[i] = role
                break
    untold = "DNA" not in roles.values() and 0 not in roles
    if names and untold and (len(names) == 1 or re.fullmatch(_FIRST_CHANNEL, names[0], re.IGNORECASE)):
        roles[0] = "DNA"
    return tuple(Channel(name, roles.get(i, "")) for i, name in enumerate(names))


def assign_roles(channels: Sequence[Channel], roles: Mapping[str, str]) -> tuple[Channel, ...]:
    """Return channels with roles set; a role moves away from the channel that had it.

    Parameters
    ----------
    channels
        The plate's channels.
    roles
        Role to channel name, `{"DNA": "w2"}`.

    Raises
    ------
    ChannelError
        If a name is none of the channels.
    SettingError
        If one channel is given two roles.
    """
    by_name = [Channel(c.name) for c in channels]
    chosen = {find_channel(by_name, name): role for role, name in roles.items()}
    if len(chosen) < len(roles):
        raise SettingError("One channel was given two roles.", "Give each role a channel of its own.")
    taken = {role.casefold() for role in roles}
    return tuple(
        Channel(c.name, chosen[i] if i in chosen else "" if c.role.casefold() in taken else c.role)
        for i, c in enumerate(channels)
    )
