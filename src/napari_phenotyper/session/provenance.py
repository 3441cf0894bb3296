"""What a result was made from: every stage above it with its parameters, as facts; `pages.provenance` has the words."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.plate import NEGATIVE, Plate
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.evaluation.field_quality import UNUSABLE
from napari_phenotyper.session.hit_finding import HitQuestion, compared_plates
from napari_phenotyper.session.learning import model_in_use, predicted_wells
from napari_phenotyper.session.measuring import extractor_records, is_measured, wanted
from napari_phenotyper.session.model_history import models
from napari_phenotyper.session.quality import left_out
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.segmenting import segmenter_record
from napari_phenotyper.session.tasks import Wanted

STAGES = ("masks", "cells", "model", "predictions", "profile", "hits")
"""What can be asked for; each rests on those before it."""
_SOFTWARE = ("napari-phenotyper", "numpy", "scikit-image", "scikit-learn", "torch")
_SHARES = "class_fractions"


def provenance(
    session: Reading, plates: Sequence[Plate], of: str, progress: Progress, question: HitQuestion | None = None
) -> dict[str, Any]:
    """Return what a result was made from.

    Parameters
    ----------
    session, plates
        The project, and the plates that the result is of.
    of
        One of `STAGES`.
    progress
        Reports and cancels.
    question
        What was asked for hits or a profile: model, profiler, score, fields left out; the defaults if None.

    Returns
    -------
    dict
        JSON: "of", "made" (date), "software", "plates", and the stages up to `of`.

    Raises
    ------
    SettingError
        For a result that there is no such kind of.
    TrainingError, ModelError
        If there is none yet.
    """
    if of not in STAGES:
        raise SettingError(f"There is no result {of!r}.", f"Ask for one of: {', '.join(STAGES)}.")
    asked = question or HitQuestion(leave_out=tuple(UNUSABLE))
    depth = STAGES.index(of)
    if of == "hits":
        compared = {plate.name for plate in compared_plates(session)[0]}
        plates = [plate for plate in plates if plate.name in compared] or list(plates)
    facts: dict[str, Any] = {"of": of, "made": datetime.now(UTC).strftime("%Y-%m-%d"), "software": _software()}
    facts["plates"] = [_plate(plate) for plate in plates]
    found = {plate.name: _items(session, plate, part(progress, 0.0, 0.8)) for plate in plates}
    facts["masks"] = [_masks(session, plate, found[plate.name]) for plate in plates]
    if depth >= 1:
        facts["cells"] = _cells(session, found)
    with_model = of in ("model", "predictions") or (depth > 3 and asked.profiler == _SHARES)
    model = model_in_use(session, asked.model or None) if with_model else ""
    if model:
        facts["model"] = next(card for card in models(session) if card["id"] == model)
        facts["annotators"] = sorted({a.annotator for a in session.annotations.active.values() if a.annotator})
    if model and depth >= 3:
        facts["predictions"] = [_predicted(session, plate, model, part(progress, 0.8, 0.9)) for plate in plates]
    if depth >= 4:
        facts["profile"] = _profile(session, plates, asked)
    if depth >= 5:
        facts["hits"] = _hits(session, plates, asked)
    return facts


def _software() -> dict[str, str]:
    return {**{name: version(name) for name in _SOFTWARE}, "Python": platform.python_version()}


def _plate(plate: Plate) -> dict[str, Any]:
    first = next(plate.fields(), None)
    return {
        "name": plate.name,
        "path": plate.path,
        "wells": len(plate.wells),
        "fields": sum(len(well.sources) for well in plate.wells),
        "channels": [{"name": c.name, "role": c.role} for c in plate.channels],
        "pixel_size": first.info.pixel_size if first is not None else None,
    }


def _items(session: Reading, plate: Plate, progress: Progress) -> list[Wanted]:
    progress(0.0, f"Looking up {plate.name}")
    return list(wanted(session, plate))


def _masks(session: Reading, plate: Plate, items: Sequence[Wanted]) -> dict[str, Any]:
    record = segmenter_record(session, plate)
    asked = session.setting("segmenters")[plate.name]["asked"]["settings"]
    return {
        "plate": plate.name,
        "segmenter": dict(record),
        "title": _title(session, "segmenter", record),
        "estimated": sorted(name for name, value in asked.items() if value is None),
        "fields": len(items),
        "cells": sum(session.project.masks.count(item.field.ref, item.mask) for item in items),
    }


def _cells(session: Reading, found: Mapping[str, Sequence[Wanted]]) -> dict[str, Any]:
    measured = [item for items in found.values() for item in items if is_measured(session, item)]
    first = measured[0] if measured else None
    cells = session.project.cells.get(first.field.ref, first.mask, first.blocks) if first is not None else None
    records = extractor_records(session)
    return {
        "extractors": [{**record, "title": _title(session, "extractor", record)} for record in records.values()],
        "columns": len(cells.columns) if cells is not None else 0,
        "fields": len(measured),
    }


def _predicted(session: Reading, plate: Plate, model: str, progress: Progress) -> dict[str, Any]:
    progress(0.0, f"Looking up the predictions of {plate.name}")
    wells = predicted_wells(session, plate, model)
    current = sum(session.project.predictions.has(model, well, key) for well, (key, _) in wells.items())
    return {"plate": plate.name, "wells": current, "of": len(wells)}


def _profile(session: Reading, plates: Sequence[Plate], asked: HitQuestion) -> dict[str, Any]:
    extension = session.registry.get("profiler", asked.profiler)
    record = extension.record(extension.make({}))
    out = left_out(session, plates, asked.leave_out)
    return {
        "profiler": dict(record),
        "title": extension.title,
        "left_out": out.sentence,
        "flags": list(out.wanted),
    }


def _hits(session: Reading, plates: Sequence[Plate], asked: HitQuestion) -> dict[str, Any]:
    extension = session.registry.get("scorer", asked.scorer)
    controls = {p.name: [well.well for well in p.layout.wells(NEGATIVE) if well.plate == p.name] for p in plates}
    record = extension.record(extension.make(asked.settings))
    return {
        "scorer": dict(record),
        "title": extension.title,
        "controls": controls,
        "column": asked.column,
        "as_counted": asked.profiler == _SHARES,
    }


def _title(session: Reading, kind: str, record: Mapping[str, Any]) -> str:
    return session.registry.title(kind, str(record["id"])).rstrip(".")
