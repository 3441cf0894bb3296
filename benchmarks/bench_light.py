"""Uneven light: what it does to features and classes, what the estimate takes away of it, and where it is left alone.

`python benchmarks/bench_light.py` writes benchmarks/results/light.json. Composes a plate of real nuclei
(shared/tools/compose_plate.py), darkens copies of it as lenses do, with a camera's offset, measures all with and
without the correction, and looks at the real plates of ../shared, of which none is known to need one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import tifffile
from _bench import Row, row, write

from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.session import label_files, labelling, learning, measuring, segmenting
from napari_phenotyper.session.channels import set_roles
from napari_phenotyper.session.illumination import OFF, Illumination, choose_light
from napari_phenotyper.session.opened import opened, project_folder
from napari_phenotyper.session.session import Session

SHARED = Path(__file__).parents[2] / "shared"
REAL = ("imagehts_submorph", "hcs_operetta/operetta_plate", "bbbc_small/BBBC014_Vitra", "hcs_imagexpress/ImageXpress")
OFFSET = 300
"""Of the composed plate: what a camera adds, which no lens darkens."""
FALLS = {"none": 0.0, "as on many microscopes": 0.45, "strong": 1.0}
CONTENT = "Nuclei_DNA_Content"


def light(shape: tuple[int, int], fall: float) -> np.ndarray:
    """Return a (y, x) dome of mean 1 whose top lies off the centre."""
    y, x = (np.linspace(-1, 1, side) for side in shape)
    dome = np.exp(-fall * ((y[:, None] - 0.15) ** 2 + (x[None] + 0.1) ** 2) / 2)
    return dome / dome.mean()


def darkened(plain: Path, out: Path, fall: float) -> Path:
    """Write a copy of a plate as that light would show it."""
    out.mkdir(parents=True)
    for path in plain.iterdir():
        if path.suffix == ".tif":
            image = tifffile.imread(path)
            lit = (image.astype(np.float64) - OFFSET) * light(image.shape, fall) + OFFSET
            tifffile.imwrite(out / path.name, np.clip(lit.round(), 0, 65535).astype(np.uint16), compression="zlib")
        elif path.suffix == ".csv":
            shutil.copy(path, out / path.name)
    return out


def prepared(session: Session, folder: Path) -> tuple[Plate, ...]:
    """Segment and annotate a plate."""
    plates = session.open(folder)
    set_roles(session, plates, {"DNA": "w1"})
    plates = session.all_plates()
    segmenting.segment(session, plates, no_progress)
    label_files.import_annotations(session, plates, folder / "truth.csv", no_progress)
    return plates


def contents(session: Session, plates: tuple[Plate, ...]) -> dict[tuple, tuple[float, str, float, float]]:
    """Return the DNA content, class and place of every annotated nucleus, by field and point."""
    found, matched = {}, labelling.matches(session)
    for cells in measuring.cells_of(session, plates[0]):
        values = dict(zip(cells.ids.tolist(), cells.matrix([CONTENT])[:, 0].tolist(), strict=True))
        hits = matched.get(cells.field)
        for cell, one in hits.cells.items() if hits is not None else ():
            found[(cells.field, one.y, one.x)] = (values[cell], one.phenotype, one.y, one.x)
    return found


def measured(session: Session, plates: tuple[Plate, ...], mode: str) -> tuple[Illumination, dict, dict]:
    """Measure with a choice of light; return what was decided, the nuclei's contents and the scores of svm."""
    lit = choose_light(session, plates, no_progress, mode)[plates[0].name]
    chosen = [*session.registry.defaults("extractor"), "dna"]
    measuring.measure(session, plates, no_progress, chosen)
    return lit, contents(session, plates), learning.evaluate(session, no_progress, "svm")


def error(found: dict, true: dict) -> float:
    """Return the spread of DNA content against the evenly lit plate's, as a share; of the same nuclei."""
    both = [(found[k][0], true[k][0]) for k in found.keys() & true.keys() if found[k][0] > 0 and true[k][0] > 0]
    ratio = np.log([a / b for a, b in both])
    return float(1.4826 * np.median(np.abs(ratio - np.median(ratio))))


def spread(found: dict) -> float:
    """Return the robust coefficient of variation of the DNA content of interphase nuclei."""
    values = np.log([v for v, phenotype, *_ in found.values() if phenotype == "Interphase" and v > 0])
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def composed(folder: Path) -> list[Row]:
    """Return the rows of the composed plate, evenly lit and darkened."""
    plain = folder / "plain" / "P1"
    tool = SHARED / "tools" / "compose_plate.py"
    arguments = [str(tool), str(SHARED / "data" / "mitocheck_crops"), str(plain), "--tiles", "12", "--fields", "2"]
    subprocess.run([sys.executable, *arguments], check=True)
    rows: list[Row] = []
    true: dict = {}
    for name, fall in FALLS.items():
        place = darkened(plain, folder / f"{fall:g}" / "P1", fall)
        with opened(project_folder(place)) as session:
            plates = prepared(session, place)
            _, as_it_is, before = measured(session, plates, OFF)
            lit, corrected, after = measured(session, plates, "auto")
        true = true or as_it_is
        if lit.flats:
            gain = next(iter(lit.flats.values())).gain_image()
            rest = float(np.std(gain / light(gain.shape, fall)))
            rows.append(
                row(
                    f"{name}: unevenness of the light: left / there was",
                    rest,
                    float(np.std(light(gain.shape, fall))),
                    "sd",
                )
            )
        rows.append(row(f"{name}: corrected unasked", float(bool(lit.flats)), None, "1: yes"))
        rows.append(row(f"{name}: DNA content against even light", error(corrected, true), error(as_it_is, true), "sd"))
        rows.append(
            row(f"{name}: spread of interphase nuclei's DNA content", spread(corrected), spread(as_it_is), "CV")
        )
        for score in ("accuracy", "balanced_accuracy"):
            now, old = (round(report[score]["value"], 4) for report in (after, before))
            rows.append(row(f"{name}: {score} of svm", now, old, "share", less_is_better=False))
        sys.stdout.write("\n".join(f"{r['what']}: {r['ours']} ({r['peer']})" for r in rows) + f"\n{len(true)} nuclei\n")
        sys.stdout.flush()
    return rows


def real(folder: Path) -> list[Row]:
    """Return what is decided for real plates: how many of their channels are corrected unasked."""
    rows = []
    for name in REAL:
        with opened(folder / f"{Path(name).name}.phenotyper") as session:
            for plate in session.open(SHARED / "data" / name):
                found = choose_light(session, [plate], no_progress, "auto")[plate.name]
                corrected = float(len(found.flats))
                rows.append(
                    row(
                        f"{name} {plate.name}: channels corrected of {len(found.channels)}", corrected, None, "channels"
                    )
                )
                sys.stdout.write("".join(f"{plate.name} {k}: {v.why}\n" for k, v in found.channels.items()))
    return rows


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        write("light", [*real(Path(scratch)), *composed(Path(scratch))])
