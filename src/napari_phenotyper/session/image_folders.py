"""Segment a folder of images that are no plate."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_phenotyper.core.errors import PixelError, SettingError
from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import NUCLEI, Labels, Masks
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.core.registry import Registry
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.core.wells import FieldRef
from napari_phenotyper.engine.plate import Outcome, run_all
from napari_phenotyper.engine.runner import Inline, Runner
from napari_phenotyper.session.image_files import image_files, read_image, stem
from napari_phenotyper.session.segmenting import DEFAULT_SEGMENTER
from napari_phenotyper.store.files import replacing

SOFTWARE = "napari-phenotyper"
"""What a label image says made it; only such files are overwritten."""
_SAMPLE = 8
"""Images that open parameters are decided from where all shall have the same."""


@dataclass(frozen=True, eq=False)
class ImageFolder:
    """A folder of single images, and where their label images go.

    Attributes
    ----------
    folder
        Images lie in it directly.
    out
        Made if it is not there; another folder.
    pixel_size
        µm per pixel, None where it is not known.
    together
        Decide open parameters once, from a sample, instead of for each image.
    """

    folder: Path
    out: Path
    pixel_size: float | None = None
    together: bool = False


@dataclass(frozen=True, eq=False)
class Segmented:
    """What became of a folder of images.

    Attributes
    ----------
    segmenter
        Id, version and parameters as asked for, or as resolved where that was done once for all.
    files
        Label image written to the cells in it.
    failed
        Image to reason.
    """

    segmenter: Mapping[str, Json]
    files: Mapping[str, int] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    def report(self) -> dict[str, Any]:
        """Return it as JSON, with the numbers of images and cells."""
        files = dict(self.files)
        counts = {"images": len(files), "cells": sum(files.values())}
        return {**counts, "segmenter": self.segmenter, "files": files, "failed": dict(self.failed)}


def segment_images(
    source: ImageFolder,
    progress: Progress,
    segmenter: str = DEFAULT_SEGMENTER,
    settings: Mapping[str, object] | None = None,
    runner: Runner | None = None,
) -> Segmented:
    """Write a label image (TIFF, uint16 or uint32) of the same name for each image of a folder.

    Parameters
    ----------
    source
        Images and where their masks go.
    progress
        Reports and cancels; what is written stays.
    segmenter, settings
        Id and parameters.
    runner
        Where the images are segmented; here if None.

    Raises
    ------
    ExtensionError, SettingError
        Also if the masks would go where the images are.
    PixelError
        If there are no images.
    Cancelled
    """
    extension = Registry().get("segmenter", segmenter)
    made = extension.make(settings)
    _check_places(source)
    files = image_files(source.folder)
    if not files:
        raise PixelError(f"{source.folder} holds no images.", "TIFF, PNG and JPEG files in the folder itself are read.")
    if source.together:
        made = made.resolve(_sample(source, files, made, progress))
    record = extension.record(made)
    names: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for file in files:
        first = names.setdefault(stem(file), file)
        if first != file:
            failed[file.name] = f"{file.name} and {first.name} have one name; rename one, else it has no place."
    items = [(file.name, (source, file, made, record)) for file in names.values()]
    outcomes = run_all(runner or Inline(), segment_image, items, progress, "Segmenting image")
    return _summary(outcomes, record, failed)


def _check_places(source: ImageFolder) -> None:
    """Raise SettingError where masks would lie among the images."""
    if source.out.resolve() == source.folder.resolve():
        raise SettingError("The masks would lie among the images.", "Name another folder: --out DIR.")
    if source.out.exists() and not source.out.is_dir():
        raise SettingError(f"{source.out} is a file.", "Name a folder: --out DIR.")


def _sample(source: ImageFolder, files: Sequence[Path], segmenter: Any, progress: Progress) -> list[Scene]:
    """Return images spread evenly over the folder; those that cannot be read are named when they are segmented."""
    scenes = []
    for i in np.unique(np.linspace(0, len(files) - 1, min(_SAMPLE, len(files))).round().astype(int)):
        progress(0.0, f"Looking at {files[i].name}")
        try:
            scenes.append(_scene(source, files[i], segmenter))
        except PixelError:
            continue
    return scenes


def _scene(source: ImageFolder, file: Path, segmenter: Any) -> Scene:
    """Return an image as a field whose only channel is the one that the segmenter looks for."""
    channel = str(getattr(segmenter, "channel", "DNA"))
    return Scene(FieldRef(source.folder.name, stem(file), 1), {channel: read_image(file)}, source.pixel_size)


def segment_image(
    source: ImageFolder, file: Path, segmenter: Any, record: Mapping[str, Json], progress: Progress
) -> tuple[str, int]:
    """Segment one image and write its labels; return the file's name and how many cells it has.

    Raises
    ------
    PixelError
        If the image cannot be read.
    SettingError
        If somebody else's file lies where the labels belong.
    ProjectError
        If they cannot be written.
    """
    target = source.out / f"{stem(file)}.tif"
    if target.exists() and not _is_ours(target):
        raise SettingError(f"{target} was not written by this command.", "Move it away, or name another folder.")
    scene = _scene(source, file, segmenter)
    masks: Masks = segmenter.resolve([scene]).segment(scene, progress)
    kind = NUCLEI if NUCLEI in masks.labels else next(iter(masks.labels))
    _write(target, masks.labels[kind], {"segmenter": record})
    return target.name, len(masks.ids(kind))


def _write(path: Path, labels: Labels, about: Mapping[str, Json]) -> None:
    import tifffile

    small = labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.uint32)
    with replacing(path) as scratch:
        tifffile.imwrite(scratch, small, compression="zlib", description=json.dumps(about), software=SOFTWARE)


def _is_ours(path: Path) -> bool:
    import tifffile

    try:
        with tifffile.TiffFile(path) as tif:
            tag = tif.pages[0].tags.get("Software")
            return tag is not None and str(tag.value) == SOFTWARE
    except (OSError, ValueError, tifffile.TiffFileError):
        return False


def _summary(outcomes: Sequence[Outcome], record: Mapping[str, Json], failed: Mapping[str, str]) -> Segmented:
    done = dict(outcome.result for outcome in outcomes if not outcome.error)
    return Segmented(record, done, {**failed, **{o.item: o.error for o in outcomes if o.error}})
