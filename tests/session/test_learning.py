"""Evaluate, train, predict, profile and find hits on a plate whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from napari_phenotyper.core.errors import PhenotyperError, SettingError, TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.session import gathering, held_out, learning, measuring, profiling, segmenting
from napari_phenotyper.session.exporting import export
from napari_phenotyper.session.layouts import set_layout


@pytest.fixture
def predicted(session):
    model = learning.train(session, no_progress)
    learning.predict(session, session.all_plates(), no_progress, model)
    return session


def test_groups_of_one_well_are_never_split(session):
    training = gathering.training_set(session).training
    assert len(training.group_names) == 4 and len(training) > 150


@pytest.mark.parametrize(("group", "count"), [("well", 4), ("plate", 1), ("treatment", 2), ("donor", 2), ("field", 8)])
def test_cells_are_grouped_by_any_column_of_the_layout(session, group, count):
    assert len(gathering.training_set(session, group).training.group_names) == count


def test_a_column_that_no_layout_has_is_told(session):
    with pytest.raises(SettingError, match="'colour'"):
        gathering.training_set(session, "colour")


def test_an_evaluation_has_scores_with_intervals(session):
    report = learning.evaluate(session, no_progress, folds=4)
    assert (report["n"] > 150 and report["classes"] == ["Interphase", "Mitotic"]) or report["classes"] == [
        "Mitotic",
        "Interphase",
    ]
    for name in ("accuracy", "balanced_accuracy", "macro_f1", "log_loss"):
        assert report[name]["low"] <= report[name]["value"] <= report[name]["high"]
    assert report["accuracy"]["value"] > 0.9 and len(report["folds"]) == 4
    assert np.sum(report["confusion"]) == report["n"]


def test_an_evaluation_is_returned_from_disk_while_nothing_changed(session, monkeypatch):
    first = learning.evaluate(session, no_progress)
    monkeypatch.setattr(held_out, "predict_held_out", lambda *a, **k: pytest.fail("computed again"))
    assert learning.evaluate(session, no_progress) == first


def test_one_group_only_is_told_with_its_remedy(session):
    with pytest.raises(TrainingError) as caught:
        learning.evaluate(session, no_progress, group="plate")
    assert caught.value.remedy


def test_training_twice_on_the_same_cells_gives_the_same_model(session):
    assert learning.train(session, no_progress) == learning.train(session, no_progress)


def test_the_model_trained_last_is_the_one_in_use(session):
    svm = learning.train(session, no_progress, "svm")
    lda = learning.train(session, no_progress, "lda")
    assert learning.model_in_use(session) == lda
    learning.train(session, no_progress, "svm")
    assert learning.model_in_use(session) == svm and learning.model_in_use(session, "ld") == lda


def test_the_card_tells_data_classes_and_scores(session):
    learning.evaluate(session, no_progress)
    card = session.project.models.card(learning.train(session, no_progress))
    assert card["plates"] == ["P1"] and sum(card["cells"].values()) > 150 and card["scores"]["accuracy"]["value"] > 0.9


def test_every_cell_gets_a_class_and_mostly_the_right_one(predicted, copy):
    plate = predicted.all_plates()[0]
    found = learning.predictions_of(predicted, plate, learning.model_in_use(predicted))
    assert len(found) == 8
    assert sum(len(p.ids) for p in found.values()) == sum(len(c) for c in measuring.cells_of(predicted, plate))
    shares = {
        well: np.concatenate([p.labels for r, p in found.items() if r.well == well]).mean() for well in ("B02", "C03")
    }
    classes = next(iter(found.values())).classes
    mitotic = shares["C03"] if classes[1] == "Mitotic" else 1 - shares["C03"]
    assert abs(mitotic - 0.7) < 0.15


def test_wells_that_are_predicted_are_passed_over(predicted):
    outcome = learning.predict(predicted, predicted.all_plates(), no_progress)
    assert (outcome.done, outcome.kept) == (0, 4)


def test_the_well_with_many_mitotic_cells_is_the_first_hit(predicted):
    found = profiling.hits(predicted, predicted.all_plates(), no_progress, column="Mitotic")
    assert found[0].well.well == "C03" and found[0].score > 2


def test_a_profile_is_made_again_only_when_its_inputs_changed(predicted, monkeypatch):
    plates = predicted.all_plates()
    first = profiling.profile(predicted, plates, no_progress)
    monkeypatch.setattr(profiling, "_sum_plate", lambda *a: pytest.fail("made again"))
    assert np.array_equal(profiling.profile(predicted, plates, no_progress).values, first.values)


def test_a_feature_can_be_a_column_of_hits(predicted):
    found = profiling.hits(predicted, predicted.all_plates(), no_progress, column="Nuclei_AreaShape_Area")
    assert {h.column for h in found} == {"Nuclei_AreaShape_Area"} and len(found) == 4


def test_a_column_that_does_not_exist_is_told(predicted):
    with pytest.raises(SettingError, match="'Nonsense'"):
        profiling.hits(predicted, predicted.all_plates(), no_progress, column="Nonsense")


def test_shares_without_a_prediction_say_what_to_do(session):
    with pytest.raises(PhenotyperError, match="phenotyper train"):
        profiling.profile(session, session.all_plates(), no_progress)


def test_annotations_on_cells_that_are_no_longer_measured_are_told(session):
    segmenting.segment(session, session.all_plates(), no_progress, settings={"split": "none"})
    with pytest.raises(TrainingError, match="measure"):
        gathering.training_set(session)


@pytest.mark.parametrize("what", ["cells", "annotations", "predictions", "profiles", "hits"])
@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_tables_are_exported_with_a_row_each(predicted, tmp_path, what, ending):
    import pyarrow.csv
    import pyarrow.parquet

    out = tmp_path / f"out{ending}"
    count = export(predicted, predicted.all_plates(), what, out, no_progress)
    table = pyarrow.csv.read_csv(out) if ending == ".csv" else pyarrow.parquet.read_table(out)
    assert table.num_rows == count > 0 and {"plate", "well"} <= set(table.column_names)


def test_masks_are_exported_as_label_tiffs(predicted, tmp_path):
    import tifffile

    assert export(predicted, predicted.all_plates(), "masks", tmp_path / "masks", no_progress) == 8
    paths = sorted((tmp_path / "masks").glob("*_B02_s1_nuclei.tif"))
    assert tifffile.imread(paths[0]).max() > 15


def test_something_that_cannot_be_exported_is_told(predicted, tmp_path):
    with pytest.raises(SettingError, match="'dreams'"):
        export(predicted, predicted.all_plates(), "dreams", tmp_path / "x.csv", no_progress)


def test_a_plate_is_exported_as_ome_zarr_that_readers_open(predicted, tmp_path):
    import pyarrow.parquet
    import zarr

    from napari_phenotyper.core.registry import Registry

    out = tmp_path / "P1.zarr"
    plate = predicted.all_plates()[0]
    assert export(predicted, [plate], "masks", out, no_progress) == 8
    (again,) = Registry().make("reader", "ome_zarr").read(out)
    assert [w.name for w in again.wells] == [w.name for w in plate.wells] and again.channels == plate.channels
    for ours, theirs in zip(plate.fields(), again.fields(), strict=True):
        assert np.array_equal(ours.read(), theirs.read())
    labels = zarr.open_group(out)["B/02/0/labels/nuclei/0"][:]
    table = pyarrow.parquet.read_table(out / "B" / "02" / "0" / "tables" / "features" / "table.parquet")
    assert table["label"].to_pylist() == list(range(1, labels.max() + 1))
    assert table["Nuclei_AreaShape_Area"].to_pylist() == np.bincount(labels.ravel())[1:].tolist()


def test_an_export_writes_over_nothing_and_leaves_nothing_half_done(predicted, tmp_path):
    out = tmp_path / "P1.zarr"

    def cancel(fraction, message):
        if fraction > 0.3:
            raise Cancelled(message)

    with pytest.raises(Cancelled):
        export(predicted, predicted.all_plates(), "masks", out, cancel)
    assert not list(tmp_path.glob("*.zarr")) and not list(tmp_path.glob(".tmp*"))
    out.mkdir()
    with pytest.raises(PhenotyperError, match="exists"):
        export(predicted, predicted.all_plates(), "masks", out, no_progress)


def test_another_layout_makes_a_profile_out_of_date(predicted, copy, tmp_path):
    plates = predicted.all_plates()
    profiling.profile(predicted, plates, no_progress)
    path = tmp_path / "other.csv"
    path.write_text((copy / "layout.csv").read_text().replace("negative", "sample", 1))
    before = len(list(predicted.project.results.folder.glob("*.parquet")))
    set_layout(predicted, plates, path)
    profiling.profile(predicted, predicted.all_plates(), no_progress)
    assert len(list(predicted.project.results.folder.glob("*.parquet"))) == before + 1
