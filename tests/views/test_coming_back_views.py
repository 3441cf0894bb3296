"""Recent projects, interrupted jobs, kept models and methods, as they are shown."""

from __future__ import annotations

from pathlib import Path

import pytest
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QApplication

from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import learning
from napari_phenotyper.session.preferences import FILE, Preferences
from napari_phenotyper.session.unfinished import KEEP, Unfinished, begin
from napari_phenotyper.session.user_files import Recent, config_folder
from napari_phenotyper.store.state_file import StateFile
from napari_phenotyper.views.models_dialog import ModelsDialog
from napari_phenotyper.views.preferences import user_preferences
from napari_phenotyper.views.provenance_dialog import ProvenanceDialog
from napari_phenotyper.views.recent_list import RecentList, RecentMenu
from napari_phenotyper.views.resume_line import ResumeLine

pytestmark = pytest.mark.gl
HERE, GONE = Recent(Path("/a/X.phenotyper"), ("X",)), Recent(Path("/b/Y.phenotyper"), ("Y",), there=False)


def test_a_project_that_is_there_can_be_opened_and_one_that_is_gone_is_grey(shown):
    rows, asked = RecentList(), []
    rows.asked.connect(asked.append)
    rows.show_projects([HERE, GONE])
    shown(rows)
    for number in range(2):
        rows.rows.itemClicked.emit(rows.rows.item(number))
    assert asked == [HERE.project]
    assert not rows.rows.item(1).flags() & Qt.ItemFlag.ItemIsEnabled and "not there" in rows.rows.item(1).text()


def test_without_projects_neither_list_nor_menu_is_seen(shown):
    for widget in (RecentList(), RecentMenu()):
        widget.show_projects([])
        assert widget.isHidden()


def test_the_menu_asks_for_the_project_that_is_chosen(shown):
    menu, asked = RecentMenu(), []
    menu.asked.connect(asked.append)
    menu.show_projects([HERE, GONE])
    shown(menu)
    first, second = menu.menu().actions()
    first.trigger()
    assert asked == [HERE.project] and not second.isEnabled()


def test_an_interrupted_job_is_one_line_that_can_be_dismissed(desk, shown, until):
    begin(desk.session, Unfinished(KEEP, "", "lda"))
    line = shown(ResumeLine(desk))
    desk.resuming.look()
    until(lambda: line.lines)
    assert line.lines[0].text.text() == "Keeping the model lda was interrupted. Go on?"
    line.lines[0].dismiss.click()
    assert not line.lines and line.isHidden() and not desk.session.setting("unfinished")


@pytest.fixture
def two_models(desk):
    names = [learning.train(desk.session, no_progress, name) for name in ("knn", "lda")]
    learning.predict(desk.session, desk.session.all_plates(), no_progress, names[0])
    return names


def test_kept_models_are_listed_and_an_earlier_one_is_used_again(desk, two_models, shown, until):
    dialog = shown(ModelsDialog(desk))
    until(lambda: dialog.table.rowCount() == 2)
    assert [dialog.table.item(row, 2).text() for row in range(2)] == ["lda", "knn"]
    assert [dialog.table.item(row, 0).text() for row in range(2)] == ["●", ""]
    dialog.table.selectRow(0)
    assert not dialog.use.isEnabled()  # it is in use
    dialog.table.selectRow(1)
    dialog.use.click()
    until(lambda: desk.history.in_use == two_models[0] and desk.live.classifier == "knn")
    until(lambda: dialog.table.item(1, 0).text() == "●")
    dialog.reject()


def test_methods_can_be_copied(desk, shown, until):
    dialog = shown(ProvenanceDialog(desk, "masks"))
    until(dialog.copy.isEnabled)
    dialog.copy.click()
    assert "“nuclei”" in QApplication.clipboard().text()
    dialog.of.setCurrentIndex(dialog.of.findData("hits"))
    until(lambda: "There is no model" in dialog.text.toPlainText())
    dialog.reject()


def test_preferences_come_from_the_users_file_where_naparis_dialog_says_nothing():
    assert user_preferences() == Preferences()
    file = StateFile(config_folder() / FILE)
    file.write({"annotator": "Ada"})
    try:
        assert user_preferences() == Preferences(annotator="Ada")
    finally:
        file.path.unlink()
