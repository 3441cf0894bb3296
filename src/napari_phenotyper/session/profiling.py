"""From cells to wells to hits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from napari_phenotyper.core.errors import ModelError, SettingError, TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.plate import Layout, Plate
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Hit, Profile, Sums
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.evaluation.shares import Correcting
from napari_phenotyper.session.held_out import judged_model
from napari_phenotyper.session.keys import Record, profile_key
from napari_phenotyper.session.learning import model_in_use, predicted_wells, predictions_of
from napari_phenotyper.session.measuring import cells_of, is_measured, wanted_by_well
from napari_phenotyper.session.quality import LeftOut, left_out
from napari_phenotyper.session.reading import Reading
from napari_phenotyper.session.session import Session

DEFAULT_PROFILER = "class_fractions"
DEFAULT_SCORER = "robust_z"


@dataclass(frozen=True, eq=False)
class Made:
    """A profile, and under which key and with which record the project keeps it; `kept`: it does already."""

    profile: Profile
    key: str
    record: Record
    kept: bool


def profile(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    profiler: str = DEFAULT_PROFILER,
    settings: Mapping[str, object] | None = None,
    model: str | None = None,
    correct: bool = True,
    leave_out: Sequence[str] = (),
) -> Profile:
    """Return the profile of all wells of some plates; from the project where it is current.

    Parameters
    ----------
    session, plates
        What to profile.
    progress
        Reports and cancels.
    profiler, settings
        Id and parameters.
    model
        Whose predictions; by default the newest model's, if there is one.
    correct
        Whether a profiler that can may use what an evaluation of the model tells of its errors.
    leave_out
        Fields with one of these flags have no part ("empty", "out of focus", "saturated", "crowded", or "all"); the
        profile's note tells how many.

    Raises
    ------
    SettingError
        For a flag that does not exist.
    TrainingError
        If nothing is measured, or the profiler needs predictions and there are none.
    """
    made = make_profile(session, plates, progress, profiler, settings, model, correct, leave_out)
    keep_profile(session, made)
    return made.profile


def keep_profile(session: Session, made: Made) -> None:
    """Store a profile in the project, unless it lies there already or the project is read-only."""
    if not made.kept and not session.project.read_only:
        session.project.results.put(made.key, made.profile, made.record)


def make_profile(
    session: Reading,
    plates: Sequence[Plate],
    progress: Progress,
    profiler: str = DEFAULT_PROFILER,
    settings: Mapping[str, object] | None = None,
    model: str | None = None,
    correct: bool = True,
    leave_out: Sequence[str] = (),
) -> Made:
    """Return what `profile` returns, without storing it: any thread may, with a snapshot of the session."""
    wish = _wish(session, plates, profiler, settings, model, correct, leave_out)
    kept = session.project.results.get(wish.key)
    if kept is not None:
        return Made(kept, wish.key, wish.record, kept=True)
    made = wish.profiler
    if wish.judged is not None:
        progress(0.0, "Learning the classifier's errors")
        made = made.knowing(wish.judged[1])
    sums = Sums((), {})
    for done, plate in enumerate(plates):
        predictions = predictions_of(session, plate, wish.model) if wish.model else {}
        sums = made.combine(
            sums, _sum_plate(session, plate, made, predictions, progress, (done, len(plates)), wish.out)
        )
    result: Profile = made.finish(sums, session.layout)
    result = replace(result, note=" ".join(filter(None, (result.note, wish.out.sentence))))
    return Made(result, wish.key, wish.record, kept=False)


def kept_profile(
    session: Reading, plates: Sequence[Plate], profiler: str, model: str | None, leave_out: Sequence[str]
) -> Profile | None:
    """Return the profile that hits rest on if the project keeps it and it is current, else None."""
    wish = _wish(session, plates, profiler, None, model, False, leave_out)
    return session.project.results.get(wish.key)


@dataclass(frozen=True, eq=False)
class _Wish:
    """A profile that is wanted: what makes it, of which model, without which fields, and its key and record."""

    profiler: Any
    model: str | None
    judged: Any
    out: LeftOut
    key: str
    record: Record


def _wish(
    session: Reading,
    plates: Sequence[Plate],
    profiler: str,
    settings: Mapping[str, object] | None,
    model: str | None,
    correct: bool,
    leave_out: Sequence[str],
) -> _Wish:
    extension = session.registry.get("profiler", profiler)
    made = extension.make(settings)
    model_id = model_in_use(session, model) if model or session.project.models.ids() else None
    judged = judged_model(session, model_id) if model_id and correct and isinstance(made, Correcting) else None
    record = extension.record(made) if judged is None else {**extension.record(made), "held_out": judged[0]}
    out = left_out(session, plates, leave_out)
    if out.wanted:
        record = {**record, "leave_out": out.wanted}
    return _Wish(made, model_id, judged, out, profile_key(record, _parts(session, plates, model_id, out)), record)


def _sum_plate(
    session: Reading,
    plate: Plate,
    profiler: Any,
    predictions: Mapping[FieldRef, Prediction],
    progress: Progress,
    share: tuple[int, int],
    out: LeftOut,
) -> Sums:
    sums = Sums((), {})
    count = sum(len(well.sources) for well in plate.wells)
    for i, cells in enumerate(cells_of(session, plate)):
        progress((share[0] + i / max(count, 1)) / share[1], f"Profiling {cells.field}")
        if cells.field in out.fields:
            continue
        try:
            sums = profiler.combine(sums, profiler.partial(cells, predictions.get(cells.field)))
        except ModelError as error:
            raise TrainingError(error.what, "Run: phenotyper train PLATE, then phenotyper predict PLATE.") from error
    return sums


def _parts(session: Reading, plates: Sequence[Plate], model: str | None, out: LeftOut) -> dict[WellRef, Json]:
    """Return what each well's row rests on: keys of its columns and, if there is one, of its prediction; its layout."""
    parts: dict[WellRef, Json] = {}
    for plate in plates:
        keys = {w: key for w, (key, _) in predicted_wells(session, plate, model).items()} if model else {}
        for well, items in wanted_by_well(session, plate).items():
            current = model is not None and well in keys and session.project.predictions.has(model, well, keys[well])
            parts[well] = [
                [
                    [i.field.ref.field, dict(i.blocks)]
                    for i in items
                    if i.field.ref not in out.fields and is_measured(session, i)
                ],
                keys[well] if current else None,
                plate.layout.of(well).state(),
            ]
    return parts


def hits(
    session: Session,
    plates: Sequence[Plate],
    progress: Progress,
    scorer: str = DEFAULT_SCORER,
    settings: Mapping[str, object] | None = None,
    column: str | None = None,
    profiler: str | None = None,
    model: str | None = None,
    leave_out: Sequence[str] = (),
) -> tuple[Hit, ...]:
    """Return wells that differ from the negative controls, the highest score first.

    Shares of classes are compared as counted: the classifier errs alike in wells and controls, and how surely its
    errors are known has no part in whether a well differs.

    Parameters
    ----------
    column
        Class or feature; all classes if None. A feature is looked for in the profile `means`.
    profiler
        Which profile; by default the one that has the column.
    leave_out
        As for a profile.

    Raises
    ------
    SettingError
        If no profile has the column, or there is no such flag.
    TrainingError
        If there are no negative controls.
    """
    name = profiler or (DEFAULT_PROFILER if column is None or column in _classes(session, model) else "means")
    found = profile(session, plates, progress, name, model=model, correct=False, leave_out=leave_out)
    if column is not None and column not in found.columns:
        raise SettingError(
            f"There is no class or feature {column!r}.",
            f"The classes are: {', '.join(_classes(session, model)) or 'none yet'}.",
        )
    made = session.registry.make("scorer", scorer, settings)
    scored: tuple[Hit, ...] = made.score(found, session.layout)
    return tuple(hit for hit in scored if column is None or hit.column == column)


def _classes(session: Reading, model: str | None) -> tuple[str, ...]:
    """Return the classes of a kept model, or none."""
    if not session.project.models.ids():
        return ()
    card = session.project.models.card(model_in_use(session, model))
    classes = card["classes"]
    assert isinstance(classes, list)
    return tuple(str(name) for name in classes)


def profile_rows(session: Reading, found: Profile) -> tuple[list[str], list[dict[str, object]]]:
    """Return a profile as a table: plate, well, layout, cells, one column per class or feature and its interval."""
    return profile_numbers(session.layout, found)


def profile_numbers(layout: Layout, found: Profile) -> tuple[list[str], list[dict[str, object]]]:
    """Return what `profile_rows` returns, for wells to which this was done."""
    bounds = found.low is not None and found.high is not None
    columns = ["plate", "well", "treatment", "role", "dose", "replicate", "cells", *found.columns]
    if bounds:
        columns += [f"{name}_{side}" for name in found.columns for side in ("low", "high")]
    rows: list[dict[str, object]] = []
    for i, well in enumerate(found.wells):
        row = {**_where(layout, well), "cells": int(found.counts[i])}
        row |= {name: float(v) for name, v in zip(found.columns, found.values[i], strict=True)}
        if found.low is not None and found.high is not None:
            row |= {f"{n}_low": float(v) for n, v in zip(found.columns, found.low[i], strict=True)}
            row |= {f"{n}_high": float(v) for n, v in zip(found.columns, found.high[i], strict=True)}
        rows.append(row)
    return columns, rows


def hit_rows(session: Reading, found: Sequence[Hit]) -> tuple[list[str], list[dict[str, object]]]:
    """Return hits as a table: plate, well, layout, column, score, and what the score rests on."""
    return hit_numbers(session.layout, found)


def hit_numbers(layout: Layout, found: Sequence[Hit]) -> tuple[list[str], list[dict[str, object]]]:
    """Return what `hit_rows` returns, for wells to which this was done."""
    evidence = list(dict.fromkeys(name for hit in found for name in hit.evidence))
    columns = ["plate", "well", "treatment", "role", "dose", "replicate", "column", "score", *evidence]
    rows = [{**_where(layout, hit.well), "column": hit.column, "score": hit.score, **hit.evidence} for hit in found]
    return columns, rows


def _where(layout: Layout, well: WellRef) -> dict[str, object]:
    condition = layout.of(well)
    return {
        "plate": well.plate, "well": well.well, "treatment": condition.treatment, "role": condition.role,
        "dose": condition.dose, "replicate": condition.replicate,
    }  # fmt: skip
