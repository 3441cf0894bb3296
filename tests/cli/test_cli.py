"""Every command, as a user types it: what it prints, where, and how it exits."""

from __future__ import annotations

import json
import sys

import numpy as np
import pytest
import tifffile
from tests.plates import write_plate

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
        out, err = capsys.readouterr()
        return code, out, err

    return run


@pytest.fixture(scope="session")
def ready(tmp_path_factory):
    """A plate on which everything has run once, in this process."""
    folder = write_plate(tmp_path_factory.mktemp("cli") / "P1")
    argv, sys.argv = sys.argv, ["phenotyper", "run", str(folder), "--labels", str(folder / "truth.csv"), "--jobs", "1"]
    try:
        cli.main()
    except SystemExit as exit_:
        assert not exit_.code
    finally:
        sys.argv = argv
    return folder


def test_the_whole_way_step_by_step(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1")
    project = tmp_path / "elsewhere.phenotyper"
    there = ("--project", project)
    for args in (
        ("channels", plate, "--set", "DNA=w1"),
        ("segment", plate, "--jobs", "1"),
        ("measure", plate, "--extractors", "shape,intensity", "--jobs", "1"),
        ("layout", plate, "--from", plate / "layout.csv"),
        ("annotate", plate, "--from", plate / "truth.csv"),
        ("evaluate", plate, "--folds", "3"),
        ("train", plate, "--classifier", "svm"),
        ("predict", plate, "--jobs", "1"),
        ("profile", plate, "--out", tmp_path / "profiles.csv"),
        ("hits", plate, "--column", "Mitotic", "--out", tmp_path / "hits.csv"),
        ("export", plate, "--what", "masks", "--out", tmp_path / "masks"),
        ("export", plate, "--what", "mosaic", "--out", tmp_path / "plate.png", "--column", "Mitotic"),
        ("report", plate, "--out", tmp_path / "report.html"),
        ("clean", plate),
    ):
        code, _, err = phenotyper(*args, *there)
        assert code == 0, err
    assert (tmp_path / "hits.csv").read_text().splitlines()[1].startswith("P1,C03,X,sample")
    assert "<html" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert not (tmp_path / "P1.phenotyper").exists()


def test_a_mosaic_needs_nothing_but_pixels(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1", fields=1)
    code, out, err = phenotyper("export", plate, "--what", "mosaic", "--out", tmp_path / "plate.png")
    assert code == 0 and str(tmp_path / "plate.png") in out, err
    assert (tmp_path / "plate.png").read_bytes().startswith(b"\x89PNG")


def test_info_reads_only(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1", fields=1)
    code, out, _ = phenotyper("info", plate, "--json")
    facts = json.loads(out)
    assert code == 0 and facts["wells"] == ["B02", "B03", "C02", "C03"] and facts["fields"] == 4
    assert facts["channels"] == [{"name": "w1", "role": "DNA"}]
    assert not (tmp_path / "P1.phenotyper").exists()


def test_evaluate_prints_the_promised_json_on_stdout_alone(phenotyper, ready):
    code, out, _ = phenotyper("evaluate", ready, "--json")
    report = json.loads(out)
    assert code == 0 and isinstance(report["n"], int)
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        assert {"value", "low", "high"} == set(report[name])
    assert {"classes", "per_class", "confusion", "folds"} <= set(report)


def test_a_second_run_finds_everything_current(phenotyper, ready):
    code, out, _ = phenotyper("run", ready, "--jobs", "1", "--json")
    steps = " ".join(json.loads(out)["steps"])
    assert code == 0 and "0 fields now, 8 current already" in steps and "0 wells now, 4 current already" in steps


def test_worker_processes_give_the_same_masks_as_one(phenotyper, tmp_path, ready):
    plate = write_plate(tmp_path / "P1")
    phenotyper("segment", plate, "--jobs", "2")
    code, out, _ = phenotyper("segment", plate, "--json")
    own = json.loads(out)
    _, out, _ = phenotyper("segment", ready, "--json")
    assert code == 0 and own["kept"] == 8 and own["cells"] == json.loads(out)["cells"]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("info", "nowhere"), 1, "There is no"),
        (("segment", "{plate}", "--set", "colour=blue"), 2, "has no parameter 'colour'"),
        (("segment", "{plate}", "--segmenter", "magic"), 2, "There is no segmenter 'magic'"),
        (("segment", "{plate}", "--set", "split"), 2, "is no setting"),
        (("evaluate", "{plate}", "--classifier", "oracle"), 2, "There is no classifier 'oracle'"),
        (("evaluate", "{plate}", "--group", "moon"), 2, "'moon'"),
        (("hits", "{plate}", "--column", "Nonsense"), 2, "'Nonsense'"),
        (("predict", "{plate}", "--model", "none-such"), 1, "none-such"),
        (("channels", "{plate}", "--set", "DNA=w9"), 1, "'w9'"),
        (("layout", "{plate}", "--from", "missing.csv"), 1, "missing.csv"),
        (("segment",), 2, "Missing argument"),
    ],
)
def test_what_is_wrong_is_said_on_stderr_with_the_exit_code(phenotyper, ready, args, code, said):
    got, out, err = phenotyper(*(str(a).replace("{plate}", str(ready)) for a in args))
    assert got == code and said in err and not out


def test_list_names_every_kind_and_its_parameters(phenotyper):
    code, out, _ = phenotyper("list", "--json")
    found = json.loads(out)
    assert code == 0 and set(found["classifier"]) >= {"svm", "forest", "fastnet"}
    assert "diameter" in found["segmenter"]["nuclei"]["parameters"]


def test_commands_refuse_to_write_while_another_process_does(phenotyper, ready):
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(ready)):
        code, _, err = phenotyper("segment", ready)
        assert code == 1 and "process" in err and "--project" in err


def test_commands_that_only_tell_work_while_another_process_writes(phenotyper, ready, tmp_path):
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(ready)):
        for args in (
            ("info", ready),
            ("evaluate", ready),
            ("hits", ready, "--column", "Mitotic"),
            ("profile", ready, "--profiler", "means"),
            ("export", ready, "--what", "predictions", "--out", tmp_path / "p.csv"),
            ("report", ready, "--out", tmp_path / "r.html"),
        ):
            code, _, err = phenotyper(*args)
            assert code == 0, err


def test_asking_for_results_of_a_plate_without_a_project_says_what_to_do(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1", wells=("B02",), fields=1)
    code, _, err = phenotyper("hits", plate)
    assert code == 1 and "phenotyper segment" in err and not (tmp_path / "P1.phenotyper").exists()


@pytest.mark.parametrize("kind", ["empty", "text", "damaged"])
def test_what_is_no_plate_is_told_with_a_remedy(phenotyper, tmp_path, kind):
    place = tmp_path / "thing"
    if kind == "empty":
        place.mkdir()
    elif kind == "text":
        place.write_text("hello")
    else:
        place = tmp_path / "thing.zarr"
        place.mkdir()
        (place / ".zattrs").write_text("{ broken")
    code, _, err = phenotyper("info", place)
    assert code == 1 and "error:" in err and len(err.splitlines()) >= 2


@pytest.mark.parametrize("form", [("--set", "DNA=w1", "actin=w2"), ("--set", "DNA=w1", "--set", "actin=w2")])
def test_several_settings_are_given_after_one_set_or_each_after_its_own(phenotyper, tmp_path, form):
    plate = write_plate(tmp_path / "P1", wells=("B02",), fields=1)
    (plate / "P1_B02_s1_w2.tif").write_bytes((plate / "P1_B02_s1_w1.tif").read_bytes())
    code, out, _ = phenotyper("channels", plate, *form, "--json")
    assert code == 0 and [c["role"] for c in json.loads(out)["channels"]] == ["DNA", "actin"]


def test_doubtful_fields_are_told_and_left_out_of_a_profile(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1", wells=("B02", "B03"))
    image = tifffile.imread(plate / "P1_B03_s2_w1.tif")
    tifffile.imwrite(plate / "P1_B03_s2_w1.tif", np.full_like(image, 200))
    code, out, err = phenotyper("segment", plate, "--jobs", "1", "--json")
    assert code == 0 and json.loads(out)["flagged"] == {"P1 B03 field 2": ["empty"]} and "1 empty" in err
    code, out, _ = phenotyper("info", plate)
    assert code == 0 and "doubtful fields: 1 empty: P1 B03 field 2 empty" in out
    phenotyper("measure", plate, "--extractors", "shape", "--jobs", "1")
    code, _, err = phenotyper("profile", plate, "--profiler", "means", "--leave-out", "empty,out-of-focus")
    assert code == 0 and "1 field was left out: 1 empty." in err
    code, _, err = phenotyper("profile", plate, "--profiler", "means", "--leave-out", "ugly")
    assert code == 2 and "saturated, crowded" in err


def test_a_plate_that_was_moved_is_found_again_as_the_message_says(phenotyper, tmp_path):
    plate, project = write_plate(tmp_path / "P1", fields=1), tmp_path / "P1.phenotyper"
    phenotyper("segment", plate, "--jobs", "1")
    moved = plate.rename(tmp_path / "moved")
    code, _, err = phenotyper("info", project)
    assert code == 1 and "phenotyper segment PLATE --project DIR" in err
    code, out, _ = phenotyper("segment", moved, "--project", project, "--jobs", "1")
    assert code == 0 and "Segmented 0 fields now, 4 were current" in out
    code, out, _ = phenotyper("info", project)
    assert code == 0 and str(moved) in out


def test_the_light_of_a_plate_is_told_and_chosen(phenotyper, tmp_path):
    plate = write_plate(tmp_path / "P1")
    code, out, _ = phenotyper("illumination", plate, "--jobs", "1")
    assert code == 0 and "w1 is left as it is: brightness falls by" in out
    facts = json.loads(phenotyper("illumination", plate, "--mode", "on", "--jobs", "1", "--json")[1])["P1"]
    assert facts["channels"]["w1"]["corrected"] and facts["digest"] and 0 < facts["channels"]["w1"]["fall"] < 1
    assert phenotyper("illumination", plate, "--mode", "never")[0] == 2
