from __future__ import annotations

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure
from matplotlib.text import Text

from napari_phenotyper.core.annotations import NOT_A_CELL, PALETTE, Phenotype
from napari_phenotyper.core.plate import NEGATIVE, Condition, Layout
from napari_phenotyper.core.profile import Hit, Profile
from napari_phenotyper.core.wells import PLATE_SHAPES, FieldRef, WellRef, well_name
from napari_phenotyper.pages.content import ClassExamples, ClassScore, Estimate, FieldExample, Reliability
from napari_phenotyper.pages.pictures import cell_gallery, field_picture, outlines
from napari_phenotyper.pages.plate_map import plate_map
from napari_phenotyper.pages.scores import class_scores, confusion_matrix, reliability_diagram
from napari_phenotyper.pages.style import colours_of, composite, ink_on, legend_rows, shorten, to_png, to_svg
from napari_phenotyper.pages.treatments import by_treatment, class_intervals, class_shares, hit_bars, shown_treatments

NAN = math.nan


def texts(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(Text) if t.get_text()]


def shares(treatments: list[str], counts: list[int] | None = None) -> tuple[Profile, Layout]:
    wells = tuple(WellRef("P", well_name(i // 12 + 1, i % 12 + 1)) for i in range(len(treatments)))
    a = np.linspace(0.1, 0.9, len(wells))
    number = np.array(counts or [100] * len(wells))
    profile = Profile(wells, ("a", "b"), np.stack([a, 1 - a], axis=1), number)
    roles = {"DMSO": NEGATIVE}
    return profile, Layout({w: Condition(t, roles.get(t, "sample")) for w, t in zip(wells, treatments, strict=True)})


@pytest.mark.parametrize("shape", PLATE_SHAPES.values())
def test_a_plate_of_every_size_is_drawn_whole(shape: tuple[int, int]) -> None:
    figure = plate_map({"A01": 1.0, well_name(*shape): 2.0}, "P", "x", shape=shape)
    axes = figure.axes[0]
    assert axes.get_xlim() == (-0.6, shape[1] - 0.4) and axes.get_ylim() == (shape[0] - 0.4, -0.6)


def test_wells_without_images_and_wells_without_cells_look_different() -> None:
    assert {"no images", "no cells"} <= set(texts(plate_map({"A01": 1.0, "A02": NAN}, "P", "x")))
    assert "no cells" not in texts(plate_map({"A01": 1.0}, "P", "x"))


def test_a_well_outside_the_given_shape_widens_the_plate() -> None:
    assert plate_map({"C05": 1.0}, "P", "x", shape=(2, 3)).axes[0].get_xlim()[1] == pytest.approx(4.6)


def test_one_odd_well_does_not_take_all_the_colours() -> None:
    values = {well_name(r + 1, c + 1): float(c) for r in range(8) for c in range(12)} | {"A01": 1e6}
    assert plate_map(values, "P", "x").axes[1].get_ylim()[1] < 20


def test_a_signed_value_has_white_at_zero() -> None:
    low, high = plate_map({"A01": -1.0, "A02": 5.0}, "P", "x", diverging=True).axes[1].get_ylim()
    assert low == pytest.approx(-high)


@pytest.mark.parametrize("values", [{}, {"A01": NAN}, {"A01": 3.0, "A02": 3.0}, {"A01": 0.0}])
def test_a_plate_with_nothing_to_tell_is_still_drawn(values: dict[str, float]) -> None:
    assert to_png(plate_map(values, "P", "x")).startswith(b"\x89PNG")


def test_every_figure_names_its_plate_and_says_if_it_is_simulated() -> None:
    profile, layout = shares(["DMSO", "x"])
    colours = colours_of(("a", "b"))
    example = FieldExample(FieldRef("Plate 7", "B02", 1), np.zeros((1, 8, 8)), np.zeros((8, 8), np.int32))
    gallery = [ClassExamples("a", np.zeros((2, 1, 8, 8), np.float32))]
    bins = Reliability(np.array([0.5]), np.array([0.4]), np.array([3]))
    scores = [ClassScore("a", 3, Estimate(0.5), Estimate(0.5))]
    hits = [Hit(profile.wells[1], "a", 2.0)]
    figures = [
        plate_map({"A01": 1.0}, "Plate 7", "x", simulated=True),
        confusion_matrix(np.eye(2, dtype=int), ("a", "b"), "Plate 7", simulated=True),
        class_scores(scores, "Plate 7", simulated=True),
        reliability_diagram(bins, "Plate 7", simulated=True),
        field_picture(example, colours, simulated=True),
        cell_gallery(gallery, colours, "Plate 7", simulated=True),
        class_shares(profile, layout, colours, "Plate 7", simulated=True),
        class_intervals(profile, layout, colours, "Plate 7", simulated=True),
        hit_bars(hits, layout, colours, "Plate 7", simulated=True),
    ]
    for figure in figures:
        assert any("Plate 7" in text for text in texts(figure)) and "Simulated data" in texts(figure)


def test_a_dollar_in_a_name_starts_no_formula() -> None:
    figure = confusion_matrix(np.eye(2, dtype=int), ("a$x_", "$\\frac$"), "P$1$")
    assert to_svg(figure).startswith(b"<?xml")


def test_sixteen_long_class_names_fit_under_a_figure() -> None:
    rows, columns = legend_rows(["a name of twenty-four c."] * 16, 7.2)
    assert rows * columns >= 16 and columns * 24 * 0.065 < 7.2


def test_no_text_of_a_confusion_matrix_lies_outside_the_figure() -> None:
    names = [f"a class with a rather long name {i}" for i in range(16)]
    figure = confusion_matrix(np.eye(16, dtype=int) * 900, names, "A plate with quite a long name, 2nd replicate")
    to_png(figure)
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text():
            box = text.get_window_extent()
            assert box.x0 >= -1 and box.x1 <= figure.bbox.x1 + 1 and box.y0 >= -1 and box.y1 <= figure.bbox.y1 + 1


def test_a_class_without_cells_leaves_an_empty_row_in_the_matrix_and_the_gallery() -> None:
    counts = np.array([[3, 0], [0, 0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_png(confusion_matrix(counts, ("a", "b"), "P"))
        empty = [
            ClassExamples("a", np.zeros((0, 1, 8, 8), np.float32)),
            ClassExamples("b", np.ones((1, 1, 8, 8), "f4")),
        ]
        assert to_png(cell_gallery(empty, {}, "P")).startswith(b"\x89PNG")


def test_an_unknown_score_is_left_out_instead_of_drawn_at_zero() -> None:
    figure = class_scores([ClassScore("a", 0, Estimate(NAN), Estimate(NAN))], "P")
    assert not figure.axes[0].lines


def test_outlines_lie_on_the_cells_and_part_cells_that_touch() -> None:
    labels = np.zeros((9, 12), np.int32)
    labels[2:8, 1:6], labels[2:8, 6:11] = 1, 2
    edge = outlines(labels)
    assert not edge[labels == 0].any()
    assert edge[4, 5] and edge[4, 6] and not edge[4, 3]
    assert outlines(labels, thickness=2)[4, 4] and labels.max() == 2


def test_a_scale_bar_needs_a_pixel_size() -> None:
    image, labels = np.zeros((1, 200, 200)), np.zeros((200, 200), np.int32)
    with_size = field_picture(FieldExample(FieldRef("P", "B02", 1), image, labels, {}, 0.5), {})
    without = field_picture(FieldExample(FieldRef("P", "B02", 1), image, labels), {})
    assert "20 µm" in texts(with_size)
    assert not any("µm" in text for text in texts(without))


def test_a_blank_or_broken_picture_shows_black_instead_of_failing() -> None:
    assert composite(np.zeros((2, 4, 4))).max() == 0
    assert np.isfinite(composite(np.full((1, 4, 4), NAN))).all()


def test_negative_controls_come_first_and_wells_without_a_layout_stand_alone() -> None:
    profile, _ = shares(["x", "DMSO", "x", ""])
    _, layout = shares(["x", "DMSO", "x", ""])
    assert list(by_treatment(profile, layout)) == ["DMSO", "A04", "x"]
    assert by_treatment(profile, layout)["x"].tolist() == [0, 2]


def test_of_many_treatments_the_controls_and_the_most_different_are_shown() -> None:
    profile, layout = shares(["DMSO"] + [f"t{i}" for i in range(40)], [100] * 40 + [100])
    shown = shown_treatments(profile, layout, most=5)
    assert next(iter(shown)) == "DMSO" and {"t39", "t38", "t37", "t36"} == set(shown) - {"DMSO"}


def test_treatments_without_cells_are_drawn_empty() -> None:
    profile, layout = shares(["DMSO", "x"], [100, 0])
    profile.values[1] = NAN
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        to_png(class_shares(profile, layout, colours_of(("a", "b")), "P"))
        assert to_png(class_intervals(profile, layout, colours_of(("a", "b")), "P")).startswith(b"\x89PNG")


def test_negative_controls_are_no_bars_among_the_hits() -> None:
    profile, layout = shares(["DMSO", "x"])
    hits = [Hit(profile.wells[0], "a", 99.0), Hit(profile.wells[1], "a", -3.0)]
    shown = texts(hit_bars(hits, layout, {}, "P"))
    assert "x · A02 · a" in shown and not any("DMSO" in text for text in shown)


def test_no_hits_still_make_a_figure() -> None:
    assert to_svg(hit_bars([], Layout(), {}, "P"))


def test_classes_keep_the_colour_they_were_given_and_others_get_a_new_one() -> None:
    colours = colours_of(("a", "b", NOT_A_CELL), [Phenotype("b", PALETTE[0])])
    assert colours["b"] == PALETTE[0] and colours["a"] == PALETTE[1] and colours[NOT_A_CELL] == "#999999"


@given(st.text(max_size=80), st.integers(4, 60))
def test_a_shortened_text_has_at_most_the_length_asked_for(text: str, length: int) -> None:
    short = shorten(text, length)
    assert len(short) <= length and (short == text or "…" in short)


@settings(max_examples=30)
@given(st.tuples(*[st.floats(0, 1)] * 3))
def test_figures_on_a_coloured_well_can_be_read(colour: tuple[float, float, float]) -> None:
    def luminance(rgb: tuple[float, ...]) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    ink = 0.0 if ink_on(colour) == "#000000" else 1.0
    high, low = max(ink, luminance(colour)), min(ink, luminance(colour))
    assert (high + 0.05) / (low + 0.05) > 4.5
