"""Labels from files: what an import would do is what it does, and one undo takes it back."""

from __future__ import annotations

import pytest

from napari_phenotyper.core.errors import TrainingError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import exporting, label_files, labelling
from napari_phenotyper.session.opened import opened
from napari_phenotyper.session.steps import carry_out

HEAD = "well,field,y,x,phenotype\n"


@pytest.fixture
def written(session, copy, tmp_path):
    """A file with a row of each kind: unchanged, another class, lost, beside the image, off the plate."""
    first, second = (copy / "truth.csv").read_text().splitlines()[1:3]
    well, field, y, x, _ = second.split(",")[:5]
    path = tmp_path / "labels.csv"
    rows = [first, f"{well},{field},{y},{x},Odd", "B02,1,2,2,Odd", "B02,1,99999,2,Odd", "H12,1,5,5,Odd"]
    path.write_text(HEAD + "\n".join(",".join(row.split(",")[:5]) for row in rows))
    return path


def plan_of(session, path):
    return label_files.plan_import(session, session.all_plates(), path, no_progress)


def test_a_plan_tells_what_each_row_would_do_and_does_nothing(session, written):
    before = session.annotations
    plan = plan_of(session, written)
    assert (plan.rows, plan.outcome.found, plan.outcome.lost, plan.unchanged) == (5, 2, 2, 1)
    assert dict(plan.new_classes) == {"Odd": 3}
    assert "line 6" in plan.outside[0] and "H12" in plan.outside[0]
    assert "no cell within 5 px" in plan.lost[0] and "outside the image" in plan.lost[1]
    assert "would be Odd" in plan.changed[0] and plan.changed[0].startswith("Line 3")
    assert session.annotations is before


def test_the_import_does_what_was_planned_and_one_undo_takes_it_back(session, written):
    before = labelling.counts(session)
    plan = plan_of(session, written)
    done = carry_out(label_files.import_steps(session, plan), no_progress)
    assert (done.rows, done.found, done.lost, len(done.outside)) == (5, 2, 2, 1)
    assert labelling.counts(session)["Odd"] == 3
    labelling.undo(session)
    assert labelling.counts(session) == before


def test_labels_that_changed_since_the_plan_are_planned_anew(session, written, copy):
    plan = plan_of(session, written)
    replaced = {key for one in plan.marks for key in one.marked.replaced}
    session.annotate("clear", {"ids": sorted(replaced)})
    carry_out(label_files.import_steps(session, plan), no_progress)
    assert labelling.counts(session)["Odd"] == 3 and not replaced & set(session.annotations.active)


def test_labels_of_a_field_without_masks_wait_for_them(session, copy):
    session.project.masks.has = lambda ref, key, has=session.project.masks.has: ref.well != "C02" and has(ref, key)
    done = label_files.import_annotations(session, session.all_plates(), copy / "truth.csv", no_progress)
    assert done.waiting > 0 and done.found > 0
    del session.project.masks.has
    (ref,) = {ref for ref in labelling.matches(session) if ref.well == "C02" and ref.field == 1}
    assert len(labelling.matches(session)[ref].cells) > 0


def test_without_any_masks_the_import_says_to_segment_first(plate, tmp_path):
    with opened(tmp_path / "P1.phenotyper") as session, pytest.raises(TrainingError, match="not segmented"):
        label_files.import_annotations(session, session.open(plate), plate / "truth.csv", no_progress)


def test_what_was_exported_is_imported_elsewhere_with_the_same_cells(session, tmp_path):
    path = tmp_path / "out.csv"
    exporting.export(session, session.all_plates(), "annotations", path, no_progress)
    before = {(a.field, a.phenotype, c) for r, m in labelling.matches(session).items() for c, a in m.cells.items()}
    for name in session.annotations.classes:
        session.annotate("remove", {"name": name})
    label_files.import_annotations(session, session.all_plates(), path, no_progress)
    after = {(a.field, a.phenotype, c) for r, m in labelling.matches(session).items() for c, a in m.cells.items()}
    assert after == before
