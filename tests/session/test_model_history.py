"""Kept models: scores, going back, comparing; and what results were made from."""

from __future__ import annotations

import numpy as np
import pytest

from napari_phenotyper.core.errors import ModelError, SettingError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.pages.model_words import differences_text, models_text
from napari_phenotyper.pages.provenance import provenance_text
from napari_phenotyper.session import learning, model_history
from napari_phenotyper.session.model_choice import chosen_for_now
from napari_phenotyper.session.provenance import STAGES, provenance
from napari_phenotyper.session.unfinished import KEEP, SEGMENT, Unfinished, begin, end, how_far, unfinished


@pytest.fixture
def two_models(session):
    """A model of all labels, and one that learnt nearly the opposite from a few."""
    first = learning.train(session, no_progress, "lda")
    wrong = {"Interphase": "Mitotic", "Mitotic": "Interphase"}
    for a in list(session.annotations.active.values())[:150]:
        state = {**a.state(), "phenotype": wrong[a.phenotype]}
        session.annotate("annotate", {"annotations": [state], "replaces": [a.id]})
    return first, learning.train(session, no_progress, "lda")


def test_models_are_listed_with_the_scores_of_a_later_evaluation(session):
    model = learning.train(session, no_progress, "lda")
    assert model_history.models(session)[0]["scores"] is None
    report = learning.evaluate(session, no_progress, "lda")
    (card,) = model_history.models(session)
    assert card["scores"]["accuracy"] == report["accuracy"] and card["in_use"] and card["id"] == model
    assert f"* {model}" in models_text([card]) and "lda, 200 labels" in models_text([card])


def test_going_back_to_a_model_predicts_with_it_and_is_undone_by_choosing_another(session, two_models):
    first, second = two_models
    assert learning.model_in_use(session) == second
    assert model_history.use(session, no_progress, first) == learning.model_in_use(session) == first
    found = learning.kept_predictions(session, no_progress)
    assert {p.model for p in found} == {first} and len(found) == 8
    model_history.use(session, no_progress, second)
    assert learning.model_in_use(session) == second


def test_a_model_stays_chosen_until_somebody_annotates(session):
    learning.train(session, no_progress, "lda")
    assert chosen_for_now(session)
    session.annotate("clear", {"ids": [next(iter(session.annotations.active))]})
    assert not chosen_for_now(session)
    session.annotate("undo", {"of": session.journal_events()[-1].seq})
    assert chosen_for_now(session)


def test_a_model_that_is_not_there_is_refused(session, two_models):
    with pytest.raises(ModelError):
        model_history.use(session, no_progress, "forest")
    with pytest.raises(ModelError, match="itself"):
        model_history.compare_models(session, no_progress, two_models[0], two_models[0])


def test_two_models_are_compared_cell_by_cell(session, two_models):
    found = model_history.compare_models(session, no_progress, *two_models)
    report = found.report
    sides = [learning.predictions_of(session, session.plates["P1"], name) for name in two_models]
    names = [np.concatenate([np.array(p.classes)[p.labels] for _, p in sorted(side.items())]) for side in sides]
    assert report["cells"] == 200 and report["differ"] == (names[0] != names[1]).sum() > 50
    assert sum(pair["cells"] for pair in report["pairs"]) == report["differ"]
    for (one, other), cells in found.cells.items():
        ref, number = cells[0]
        row = int(np.searchsorted(sides[0][ref].ids, number))
        assert sides[0][ref].classes[sides[0][ref].labels[row]] == one
        assert sides[1][ref].classes[sides[1][ref].labels[row]] == other
    assert report["folds"] is None and "learnt from different labels" in report["notes"][0]
    assert f"call {report['differ']} of 200 cells differently" in differences_text(report)


def test_two_classifiers_are_compared_on_the_same_folds(session):
    names = [learning.train(session, no_progress, name) for name in ("lda", "knn")]
    folds = model_history.compare_models(session, no_progress, *names).report["folds"]
    assert set(folds["classifiers"]) == set(names) and folds["n"] == 200


def test_what_hits_were_made_from_is_told_from_the_image_to_the_score(session):
    with pytest.raises(ModelError):
        provenance(session, session.all_plates(), "hits", no_progress)
    model = learning.train(session, no_progress, "lda")
    learning.predict(session, session.all_plates(), no_progress)
    text = provenance_text(provenance(session, session.all_plates(), "hits", no_progress))
    for words in (
        "plate P1", "4 wells, 8 fields", "w1 (DNA)", "“nuclei”", "200 cells in 8 fields", "texture (version", "“lda”",
        model, "200 annotated cells", "129 Interphase, 71 Mitotic", "was not evaluated", "4 of 4 wells of P1",
        "“class_fractions”", "B02, B03", "“robust_z”", "scikit-learn",
    ):  # fmt: skip
        assert words in text, words


def test_provenance_stops_at_the_result_that_is_asked_for(session):
    facts = provenance(session, session.all_plates(), "cells", no_progress)
    assert set(facts) & set(STAGES) == {"masks", "cells"} and facts["cells"]["columns"] > 100
    with pytest.raises(SettingError, match="masks, cells"):
        provenance(session, session.all_plates(), "heaven", no_progress)


def test_a_job_that_was_begun_and_not_ended_is_known_and_how_far_it_came(session):
    job = Unfinished(SEGMENT, "P1", "nuclei", {"edge": 0.4}, ("B02", "B03"))
    begin(session, job)
    begin(session, Unfinished(KEEP, "", "svm"))
    begin(session, Unfinished(SEGMENT, "gone"))
    assert unfinished(session) == (job, Unfinished(KEEP, "", "svm"))
    assert how_far(session, job).__dict__ == {"segmented": 4, "measured": 4, "fields": 4}
    end(session, job)
    assert unfinished(session) == (Unfinished(KEEP, "", "svm"),)
    session.set("unfinished", {"x": 3, "y": {"kind": "dance"}})
    assert unfinished(session) == ()
