"""What there is of a plate, and what its wells can be coloured by."""

from __future__ import annotations

import math

import numpy as np
import pytest

from napari_phenotyper.core.annotations import NOT_A_CELL
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.desk.predictions import Predictions
from napari_phenotyper.desk.survey import (
    annotation_counts,
    cell_counts,
    class_shares,
    feature_means,
    survey,
    uncertainties,
)
from napari_phenotyper.session.measuring import cells_of, measure
from napari_phenotyper.session.profiling import profile
from napari_phenotyper.session.segmenting import masks_of, segment

WELLS = ("B02", "B03", "C02", "C03")
CLASSES = ("Interphase", "Mitotic", NOT_A_CELL)


@pytest.fixture
def one(session):
    return session.plates["P1"]


def looked(session):
    return survey(session, "P1", no_progress)


def test_every_segmented_field_tells_its_cells(session, one):
    expected = {field.ref: len(masks_of(session, field).ids()) for field in one.fields()}
    assert looked(session).cells == expected


def test_measured_fields_are_known_with_their_columns(session, one):
    found = looked(session)
    assert set(found.measured) == {field.ref for field in one.fields()}
    assert found.columns == next(iter(cells_of(session, one))).columns


def test_wells_count_the_cells_of_all_their_fields(session, one):
    found = looked(session)
    assert (
        cell_counts(one, found)["B03"] == found.cells[FieldRef("P1", "B03", 1)] + found.cells[FieldRef("P1", "B03", 2)]
    )


def test_other_parameters_leave_nothing_measured(session, one):
    before = sum(looked(session).cells.values())
    segment(session, [one], no_progress, "nuclei", {"max_area": 1.0, "min_area": 0.9})
    found = looked(session)
    assert sum(found.cells.values()) < before
    assert not found.measured and not found.columns


def test_nothing_is_known_of_a_plate_that_nothing_was_done_to(fresh):
    found = fresh.surveys["P1"]
    assert not found.cells and not found.measured and not found.failed
    assert all(math.isnan(n) for n in cell_counts(fresh.viewing.plate, found).values())


def test_a_field_that_cannot_be_read_is_told_with_its_reason(fresh, wheel, plate):
    (plate / "P1_C02_s1_w1.tif").write_bytes(b"II*\0")
    fresh.segment()
    wheel.until(lambda: not fresh.background.jobs and len(fresh.surveys["P1"].measured) == 7)
    (failure,) = fresh.surveys["P1"].failed.items()
    assert "C02" in failure[0] and "P1_C02_s1_w1.tif" in failure[1]


def test_wells_count_their_annotated_cells(session, one):
    standing = [a.field.well for a in session.annotations.active.values()]
    assert annotation_counts(one, session.annotations) == {well: standing.count(well) for well in WELLS}


def test_the_mean_of_a_feature_is_that_of_the_profile(session, one):
    made = profile(session, [one], no_progress, "means")
    column = looked(session).columns[0]
    found = feature_means(session, "P1", column, no_progress)
    expected = made.values[:, made.columns.index(column)]
    assert [found[ref.well] for ref in made.wells] == pytest.approx(expected.tolist(), rel=1e-5)


def test_the_mean_of_a_feature_is_unknown_where_nothing_is_measured(plate):
    from napari_phenotyper.session.opened import opened, project_folder

    with opened(project_folder(plate)) as session:
        (one,) = session.open(plate)
        segment(session, [one], no_progress, wells=["B02"])
        measure(session, [one], no_progress, wells=["B02"])
        found = feature_means(session, "P1", survey(session, "P1", no_progress).columns[0], no_progress)
    assert math.isfinite(found.pop("B02"))
    assert all(math.isnan(value) for value in found.values())


def predicted(*fields):
    """Predictions of fields: for each its well and the probabilities of the three classes of every cell."""
    found = Predictions()
    found.put(
        Prediction(
            FieldRef("P1", well, number), np.arange(1, len(p) + 1, dtype=np.int32), np.array(p, np.float32), CLASSES
        )
        for number, (well, p) in enumerate(fields, 1)
    )
    return found


INTERPHASE, MITOTIC, DEBRIS = (0.8, 0.1, 0.1), (0.3, 0.7, 0.0), (0.1, 0.3, 0.6)


def test_shares_are_of_cells_and_debris_is_none(one):
    found = predicted(("B02", [INTERPHASE, MITOTIC, DEBRIS]), ("B02", [INTERPHASE, INTERPHASE]))
    shares = class_shares(one, found.sums("P1"), "Mitotic")
    assert shares["B02"] == pytest.approx(1 / 4)
    assert math.isnan(shares["B03"])


def test_a_class_that_the_model_does_not_know_has_no_share(one):
    shares = class_shares(one, predicted(("B02", [INTERPHASE])).sums("P1"), "Odd")
    assert all(math.isnan(share) for share in shares.values())


def test_a_well_of_debris_alone_has_no_share(one):
    assert math.isnan(class_shares(one, predicted(("B02", [DEBRIS])).sums("P1"), "Mitotic")["B02"])


def test_uncertainty_is_what_is_missing_to_the_likeliest_class(one):
    found = predicted(("B02", [INTERPHASE, MITOTIC]), ("C02", []))
    values = uncertainties(one, found.sums("P1"))
    assert values["B02"] == pytest.approx((0.2 + 0.3) / 2)
    assert math.isnan(values["C02"]) and math.isnan(values["C03"])


def test_a_newer_prediction_replaces_an_older_one():
    found = predicted(("B02", [MITOTIC, MITOTIC]))
    found.put([Prediction(FieldRef("P1", "B02", 1), np.array([1], np.int32), np.array([INTERPHASE]), CLASSES, "new")])
    assert found.class_counts() == {"Interphase": 1, "Mitotic": 0, NOT_A_CELL: 0}
    assert found.get(FieldRef("P1", "B02", 1)).model == "new"


def test_predictions_of_fields_that_are_gone_are_forgotten():
    found = predicted(("B02", [MITOTIC]), ("B03", [MITOTIC]))
    assert found.keep_only([FieldRef("P1", "B03", 2)]) == (FieldRef("P1", "B02", 1),)
    assert len(found) == 1 and found.get(FieldRef("P1", "B02", 1)) is None
