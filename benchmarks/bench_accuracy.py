"""Accuracy on real nuclei: the whole way on the composed plate, and masks against hand-drawn ones.

`python benchmarks/bench_accuracy.py` needs ../shared and writes benchmarks/results/accuracy.json. Folds are grouped by
well; the peer of the segmenter is scikit-image's recipe on the same images.
"""

from __future__ import annotations

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from _bench import row, write
from bench_way import recipe
from PIL import Image

from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.mask_scores import MaskScores, score_masks
from napari_phenotyper.session import label_files, learning, measuring, profiling, segmenting
from napari_phenotyper.session.layouts import set_layout
from napari_phenotyper.session.opened import make_runner, opened

SHARED = Path(__file__).parents[2] / "shared"


def masks() -> list:
    """Return pooled F1 at IoU 0.5 and 0.7 on dsb2018_fluo, untouched defaults, resolved per image."""
    nuclei, folder = Registry().make("segmenter", "nuclei"), SHARED / "data" / "dsb2018_fluo"
    ours, peer = MaskScores(), MaskScores()
    for path in sorted((folder / "images").glob("*.png")):
        image = np.asarray(Image.open(path).convert("L"))
        truth = np.asarray(Image.open(folder / "labels" / path.name))
        found = nuclei.segment(Scene(FieldRef("dsb", "A01", 1), {"DNA": image}), no_progress).labels[NUCLEI]
        ours, peer = ours + score_masks(found, truth), peer + score_masks(recipe(image), truth)
    return [
        row(f"pooled F1 at IoU {t}, dsb2018_fluo, {ours.images} fields", round(ours.at("f1", t), 3),
            round(peer.at("f1", t), 3), "F1", {0.5: 0.81, 0.7: 0.69}[t], less_is_better=False)
        for t in (0.5, 0.7)
    ]  # fmt: skip


def plate() -> list:
    """Return what comes of the composed plate: points found, scores over wells, rank of the known hits."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "P1"
        tool = [sys.executable, SHARED / "tools" / "compose_plate.py", SHARED / "data" / "mitocheck_crops", source]
        subprocess.run([str(part) for part in tool], check=True)
        with opened(Path(folder) / "P1.phenotyper", make_runner(2)) as session:
            plates = session.open(source)
            set_layout(session, plates, source / "layout.csv")
            plates = session.all_plates()
            segmenting.segment(session, plates, no_progress)
            measuring.measure(session, plates, no_progress)
            told = label_files.import_annotations(session, plates, source / "truth.csv", no_progress)
            rows = [row("truth points that find a cell", round(told.found / told.rows, 4), None, "share", 0.95, False)]
            for name in ("svm", "forest", "fastnet"):
                report = learning.evaluate(session, no_progress, name)
                for score, target in (("accuracy", 0.70), ("balanced_accuracy", 0.65)):
                    value = round(report[score]["value"], 3)
                    rows.append(row(f"{name}: {score}, 16 classes, 5 folds by well", value, None, "", target, False))
            learning.train(session, no_progress)
            learning.predict(session, plates, no_progress)
            found = profiling.hits(session, plates, no_progress, column="Prometaphase")
            rows.append(row("KIF11 wells among the first 4 hits", kif11(source, found[:4]), None, "of 4", 4, False))
    return rows


def kif11(source: Path, found: tuple) -> int:
    """Count the hits that are wells of KIF11."""
    with (source / "layout.csv").open() as file:
        wells = {r["well"] for r in csv.DictReader(file) if r["treatment"] == "KIF11"}
    return sum(hit.well.well in wells for hit in found)


def main() -> None:
    """Measure and write."""
    if not SHARED.is_dir():
        raise SystemExit(f"no real data at {SHARED}")
    print(write("accuracy", [*masks(), *plate()]))


if __name__ == "__main__":
    main()
