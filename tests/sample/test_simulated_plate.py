from __future__ import annotations

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tifffile
from sample_data import simulated_plate

from napari_phenotyper.core.plate import ROLES
from napari_phenotyper.core.wells import parse_well


@pytest.fixture
def plate(sample: Path) -> Path:
    """The plate itself, which these tests only look at."""
    return sample


def table(plate: Path, name: str) -> list[dict[str, str]]:
    with (plate / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_every_well_has_two_fields_of_two_channels(plate: Path) -> None:
    names = {p.name for p in plate.glob("*.tif")}
    assert len(names) == 24 * 2 * 2
    assert {f"SIMULATED_E07_s{f}_{c}.tif" for f in (1, 2) for c in ("DNA", "tubulin")} <= names
    assert not list(plate.glob("*.part"))


def test_pictures_carry_their_pixel_size_and_say_that_they_are_simulated(plate: Path) -> None:
    with tifffile.TiffFile(plate / "SIMULATED_B02_s1_DNA.tif") as tif:
        per_um = np.divide(*tif.pages[0].tags["XResolution"].value)
        assert tif.imagej_metadata is not None
        assert 1 / per_um == pytest.approx(0.65) and tif.imagej_metadata["unit"] == "um"
        assert "SIMULATED" in tif.pages[0].description
        assert tif.pages[0].shape == (512, 512) and tif.pages[0].dtype == np.uint16


def test_no_pixel_is_saturated_and_the_background_is_not_black(plate: Path) -> None:
    for path in list(plate.glob("*_s1_*.tif"))[::6]:
        image = tifffile.imread(path)
        assert image.max() < 65535 and 100 < np.median(image) < 1000


def test_every_nucleus_of_the_truth_lies_on_dna(plate: Path) -> None:
    rows = [r for r in table(plate, "truth.csv") if r["well"] == "C04" and r["field"] == "1"]
    image = tifffile.imread(plate / "SIMULATED_C04_s1_DNA.tif").astype(float)
    at = [image[int(float(r["y"])) + 0, int(float(r["x"]))] for r in rows]
    assert len(at) > 20 and np.mean(np.array(at) > 2.5 * np.median(image)) > 0.95


def test_treatments_enrich_their_phenotype_fourfold_over_control(plate: Path) -> None:
    treatment = {r["well"]: r["treatment"] for r in table(plate, "layout.csv")}
    counts: dict[str, Counter[str]] = {}
    for row in table(plate, "truth.csv"):
        counts.setdefault(treatment[row["well"]], Counter())[row["phenotype"]] += 1
    share = {t: {p: n / c.total() for p, n in c.items()} for t, c in counts.items()}
    enriched = {
        "nocodazole": "Prometaphase", "barasertib": "Polylobed", "MG-132": "Metaphase", "staurosporine": "Apoptosis",
    }  # fmt: skip
    for name, phenotype in enriched.items():
        assert share[name][phenotype] > 3 * share["DMSO"][phenotype]
    assert abs(share["ibuprofen"]["Interphase"] - share["DMSO"]["Interphase"]) < 0.08


def test_the_layout_names_four_wells_per_treatment_with_known_roles(plate: Path) -> None:
    rows = table(plate, "layout.csv")
    assert set(Counter(r["treatment"] for r in rows).values()) == {4} and len(rows) == 24
    assert {r["role"] for r in rows} <= set(ROLES)
    assert all(parse_well(r["well"]) for r in rows)
    assert {r["role"] for r in rows if r["treatment"] == "DMSO"} == {"negative"}


def test_annotations_are_part_of_the_truth_from_every_well_and_class(plate: Path) -> None:
    keys = ("well", "field", "y", "x", "phenotype")
    truth = {tuple(r[k] for k in keys) for r in table(plate, "truth.csv")}
    rows = table(plate, "annotations.csv")
    assert {tuple(r[k] for k in keys) for r in rows} <= truth
    assert 140 <= len(rows) <= 260 and len({r["well"] for r in rows}) == 24
    assert min(Counter(r["phenotype"] for r in rows).values()) >= 20


def test_a_second_call_uses_the_plate_that_is_there(plate: Path) -> None:
    before = {p: p.stat().st_mtime_ns for p in plate.iterdir()}
    assert simulated_plate.make(plate) == plate
    assert {p: p.stat().st_mtime_ns for p in plate.iterdir()} == before


def test_the_same_seed_gives_the_same_field_and_another_seed_another_one() -> None:
    def field(seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        look = simulated_plate._WellLook.draw(simulated_plate.TREATMENTS[0], rng)
        return simulated_plate.draw_field(look, rng)[0][0]

    first = field(1)
    assert np.array_equal(first, field(1)) and not np.array_equal(first, field(2))


def test_a_run_that_was_stopped_leaves_no_marker_and_no_half_file(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        if fraction > 0.03:
            raise StopError

    with pytest.raises(StopError):
        simulated_plate.make(tmp_path, progress=stop)
    assert not (tmp_path / simulated_plate.MARKER).exists() and not list(tmp_path.glob("*.part"))


def test_a_damaged_marker_is_no_marker(tmp_path: Path) -> None:
    class StopError(Exception):
        pass

    def stop(fraction: float, message: str) -> None:
        raise StopError

    (tmp_path / simulated_plate.MARKER).write_text("{", encoding="utf-8")
    with pytest.raises(StopError):
        simulated_plate.make(tmp_path, progress=stop)


def test_every_treatment_stands_once_in_every_row() -> None:
    for seed in range(5):
        layout = simulated_plate.assign(seed)
        for row in "BCDE":
            assert len({t.name for well, t in layout.items() if well[0] == row}) == 6


def test_it_runs_as_a_script_without_the_package() -> None:
    script = Path(simulated_plate.__file__)
    done = subprocess.run([sys.executable, "-I", str(script), "--help"], capture_output=True, text=True, check=True)
    assert "SIMULATED" in done.stdout
