"""The range of values that colours show; without figures, which take a quarter of a second to import."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import Normalize
from numpy.typing import NDArray


def robust_range(grid: NDArray[np.float64], diverging: bool = False) -> tuple[Normalize, str]:
    """Return the range of the colours and which ends of the bar are pointed.

    Parameters
    ----------
    grid
        Values of any shape, NaN where there is none.
    diverging
        Values are signed: the range is symmetric about zero.

    Returns
    -------
    Normalize
        From the 2nd to the 98th percentile of the known values, widened where they are all alike; 0 to 1 for none.
    str
        "neither", "min", "max" or "both": where values lie beyond.
    """
    known = grid[np.isfinite(grid)]
    if not known.size:
        return Normalize(0, 1), "neither"
    low, high = (float(v) for v in np.percentile(known, [2, 98]))
    if diverging:
        high = max(abs(low), abs(high))
        low = -high
    if high <= low:
        low, high = low - (abs(low) * 0.01 or 0.5), high + (abs(high) * 0.01 or 0.5)
    ends = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}
    return Normalize(low, high, clip=True), ends[bool(known.min() < low), bool(known.max() > high)]
