"""Crops from elsewhere: a folder per class with a picture per cell, and a table that groups them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.channels import guess_roles
from napari_phenotyper.core.errors import PixelError, SettingError, TableError, TrainingError
from napari_phenotyper.core.field import Channel
from napari_phenotyper.core.progress import Progress
from napari_phenotyper.session.crop_images import SUFFIXES, read_crop
from napari_phenotyper.session.tables import read_table

OWN_GROUP = "crop"
"""What a group is called where none are given: every crop is one."""
_NAMED = 5
"""Files of a kind that a message names; it counts the others."""

Pixels = NDArray[np.generic]
Indices = NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class CropFolder:
    """What a folder of crops is, before a pixel is read.

    Attributes
    ----------
    folder
        One folder per class in it.
    group_from, fold_from
        "FILE:COLUMN", a table relative to the folder and the column that names each crop's group or fold; "" for none.
    channels
        Names of the crops' channels in their order; empty: the first is taken for DNA.
    pixel_size
        µm per pixel, None where it is not known.
    """

    folder: Path
    group_from: str = ""
    fold_from: str = ""
    channels: tuple[str, ...] = ()
    pixel_size: float | None = None


@dataclass(frozen=True, eq=False)
class CropSet:
    """Crops in memory, N of them, sorted by size, then by name.

    Attributes
    ----------
    files
        (N) paths relative to the folder, with slashes.
    images
        (N) pixels (c, y, x), each of its own size, all of as many channels.
    channels
        What each channel is called and shows.
    classes
        K names, sorted.
    labels
        (N,) index into classes.
    groups, group_names, group
        (N,) index into the names of the groups, and what a group is called.
    folds
        (N,) the fold in which each crop is tested, −1: never; None where no folds are given.
    pixel_size
        µm per pixel, or None.
    warnings
        Sentences on what was left out and what flatters.
    """

    files: tuple[str, ...]
    images: tuple[Pixels, ...]
    channels: tuple[Channel, ...]
    classes: tuple[str, ...]
    labels: Indices
    groups: Indices
    group_names: tuple[str, ...]
    group: str
    folds: Indices | None = None
    pixel_size: float | None = None
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Count the crops."""
        return len(self.files)


@dataclass
class _Sieve:
    """Files that are still wanted, and sentences on those that are not."""

    files: list[str]
    warnings: list[str] = field(default_factory=list)

    def keep(self, wanted: Mapping[str, object], why: str) -> None:
        """Leave out the files that are not wanted, saying how many they are and why."""
        gone = [name for name in self.files if name not in wanted]
        self.files = [name for name in self.files if name in wanted]
        if gone:
            named = ", ".join(gone[:_NAMED]) + (" …" if len(gone) > _NAMED else "")
            self.warnings.append(f"Left out because they {why}: {len(gone)} of the crops, {named}.")


def read_folder(source: CropFolder, progress: Progress) -> CropSet:
    """Read all crops of a folder.

    Returns
    -------
    Those that can be read, have as many channels as most do, and are named by the tables that are given.

    Raises
    ------
    TrainingError
        If there is no folder per class, or no crop in them can be used.
    TableError
        If a table lacks the column "file" or the one named, or names none of the crops.
    SettingError
        If a table is not given as FILE:COLUMN, or channels are named that the crops do not have.
    Cancelled
    """
    sieve = _Sieve(_files(source.folder))
    groups, folds = (_column(source.folder, text, sieve) for text in (source.group_from, source.fold_from))
    images = _images(source.folder, sieve, progress)
    sieve.files.sort(key=lambda name: (images[name].shape, name))
    _tell_sizes([images[name] for name in sieve.files], sieve.warnings)
    labels = [name.partition("/")[0] for name in sieve.files]
    classes = tuple(sorted(set(labels)))
    group, owners = _groups(source, sieve, groups, folds)
    names = tuple(sorted(set(owners)))
    return CropSet(
        tuple(sieve.files),
        tuple(images[name] for name in sieve.files),
        _channels(source.channels, images[sieve.files[0]].shape[0], sieve.warnings),
        classes,
        _numbered(labels, classes),
        _numbered(owners, names),
        names,
        group,
        None if folds is None else _folds([folds[name] for name in sieve.files]),
        source.pixel_size,
        tuple(sieve.warnings),
    )


def _files(folder: Path) -> list[str]:
    """Return the pictures in the folders of classes, relative to the folder. Raises TrainingError."""
    if not folder.is_dir():
        raise TrainingError(f"{folder} is no folder.", "Name the folder that has one folder of crops per class.")
    found = [
        path.relative_to(folder).as_posix()
        for one in sorted(folder.iterdir())
        if one.is_dir() and not one.name.startswith(".")
        for path in sorted(one.rglob("*"))
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    ]
    if not found:
        raise TrainingError(
            f"{folder} holds no crops.", "It must have one folder per class with a PNG or TIFF file per cell in it."
        )
    return found


def _column(folder: Path, text: str, sieve: _Sieve) -> dict[str, str] | None:
    """Return file to value of a FILE:COLUMN, None where none is given; files that it does not name are left out."""
    if not text:
        return None
    file, sign, column = text.rpartition(":")
    if not (sign and file and column):
        raise SettingError(f"{text!r} names no column.", "Write FILE:COLUMN, as in index.csv:plate.")
    rows = read_table(folder / file, ("file", column.casefold()))
    found = {row["file"].replace("\\", "/").removeprefix("./"): row[column.casefold()] for _, row in rows}
    if not found.keys() & set(sieve.files):
        raise TableError(
            f"{folder / file} names none of the crops in {folder}.",
            f"Its column file must hold paths relative to that folder, as {sieve.files[0]}.",
        )
    sieve.keep(found, f"are not named in {file}")
    return found


def _images(folder: Path, sieve: _Sieve, progress: Progress) -> dict[str, Pixels]:
    """Return the pixels by file; those that cannot be read, and those of other channels than most, are left out."""
    images, bad = {}, []
    for i, name in enumerate(sieve.files):
        progress(i / len(sieve.files), f"Reading crop {i + 1} of {len(sieve.files)}")
        try:
            images[name] = read_crop(folder / name)
        except PixelError as error:
            bad.append(error.what)
    if bad:
        more = f" … and {len(bad) - _NAMED} more" if len(bad) > _NAMED else ""
        sieve.warnings.append(f"Left out: {len(bad)} of the files. {' '.join(bad[:_NAMED])}{more}")
    if not images:
        raise TrainingError(f"None of the crops in {folder} can be read. {bad[0]}", "Write them as PNG or TIFF.")
    sieve.files = list(images)
    if all(_is_grey(image) for image in images.values() if len(image) == 3):
        images = {name: image[:1] if len(image) == 3 else image for name, image in images.items()}
    usual = Counter(len(image) for image in images.values()).most_common(1)[0][0]
    images = {name: image for name, image in images.items() if len(image) == usual}
    sieve.keep(images, f"have another number of channels than the {usual} that most have")
    return images


def _is_grey(image: Pixels) -> bool:
    """Tell whether all three components of a picture are the same: grey, saved as coloured."""
    return bool((image[0] == image[1]).all() and (image[0] == image[2]).all())


def _tell_sizes(images: Sequence[Pixels], warnings: list[str]) -> None:
    sizes = sorted({image.shape[1:] for image in images})
    if len(sizes) > 1:
        (h0, w0), (h1, w1) = sizes[0], sizes[-1]
        warnings.append(
            f"The crops are of {len(sizes)} sizes, {h0} × {w0} to {h1} × {w1} pixels: they are taken as of one pixel "
            "size, none is stretched."
        )


def _channels(names: tuple[str, ...], count: int, warnings: list[str]) -> tuple[Channel, ...]:
    """Return what the channels are called and show. Raises SettingError."""
    if not names:
        if count > 1:
            warnings.append(f"The first of {count} channels is taken for DNA; say otherwise with --channels.")
        return guess_roles([f"ch{i + 1}" for i in range(count)])
    if len(names) != count or len({name.casefold() for name in names}) != count:
        raise SettingError(
            f"{', '.join(names)}: the crops have {count} channels.", "Name each of them once, separated by commas."
        )
    return guess_roles(names)


def _groups(
    source: CropFolder, sieve: _Sieve, groups: Mapping[str, str] | None, folds: Mapping[str, str] | None
) -> tuple[str, list[str]]:
    """Return what a group is called, and each crop's: of the column that is given, else its fold, else itself."""
    if groups is None and folds is None:
        sieve.warnings.append(
            "No groups were given: each crop counts as a group of its own. Crops of one well, plate or film resemble "
            "each other, so these figures flatter; name what they come from with --group-from FILE:COLUMN."
        )
        return OWN_GROUP, list(sieve.files)
    chosen, text = (groups, source.group_from) if groups is not None else (folds or {}, source.fold_from)
    owners = [chosen[name] or name for name in sieve.files]
    if groups is not None and folds is not None:
        pairs = {(owner, folds[name]) for owner, name in zip(owners, sieve.files, strict=True)}
        split = len(pairs) - len({owner for owner, _ in pairs})
        if split:
            sieve.warnings.append(f"{split} groups lie in more than one fold: the figures flatter.")
    return text.rpartition(":")[2], owners


def _folds(values: Sequence[str]) -> Indices:
    """Return the folds by number; a crop without one is never tested."""
    names = sorted({value for value in values if value})
    return np.array([names.index(value) if value else -1 for value in values], np.intp)


def _numbered(values: Sequence[str], names: Sequence[str]) -> Indices:
    number = {name: i for i, name in enumerate(names)}
    return np.array([number[value] for value in values], np.intp)
