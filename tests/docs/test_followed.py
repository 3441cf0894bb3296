"""The text is followed to the letter: commands in a shell's place, Python as it stands, the tutorial in the window."""

from __future__ import annotations

import csv
import re
import shutil
import sys

import pytest
from tests.docs.reading import DOCS, FENCE, lines_of_shell, words_of
from tests.plates import write_plate

from napari_phenotyper import cli


@pytest.fixture
def at_home(tmp_path, monkeypatch):
    """A folder with all that the page speaks of: a plate called PLATE, layout.csv, labels.csv."""
    plate = write_plate(tmp_path / "PLATE", fields=1)
    shutil.move(plate / "layout.csv", tmp_path / "layout.csv")
    with (plate / "truth.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    (plate / "truth.csv").unlink()
    with (tmp_path / "labels.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["Prometaphase" if c == "Mitotic" else c for c in row] for row in rows])
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_page_on_working_headless_does_what_it_says(at_home, monkeypatch, capsys):
    text = (DOCS / "how-to" / "headless.md").read_text(encoding="utf-8")
    for line in lines_of_shell(text):
        words = words_of(line)
        alone = ["--jobs", "1"] if words[1] in ("segment", "measure", "predict", "run") else []
        monkeypatch.setattr(sys, "argv", [*words, *alone])
        try:
            cli.main()
        except SystemExit as ended:
            assert not ended.code, f"{line}: {capsys.readouterr().err}"
        if " > " in line:
            (at_home / line.split(" > ")[1]).write_text(capsys.readouterr().out, encoding="utf-8")
    for made in re.findall(r"--out (\S+)|> (\S+)", "\n".join(lines_of_shell(text))):
        assert (at_home / (made[0] or made[1])).exists(), made
    assert "P1,C03,X,sample" in (at_home / "hits.csv").read_text().splitlines()[1]


def test_the_script_on_the_page_of_use_cases_runs(tmp_path, monkeypatch, capsys):
    write_plate(tmp_path / "P1", fields=1)
    monkeypatch.chdir(tmp_path)
    text = (DOCS / "reference" / "use-cases.md").read_text(encoding="utf-8")
    (code,) = (block for language, block in FENCE.findall(text) if language == "python")
    exec(compile(code, "use-cases.md", "exec"), {"__name__": "script"})
    assert "Mitotic" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.gl
def test_the_tutorial_shows_the_numbers_that_it_tells(make_napari_viewer, tmp_path):
    from scripts.follow_tutorial import follow

    text = (DOCS / "tutorial.md").read_text(encoding="utf-8")
    viewer = make_napari_viewer(show=True)
    facts = follow(viewer, tmp_path)
    viewer.close()
    assert f"{facts['fields']} of 48 fields segmented, 48 measured. {facts['cells']:,} cells" in text
    assert facts["clicked"] == 48 and facts["clicked later"] == 12
    told = {"Interphase": 1450, "Prometaphase": 350, "Polylobed": 520, "Apoptosis": 700}
    assert all(abs(facts["predicted"][name] - many) < 0.1 * many + 20 for name, many in told.items())
    assert facts["first scores"]["accuracy"]["value"] == pytest.approx(0.92, abs=0.06)
    assert facts["second scores"]["accuracy"]["value"] == pytest.approx(0.93, abs=0.06)
    assert _hits(facts["first_hits"], "nocodazole", "Prometaphase") == {"3/4"}
    assert _hits(facts["hits"], "nocodazole", "Prometaphase") == {"4/4"}
    assert _hits(facts["hits"], "MG-132", "Metaphase") <= {"3/4", "4/4"} and _hits(facts["hits"], "MG-132", "Metaphase")
    assert not _hits(facts["hits"], "ibuprofen", "")


def _hits(found, treatment, name):
    """Replicates of the wells of a treatment that differ upwards in a class."""
    rows = [row for row in found["table"] if row[1].startswith(treatment) and name in row[2] and "▲" in row[3]]
    return {row[4] for row in rows if not row[4].startswith("0/")}
