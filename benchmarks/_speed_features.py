"""Speed of the classifiers of features."""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations

import numpy as np
from _bench import Row, medians, row

from napari_phenotyper.classifiers import _machines as pairwise
from napari_phenotyper.classifiers._model import TableModel
from napari_phenotyper.core.cells import Cells, ColumnBlock
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.training import TrainingSet
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.kernels import rbf as kernel
from napari_phenotyper.kernels.blocks import in_blocks

COLUMNS, CLASSES = 200, 16
MILLION = 1_000_000


def sample(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return (n, 200) float32 columns and (n,) classes."""
    centres = np.random.default_rng(99).normal(0, 0.28, (CLASSES, COLUMNS)).astype(np.float32)
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, CLASSES, count)
    return centres[labels] + rng.standard_normal((count, COLUMNS), np.float32), labels


def chunk(values: np.ndarray) -> Cells:
    """Return values as the cells of one field."""
    zero = np.zeros(len(values), np.float32)
    block = ColumnBlock(tuple(f"c{i}" for i in range(values.shape[1])), values)
    return Cells(FieldRef("P", "A01", 1), np.arange(len(values), dtype=np.int32), zero, zero, {"made": block})


def training(count: int) -> TrainingSet:
    """Return annotated cells of 12 groups."""
    values, labels = sample(count, 0)
    groups = np.arange(count) % 12
    names = tuple(f"class{k}" for k in range(CLASSES))
    return TrainingSet((chunk(values),), names, labels, groups, tuple(f"g{i}" for i in range(12)))


def fitted(name: str, count: int = 2000, **settings: object) -> TableModel:
    """Return a model of a classifier."""
    model = Registry().make("classifier", name, settings).fit(training(count), no_progress)
    assert isinstance(model, TableModel)
    return model


def votes(decisions: np.ndarray) -> np.ndarray:
    """Return the class that wins most of its pairs, as LIBSVM does."""
    count = np.zeros((len(decisions), CLASSES), np.int16)
    for pair, (i, j) in enumerate(combinations(range(CLASSES), 2)):
        count[:, i] += decisions[:, pair] > 0
        count[:, j] += decisions[:, pair] <= 0
    return count.argmax(axis=1)


def rbf(threads: int, cells: int = 100_000, peer_cells: int = 4_000) -> list[Row]:
    """Return how much quicker than SVC.predict the svm predicts, and how often it says the same."""
    from sklearn.svm import SVC

    model = fitted("svm", lift=0.0)
    table, labels = training(2000).matrix(), training(2000).labels
    assert isinstance(model.learnt, pairwise.PairwiseMachines)
    machines = model.learnt.machines
    peer = SVC(C=10.0, gamma=machines.gamma, class_weight="balanced", decision_function_shape="ovo")
    peer.fit(model.scaling(table), labels)
    new = sample(cells, 1)[0]
    few = model.scaling(new[:peer_cells]).astype(np.float64)
    modes = {name: replace(model, learnt=pairwise.ready(machines, name)) for name in ("float32", "quick", "bfloat16")}
    given = chunk(new)
    ours_too = {name: lambda one=one: one.predict(given) for name, one in modes.items()}
    seconds = medians({"peer": lambda: peer.predict(few), **ours_too})
    theirs = seconds["peer"] * MILLION / peer_cells
    check = min(cells, 20_000)
    exact = in_float64(peer, model.scaling(new[:check]).astype(np.float64), threads)
    agreed, rows = (exact, peer.predict(few)), []
    for name, times, share in (("float32", 20, 0.9999), ("quick", 50, 0.999), ("bfloat16", None, None)):
        ours = seconds[name] * MILLION / cells
        what = f"svm, {name}, 10⁶ cells × 200 columns × 16 classes, {len(machines.vectors)} vectors, {threads} threads"
        rows.append(row(f"{what}: seconds, from {cells}", round(ours, 2), round(theirs, 1), "s"))
        rows.append(row(f"{what}: times as quick as SVC.predict", round(theirs / ours, 1), 1, "×", times, False))
        rows += same_labels(name, modes[name], given.take(np.arange(check)), agreed, share)
    return rows


def in_float64(peer: object, scores: np.ndarray, threads: int) -> np.ndarray:
    """Return (n, P) decision values of scikit-learn, a few thousand at a time."""
    out = np.empty((len(scores), CLASSES * (CLASSES - 1) // 2))

    def work(start: int, stop: int) -> None:
        out[start:stop] = peer.decision_function(scores[start:stop])  # type: ignore[attr-defined]

    in_blocks(len(scores), 2000, work, threads)
    return out


def same_labels(
    name: str, model: TableModel, cells: Cells, agreed: tuple[np.ndarray, np.ndarray], target: float | None
) -> list[Row]:
    """Return the shares of cells with the same label by our rule, and by that of LIBSVM."""
    exact, predicted = agreed
    assert isinstance(model.learnt, pairwise.PairwiseMachines)
    given = model.predict(cells)
    shown = given.argmax(axis=1)
    assert (votes(exact[: len(predicted)]) == predicted).all()
    scores = kernel.couple(exact, CLASSES, pairwise.STEEPNESS)
    off = np.abs(given - model.calibrator(scores)).max(axis=1)
    rows = [
        row(f"svm, {name}: same labels as SVC's decision values give by our rule (coupling), {len(shown)} cells",
            float((shown == scores.argmax(axis=1)).mean()), None, "share", target, False),
        row(f"svm, {name}: same labels as SVC.predict as shown, coupled instead of voted",
            float((shown == votes(exact)).mean()), None, "share"),
        row(f"svm, {name}: a cell's largest error of a probability, mean", round(float(off.mean()), 5), None, ""),
        row(f"svm, {name}: the same, largest of all cells", round(float(off.max()), 5), None, ""),
    ]  # fmt: skip
    if name == "float32":
        ours = kernel.decisions(model.learnt.machines, model.scaling(cells.matrix()))
        rows.append(row(f"svm, {name}: same labels as SVC.predict when pairs vote instead, {len(shown)} cells",
                        float((votes(ours) == votes(exact)).mean()), None, "share", target, False))  # fmt: skip
    return rows


def linear(threads: int, cells: int = 250_000) -> list[Row]:
    """Return the seconds that classifiers with a weight per column and class need."""
    given = chunk(sample(cells, 2)[0])
    models = {name: fitted(name) for name in ("linear_svm", "lda", "logistic")}
    note = {"logistic": " (columns bent)"}
    rows = []
    for name, model in models.items():
        what = f"{name}{note.get(name, '')}, 10⁶ cells × 200 columns × 16 classes, from {cells}, {threads} threads"
        taken, processor = both(lambda m=model: m.predict(given))
        rows.append(row(what, round(taken * MILLION / cells, 3), None, "s", None if name in note else 0.5))
        rows.append(row(f"{what}: of processor time", round(processor * MILLION / cells, 3), None, "s"))
    return rows


def both(function: Callable[[], object], repeats: int = 3) -> tuple[float, float]:
    """Return the median seconds on the clock and of processor time; on a busy machine these differ."""
    function()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter(), time.process_time()
        function()
        taken.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    return statistics.median(t[0] for t in taken), statistics.median(t[1] for t in taken)


def fitting(threads: int) -> list[Row]:
    """Return the seconds of cold fits, calibration included."""
    rows = []
    for name, count, target in (
        ("svm", 300, 0.3), ("svm", 2000, 1.0), ("logistic", 2000, None), ("committee", 2000, None),
        ("linear_svm", 2000, None), ("lda", 2000, None),
    ):  # fmt: skip
        cells, classifier = training(count), Registry().make("classifier", name)
        taken, processor = both(lambda c=classifier, t=cells: c.fit(t, no_progress))
        what = f"{name}: cold fit of {count} labels, calibrated, {threads} threads"
        rows.append(row(what, round(taken, 3), None, "s", target))
        rows.append(row(f"{what}: of processor time", round(processor, 3), None, "s"))
    return rows


def memory() -> list[Row]:
    """Return the memory that a prediction takes beside cells and result, for few cells and for four times as many."""
    model = fitted("svm")
    peaks = []
    for cells in (40_000, 160_000):
        given = chunk(sample(cells, 3)[0])
        tracemalloc.start()
        result = model.predict(given)
        peaks.append((tracemalloc.get_traced_memory()[1] - result.nbytes) / 1e6)
        tracemalloc.stop()
    growth = peaks[1] / peaks[0]
    return [row("svm: memory at 160,000 cells over that at 40,000", round(growth, 2), None, "×", 1.2),
            row("svm: memory at 160,000 cells beside cells and result", round(peaks[1], 1), None, "MB")]  # fmt: skip
