"""Train the segmenter `unet` on images and label images of the same names."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper import __version__
from napari_phenotyper.core.errors import PixelError, SettingError, TableError, TrainingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI
from napari_phenotyper.core.progress import Progress, no_progress, part
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.evaluation.mask_scores import MaskScores, score_masks
from napari_phenotyper.session.image_files import image_files, read_image, read_labels, stem
from napari_phenotyper.store.files import write_bytes

if TYPE_CHECKING:
    from torch import Tensor

EPOCHS = 32
"""Passes of 800 crops: about 12 minutes of one processor core with AMX."""
SEGMENTER, SUFFIX = "unet", ".safetensors"

Device = Literal["auto", "cpu", "cuda", "mps"]


@dataclass(frozen=True, eq=False)
class ImagePairs:
    """Images and their masks, by name.

    Attributes
    ----------
    trained, held
        (image, mask) files to train on, and to score on.
    failed
        File to why it is not used.
    """

    trained: Sequence[tuple[Path, Path]]
    held: Sequence[tuple[Path, Path]] = ()
    failed: Mapping[str, str] = field(default_factory=dict)


def image_pairs(images: Path, masks: Path, held_out: Path | None = None) -> ImagePairs:
    """Return the images of a folder that have a mask of the same name in another.

    Parameters
    ----------
    images, masks
        Folders of images, and of label images of the same names (endings may differ).
    held_out
        A text file with the name of an image per line, with or without ending, that is scored on, not trained on.

    Raises
    ------
    PixelError
        If there is no folder.
    TrainingError
        If no image to train on has a mask.
    TableError
        If the text file cannot be read or names an image that is not there.
    """
    own, true = ({stem(path): path for path in image_files(folder)} for folder in (images, masks))
    held = _names(held_out) if held_out is not None else set()
    foreign = sorted(held - set(own))
    if foreign:
        raise TableError(f"{held_out} names {foreign[0]}, and no such image is in {images}.", "Take the line out.")
    pairs = {name: (own[name], true[name]) for name in own if name in true}
    trained = [pair for name, pair in pairs.items() if name not in held]
    if not trained:
        raise TrainingError(
            f"No image in {images} that is to be trained on has a mask in {masks}.",
            "Images and masks belong together by name: a.tif and a.png.",
        )
    failed = {path.name: "It has no mask." for name, path in own.items() if name not in true}
    failed |= {path.name: "It has no image." for name, path in true.items() if name not in own}
    return ImagePairs(trained, [pair for name, pair in pairs.items() if name in held], failed)


def _names(path: Path) -> set[str]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise TableError(f"{path} cannot be read: {error}.", "Name a text file with an image per line.") from error
    return {stem(Path(line.strip())) for line in lines if line.strip()}


def train_segmenter(
    pairs: ImagePairs,
    out: Path,
    progress: Progress,
    epochs: int = EPOCHS,
    seed: int = 0,
    device: Device = "auto",
    card: Path | None = None,
) -> dict[str, Any]:
    """Train a network on images and masks, and write it to two files, weights and card.

    Parameters
    ----------
    pairs
        From `image_pairs`.
    out
        The weights' file, which ends in .safetensors; the card lies beside it and ends in .json.
    progress
        Reports and cancels; nothing is written before the end.
    epochs, seed
        How long, and what for all that is random.
    device
        Where it is trained.
    card
        A JSON file with what else the card shall say: source, licence.

    Returns
    -------
    The card, "failed" (file to reason) beside it.

    Raises
    ------
    SettingError
        If the file's name does not end as it must, or the device is not there.
    TrainingError
        If no image can be trained on.
    TableError
        If what the card shall say cannot be read.
    ProjectError
        If the files cannot be written.
    Cancelled
    """
    if out.suffix != SUFFIX:
        raise SettingError(f"The weights cannot be written to {out.name}.", f"Name a file that ends in {SUFFIX}.")
    from napari_phenotyper.nets import device as devices
    from napari_phenotyper.nets import unet_file
    from napari_phenotyper.nets.unet import UNetArchitecture
    from napari_phenotyper.nets.unet_training import fitted, shares
    from napari_phenotyper.nets.weights import to_arrays

    said, there = _said(card), devices.choose(device)
    failed = dict(pairs.failed)
    fields, nuclei = _fields(pairs.trained, failed, part(progress, 0.0, 0.02))
    net = fitted(fields, shares(nuclei), part(progress, 0.02, 1.0), epochs, seed, device=there)
    told: dict[str, Json] = {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "software": f"napari-phenotyper {__version__}",
        "data": {"images": len(fields), "nuclei": sum(nuclei)},
        "training": {"epochs": epochs, "seed": seed},
    }
    arrays, network = to_arrays(net, ""), UNetArchitecture().state()
    _write(out, unet_file.packed(arrays, network, {**told, **said}))
    if pairs.held:
        told["scores"] = _scores(pairs.held, out, failed)
        _write(out, unet_file.packed(arrays, network, {**told, **said}))
    return {**unet_file.read(out).card, "failed": failed}


def _said(path: Path | None) -> dict[str, Json]:
    """Return what a JSON file says. Raises TableError."""
    if path is None:
        return {}
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise TableError(f"{path} cannot be read as JSON: {error}.", 'Write {"licence": …}.') from error
    if not isinstance(said, dict):
        raise TableError(f"{path} holds no names and values.", 'Write {"licence": …}.')
    return said


def _fields(
    pairs: Sequence[tuple[Path, Path]], failed: dict[str, str], progress: Progress
) -> tuple[list[Tensor], list[int]]:
    """Return what is trained on of each pair, and its number of nuclei; `failed` gets what cannot be read."""
    from napari_phenotyper.nets.unet_pixels import planes

    fields, nuclei = [], []
    for i, pair in enumerate(pairs):
        progress(i / len(pairs), f"Reading {pair[0].name}")
        try:
            image, labels = _read(pair)
        except PixelError as error:
            failed[pair[0].name] = str(error)
            continue
        fields.append(planes(image, labels))
        nuclei.append(int(labels.max(initial=0)))
    if not sum(nuclei):
        reason = next((failed[path.name] for path, _ in pairs if path.name in failed), "The masks are empty.")
        raise TrainingError(f"There is no nucleus to learn from. {reason}", "Give images with outlined nuclei.")
    return fields, nuclei


def _read(pair: tuple[Path, Path]) -> tuple[NDArray[np.generic], NDArray[np.int32]]:
    """Return an image and its labels, numbered 1 … n. Raises PixelError."""
    image, labels = read_image(pair[0]), read_labels(pair[1])
    if image.shape != labels.shape:
        sizes = " and ".join("{} × {}".format(*array.shape) for array in (image, labels))
        raise PixelError(f"{pair[0].name} and its mask are not of one size: {sizes} pixels.", "Scale neither.")
    values, numbers = np.unique(np.maximum(labels, 0), return_inverse=True)
    return image, (numbers.reshape(labels.shape) + (values[0] > 0)).astype(np.int32)


def _scores(pairs: Sequence[tuple[Path, Path]], model: Path, failed: dict[str, str]) -> dict[str, Json]:
    """Return how well the segmenter does with a model on images that it was not trained on, defaults untouched."""
    made = Registry().make("segmenter", SEGMENTER, {"model": str(model)})
    pooled = MaskScores()
    for pair in pairs:
        try:
            image, labels = _read(pair)
        except PixelError as error:
            failed[pair[0].name] = str(error)
            continue
        scene = Scene(FieldRef("held-out", "A01", 1), {"DNA": image})
        pooled += score_masks(made.segment(scene, no_progress).labels[NUCLEI], labels)
    report = pooled.report()
    return {name: report[name] for name in ("images", "true", "predicted", "f1", "mean_ap", "splits", "merges")}


def _write(out: Path, files: tuple[bytes, bytes]) -> None:
    """Write weights and card. Raises ProjectError."""
    write_bytes(out, files[0])
    write_bytes(out.with_suffix(".json"), files[1])
