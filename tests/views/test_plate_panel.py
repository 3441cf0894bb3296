"""The map of the plate that is open: its colours, and what clicks and keys on it do."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qtpy.QtCore import Qt
from qtpy.QtTest import QTest

from napari_phenotyper.session.measuring import cells_of
from napari_phenotyper.views.plate_panel import PlatePanel

pytestmark = pytest.mark.gl

LEFT, PLAIN = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def panel_of(shown):
    return lambda desk: shown(PlatePanel(desk), height=320)


@pytest.fixture
def panel(panel_of, desk):
    return panel_of(desk)


def click(panel, well):
    QTest.mouseClick(panel.map, LEFT, PLAIN, panel.map.rect_of(well).center())


def wished(desk):
    return desk.viewing.wish.well, desk.viewing.wish.field


def predicted(desk, until):
    desk.live.switch(True)
    until(lambda: len(desk.predictions) == 8)


def test_wells_wear_their_number_of_cells(panel, desk):
    known = desk.surveys["P1"].cells
    expected = {w: sum(n for ref, n in known.items() if ref.well == w) for w in ("B02", "B03", "C02", "C03")}
    assert panel.map.face.values == expected
    assert panel.map.face.title == "Cells per well"


def test_wells_wear_their_number_of_annotated_cells(panel, desk):
    panel.colour_by("annotated")
    standing = [a.field.well for a in desk.session.annotations.active.values()]
    assert panel.map.face.values == {w: standing.count(w) for w in ("B02", "B03", "C02", "C03")}


def test_a_new_annotation_shows_on_the_map(panel, desk, cell_at, until):
    panel.colour_by("annotated")
    before = panel.map.face.values["B02"]
    desk.marking.clear(*cell_at(desk))
    until(lambda: panel.map.face.values["B02"] == before - 1)


def test_wells_wear_the_share_of_a_class(panel, desk, until):
    panel.colour_by("share", "Mitotic")
    assert all(math.isnan(v) for v in panel.map.face.values.values())
    predicted(desk, until)

    def share():
        fields = [desk.predictions.get(ref) for ref in desk.surveys["P1"].cells if ref.well == "C03"]
        names = [p.classes[i] for p in fields for i in p.labels]
        return names.count("Mitotic") / len(names)

    until(lambda: panel.map.face.values["C03"] == pytest.approx(share()))
    assert panel.map.face.percent


def test_wells_wear_how_unsure_the_classifier_is(panel, desk, until):
    panel.colour_by("uncertain")
    predicted(desk, until)

    def doubt():
        fields = [desk.predictions.get(ref) for ref in desk.surveys["P1"].cells if ref.well == "B02"]
        return 1 - np.concatenate([p.probabilities.max(axis=1) for p in fields]).mean()

    until(lambda: panel.map.face.values["B02"] == pytest.approx(doubt(), abs=1e-6))


def test_wells_wear_the_mean_of_a_feature(panel, desk, until):
    column = next(c for c in desk.surveys["P1"].columns if c.endswith("Area"))
    panel.colour_by("feature", column)
    until(lambda: not math.isnan(panel.map.face.values["B02"]))
    values = [c.matrix([column]) for c in cells_of(desk.session, desk.viewing.plate) if c.field.well == "C02"]
    assert panel.map.face.values["C02"] == pytest.approx(float(np.concatenate(values).mean()))


def test_a_feature_stays_on_the_map_while_its_means_are_read_again(panel, desk, until):
    panel.colour_by("feature", desk.surveys["P1"].columns[0])
    until(lambda: not math.isnan(panel.map.face.values["B02"]))
    seen = []
    panel.map.set_face = lambda face: seen.append(face.values["B02"])
    desk.look("P1")
    until(lambda: len(seen) >= 2)
    assert not any(math.isnan(value) for value in seen)


def test_wells_in_which_nothing_is_measured_have_no_value(panel_of, fresh, until):
    panel = panel_of(fresh)
    assert all(math.isnan(v) for v in panel.map.face.values.values())
    fresh.select(["B02"])
    fresh.segment()
    until(lambda: len(fresh.surveys["P1"].measured) == 2)
    for kind, name in (("cells", ""), ("feature", fresh.surveys["P1"].columns[0])):
        panel.colour_by(kind, name)
        until(lambda: not math.isnan(panel.map.face.values["B02"]))
        assert all(math.isnan(panel.map.face.values[w]) for w in ("B03", "C02", "C03"))


def test_roles_and_treatments_show_once_there_is_a_layout(panel_of, fresh, plate):
    panel = panel_of(fresh)
    assert not panel.map.face.roles
    fresh.set_layout(plate / "layout.csv")
    assert panel.map.face.roles["B02"] == "negative"
    assert panel.map.face.texts["C03"] == "X"


def test_the_hover_text_tells_treatment_and_cells(panel, desk):
    assert panel.map.face.texts["B02"] == f"DMSO\n{panel.map.face.values['B02']:.0f} cells"


def test_a_click_opens_the_first_field_of_a_well_and_the_next_one_its_next(panel, desk):
    shown = []
    for _ in range(3):
        click(panel, "C02")
        shown.append(wished(desk))
    assert shown == [("C02", 1), ("C02", 2), ("C02", 1)]


def test_arrow_keys_walk_from_well_to_well(panel, desk):
    for key in (Qt.Key.Key_Right, Qt.Key.Key_Down, Qt.Key.Key_Left, Qt.Key.Key_Up):
        QTest.keyClick(panel.map, key)
    assert wished(desk) == ("B02", 1)
    QTest.keyClick(panel.map, Qt.Key.Key_Down)
    assert wished(desk) == ("C02", 1)


def test_jobs_do_only_the_wells_that_are_selected(panel_of, fresh, until):
    panel = panel_of(fresh)
    for well in ("B03", "C03"):
        place = panel.map.rect_of(well).center()
        QTest.mouseClick(panel.map, LEFT, Qt.KeyboardModifier.ControlModifier, place)
    assert fresh.selected == {"B03", "C03"}
    fresh.segment()
    until(lambda: len(fresh.surveys["P1"].measured) == 4 and not fresh.background.jobs)
    assert {ref.well for ref in fresh.surveys["P1"].cells} == {"B03", "C03"}


def test_one_selected_well_is_not_called_wells(panel, desk):
    desk.select(["B02"])
    assert panel.findChild(type(panel._selection), "selection").text().startswith("1 well selected")


def choose_plate(panel, name):
    panel.plates.setCurrentText(name)  # as a hand does, which sets the text before it is told
    panel.plates.textActivated.emit(name)


def test_the_list_of_plates_switches_map_and_jobs(panel_of, two, until):
    panel = panel_of(two)
    assert panel.plates.isVisible()
    choose_plate(panel, "P2")
    assert list(panel.map.face.values) == ["D05"]
    two.segment()
    until(lambda: len(two.surveys["P2"].measured) == 1)
    assert panel.map.face.values["D05"] > 0


def test_another_plate_has_no_wells_selected(panel_of, two):
    panel = panel_of(two)
    two.select(["B02"])
    choose_plate(panel, "P2")
    assert not two.selected


def test_another_plate_offers_its_own_columns(panel_of, two):
    panel = panel_of(two)
    column = two.surveys["P1"].columns[0]
    choose_plate(panel, "P2")
    assert panel.colours.findData(f"feature:{column}") < 0


def test_the_list_of_plates_follows_a_field_that_was_opened_otherwise(panel_of, two):
    panel = panel_of(two)
    two.viewing.show_plate("P2")
    assert panel.plates.currentText() == "P2"
    assert list(panel.map.face.values) == ["D05"]


def test_a_class_that_is_renamed_is_still_what_the_wells_wear(panel, desk):
    panel.colour_by("share", "Mitotic")
    desk.marking.rename("Mitotic", "Dividing")
    assert panel.colours.currentText() == "Share of Dividing"


def test_a_feature_is_found_by_a_part_of_its_name(panel, desk, until):
    line = panel.colours.lineEdit()
    line.setFocus()
    line.selectAll()
    column = next(c for c in desk.surveys["P1"].columns if c.endswith("AreaShape_Area"))
    QTest.keyClicks(line, column.lower())
    assert panel.map.face.title == "Cells per well"
    QTest.keyClick(line, Qt.Key.Key_Return)
    assert panel.colours.currentText() == column
    until(lambda: panel.map.face.values["B02"] > 20)


def test_what_was_left_half_typed_is_not_what_the_wells_wear(panel):
    line = panel.colours.lineEdit()
    line.selectAll()
    QTest.keyClicks(line, "nonsense")
    panel.refresh()
    assert panel.map.face.title == "Cells per well"
    line.editingFinished.emit()
    assert panel.colours.currentText() == "Cells per well"
