"""The commands labels, figures and annotate --preview, as a user types them."""

from __future__ import annotations

import json

import pytest
from tests.cli.test_cli import phenotyper  # noqa: F401  (a fixture)


@pytest.fixture
def astray(phenotyper, copy, tmp_path):  # noqa: F811
    """A plate with one label that hits no cell, and a cell with two classes."""
    phenotyper("labels", copy, "--drop")
    path = tmp_path / "more.csv"
    well, field, y, x = (copy / "truth.csv").read_text().splitlines()[1].split(",")[:4]
    cell = f"{well},{field},{y},{x}"
    path.write_text(f"well,field,y,x,phenotype\nB02,1,2,2,Odd\n{cell},Odd\n{cell},Even\n")
    assert phenotyper("annotate", copy, "--from", path)[0] == 0
    return copy


def test_lost_and_contested_labels_are_listed_and_settled(phenotyper, astray, tmp_path):  # noqa: F811
    code, out, _ = phenotyper("labels", astray, "--json")
    assert code == 0 and sorted(row["what"] for row in json.loads(out)) == ["contested", "contested", "lost"]
    code, out, _ = phenotyper("labels", astray, "--lost", "--json")
    assert [(row["well"], row["y"], row["phenotype"]) for row in json.loads(out)] == [("B02", 2.0, "Odd")]
    assert "1 label lost, 1 contested" in phenotyper("labels", astray)[1]
    assert "1 lost labels dropped" in phenotyper("labels", astray, "--lost", "--drop")[2]
    assert phenotyper("labels", astray, "--newest", "--out", tmp_path / "c.csv")[0] == 0
    assert "hit a cell" in phenotyper("labels", astray)[1]


def test_what_is_not_listed_is_not_settled(phenotyper, copy):  # noqa: F811
    code, _, err = phenotyper("labels", copy, "--contested", "--drop")
    assert code == 2 and "--newest for contested" in err


def test_a_preview_tells_what_an_import_would_do_and_does_nothing(phenotyper, copy, tmp_path):  # noqa: F811
    path = tmp_path / "more.csv"
    path.write_text("well,field,y,x,phenotype\nB02,1,2,2,Odd\n")
    code, out, _ = phenotyper("annotate", copy, "--from", path, "--preview")
    assert code == 0 and "New classes: Odd (1)" in out and "no cell within 5 px" in out
    assert "Odd" not in phenotyper("export", copy, "--what", "annotations", "--out", tmp_path / "a.csv")[1]
    assert "Odd" not in (tmp_path / "a.csv").read_text()


def test_figures_are_written_as_png_svg_and_csv(phenotyper, copy, tmp_path):  # noqa: F811
    for step in (("evaluate", copy, "--folds", "3"), ("train", copy), ("predict", copy, "--jobs", "1")):
        assert phenotyper(*step)[0] == 0
    out = tmp_path / "figures"
    code, said, _ = phenotyper("figures", copy, "--out", out, "--only", "confusion,share-bars,hits", "--json")
    assert code == 0 and list(json.loads(said)) == ["confusion", "share-bars", "hits"]
    assert sorted(path.suffix for path in out.iterdir()) == [".csv"] * 3 + [".png"] * 3 + [".svg"] * 3
    assert (out / "share-bars.csv").read_text().startswith("treatment,phenotype,wells,cells,share,low,high")


def test_a_figure_that_does_not_exist_is_named_with_those_that_do(phenotyper, copy, tmp_path):  # noqa: F811
    code, _, err = phenotyper("figures", copy, "--out", tmp_path, "--only", "pie")
    assert code == 2 and "'pie'" in err and "share-bars" in err


def test_cells_that_are_chosen_are_written_with_a_row_each(phenotyper, copy, tmp_path):  # noqa: F811
    where = ("gallery", copy, "--out", tmp_path / "cells.csv")
    code, _, err = phenotyper(*where, "--annotated-as", "Mitotic", "--count", "5")
    rows = (tmp_path / "cells.csv").read_text().splitlines()
    assert code == 0 and not err.startswith("error")
    assert len(rows) == 6 and all(",Mitotic," in row for row in rows[1:])
    assert phenotyper("gallery", copy, "--out", tmp_path / "cells.png", "--well", "b02", "--count", "3")[0] == 0
    assert (tmp_path / "cells.png").read_bytes().startswith(b"\x89PNG")
    code, _, err = phenotyper(*where, "--annotated-as", "Nobody")
    assert code == 1 and "no such cells" in err
