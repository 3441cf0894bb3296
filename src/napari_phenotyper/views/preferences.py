"""Preferences from napari's own dialog where it has one for plugins (napari 0.9), else from the user's own file."""

from __future__ import annotations

from napari_phenotyper.session.preferences import Preferences, preferences, read_preferences

PLUGIN, GROUP = "napari-phenotyper", "general"


def user_preferences() -> Preferences:
    """Return the user's preferences; a napari that knows none of plugins, or whose file is broken, is passed over."""
    own = read_preferences()
    try:
        from napari.settings import get_plugin_settings

        found = getattr(get_plugin_settings(PLUGIN), GROUP).dict()
    except Exception:  # noqa: BLE001  (ImportError before 0.9; after it whatever foreign settings files make it raise)
        return own
    # what nobody changed in the dialog is as the file says
    changed = {name: value for name, value in found.items() if value != getattr(Preferences(), name, value)}
    return preferences({**own.__dict__, **changed})
