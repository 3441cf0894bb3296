"""The mosaic of a plate as a picture file, and in the report: what the window shows on its canvas."""

from __future__ import annotations

import io
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import Normalize
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from napari_phenotyper.core.errors import PhenotyperError, SettingError
from napari_phenotyper.core.mosaic import LIMIT, MosaicPlan
from napari_phenotyper.core.plate import Plate
from napari_phenotyper.core.progress import Progress, part
from napari_phenotyper.core.wells import parse_well
from napari_phenotyper.pages.content import ReportContent
from napari_phenotyper.pages.html import picture
from napari_phenotyper.pages.mosaic_picture import font, frames, laid_over
from napari_phenotyper.pages.numbers import plural
from napari_phenotyper.pages.ranges import robust_range
from napari_phenotyper.pages.sections import Section
from napari_phenotyper.pages.style import composite, contrast
from napari_phenotyper.session.mosaic import TileWish, mosaic_of
from napari_phenotyper.session.profiling import DEFAULT_PROFILER, profile
from napari_phenotyper.session.session import Session
from napari_phenotyper.store.files import replacing, safe_name

Picture = NDArray[np.uint8]
_OPACITY = 0.6
_MOST, _PATIENCE, _SHOWN = 4, 20.0, 1600
"""In a report: plates, seconds for all of them together, pixels along the longer side."""
_KINDS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".tif": "TIFF", ".tiff": "TIFF"}


def write_mosaics(
    session: Session,
    plates: Sequence[Plate],
    out: Path,
    progress: Progress,
    column: str = "",
    model: str | None = None,
) -> tuple[Path, ...]:
    """Write the mosaic of each plate as a picture; with more than one plate their names become part of the file's.

    Parameters
    ----------
    session, plates
        What to draw.
    out
        PNG, JPEG or TIFF file, by its ending.
    progress
        Reports and cancels.
    column
        A class or feature: the wells wear the colours of their values of it; "" for none.
    model
        Whose classes; the newest by default.

    Returns
    -------
    tuple of Path
        The files.

    Raises
    ------
    SettingError
        If the file's ending says no such kind, or there is no such column.
    """
    kind = _KINDS.get(out.suffix.lower())
    if kind is None:
        raise SettingError(f"{out.name} says no kind of picture.", f"End its name in one of: {', '.join(_KINDS)}.")
    written = []
    for i, plate in enumerate(plates):
        path = out if len(plates) == 1 else out.with_name(f"{out.stem}_{safe_name(plate.name)}{out.suffix}")
        share = part(progress, i / len(plates), (i + 1) / len(plates))
        picture = mosaic_picture(session, plate, share, column=column, model=model)
        with replacing(path) as place:
            Image.fromarray(picture).save(place, format=kind)
        written.append(path)
    return tuple(written)


def report_mosaics(session: Session, plates: Sequence[Plate], progress: Progress) -> Mapping[str, bytes]:
    """Return plate to the mosaic as a JPEG file, of the first few plates.

    A plate whose thumbnails are neither kept nor read within the time that a report may take has none; those that were
    read are kept, so that the next report begins with them.
    """
    found: dict[str, bytes] = {}
    end = time.monotonic() + _PATIENCE

    def while_there_is_time(fraction: float, message: str) -> None:
        progress(fraction, message)
        if time.monotonic() > end:
            raise _TooSlowError

    for plate in plates[:_MOST]:
        try:
            drawn = Image.fromarray(mosaic_picture(session, plate, while_there_is_time))
        except (_TooSlowError, PhenotyperError):
            continue
        drawn.thumbnail((_SHOWN, _SHOWN), Image.Resampling.LANCZOS)
        file = io.BytesIO()
        drawn.save(file, "JPEG", quality=85, optimize=True)
        found[plate.name] = file.getvalue()
    return found


class _TooSlowError(Exception):
    """Reading takes longer than a report may."""


def fields(content: ReportContent) -> Section:
    """Show all fields of the plates."""
    many = {plate.name: plate.fields for plate in content.plates}
    pictures = "".join(
        picture(jpeg, f"{name}: all {plural(many.get(name, 0), 'field')} as thumbnails, each channel in its colour.")
        for name, jpeg in content.mosaics.items()
    )
    return Section("fields", "Every field", pictures)


def mosaic_picture(
    session: Session,
    plate: Plate,
    progress: Progress,
    *,
    limit: int = LIMIT,
    column: str = "",
    model: str | None = None,
) -> Picture:
    """Return (y, x, 3) uint8: the fields of a plate as thumbnails, borders and names of wells, and values over them.

    Thumbnails are kept in the project where that may be written. Each channel has the contrast that the window was
    left with, else one from all fields.
    """
    values = _values(session, plate, column, model, part(progress, 0.0, 0.1)) if column else {}
    wish, writable = TileWish(plate.name, limit), not session.project.read_only
    plan, image, problems = mosaic_of(session, wish, writable, part(progress, 0.1, 1.0))
    shown = composite(image, _limits(session, plate, image))
    if values:
        known = np.array(list(values.values()), np.float64)
        norm, _ = robust_range(known)
        _tint(shown, plan, values, norm)
    roles = {ref.well: plate.layout.of(ref).role for ref in plate.well_refs() if len(plate.layout)}
    shown = laid_over(shown, frames(plan, roles, (), problems))
    picture: Picture = np.rint(shown * 255).astype(np.uint8)
    return np.concatenate([picture, _bar(plan, column, norm)]) if values else picture


def _values(session: Session, plate: Plate, column: str, model: str | None, progress: Progress) -> Mapping[str, float]:
    """Return each well's value of a class's share or of a feature's mean."""
    profiler = DEFAULT_PROFILER if column in session.annotations.classes else "means"
    found = profile(session, [plate], progress, profiler, model=model)
    if column not in found.columns:
        raise SettingError(
            f"There is no class and no feature {column!r} to colour wells by.",
            f"Choose one of: {', '.join((*session.annotations.classes, *found.columns)[:12])} …",
        )
    number = found.columns.index(column)
    return {ref.well: float(row[number]) for ref, row in zip(found.wells, found.values, strict=True)}


def _limits(session: Session, plate: Plate, image: NDArray[np.generic]) -> list[tuple[float, float]]:
    """Return black and white of each channel."""
    saved: Mapping[str, Any] = session.setting("display").get(plate.name, {})
    limits = []
    for channel, plane in zip(plate.channels, image, strict=False):
        low, high = saved[channel.label]["limits"] if channel.label in saved else contrast(plane[plane > 0])
        limits.append((float(low), float(high)))
    return limits


def _tint(shown: NDArray[np.float32], plan: MosaicPlan, values: Mapping[str, float], norm: Normalize) -> None:
    """Lay the colours of values over wells, in place."""
    for well, value in values.items():
        if np.isfinite(value) and well in plan.fields:
            top, left, bottom, right = plan.well_box(*parse_well(well))
            colour = np.array(colormaps["viridis"](norm(value))[:3], np.float32)
            here = shown[top:bottom, left:right]
            here += (colour - here) * np.float32(_OPACITY)


def _bar(plan: MosaicPlan, title: str, norm: Normalize) -> Picture:
    """Return (y, x, 3): what the colours mean, as wide as the mosaic."""
    high, wide, letters = 3 * plan.letters, plan.size[1], font(plan.letters)
    strip = Image.new("RGB", (wide, high))
    draw = ImageDraw.Draw(strip)
    length = max(min(8 * plan.letters, wide // 4), 1)
    ramp = np.rint(colormaps["viridis"](np.linspace(0, 1, length))[:, :3] * 255).astype(np.uint8)
    words = f"{norm.vmin:.3g}"
    left = plan.margin + letters.getlength(words) + plan.letters / 2
    draw.text((plan.margin, high / 2), words, font=letters, fill="white", anchor="lm")
    strip.paste(Image.fromarray(np.repeat(ramp[None], plan.letters, axis=0)), (round(left), plan.letters))
    right = left + length + plan.letters / 2
    draw.text((right, high / 2), f"{norm.vmax:.3g}   {title}", font=letters, fill="white", anchor="lm")
    return np.asarray(strip)
