"""Decision values of machines with a Gaussian kernel in a few principal axes: nearly right, and several times as quick.

In −γ‖x − v‖² only the product x·v costs time. It is taken along the principal axes of the support vectors; across them,
what is left of it is small, so that exp(2γ r·s) ≈ 1 + 2γ r·s, and the sum over a class's vectors becomes one product of
x with a vector per pair. How far this is from the truth is measured on the support vectors themselves, each without
what it brings itself: axes are added until decision values err by `TOLERANCE`, and a cell whose two best classes are
nearer than nearly all errors, or that lies further off the axes than any support vector, is to be computed in full.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.kernels import rbf
from napari_phenotyper.kernels.rbf import Float32, Machines

Float64 = NDArray[np.float64]
Rows = NDArray[np.intp]

AXES = (8, 16, 32, 64, 128)
"""Numbers of axes that are tried …"""
MOST_OF = 0.5
"""… up to this share of the columns: more save nothing."""
TOLERANCE = 0.02
"""Root mean square error of decision values, 1 at the margin (measured: probabilities err by 0.01, at most 0.1)."""
CELLS = 1024
"""Cells of a block."""
PROBES = 600
"""Support vectors that errors are measured on."""
NEARLY_ALL = 0.995
"""Share of the probes whose two best classes are told apart to within what counts as a near tie."""


@dataclass(frozen=True, eq=False)
class Axes:
    """What is needed to compute in principal axes. D columns, d axes, S support vectors, K classes.

    Attributes
    ----------
    centre
        (D,) mean of the support vectors.
    turned
        (D, d + K (K − 1)): the axes, then what lies across them, summed over each class's vectors by their weights.
    vectors
        (d + 2, S): 2γ times the vectors along the axes, then −1, then −γ‖v‖².
    weights
        (S, K): weights of each vector in its K − 1 pairs, then 1.
    spans
        Class, first and last + 1 of its vectors, in parts that stay in a processor's cache.
    farthest
        The largest square of what a support vector lies off the axes; cells further off are computed in full.
    margin
        And so are cells whose coupled scores of the two best classes are nearer than this.
    error
        Root mean square error of decision values.
    """

    centre: Float32
    turned: Float32
    vectors: Float32
    weights: Float32
    spans: tuple[tuple[int, int, int], ...]
    farthest: float
    margin: float = np.inf
    error: float = np.inf

    @property
    def count(self) -> int:
        """How many axes there are."""
        return len(self.vectors) - 2


def found(machines: Machines, steepness: float) -> Axes | None:
    """Return the fewest axes that do; None where only so many would that nothing is saved.

    Parameters
    ----------
    machines
        Of all pairs.
    steepness
        As in `rbf.coupled`.
    """
    vectors = machines.vectors.astype(np.float64)
    if not len(vectors):
        return None
    centred = vectors - vectors.mean(axis=0)
    turn = np.linalg.svd(centred, full_matrices=False)[2].T
    probes = np.linspace(0, len(vectors) - 1, min(len(vectors), PROBES)).astype(np.intp)
    truth = _without_themselves(machines, probes)
    for count in AXES:
        if count > MOST_OF * min(centred.shape):
            break
        axes = _along(machines, centred, turn[:, :count])
        given = _nearly_without_themselves(machines, axes, probes)
        error = float(np.sqrt(np.mean((given - truth) ** 2)))
        if error <= TOLERANCE:
            return replace(axes, error=error, margin=_margin(given, truth, len(machines.counts), steepness))
    return None


def coupled(machines: Machines, axes: Axes, scores: Float32, steepness: float) -> Float32:
    """Return (n, K) log probabilities as `rbf.coupled` does, nearly; in full where in doubt which class is the best.

    Parameters
    ----------
    machines, scores, steepness
        As in `rbf.coupled`.
    axes
        Found for these machines and this steepness.
    """
    out = np.empty((len(scores), len(machines.counts)), np.float32)
    doubtful = np.empty(len(scores), bool)
    for start in range(0, len(scores), CELLS):
        rows = slice(start, start + CELLS)
        wide, across, off = turned(machines, axes, scores[rows])
        values = rbf.gathered(machines, summed(axes, wide, across)[:, :, :-1])
        out[rows] = rbf.couple(values, len(machines.counts), steepness)
        doubtful[rows] = off > axes.farthest
    doubtful[rbf.near_ties(out, axes.margin)] = True
    out[doubtful] = rbf.coupled(machines, scores[doubtful], steepness)
    return out


def _along(machines: Machines, centred: Float64, turn: Float64) -> Axes:
    """Return all that (D, d) axes give, but how right they are."""
    classes, gamma, places = len(machines.counts), machines.gamma, centred @ turn
    rest = centred - places @ turn.T
    across = np.zeros((len(turn), classes, classes - 1))
    for k, mine in enumerate(np.split(np.arange(len(centred)), np.cumsum(machines.counts)[:-1])):
        across[:, k] = 2 * gamma * rest[mine].T @ machines.dual[:, mine].T / max(len(mine), 1)
    vectors = np.vstack([2 * gamma * places.T, np.full(len(places), -1.0), -gamma * (centred**2).sum(axis=1)])
    return Axes(
        machines.vectors.mean(axis=0, dtype=np.float64).astype(np.float32),
        np.hstack([turn, across.reshape(len(turn), -1)]).astype(np.float32),
        vectors.astype(np.float32),
        np.hstack([machines.dual.T, np.ones((len(places), 1), np.float32)]),
        tuple((k, first, last) for first, last, k in machines.runs()),
        farthest=float((rest**2).sum(axis=1).max()),
    )


def turned(machines: Machines, axes: Axes, scores: Float32) -> tuple[Float32, Float32, Float32]:
    """Return cells along the axes with their norms (n, d + 2), across them (K, n, K − 1), and (n,) how far off them."""
    classes = len(machines.counts)
    centred = scores - axes.centre
    both = np.asarray(centred @ axes.turned, np.float32)
    along, across = both[:, : axes.count], both[:, axes.count :].reshape(len(scores), classes, classes - 1)
    square = np.einsum("ij,ij->i", centred, centred)
    wide = np.empty((len(scores), axes.count + 2), np.float32)
    wide[:, :-2], wide[:, -2], wide[:, -1] = along, machines.gamma * square, 1
    off = square - np.einsum("ij,ij->i", along, along)
    return wide, np.asarray(across.transpose(1, 0, 2), np.float32), np.asarray(off, np.float32)


def summed(axes: Axes, wide: Float32, across: Float32) -> Float32:
    """Return (K, n, K): what each class brings to its K − 1 pairs, and the sum of its kernel values."""
    from napari_phenotyper.kernels.exponentials import exponentiate  # not before it is needed: it loads numba

    classes, cells, others = across.shape
    sums = np.zeros((classes, cells, others + 1), np.float32)
    for k, first, last in axes.spans:
        kernel = wide @ axes.vectors[:, first:last]
        exponentiate(kernel)
        sums[k] += kernel @ axes.weights[first:last]
    sums[:, :, :-1] += sums[:, :, -1:] * across
    return sums


def _nearly_without_themselves(machines: Machines, axes: Axes, probes: Rows) -> Float32:
    """Return (n, P) decision values of support vectors along the axes, without what each brings itself."""
    scores = machines.vectors[probes]
    wide, across, off = turned(machines, axes, scores)
    sums = summed(axes, wide, across)
    of = np.searchsorted(np.cumsum(machines.counts), probes, side="right"), np.arange(len(probes))
    own = np.exp(np.einsum("ij,ji->i", wide, axes.vectors[:, probes]))[:, None]
    # what it adds to the mean across of its class
    added = (2 * machines.gamma * off / machines.counts[of[0]])[:, None] * machines.dual[:, probes].T
    others = sums[of][:, -1:] - own
    brought = own * (machines.dual[:, probes].T + across[of]) + others * added
    pairs = np.ascontiguousarray(sums[:, :, :-1])
    pairs[of] -= brought
    return np.asarray(rbf.gathered(machines, pairs), np.float32)


def _without_themselves(machines: Machines, probes: Rows) -> Float64:
    """Return (n, P) decision values of support vectors in full, without what each brings itself."""
    scores, vectors = machines.vectors[probes].astype(np.float64), machines.vectors.astype(np.float64)
    square = (scores**2).sum(axis=1)[:, None] + (vectors**2).sum(axis=1) - 2 * scores @ vectors.T
    kernel = np.exp(-machines.gamma * np.maximum(square, 0))
    kernel[np.arange(len(probes)), probes] = 0
    values = kernel @ machines.pair_weights() + machines.intercept
    return np.asarray(-values if len(machines.counts) == 2 else values, np.float64)


def _margin(given: Float32, truth: Float64, classes: int, steepness: float) -> float:
    """Return what nearly all errors of the difference between the two best classes' scores are below."""
    near, exact = rbf.couple(given, classes, steepness), rbf.couple(truth, classes, steepness)
    best = np.argsort(near, axis=1)[:, -2:]
    wrong = np.diff(np.take_along_axis(near, best, 1)) - np.diff(np.take_along_axis(exact, best, 1))
    return float(np.quantile(np.abs(wrong), NEARLY_ALL))
