"""Commands on crops from elsewhere and on model files, as a user types them."""

from __future__ import annotations

import json
import sys

import pytest
from tests.crops import write_crops

from napari_phenotyper import cli


@pytest.fixture
def phenotyper(monkeypatch, capsys):
    """Run a command; returns exit code, stdout and stderr."""

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["phenotyper", *map(str, args)])
        try:
            cli.main()
            code = 0
        except SystemExit as exit_:
            code = exit_.code or 0
        return (code, *capsys.readouterr())

    return run


@pytest.fixture
def folder(tmp_path):
    return write_crops(tmp_path / "crops")


def test_evaluate_train_and_test(phenotyper, folder, tmp_path):
    group = ("--group-from", "index.csv:plate")
    code, out, err = phenotyper("crops", "evaluate", folder, "--classifier", "svm", *group, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert report["accuracy"]["value"] > 0.9 and report["classifier"]["id"] == "svm" and report["group"] == "plate"
    model = tmp_path / "svm.model"
    code, out, err = phenotyper("crops", "train", folder, "--classifier", "svm", *group, "--out", model, "--json")
    assert code == 0 and json.loads(out)["card"]["classes"] == ["Interphase", "Mitotic"], err
    table = tmp_path / "crops.csv"
    code, out, err = phenotyper("crops", "test", folder, "--model", model, "--out", table, "--json")
    assert code == 0 and set(report) - set(json.loads(out)) <= {"training", "segmenter"}, err
    assert table.read_text().splitlines()[0] == "file,given,predicted,probability"


def test_the_report_is_text_without_json(phenotyper, folder):
    code, out, _ = phenotyper("crops", "evaluate", folder, "--fold-from", "index.csv:fold")
    assert code == 0 and out.startswith("svm: 40 annotated cells, 2 folds grouped by fold")


@pytest.mark.parametrize(
    ("args", "code", "words"),
    [
        (("evaluate", "nowhere"), 1, "no folder"),
        (("evaluate", "{}", "--classifier", "nonsense"), 2, "no classifier 'nonsense'"),
        (("evaluate", "{}", "--group-from", "plate"), 2, "names no column"),
        (("evaluate", "{}", "--set", "cost=much"), 2, "cost"),
        (("test", "{}", "--model", "{}/index.csv"), 1, "no exported model"),
        (("test", "{}", "--model", "{}/nothing"), 1, "no such file"),
        (("train", "{}"), 2, "--out"),
    ],
)
def test_what_is_wrong_is_told_on_stderr(phenotyper, folder, args, code, words):
    found, out, err = phenotyper("crops", *(arg.format(folder) for arg in args))
    assert found == code and words in err and not out and "Traceback" not in err


def test_a_model_of_crops_is_imported_into_a_project_and_predicts_its_plate(phenotyper, folder, copy, tmp_path):
    model = tmp_path / "m.model"
    assert phenotyper("crops", "train", folder, "--out", model)[0] == 0
    code, out, err = phenotyper("models", "import", copy, model, "--json")
    assert code == 0, err
    name = json.loads(out)["model"]
    code, out, err = phenotyper("predict", copy, "--jobs", "1", "--json")
    assert code == 0 and json.loads(out)["done"] == 4, err
    code, out, _ = phenotyper("models", "list", copy)
    assert code == 0 and out.startswith(f"* {name}")


def test_a_file_that_is_no_model_leaves_the_project_as_it_was(phenotyper, copy, folder):
    code, _, err = phenotyper("models", "import", copy, folder / "index.csv")
    assert code == 1 and "no exported model" in err
    assert phenotyper("models", "list", copy)[1].startswith("There is no model")


def test_crops_are_imported_into_a_project(phenotyper, folder, copy):
    code, out, err = phenotyper("crops", "import", folder, copy, "--group-from", "index.csv:plate", "--json")
    assert code == 0 and json.loads(out)["classes"] == {"Interphase": 20, "Mitotic": 20}, err
    code, out, err = phenotyper("train", copy, "--json")
    assert code == 0 and "crops plate 0" in json.loads(out)["card"]["wells"], err
