"""One TIFF file: its header, and one plane of it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.readers._units import micrometres

Pages = Literal["c", "z"]
"""What the pages of a TIFF are that does not say it itself: channels or planes."""

_PALETTE = 3
"""TIFF's number for pixels that index a colour map."""


@dataclass(frozen=True)
class Header:
    """What an image file says of itself.

    Attributes
    ----------
    shape
        (t, c, z, y, x).
    dtype
        Name of the pixel type as read, "uint16".
    pixel_size
        µm per pixel, None where the file does not say or cannot be trusted.
    channels
        Names of its channels; empty where it has none.
    loose
        Pages whose meaning the file does not say; they are counted in `shape` as the caller wished.
    """

    shape: tuple[int, int, int, int, int]
    dtype: str
    pixel_size: float | None = None
    channels: tuple[str, ...] = ()
    loose: int = 1


def tiff_header(path: str, pages: Pages) -> Header:
    """Return what a TIFF says of itself; raises whatever a damaged one makes tifffile raise."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        axes, found = _stack(tif)
        size = {"T": 1, "C": 1, "Z": 1}
        loose = 1
        for axis, length in axes:
            if axis in size:
                size[axis] = length
            else:
                loose *= length
        if size[pages.upper()] == 1:
            size[pages.upper()] = loose
        height, width = _extent(found[0])
        dtype = np.dtype("uint8") if found[0].dtype == np.bool_ else np.dtype(found[0].dtype)
        if found[0].keyframe.photometric == _PALETTE:
            dtype = _painted(np.zeros((1, 1), dtype), found[0].keyframe).dtype
        return Header(
            (size["T"], size["C"], size["Z"], height, width),
            dtype.name,
            _tiff_pixel_size(tif),
            _ome_channels(tif),
            loose,
        )


def tiff_plane(path: str, wanted: Mapping[str, int], pages: Pages) -> NDArray[np.generic]:
    """Return the (y, x) plane at the wanted T, C and Z; raises whatever a damaged file makes tifffile raise."""
    import tifffile

    with tifffile.TiffFile(path) as tif:
        axes, found = _stack(tif)
        loose = pages.upper() not in {axis for axis, _ in axes}
        rest = wanted[pages.upper()] if loose else 0
        index = []
        for axis, length in reversed(axes):
            if axis in wanted:
                index.append(wanted[axis])
            else:
                rest, position = divmod(rest, length)
                index.append(position)
        if rest and axes:
            raise IndexError(f"it has no page for {wanted}")
        lengths = [length for _, length in axes]
        number = int(np.ravel_multi_index(index[::-1], lengths)) if axes else 0
        if number >= len(found):
            return _mapped(path, tif, number)
        page = found[number]
        _check_length(tif, page)
        return _grey(page)


def _stack(tif: Any) -> tuple[list[tuple[str, int]], Sequence[Any]]:
    """Return the axes over which a TIFF's pages run, outermost first, with their lengths, and the pages."""
    if len(tif.pages) == 1 and tif.is_ome:  # its XML may speak of a whole set of files, of which this is one
        return [], tif.pages
    series = tif.series[0]
    axes = [(a, n) for a, n in zip(series.axes, series.shape) if a not in "YXS"]
    return axes, series.pages


def _extent(page: Any) -> tuple[int, int]:
    if page.ndim - ("S" in page.axes) != 2:
        raise ValueError(f"its pages have the axes {page.axes}, not one plane each")
    return int(page.shape[page.axes.index("Y")]), int(page.shape[page.axes.index("X")])


def _check_length(tif: Any, page: Any) -> None:
    """Raise ValueError if a file ends before the page's pixels do, which JPEG's decoder fills in silence."""
    end = max((o + n for o, n in zip(page.dataoffsets, page.databytecounts)), default=0)
    if end > tif.filehandle.size:
        raise ValueError(f"it is truncated: {tif.filehandle.size} of at least {end} bytes are there")


def _grey(page: Any) -> NDArray[np.generic]:
    """Return the (y, x) pixels of a page."""
    _extent(page)
    image: NDArray[np.generic] = page.asarray()
    if "S" in page.axes:
        return strongest(image, page.axes.index("S"))
    if page.keyframe.photometric == _PALETTE:
        return _painted(image, page.keyframe)
    return image


def _painted(image: NDArray[np.generic], page: Any) -> NDArray[np.generic]:
    """Return the pixels of a palette page: its numbers where brightness follows them, else the colours' strongest."""
    colormap = getattr(page, "colormap", None)
    if colormap is None or np.all(np.diff(colormap.max(axis=0).astype(np.int64)) >= 0):
        return image
    strongest: NDArray[np.generic] = colormap.max(axis=0)[image]
    return strongest


def _mapped(path: str, tif: Any, number: int) -> NDArray[np.generic]:
    """Return a plane of an ImageJ hyperstack, which above 4 GB has one page entry for all its planes."""
    import tifffile

    series = tif.series[0]
    if series.dataoffset is None:
        raise IndexError(f"it has {len(series.pages)} pages, not {number + 1}")
    if series.dataoffset + series.nbytes > tif.filehandle.size:
        raise ValueError(f"it is truncated: {tif.filehandle.size} of {series.dataoffset + series.nbytes} bytes")
    stack = tifffile.memmap(path, mode="r")
    return np.array(stack.reshape(-1, *stack.shape[-2:])[number])


def _tiff_pixel_size(tif: Any) -> float | None:
    """Return µm per pixel where OME-XML, MetaMorph or ImageJ says it.

    The bare resolution tags are not trusted: they hold a screen's dots per inch, or (Harmony) the camera's pixel
    without the objective.
    """
    if tif.is_ome:
        pixels = next(iter(_ome_elements(tif, "Pixels")), None)
        if pixels is None:
            return None
        return micrometres(_number(pixels.get("PhysicalSizeX")), pixels.get("PhysicalSizeXUnit", "µm"))
    if tif.is_metaseries:
        plane_info = (tif.metaseries_metadata or {}).get("PlaneInfo", {})
        if not plane_info.get("spatial-calibration-state"):
            return None
        size = _number(plane_info.get("spatial-calibration-x"))
        return micrometres(size, str(plane_info.get("spatial-calibration-units", "")))
    if tif.is_imagej:
        per_unit = _number(tif.pages[0].resolution[0])
        unit = str((tif.imagej_metadata or {}).get("unit", ""))
        # ImageJ takes inches and centimetres over from the resolution tags of what it opened
        trusted = per_unit > 0 and unit.casefold() not in ("cm", "inch")
        return micrometres(1 / per_unit, unit) if trusted else None
    return None


def _number(value: object) -> float:
    """Return a number, or NaN for what is none."""
    try:
        return float(str(value))
    except ValueError:
        return math.nan


def _ome_elements(tif: Any, tag: str) -> list[ElementTree.Element]:
    """Return the elements of the first image of a TIFF's OME-XML; none if the XML is damaged."""
    try:
        root = ElementTree.fromstring(tif.ome_metadata or "<OME/>")
    except ElementTree.ParseError:
        return []
    image = root.find("{*}Image")
    return [] if image is None else image.findall(f".//{{*}}{tag}")


def _ome_channels(tif: Any) -> tuple[str, ...]:
    if not tif.is_ome:
        return ()
    return tuple(e.get("Name") or f"c{i}" for i, e in enumerate(_ome_elements(tif, "Channel")))


def strongest(image: NDArray[np.generic], axis: int) -> NDArray[np.generic]:
    """Return (y, x) of a picture with components along an axis: the strongest one at each pixel.

    Where all components are equal or only one is used this is the signal itself; luminance would leave 11 % of a
    nucleus that was painted blue. A fourth component is opacity and left out.
    """
    components = image.take(range(min(image.shape[axis], 3)), axis=axis)
    brightest: NDArray[np.generic] = components.max(axis=axis)
    return brightest
