"""Forms made from an extension's parameters."""

from __future__ import annotations

import pytest
from qtpy.QtCore import QPoint, QPointF, Qt
from qtpy.QtGui import QWheelEvent
from qtpy.QtWidgets import QApplication, QComboBox, QLabel, QLineEdit, QToolButton

from napari_phenotyper.core.parameters import Parameter
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.views.forms import ParameterForm

pytestmark = pytest.mark.gl


def form_of(qtbot, *parameters, **values):
    form = ParameterForm(parameters, values)
    qtbot.addWidget(form)
    form.show()
    return form


def editor(form, title, kind):
    (label,) = [x for x in form.findChildren(QLabel) if x.text() == title]
    assert isinstance(label.buddy(), kind)
    return label.buddy()


def auto_of(form, title):
    return editor(form, title, object).parentWidget().layout().itemAt(0).widget()


@pytest.mark.parametrize("kind, name", [("segmenter", "nuclei"), ("classifier", "fastnet"), ("classifier", "svm")])
def test_a_form_says_the_extensions_defaults_until_somebody_changes_it(qtbot, kind, name):
    extension = Registry().get(kind, name)
    form = form_of(qtbot, *extension.parameters)
    assert form.value() == {p.name: p.default for p in extension.parameters}
    assert extension.make(form.value()) == extension.make()


def test_values_given_as_json_come_back_as_the_extension_takes_them(qtbot):
    extension = Registry().get("classifier", "fastnet")
    given = {"epochs": 12, "pixel_size": 0.3225, "channels": ["DNA", "tubulin"], "background": "masked"}
    form = form_of(qtbot, *extension.parameters, **given)
    assert {k: form.value()[k] for k in given} == given | {"channels": ("DNA", "tubulin")}


def test_what_a_person_changes_is_told_and_what_the_program_sets_is_not(qtbot):
    form = form_of(qtbot, Parameter("folds", "int", 3, minimum=2, maximum=20))
    with qtbot.assertNotEmitted(form.changed):
        form.set_value({"folds": 5})
    with qtbot.waitSignal(form.changed):
        editor(form, "Folds", object).stepUp()
    assert form.value() == {"folds": 6}


def test_numbers_stay_within_their_limits(qtbot):
    form = form_of(qtbot, Parameter("edge", "float", 0.36, minimum=0, maximum=0.95), edge=7)
    assert form.value() == {"edge": 0.95}


def test_auto_means_none_and_disables_the_editor(qtbot):
    form = form_of(qtbot, Parameter("diameter", "float", None, optional=True, unit="px", minimum=1))
    assert form.value() == {"diameter": None} and not editor(form, "Diameter (px)", object).isEnabled()
    auto_of(form, "Diameter (px)").click()
    assert form.value() == {"diameter": 1.0} and editor(form, "Diameter (px)", object).isEnabled()


def test_editing_starts_where_the_program_had_come_to(qtbot):
    form = form_of(qtbot, Parameter("diameter", "float", None, optional=True, minimum=1))
    form.set_resolved({"diameter": 23.4567})
    assert form.value() == {"diameter": None}
    auto_of(form, "Diameter").click()
    assert form.value() == {"diameter": 23.46}


def test_a_number_over_many_magnitudes_is_typed_and_nonsense_is_taken_back(qtbot):
    form = form_of(qtbot, Parameter("gamma", "float", 0.01, minimum=1e-8, maximum=1e3))
    line = editor(form, "Gamma", QLineEdit)
    line.selectAll()
    qtbot.keyClicks(line, "2e-05")
    assert form.value() == {"gamma": 2e-05}
    line.selectAll()
    qtbot.keyClicks(line, "1e9")
    qtbot.keyClick(line, Qt.Key.Key_Return)
    assert form.value() == {"gamma": 1.0} and line.text() == "1"


def test_names_are_read_between_commas(qtbot):
    form = form_of(qtbot, Parameter("channels", "list", ()))
    qtbot.keyClicks(editor(form, "Channels", QLineEdit), "DNA, tubulin ,")
    assert form.value() == {"channels": ("DNA", "tubulin")}


def test_many_parameters_fold_behind_a_button(qtbot):
    form = form_of(qtbot, *(Parameter(f"p_{i}", "int", i) for i in range(9)))
    assert not editor(form, "P 3", object).isVisible()
    form.findChild(QToolButton).click()
    assert editor(form, "P 3", object).isVisible()


def test_a_folded_parameter_that_is_not_at_its_default_stands_open(qtbot):
    form = form_of(qtbot, *(Parameter(f"p_{i}", "int", i) for i in range(9)), p_8=80)
    assert editor(form, "P 8", object).isVisible()


def test_reset_goes_back_to_the_defaults_and_tells_once(qtbot):
    form = form_of(qtbot, Parameter("a", "int", 3), Parameter("b", "bool", True), a=5, b=False)
    told = []
    form.changed.connect(lambda: told.append(form.value()))
    form.reset()
    form.reset()
    assert told == [{"a": 3, "b": True}]


def test_the_help_stands_in_the_tooltip_with_the_default(qtbot):
    form = form_of(qtbot, Parameter("split", "choice", "shape", "What separates nuclei", ("shape", "none")))
    assert editor(form, "Split", QComboBox).toolTip() == "What separates nuclei\nDefault: shape"


def test_scrolling_past_an_editor_does_not_change_it(qtbot):
    form = form_of(qtbot, Parameter("split", "choice", "b", choices=("a", "b", "c")), Parameter("n", "str", ""))
    editor(form, "N", QLineEdit).setFocus()
    box = editor(form, "Split", QComboBox)
    at, turn = QPointF(5, 5), QPoint(0, -120)
    button, key, phase = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    QApplication.sendEvent(box, QWheelEvent(at, at, QPoint(), turn, button, key, phase, False))
    assert form.value()["split"] == "b"


def test_a_form_fits_a_narrow_dock(qtbot):
    form = form_of(qtbot, *Registry().get("classifier", "fastnet").parameters, epochs=3, pixel_size=0.5)
    form.findChild(QToolButton).click()
    assert form.minimumSizeHint().width() <= 320
