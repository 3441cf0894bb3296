"""One quantile of very many values, without sorting them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels._jit import jit

Float32 = NDArray[np.float32]
Keys = NDArray[np.uint32]
Counts = NDArray[np.int64]

_SIGN = np.uint32(1 << 31)
_ALL = np.uint32(0xFFFFFFFF)
_HIGH = np.uint32(16)
_LOW = np.uint32(0xFFFF)


@jit
def _key(bits: np.uint32) -> np.uint32:
    """Return a whole number that has the order of the float32 with these bits."""
    return bits ^ (_ALL if bits & _SIGN else _SIGN)


@jit
def _high_counts(bits: Keys) -> Counts:
    """Return (65536,) how many values have each upper half of the key."""
    counts = np.zeros(1 << 16, np.int64)
    for b in bits:
        counts[_key(b) >> _HIGH] += 1
    return counts


@jit
def _low_counts(bits: Keys, high: int) -> Counts:
    """Return (65536,) how many values of one upper half have each lower half."""
    # what is passed over is counted too, in eight places behind: without a branch that no processor foresees
    counts = np.zeros((1 << 16) + 8, np.int64)
    for i in range(len(bits)):
        key = _key(bits[i])
        counts[np.int64(key & _LOW) if key >> _HIGH == high else (1 << 16) + (i & 7)] += 1
    return counts[: 1 << 16]


@jit
def _counts_of(values: Float32) -> Counts:
    """Return (65536,) how often each whole number occurs."""
    counts = np.zeros(1 << 16, np.int64)
    for v in values:
        counts[int(v)] += 1
    return counts


def quantile(values: Float32, share: float, whole: bool = False) -> float:
    """Return a quantile as `numpy.quantile` does, of (P,) finite float32 values; 0 of none.

    Two counts over halves of the bits find a value by its rank (a radix selection), in a tenth of numpy's time; one
    count does where all values are whole numbers from 0 to 65,535, which `whole` says.
    """
    if not len(values):
        return 0.0
    if whole:
        below = np.cumsum(_counts_of(values))
        rank = int(share * (len(values) - 1))
        lower, upper = (float(_place(below, r)) for r in _two(rank, len(values)))
        return lower + (upper - lower) * (share * (len(values) - 1) - rank)
    bits = values.view(np.uint32)
    below = np.cumsum(_high_counts(bits))
    position = share * (len(values) - 1)
    rank = int(position)
    halves = {high: np.cumsum(_low_counts(bits, high)) for high in {_place(below, r) for r in _two(rank, len(values))}}
    lower, upper = (_at_rank(below, halves, r) for r in _two(rank, len(values)))
    return lower + (upper - lower) * (position - rank)


def _two(rank: int, count: int) -> tuple[int, int]:
    """Return the ranks that a quantile lies between."""
    return rank, min(rank + 1, count - 1)


def _place(below: Counts, rank: int) -> int:
    """Return where running sums first go beyond a rank, from 0."""
    return int(np.searchsorted(below, rank, side="right"))


def _at_rank(below: Counts, halves: Mapping[int, Counts], rank: int) -> float:
    """Return the value of a rank, given the running sums of the upper counts, and of the lower ones of some uppers."""
    high = _place(below, rank)
    before = int(below[high - 1]) if high else 0
    key = np.uint32(high << 16 | _place(halves[high], rank - before))
    own = key ^ _SIGN if key & _SIGN else ~key
    return float(np.array(own, np.uint32).view(np.float32))
