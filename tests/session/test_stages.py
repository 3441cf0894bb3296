"""Stages know what is current, go on where they stopped, and pass over what cannot be read."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import tifffile
from tests.plates import write_plate

from napari_phenotyper.core.errors import PhenotyperError, TrainingError
from napari_phenotyper.core.progress import Cancelled, no_progress
from napari_phenotyper.engine.runner import Inline, settle
from napari_phenotyper.engine.worker import Workers
from napari_phenotyper.session import labelling, measuring, segmenting
from napari_phenotyper.session.cleaning import clean
from napari_phenotyper.session.failures import failures_of
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.steps import drive


def stop_at(limit):
    def progress(fraction, message):
        if fraction >= limit:
            raise Cancelled(message)

    return progress


def test_what_is_current_is_not_segmented_again(session):
    outcome = segmenting.segment(session, session.all_plates(), no_progress)
    assert (outcome.done, outcome.kept) == (0, 8) and outcome.cells > 150


def test_another_parameter_makes_masks_out_of_date_and_the_old_one_brings_them_back(session):
    plates = session.all_plates()
    assert segmenting.segment(session, plates, no_progress, settings={"split": "none"}).done == 8
    assert segmenting.segment(session, plates, no_progress, settings={}, segmenter="nuclei").kept == 8


def test_a_changed_mask_makes_measurements_out_of_date(session):
    plates = session.all_plates()
    segmenting.segment(session, plates, no_progress, settings={"split": "none"})
    assert measuring.measure(session, plates, no_progress).done == 4


def test_a_cancelled_plate_keeps_what_is_done_and_goes_on_from_there(plate):
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        with pytest.raises(Cancelled):
            segmenting.segment(session, plates, stop_at(0.5))
    with opened(project_folder(plate)) as session:
        outcome = segmenting.segment(session, session.open(plate), no_progress)
    assert outcome.kept >= 4 and outcome.done + outcome.kept == 8


def test_a_truncated_tiff_is_named_and_the_plate_goes_on(plate):
    broken = plate / "P1_B03_s1_w1.tif"
    broken.write_bytes(broken.read_bytes()[:3000])
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        outcome = segmenting.segment(session, plates, no_progress)
        assert outcome.done == 7 and list(outcome.failed) == ["P1 B03 field 1"]
        assert "P1_B03_s1_w1.tif" in outcome.failed["P1 B03 field 1"]
        assert measuring.measure(session, plates, no_progress).done == 4


def test_a_field_that_is_mended_is_segmented_at_the_next_run(plate):
    broken = plate / "P1_B03_s1_w1.tif"
    whole = broken.read_bytes()
    broken.write_bytes(b"")
    with opened(project_folder(plate)) as session:
        segmenting.segment(session, session.open(plate), no_progress)
    broken.write_bytes(whole)
    with opened(project_folder(plate)) as session:
        assert segmenting.segment(session, session.open(plate), no_progress).done == 1


def test_an_empty_field_is_a_field_without_cells(plate):
    tifffile.imwrite(plate / "P1_B02_s1_w1.tif", tifffile.imread(plate / "P1_B02_s1_w1.tif") * 0 + 100)
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        assert not segmenting.segment(session, plates, no_progress).failed
        assert not measuring.measure(session, plates, no_progress).failed
        counts = {c.field: len(c) for c in measuring.cells_of(session, plates[0])}
    assert counts["P1", "B02", 1] == 0 and counts["P1", "B03", 1] > 15


def test_only_the_wells_that_are_chosen_are_segmented(plate):
    with opened(project_folder(plate)) as session:
        assert segmenting.segment(session, session.open(plate), no_progress, wells=["b2"]).done == 2


def test_measuring_before_segmenting_says_what_to_do(plate):
    with opened(project_folder(plate)) as session, pytest.raises(TrainingError, match="phenotyper segment"):
        measuring.measure(session, session.open(plate), no_progress)


def test_cells_carry_some_200_columns_for_one_channel(session):
    cells = next(measuring.cells_of(session, session.all_plates()[0]))
    assert 150 <= len(cells.columns) <= 250 and cells.matrix().shape == (len(cells), len(cells.columns))


def test_measuring_fewer_families_gives_fewer_columns(session):
    plates = session.all_plates()
    measuring.measure(session, plates, no_progress, ["shape"])
    columns = next(measuring.cells_of(session, plates[0])).columns
    assert "Nuclei_AreaShape_Area" in columns and not any("Intensity" in c for c in columns)


def test_a_file_that_changed_makes_its_field_out_of_date(copy):
    path = copy / "P1_C02_s1_w1.tif"
    image = tifffile.imread(path)
    tifffile.imwrite(path, image[::-1].copy(), compression="zlib")
    with opened(project_folder(copy)) as session:
        outcome = segmenting.segment(session, session.open(copy), no_progress)
    assert (outcome.done, outcome.kept) == (1, 7)


def test_cleaning_drops_only_what_no_key_needs(session):
    plates = session.all_plates()
    before = len(session.annotations)
    segmenting.segment(session, plates, no_progress, settings={"split": "none"})
    measuring.measure(session, plates, no_progress)
    assert clean(session) > 0 and clean(session) == 0
    assert segmenting.segment(session, plates, no_progress).kept == 8
    assert measuring.measure(session, plates, no_progress).kept == 4
    assert len(session.annotations) == before


def test_a_second_session_reads_and_refuses_to_write(copy, session):
    with opened(project_folder(copy)) as second:
        assert len(second.annotations) == len(session.annotations)
        with pytest.raises(PhenotyperError, match="process"):
            segmenting.segment(second, second.open(copy), no_progress)
        with pytest.raises(PhenotyperError):
            labelling.undo(second)


def test_a_plate_that_is_gone_is_told_and_the_project_still_opens(copy):
    copy.rename(copy.with_name("elsewhere"))
    with opened(project_folder(copy)) as session:
        assert "no longer there" in session.problems[0] and len(session.annotations) > 150
        with pytest.raises(PhenotyperError, match="no longer there"):
            clean(session)


def test_plate_and_project_move_together(copy, tmp_path):
    home = tmp_path / "moved"
    home.mkdir()
    copy.rename(home / copy.name)
    project_folder(copy).rename(home / project_folder(copy).name)
    with opened(home / project_folder(copy).name) as session:
        assert not session.problems
        assert segmenting.segment(session, session.all_plates(), no_progress).kept == 8


def two_channels(plate):
    """Give every field a second channel, and take it from one."""
    import shutil

    for path in sorted(plate.glob("*_w1.tif")):
        shutil.copy(path, path.with_name(path.name.replace("_w1", "_w2")))
    (plate / "P1_C02_s2_w2.tif").unlink()


def test_a_field_that_lacks_another_channel_is_segmented_and_named_when_it_is_measured(plate):
    two_channels(plate)
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        assert not segmenting.segment(session, plates, no_progress).failed
        outcome = measuring.measure(session, plates, no_progress)
        assert list(outcome.failed) == ["P1 C02 field 2"] and "w2" in outcome.failed["P1 C02 field 2"]
        fields = {c.field for c in measuring.cells_of(session, plates[0])}
    assert ("P1", "C02", 1) in fields and ("P1", "C02", 2) not in fields


def test_what_failed_is_remembered_until_it_succeeds(plate):
    two_channels(plate)
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress)
    (plate / "P1_C02_s2_w2.tif").write_bytes((plate / "P1_C02_s1_w2.tif").read_bytes())
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        assert list(failures_of(session, plates[0])) == ["P1 C02 field 2"]
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress)
        assert not failures_of(session, plates[0])


def test_two_plates_of_the_same_name_live_in_one_project_and_come_back_under_their_names(tmp_path):
    first, second = write_plate(tmp_path / "a" / "P1"), write_plate(tmp_path / "b" / "P1", seed=5)
    project = tmp_path / "screen.phenotyper"
    with opened(project) as session:
        assert [p.name for p in session.open(first)] == ["P1"]
        assert [p.name for p in session.open(second)] == ["P1 (2)"]
        segmenting.segment(session, session.open(second), no_progress)
    with opened(project) as session:
        assert list(session.plates) == ["P1", "P1 (2)"] and not session.problems
        outcome = segmenting.segment(session, session.all_plates(), no_progress)
    assert (outcome.done, outcome.kept) == (8, 8)


def test_opening_a_folder_of_plates_opens_all_of_them_and_one_of_them_only_that(tmp_path):
    write_plate(tmp_path / "screen" / "A", fields=1)
    other = write_plate(tmp_path / "screen" / "B", fields=1)
    for path in other.glob("P1_*"):
        path.rename(path.with_name(path.name.replace("P1_", "P2_")))
    with opened(tmp_path / "x.phenotyper") as session:
        assert {p.name for p in session.open(tmp_path / "screen")} == {"P1", "P2"}
    with opened(tmp_path / "x.phenotyper") as session:
        assert [p.name for p in session.open(other)] == ["P2"] and len(session.all_plates()) == 2


def test_a_new_pattern_for_a_path_replaces_the_plate_that_was_read_before(tmp_path):
    folder = write_plate(tmp_path / "P1", fields=1)
    with opened(tmp_path / "x.phenotyper") as session:
        session.open(folder)
        plates = session.open(folder, "{plate}_{well}_s{field}_w{channel}.tif")
        assert len(session.plates) == 1 and plates[0].channels[0].role == "DNA"
    with opened(tmp_path / "x.phenotyper") as session:
        assert len(session.all_plates()) == 1


def test_a_plate_opened_alone_is_not_doubled_when_its_folder_is_opened(tmp_path):
    first = write_plate(tmp_path / "screen" / "one", fields=1)
    write_plate(tmp_path / "screen" / "two", fields=1, seed=3)
    project = tmp_path / "x.phenotyper"
    with opened(project) as session:
        (alone,) = session.open(first)
        both = session.open(tmp_path / "screen")
        assert len(both) == 2 and both[0] is alone and len(session.plates) == 2
        names = list(session.plates)
    with opened(project) as session:
        assert list(session.plates) == names
        assert len(session.open(tmp_path / "screen")) == 2 and len(session.plates) == 2


def test_a_family_that_is_added_is_measured_alone(plate, monkeypatch):
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress, ["shape"])
        shape = session.registry.get("extractor", "shape").cls
        monkeypatch.setattr(shape, "measure", lambda *_: pytest.fail("measured again"))
        assert measuring.measure(session, plates, no_progress, ["shape", "intensity"]).done == 4
        columns = next(measuring.cells_of(session, plates[0])).columns
    assert "Nuclei_AreaShape_Area" in columns and "Nuclei_Intensity_MeanIntensity_DNA" in columns


def test_the_usual_families_are_measured_unasked_and_all_on_request(plate):
    with opened(project_folder(plate)) as session:
        plates = session.open(plate)
        segmenting.segment(session, plates, no_progress)
        measuring.measure(session, plates, no_progress)
        usual = next(measuring.cells_of(session, plates[0])).blocks
        assert set(usual) == set(session.registry.defaults("extractor"))
        assert not measuring.measure(session, plates, no_progress, ["all"]).failed
        found = next(measuring.cells_of(session, plates[0]))
    assert set(found.blocks) == set(session.registry.ids("extractor")) > set(usual)
    assert "Nuclei_DNA_Content" in found.columns and "Nuclei_Spots_Count_DNA" in found.columns


@pytest.mark.parametrize("runner", [Inline, Workers])
def test_a_plate_job_is_carried_out_off_the_sessions_thread_and_finished_on_it(plate, runner):
    with opened(project_folder(plate)) as session, ThreadPoolExecutor(1) as elsewhere:
        plates, workers = session.open(plate), runner()
        session.runner = workers
        here, wishes = threading.get_ident(), queue.SimpleQueue()

        def on_owner(step):
            answer = Future()
            wishes.put((step, answer))
            return answer.result()

        done = elsewhere.submit(drive, segmenting.segment_steps(session, plates), on_owner, no_progress, workers)
        while not done.done() or not wishes.empty():
            with contextlib.suppress(queue.Empty):
                step, answer = wishes.get(timeout=0.1)
                assert threading.get_ident() == here
                settle(answer, lambda _, step=step: step(), (), no_progress)
        workers.close()
        assert done.result().done == 8
        assert segmenting.segment(session, plates, no_progress).kept == 8
