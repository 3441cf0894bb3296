import numpy as np
import pytest
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication

from napari_phenotyper.core.annotations import PALETTE, Phenotype
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.views.canvas import Canvas
from napari_phenotyper.views.layers import FieldLayers
from napari_phenotyper.views.overlay import colours

pytestmark = pytest.mark.gl

REF, DNA = FieldRef("P1", "B03", 1), Channel("w1", "DNA")
LEFT, PLAIN, SHIFT = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier


class Desk:
    """A viewer with a field of 200 pixels, half a micrometre each, and what was heard from its canvas."""

    def __init__(self, viewer) -> None:
        self.viewer, self.pressed, self.clicks, self.paths, self.moves = viewer, [], [], [], []
        self.layers = FieldLayers(viewer)
        self.show()
        keys = {key: (lambda key=key: self.pressed.append(key)) for key in ("1", "2", "0", "A", "Control-Z")}
        self.canvas = Canvas(viewer, self.layers, keys)
        self.canvas.clicked.connect(lambda y, x: self.clicks.append((y, x)))
        self.canvas.dragged.connect(self.paths.append)
        self.canvas.moved.connect(lambda y, x: self.moves.append((y, x)))
        self.native = viewer.window._qt_viewer.canvas.native

    def show(self) -> None:
        self.layers.show_channels(REF, [DNA], [np.zeros((200, 200), np.uint16)], 0.5, {})
        self.layers.show_classes(np.zeros((200, 200), np.uint8), colours([Phenotype("Mitotic", PALETTE[1])]))

    @property
    def middle(self) -> QPoint:
        return self.native.rect().center()

    def drag(self, distance: int, modifier=PLAIN) -> None:
        QTest.mousePress(self.native, LEFT, modifier, self.middle)
        for step in range(1, 5):
            # the last moves come when the modifier is let go already
            self.move(self.middle + QPoint(distance * step // 4, 0), modifier if step < 3 else PLAIN)
        QTest.mouseRelease(self.native, LEFT, PLAIN, self.middle + QPoint(distance, 0))
        QTest.qWait(50)

    def move(self, point: QPoint, modifier=PLAIN) -> None:
        # QTest.mouseMove knows neither buttons nor modifiers; vispy drops moves that follow within 10 ms
        QTest.qWait(15)
        buttons = LEFT if modifier is not None else Qt.MouseButton.NoButton
        place = QPointF(point)
        event = QMouseEvent(QEvent.Type.MouseMove, place, place, Qt.MouseButton.NoButton, buttons, modifier or PLAIN)
        QApplication.sendEvent(self.native, event)

    def press(self, *keys: str) -> None:
        for key in keys:
            modifier = Qt.KeyboardModifier.ControlModifier if key == "Control-Z" else PLAIN
            QTest.keyClick(self.native, getattr(Qt.Key, f"Key_{key[-1]}"), modifier)


@pytest.fixture
def desk(make_napari_viewer, qtbot):
    viewer = make_napari_viewer(show=True)
    with qtbot.waitExposed(viewer.window._qt_window):
        pass
    desk = Desk(viewer)
    yield desk
    desk.canvas.close()
    desk.layers.close()


def test_a_click_is_told_in_pixels_of_the_field(desk):
    QTest.mouseClick(desk.native, LEFT, PLAIN, desk.middle)
    assert desk.clicks == [pytest.approx((99.5, 99.5), abs=1)]
    assert desk.paths == []


def test_a_hand_that_trembles_still_clicks(desk):
    desk.drag(3)
    assert len(desk.clicks) == 1


def test_a_flick_of_which_only_the_end_is_heard_is_no_click(desk):
    QTest.mousePress(desk.native, LEFT, PLAIN, desk.middle)
    QTest.mouseRelease(desk.native, LEFT, PLAIN, desk.middle + QPoint(40, 0))
    assert desk.clicks == []


def test_a_plain_drag_pans_and_is_no_click(desk):
    before = desk.viewer.scene.camera.center
    desk.drag(60)
    assert desk.clicks == desk.paths == []
    assert desk.viewer.scene.camera.center != before


def test_a_drag_with_shift_tells_its_path_as_it_goes_and_the_camera_stays(desk):
    before = desk.viewer.scene.camera.center
    desk.drag(80, SHIFT)
    assert desk.viewer.scene.camera.center == before
    assert desk.clicks == []
    assert len(desk.paths) > 2  # moves that follow too soon are told as one
    points = np.array([point for part in desk.paths for point in part])
    gaps = np.hypot(*np.diff(points, axis=0).T)
    assert gaps.min() >= 2 - 1e-6
    assert gaps.max() < 4
    assert np.ptp(points[:, 1]) == pytest.approx(80 / (desk.viewer.scene.camera.zoom * 0.5), abs=4)


def test_a_double_click_is_one_click(desk):
    QTest.mouseClick(desk.native, LEFT, PLAIN, desk.middle)
    QTest.mouseDClick(desk.native, LEFT, PLAIN, desk.middle)
    assert len(desk.clicks) == 1


def test_other_buttons_and_modifiers_are_not_ours(desk):
    QTest.mouseClick(desk.native, Qt.MouseButton.RightButton, PLAIN, desk.middle)
    QTest.mouseClick(desk.native, LEFT, Qt.KeyboardModifier.ControlModifier, desk.middle)
    assert desk.clicks == desk.paths == []


def test_clicks_belong_to_the_user_while_the_user_draws_points(desk):
    desk.viewer.add_points(ndim=2).mode = "add"
    QTest.mouseClick(desk.native, LEFT, PLAIN, desk.middle)
    assert desk.clicks == []


def test_the_cursor_is_told_where_it_moves(desk):
    desk.viewer.mouse_over_canvas = False
    assert desk.canvas.cursor is None
    desk.viewer.mouse_over_canvas = True
    desk.move(desk.middle, None)
    assert desk.moves == [pytest.approx((99.5, 99.5), abs=1)]
    assert desk.canvas.cursor == desk.moves[-1]


def test_keys_work_whichever_of_our_layers_is_active_and_change_no_mode(desk):
    keys = ["1", "2", "0", "A", "Control-Z"]
    for active in (*desk.viewer.layers, None):
        desk.viewer.layers.selection.active = active
        desk.press(*keys)
    assert desk.pressed == 3 * keys
    assert {layer.mode for layer in desk.viewer.layers} == {"pan_zoom"}


def test_keys_work_on_layers_that_were_deleted_and_made_anew(desk):
    desk.viewer.layers.clear()
    desk.show()
    for layer in desk.viewer.layers:
        desk.viewer.layers.selection.active = layer
        desk.press("2")
    assert desk.pressed == ["2", "2"]


def test_what_the_keys_and_the_mouse_did_before_comes_back(desk):
    seen, ours = [], desk.viewer.layers["DNA"]
    desk.canvas.close()
    desk.viewer.bind_key("A", lambda viewer: seen.append("theirs"))
    again = Canvas(desk.viewer, desk.layers, {"A": lambda: seen.append("ours")})
    desk.press("A")
    again.close()
    again.close()
    desk.viewer.layers.selection.active = ours
    desk.press("A", "2")
    QTest.mouseClick(desk.native, LEFT, PLAIN, desk.middle)
    assert seen == ["ours", "theirs"]
    assert ours.mode == "transform"
    assert desk.clicks == []
