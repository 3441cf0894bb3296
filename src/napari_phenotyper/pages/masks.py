"""Masks in words: how well they agree with true ones, and what became of a folder of images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

_NAMED = 20
"""Files that are named; the others are counted."""


def scores_text(found: Mapping[str, Any]) -> str:
    """Return scores of masks as text: a line per threshold, then splits, merges and the worst images."""
    lines = [f"{found['images']} images, {found['predicted']} objects for {found['true']} true ones"]
    lines.append("  IoU        F1   precision  recall   AP = TP / (TP + FP + FN)")
    for name in found["f1"]:
        told = (_number(found[key][name]) for key in ("f1", "precision", "recall", "ap"))
        lines.append("  {:<6}  {:>5}   {:>9}  {:>6}   {:>5}".format(f"{float(name):.2f}", *told))
    lines.append(f"  mean AP {_number(found['mean_ap'])}; {found['splits']} split, {found['merges']} merged")
    if len(found["per_image"]) > 1:
        worst = (f"{row['name']} {_number(row['f1']['0.5'])}" for row in found["per_image"][:5])
        lines.append(f"  lowest F1 at IoU 0.50: {', '.join(worst)}")
    return "\n".join(lines)


def unscored_text(found: Mapping[str, Any]) -> str:
    """Return what was not scored, and why."""
    lines = [f"  not scored: {why}" for why in list(found["failed"].values())[:_NAMED]]
    lines += _named("no prediction, not scored", found["missing"]) + _named("no true mask", found["extra"])
    return "\n".join(lines)


def unsegmented_text(failed: Mapping[str, str]) -> str:
    """Return which images could not be segmented, and why."""
    lines = [f"  failed: {why if name in why else f'{name}: {why}'}" for name, why in list(failed.items())[:_NAMED]]
    return "\n".join([*lines, f"  … and {len(failed) - _NAMED} more"] if len(failed) > _NAMED else lines)


def _named(what: str, names: Sequence[str]) -> list[str]:
    more = f" … and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return [f"  {what}: {', '.join(names[:_NAMED])}{more}"] if names else []


def _number(value: float) -> str:
    return "–" if value != value else f"{value:.3f}"
