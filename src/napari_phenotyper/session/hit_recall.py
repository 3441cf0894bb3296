"""Hits that were found before the window was closed: what was asked is kept, and scored anew from the kept profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from napari_phenotyper.core.annotations import Annotations
from napari_phenotyper.core.errors import PhenotyperError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.parameters import as_json
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.session.hit_finding import Findings, HitQuestion, Learner, compared_plates, findings_of
from napari_phenotyper.session.model_choice import chosen_for_now
from napari_phenotyper.session.profiling import kept_profile
from napari_phenotyper.session.reading import Reading


def asked(found: Findings) -> dict[str, Json]:
    """Return as JSON what was asked, and of which model the answer is."""
    question = found.question
    learner = question.learner
    return {
        "model": found.model,
        "learner": {"classifier": learner.classifier, "settings": as_json(learner.settings)} if learner else None,
        "profiler": question.profiler,
        "column": question.column,
        "scorer": question.scorer,
        "settings": as_json(question.settings),
        "leave_out": list(question.leave_out),
    }


def recall(session: Reading, state: Mapping[str, Json], progress: Progress) -> Findings | None:
    """Return the answer to what `asked` kept.

    Returns
    -------
    Findings or None
        None where nothing that can be read was kept, or where the profile that the hits rest on is not kept or out of
        date: cells, model or layout are others now, and somebody must ask anew.
    """
    progress(0.0, "Looking up the hits")
    try:
        question, model = _question(state)
    except (KeyError, TypeError):
        return None
    try:
        return _answer(session, question, model)
    except PhenotyperError:
        return None


def _answer(session: Reading, question: HitQuestion, model: str) -> Findings | None:
    plates, without = compared_plates(session)
    if model and model not in session.project.models.ids():
        return None
    profile = kept_profile(session, plates, question.profiler, model or None, question.leave_out)
    if profile is None:
        return None
    in_use = session.setting("model").get("id") == model
    if not in_use:  # somebody went to another model: what this one learnt from is not what cells wear
        question = replace(question, learner=None, model=model)
    annotations = session.annotations if in_use and chosen_for_now(session) else Annotations()
    return findings_of(session, plates, question, model, profile, without, annotations)


def _question(state: Mapping[str, Json]) -> tuple[HitQuestion, str]:
    """Return what was asked, and the model. Raises KeyError or TypeError for what is not as it should be."""
    model, learner, flags = str(state["model"]), state["learner"], state["leave_out"]
    if not isinstance(flags, list):
        raise TypeError(flags)
    taught = Learner(str(learner["classifier"]), _settings(learner["settings"])) if isinstance(learner, dict) else None
    profiler, column, scorer = (str(state[name]) for name in ("profiler", "column", "scorer"))
    question = HitQuestion(
        "" if taught else model, taught, profiler, column, scorer, _settings(state["settings"]), tuple(map(str, flags))
    )
    return question, model


def _settings(found: Json) -> dict[str, object]:
    if not isinstance(found, dict):
        raise TypeError(found)
    return dict(found)
