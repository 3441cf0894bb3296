from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser

import numpy as np
import pytest

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.pages.content import (
    AnnotationPart,
    ClassExamples,
    ClassScore,
    Estimate,
    EvaluationPart,
    FieldExample,
    PlateSummary,
    SegmentationPart,
    Step,
)
from napari_phenotyper.pages.report import ReportContent, render
from napari_phenotyper.scorers.robust_z import RobustZ

WELLS = tuple(WellRef("P1", f"B0{i}") for i in range(2, 8))
LAYOUT = Layout({w: Condition("DMSO", NEGATIVE) if i < 4 else Condition("drug") for i, w in enumerate(WELLS)})
PLATE = PlateSummary("P1", 6, 12, ("DAPI (DNA)",), 0.65, problems=("Well C01: file w1.tif is truncated.",))


class Page(HTMLParser):
    """Collects tags that must be balanced, addresses, and the anchors of sections."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.sections: list[str] = []
        self.alternatives: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.addresses += [v for k, v in attrs if k in ("src", "href", "action") and v]
        if tag == "section":
            self.sections.append(values["id"] or "")
        if tag == "img":
            self.alternatives.append(values["alt"] or "")
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def content() -> ReportContent:
    rng = np.random.default_rng(0)
    a = np.array([0.9, 0.92, 0.91, 0.89, 0.3, 0.9])
    values = np.stack([a, 1 - a], axis=1)
    shares = Profile(WELLS, ("Interphase", "Apoptosis"), values, np.full(6, 80), values - 0.05, values + 0.05)
    labels = np.zeros((40, 40), np.int32)
    labels[5:15, 5:15] = 1
    field = FieldExample(FieldRef("P1", "B02", 1), rng.random((1, 40, 40)), labels, {1: "Apoptosis"}, 0.65)
    scores = (ClassScore("Apoptosis", 30, Estimate(0.9, 0.8, 0.97), Estimate(0.8, 0.7, 0.9)),)
    return ReportContent(
        title="First screen",
        plates=(PLATE,),
        made="2025-11-20",
        layout=LAYOUT,
        phenotypes=(Phenotype("Interphase", "#0072B2"), Phenotype("Apoptosis", "#E69F00")),
        segmentation=SegmentationPart("Otsu.", 480, 12, ("C01 field 1: truncated",), (field,)),
        annotations=AnnotationPart({"Interphase": 40, "Apoptosis": 12}, 6, ("ann",)),
        evaluation=EvaluationPart(
            "SVM", "Five folds by well.", ("Interphase", "Apoptosis"), np.array([[40, 2], [3, 27]]), (), scores,
            ("Label more Apoptosis.",),
        ),
        examples=(ClassExamples("Apoptosis", rng.random((3, 1, 24, 24)).astype(np.float32), 0.65),),
        shares=shares,
        hits=RobustZ().score(shares, LAYOUT),
        scorer="Robust z",
        methods=("Nuclei were found with Otsu's threshold.",),
        steps=(Step("segment", "threshold", 2, {"diameter": 18.0}, "0123456789abcdef"),),
        software={"napari-phenotyper": "0.1.0"},
    )  # fmt: skip


@pytest.fixture(scope="module")
def html(content: ReportContent) -> str:
    return render(content)


def test_sections_stand_in_the_order_of_the_way(html: str) -> None:
    way = ["plate", "segmentation", "annotations", "classifier", "cells", "maps", "treatments", "hits", "methods"]
    assert Page(html).sections == way


def test_every_tag_is_closed(html: str) -> None:
    assert Page(html).open == []


def test_the_page_asks_nothing_of_the_network(html: str) -> None:
    outside = [a for a in Page(html).addresses if not a.startswith(("data:", "#"))]
    assert outside == []
    assert "@import" not in html and not re.search(r"url\((?!['\"]?data:)", html.split("<body>")[0])
    assert "<script" not in html


def test_every_picture_says_in_words_what_it_shows_and_of_which_plate(html: str) -> None:
    alternatives = Page(html).alternatives
    assert len(alternatives) >= 7 and all("P1" in text for text in alternatives)


def test_problems_come_before_anything_else(html: str) -> None:
    assert html.index("file w1.tif is truncated") < html.index('<section id="plate"')


def test_how_good_the_classifier_is_is_said_in_words(html: str) -> None:
    assert "of 100 cells that it calls so, about 90 (between 80 and 97) are right" in html


def test_the_treated_well_is_counted_as_a_hit(html: str) -> None:
    assert "at a false discovery rate of 5 %: 1 of 2." in html


def test_settings_and_keys_are_there_to_do_it_again(html: str) -> None:
    assert "diameter=18.0" in html and "0123456789abcdef" in html


def test_text_from_outside_is_shown_and_never_run(content: ReportContent) -> None:
    evil = '<script>alert("x")</script>&'
    plate = dataclasses.replace(PLATE, name=evil, problems=(evil,), channels=(evil,))
    page = render(dataclasses.replace(content, title=evil, plates=(plate,), methods=(evil,), scorer=evil))
    assert "<script" not in page and "&lt;script&gt;" in page


def test_names_in_any_script_are_kept() -> None:
    assert "Zellkern Größe 核 ядро" in render(ReportContent("Zellkern Größe 核 ядро"))


def test_simulated_data_is_called_so_at_the_top() -> None:
    assert "Simulated data" not in render(ReportContent("x", (PLATE,)))
    assert "Simulated data" in render(ReportContent("x", simulated=True))


def test_an_empty_project_is_told_to_open_a_plate() -> None:
    page = render(ReportContent("New"))
    assert Page(page).sections == [] and "<b>Next:</b> open a plate." in page


@pytest.mark.parametrize(
    ("missing", "next_step"),
    [
        (("segmentation", "annotations", "evaluation", "shares", "hits"), "find the cells"),
        (("annotations", "evaluation", "shares", "hits"), "click on some cells"),
        (("evaluation", "shares", "hits"), "train a classifier"),
        (("shares", "hits"), "predict the whole plate"),
        (("hits",), "score the wells"),
    ],
)
def test_a_half_done_project_is_told_its_next_step(
    content: ReportContent, missing: tuple[str, ...], next_step: str
) -> None:
    nothing = {name: () if name == "hits" else None for name in missing}
    page = render(dataclasses.replace(content, examples=(), **nothing))  # type: ignore[arg-type]
    assert f"<b>Next:</b> {next_step}" in page


def test_without_a_layout_the_next_step_is_to_give_one(content: ReportContent) -> None:
    page = render(dataclasses.replace(content, layout=Layout(), hits=()))
    assert "say what was done to each well" in page


def test_a_well_without_cells_does_not_stop_the_report(content: ReportContent) -> None:
    assert content.shares is not None
    values = content.shares.values.copy()
    values[3] = np.nan
    shares = dataclasses.replace(content.shares, values=values, low=None, high=None)
    assert 'id="maps"' in render(dataclasses.replace(content, shares=shares))


def test_many_plates_show_the_first_maps_and_say_so(content: ReportContent) -> None:
    assert content.shares is not None
    wells = tuple(WellRef(f"P{i}", "B02") for i in range(6))
    shares = dataclasses.replace(content.shares, wells=wells)
    plates = tuple(PlateSummary(f"P{i}", 1, 1) for i in range(6))
    page = render(ReportContent("Screen", plates, shares=shares))
    assert "The first 4 of 6 plates are shown." in page and "6 plates" in page
