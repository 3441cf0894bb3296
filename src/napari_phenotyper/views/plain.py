"""Texts of users where Qt would take them for HTML."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt


def plain_tip(text: str) -> str:
    """Return a hover text that shows every letter: Qt reads one with "<b>" in it as HTML."""
    if not Qt.mightBeRichText(text):
        return text
    return f'<span style="white-space: pre">{escape(text)}</span>'
