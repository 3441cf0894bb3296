"""The exponential of very many float32 numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

_LOWEST, _HIGHEST = np.float32(-87.0), np.float32(88.0)
_LOG2_E = np.float32(1.4426950408889634)
_HALF, _ONE = np.float32(0.5), np.float32(1.0)
_C1, _C2, _C3 = np.float32(0.6931471805599453), np.float32(0.2402265069591007), np.float32(0.05550410866482158)
_C4, _C5 = np.float32(0.009618129107628477), np.float32(0.0013333558146428443)
_BIAS, _MANTISSA = np.int32(127), np.int32(23)


@jit
def exponentiate(values: NDArray[np.float32]) -> None:
    """Replace (n, m) values by their exponentials, 7e-6 off at most; −87 and 88 are the least and the most there is.

    e^x = 2^n · 2^r with n an integer and |r| ≤ ½: 2^r is a polynomial (ln 2)^i r^i / i! of the fifth degree, and n goes
    into the exponent's bits. Without a branch or a table, so that eight numbers go through at once.
    """
    flat = values.reshape(-1)
    for i in range(flat.size):
        t = min(max(flat[i], _LOWEST), _HIGHEST) * _LOG2_E
        n = np.floor(t + _HALF)
        r = t - n
        p = _C5 * r + _C4
        p = p * r + _C3
        p = p * r + _C2
        p = p * r + _C1
        p = p * r + _ONE
        flat[i] = p * np.int32((np.int32(n) + _BIAS) << _MANTISSA).view(np.float32)
