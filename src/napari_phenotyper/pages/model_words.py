"""Kept models in words: a line each, and where two of them differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from napari_phenotyper.pages.judgements import comparison_text

HEADS = ("In use", "Kept", "Classifier", "Labels", "Accuracy", "Balanced accuracy")


def model_row(card: Mapping[str, Any]) -> tuple[str, ...]:
    """Return a model's card as cells under `HEADS`: in use or not, when, what, how many labels, scores."""
    scores = card.get("scores") or {}
    return (
        "●" if card["in_use"] else "",
        str(card["created"])[:16].replace("T", " "),
        str(card["classifier"]["id"]),
        str(sum(card["cells"].values())),
        *(score_words(scores.get(name)) for name in ("accuracy", "balanced_accuracy")),
    )


def score_words(score: Mapping[str, Any] | None) -> str:
    """Return a score with its interval in %, "not tested" where there is none."""
    if not score or score.get("value") is None:
        return "not tested"
    return f"{100 * score['value']:.1f} % ({100 * score['low']:.0f} – {100 * score['high']:.0f})"


def models_text(cards: Sequence[Mapping[str, Any]]) -> str:
    """Return kept models as text, a star before the one in use."""
    lines = []
    for card in cards:
        _, kept, classifier, labels, accuracy, balanced = model_row(card)
        star = "*" if card["in_use"] else " "
        lines.append(
            f"{star} {card['id']}  {kept}  {classifier}, {labels} labels; accuracy {accuracy}, balanced {balanced}"
        )
    return "\n".join(lines) or "There is no model: phenotyper train PLATE."


def differences_text(report: Mapping[str, Any], most: int = 10) -> str:
    """Return where two models differ: cells called differently, scores, and how they do on the same folds."""
    first, other = report["models"]
    lines = [differences_head(report)]
    for pair in report["pairs"][:most]:
        lines.append(f"  {pair['cells']:>7,}  {first}: {pair['first']} → {other}: {pair['other']}")
    if len(report["pairs"]) > most:
        lines.append(f"  … and {len(report['pairs']) - most} more pairs (all with --json)")
    for name in report["models"]:
        scores = report["scores"].get(name) or {}
        told = ", ".join(score_words(scores.get(key)) for key in ("accuracy", "balanced_accuracy"))
        lines.append(f"{name}: accuracy and balanced accuracy as kept {told}")
    if report["folds"] is not None:
        lines.append(comparison_text(report["folds"]))
    return "\n".join([*lines, *(f"note: {text}" for text in report["notes"])])


def differences_head(report: Mapping[str, Any]) -> str:
    """Return how many cells two models call differently, as a sentence."""
    first, other = report["models"]
    if not report["cells"]:
        return f"No cell is predicted by both {first} and {other}."
    share = report["differ"] / report["cells"]
    return f"{first} and {other} call {report['differ']:,} of {report['cells']:,} cells differently ({share:.1%})."
