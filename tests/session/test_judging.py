"""Learning curves, comparisons and suspected labels of a project, and the commands that print them."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest

from napari_phenotyper import cli
from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.session import held_out, judging, label_files, learning, profiling
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.store.files import write_json


def no_fit(monkeypatch):
    monkeypatch.setattr(held_out, "predict_held_out", lambda *a, **k: pytest.fail("predicted again"))


def test_suspects_after_an_evaluation_cost_no_fit(session, monkeypatch):
    learning.evaluate(session, no_progress)
    no_fit(monkeypatch)
    assert judging.suspects(session, no_progress)["n"] > 150


def test_an_evaluation_after_suspects_costs_no_fit_and_says_the_same(session, monkeypatch):
    judging.suspects(session, no_progress)
    with monkeypatch.context() as patch:
        no_fit(patch)
        first = learning.evaluate(session, no_progress)
    session.project.reports.put(held_out.KIND, first["key"], {"labels": "damaged"})
    (session.project.reports.folder / f"evaluation-{first['key']}.json").unlink()
    assert learning.evaluate(session, no_progress) == first


def test_a_label_that_was_given_wrongly_is_suspected_where_it_is(copy, tmp_path):
    rows = (copy / "truth.csv").read_text().splitlines()
    place = next(i for i, row in enumerate(rows) if row.startswith("B02,1,") and row.endswith("Interphase"))
    rows[place] = rows[place].replace("Interphase", "Mitotic")
    (tmp_path / "wrong.csv").write_text("\n".join(rows))
    with opened(project_folder(copy)) as session:
        session.open(copy)
        session.annotate("clear", {"ids": list(session.annotations.active)})
        label_files.import_annotations(session, session.all_plates(), tmp_path / "wrong.csv", no_progress)
        found = judging.suspects(session, no_progress)["suspects"]
    y, x = (float(v) for v in rows[place].split(",")[2:4])
    first = found[0]
    assert (first["well"], first["field"], first["given"], first["predicted"]) == ("B02", 1, "Mitotic", "Interphase")
    assert np.hypot(first["y"] - y, first["x"] - x) < 6 and first["probability"] > first["given_probability"]


def test_a_learning_curve_ends_in_the_evaluation_and_is_kept(session, monkeypatch):
    found = judging.learning_curve(session, no_progress)
    report = learning.evaluate(session, no_progress)
    assert found["points"][-1]["accuracy"]["value"] == pytest.approx(report["accuracy"]["value"])
    assert [p["n"] for p in found["points"]] == sorted(p["n"] for p in found["points"])
    monkeypatch.setattr(judging.curve, "learning_curve", lambda *a, **k: pytest.fail("drawn again"))
    assert judging.learning_curve(session, no_progress) == found


def test_a_learning_curve_can_be_cancelled(session):
    def stop(fraction, message):
        if "of the labels" in message:
            raise Cancelled

    with pytest.raises(Cancelled):
        judging.learning_curve(session, stop)


def test_classifiers_are_compared_on_the_cells_that_evaluate_judges(session, monkeypatch):
    reports = {name: learning.evaluate(session, no_progress, name) for name in ("svm", "lda")}
    no_fit(monkeypatch)
    found = judging.compare(session, no_progress, ["svm", "lda", "svm"])
    assert len(found["pairs"]) == 1 and "Only 4 wells" in found["warnings"][-1]
    for name, report in reports.items():
        assert found["classifiers"][name]["accuracy"] == report["accuracy"]


def test_one_classifier_cannot_be_compared(session):
    with pytest.raises(TrainingError, match="at least two"):
        judging.compare(session, no_progress, ["svm", "svm"])


def test_predictions_are_kept_bit_for_bit(session, tmp_path):
    key = learning.evaluate(session, no_progress)["key"]
    kept = held_out.kept_predictions(session, key)
    write_json(tmp_path / "x.json", held_out.packed(kept))
    again = held_out.unpacked(json.loads((tmp_path / "x.json").read_text()))
    np.testing.assert_array_equal(again.probabilities, kept.probabilities)
    assert again.classes == kept.classes and (again.folds == kept.folds).all()


@pytest.mark.parametrize(
    "change", [{"labels": [9]}, {"probabilities": "???"}, {"probabilities": ""}, {"folds": [0, 1]}]
)
def test_damaged_predictions_count_as_absent(change):
    sound = {"classes": ["a", "b"], "labels": [0], "groups": [0], "folds": [0], "probabilities": "AAAAPwAAAD8=",
             "warnings": []}  # fmt: skip
    assert held_out.unpacked(sound) is not None and held_out.unpacked({**sound, **change}) is None


@pytest.fixture
def command(monkeypatch, capsys, copy):
    def run(*args):
        monkeypatch.setattr(sys, "argv", ["phenotyper", args[0], str(copy), *args[1:]])
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        return code, capsys.readouterr().out

    return run


def test_the_commands_print_json(command):
    code, out = command("suspects", "--classifier", "svm", "--json")
    assert code == 0 and set(json.loads(out)) >= {"n", "suspects", "classifier"}
    code, out = command("compare", "--classifier", "svm", "--classifier", "lda", "--json")
    assert code == 0 and json.loads(out)["pairs"][0]["sentence"]
    code, out = command("learning-curve", "--json")
    assert code == 0 and len(json.loads(out)["points"]) == 5


def test_the_commands_tell_in_words(command):
    assert "labels; look at these cells first" in command("suspects")[1]
    assert "right" in command("compare", "--classifier", "svm", "--classifier", "lda")[1]
    code, out = command("learning-curve", "--folds", "4")
    assert code == 0 and "all classes: the curve does not tell" in out


def test_a_comparison_of_one_classifier_fails_with_its_remedy(command):
    assert command("compare", "--classifier", "svm")[0] == 1


def test_shares_are_corrected_by_what_an_evaluation_kept(session, monkeypatch):
    plates = session.all_plates()
    learning.predict(session, plates, no_progress, learning.train(session, no_progress))
    settings = {"correction": "em"}
    counted = profiling.profile(session, plates, no_progress, settings=settings)
    learning.evaluate(session, no_progress)
    corrected = profiling.profile(session, plates, no_progress, settings=settings)
    assert np.abs(corrected.values - counted.values).max() < 0.1 and (corrected.values != counted.values).any()
    assert (corrected.low <= corrected.values).all() and (corrected.values <= corrected.high).all()
    monkeypatch.setattr(profiling, "_sum_plate", lambda *a: pytest.fail("made again"))
    again = profiling.profile(session, plates, no_progress, settings=settings)
    np.testing.assert_array_equal(again.values, corrected.values)
    assert again.note == corrected.note != counted.note == ""


def test_shares_of_a_model_that_was_not_evaluated_are_counted(session):
    learning.evaluate(session, no_progress, "lda")
    assert held_out.judged_model(session, learning.train(session, no_progress, "svm")) is None
