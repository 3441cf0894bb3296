"""Plots, pages of the gallery and labels leave the window as files, and labels come in: seen first, then done."""

from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtGui import QGuiApplication

from napari_phenotyper.desk.judging import CURVE
from napari_phenotyper.session import labelling
from napari_phenotyper.session.choosing import CellQuery
from napari_phenotyper.views.annotate_tab import AnnotateTab
from napari_phenotyper.views.gallery_view import GalleryView
from napari_phenotyper.views.import_dialog import ImportDialog
from napari_phenotyper.views.plate_panel import PlatePanel
from napari_phenotyper.views.train_tab import TrainTab

pytestmark = pytest.mark.gl


@pytest.fixture
def saved(tmp_path, until, monkeypatch):
    """Presses a button that saves, and returns the file under a name once it is written."""

    def press(button, name, offer=0):
        path = tmp_path / name
        monkeypatch.setattr(button, "ask_file", lambda _: str(path))
        button.save(button.offered()[offer])
        until(path.exists)
        return path.read_bytes()

    return press


def test_the_plate_map_is_saved_as_it_is_coloured(shown, desk, saved):
    panel = shown(PlatePanel(desk))
    panel.colour_by("annotated")
    assert saved(panel.save, "map.png").startswith(b"\x89PNG")
    text = saved(panel.save, "map.csv").decode()
    assert text.splitlines()[0] == "plate,well,treatment,role,Annotated cells"
    assert len(text.splitlines()) == 1 + len(panel.map.face.values)


def test_an_evaluation_offers_matrix_scores_and_reliability(shown, desk, view_of, saved, until):
    tab = shown(TrainTab(desk, view_of(desk)))
    assert tab.save.offered() == []
    desk.evaluate()
    until(lambda: desk.scores is not None)
    names = [offer.name for offer in tab.save.offered()]
    assert names == ["confusion", "class-scores", "reliability"]
    rows = saved(tab.save, "confusion.csv").decode().splitlines()
    assert sum(int(row.rsplit(",", 1)[1]) for row in rows[1:]) == int(np.sum(desk.scores["confusion"]))


def test_a_learning_curve_is_saved(shown, desk, view_of, saved):
    tab = shown(TrainTab(desk, view_of(desk)))
    score = {"value": 0.8, "low": 0.7, "high": 0.9}
    points = [{"n": n, "accuracy": score, "balanced_accuracy": score} for n in (10, 20)]
    desk.judging.found[CURVE] = {"points": points, "classifier": {"id": "svm"}}
    tab.judging.questions.setCurrentIndex(tab.judging.questions.findData(CURVE))
    assert saved(tab.save, "curve.svg").startswith(b"<?xml")
    assert saved(tab.save, "curve.csv").decode().splitlines()[1].startswith("10,0.8")


@pytest.fixture
def gallery(shown, desk, view_of, until):
    view = shown(GalleryView(desk, view_of(desk)))
    view.resize(700, 400)
    desk.gallery.show(CellQuery(annotated_as="Mitotic"))
    until(lambda: desk.gallery.groups and len(desk.gallery.groups[0].rows))
    until(lambda: view.figure.offered())
    rows, grid = desk.gallery.groups[0].rows, view.halves[0].grid
    until(lambda: all(desk.gallery.thumbnails.get(rows.cell(row)) is not None for row in grid.in_sight()))
    return view


def test_the_page_of_the_gallery_in_sight_is_saved_with_a_row_per_cell(gallery, desk, saved):
    shown_rows = len(gallery.halves[0].grid.in_sight())
    rows = saved(gallery.figure.save, "page.csv").decode().splitlines()
    assert len(rows) == 1 + shown_rows and all(",Mitotic," in row for row in rows[1:])
    assert saved(gallery.figure.save, "page.png").startswith(b"\x89PNG")


def test_the_page_of_the_gallery_is_copied_as_picture_and_drawing(gallery, until):
    QGuiApplication.clipboard().clear()
    gallery.figure.copy.click()
    until(lambda: QGuiApplication.clipboard().mimeData().hasFormat("image/svg+xml"))
    assert QGuiApplication.clipboard().image().width() > 300


@pytest.fixture
def annotate(shown, desk, view_of):
    return shown(AnnotateTab(desk, view_of(desk)))


@pytest.fixture
def proposed(annotate, tmp_path, until):
    """The dialog that shows what an import of two rows would do."""
    path = tmp_path / "labels.csv"
    path.write_text("well,field,y,x,phenotype\nB02,1,2,2,Odd\nH12,1,5,5,Odd\n")
    annotate.ask_file = lambda to_write: str(path)
    annotate.take.click()
    until(lambda: annotate.findChildren(ImportDialog))
    return annotate.findChildren(ImportDialog)[0]


def test_an_import_is_shown_before_it_is_done_and_one_undo_takes_it_back(proposed, annotate, desk, until):
    before = labelling.counts(desk.session)
    assert "2 rows" in proposed.words.text() and "Odd (1)" in proposed.words.text()
    assert proposed.list.topLevelItemCount() == 2 and "Odd" not in before
    proposed.accept()
    until(lambda: labelling.counts(desk.session).get("Odd") == 1)
    annotate.undo.click()
    until(lambda: labelling.counts(desk.session) == before)


def test_an_import_that_is_refused_changes_nothing(proposed, desk):
    before = desk.session.annotations
    proposed.reject()
    assert desk.session.annotations is before and not desk.background.jobs


def test_labels_are_exported(annotate, desk, tmp_path, until):
    path = tmp_path / "out.csv"
    annotate.ask_file = lambda to_write: str(path)
    annotate.give.click()
    until(path.exists)
    assert len(path.read_text().splitlines()) == 1 + len(desk.session.annotations)
