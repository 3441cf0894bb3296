"""What a result was made from, as a short methods text: the window and the command line say the same."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

TITLES = {
    "masks": "the masks",
    "cells": "the measured cells",
    "model": "the model",
    "predictions": "the predictions",
    "profile": "the profile",
    "hits": "the hits",
}


def provenance_text(facts: Mapping[str, Any]) -> str:
    """Return what `session.provenance.provenance` found as text: a paragraph per stage, then software and date."""
    writers: dict[str, Callable[[Any], str]] = {
        "masks": _masks,
        "cells": _cells,
        "model": _model,
        "predictions": _predictions,
        "profile": _profile,
        "hits": _hits,
    }
    told = [f"How {TITLES[facts['of']]} came about", _plates(facts["plates"])]
    told += [write(facts[stage]) for stage, write in writers.items() if stage in facts]
    if facts.get("annotators"):
        told.append(f"Cells were labelled by {_listed(facts['annotators'])}.")
    software = ", ".join(f"{name} {number}" for name, number in facts["software"].items())
    return "\n\n".join([*told, f"Software: {software}. Written on {facts['made']}."])


def _plates(plates: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for plate in plates:
        channels = ", ".join(c["name"] + (f" ({c['role']})" if c["role"] else "") for c in plate["channels"])
        size = f"{plate['pixel_size']:g} µm per pixel" if plate["pixel_size"] else "pixel size unknown"
        told.append(
            f"Images: plate {plate['name']} ({plate['path']}), {_many(plate['wells'], 'well')}, "
            f"{_many(plate['fields'], 'field')}, channels {channels}, {size}."
        )
    return "\n".join(told)


def _masks(found: Sequence[Mapping[str, Any]]) -> str:
    told = []
    for one in found:
        estimated = [name.replace("_", " ") for name in one["estimated"]]
        guessed = f"; {_listed(estimated)} estimated from a sample of the plate's fields" if estimated else ""
        told.append(
            f"Segmentation of {one['plate']}: {_extension(one['segmenter'], one['title'])}{guessed}. "
            f"{_many(one['cells'], 'cell')} in {_many(one['fields'], 'field')}."
        )
    return "\n".join(told)


def _cells(found: Mapping[str, Any]) -> str:
    families = ", ".join(f"{one['id']} (version {one['version']})" for one in found["extractors"])
    columns = f"{found['columns']} features of the families " if found["columns"] else ""
    return f"Measurement: {columns}{families}, in {_many(found['fields'], 'field')}."


def _model(card: Mapping[str, Any]) -> str:
    labels = ", ".join(f"{count} {name}" for name, count in card["cells"].items())
    group = str(card.get("group", "well"))
    groups = len(card.get("groups") or card.get("wells") or ())
    where = f" from {_many(groups, group)}" if groups else ""
    told = (
        f"Classifier: {_extension(card['classifier'])}. Kept as {card['id']} on {str(card['created'])[:10]}, trained "
        f"on {_many(sum(card['cells'].values()), 'annotated cell')}{where}: {labels}."
    )
    return f"{told} {_scores(card)}"


def _scores(card: Mapping[str, Any]) -> str:
    scores, over = card.get("scores"), card.get("scores_over")
    if not scores:
        return "It was not evaluated: nobody knows how often it is right."
    told = []
    for name, title in (("accuracy", "accuracy"), ("balanced_accuracy", "balanced accuracy")):
        one = scores[name]
        told.append(f"{title} {one['value']:.3f} (95 % interval {one['low']:.3f} to {one['high']:.3f})")
    how = f" in {over['folds']} folds that never split a {over['group']}" if over else ""
    return f"Cross-validated{how}: {', '.join(told)}."


def _predictions(found: Sequence[Mapping[str, Any]]) -> str:
    told = [f"{one['wells']} of {_many(one['of'], 'well')} of {one['plate']}" for one in found]
    return f"Prediction: every cell was given its most probable class, in {_listed(told)}."


def _profile(found: Mapping[str, Any]) -> str:
    out = f" {found['left_out']}" if found["left_out"] else ""
    return f"Profile: {_extension(found['profiler'], found['title'])}.{out}"


def _hits(found: Mapping[str, Any]) -> str:
    controls = "; ".join(f"{plate}: {_some(wells)}" for plate, wells in found["controls"].items())
    what = f" in {found['column']}" if found["column"] else ""
    return (
        f"Hits: wells were compared{what} with the negative controls of their plate ({controls}) by "
        f"{_extension(found['scorer'], found['title'])}."
        f"{' Shares were compared as counted.' if found['as_counted'] else ''}"
    )


def _extension(record: Mapping[str, Any], title: str = "") -> str:
    """Return an extension with its version and all parameters."""
    given = ", ".join(f"{name.replace('_', ' ')} {_value(value)}" for name, value in record["settings"].items())
    name = f"{title.rstrip('.')} (“{record['id']}”" if title else f"“{record['id']}” ("
    inside = f", version {record['version']}" if title else f"version {record['version']}"
    return f"{name}{inside}{'; ' if given else ''}{given})"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        return _listed([str(one) for one in value]) or "none"
    return "by itself" if value is None or value == "" else str(value)


def _some(names: Sequence[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return (", ".join(names[:most]) + more) or "none"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:-1]) + (" and " if len(names) > 1 else "") + names[-1] if names else ""


def _many(count: int, name: str) -> str:
    return f"1 {name}" if count == 1 else f"{count:,} {name}s"
