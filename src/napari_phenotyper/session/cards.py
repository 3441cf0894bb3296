"""Model cards: what a person, and a program that loads the model, wants to know of it."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np

from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.session.keys import Record

SCORES = ("accuracy", "balanced_accuracy", "macro_f1", "log_loss")


def card_of(
    training: TrainingSet,
    classifier: Record,
    key: str,
    channels: Sequence[Channel],
    pixel_size: float | None,
    group: str = "well",
    report: Mapping[str, Any] | None = None,
    **others: Json,
) -> dict[str, Json]:
    """Return the card of a model.

    Parameters
    ----------
    training
        What it was trained on.
    classifier
        Record of the classifier.
    key
        Digest of the training cells.
    channels, pixel_size
        Of the images they come from.
    group
        What a group of cells is called.
    report
        Evaluation of the same classifier on the same cells, None if there is none.
    others
        More entries: segmenter, extractors, wells, plates …

    Returns
    -------
    JSON; `groups` is empty where every cell is a group of its own.
    """
    counts = {name: int(n) for name, n in zip(training.classes, training.counts, strict=True)}
    scores = None if report is None else {name: report[name] for name in SCORES}
    created = datetime.now(UTC).isoformat()
    return {
        "about": _about(classifier, counts, training, group, scores, created),
        "created": created,
        "classes": list(training.classes),
        "cells": counts,
        "group": group,
        "groups": list(training.group_names) if len(training.group_names) < len(training) else [],
        "channels": [{"name": channel.name, "role": channel.role} for channel in channels],
        "pixel_size": pixel_size,
        "training": key,
        "seed": training.seed,
        "scores": scores,
        "scores_over": None if report is None else {"group": report["group"], "folds": len(report["folds"])},
        "versions": {name: version(name) for name in ("napari-phenotyper", "numpy", "scikit-learn", "torch")},
        "python": platform.python_version(),
        **others,
    }


def column_notes(training: TrainingSet, used: Sequence[str]) -> list[str]:
    """Return sentences on the columns that a model leaves out, and on those that hold no number for some cells.

    Parameters
    ----------
    training
        What it was trained on.
    used
        The columns it looks at, none for one that looks at pixels.
    """
    if not used:
        return []
    said = []
    constant = [name for name in training.columns if name not in set(used)]
    if constant:
        said.append(
            f"{len(constant)} of {len(training.columns)} columns are the same for all training cells and not used: "
            f"{_some(constant)}."
        )
    gaps = (~np.isfinite(training.matrix(used))).sum(axis=0)
    holed = [f"{name} ({count})" for name, count in zip(used, gaps, strict=True) if count]
    if holed:
        said.append(
            f"{len(holed)} columns hold no number for some training cells, which take the mean: {_some(holed)}."
        )
    return said


def _some(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _about(
    classifier: Record,
    counts: Mapping[str, int],
    training: TrainingSet,
    group: str,
    scores: Mapping[str, Any] | None,
    created: str,
) -> str:
    """Return the card as sentences."""
    said = (
        f"{classifier['id']}, trained on {created[:10]} on {sum(counts.values())} cells of {len(counts)} classes from "
        f"{len(training.group_names)} {group}s."
    )
    if scores is None:
        return f"{said} Not evaluated: nobody knows how often it is right."
    low, high = (scores["balanced_accuracy"][end] for end in ("low", "high"))
    return (
        f"{said} Cross-validated on them it is right for {scores['accuracy']['value']:.1%} of the cells; balanced "
        f"accuracy {scores['balanced_accuracy']['value']:.3f}, 95 % interval {low:.3f} to {high:.3f}."
    )
