"""The panel that says how good the classifier is."""

from __future__ import annotations

import re

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtGui import QColor
from qtpy.QtWidgets import QLabel, QScrollArea

from napari_phenotyper.core.annotations import Phenotype
from napari_phenotyper.evaluation.crossval import OutOfFold, report
from napari_phenotyper.views.scores_panel import ConfusionGrid, ScoresPanel

pytestmark = pytest.mark.gl

CLASSES = ("Interphase", "Mitotic & late", "not a cell")
TRUTH = [0] * 10 + [1] * 10
SAID = [0] * 9 + [1] + [1] * 4 + [0] * 6


def evaluation(classes=CLASSES, truth=TRUTH, said=SAID):
    wells = np.arange(len(truth)) % 6
    given = np.eye(len(classes), dtype=np.float32)[said]
    found = report(OutOfFold(given, np.array(truth), wells, wells % 3, classes), "well")
    return {**found, "classifier": {"id": "svm"}}


@pytest.fixture
def panel(qtbot):
    panel = ScoresPanel()
    qtbot.addWidget(panel)
    panel.resize(340, 600)
    panel.show()
    return panel


def said(panel):
    html = " | ".join(label.text() for label in panel.findChildren(QLabel) if label.isVisible())
    return re.sub("<[^>]*>", " ", html).replace("\u200b", "").replace("&nbsp;", " ").replace("&amp;", "&")


def test_without_a_report_it_says_what_is_needed_for_one(panel):
    panel.set_report(evaluation())
    panel.set_report(None)
    assert said(panel).startswith("Annotate at least two cells") and not panel.findChild(ConfusionGrid).isVisible()


def test_the_headline_tells_accuracy_with_interval_and_how_it_was_measured(panel):
    panel.set_report(evaluation())
    assert re.search(r"Accuracy 65 % \(\d+ to \d+ %\), balanced accuracy 65 % \(\d+ to \d+ %\)", said(panel))
    assert "20 annotated cells, predicted by svm in 3 folds grouped by well" in said(panel)


def test_each_class_has_a_line_with_its_scores(panel):
    panel.set_report(evaluation())
    words = re.sub(r"\d+–\d+", "", said(panel))  # the intervals
    assert re.search(r"Interphase\s+10\s+\d+ wells?\s+90\s+60\s+72\s", words)
    assert re.search(r"Mitotic & late\s+10\s+\d+ wells?\s+40\s+80\s+53\s", words)


def test_a_class_that_was_never_annotated_or_predicted_has_dashes_not_zeros(panel):
    panel.set_report(evaluation())
    assert re.search(r"not a cell\s+0\s+0 wells?\s+–\s+–\s+–", said(panel))


def test_classes_wear_the_colours_of_the_class_set(panel):
    panel.set_report(evaluation(), [Phenotype("Mitotic & late", "#123456")])
    assert any("#123456" in label.text() for label in panel.findChildren(QLabel))


def test_a_class_that_is_hardly_found_gets_advice_beside_the_warnings(panel):
    panel.set_report(evaluation())
    assert "Mitotic & late: 6 of 10 cells are taken for Interphase; annotate more of both" in said(panel)
    assert "• Interphase" not in said(panel)
    panel.set_report({**evaluation(), "warnings": ["Only 4 wells <here>"]})
    assert "Only 4 wells &lt;here&gt;" in said(panel)


def test_scores_that_are_out_of_date_say_so(panel):
    panel.set_stale(True)
    assert "out of date" not in said(panel)
    panel.set_report(evaluation())
    assert "out of date" in said(panel)
    panel.set_stale(False)
    assert "out of date" not in said(panel)


def test_the_matrix_tells_in_words_what_is_taken_for_what(panel):
    panel.set_report(evaluation())
    grid = panel.findChild(ConfusionGrid)
    rim, size = grid._geometry(grid.width())
    assert grid.text_at(rim + size / 2, rim + 1.5 * size) == (
        "Annotated as Mitotic & late, predicted Interphase:\n6 of 10 cells (60 %)"
    )
    assert grid.text_at(rim + 1.5 * size, rim + 2.5 * size).endswith("0 of 0 cells")
    assert grid.text_at(1, 1) == ""


def test_a_click_on_an_entry_asks_for_its_cells(panel, qtbot):
    panel.set_report(evaluation())
    asked = []
    panel.entry_clicked.connect(lambda given, predicted: asked.append((given, predicted)))
    for row, column in ((1, 0), (2, 2)):  # the second has no cells
        qtbot.mouseClick(
            panel.matrix, Qt.MouseButton.LeftButton, pos=panel.matrix.rect_of(row, column).center().toPoint()
        )
    assert asked == [("Mitotic & late", "Interphase")]


def test_a_class_of_the_table_asks_for_its_cells(panel, qtbot):
    panel.set_report(evaluation())
    with qtbot.waitSignal(panel.class_clicked) as told:
        panel._table.linkActivated.emit("1")
    assert told.args == ["Mitotic & late"]


def test_the_matrix_is_shaded_by_the_share_of_the_row(panel, qtbot):
    panel.set_report(evaluation())
    grid = panel.findChild(ConfusionGrid)
    rim, size = grid._geometry(grid.width())
    picture = grid.grab().toImage()

    def shade(row, column):
        return QColor(picture.pixel(round(rim + column * size + 4), round(rim + row * size + 4))).lightness()

    distance = [abs(shade(row, column) - shade(2, 2)) for row, column in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 2))]
    assert distance == sorted(distance, reverse=True) and distance[0] > 60 and distance[-1] == 0


def test_eight_classes_with_long_names_fit_a_narrow_dock(panel):
    names = tuple(f"Extraordinarilymicronucleatedcells number {i}" for i in range(8))
    truth = np.arange(8000) % 8
    long = evaluation(names, truth, (truth + (np.arange(8000) % 3 == 0)) % 8)
    for one in long["per_class"].values():
        one["groups"] = 12
    panel.set_report(long)
    scroll = panel.findChild(QScrollArea)
    assert "12 wells" in said(panel)
    assert scroll.widget().minimumSizeHint().width() <= scroll.viewport().width() - 10
