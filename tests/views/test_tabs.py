"""The tabs Plate and Segment on a real desk: what is set in them is in the project, and they show what is there."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, Qt
from qtpy.QtTest import QTest

from napari_phenotyper.session.segmenting import Preview
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.plate_tab import NO_ROLE, PlateTab
from napari_phenotyper.views.segment_tab import SegmentTab

pytestmark = pytest.mark.gl


def drawn(view):
    """The class image on the canvas: which pixels are drawn."""
    return view.layers.layers[-1].data > 0


# Plate


def roles_of(desk):
    return [channel.role for channel in desk.viewing.plate.channels]


def choose(box, text):
    box.setCurrentText(text)
    box.textActivated.emit(text)


def test_a_role_moves_from_one_channel_to_another(shown, desk_on, two_channels):
    desk = desk_on(two_channels)
    tab = shown(PlateTab(desk))
    assert roles_of(desk) == ["DNA", ""]
    choose(tab._roles[1], "DNA")
    assert roles_of(desk) == ["", "DNA"]
    assert [box.currentText() for box in tab._roles] == [NO_ROLE, "DNA"]


def test_a_role_is_taken_away(shown, desk_on, two_channels):
    desk = desk_on(two_channels)
    choose(shown(PlateTab(desk))._roles[0], NO_ROLE)
    assert roles_of(desk) == ["", ""]


def test_a_role_of_ones_own_is_typed(shown, desk_on, two_channels):
    desk = desk_on(two_channels)
    box = shown(PlateTab(desk))._roles[1]
    box.setFocus()
    box.lineEdit().selectAll()
    QTest.keyClicks(box.lineEdit(), "my stain")
    QTest.keyClick(box.lineEdit(), Qt.Key.Key_Return)
    assert roles_of(desk) == ["DNA", "my stain"]


def test_roles_are_there_again_when_the_project_is_opened_again(shown, desk_on, two_channels):
    first = desk_on(two_channels)
    choose(shown(PlateTab(first))._roles[1], "DNA")
    choose(shown(PlateTab(first))._roles[0], "actin")
    first.close()
    assert roles_of(desk_on(two_channels)) == ["actin", "DNA"]


def test_a_role_that_was_taken_away_does_not_come_back_when_the_project_is_opened_again(shown, desk_on, two_channels):
    first = desk_on(two_channels)
    choose(shown(PlateTab(first))._roles[0], NO_ROLE)
    first.close()
    assert roles_of(desk_on(two_channels)) == ["", ""]


def test_the_plate_format_makes_the_map_smaller_and_survives_reopening(shown, desk_on, plate):
    first = desk_on(plate)
    panel, tab = shown(PlatePanel(first)), shown(PlateTab(first))
    assert panel.map.face.shape == (8, 12)
    tab.format.setCurrentIndex(tab.format.findData(24))
    assert panel.map.face.shape == (4, 6)
    first.close()
    again = desk_on(plate)
    assert again.viewing.plate.shape == (4, 6)
    assert shown(PlateTab(again)).format.currentData() == 24


def test_a_layout_that_is_read_shows_its_roles(shown, fresh, plate):
    panel, tab = shown(PlatePanel(fresh)), shown(PlateTab(fresh))
    tab.ask_layout = lambda: str(plate / "layout.csv")
    QTest.mouseClick(tab.layout_button, Qt.MouseButton.LeftButton)
    assert panel.map.face.roles["B03"] == "negative"
    assert "2 negative controls" in tab._facts.text()


def test_a_layout_that_cannot_be_read_is_told(shown, fresh, plate):
    told = []
    fresh.background.events.problem.connect(lambda what, remedy: told.append((what, remedy)))
    (plate / "wrong.csv").write_text("well,role\nB02,happy\n")
    tab = shown(PlateTab(fresh))
    tab.ask_layout = lambda: str(plate / "wrong.csv")
    QTest.mouseClick(tab.layout_button, Qt.MouseButton.LeftButton)
    assert "'happy' is unknown" in told[0][0] and "negative" in told[0][1]


def test_the_plate_tab_shows_the_plate_that_was_switched_to(shown, two):
    tab = shown(PlateTab(two))
    two.viewing.show_plate("P2")
    assert tab._facts.text().startswith("P2: 1 well")


def test_nothing_can_be_set_in_a_project_that_may_not_be_written(shown, desk_on, copy):
    tab = shown(PlateTab(desk_on(copy, read_only=True)))
    assert not any(widget.isEnabled() for widget in (*tab._roles, tab.format, tab.layout_button))


# Segment


def edit(tab, **values):
    """Change parameters as a hand does: they are told."""
    tab.chooser.form.set_value(values)
    tab.chooser.form.changed.emit()


@pytest.fixture
def segment(shown, desk, view_of, until):
    view = view_of(desk)
    until(lambda: view._image is not None)
    return shown(SegmentTab(desk, view))


def test_a_preview_shows_other_masks_and_stores_nothing(segment, desk, until):
    own, settings = drawn(segment._view), dict(desk.session.setting("segmenters"))
    files = sorted(path for path in desk.session.folder.rglob("*") if "masks" in path.parts)
    edit(segment, min_area=0.0, edge=0.9)
    segment.preview.setChecked(True)
    until(lambda: segment._stands.text().startswith("Preview"))
    until(lambda: (drawn(segment._view) != own).any())
    assert desk.session.setting("segmenters") == settings
    assert sorted(path for path in desk.session.folder.rglob("*") if "masks" in path.parts) == files


def test_a_preview_follows_the_form(segment, desk, until):
    counts = []
    segment._view.show_preview = lambda masks: counts.append(len(masks.ids()))
    segment.preview.setChecked(True)
    until(lambda: len(counts) == 1)
    edit(segment, max_area=1.0, min_area=0.9)
    until(lambda: len(counts) == 2)
    assert counts[1] < counts[0] == len(desk.viewing.open.masks.ids())


def test_the_fields_own_masks_come_back_when_the_preview_ends(segment, desk, until):
    own, stands = drawn(segment._view), segment._stands.text()
    edit(segment, edge=0.9)
    segment.preview.setChecked(True)
    until(lambda: (drawn(segment._view) != own).any())
    segment.preview.setChecked(False)
    until(lambda: (drawn(segment._view) == own).all())
    assert segment._stands.text() == stands


def test_a_preview_of_a_field_that_is_no_longer_open_is_not_shown(segment, desk, until):
    previewed = []
    segment._view.show_preview = previewed.append
    asked = []
    desk.preview = lambda name, settings, on_found: asked.append(on_found)
    segment.preview.setChecked(True)
    until(lambda: asked)
    desk.viewing.show_well("C03")
    until(lambda: desk.viewing.open.ref.well == "C03")
    asked[0](Preview(desk.viewing.open.masks, {}))
    assert not previewed


def test_a_parameter_that_moves_is_answered_on_the_open_field_with_a_suggested_diameter(segment, until):
    own = drawn(segment._view)
    edit(segment, edge=0.9)
    until(lambda: "Suggested diameter" in segment._stands.text())
    until(lambda: (drawn(segment._view) != own).any())
    editor = segment.chooser.form._editors["diameter"]
    assert segment.preview.isChecked() and f"{editor._read():.3g} px" in segment._stands.text()
    assert segment.chooser.value()["diameter"] is None  # a suggestion, not a setting


def test_a_preview_that_was_switched_off_by_hand_stays_off(segment, qtbot):
    for _ in range(2):
        QTest.mouseClick(segment.preview, Qt.MouseButton.LeftButton, pos=QPoint(8, segment.preview.height() // 2))
    assert not segment.preview.isChecked()
    edit(segment, edge=0.9)
    assert not segment.preview.isChecked()


def test_another_tab_gets_the_fields_own_masks(segment, until):
    own = drawn(segment._view)
    edit(segment, edge=0.9)
    until(lambda: (drawn(segment._view) != own).any())
    segment.hide()
    until(lambda: (drawn(segment._view) == own).all())
    assert not segment.preview.isChecked()


def test_the_plate_is_segmented_with_what_the_form_says(shown, fresh, view_of, until):
    tab = shown(SegmentTab(fresh, view_of(fresh)))
    edit(tab, neck=0.5)
    QTest.mouseClick(tab.run, Qt.MouseButton.LeftButton)
    until(lambda: len(fresh.surveys["P1"].measured) == 8)
    assert fresh.session.setting("segmenters")["P1"]["asked"]["settings"]["neck"] == 0.5
    assert tab._stands.text().startswith("8 of 8 fields segmented, 8 measured.")


def test_the_form_tells_what_auto_came_to(shown, fresh, view_of, until):
    tab = shown(SegmentTab(fresh, view_of(fresh)))
    assert not tab.chooser.form._editors["diameter"]._native.isVisible()
    tab.start()
    until(lambda: tab.chooser.form._editors["diameter"]._native.isVisible())
    resolved = fresh.session.setting("segmenters")["P1"]["resolved"]["settings"]["diameter"]
    assert tab.chooser.form._editors["diameter"]._widget.value == pytest.approx(resolved, rel=1e-2)
    assert tab.chooser.form.value()["diameter"] is None


def test_the_button_tells_how_many_wells_it_does(segment, desk):
    assert segment.run.text() == "Segment and measure the plate"
    desk.select(["B02"])
    assert segment.run.text() == "Segment and measure 1 selected well"
    desk.select(["B02", "C02"])
    assert segment.run.text() == "Segment and measure 2 selected wells"


def test_the_form_shows_what_the_plate_was_segmented_with(shown, desk_on, plate, view_of, until):
    first = desk_on(plate)
    first.segment("nuclei", {"neck": 0.5})
    until(lambda: len(first.surveys["P1"].measured) == 8)
    first.close()
    again = desk_on(plate)
    tab = shown(SegmentTab(again, view_of(again)))
    assert tab.chooser.form.value()["neck"] == 0.5
    assert tab.chooser.form._editors["diameter"]._native.isVisible()


def test_the_form_follows_the_plate_that_is_open(shown, two, view_of, until):
    two.viewing.show_plate("P2")
    two.segment("nuclei", {"neck": 0.5})
    until(lambda: len(two.surveys["P2"].measured) == 1 and not two.background.jobs)
    tab = shown(SegmentTab(two, view_of(two)))
    two.viewing.show_plate("P1")
    assert tab.chooser.form.value()["neck"] == 0.8
    two.viewing.show_plate("P2")
    assert tab.chooser.form.value()["neck"] == 0.5


def test_a_plate_that_is_not_segmented_is_offered_the_form_as_it_is(shown, two, view_of):
    tab = shown(SegmentTab(two, view_of(two)))
    edit(tab, neck=0.4)
    two.viewing.show_plate("P2")
    assert tab.chooser.form.value()["neck"] == 0.4


def choose_light(tab, mode):
    tab.light.mode.setCurrentIndex(tab.light.mode.findData(mode))
    tab.light.mode.activated.emit(tab.light.mode.currentIndex())


def test_the_light_of_a_plate_is_evened_out_on_request_and_its_columns_are_then_measured_anew(segment, desk, until):
    choose_light(segment, "on")
    until(lambda: desk.session.setting("illumination")["P1"]["mode"] == "on" and not desk.surveys["P1"].measured)
    assert "evened out" in segment.light._told.text()
    choose_light(segment, "off")
    until(lambda: len(desk.surveys["P1"].measured) == 8)
    assert segment.light.mode.currentData() == "off"


def test_the_choice_of_light_is_that_of_the_plate_that_is_open(shown, two, view_of, until):
    tab = shown(SegmentTab(two, view_of(two)))
    choose_light(tab, "off")
    first = two.viewing.plate.name
    until(lambda: two.session.setting("illumination").get(first, {}).get("mode") == "off")
    two.viewing.show_plate(next(name for name in two.session.plates if name != first))
    assert tab.light.mode.currentData() == "auto"
