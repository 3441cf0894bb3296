"""How bright a cell is in each channel, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import CellIndex, Scene
from napari_phenotyper.extractors._columns import Float64, block, channels, local_coordinates, ratio

_RINGS = 4
_WEDGES = 8
_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class _Geometry:
    """What all channels of a field share.

    Attributes
    ----------
    rows, columns
        (P,) coordinates from the corner of each cell's box.
    border
        (P,) whether a pixel lies at the edge of its cell.
    ring
        (P,) 0 in the middle … 3 at the edge, by depth below the edge as a share of the cell's deepest.
    wedge
        (P,) 0 … 7, by direction from the centroid; 8 for a pixel on the centroid, which has no direction.
    around
        (B,) background pixels near each border pixel.
    background
        (y, x) where no cell is.
    """

    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    border: NDArray[np.bool_]
    ring: NDArray[np.intp]
    wedge: NDArray[np.intp]
    around: Float64
    background: NDArray[np.bool_]


@dataclass(frozen=True)
class Intensity:
    """Intensity: brightness, its distribution, edge, rings and local contrast.

    Per channel, on the pixel values as stored. Names are those of CellProfiler (Stirling et al. 2021) where the
    definition is the same. `Rings_…_1of4` is the middle of the cell, `4of4` its rim: FracAtD is the share of the
    brightness above the local background that lies there, MeanFrac that share over the share of pixels, RadialCV the
    variation over eight directions. `LocalBackground` is the mean of the pixels around the cell that belong to no cell.
    """

    reach: int = field(
        default=8, metadata={"help": "How far around a cell its local background is read", "unit": "px", "min": 1,
                             "max": 100}
    )  # fmt: skip

    version: ClassVar[int] = 1

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 35 × channels) columns."""
        from napari_phenotyper.kernels.grouped import spread

        index = scene.index
        columns: dict[str, Float64] = {}
        geometry = _geometry(index, self.reach)
        for label, image in channels(scene):
            values = image[index.y, index.x] if len(index) else np.zeros(0, np.float32)
            surround = _local_background(image, geometry, index, self.reach)
            found = _distribution(values, index)
            found |= _edge(values, index, geometry.border)
            # where no background is in sight, all light counts
            light = np.maximum(values - spread(np.nan_to_num(surround), index.offsets), 0)
            found |= _place(light, index, geometry)
            mean = found["Intensity_MeanIntensity"]
            found["Intensity_LocalBackground"] = surround
            found["Intensity_LocalContrast"] = ratio(mean - surround, np.abs(mean) + np.abs(surround))
            named = {f"{name}_{label}": column for name, column in found.items()}
            columns |= named | _rings(light, index, geometry, label)
        return block(columns) if columns else ColumnBlock((), np.zeros((len(index), 0), np.float32))


def _geometry(index: CellIndex, reach: int) -> _Geometry:
    """Return what all channels share."""
    from napari_phenotyper.kernels.boxes import box_sums
    from napari_phenotyper.kernels.grouped import group_max, group_mean, spread
    from napari_phenotyper.kernels.outline import depth, is_border, neighbours

    offsets = index.offsets
    rows, columns = local_coordinates(index)
    deep = depth(index.y, index.x, offsets, index.box)
    share = 1 - deep / np.maximum(spread(group_max(deep, offsets), offsets), 1)
    dy = rows - spread(group_mean(rows, offsets), offsets)
    dx = columns - spread(group_mean(columns, offsets), offsets)
    # turned a little, so that no wedge ends on an axis, where pixels lie
    turn = np.mod((np.arctan2(dy, dx) - 0.1234) / (2 * np.pi), 1.0)
    background = np.ones(index.shape, bool)
    background[index.y, index.x] = False
    border = is_border(neighbours(index.shape, index.y, index.x, index.cell))
    at = index.y[border], index.x[border]
    return _Geometry(
        rows,
        columns,
        border,
        np.minimum((share * _RINGS).astype(np.intp), _RINGS - 1),
        np.where((dy == 0) & (dx == 0), _WEDGES, np.minimum((turn * _WEDGES).astype(np.intp), _WEDGES - 1)),
        box_sums(background, *at, (2 * reach + 1,), "constant")[0],
        background,
    )


def _local_background(image: NDArray[np.float32], geometry: _Geometry, index: CellIndex, reach: int) -> Float64:
    """Return (n,) mean of the background pixels near a cell's edge; of all background where none is near."""
    from napari_phenotyper.kernels.boxes import box_sums
    from napari_phenotyper.kernels.grouped import group_sum

    if not len(index):
        return np.zeros(0)
    border = geometry.border
    outside = np.where(geometry.background, image, 0)
    count = geometry.background.sum()
    everywhere = outside.sum(dtype=np.float64) / count if count else np.nan
    near = box_sums(outside, index.y[border], index.x[border], (2 * reach + 1,), "constant")[0]
    starts = np.append(0, np.cumsum(border))[index.offsets]
    pixels = group_sum(geometry.around, starts)
    return np.where(pixels > 0, group_sum(near, starts) / np.maximum(pixels, 1), everywhere)


def _distribution(values: NDArray[np.float32], index: CellIndex) -> dict[str, Float64]:
    """Return statistics of the pixel values of each cell."""
    from napari_phenotyper.kernels.grouped import (
        group_max,
        group_min,
        group_moments,
        group_quantiles,
        group_sum,
        sort_groups,
        sorted_quantiles,
        spread,
    )

    offsets = index.offsets
    moments = group_moments(values, offsets)
    p05, lower, median, upper, p95 = sorted_quantiles(sort_groups(values, offsets), offsets, _SHARES).T
    deviation = np.abs(values - spread(median, offsets))
    return {
        "Intensity_IntegratedIntensity": group_sum(values, offsets),
        "Intensity_MeanIntensity": moments.mean,
        "Intensity_StdIntensity": moments.sd,
        "Intensity_MinIntensity": group_min(values, offsets),
        "Intensity_MaxIntensity": group_max(values, offsets),
        "Intensity_LowerQuartileIntensity": lower,
        "Intensity_MedianIntensity": median,
        "Intensity_UpperQuartileIntensity": upper,
        "Intensity_Percentile05": p05,
        "Intensity_Percentile95": p95,
        "Intensity_MADIntensity": group_quantiles(deviation, offsets, (0.5,))[:, 0],
        "Intensity_CoefficientOfVariation": ratio(moments.sd, np.abs(moments.mean)),
        "Intensity_Skewness": moments.skewness,
        "Intensity_Kurtosis": moments.kurtosis,
    }


def _edge(values: NDArray[np.float32], index: CellIndex, border: NDArray[np.bool_]) -> dict[str, Float64]:
    """Return statistics of the pixels at each cell's edge."""
    from napari_phenotyper.kernels.grouped import group_max, group_min, group_moments, group_sum

    edge = values[border]
    starts = np.append(0, np.cumsum(border))[index.offsets]
    moments = group_moments(edge, starts)
    return {
        "Intensity_IntegratedIntensityEdge": group_sum(edge, starts),
        "Intensity_MeanIntensityEdge": moments.mean,
        "Intensity_StdIntensityEdge": moments.sd,
        "Intensity_MinIntensityEdge": group_min(edge, starts),
        "Intensity_MaxIntensityEdge": group_max(edge, starts),
    }


def _place(light: Float64, index: CellIndex, geometry: _Geometry) -> dict[str, Float64]:
    """Return where the brightness above the local background lies within each cell."""
    from napari_phenotyper.kernels.grouped import group_mean, group_sum, spread

    offsets = index.offsets
    total = group_sum(light, offsets)
    rows, columns = geometry.rows, geometry.columns
    y = ratio(group_sum(light * rows, offsets), total)
    x = ratio(group_sum(light * columns, offsets), total)
    shift = np.hypot(y - group_mean(rows, offsets), x - group_mean(columns, offsets))
    off_y, off_x = rows - spread(y, offsets), columns - spread(x, offsets)
    gyration = np.sqrt(ratio(group_sum(light * (off_y**2 + off_x**2), offsets), total))
    return {
        # all dark: the brightness has no place, and so is not out of place
        "Intensity_MassDisplacement": np.nan_to_num(shift, nan=0.0),
        "Intensity_RadiusOfGyration": np.nan_to_num(gyration, nan=0.0),
    }


def _rings(light: Float64, index: CellIndex, geometry: _Geometry, label: str) -> dict[str, Float64]:
    """Return the distribution of the brightness above the local background over rings from the middle to the rim."""
    count = len(index)
    shape = (count, _RINGS, _WEDGES + 1)
    part = (index.cell * _RINGS + geometry.ring) * shape[2] + geometry.wedge
    bright = np.bincount(part, light, count * shape[1] * shape[2]).reshape(shape).astype(np.float64)
    pixels = np.bincount(part, minlength=count * shape[1] * shape[2]).reshape(shape)
    share = ratio(bright.sum(axis=2), np.repeat(bright.sum(axis=(1, 2))[:, None], _RINGS, axis=1))
    size = pixels.sum(axis=2) / np.maximum(index.area, 1)[:, None]
    variation = np.where(size > 0, _variation(bright[:, :, :_WEDGES], pixels[:, :, :_WEDGES]), np.nan)
    found: dict[str, Float64] = {}
    for i in range(_RINGS):
        name = f"{label}_{i + 1}of{_RINGS}"
        found[f"Rings_FracAtD_{name}"] = share[:, i]
        found[f"Rings_MeanFrac_{name}"] = ratio(share[:, i], size[:, i])
        found[f"Rings_RadialCV_{name}"] = variation[:, i]
    return found


def _variation(bright: Float64, pixels: NDArray[np.intp]) -> Float64:
    """Return (n, rings) the coefficient of variation of the mean brightness over the wedges that hold pixels."""
    occupied = pixels > 0
    mean = np.where(occupied, bright / np.maximum(pixels, 1), 0.0)
    wedges = np.maximum(occupied.sum(axis=2), 1)
    centre = mean.sum(axis=2) / wedges
    variance = np.where(occupied, (mean - centre[:, :, None]) ** 2, 0.0).sum(axis=2) / wedges
    return np.asarray(np.sqrt(variance) / np.where(centre > 0, centre, np.inf))
