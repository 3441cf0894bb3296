"""Judge masks in files by true ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.evaluation.mask_scores import MaskScores, score_masks
from napari_phenotyper.session.image_files import image_files, read_labels, stem


def score_files(predicted: Path, true: Path, progress: Progress) -> dict[str, Any]:
    """Return how well label images agree with true ones, over all pairs of files whose names agree but for the ending.

    Parameters
    ----------
    predicted, true
        Two folders of label images, or two files.
    progress
        Reports and cancels.

    Returns
    -------
    JSON: `images`, `predicted`, `true` (objects), `f1`, `precision`, `recall`, `ap` (by IoU, "0.5" …), `mean_ap`,
    `splits`, `merges`, over all pairs pooled; `per_image` (the same counts of each and its `f1`, worst first at IoU
    0.5); `missing` (true masks without a prediction) and `extra` (predictions without a true mask), by file name, none
    of them scored; `failed` (file to reason).

    Raises
    ------
    PixelError
        If there is no pair, or none that can be read.
    Cancelled
    """
    failed: dict[str, str] = {}
    own, other = _by_stem(predicted, failed), _by_stem(true, failed)
    if predicted.is_file() and true.is_file():
        own = dict.fromkeys(other, predicted)
    names = [name for name in other if name in own]
    pooled, rows = MaskScores(), []
    for i, name in enumerate(names):
        progress(i / len(names), f"Scoring {name}")
        try:
            one = _score(own[name], other[name])
        except PixelError as error:
            failed[own[name].name] = str(error)
            continue
        pooled += one
        rows.append((name, one))
    missing = [path.name for name, path in other.items() if name not in own]
    extra = [path.name for name, path in own.items() if name not in other]
    if not pooled.images:
        raise _nothing(predicted, true, list(failed.values()), [*missing, *extra])
    return {**pooled.report(), "per_image": _worst_first(rows), "missing": missing, "extra": extra, "failed": failed}


def _by_stem(path: Path, failed: dict[str, str]) -> dict[str, Path]:
    """Return the label images by their names without endings; of two with one name neither, so that none is guessed."""
    if path.is_file():
        return {stem(path): path}
    found: dict[str, Path] = {}
    twice = set()
    for file in image_files(path):
        if stem(file) in found:
            twice.add(stem(file))
            failed[file.name] = f"{path} has two images of this name: {found[stem(file)].name} and {file.name}."
        found.setdefault(stem(file), file)
    return {name: file for name, file in found.items() if name not in twice}


def _score(predicted: Path, true: Path) -> MaskScores:
    own, other = read_labels(predicted), read_labels(true)
    if own.shape != other.shape:
        sizes = " and ".join("{} × {}".format(*labels.shape) for labels in (own, other))
        raise PixelError(
            f"{predicted.name} and its true mask {true.name} are not of one size: {sizes} pixels.",
            "Scale or crop neither: segment the image that the true mask was drawn on.",
        )
    return score_masks(own, other)


def _worst_first(rows: Sequence[tuple[str, MaskScores]]) -> list[dict[str, Any]]:
    """Return a row per image; one without any object comes last."""
    ordered = sorted(rows, key=lambda row: (row[1].predicted + row[1].true == 0, row[1].at("f1", 0.5)))
    told = ("predicted", "true", "f1", "splits", "merges")
    return [{"name": name, **{key: one.report()[key] for key in told}} for name, one in ordered]


def _nothing(predicted: Path, true: Path, failed: Sequence[str], lone: Sequence[str]) -> PixelError:
    """Return the error that says why no pair could be scored."""
    if failed:
        return PixelError(f"No pair of masks could be scored. {failed[0]}", "")
    named = f", as {lone[0]}" if lone else ""
    return PixelError(
        f"No mask in {predicted} has the name of a true one in {true}{named}.",
        "Predicted and true masks belong together by name: a.tif and a.png.",
    )
