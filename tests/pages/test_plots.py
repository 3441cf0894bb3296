"""Plots: a figure and its numbers, saved by one function; bars with intervals; a page of cells with its scale bar."""

from __future__ import annotations

import csv

import numpy as np
import pytest
from matplotlib.text import Text
from tests.pages.test_figures import shares

from napari_phenotyper.core.errors import SettingError
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.pages.cell_page import PageCell, PageGroup, bar_length, cell_page
from napari_phenotyper.pages.content import ReportContent
from napari_phenotyper.pages.figure_set import FIGURES, plots_of
from napari_phenotyper.pages.plots import save_plot
from napari_phenotyper.pages.result_plots import bars_plot, heat_plot, map_plot
from napari_phenotyper.pages.share_bars import treatment_shares

COLOURS = {"a": "#0072B2", "b": "#E69F00"}


def read(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "begins"), [("x.png", b"\x89PNG"), ("x.svg", b"<?xml"), ("x", b"\x89PNG")])
def test_the_ending_says_what_a_plot_is_saved_as(tmp_path, name, begins):
    profile, layout = shares(["DMSO", "drug"])
    saved = save_plot(bars_plot(profile, layout, COLOURS, "P"), tmp_path / name)
    assert saved.read_bytes().startswith(begins)


def test_an_ending_that_is_no_figure_is_refused_with_those_that_are(tmp_path):
    profile, layout = shares(["DMSO", "drug"])
    with pytest.raises(SettingError, match=r"\.docx") as error:
        save_plot(bars_plot(profile, layout, COLOURS, "P"), tmp_path / "x.docx")
    assert ".svg" in error.value.remedy


def test_the_interval_of_several_wells_tells_how_they_differ():
    profile, layout = shares(["DMSO", "DMSO", "drug", "drug"])
    dmso, drug = treatment_shares(profile, layout)["a"]
    values = profile.values[:2, 0]
    reach = 12.706 * values.std(ddof=1) / np.sqrt(2)
    assert (dmso.treatment, dmso.wells, dmso.cells) == ("DMSO", 2, 200)
    assert dmso.value == pytest.approx(values.mean())
    assert dmso.high == pytest.approx(min(values.mean() + reach, 1.0), abs=1e-3) and dmso.low == 0.0
    assert drug.value > dmso.value


def test_the_interval_of_one_well_is_that_of_its_cells():
    profile, layout = shares(["DMSO", "drug"])
    low, high = profile.values - 0.05, profile.values + 0.05
    known = Profile(profile.wells, profile.columns, profile.values, profile.counts, low, high)
    one = treatment_shares(known, layout)["a"][0]
    assert (one.low, one.high) == pytest.approx((0.05, 0.15))


def test_a_treatment_without_cells_has_no_share():
    profile, layout = shares(["DMSO", "drug"], [100, 0])
    values = profile.values.copy()
    values[1] = np.nan
    drug = treatment_shares(Profile(profile.wells, ("a", "b"), values, profile.counts), layout)["a"][1]
    assert drug.wells == 0 and np.isnan(drug.value)


def test_the_numbers_of_a_heat_map_are_what_is_coloured(tmp_path):
    profile, layout = shares(["DMSO", "drug", "other"])
    plot, heat = heat_plot(profile, layout, "P", "treatment")
    rows = read(save_plot(plot, tmp_path / "heat.csv"))
    assert [row["wells"] for row in rows] == [" ".join(f"P/{w.well}" for w in wells) for wells in heat.rows]
    assert float(rows[0]["a"]) == pytest.approx(heat.values[0, heat.columns.index("a")], rel=1e-4, abs=1e-9)


def test_a_map_has_a_row_per_well_and_a_name_that_every_disk_takes(tmp_path):
    _, layout = shares(["DMSO"])
    plot = map_plot({"A01": 0.5, "A02": float("nan")}, "P", "Größe/面积", {"A01": "negative"}, layout, percent=True)
    rows = read(save_plot(plot, tmp_path / f"{plot.name}.csv"))
    assert [(row["well"], row["role"], row["Größe/面积"]) for row in rows] == [
        ("A01", "negative", "0.5"),
        ("A02", "", ""),
    ]
    assert "/" not in plot.name and plot.name.isascii()


def test_of_a_project_without_results_there_is_no_figure_and_a_wrong_name_is_told():
    assert list(plots_of(ReportContent("nothing"))) == []
    with pytest.raises(SettingError, match="pie"):
        list(plots_of(ReportContent("nothing"), ["pie"]))
    assert "share-bars" in FIGURES


def cell(name="a", annotated=True):
    facts = {"well": "B02", "label": 7, "predicted": name}
    return PageCell(np.zeros((20, 20, 3), np.uint8), f"✓ {name}", name, COLOURS[name], annotated, facts)


@pytest.mark.parametrize(("unit", "said"), [("µm", "Scale bar: 20 µm"), ("pixels", "Scale bar: 20 px")])
def test_a_page_of_cells_says_how_long_its_bar_is_and_names_the_classes(unit, said):
    plot = cell_page([PageGroup("", (cell("a"), cell("b", False)))], 54.0, unit, 8, "P · cells")
    texts = [text.get_text() for text in plot.figure.findobj(Text)]
    assert any(text.startswith(said) for text in texts) and {"a", "b", "✓ a"} <= set(texts)
    assert len(plot.rows[1]) == 2


@pytest.mark.parametrize(("side", "length"), [(54.0, 20.0), (100.0, 20.0), (12.6, 5.0), (0.9, 0.2)])
def test_a_scale_bar_is_round_and_fits_into_a_picture(side, length):
    assert bar_length(side) == pytest.approx(length)


def test_the_bar_is_as_long_as_it_says():
    plot = cell_page([PageGroup("", (cell(),))], 50.0, "µm", 4, "P")
    line = plot.figure.axes[0].lines[-1].get_xdata()
    assert (line[1] - line[0]) / 20 * 50.0 == pytest.approx(20.0)
