from __future__ import annotations

import math

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QEvent, QPoint, QPointF, Qt
from qtpy.QtGui import QColor, QMouseEvent
from qtpy.QtWidgets import QApplication

from napari_phenotyper.core.wells import PLATE_SHAPES, well_name
from napari_phenotyper.pages.style import ROLE_EDGES
from napari_phenotyper.views.map_board import lay_out
from napari_phenotyper.views.map_colours import hover_text, read_face, ticks, ticks_beside, value_text
from napari_phenotyper.views.plate_map import MapFace, PlateMap, colour_of

pytestmark = pytest.mark.gl

NAN = math.nan
LEFT, NONE = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
CTRL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
# A04 and row C have no images
SPARSE = {"A01": 1.0, "A02": 2.0, "A03": 3.0, "A05": 5.0, "B01": NAN, "D01": 7.0, "D05": 9.0}


@pytest.fixture
def plate(qtbot: QtBot) -> PlateMap:
    widget = PlateMap()
    qtbot.addWidget(widget)
    widget.resize(400, 400)
    widget.set_face(MapFace((4, 6), SPARSE, "Cells per well"))
    widget.show()
    return widget


def click(qtbot: QtBot, plate: PlateMap, well: str, keys: Qt.KeyboardModifier = NONE) -> None:
    qtbot.mouseClick(plate, LEFT, keys, plate.rect_of(well).center())


def drag(plate: PlateMap, start: QPoint, end: QPoint, keys: Qt.KeyboardModifier = NONE) -> None:
    moves = ((QEvent.Type.MouseButtonPress, start), (QEvent.Type.MouseMove, end), (QEvent.Type.MouseButtonRelease, end))
    for kind, at in moves:
        button = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseMove else LEFT
        held = Qt.MouseButton.NoButton if kind == QEvent.Type.MouseButtonRelease else LEFT
        place = QPointF(plate.mapToGlobal(at))
        QApplication.sendEvent(plate, QMouseEvent(kind, QPointF(at), place, button, held, keys))


def hover(plate: PlateMap, well: str) -> None:
    at = QPointF(plate.rect_of(well).center())
    free = Qt.MouseButton.NoButton
    QApplication.sendEvent(plate, QMouseEvent(QEvent.Type.MouseMove, at, at, free, free, NONE))


def colours_in(plate: PlateMap, well: str) -> set[str]:
    image, box = plate.grab().toImage(), plate.rect_of(well)
    return {
        image.pixelColor(x, y).name() for x in range(box.left(), box.right()) for y in range(box.top(), box.bottom())
    }


@pytest.mark.parametrize("shape", PLATE_SHAPES.values())
@pytest.mark.parametrize("width", [300, 340, 1000])
def test_every_well_of_every_plate_can_be_clicked_at_every_width(
    qtbot: QtBot, shape: tuple[int, int], width: int
) -> None:
    plate = PlateMap()
    qtbot.addWidget(plate)
    last = well_name(*shape)
    plate.set_face(MapFace(shape, {"A01": 1.0, last: 2.0}, "Cells per well"))
    plate.resize(width, 360)
    for well in ("A01", last):
        with qtbot.waitSignal(plate.well_clicked) as clicked:
            click(qtbot, plate, well)
        assert clicked.args == [well] and plate.rect().contains(plate.rect_of(well))


@pytest.mark.parametrize("well", ["A04", "C01"])
def test_a_click_on_a_missing_well_does_nothing(qtbot: QtBot, plate: PlateMap, well: str) -> None:
    with qtbot.assertNotEmitted(plate.well_clicked), qtbot.assertNotEmitted(plate.selection_changed):
        click(qtbot, plate, well)
        click(qtbot, plate, well, CTRL)


def test_a_well_wears_the_colour_of_its_value(plate: PlateMap) -> None:
    plate.set_face(MapFace((4, 6), SPARSE, "x", limits=(1.0, 9.0)))
    assert colour_of(1.0, (1.0, 9.0)).name() in colours_in(plate, "A01")
    assert colour_of(9.0, (1.0, 9.0)).name() in colours_in(plate, "D05")


def test_values_beyond_the_limits_wear_the_colours_of_the_ends() -> None:
    assert colour_of(-5.0, (0.0, 1.0)) == QColor("#440154")
    assert colour_of(99.0, (0.0, 1.0)) == QColor("#fde725")


def test_a_missing_well_and_one_whose_value_is_not_known_look_different(plate: PlateMap) -> None:
    assert len({frozenset(colours_in(plate, well)) for well in ("A01", "B01", "B02")}) == 3
    assert colours_in(plate, "B02") == colours_in(plate, "C03")


def test_a_control_wears_the_border_of_the_report(plate: PlateMap) -> None:
    palette = plate.palette()
    palette.setColor(palette.ColorRole.Window, QColor("white"))
    palette.setColor(palette.ColorRole.WindowText, QColor("black"))
    plate.setPalette(palette)
    plate.set_face(MapFace((4, 6), SPARSE, "x", roles={"A01": "negative", "A02": "positive", "A03": "sample"}))
    assert ROLE_EDGES["negative"][0] in colours_in(plate, "A01")
    assert ROLE_EDGES["positive"][0] in colours_in(plate, "A02")
    assert not {colour for colour, _ in ROLE_EDGES.values()} & colours_in(plate, "A03")


def test_the_open_well_is_marked(plate: PlateMap) -> None:
    before = colours_in(plate, "A02"), colours_in(plate, "A03")
    plate.set_open("A02")
    assert colours_in(plate, "A02") != before[0]
    plate.set_open("")
    assert (colours_in(plate, "A02"), colours_in(plate, "A03")) == before


def test_colours_run_over_most_wells_instead_of_one_odd_one() -> None:
    values = {well_name(r, c): float(c) for r in range(1, 9) for c in range(1, 13)} | {"A01": 1e6}
    reading = read_face(MapFace((8, 12), values, "x"))
    assert reading.limits[1] < 20 and reading.above and not reading.below


def test_shares_that_are_all_zero_promise_no_negative_ones() -> None:
    reading = read_face(MapFace((8, 12), {"A01": 0.0, "A02": 0.0}, "x", percent=True))
    assert reading.limits[0] == 0.0


@pytest.mark.parametrize("values", [{}, {"A01": NAN}, {"A01": math.inf}, {"A01": 3.0, "A02": 3.0}])
def test_a_plate_with_nothing_to_tell_is_still_drawn(plate: PlateMap, values: dict[str, float]) -> None:
    plate.set_face(MapFace((8, 12), values, "x"))
    assert not plate.grab().isNull()


def test_a_well_outside_the_shape_widens_the_plate() -> None:
    reading = read_face(MapFace((2, 3), {"C05": 1.0}, "x"))
    assert (reading.rows, reading.columns) == (3, 5)


@pytest.mark.parametrize(
    ("key", "start", "then"),
    [
        (Qt.Key.Key_Right, "A03", "A05"),
        (Qt.Key.Key_Left, "A05", "A03"),
        (Qt.Key.Key_Down, "B01", "D01"),
        (Qt.Key.Key_Up, "D01", "B01"),
        (Qt.Key.Key_Right, "B01", "A02"),
        (Qt.Key.Key_Right, "", "A01"),
    ],
)
def test_an_arrow_key_asks_for_the_next_well_that_has_images(
    qtbot: QtBot, plate: PlateMap, key: Qt.Key, start: str, then: str
) -> None:
    plate.set_open(start)
    with qtbot.waitSignal(plate.well_stepped) as stepped:
        qtbot.keyClick(plate, key)
    assert stepped.args == [then]


def test_an_arrow_key_at_the_end_of_the_plate_asks_for_nothing(qtbot: QtBot, plate: PlateMap) -> None:
    plate.set_open("D05")
    with qtbot.assertNotEmitted(plate.well_stepped):
        qtbot.keyClick(plate, Qt.Key.Key_Down)


def test_a_smaller_plate_may_follow_a_larger_one_whose_open_well_it_lacks(qtbot: QtBot, plate: PlateMap) -> None:
    plate.set_open("D05")
    hover(plate, "D05")
    plate.set_face(MapFace((2, 3), {"A01": 1.0}, "x"))
    assert not plate.grab().isNull()
    with qtbot.waitSignal(plate.well_stepped) as stepped:
        qtbot.keyClick(plate, Qt.Key.Key_Left)
    assert stepped.args == ["A01"]


def test_enter_opens_the_well_again(qtbot: QtBot, plate: PlateMap) -> None:
    plate.set_open("D01")
    with qtbot.waitSignal(plate.well_clicked) as clicked:
        qtbot.keyClick(plate, Qt.Key.Key_Return)
    assert clicked.args == ["D01"]


def test_ctrl_click_adds_a_well_and_takes_it_away_again(qtbot: QtBot, plate: PlateMap) -> None:
    with qtbot.waitSignal(plate.selection_changed) as changed, qtbot.assertNotEmitted(plate.well_clicked):
        click(qtbot, plate, "A02", CTRL)
    assert changed.args == [frozenset({"A02"})] and plate.selected() == {"A02"}
    click(qtbot, plate, "A02", CTRL)
    assert plate.selected() == frozenset()


def test_a_rubber_band_selects_the_wells_of_a_block_that_have_images(qtbot: QtBot, plate: PlateMap) -> None:
    with qtbot.assertNotEmitted(plate.well_clicked):
        drag(plate, plate.rect_of("A03").center(), plate.rect_of("D06").center())
    assert plate.selected() == {"A03", "A05", "D05"}


def test_a_rubber_band_with_shift_adds_to_the_selection(plate: PlateMap) -> None:
    plate.set_selected(["D01"])
    drag(plate, plate.rect_of("B02").center(), plate.rect_of("A01").center(), SHIFT)
    assert plate.selected() == {"D01", "A01", "A02", "B01"}


def test_a_rubber_band_may_begin_and_end_beside_the_plate(plate: PlateMap) -> None:
    drag(plate, QPoint(1, 1), QPoint(399, 399))
    assert plate.selected() == set(SPARSE)


def test_a_trembling_click_opens_the_well_instead_of_selecting_it(qtbot: QtBot, plate: PlateMap) -> None:
    box = plate.rect_of("A01")
    with qtbot.waitSignal(plate.well_clicked), qtbot.assertNotEmitted(plate.selection_changed):
        drag(plate, box.topLeft() + QPoint(4, 4), box.bottomRight() - QPoint(4, 4))


def test_ctrl_a_selects_all_wells_and_escape_none(qtbot: QtBot, plate: PlateMap) -> None:
    qtbot.keyClick(plate, Qt.Key.Key_A, CTRL)
    assert plate.selected() == set(SPARSE)
    qtbot.keyClick(plate, Qt.Key.Key_Escape)
    assert plate.selected() == frozenset()


def test_a_selection_from_outside_keeps_only_wells_that_are_there_and_is_silent(qtbot: QtBot, plate: PlateMap) -> None:
    with qtbot.assertNotEmitted(plate.selection_changed):
        plate.set_selected(["A01", "A04", "H12"])
        assert plate.selected() == {"A01"}
        plate.set_face(MapFace((4, 6), {"B01": 1.0}, "x"))
    assert plate.selected() == frozenset()


def test_the_well_under_the_mouse_is_told_once_and_forgotten_on_leaving(qtbot: QtBot, plate: PlateMap) -> None:
    told: list[str] = []
    plate.well_hovered.connect(told.append)
    for well in ("A01", "A01", "A04", "A05"):
        hover(plate, well)
    QApplication.sendEvent(plate, QEvent(QEvent.Type.Leave))
    assert told == ["A01", "", "A05", ""]


def test_the_hover_text_tells_role_treatment_and_value() -> None:
    face = MapFace(
        (8, 12), {"A01": 0.123, "A02": NAN}, "Share of <b>", True, {"A01": "positive"}, {"A01": "Taxol 5 µM\nn = 3 < 4"}
    )
    reading = read_face(face)
    text = hover_text(reading, (1, 1), "A01")
    assert all(
        part in text for part in ("A01", "positive control", "Taxol 5 µM<br>n = 3 &lt; 4", "Share of &lt;b&gt;: 12.3 %")
    )
    assert "not known yet" in hover_text(reading, (1, 2), "A02")
    assert "no images" in hover_text(reading, (1, 3), "A03")


@pytest.mark.parametrize(
    ("value", "percent", "text"),
    [(0.1234, True, "12.3 %"), (0.0004, True, "0.04 %"), (0.0, True, "0.0 %"), (1234.0, False, "1,234"),
     (1234.6, False, "1,235"), (0.01234, False, "0.0123"), (NAN, True, "not known yet")],
)  # fmt: skip
def test_values_are_written_with_the_digits_that_matter(value: float, percent: bool, text: str) -> None:
    assert value_text(value, percent) == text


@pytest.mark.parametrize("limits", [(0.0, 1.0), (17.3, 18.1), (-3.0, 4.0), (0.0, 1e-4), (1e5, 3e6), (2.0, 2.0)])
def test_the_ticks_of_the_colour_bar_are_different_numbers_within_it(limits: tuple[float, float]) -> None:
    found = ticks(limits, False, 5)
    assert found and len({text for _, text in found}) == len(found)
    assert all(limits[0] - 1e-9 <= float(text.replace(",", "")) <= limits[1] + 1e-9 for _, text in found)


@pytest.mark.parametrize("limits", [(0.0, 100.0), (85.2, 86.8), (0.0, 1e-6), (1e6, 1e6 + 0.5)])
def test_the_texts_under_the_colour_bar_have_room_beside_each_other(limits: tuple[float, float]) -> None:
    found = ticks_beside(limits, True, 290.0, lambda text: 8.0 * len(text))
    assert found and sum(8 * len(words) for _, words in found) <= 290


def test_nothing_lies_outside_a_narrow_dock(plate: PlateMap) -> None:
    roles = {"A01": "negative", "A02": "positive", "A03": "empty"}
    title = "Share of a phenotype with a rather long name that somebody gave it"
    reading = read_face(MapFace((32, 48), {"A01": NAN, "A02": 1.0}, title, roles=roles))
    board = lay_out(reading, 340, 400, plate.font())
    boxes = [board.plate, board.bar, board.title, *(box for _, _, box in board.legend)]
    assert len(board.legend) == 6
    assert all(box.left() >= 0 and box.right() <= 340 and box.top() >= 0 and box.bottom() <= 400 for box in boxes)
    assert all(not a.intersects(b) for i, a in enumerate(boxes) for b in boxes[i + 1 :])


def test_a_low_widget_gives_its_room_to_the_wells_instead_of_the_legend(plate: PlateMap) -> None:
    roles = {"A01": "negative", "A02": "positive", "A03": "empty"}
    reading = read_face(MapFace((8, 12), {"A01": NAN, "A02": 1.0}, "x", roles=roles))
    assert lay_out(reading, 300, 400, plate.font()).legend
    low = lay_out(reading, 300, 180, plate.font())
    assert not low.legend and low.plate.bottom() < 180


def test_selecting_a_well_moves_nothing(qtbot: QtBot, plate: PlateMap) -> None:
    before = plate.rect_of("D05")
    click(qtbot, plate, "A02", CTRL)
    assert plate.rect_of("D05") == before


def test_a_screen_reader_hears_what_is_shown(plate: PlateMap) -> None:
    plate.set_open("A05")
    assert plate.accessibleName() == "Plate map"
    assert plate.accessibleDescription() == "Cells per well: A05, 5"


def test_a_well_with_doubtful_fields_wears_a_corner_that_the_legend_explains(plate):
    plate.set_face(MapFace((2, 3), {"A01": 1.0, "A02": 2.0}, "x", doubtful=["A01"]))
    picture = plate.grab().toImage()
    corner = {name: plate.rect_of(name).topRight() + QPoint(-14, 14) for name in ("A01", "A02")}
    middle = {name: plate.rect_of(name).bottomLeft() + QPoint(14, -14) for name in ("A01", "A02")}
    assert picture.pixelColor(corner["A01"]) != picture.pixelColor(middle["A01"])
    assert picture.pixelColor(corner["A02"]) == picture.pixelColor(middle["A02"])
    kinds = [kind for kind, _, _ in plate._board().legend]
    assert "doubtful" in kinds
    plate.set_face(MapFace((2, 3), {"A01": 1.0, "A02": 2.0}, "x"))
    assert "doubtful" not in [kind for kind, _, _ in plate._board().legend]
