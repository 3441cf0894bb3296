"""Decision values of support vector machines with a Gaussian kernel, for many cells.

All pairs of classes share their kernel values. These are computed for a block of cells and a tile of support vectors
that fit into a processor's second-level cache together: one matrix product gives −γ‖x − v‖², norms included, the
exponential is taken in place, and small products with the weights add up what each class brings to its pairs. A support
vector weighs in K − 1 pairs only, so this costs an eighth of a product with a weight for each of 120 pairs.

Short numbers are quick and may turn a label where two classes are nearly even. Cells whose two best classes are nearer
than the error of the arithmetic are therefore computed again in longer numbers, at last in float64.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels import rbf_torch

Float32 = NDArray[np.float32]
Floats = NDArray[np.float32] | NDArray[np.float64]
Arithmetic = Literal["float32", "bfloat16"]

CELLS = 512
"""Cells of a block."""
TILE = 384
"""Support vectors of a tile, about: with 512 cells, kernel values of 0.8 MB."""
EXTREME = 60.0
"""Pair scores are limited to ± this, so that exp stays within float32; e⁻⁶⁰ is no probability to tell from 0."""
ERRORS: dict[Arithmetic, float] = {"bfloat16": 4e-4, "float32": 2e-7}
"""Error of a decision value over the norm of the pair's weights, about (measured: 3e-4 and 1.5e-7)."""
SAFETY = 4.0
"""Cells nearer to even than this many times the error are computed again."""
ROUNDING = 2e-5
"""Error of coupling in float32, several times over."""


@dataclass(frozen=True, eq=False)
class Tile:
    """Some support vectors, ready to be multiplied.

    Attributes
    ----------
    vectors
        (D + 2, T): 2γv, then −1, then −γ‖v‖², a column per vector.
    parts
        Class, where its vectors begin and end in the tile, and their weights (t, K − 1).
    """

    vectors: Floats
    parts: tuple[tuple[int, int, int, Floats], ...]


@dataclass(frozen=True, eq=False)
class Machines:
    """Machines for all P = K (K − 1) / 2 pairs of K classes, in the layout of LIBSVM (Chang & Lin 2011).

    Attributes
    ----------
    gamma
        Of the kernel exp(−γ‖x − v‖²).
    vectors, counts
        (S, D), class after class, and (K,) how many of each class.
    dual, intercept
        (K − 1, S) and (P,). Of two classes, with the signs as scikit-learn turns them.
    """

    gamma: float
    vectors: Float32
    counts: NDArray[np.int64]
    dual: Float32
    intercept: Float32

    @cached_property
    def tiles(self) -> tuple[Tile, ...]:
        """The support vectors in tiles, float32."""
        return tuple(self._tiled(np.float32))

    @cached_property
    def weight(self) -> float:
        """The largest norm of the weights of one pair, to which the error of decision values is proportional."""
        return float(np.linalg.norm(self.pair_weights(), axis=0).max(initial=0.0))

    def pair_weights(self) -> Float32:
        """Return (S, P): the weight of each support vector in each pair's machine."""
        ends = np.cumsum(self.counts)
        weights = np.zeros((len(self.vectors), len(self.intercept)), np.float32)
        for pair, (i, j) in enumerate(self.pairs):
            first, second = slice(ends[i] - self.counts[i], ends[i]), slice(ends[j] - self.counts[j], ends[j])
            weights[first, pair] = self.dual[j - 1, first]
            weights[second, pair] = self.dual[i, second]
        return weights

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Pairs of classes, in the order of the decision values."""
        return list(combinations(range(len(self.counts)), 2))

    def in_float64(self) -> tuple[Tile, ...]:
        """Return the support vectors in tiles, float64."""
        return tuple(self._tiled(np.float64))

    def runs(self) -> Iterator[tuple[int, int, int]]:
        """Yield first, last, class of runs of support vectors of one class, none longer than a tile."""
        start = 0
        for k, count in enumerate(self.counts.tolist()):
            for first in range(start, start + count, TILE):
                yield first, min(first + TILE, start + count), k
            start += count

    def _tiled(self, dtype: type[np.floating]) -> Iterator[Tile]:
        runs: list[tuple[int, int, int]] = []
        for run in self.runs():
            if runs and run[1] - runs[0][0] > TILE:
                yield self._tile(runs, dtype)
                runs = []
            runs.append(run)
        if runs:
            yield self._tile(runs, dtype)

    def _tile(self, runs: list[tuple[int, int, int]], dtype: type[np.floating]) -> Tile:
        start, stop = runs[0][0], runs[-1][1]
        vectors = self.vectors[start:stop].astype(np.float64)
        wide = np.empty((vectors.shape[1] + 2, stop - start))
        wide[:-2] = 2 * self.gamma * vectors.T
        wide[-2] = -1
        wide[-1] = -self.gamma * np.einsum("ij,ij->i", vectors, vectors)
        parts = tuple((k, a - start, b - start, self.dual[:, a:b].T.astype(dtype)) for a, b, k in runs)
        return Tile(wide.astype(dtype), parts)


def decisions(machines: Machines, scores: Float32, arithmetic: Arithmetic = "float32") -> Float32:
    """Return (n, P) decision values of (n, D) standard scores; positive speaks for the first class of the pair.

    Parameters
    ----------
    machines
        Of all pairs.
    scores
        As the machines were trained on.
    arithmetic
        "bfloat16" is quicker on processors with AMX, and slower on others.
    """
    if uses_torch(arithmetic):
        return rbf_torch.decisions(machines, scores, arithmetic == "bfloat16")
    out = np.empty((len(scores), len(machines.intercept)), np.float32)
    for start in range(0, len(scores), CELLS):
        out[start : start + CELLS] = _pair_values(machines, scores[start : start + CELLS], machines.tiles)
    return out


def coupled(machines: Machines, scores: Float32, steepness: float, arithmetic: Arithmetic = "float32") -> Float32:
    """Return (n, K) log probabilities, but for their sum, that the decision values of all pairs add up to.

    Near ties are settled in float64.

    Parameters
    ----------
    machines, scores, arithmetic
        As in `decisions`.
    steepness
        A pair's probability is σ(steepness · decision value).
    """
    classes = len(machines.counts)
    out = np.asarray(couple(decisions(machines, scores, arithmetic), classes, steepness), np.float32)
    near = near_ties(out, steepness * machines.weight * ERRORS[arithmetic] * SAFETY + ROUNDING)
    if arithmetic == "bfloat16":
        out[near] = coupled(machines, scores[near], steepness)
        return out
    tiles = machines.in_float64() if len(near) else ()
    for start in range(0, len(near), CELLS):
        rows = near[start : start + CELLS]
        out[rows] = couple(_pair_values(machines, scores[rows].astype(np.float64), tiles), classes, steepness)
    return out


def couple(decisions: Floats, classes: int, steepness: float) -> Floats:
    """Return (n, K) log probabilities, but for their sum, that (n, P) decision values add up to.

    With r the probability of class i in its pair with class j, p_i = 1 / (Σ_j 1/r_ij − (K − 2)) (Price et al. 1995).
    With r = σ(z) this is 1 / (1 + Σ_j exp(−z_ij)).
    """
    against = np.exp(np.clip(-steepness * decisions, -EXTREME, EXTREME, dtype=decisions.dtype))
    first, second = (np.zeros((decisions.shape[1], classes), decisions.dtype) for _ in range(2))
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        first[pair, i] = second[pair, j] = 1
    total = against @ first
    np.reciprocal(against, out=against)
    total += against @ second
    return np.asarray(-np.log1p(total))


def near_ties(scores: Float32, margin: float) -> NDArray[np.intp]:
    """Return the rows whose two best classes are nearer than a margin."""
    if scores.shape[1] < 2:
        return np.zeros(0, np.intp)
    best = np.partition(scores, -2, axis=1)[:, -2:]
    return np.flatnonzero(best[:, 1] - best[:, 0] < margin)


def uses_torch(arithmetic: Arithmetic) -> bool:
    """Tell whether torch does the work, and shares it out itself: in bfloat16, or on a GPU that it has found."""
    return arithmetic == "bfloat16" or rbf_torch.device() == "cuda"


def _pair_values(machines: Machines, block: Floats, tiles: tuple[Tile, ...]) -> Floats:
    """Return (n, P) decision values of a block, in the arithmetic of the tiles and of the block."""
    wide = np.empty((len(block), block.shape[1] + 2), block.dtype)
    wide[:, :-2] = block
    wide[:, -2] = machines.gamma * np.einsum("ij,ij->i", block, block)
    wide[:, -1] = 1
    sums = np.zeros((len(machines.counts), len(block), len(machines.dual)), block.dtype)
    for tile in tiles:
        kernel = wide @ tile.vectors
        np.minimum(kernel, 0, out=kernel)
        np.exp(kernel, out=kernel)
        for k, first, last, weights in tile.parts:
            sums[k] += kernel[:, first:last] @ weights
    return gathered(machines, sums)


def gathered(machines: Machines, sums: Floats) -> Floats:
    """Return (n, P) decision values of what each class brings to its pairs: (K, n, K − 1)."""
    out = np.empty((sums.shape[1], len(machines.intercept)), sums.dtype)
    for pair, (i, j) in enumerate(machines.pairs):
        np.add(sums[i, :, j - 1], sums[j, :, i], out=out[:, pair])
    out += machines.intercept
    # scikit-learn turns the signs of a single pair round
    return -out if len(machines.counts) == 2 else out
