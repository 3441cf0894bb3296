from dataclasses import replace

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_phenotyper.core.annotations import PALETTE, Phenotype
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.views.layers import CELLS, ChannelDisplay, FieldLayers
from napari_phenotyper.views.overlay import colours

DNA, ACTIN = Channel("w1", "DNA"), Channel("w2", "actin")
COLOURS = colours([Phenotype("Mitotic", PALETTE[1])])
B03, B04 = FieldRef("P1", "B03", 1), FieldRef("P1", "B04", 1)


def image(value: int = 0, size: int = 64) -> np.ndarray:
    return np.random.default_rng(value).integers(100, 4000, (size, size)).astype(np.uint16)


def codes(value: int = 0, size: int = 64) -> np.ndarray:
    return np.full((size, size), value, np.uint8)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def shown(viewer):
    layers = FieldLayers(viewer)
    layers.show_channels(B03, [DNA, ACTIN], [image(1), image(2)], 0.5, {})
    layers.show_classes(codes(1), COLOURS)
    yield layers
    layers.close()


def test_a_field_has_a_layer_per_channel_and_the_cells_on_top(viewer, shown):
    assert [layer.name for layer in viewer.layers] == ["DNA", "actin", CELLS]
    assert {tuple(layer.scale) for layer in viewer.layers} == {(0.5, 0.5)}
    assert {str(layer.units[0]) for layer in viewer.layers} == {"micrometer"}


def test_the_next_field_keeps_layers_and_what_the_user_made_of_them(viewer, shown):
    dna = viewer.layers["DNA"]
    dna.contrast_limits, dna.colormap, dna.name = (200, 900), "red", "my nuclei"
    viewer.layers.move(1, 0)
    before = list(viewer.layers)
    following = image(3)
    shown.show_channels(B04, [DNA, ACTIN], [following, image(4)], 0.5, {})
    assert list(viewer.layers) == before
    assert (dna.contrast_limits, dna.colormap.name, dna.name) == ([200, 900], "red", "my nuclei")
    assert (dna.data == following).all()


def test_the_next_field_wipes_the_classes_of_the_one_before(viewer, shown):
    shown.show_channels(B04, [DNA, ACTIN], [image(3), image(4)], 0.5, {})
    assert not viewer.layers[CELLS].data.any()


def test_the_camera_stays_between_fields_of_one_size_and_starts_anew_for_another(viewer, shown):
    viewer.scene.camera.zoom = 40
    shown.show_channels(B04, [DNA], [image(3)], 0.5, {})
    assert viewer.scene.camera.zoom == 40
    shown.show_channels(B03, [DNA], [image(3, 128)], 0.5, {})
    assert viewer.scene.camera.zoom != 40
    assert viewer.layers[CELLS].data.shape == (128, 128)


def test_a_deleted_channel_comes_back_below_the_cells_as_it_looked(viewer, shown):
    viewer.layers["DNA"].contrast_limits = (200, 900)
    viewer.layers.remove("DNA")
    shown.show_channels(B04, [DNA, ACTIN], [image(3), image(4)], 0.5, {})
    assert viewer.layers.index("DNA") < viewer.layers.index(CELLS)
    assert viewer.layers["DNA"].contrast_limits == [200, 900]


def test_a_channel_that_the_next_plate_lacks_is_removed(viewer, shown):
    shown.show_channels(B04, [ACTIN], [image(4)], 0.5, {})
    assert [layer.name for layer in viewer.layers] == ["actin", CELLS]


def test_a_channel_alone_is_grey_and_several_have_colours_of_their_own(viewer, shown):
    assert len({layer.colormap.name for layer in viewer.layers[:2]}) == 2
    alone = FieldLayers(ViewerModel())
    alone.show_channels(B03, [DNA], [image()], 0.5, {})
    assert alone.layers[0].colormap.name == "gray"


def test_a_known_display_is_used_for_a_new_layer(viewer):
    layers = FieldLayers(viewer)
    layers.show_channels(B03, [DNA], [image()], None, {"DNA": ChannelDisplay((5.0, 70.0), "green", False)})
    layer = viewer.layers["DNA"]
    assert (layer.contrast_limits, layer.colormap.name, layer.visible) == ([5, 70], "green", False)


def test_a_user_who_changes_contrast_colour_or_visibility_is_told_of_and_nobody_else(viewer, shown):
    told = []
    shown.display_changed.connect(lambda label, display: told.append((label, display)))
    shown.show_channels(B04, [DNA, ACTIN], [image(3) * 10, image(4)], 0.5, {})
    assert told == []
    layer = viewer.layers["actin"]
    layer.contrast_limits = (10, 20)
    first = ChannelDisplay((10.0, 20.0), layer.colormap.name, True)
    layer.colormap = "red"
    layer.visible = False
    assert told == [
        ("actin", first),
        ("actin", replace(first, colour="red")),
        ("actin", replace(first, colour="red", visible=False)),
    ]


def test_painted_pixels_change_and_no_others(viewer, shown):
    shown.paint(np.array([3, 4]), np.array([5, 6]), np.array([9, 10], np.uint8))
    data = viewer.layers[CELLS].data
    assert (data[3, 5], data[4, 6], (data != 1).sum()) == (9, 10, 2)


def test_cells_that_the_user_hid_stay_hidden_and_are_up_to_date_when_they_are_seen_again(viewer, shown):
    viewer.layers[CELLS].visible = False
    shown.hide_classes()
    shown.show_channels(B04, [DNA], [image(3, 128)], 0.5, {})
    shown.show_classes(codes(1, 128), COLOURS)
    layer = viewer.layers[CELLS]
    shown.paint(np.array([100]), np.array([90]), np.array([9], np.uint8))
    assert (layer.visible, layer.data[100, 90]) == (False, 9)
    shown.show_channels(B03, [DNA], [image(3, 96)], 0.5, {})
    shown.paint(np.array([70]), np.array([90]), np.array([9], np.uint8))
    layer.visible = True
    assert layer.data.shape == (96, 96)
    assert layer.data[70, 90] == 9


def test_painting_brings_deleted_cells_back(viewer, shown):
    viewer.layers.remove(CELLS)
    shown.paint(np.array([3]), np.array([5]), np.array([9], np.uint8))
    assert viewer.layers[CELLS].data[3, 5] == 9
    assert viewer.layers[-1].name == CELLS


def test_a_new_picture_is_shown_in_the_layer_that_is_there_whatever_its_name(viewer, shown):
    layer = viewer.layers[CELLS]
    layer.name, layer.opacity = "mine", 0.3
    shown.recolour(codes(2))
    assert (viewer.layers["mine"].data == 2).all()
    assert layer.opacity == 0.3


def test_hidden_classes_ignore_late_pictures_and_come_back_as_opaque_as_they_were(viewer, shown):
    viewer.layers[CELLS].opacity = 0.3
    shown.hide_classes()
    shown.recolour(codes(2))
    assert CELLS not in viewer.layers
    shown.show_classes(codes(3), COLOURS)
    assert viewer.layers[CELLS].opacity == pytest.approx(0.3)


def test_the_picture_cannot_be_edited_or_undone_by_napari(viewer, shown):
    layer = viewer.layers[CELLS]
    layer.mode = "paint"
    assert layer.mode == "pan_zoom"
    shown.paint(np.array([3]), np.array([5]), np.array([9], np.uint8))
    layer.undo()
    assert layer.data[3, 5] == 9


@pytest.mark.gl
def test_the_screen_shows_a_painted_cell_in_its_colour(make_napari_viewer):
    viewer = make_napari_viewer(show=True)
    shown = FieldLayers(viewer)
    shown.show_channels(B03, [DNA], [image(1)], 0.5, {})
    shown.show_classes(codes(0), {**COLOURS, 24: (1.0, 0.0, 0.0, 1.0)})
    rows, columns = (grid.ravel() for grid in np.mgrid[24:40, 24:40])
    shown.paint(rows, columns, np.full(rows.size, 24, np.uint8))
    picture = viewer.screenshot(canvas_only=True, flash=False)
    middle = picture[picture.shape[0] // 2, picture.shape[1] // 2]
    assert tuple(int(v) for v in middle[:3]) == (255, 0, 0)


@pytest.mark.parametrize("name", ["DNA", CELLS])
def test_the_status_bar_says_what_we_say_of_the_pixel_under_the_cursor(viewer, shown, name):
    shown.describe = lambda y, x: f"cell at {y:.0f}, {x:.0f}"
    viewer.layers.selection.active = viewer.layers[name]
    viewer.mouse_over_canvas = True
    viewer.cursor.position = (10.0, 15.0)
    viewer.update_status_from_cursor()
    assert viewer.status["coordinates"] == "cell at 20, 30"


def test_a_position_is_told_in_pixels_of_the_field_in_a_world_of_other_units(viewer, shown):
    assert shown.world_to_pixel((10.0, 15.0)) == (20.0, 30.0)
    viewer.add_image(image(), scale=(500, 500), units=("nm", "nm"))
    assert shown.world_to_pixel((10_000.0, 15_000.0)) == pytest.approx((20.0, 30.0))


def test_layers_of_the_user_are_left_alone_at_the_end(viewer, shown):
    viewer.add_image(image(), name="theirs")
    shown.close()
    shown.close()
    assert [layer.name for layer in viewer.layers] == ["theirs"]


@pytest.mark.gl
def test_closing_after_the_viewer_is_harmless(make_napari_viewer):
    viewer = make_napari_viewer()
    layers = FieldLayers(viewer)
    layers.show_channels(B03, [DNA], [image()], 0.5, {})
    layers.show_classes(codes(), COLOURS)
    viewer.close()
    layers.close()
