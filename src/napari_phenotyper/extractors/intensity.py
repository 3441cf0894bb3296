"""How bright a cell is in each channel, and where."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.cells import ColumnBlock
from napari_phenotyper.core.scene import Scene
from napari_phenotyper.extractors._columns import (
    Float32,
    Float64,
    block,
    border_pixels,
    cell_moments,
    cell_values,
    depths,
    local_background,
    local_centroids,
    local_coordinates,
    ordered_values,
    ratio,
)

_SHARES = (0.05, 0.25, 0.5, 0.75, 0.95)


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

    version: ClassVar[int] = 2

    def measure(self, scene: Scene) -> ColumnBlock:
        """Return (n, 36 × channels) columns."""
        columns: dict[str, Float64] = {}
        for label in scene.pixels:
            values = cell_values(scene, label)
            surround = local_background(scene, label, self.reach)
            # where no background is in sight, all light counts
            ground = np.nan_to_num(surround)
            found = _distribution(scene, label) | _edge(scene, values) | _place(scene, values, ground)
            mean = found["Intensity_MeanIntensity"]
            found["Intensity_LocalBackground"] = surround
            found["Intensity_LocalContrast"] = ratio(mean - surround, np.abs(mean) + np.abs(surround))
            columns |= {f"{name}_{label}": column for name, column in found.items()}
            columns |= _rings(scene, values, ground, label)
        return block(columns, len(scene.index))


def _distribution(scene: Scene, label: str) -> dict[str, Float64]:
    """Return statistics of the pixel values of each cell."""
    from napari_phenotyper.kernels.brightness import absolute_deviation
    from napari_phenotyper.kernels.grouped import sorted_quantiles

    offsets, ordered = scene.index.offsets, ordered_values(scene, label)
    moments = cell_moments(scene, label)
    p05, lower, median, upper, p95 = sorted_quantiles(ordered, offsets, _SHARES).T
    return {
        "Intensity_IntegratedIntensity": moments.mean * np.diff(offsets),
        "Intensity_MeanIntensity": moments.mean,
        "Intensity_StdIntensity": moments.sd,
        "Intensity_MinIntensity": ordered[offsets[:-1]],
        "Intensity_MaxIntensity": ordered[offsets[1:] - 1],
        "Intensity_LowerQuartileIntensity": lower,
        "Intensity_MedianIntensity": median,
        "Intensity_UpperQuartileIntensity": upper,
        "Intensity_Percentile05": p05,
        "Intensity_Percentile95": p95,
        "Intensity_MADIntensity": absolute_deviation(ordered, np.ascontiguousarray(median), offsets),
        "Intensity_CoefficientOfVariation": ratio(moments.sd, np.abs(moments.mean)),
        "Intensity_Skewness": moments.skewness,
        "Intensity_Kurtosis": moments.kurtosis,
    }


def _edge(scene: Scene, values: Float32) -> dict[str, Float64]:
    """Return statistics of the pixels at each cell's edge."""
    from napari_phenotyper.kernels.brightness import edge_values
    from napari_phenotyper.kernels.grouped import group_max, group_min, group_moments

    edge, starts = edge_values(values, border_pixels(scene), scene.index.offsets)
    moments = group_moments(edge, starts)
    return {
        "Intensity_IntegratedIntensityEdge": moments.mean * np.diff(starts),
        "Intensity_MeanIntensityEdge": moments.mean,
        "Intensity_StdIntensityEdge": moments.sd,
        "Intensity_MinIntensityEdge": group_min(edge, starts),
        "Intensity_MaxIntensityEdge": group_max(edge, starts),
    }


def _place(scene: Scene, values: Float32, ground: Float64) -> dict[str, Float64]:
    """Return where the brightness lies within each cell, as it is and above the local background."""
    from napari_phenotyper.kernels.brightness import placement

    places = placement(values, ground, *local_coordinates(scene), local_centroids(scene), scene.index.offsets)
    names = ("Intensity_MassDisplacement", "Intensity_LightDisplacement", "Intensity_RadiusOfGyration")
    return dict(zip(names, places.T, strict=True))


def _parts(scene: Scene) -> NDArray[np.uint8]:
    """Return (P,) the ring and wedge of its cell that each pixel lies in."""
    from napari_phenotyper.kernels.brightness import parts

    place = (*local_coordinates(scene), local_centroids(scene))
    return scene.shared(("parts",), lambda: parts(*place, depths(scene), scene.index.offsets))


def _rings(scene: Scene, values: Float32, ground: Float64, label: str) -> dict[str, Float64]:
    """Return the distribution of the brightness above the local background over rings from the middle to the rim."""
    from napari_phenotyper.kernels.brightness import RINGS, WEDGES, ring_sums

    shape = (len(scene.index), RINGS, WEDGES + 1)
    bright, pixels = (s.reshape(shape) for s in ring_sums(values, ground, _parts(scene), scene.index.offsets))
    share = ratio(bright.sum(axis=2), np.repeat(bright.sum(axis=(1, 2))[:, None], RINGS, axis=1))
    size = pixels.sum(axis=2) / np.maximum(scene.index.area, 1)[:, None]
    variation = np.where(size > 0, _variation(bright[:, :, :WEDGES], pixels[:, :, :WEDGES]), np.nan)
    found: dict[str, Float64] = {}
    for i in range(RINGS):
        name = f"{label}_{i + 1}of{RINGS}"
        found[f"Rings_FracAtD_{name}"] = share[:, i]
        found[f"Rings_MeanFrac_{name}"] = ratio(share[:, i], size[:, i])
        found[f"Rings_RadialCV_{name}"] = variation[:, i]
    return found


def _variation(bright: Float64, pixels: Float64) -> Float64:
    """Return (n, rings) the coefficient of variation of the mean brightness over the wedges that hold pixels."""
    occupied = pixels > 0
    mean = np.where(occupied, bright / np.maximum(pixels, 1), 0.0)
    wedges = np.maximum(occupied.sum(axis=2), 1)
    centre = mean.sum(axis=2) / wedges
    variance = np.where(occupied, (mean - centre[:, :, None]) ** 2, 0.0).sum(axis=2) / wedges
    return np.asarray(np.sqrt(variance) / np.where(centre > 0, centre, np.inf))
