"""The mosaic on a canvas, without a window."""

from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QWidget

from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session.measuring import cells_of
from napari_phenotyper.views.field_view import FieldView
from napari_phenotyper.views.map_colours import MapFace
from napari_phenotyper.views.mosaic_buttons import MosaicButtons
from napari_phenotyper.views.mosaic_view import MosaicView
from napari_phenotyper.views.plate_layers import HEAT, WELLS
from napari_phenotyper.views.plate_panel import PlatePanel


class Shown:
    """A mosaic on a canvas, and what belongs to it."""

    def __init__(self, desk, until):
        self.desk, self.until, self.viewer = desk, until, ViewerModel()
        self.field, self.panel = FieldView(self.viewer, desk), PlatePanel(desk)
        self.view = MosaicView(self.viewer, desk, self.field, self.panel)

    def names(self):
        return [layer.name for layer in self.viewer.layers]

    def whole(self):
        if not self.desk.mosaic.on:
            self.view.toggle()
        self.until(lambda: self.field.lent and self.desk.mosaic.picture.whole and WELLS in self.names())
        return self.desk.mosaic.picture

    def zoom_in(self):
        self.viewer.scene.camera.zoom = 10.0

    def zoom_out(self):
        self.viewer.scene.camera.zoom = 0.05


def predict(desk):
    """Predict every other cell to be mitotic."""
    for cells in cells_of(desk.session, desk.session.plates["P1"]):
        odd = (cells.ids % 2).astype(np.float32)
        found = Prediction(cells.field, cells.ids, np.stack([1 - odd, odd], axis=1), ("Interphase", "Mitotic"))
        desk.events.predictions.emit(desk.predictions.put([found]))


@pytest.fixture
def shown_on(until, qtbot):
    made = []

    def show(desk):
        made.append(Shown(desk, until))
        qtbot.addWidget(made[-1].panel)
        return made[-1]

    yield show
    for one in made:
        one.view.close()
        one.field.close()


def test_the_mosaic_takes_the_canvas_and_gives_it_back(fresh, shown_on):
    shown = shown_on(fresh)
    before = shown.viewer.layers[0].data
    picture = shown.whole()
    assert shown.names() == ["DNA", "Cells", WELLS]
    assert np.array_equal(shown.viewer.layers["DNA"].data, picture.image[0])
    shown.view.toggle()
    assert shown.names() == ["DNA", "Cells"] and not shown.field.lent
    assert np.array_equal(shown.viewer.layers["DNA"].data, before)


def test_contrast_is_the_same_in_field_and_mosaic(fresh, shown_on):
    shown = shown_on(fresh)
    shown.whole()
    shown.viewer.layers["DNA"].contrast_limits = (300, 900)
    shown.view.toggle()
    assert tuple(shown.viewer.layers["DNA"].contrast_limits) == (300, 900)


def test_a_click_opens_the_field_there(fresh, shown_on):
    shown = shown_on(fresh)
    rows, columns = shown.whole().plan.box(FieldRef("P1", "C03", 2))
    shown.view.click(rows.start + 5, columns.start + 5)
    shown.until(lambda: fresh.viewing.open.ref == FieldRef("P1", "C03", 2))
    assert not shown.field.lent and WELLS not in shown.names()


def test_the_heat_map_wears_the_colours_of_the_plate_map(desk, shown_on):
    shown = shown_on(desk)
    shown.panel.refresh()
    shown.view.toggle_heat()
    plan = shown.whole().plan
    shown.zoom_out()
    for values in ({"B02": 1.0, "B03": 2.0, "C02": 3.0}, {"B02": 9.0, "B03": 2.0, "C03": 3.0}):
        shown.panel.map.set_face(MapFace((8, 12), values, "any value"))
        shown.panel.recoloured.emit()
        colours = shown.panel.map.reading.colours
        data = shown.viewer.layers[HEAT].data
        assert tuple(data[5, 5]) == colours[2, 2].getRgb() and tuple(data[5, 30]) == colours[2, 3].getRgb()
    assert not data[30, 5, 3]
    assert shown.names().index(HEAT) < shown.names().index(WELLS)
    heat = shown.viewer.layers[HEAT]
    # from the upper left corner of its first pixel to the lower right one of its last
    assert heat.data_to_world((-0.5, -0.5)) == pytest.approx([plan.margin - 0.5] * 2)
    assert heat.data_to_world([n - 0.5 for n in heat.data.shape[:2]]) == pytest.approx([n - 0.5 for n in plan.size])


def test_from_near_the_heat_map_is_a_rim_and_cells_wear_their_classes(desk, shown_on):
    shown = shown_on(desk)
    predict(desk)
    shown.view.toggle_heat()
    shown.whole()
    shown.zoom_out()
    assert shown.viewer.layers[HEAT].data[12, 12, 3] and not shown.viewer.layers["Cells"].data.any()
    shown.zoom_in()
    assert not shown.viewer.layers[HEAT].data[12, 12, 3]
    shown.until(lambda: shown.viewer.layers["Cells"].data.any())


def test_layers_that_were_deleted_renamed_or_moved_come_back_and_nothing_is_lost(fresh, shown_on):
    shown = shown_on(fresh)
    shown.view.toggle_heat()
    shown.whole()
    shown.viewer.layers[HEAT].name = "mine"
    shown.viewer.layers.move(len(shown.viewer.layers) - 1, 0)
    del shown.viewer.layers[WELLS], shown.viewer.layers["DNA"]
    shown.view.toggle()
    assert shown.names().count("DNA") == 1 and "mine" not in shown.names()
    shown.view.toggle()
    shown.until(lambda: {"DNA", "Cells", HEAT, WELLS} <= set(shown.names()))


def test_the_camera_is_where_it_was(fresh, shown_on):
    shown = shown_on(fresh)
    field = shown.viewer.scene.camera.zoom = 3.0
    shown.whole()
    mosaic = shown.viewer.scene.camera.zoom = 7.0
    shown.view.toggle()
    assert shown.viewer.scene.camera.zoom == field
    shown.view.toggle()
    assert shown.viewer.scene.camera.zoom == mosaic


def test_the_status_says_field_treatment_and_value(desk, shown_on):
    shown = shown_on(desk)
    shown.panel.refresh()
    rows, columns = shown.whole().plan.box(FieldRef("P1", "B02", 2))
    text = shown.field.describe(rows.start, columns.start)
    assert text.startswith("P1 B02 field 2 · DMSO · Cells per well: ")
    assert shown.field.describe(-5, -5) == ""


def test_a_field_that_cannot_be_read_is_crossed_out_and_said(fresh, shown_on):
    source = fresh.session.plates["P1"].wells[1].sources[1]
    (fresh.session.folder.parent / "P1" / source.files[0][3]).write_bytes(b"no image")
    shown = shown_on(fresh)
    picture = shown.whole()
    box = picture.plan.box(FieldRef("P1", "B03", 2))
    shown.until(lambda: shown.viewer.layers[WELLS].data[box][..., 3].any())
    assert "cannot be read" in shown.field.describe(box[0].start, box[1].start)


def test_selected_wells_are_framed(fresh, shown_on):
    shown = shown_on(fresh)
    shown.whole()
    before = shown.viewer.layers[WELLS].data.copy()
    fresh.select(["B02"])
    shown.until(lambda: not np.array_equal(shown.viewer.layers[WELLS].data, before))


def test_the_buttons_say_what_is_on(fresh, shown_on, qtbot):
    shown = shown_on(fresh)
    buttons = MosaicButtons(fresh, shown.view)
    qtbot.addWidget(buttons)
    assert isinstance(buttons, QWidget) and not buttons.mosaic.isChecked()
    buttons.heat.click()
    shown.whole()
    assert buttons.mosaic.isChecked() and buttons.heat.isChecked()
    buttons.mosaic.click()
    assert not buttons.mosaic.isChecked() and not buttons.heat.isChecked()
