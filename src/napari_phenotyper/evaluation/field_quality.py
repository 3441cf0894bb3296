"""Whether a field can be trusted: five figures of its DNA channel and its masks, and flags from them.

Limits were set on dsb2018_fluo and imagehts_submorph: blurring by 2 pixels (standard deviation, camera noise added
again) takes more than half of the detail from 211 of 213 fields; the mean F1 of the default segmenter falls from 0.89
where fewer than a third of the nuclei touch to 0.80 where about half of them or more do.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.core.keys import Json
from napari_phenotyper.core.masks import Labels

EMPTY, BLURRED, SATURATED, CROWDED = "empty", "out of focus", "saturated", "crowded"
FLAGS = (EMPTY, BLURRED, SATURATED, CROWDED)
UNUSABLE = (EMPTY, BLURRED)
"""What hits leave out unasked; not what a treatment may have done: bright nuclei, or many."""

FEWEST = 0.02
"""Cells below which a field counts as empty, as a share of the plate's median."""
LEAST_DETAIL = 0.5
"""Detail below which a field counts as out of focus, as a share of the plate's median."""
MOST_SATURATED = 0.01
"""Share of the nuclei's pixels at the camera's ceiling from which a field counts as saturated."""
MOST_COVERED, MOST_TOUCHING = 0.4, 0.5
"""Share of the field that nuclei cover, and share of nuclei that touch others, from which it counts as crowded."""
_ENOUGH = 10
"""Nuclei from which the share of those that touch means something."""
_LINES = 256
"""Lines of an image that are looked at along each axis: enough for a median, and quick on the largest."""
_LEAST_BACKGROUND = 0.1
"""Share of the pairs of pixels that must lie in the background for its noise to be known."""
_NEAR, _FAR = 1, 4
"""Distances in pixels between which brightness changes little where an image is blurred."""

Name = TypeVar("Name")


@dataclass(frozen=True)
class FieldQuality:
    """Figures of one field.

    Attributes
    ----------
    cells
        Nuclei.
    covered
        Share of the field that they cover.
    touching
        Share of them that touch another.
    saturated
        Share of their pixels at the ceiling of the camera or file.
    detail
        Fine structure in and around the nuclei: 0 for a smooth picture, about 0.2 to 0.6 in focus, 2 for noise; NaN
        without nuclei. Depends on magnification and stain, so it is compared within a plate.
    """

    cells: int
    covered: float
    touching: float
    saturated: float
    detail: float

    def state(self) -> dict[str, Json]:
        """Return the figures as JSON; NaN is None."""
        return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in asdict(self).items()}


def from_state(state: Mapping[str, Json]) -> FieldQuality:
    """Return the figures that `state` gave. Raises KeyError, TypeError and ValueError for anything else."""
    numbers = {name: state[name] for name in ("covered", "touching", "saturated", "detail")}
    told = {k: math.nan if v is None else float(v) for k, v in numbers.items()}  # type: ignore[arg-type]
    return FieldQuality(int(state["cells"]), **told)  # type: ignore[arg-type]


def field_quality(image: NDArray[np.generic], labels: Labels) -> FieldQuality:
    """Return the figures of a field.

    Parameters
    ----------
    image
        (y, x) the channel that the nuclei were found in, of any type.
    labels
        (y, x) their mask, 0 is background.
    """
    inside = labels > 0
    present = np.bincount(labels.ravel(), minlength=1) > 0
    cells = int(present[1:].sum())
    touching = len(_touching(labels)) / cells if cells else 0.0
    covered = float(inside.mean()) if inside.size else 0.0
    return FieldQuality(cells, covered, touching, _saturated(image, inside), _detail(image, inside))


def _touching(labels: Labels) -> NDArray[np.int32]:
    """Return the labels of objects that share an edge with another."""
    found = []
    for a, b in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        meet = (a != b) & (a > 0) & (b > 0)
        found += [a[meet], b[meet]]
    return np.unique(np.concatenate(found))


def _saturated(image: NDArray[np.generic], inside: NDArray[np.bool_]) -> float:
    """Return the share of the nuclei's pixels that stand at a ceiling.

    The highest value is a ceiling if it is commoner than all values of the 2 % of the range below it together: without
    one, the brighter a value the rarer it is.
    """
    values = image[inside].astype(np.float32)
    values = values[np.isfinite(values)]
    if not values.size:
        return 0.0
    top = values.max()
    middle = np.median(image[:: _step(image, 0), :: _step(image, 1)].astype(np.float32))
    width = max(1.0 if image.dtype.kind in "iu" else 0.0, 0.02 * float(top - middle))
    at = np.count_nonzero(values == top)
    below = np.count_nonzero(values >= top - width) - at
    return float(at / values.size) if at > below else 0.0


def _detail(image: NDArray[np.generic], inside: NDArray[np.bool_]) -> float:
    """Return 2 − the slope of the structure function (mean squared difference by distance), noise taken off.

    The slope is 2 where an image is smooth between the two distances and less where there is detail, like that of a
    power spectrum (Bray et al. 2012, J. Biomol. Screen. 17:266), but it needs no transform and looks at nuclei alone:
    it does not depend on how many there are.
    """
    near, far = (_difference(image, inside, distance) for distance in (_NEAR, _FAR))
    if not (near > 0 and far > 0):
        return math.nan
    slope = math.log(far / near) / math.log(_FAR / _NEAR)
    return min(max(2.0 - slope, 0.0), 2.0)


def _difference(image: NDArray[np.generic], inside: NDArray[np.bool_], distance: int) -> float:
    """Return the mean squared difference of pixels some distance apart of which one lies in a nucleus, less noise."""
    squares, noise = [], []
    for axis in (0, 1):
        lines = slice(None, None, _step(image, 1 - axis))
        brightness = np.moveaxis(image, axis, 1)[lines].astype(np.float32)
        mask = np.moveaxis(inside, axis, 1)[lines]
        square = (brightness[:, distance:] - brightness[:, :-distance]) ** 2
        near = (mask[:, distance:] | mask[:, :-distance]) & np.isfinite(square)
        squares.append(square[near])
        noise.append(square[~near])
    found, rest = np.concatenate(squares), np.concatenate(noise)
    if not found.size:
        return math.nan
    # of squares of normal differences the median is 0.455 of the mean; where nuclei leave no background none is known
    known = rest.size > _LEAST_BACKGROUND * found.size
    return float(found.mean(dtype=np.float64)) - (float(np.nanmedian(rest)) / 0.455 if known else 0.0)


def _step(image: NDArray[np.generic], axis: int) -> int:
    return max(1, int(image.shape[axis]) // _LINES)


def flags(fields: Mapping[Name, FieldQuality]) -> dict[Name, tuple[str, ...]]:
    """Return what is doubtful of which field of one plate; fields of which nothing is are not among them.

    Cells and detail are judged by the plate's median over the fields that have cells: a plate that is blurred
    throughout has no sharp field to tell it by.
    """
    peopled = [quality for quality in fields.values() if quality.cells]
    cells = float(np.median([quality.cells for quality in peopled])) if peopled else 0.0
    known = [quality.detail for quality in peopled if not math.isnan(quality.detail)]
    detail = float(np.median(known)) if known else 0.0
    found = {name: _flags_of(quality, cells, detail) for name, quality in fields.items()}
    return {name: given for name, given in found.items() if given}


def _flags_of(quality: FieldQuality, cells: float, detail: float) -> tuple[str, ...]:
    if quality.cells == 0 or quality.cells < FEWEST * cells:
        return (EMPTY,)
    touching = quality.touching if quality.cells >= _ENOUGH else 0.0
    doubts = {
        BLURRED: quality.detail < LEAST_DETAIL * detail,
        SATURATED: quality.saturated > MOST_SATURATED,
        CROWDED: quality.covered > MOST_COVERED or touching > MOST_TOUCHING,
    }
    return tuple(name for name, doubtful in doubts.items() if doubtful)


def counted(given: Iterable[tuple[str, ...]]) -> str:
    """Return flags of fields as words: "3 out of focus, 1 empty"; "" for none."""
    numbers = Counter(flag for flags_ in given for flag in flags_)
    return ", ".join(f"{numbers[flag]} {flag}" for flag in FLAGS if numbers[flag])
