"""The project folder as a whole."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from napari_phenotyper.core.cells import Cells
from napari_phenotyper.core.errors import ProjectError, ProjectLockedError
from napari_phenotyper.core.masks import NUCLEI, Masks
from napari_phenotyper.core.plate import Condition, Layout
from napari_phenotyper.core.prediction import Prediction
from napari_phenotyper.core.profile import Profile
from napari_phenotyper.core.training import ModelState
from napari_phenotyper.core.wells import FieldRef, WellRef
from napari_phenotyper.store.cell_files import CellKeys, MeasuredField
from napari_phenotyper.store.crops import KeptCrop
from napari_phenotyper.store.project import Project
from napari_phenotyper.store.settings import PlateEntry, Settings

KEY = "0123456789abcdef"
NAMES = ["Plaque été 板", "a/b\\c:d*?", "x" * 70, "CON", "plate", "Plate", "..", " "]


def masks() -> Masks:
    return Masks({NUCLEI: np.eye(12, dtype=np.int32)})


def measured(ref: FieldRef) -> MeasuredField:
    one = np.ones(1, np.float32)
    return MeasuredField(Cells(ref, np.ones(1, np.int32), one, one, {}), KEY, {})


def fill(project: Project, plate: str) -> None:
    """Write one of everything."""
    ref = FieldRef(plate, "AF48", 12)
    project.journal.append_wait("clear", {"ids": []})
    project.crops.put_many({"a": KeptCrop(np.zeros((1, 3, 3), np.uint8), np.ones((3, 3), bool))})
    project.masks.write(
        ref, KEY, Masks({name: np.ones((1200, 1200), np.int32) for name in ("nuclei", "cytoplasm")}), {}
    )
    project.cells.put(ref.well_ref, [measured(ref)])
    project.cells.compact(plate, {ref: CellKeys(KEY, {})})
    project.cells.matrix(plate, {ref: CellKeys(KEY, {})})
    if not project.models.ids():
        project.models.save("m" * 40, {}, ModelState({}, {}), {})
    probabilities = np.ones((1, 1), np.float32)
    project.predictions.put("m" * 40, ref.well_ref, KEY, [Prediction(ref, np.ones(1, np.int32), probabilities, ("a",))])
    project.results.put(KEY, Profile((ref.well_ref,), ("a",), np.ones((1, 1)), np.ones(1, np.int64)), {})


def test_a_new_project_is_writable_and_empty(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X.phenotyper") as project:
        assert not project.read_only and project.locked_by == ""
        assert project.settings.plates == () and project.journal.events() == ()
    assert sorted(p.name for p in (tmp_path / "X.phenotyper").iterdir()) == ["journal.sqlite", "project.json"]


def test_what_is_written_is_there_after_opening_again(tmp_path: Path) -> None:
    for _ in range(2):
        with Project.open(tmp_path / "X") as project:
            fill(project, "P1")
    ref = FieldRef("P1", "AF48", 12)
    with Project.open(tmp_path / "X") as project:
        assert len(project.journal.events()) == 2
        assert project.crops.ids() == {"a"} and project.models.ids() == ("m" * 40,)
        assert project.masks.has(ref, KEY) and project.cells.has(ref, KEY, {}) and project.results.has(KEY)
        assert project.predictions.has("m" * 40, ref.well_ref, KEY)


@pytest.mark.parametrize("plate", NAMES)
def test_no_plate_name_makes_a_path_that_is_long_or_not_allowed(tmp_path: Path, plate: str) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, plate)
        names = [path.relative_to(tmp_path / "X") for path in (tmp_path / "X").rglob("*")]
    assert max(len(str(name)) for name in names) < 150
    assert all(part.isascii() and not set(part) & set('<>:"\\|?*') for name in names for part in name.parts)
    with Project.open(tmp_path / "X") as project:
        assert project.cells.has(FieldRef(plate, "AF48", 12), KEY, {})


def test_plates_of_any_names_live_side_by_side(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as project:
        for number, plate in enumerate(NAMES):
            project.masks.write(FieldRef(plate, "B03", 1), KEY, masks(), {"number": number})
        for number, plate in enumerate(NAMES):
            assert project.masks.record(FieldRef(plate, "B03", 1), KEY) == {"number": number}


def test_a_second_project_in_this_process_is_read_only_and_says_who_writes(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as first:
        fill(first, "P1")
        with Project.open(tmp_path / "X") as second:
            assert second.read_only and str(os.getpid()) in second.locked_by
            assert len(second.journal.events()) == 1
            assert second.masks.has(FieldRef("P1", "AF48", 12), KEY)
        assert not first.read_only
        with pytest.raises(ProjectLockedError):
            Project.open(tmp_path / "X", read_only=False)
    with Project.open(tmp_path / "X") as third:
        assert not third.read_only


def test_every_write_to_a_read_only_project_is_refused_with_a_remedy(tmp_path: Path) -> None:
    ref = FieldRef("P1", "B03", 1)
    with Project.open(tmp_path / "X") as writer, Project.open(tmp_path / "X") as reader:
        before = sorted(writer.folder.rglob("*"))
        writes = [
            lambda: reader.journal.append("clear", {"ids": []}),
            lambda: reader.crops.put_many({}),
            lambda: reader.masks.write(ref, KEY, masks(), {}),
            lambda: reader.masks.drop(ref, KEY),
            lambda: reader.cells.put(ref.well_ref, [measured(ref)]),
            lambda: reader.cells.compact("P1", {}),
            lambda: reader.models.save("m", {}, ModelState({}, {}), {}),
            lambda: reader.models.import_file(tmp_path / "m.zip"),
            lambda: reader.predictions.put("m", ref.well_ref, KEY, []),
            lambda: reader.results.put(KEY, Profile((), (), np.zeros((0, 0)), np.zeros(0, np.int64)), {}),
            lambda: reader.replace_settings(Settings()),
            lambda: reader.clean(()),
        ]
        for write in writes:
            with pytest.raises(ProjectLockedError) as caught:
                write()
            assert caught.value.remedy
        assert sorted(writer.folder.rglob("*")) == before


def test_a_project_opened_for_reading_takes_no_lock(tmp_path: Path) -> None:
    Project.open(tmp_path / "X").close()
    with Project.open(tmp_path / "X", read_only=True) as reader:
        assert reader.read_only and reader.locked_by == ""
        with pytest.raises(ProjectError, match="reading only"):
            reader.replace_settings(Settings())
        with Project.open(tmp_path / "X") as writer:
            assert not writer.read_only


def test_another_process_that_writes_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; from napari_phenotyper.store.project import Project; "
        "p = Project.open(sys.argv[1]); print(p.read_only, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "X")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None and other.stdout.readline().strip() == "False"
        with Project.open(tmp_path / "X") as project:
            assert project.read_only and f"process {other.pid}" in project.locked_by
        other.kill()
        other.wait()
        with Project.open(tmp_path / "X") as project:
            assert not project.read_only


def test_a_closed_project_refuses_to_write(tmp_path: Path) -> None:
    project = Project.open(tmp_path / "X")
    project.close()
    project.close()
    with pytest.raises(ProjectError):
        project.replace_settings(Settings())


def test_settings_round_trip_and_move_with_the_plate(tmp_path: Path) -> None:
    home = tmp_path / "here"
    (home / "P1").mkdir(parents=True)
    layout = Layout(
        {
            WellRef("P1", "B03"): Condition("siRNA é", "negative", extra={"gene": "PLK1"}),
            WellRef("P1", "B04"): Condition(dose=0.5),
        }
    )
    far = str(Path(tmp_path.anchor) / "far" / "P2")
    settings = Settings(
        (PlateEntry("P1", str(home / "P1"), "ome_zarr", {"level": 1}), PlateEntry("P2", far)),
        {"P1": {"DNA": "w1"}},
        {"P1": layout},
        {"segment": {"id": "otsu", "diameter": 20.5}},
    )
    with Project.open(home / "X.phenotyper") as project:
        project.replace_settings(settings)
    home.rename(tmp_path / "there")
    with Project.open(tmp_path / "there" / "X.phenotyper") as project:
        back = project.settings
    assert back.plates[0].path == str(tmp_path / "there" / "P1") and back.plates[1].path == far
    assert back.plates[0].settings == {"level": 1} and back.roles == settings.roles
    assert back.parameters == settings.parameters
    first = back.layouts["P1"].of(WellRef("P1", "B03"))
    assert (first.treatment, first.role, first.extra) == ("siRNA é", "negative", {"gene": "PLK1"})
    assert np.isnan(first.dose)
    assert back.layouts["P1"].of(WellRef("P1", "B04")).dose == 0.5


def test_settings_on_a_full_disk_stay_as_they_were(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Project.open(tmp_path / "X") as project:

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", full)
            with pytest.raises(ProjectError, match=r"no space.*project\.json"):
                project.replace_settings(Settings(parameters={"a": 1}))
        assert project.settings.parameters == {}
    with Project.open(tmp_path / "X") as project:
        assert project.settings.parameters == {}


def test_a_project_of_a_newer_version_is_refused_and_left_unlocked(tmp_path: Path) -> None:
    Project.open(tmp_path / "X").close()
    path = tmp_path / "X" / "project.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))
    with pytest.raises(ProjectError, match="newer version") as caught:
        Project.open(tmp_path / "X")
    assert "Update" in caught.value.remedy and not (tmp_path / "X" / "lock").exists()


@pytest.mark.parametrize("text", ["", "{}", '{"format": 1, "plates": [{"nom": 1}], "roles": {}}', "[]"])
def test_damaged_settings_are_named_with_their_remedy(tmp_path: Path, text: str) -> None:
    Project.open(tmp_path / "X").close()
    (tmp_path / "X" / "project.json").write_text(text)
    with pytest.raises(ProjectError, match=r"project\.json") as caught:
        Project.open(tmp_path / "X")
    assert caught.value.remedy


def test_a_folder_of_images_is_not_made_a_project(tmp_path: Path) -> None:
    (tmp_path / "B03.tif").write_bytes(b"")
    for create in (True, False):
        with pytest.raises(ProjectError, match="other things"):
            Project.open(tmp_path, create=create)
    with pytest.raises(ProjectError, match="is a file"):
        Project.open(tmp_path / "B03.tif")
    assert [p.name for p in tmp_path.iterdir()] == ["B03.tif"]


def test_a_folder_in_which_only_the_file_manager_has_written_becomes_a_project(tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db"):
        (tmp_path / name).write_bytes(b"")
    with Project.open(tmp_path) as project:
        assert not project.read_only


def test_a_project_that_is_not_there_is_not_made_unless_asked_for(tmp_path: Path) -> None:
    for options in ({"create": False}, {"read_only": True}):
        with pytest.raises(ProjectError, match="no project"):
            Project.open(tmp_path / "X", **options)
    assert not (tmp_path / "X").exists()


def test_a_project_whose_settings_were_removed_opens_with_its_annotations(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, "P1")
    (tmp_path / "X" / "project.json").unlink()
    with Project.open(tmp_path / "X") as project:
        assert len(project.journal.events()) == 1


def test_a_damaged_journal_is_told_once_and_the_project_then_opens(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, "P1")
    (tmp_path / "X" / "journal.sqlite").write_bytes(b"no database" * 1000)
    with pytest.raises(ProjectError, match="damaged"):
        Project.open(tmp_path / "X")
    with Project.open(tmp_path / "X") as project:
        assert not project.read_only


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="needs a user whose rights can be taken away")
def test_a_project_that_may_not_be_written_opens_for_reading(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, "P1")
    (tmp_path / "X").chmod(0o555)
    try:
        with Project.open(tmp_path / "X") as project:
            assert project.read_only and len(project.journal.events()) == 1
    finally:
        (tmp_path / "X").chmod(0o755)


def test_a_lock_that_cannot_be_made_opens_the_project_for_reading(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, "P1")

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with Project.open(tmp_path / "X") as project:
        assert project.read_only and project.locked_by == "" and len(project.journal.events()) == 1


def test_cleaning_frees_what_no_key_needs_and_keeps_models_and_annotations(tmp_path: Path) -> None:
    with Project.open(tmp_path / "X") as project:
        fill(project, "P1")
        left = project.folder / "masks" / ".tmp-left"
        left.write_bytes(b"1234")
        os.utime(left, (1, 1))
        assert project.clean({KEY}) == 4
        assert project.masks.has(FieldRef("P1", "AF48", 12), KEY) and project.results.has(KEY)
        assert project.clean(()) > 1000
        assert not project.masks.has(FieldRef("P1", "AF48", 12), KEY) and not project.results.has(KEY)
        assert project.models.ids() and len(project.journal.events()) == 1 and project.crops.ids()
