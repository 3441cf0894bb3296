"""Masks and features: how right the masks are beside hand-drawn ones, and how fast both are made.

`python benchmarks/bench_masks.py [PART …]` writes benchmarks/results/masks.json; a part is "nuclei", "unet", "speed",
"unet-speed" (all threads), "features" or "odd" (odd and large fields, and their memory), all of them if none is named.
Rows of parts that are not run now are kept (the load noted is then the last run's). "unet" trains a network without
fold 0 of dsb2018_fluo, which takes half an hour, and scores it there;
"unet=MODEL" takes one that was trained so before. Real data lie in ../shared. One thread, but for training.
"""

from __future__ import annotations

import csv
import importlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import _masks_speed
import numpy as np
from _bench import Row, row, write_part
from bench_way import recipe
from threadpoolctl import threadpool_limits

from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.mask_scores import MaskScores, score_masks
from napari_phenotyper.session.image_files import read_image, read_labels

FIELDS = Path(__file__).parents[2] / "shared" / "data" / "dsb2018_fluo"
HELD_OUT = "0"
WORST = 10
TARGETS = {"nuclei": {0.5: 0.86, 0.7: 0.76}, "unet": {0.5: 0.90, 0.7: 0.82}}

Segment = Callable[[np.ndarray], np.ndarray]


def segmenter(name: str, **settings: object) -> Segment:
    """Return a segmenter of ours, every image resolved by itself."""
    made = Registry().make("segmenter", name, settings)

    def segment(image: np.ndarray) -> np.ndarray:
        return made.segment(Scene(FieldRef("dsb", "A01", 1), {"DNA": image}), no_progress).labels[NUCLEI]

    return segment


def scored(ways: Mapping[str, Segment], fold: str = "") -> tuple[list[dict[str, MaskScores]], list[str], list[str]]:
    """Return the scores of each field by each way, the fields' names and their folds, of one fold or of all."""
    with (FIELDS / "index.csv").open(encoding="utf-8") as file:
        index = [line for line in csv.DictReader(file) if fold in ("", line["fold"])]
    found = []
    for line in index:
        image, truth = (read_image(FIELDS / "images" / f"{line['name']}.png"),
                        read_labels(FIELDS / "labels" / f"{line['name']}.png"))  # fmt: skip
        found.append({who: score_masks(segment(image), truth) for who, segment in ways.items()})
    return found, [line["name"] for line in index], [line["fold"] for line in index]


def pooled(scores: Sequence[Mapping[str, MaskScores]], who: str) -> MaskScores:
    """Return the scores of one way over some fields."""
    return sum((one[who] for one in scores), MaskScores())


def compared(name: str, what: str, scores: Sequence[Mapping[str, MaskScores]], targets: Mapping[float, float]) -> list:
    """Return rows of F1, and of splits and merges, ours beside the peer's."""
    ours, peer = pooled(scores, "ours"), pooled(scores, "peer")
    rows = [
        row(f"{name}: F1 at IoU {t}, {what}, {ours.images} fields", round(ours.at("f1", t), 4),
            round(peer.at("f1", t), 4), "F1", targets.get(t), less_is_better=False)
        for t in (0.5, 0.7)
    ]  # fmt: skip
    for kind in ("splits", "merges"):
        said = f"{name}: {kind} of {ours.true} nuclei, {what}"
        rows.append(row(said, getattr(ours, kind), getattr(peer, kind), "nuclei"))
    return rows


def nuclei() -> list[Row]:
    """Return the scores of untouched defaults beside scikit-image's recipe: pooled, by fold, and the worst fields."""
    ways = {"ours": Timed(segmenter("nuclei")), "peer": Timed(recipe)}
    scores, names, folds = scored(ways)
    rows = compared("nuclei", "all folds", scores, TARGETS["nuclei"])
    for fold in sorted(set(folds)):
        rows += compared("nuclei", f"fold {fold}", [s for s, f in zip(scores, folds) if f == fold], {})[:2]
    order = sorted(range(len(names)), key=lambda i: np.nan_to_num(scores[i]["ours"].at("f1", 0.5), nan=1.0))
    for i in order[:WORST]:
        ours, peer = (round(scores[i][who].at("f1", 0.5), 3) for who in ("ours", "peer"))
        rows.append(row(f"nuclei: F1 at IoU 0.5 of {names[i]}, fold {folds[i]}", ours, peer, "F1"))
    seconds = [round(ways[who].seconds, 1) for who in ("ours", "peer")]
    return [*rows, row(f"nuclei: all {len(names)} fields, in turns", *seconds, "s")]


class Timed:
    """A way to segment that counts its seconds, the first call's not among them: it loads and compiles."""

    def __init__(self, segment: Segment) -> None:
        self._segment, self._warm, self.seconds = segment, False, 0.0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Return the labels of an image."""
        start = time.perf_counter()
        labels = self._segment(image)
        self.seconds += (time.perf_counter() - start) * self._warm
        self._warm = True
        return labels


def unet(model: str = "") -> list[Row]:
    """Return the scores on fold 0 of a network that never saw it, beside `nuclei` there."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(model) if model else trained(Path(folder))
        with threadpool_limits(1):
            ways = {"ours": segmenter("unet", model=str(file)), "peer": segmenter("nuclei")}
            scores, _, _ = scored(ways, HELD_OUT)
    return compared("unet (peer: nuclei)", f"fold {HELD_OUT}, which it never saw", scores, TARGETS["unet"])


def trained(folder: Path) -> Path:
    """Train without fold 0 and return the model's file."""
    with (FIELDS / "index.csv").open(encoding="utf-8") as file:
        held = [line["name"] for line in csv.DictReader(file) if line["fold"] == HELD_OUT]
    (folder / "held_out.txt").write_text("\n".join(held), encoding="utf-8")
    command = [sys.executable, "-m", "napari_phenotyper.cli", "train-segmenter", FIELDS / "images", FIELDS / "labels",
               "--out", folder / "unet.safetensors", "--held-out", folder / "held_out.txt"]  # fmt: skip
    subprocess.run([str(part) for part in command], check=True)
    return folder / "unet.safetensors"


def elsewhere(module: str, function: str) -> list[Row]:
    """Return the rows that a file beside this one measures, one thread."""
    with threadpool_limits(1):
        return list(getattr(importlib.import_module(module), function)())


PARTS: Mapping[str, Callable[..., list[Row]]] = {
    "nuclei": nuclei,
    "unet": unet,
    "speed": lambda: elsewhere("_masks_speed", "speed"),
    "unet-speed": lambda: list(_masks_speed.unet_speed()),
    "features": lambda: elsewhere("_masks_features", "features"),
    "odd": lambda: elsewhere("_masks_odd", "odd"),
}


def main() -> None:
    """Measure the parts that are named, and write them beside those that were measured before."""
    chosen = sys.argv[1:] or list(PARTS)
    wrong = [part for part in chosen if part.partition("=")[0] not in PARTS]
    if wrong:
        raise SystemExit(f"no part {wrong[0]!r}; there are: {', '.join(PARTS)}")
    if not FIELDS.is_dir():
        raise SystemExit(f"no real data at {FIELDS}")
    for wish in chosen:
        part, _, given = wish.partition("=")
        write_part("masks", part, PARTS[part](given) if given else PARTS[part]())


if __name__ == "__main__":
    with threadpool_limits(1):
        main()
