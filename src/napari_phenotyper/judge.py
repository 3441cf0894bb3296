"""Commands that judge: `phenotyper learning-curve`, `compare`, `suspects`; and `provenance`, what results rest on."""

from __future__ import annotations

from typing import Annotated

import typer

from napari_phenotyper.console import at_work, read_settings, show
from napari_phenotyper.evaluation.field_quality import UNUSABLE
from napari_phenotyper.options import (
    AsJson,
    Classifier,
    Folds,
    Group,
    LeaveOut,
    ModelId,
    More,
    Pattern,
    PlatePath,
    Project,
    Settings,
)
from napari_phenotyper.pages import judgements
from napari_phenotyper.pages.provenance import provenance_text
from napari_phenotyper.session import judging
from napari_phenotyper.session import provenance as sources
from napari_phenotyper.session.hit_finding import HitQuestion
from napari_phenotyper.session.learning import DEFAULT_CLASSIFIER

_UNUSABLE = ",".join(UNUSABLE)


def learning_curve(
    plate: PlatePath,
    classifier: Classifier = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    group: Group = "well",
    folds: Folds = 5,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Tell what more labels would bring: scores by number of labels, and a forecast per class."""
    with at_work(plate, project, pattern, write=False) as (session, _, progress):
        chosen = read_settings(settings, more)
        found = judging.learning_curve(session, progress, classifier, chosen, group, folds)
        show(as_json, found, lambda: judgements.curve_text(found))


def compare(
    plate: PlatePath,
    classifier: Annotated[list[str], typer.Option(help="Which classifiers; name two or more.")],
    group: Group = "well",
    folds: Folds = 5,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Tell which classifier is right more often on the same held-out cells, and whether that is more than chance."""
    with at_work(plate, project, pattern, write=False) as (session, _, progress):
        found = judging.compare(session, progress, classifier, group, folds)
        show(as_json, found, lambda: judgements.comparison_text(found))


def suspects(
    plate: PlatePath,
    classifier: Classifier = DEFAULT_CLASSIFIER,
    settings: Settings = None,
    more: More = None,
    group: Group = "well",
    folds: Folds = 5,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """List annotated cells whose label looks wrong to a classifier that was not trained on them."""
    with at_work(plate, project, pattern, write=False) as (session, _, progress):
        found = judging.suspects(session, progress, classifier, read_settings(settings, more), group, folds)
        show(as_json, found, lambda: judgements.suspects_text(found))


def provenance(
    plate: PlatePath,
    of: Annotated[str, typer.Option(help=f"What: {', '.join(sources.STAGES)}.")] = "hits",
    model: ModelId = None,
    leave_out: LeaveOut = _UNUSABLE,
    project: Project = None,
    pattern: Pattern = "",
    as_json: AsJson = False,
) -> None:
    """Tell what a result was made from, in words: images, masks, features, labels, classifier, scores, versions."""
    with at_work(plate, project, pattern, write=False) as (session, plates, progress):
        question = HitQuestion(model or "", leave_out=tuple(leave_out.split(",")))
        facts = sources.provenance(session, plates, of, progress, question)
        show(as_json, facts, lambda: provenance_text(facts))
