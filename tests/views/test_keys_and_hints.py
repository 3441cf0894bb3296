"""What the keys do, and what a person is told to do next."""

from __future__ import annotations

from collections import Counter

import pytest
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QEnterEvent, QMouseEvent
from qtpy.QtTest import QTest
from qtpy.QtWidgets import QApplication, QLabel

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.views.hints import DO_HITS, DO_SEGMENT, ENOUGH, RESULTS, SEGMENT, next_step
from napari_phenotyper.views.keys import KeysDialog, keys_of
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.workplace import Workplace

pytestmark = pytest.mark.gl

CTRL, ALT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.AltModifier
SHIFT, PLAIN = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier


class Keys:
    """The keys of a desk, pressed while the cursor is somewhere."""

    def __init__(self, desk, view, panel):
        self.desk, self.view, self.panel, self.cursor = desk, view, panel, None
        self.keys = keys_of(desk, view, panel.map, lambda: self.cursor, self)
        self.told = []

    def next_tab(self):
        self.told.append("tab")

    def segment_plate(self):
        self.told.append("segment")

    def find_hits(self):
        self.told.append("hits")

    def show_gallery(self):
        self.told.append("gallery")

    def show_mosaic(self):
        self.told.append("mosaic")

    def show_heat(self):
        self.told.append("heat")

    def show_methods(self):
        self.told.append("methods")

    def press(self, binding):
        (key,) = [key for key in self.keys if key.binding == binding]
        key.act()


@pytest.fixture
def keys(desk, view_of, shown):
    return Keys(desk, view_of(desk), shown(PlatePanel(desk)))


def class_at(desk, place):
    look = desk.marking.look()
    number = look.annotated[desk.viewing.open.masks.at(*place)]
    return look.phenotypes[number].name if number >= 0 else ""


def test_a_digit_chooses_a_class_and_gives_it_to_the_cell_under_the_cursor(keys, desk, cell_at):
    keys.cursor = cell_at(desk)
    for phenotype in desk.session.annotations.phenotypes:
        keys.press(phenotype.key)
        assert desk.marking.chosen == phenotype.name
        assert class_at(desk, keys.cursor) == phenotype.name


def test_a_digit_chooses_a_class_where_there_is_no_cell(keys, desk):
    before = desk.session.annotations
    other = next(p for p in before.phenotypes if p.name != desk.marking.chosen)
    keys.press(other.key)
    assert desk.marking.chosen == other.name
    assert desk.session.annotations is before


def test_a_digit_that_no_class_has_does_nothing(keys, desk, cell_at):
    keys.cursor, chosen, before = cell_at(desk), desk.marking.chosen, desk.session.annotations
    keys.press("9")
    assert (desk.marking.chosen, desk.session.annotations) == (chosen, before)


def test_nought_clears_the_cell_under_the_cursor(keys, desk, cell_at):
    keys.cursor = cell_at(desk)
    assert class_at(desk, keys.cursor)
    keys.press("0")
    assert not class_at(desk, keys.cursor)


def test_x_says_that_it_is_no_cell(keys, desk, cell_at):
    keys.cursor = cell_at(desk)
    keys.press("X")
    assert class_at(desk, keys.cursor) == NOT_A_CELL


def test_a_accepts_what_is_predicted(keys, desk, cell_at, until):
    keys.cursor = cell_at(desk)
    was = class_at(desk, keys.cursor)
    desk.live.switch(True)
    until(lambda: len(desk.predictions) == 8)
    desk.live.switch(False)
    keys.press("0")
    keys.press("A")
    assert class_at(desk, keys.cursor) == was


def test_what_was_done_is_undone_and_redone(keys, desk, cell_at):
    keys.cursor = cell_at(desk)
    keys.press("X")
    keys.press("Control-Z")
    assert class_at(desk, keys.cursor) in ("Mitotic", "Interphase")
    keys.press("Control-Shift-Z")
    assert class_at(desk, keys.cursor) == NOT_A_CELL


def test_tabs_and_what_their_buttons_do_have_keys(keys, desk, until):
    keys.press("T")
    keys.press("S")
    keys.press("H")
    keys.press("M")
    keys.press("Shift-M")
    keys.press("W")
    assert keys.told == ["tab", "segment", "hits", "mosaic", "heat", "methods"]
    keys.press("E")
    until(lambda: desk.scores is not None)
    assert desk.scores["n"] == len(desk.session.annotations)


def test_f_and_b_walk_the_fields_over_the_ends_of_wells(keys, desk):
    walked = []
    for key in "FFBBB":
        keys.press(key)
        walked.append(tuple(desk.viewing.wish[1:]))
    assert walked == [("B02", 2), ("B03", 1), ("B02", 2), ("B02", 1), ("C03", 2)]


def test_alt_and_arrows_walk_the_wells(keys, desk):
    walked = []
    for way in ("Right", "Down", "Left", "Up"):
        keys.press(f"Alt-{way}")
        walked.append(desk.viewing.wish.well)
    assert walked == ["B03", "C03", "C02", "B02"]


def test_o_and_c_change_how_cells_are_drawn(keys):
    keys.press("O")
    keys.press("C")
    assert (keys.view.style, keys.view.colouring) == ("filled", "confidence")
    keys.press("O")
    keys.press("C")
    assert (keys.view.style, keys.view.colouring) == ("outlines", "class")


def test_l_switches_live_learning(keys, desk):
    keys.press("L")
    assert desk.live.on
    keys.press("L")
    assert not desk.live.on


def test_k_keeps_the_model(keys, desk, until):
    keys.press("K")
    until(lambda: desk.session.project.models.ids())


def test_no_key_is_given_twice(keys):
    assert max(Counter(key.binding.casefold() for key in keys.keys).values()) == 1


def test_the_list_tells_every_key(keys, qtbot):
    dialog = KeysDialog(keys.keys)
    qtbot.addWidget(dialog)
    text = dialog.findChild(QLabel).text()
    spelt = {key.binding.replace("Control", "Ctrl").replace("-", " + ") for key in keys.keys}
    walked = {f"Alt + {way}" for way in ("Up", "Down", "Left", "Right")}
    assert all(f"<b>{name}</b>" in text for name in spelt - walked - set("123456789"))
    assert all(f"<b>{name}</b>" in text for name in ("1 … 9", "Alt + arrows", "?"))
    assert all(key.title in text for key in keys.keys)


def test_the_list_of_keys_fits_on_a_small_screen(keys, qtbot):
    dialog = KeysDialog(keys.keys)
    qtbot.addWidget(dialog)
    dialog.show()
    text = dialog.findChild(QLabel)
    assert dialog.height() <= 700 and dialog.width() <= 900
    assert text.width() >= text.sizeHint().width() and text.height() >= text.sizeHint().height()


# In a window


class Window:
    """A viewer's window with a workplace beside its canvas."""

    def __init__(self, viewer, place):
        self.viewer, self.place = viewer, place
        self.canvas = viewer.window._qt_viewer.canvas.native

    def point(self, y, x):
        """Move the mouse over a pixel of the field."""
        QTest.qWait(15)  # vispy drops moves that follow within 10 ms
        world = self.place.view.layers.layers[-1].data_to_world((y, x))[-2:]
        camera, size = getattr(self.viewer, "scene", self.viewer).camera, self.canvas.rect()
        dx, dy = ((world[i] - camera.center[i]) * camera.zoom for i in (-1, -2))
        at = QPointF(round(size.width() / 2 + dx), round(size.height() / 2 + dy))
        for widget in (self.canvas.parentWidget(), self.canvas):
            QApplication.sendEvent(widget, QEnterEvent(at, at, at))
        none = Qt.MouseButton.NoButton
        QApplication.sendEvent(self.canvas, QMouseEvent(QEvent.Type.MouseMove, at, at, none, none, PLAIN))

    def press(self, key, modifiers=PLAIN):
        QTest.keyClick(self.canvas, key, modifiers)

    def dialogs(self):
        return [dialog for dialog in self.place.findChildren(KeysDialog) if dialog.isVisible()]


@pytest.fixture
def window(make_napari_viewer, qtbot, desk, until):
    viewer = make_napari_viewer(show=True)
    with qtbot.waitExposed(viewer.window._qt_window):
        pass
    place = Workplace(viewer, desk)
    viewer.window.add_dock_widget(place)
    until(lambda: place.view._image is not None)
    yield Window(viewer, place)
    place.close_desk()


def test_a_question_mark_on_the_canvas_lists_the_keys(window):
    window.press(Qt.Key.Key_Question, SHIFT)
    assert len(window.dialogs()) == 1


def test_a_question_mark_in_the_dock_lists_the_keys(window, qtbot):
    window.viewer.window.activate()
    window.place.plate.map.setFocus()
    qtbot.waitUntil(window.place.plate.map.hasFocus)
    QTest.keyClick(window.place.plate.map, Qt.Key.Key_Question, SHIFT)
    qtbot.waitUntil(lambda: len(window.dialogs()) == 1)


def test_keys_reach_us_from_the_canvas(window, desk, cell_at):
    place = cell_at(desk)
    was = class_at(desk, place)
    window.point(*place)
    window.press(Qt.Key.Key_X)
    assert class_at(desk, place) == NOT_A_CELL
    window.press(Qt.Key.Key_Z, CTRL)
    assert class_at(desk, place) == was
    window.press(Qt.Key.Key_Z, CTRL | SHIFT)
    assert class_at(desk, place) == NOT_A_CELL
    for key, well in ((Qt.Key.Key_Right, "B03"), (Qt.Key.Key_Down, "C03"), (Qt.Key.Key_Left, "C02"),
                      (Qt.Key.Key_Up, "B02")):  # fmt: skip
        window.press(key, ALT)
        assert desk.viewing.wish.well == well
    for key in (Qt.Key.Key_F, Qt.Key.Key_O, Qt.Key.Key_C, Qt.Key.Key_L):
        window.press(key)
    assert tuple(desk.viewing.wish[1:]) == ("B02", 2)
    assert (window.place.view.style, window.place.view.colouring) == ("filled", "confidence")
    assert desk.live.on
    window.press(Qt.Key.Key_B)
    assert tuple(desk.viewing.wish[1:]) == ("B02", 1)


# What to do next


def removed(desk, *names):
    for name in names:
        desk.marking.remove(name)
    return desk


def test_without_a_nuclear_channel_it_is_asked_for(fresh):
    fresh.set_roles(fresh.viewing.plate, {"": fresh.viewing.plate.channels[0].name})
    assert "which channel shows the nuclei" in next_step(fresh)


def test_a_plate_is_to_be_segmented_first(fresh):
    assert "find the cells" in next_step(fresh)


def test_while_cells_are_being_found_classes_can_be_named(fresh):
    fresh.segment()
    assert "being found" in next_step(fresh)


def test_a_link_of_the_hint_does_the_step_or_shows_its_tab(window):
    place = window.place
    place.hint.linkActivated.emit(str(SEGMENT))
    assert place.tabs.currentIndex() == SEGMENT
    place.hint.linkActivated.emit(DO_HITS)
    assert place.tabs.currentIndex() == RESULTS
    assert any(job.title == "Finding hits" for job in place.desk.background.jobs)
    place.hint.linkActivated.emit(DO_SEGMENT)
    assert any(job.title.startswith("Segmenting") for job in place.desk.background.jobs)


def test_then_a_class_is_to_be_named(desk):
    assert "name a class" in next_step(removed(desk, "Mitotic", "Interphase"))


def test_one_class_is_not_enough(desk):
    assert "second class" in next_step(removed(desk, "Mitotic"))


def test_not_a_cell_is_no_second_class(desk, cell_at):
    desk.marking.click(*cell_at(desk), NOT_A_CELL)
    assert "second class" in next_step(removed(desk, "Mitotic"))


def test_a_class_without_cells_is_named(desk):
    desk.marking.add("Odd <one>")
    assert next_step(desk) == "Click cells of Odd &lt;one&gt;."


def test_a_class_of_few_cells_is_named(desk, cell_at):
    for number in range(ENOUGH - 1):
        desk.marking.click(*cell_at(desk, number), "Odd")
    assert next_step(desk) == f"Click more cells, in several wells: Odd has {ENOUGH - 1}."


def test_with_enough_cells_the_scores_are_what_to_look_at(desk):
    assert "scores" in next_step(desk)


def test_what_the_scores_warn_of_comes_before_them(desk):
    desk.scores, desk._scored = {"warnings": ["Mitotic is in one well only"]}, desk._learnt_from
    assert next_step(desk) == "Mitotic is in one well only."


def test_in_a_project_that_is_only_read_that_is_what_is_told(desk_on, copy):
    desk = desk_on(copy)
    assert "You can look, but nothing is stored" in next_step(desk_on(copy, read_only=True))
    assert "You can look" not in next_step(desk)
