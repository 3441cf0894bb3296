"""NGFF metadata (OME-Zarr 0.1 to 0.5, https://ngff.openmicroscopy.org) read as plain JSON.

Opening each array of a plate through zarr takes four to ten times as long as reading its small files, most of which
need not be read before a field is looked at (`benchmarks/bench_open.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_phenotyper.core.errors import PixelError
from napari_phenotyper.readers._units import micrometres

AXES = "tczyx"

_REMEDY = "Write the image again with the software that made it, or leave the field out."


@dataclass(frozen=True)
class ArrayFile:
    """What an array's metadata say.

    Attributes
    ----------
    path
        The metadata file (.zarray or zarr.json).
    shape
        As stored.
    dtype
        Name of the pixel type, "uint16".
    version
        Of the zarr format, 2 or 3.
    """

    path: Path
    shape: tuple[int, ...]
    dtype: str
    version: int


@dataclass(frozen=True)
class Multiscale:
    """An image pyramid.

    Attributes
    ----------
    axes
        Letters of "tczyx" in the order of the arrays' axes.
    levels
        Path of each level's array below the image, full resolution first.
    pixel_size
        µm per pixel at full resolution; None if unknown.
    channels
        Names as omero gives them; empty if it gives none.
    """

    axes: str
    levels: tuple[str, ...]
    pixel_size: float | None
    channels: tuple[str, ...]


def attributes(group: Path) -> dict[str, Any]:
    """Return the NGFF attributes of a group, wherever the version keeps them; empty if it has none.

    Raises
    ------
    PixelError
        If the file that holds them is no JSON object, naming it.
    """
    newer = _json(group / "zarr.json")
    if newer is None:
        return _json(group / ".zattrs") or {}
    found = newer.get("attributes")
    found = found if isinstance(found, dict) else {}
    ome = found.get("ome")
    return ome if isinstance(ome, dict) else found


def array_file(array: Path) -> ArrayFile:
    """Return what an array's metadata say. Raises PixelError if they are missing or damaged."""
    path, version, key = array / "zarr.json", 3, "data_type"
    found = _json(path)
    if found is None:
        path, version, key = array / ".zarray", 2, "dtype"
        found = _json(path)
    if found is None:
        raise PixelError(f"{array} holds no array (neither zarr.json nor .zarray).", _REMEDY)
    try:
        return ArrayFile(path, tuple(int(n) for n in found["shape"]), np.dtype(found[key]).name, version)
    except (KeyError, TypeError, ValueError) as error:
        raise PixelError(f"{path} does not describe an array of pixels: {error}.", _REMEDY) from error


def multiscale(found: Mapping[str, Any], group: Path) -> Multiscale:
    """Return the first image pyramid among a group's attributes.

    Parameters
    ----------
    found
        The attributes.
    group
        Whose they are, for messages and to count the axes where an old version does not list them.

    Raises
    ------
    PixelError
        If there is none, or it lists no levels or impossible axes.
    """
    scales = found.get("multiscales")
    try:
        scale = scales[0]  # type: ignore[index]
        datasets = scale["datasets"]
        levels = tuple(str(d["path"]) for d in datasets)
        first = datasets[0]
    except (KeyError, TypeError, IndexError) as error:
        raise PixelError(f"{group} has no image pyramid (multiscales) in its metadata.", _REMEDY) from error
    listed = scale.get("axes") or AXES[-len(array_file(group / levels[0]).shape) :]
    axes = "".join(_axis_name(axis) for axis in listed)
    if not {"y", "x"} <= set(axes) <= set(AXES) or len(set(axes)) < len(axes):
        raise PixelError(f"{group} has the axes {axes!r}; an image has y and x, and may have t, c and z.", _REMEDY)
    return Multiscale(axes, levels, _pixel_size(axes, listed, first, scale), _channel_names(found))


def _json(path: Path) -> dict[str, Any] | None:
    """Return a JSON object, or None if there is no such file. Raises PixelError if it is something else."""
    try:
        found = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        raise PixelError(f"{path} cannot be read: {error}.", _REMEDY) from error
    if not isinstance(found, dict):
        raise PixelError(f"{path} holds no JSON object.", _REMEDY)
    return found


def _axis_name(axis: Any) -> str:
    """Return the letter of an axis, given as a letter (0.3) or an object (0.4 on)."""
    return str(axis.get("name", "?") if isinstance(axis, dict) else axis).lower()


def _pixel_size(axes: str, listed: Sequence[Any], first: Mapping[str, Any], scale: Mapping[str, Any]) -> float | None:
    """Return µm per pixel along x; a number without a unit is µm, as writers that leave the unit out mean it.

    A scale of 1 without a unit is what writers put who do not know: unknown.
    """
    x = axes.index("x")
    factor = _scale_along(first, x) * _scale_along(scale, x)
    unit = listed[x].get("unit") if isinstance(listed[x], dict) else None
    if not unit and factor == 1.0:
        return None
    return micrometres(factor, str(unit or "micrometer"))


def _scale_along(found: Mapping[str, Any], axis: int) -> float:
    """Return the product of the scale transformations along an axis, 1 if there are none that can be read."""
    factor = 1.0
    for transformation in found.get("coordinateTransformations") or ():
        try:
            factor *= float(transformation["scale"][axis])
        except (KeyError, IndexError, TypeError, ValueError):
            continue
    return factor


def _channel_names(found: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of omero's channels, each made unique; empty if there are none."""
    omero = found.get("omero")
    listed = omero.get("channels") if isinstance(omero, dict) else None
    names: list[str] = []
    for i, channel in enumerate(listed if isinstance(listed, list) else ()):
        said = channel if isinstance(channel, dict) else {}
        name = str(said.get("label") or said.get("name") or said.get("wavelength_id") or f"c{i}")
        names.append(name if name.casefold() not in {n.casefold() for n in names} else f"{name} c{i}")
    return tuple(names)
