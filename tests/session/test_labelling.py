"""Annotations find their cells, survive re-segmentation, and can be undone."""

from __future__ import annotations

import csv
from concurrent.futures import Future

import pytest

from napari_phenotyper.core.errors import ProjectError, TableError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.session import label_files, labelling, segmenting
from napari_phenotyper.session.gathering import training_set
from napari_phenotyper.session.labelling import Click

FIELD = FieldRef("P1", "B02", 1)


def truth(folder):
    with (folder / "truth.csv").open() as file:
        return list(csv.DictReader(file))


def at(folder, row, phenotype):
    r = truth(folder)[row]
    return Click(float(r["y"]), float(r["x"]), phenotype, "me")


def test_nearly_every_row_finds_a_cell(session):
    done = sum(len(m.cells) for m in labelling.matches(session).values())
    assert done >= 0.97 * len(session.annotations)


def test_reading_the_same_file_twice_replaces_nothing_by_doubles(session, copy):
    before = len(session.annotations)
    label_files.import_annotations(session, session.all_plates(), copy / "truth.csv", no_progress)
    assert len(session.annotations) == before


def test_a_new_class_for_a_cell_replaces_the_old_one_and_undo_brings_it_back(session, copy):
    before = labelling.counts(session)
    labelling.label(session, {FIELD: [at(copy, 0, "Odd")]}, no_progress)
    assert labelling.counts(session)["Odd"] == 1 and sum(labelling.counts(session).values()) == sum(before.values())
    assert labelling.undo(session) and labelling.counts(session) == before
    assert labelling.redo(session) and labelling.counts(session)["Odd"] == 1
    assert not labelling.redo(session)


def test_two_classes_given_to_one_cell_at_once_are_contested(session, copy):
    clicks = [at(copy, 0, "Odd"), at(copy, 0, "Even")]
    assert labelling.label(session, {FIELD: clicks}, no_progress).contested == 2


def test_a_click_that_hits_nothing_is_kept_as_lost(session):
    done = labelling.label(session, {FIELD: [Click(2.0, 2.0, "Odd")]}, no_progress)
    assert (done.found, done.lost) == (0, 1)
    assert len(labelling.matches(session)[FIELD].lost) >= 1


def test_annotations_find_their_cells_after_another_segmentation(session):
    segmenting.segment(session, session.all_plates(), no_progress, settings={"split": "none"})
    found = sum(len(m.cells) for m in labelling.matches(session).values())
    assert found >= 0.95 * len(session.annotations)


def test_the_crop_of_every_annotated_cell_is_kept(session):
    ids = set(session.annotations.active)
    lost = {a.id for m in labelling.matches(session).values() for a in m.lost}
    assert ids - lost <= session.project.crops.ids()


def test_annotations_are_there_on_reopening(copy):
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(copy)) as session:
        labelling.label(session, {FIELD: [at(copy, 0, "Odd")]}, no_progress)
    with opened(project_folder(copy)) as session:
        assert labelling.counts(session)["Odd"] == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("well,field,y,x\nB02,1,3,4\n", "lacks the column phenotype"),
        ("well,field,y,x,phenotype\nB02,1,three,4,A\n", "line 2"),
        ("well,field,y,x,phenotype\nB02,1,3,4,\n", "line 2"),
        ("well,field,y,x,phenotype,plate\nB02,1,3,4,A,P9\n", "'P9' is not open"),
    ],
)
def test_a_bad_file_is_told_with_its_line(session, tmp_path, text, what):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(TableError, match=what):
        label_files.import_annotations(session, session.all_plates(), path, no_progress)


def test_rows_of_wells_that_the_plate_lacks_are_counted_and_the_rest_is_read(session, tmp_path):
    path = tmp_path / "labels.csv"
    path.write_text("Well;Field;Y;X;Phenotype\nH12;1;3;4;A\nB02;9;3;4;A\nB02;1;30;30;A\n", encoding="utf-8-sig")
    done = label_files.import_annotations(session, session.all_plates(), path, no_progress)
    assert (done.rows, len(done.outside)) == (3, 2)


def test_the_state_in_memory_is_the_one_that_the_journal_adds_up_to(session, copy):
    from napari_phenotyper.core.annotations import replay

    def agrees():
        fresh = replay(session.project.journal.events())
        return (
            dict(fresh.active) == dict(session.annotations.active)
            and fresh.phenotypes == session.annotations.phenotypes
        )

    for row, name in ((0, "Odd"), (1, "Even"), (0, "Even")):
        labelling.label(session, {FIELD: [at(copy, row, name)]}, no_progress)
        assert agrees()
    session.annotate("rename", {"old": "Odd", "new": "Strange"})
    assert agrees() and labelling.undo(session) and agrees() and labelling.undo(session) and agrees()
    assert labelling.redo(session) and agrees()


def test_a_click_stands_before_it_is_saved_and_is_saved_after(session, copy):
    saved = session.annotate_soon("phenotype", {"name": "Odd", "colour": "#123456", "key": "9"})
    assert "Odd" in session.annotations.classes
    assert saved.result(10).kind == "phenotype" and session.unsaved == 0
    assert session.journal_events()[-1] == saved.result()


def test_an_event_that_cannot_be_saved_is_taken_back_and_told(session, monkeypatch):
    before = session.annotations.classes
    failed = Future()
    failed.set_exception(ProjectError("The disk is full.", "Make room."))
    monkeypatch.setattr(session.project.journal, "append", lambda *_: failed)
    session.annotate_soon("phenotype", {"name": "Odd", "colour": "#123456", "key": "9"})
    assert "disk is full" in str(session.lost_writes()) and session.annotations.classes == before
    assert session.lost_writes() is None


def test_undo_takes_back_what_was_written_a_moment_ago(session):
    before = session.annotations.classes
    for name in ("Odd", "Even"):
        session.annotate_soon("phenotype", {"name": name, "colour": "#123456", "key": ""})
    assert labelling.undo(session) and labelling.undo(session)
    assert session.annotations.classes == before


def test_gathering_annotated_cells_reads_no_masks_that_they_were_made_on(session, monkeypatch):
    monkeypatch.setattr(session.project.masks, "read", lambda *_: pytest.fail("masks were read"))
    assert len(training_set(session).training) >= 0.97 * len(session.annotations)


def test_a_snapshot_stays_as_it_was_while_the_session_goes_on(session):
    snapshot = session.snapshot()
    session.annotate("phenotype", {"name": "Odd", "colour": "#123456", "key": ""})
    session.set("display", {"P1": {}})
    assert "Odd" not in snapshot.annotations.classes and not snapshot.setting("display")
    assert snapshot.project.read_only
