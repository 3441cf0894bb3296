"""Shares of classes among cells, corrected for the classifier's errors.

Counting what cells are predicted to be is wrong by the classifier's errors, the more so the further a well's shares are
from those that it was trained on. Held-out predictions tell how a classifier errs: by the confusion (adjusted count,
p̂ = C⁻¹q), or by likelihoods of the single cells (EM, Saerens et al. 2002), which use how sure it was of each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize, nnls
from scipy.special import log_softmax

from napari_phenotyper.evaluation.crossval import OutOfFold
from napari_phenotyper.evaluation.metrics import Counts, Floats, Indices, confusion_matrix, row_normalised

Probabilities = NDArray[np.floating]

RIDGE, RIDGE_OFFSET = 20.0, 0.05
"""Leaning of a likelihood's weights, and of its offsets, to 0; the first was chosen on mitocheck_crops."""
CLIP = 1e-4
"""Added to probabilities before their logarithm is taken."""
PSEUDO = 0.25
"""Cells that every class is thought to have before any is seen."""
REPLICATES, BURN, KEEP = 10, 10, 25
"""Bootstrap replicates of the likelihoods; steps of each one's chain that are dropped, and kept."""
SUM_WEIGHT = 1e3
"""By how much more a sum of shares other than 1 counts than a share that is off."""
MOST = 5000
"""Held-out cells that errors are learnt from: more make it slower, not surer."""
WORST_CONDITION = 30.0
"""A confusion whose condition number is above this is not inverted: its errors would be blown up."""


@dataclass(frozen=True, eq=False)
class Likelihood:
    """How probable a cell's prediction is under each class: a multinomial logistic map of log probabilities.

    Bias-corrected calibration before EM (Alexandari et al. 2020), with a full matrix under a ridge (Kull et al. 2019).

    Attributes
    ----------
    weights, offsets
        (K, K) and (K,): log posterior = centred log probabilities @ weights + offsets, normalised.
    prior
        (K,) shares of the classes among the cells that it was fitted on.
    """

    weights: Floats
    offsets: Floats
    prior: Floats

    def __call__(self, probabilities: Probabilities) -> Floats:
        """Return (n, K) likelihoods, but for a factor per cell, of (n, K) probabilities."""
        logs = _centred(probabilities) @ self.weights + self.offsets - np.log(self.prior)
        return np.asarray(np.exp(logs - logs.max(axis=1, keepdims=True, initial=-np.inf)))


@dataclass(frozen=True, eq=False)
class Errors:
    """What held-out predictions tell of a classifier's errors.

    Attributes
    ----------
    classes
        K names.
    likelihood
        From all held-out cells.
    replicates
        From bootstrap draws of groups, and of cells within them.
    confusions
        (1 + replicates, K, K) counts of the same draws, all cells first; rows are the truth.
    """

    classes: tuple[str, ...]
    likelihood: Likelihood
    replicates: tuple[Likelihood, ...]
    confusions: Floats


@dataclass(frozen=True, eq=False)
class Estimate:
    """Shares of K classes: (K,) `shares`, and (B, K) `draws` of what they may be."""

    shares: Floats
    draws: Floats


@runtime_checkable
class Correcting(Protocol):
    """A profiler that can use what held-out predictions tell of a classifier's errors."""

    def knowing(self, result: OutOfFold) -> Self:
        """Return the profiler that uses them; itself where they are of no use."""


def learn_errors(result: OutOfFold, replicates: int = REPLICATES, seed: int = 0) -> Errors:
    """Learn how a classifier errs from held-out predictions; those of cells that were never tested are left out."""
    rng = np.random.default_rng(seed)
    rows = _some(np.flatnonzero(result.tested), rng)
    probabilities, labels = result.probabilities[rows], result.labels[rows]
    whole = fit_likelihood(probabilities, labels)
    drawn = _two_stage(result.groups[rows], replicates, rng)
    found = tuple(fit_likelihood(probabilities[d], labels[d], whole) for d in drawn)
    predicted, k = _argmax(probabilities), len(result.classes)
    confusions = [confusion_matrix(labels[d], predicted[d], k) for d in (np.arange(len(rows)), *drawn)]
    return Errors(result.classes, whole, found, np.array(confusions, np.float64))


def fit_likelihood(probabilities: Probabilities, labels: Indices, start: Likelihood | None = None) -> Likelihood:
    """Return the likelihood that suits (n, K) held-out probabilities and their (n,) true classes.

    `start` is where the search begins; without it, and without cells, the probabilities are taken as they are.
    """
    n, k = probabilities.shape
    logs, truth = _centred(probabilities), np.eye(k)[labels]
    identity = np.eye(k)

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights, offsets = flat[k:].reshape(k, k), flat[:k]
        log_p = log_softmax(logs @ weights + offsets, axis=1)
        lean = weights - identity
        slack = np.exp(log_p) - truth
        value = -(truth * log_p).sum() + RIDGE / 2 * (lean**2).sum() + RIDGE_OFFSET / 2 * (offsets**2).sum()
        gradient = (slack.sum(axis=0) + RIDGE_OFFSET * offsets, (logs.T @ slack + RIDGE * lean).ravel())
        return float(value), np.concatenate(gradient)

    first = np.concatenate([np.zeros(k), identity.ravel()])
    if start is not None:
        first = np.concatenate([start.offsets, start.weights.ravel()])
    found = minimize(loss, first, jac=True, method="L-BFGS-B", options={"maxiter": 80}).x if n else first
    prior = np.bincount(labels, minlength=k) + 0.5
    return Likelihood(found[k:].reshape(k, k), found[:k], prior / prior.sum())


def counted(probabilities: Probabilities) -> Floats:
    """Return (K,) shares of what (n, K) cells are predicted to be."""
    return np.bincount(_argmax(probabilities), minlength=probabilities.shape[1]) / max(len(probabilities), 1)


def adjusted(counts: Counts, confusion: Counts) -> Floats:
    """Return (K,) shares p by the adjusted count: |Cᵀp − q|² is least over p ≥ 0, Σp = 1 (Forman 2008).

    Parameters
    ----------
    counts
        (K,) cells predicted to be of each class; q are their shares.
    confusion
        (K, K) held-out counts, rows the truth. A class without held-out cells is taken to be recognised always.

    Notes
    -----
    Where C⁻¹q lies on the simplex it is the solution; where it does not, this is the point whose predictions are
    nearest to those seen, and closer to the truth than C⁻¹q projected.
    """
    k = len(counts)
    system = np.vstack([_rates(confusion).T, np.full(k, SUM_WEIGHT)])
    found, _ = nnls(system, np.append(counts / max(counts.sum(), 1), SUM_WEIGHT))
    return np.asarray(found / found.sum())


def condition(confusion: Counts) -> float:
    """Return the condition number of the (K, K) confusion as rates; infinite where it cannot be inverted."""
    with np.errstate(divide="ignore"):
        return float(np.linalg.cond(_rates(confusion)))


def expectation_maximised(likelihoods: Floats, steps: int = 100) -> Floats:
    """Return (K,) the most probable shares given (n, K) likelihoods (EM of Saerens et al. 2002, with `PSEUDO`)."""
    shares = np.full(likelihoods.shape[1], 1 / likelihoods.shape[1])
    for _ in range(steps):
        weights = likelihoods * shares
        total = weights.sum(axis=1)
        updated = (weights / np.where(total > 0, total, 1)[:, None]).sum(axis=0) + PSEUDO
        updated /= updated.sum()
        if np.abs(updated - shares).max() < 1e-5:
            return np.asarray(updated)
        shares = updated
    return shares


def by_adjusting(probabilities: Probabilities, errors: Errors, seed: int = 0, draws: int = 40) -> Estimate:
    """Estimate shares of (n, K) cells by adjusted counts; `draws` resamples of the cells per replicate."""
    n, k = probabilities.shape
    counts = np.bincount(_argmax(probabilities), minlength=k)
    rng = np.random.default_rng(seed)
    drawn = [
        adjusted(resampled, confusion)
        for confusion in errors.confusions[1:]
        for resampled in rng.multinomial(n, counts / max(n, 1), draws)
    ]
    return Estimate(adjusted(counts, errors.confusions[0]), np.array(drawn).reshape(-1, k))


def by_likelihood(probabilities: Probabilities, errors: Errors, seed: int = 0) -> Estimate:
    """Estimate shares of (n, K) cells by EM; draws are of the posterior, under every replicate of the likelihoods."""
    rng = np.random.default_rng(seed)
    drawn = [_chain(likelihood(probabilities), rng) for likelihood in errors.replicates]
    return Estimate(expectation_maximised(errors.likelihood(probabilities)), np.concatenate(drawn))


def _chain(likelihoods: Floats, rng: np.random.Generator) -> Floats:
    """Return (KEEP, K) shares drawn by Gibbs sampling: classes of cells given shares, shares given classes."""
    k = likelihoods.shape[1]
    shares, kept = expectation_maximised(likelihoods, 20), []
    for step in range(BURN + KEEP):
        reach = (likelihoods * shares).cumsum(axis=1)
        drawn = (reach < (rng.random(len(reach)) * reach[:, -1])[:, None]).sum(axis=1)
        shares = rng.dirichlet(np.bincount(drawn, minlength=k) + PSEUDO) + 1e-12
        if step >= BURN:
            kept.append(shares)
    return np.array(kept)


def gain(result: OutOfFold, cells: int = 300, draws: int = 100, seed: int = 0) -> float:
    """Return the error of corrected shares by that of counted ones, on groups that the correction has not seen.

    Below 1 the correction helps, and rather more than it says: a fold's few cells stand for all of their class, and
    what is peculiar to them weighs on both. Wells are simulated from held-out predictions of a fold: shares are
    drawn, half of them evenly from all that are possible, half near the fold's own, then cells; the errors are learnt
    from the other folds. 1 where there are fewer than two folds.

    Parameters
    ----------
    result
        Held-out predictions.
    cells, draws
        Cells per simulated well, and wells.
    seed
        For all draws.
    """
    numbers = np.unique(result.folds[result.tested])
    if len(numbers) < 2:
        return 1.0
    rng = np.random.default_rng(seed)
    wrong = np.zeros(2)
    for number in numbers:
        mine, others = (np.flatnonzero(result.tested & ((result.folds == number) == own)) for own in (True, False))
        others = _some(others, rng)
        likelihood = fit_likelihood(result.probabilities[others], result.labels[others])
        for i in range(max(draws // len(numbers), 1)):
            truth, rows = simulated(result.labels[mine], len(result.classes), cells, bool(i % 2), rng)
            well = result.probabilities[mine[rows]]
            found = (expectation_maximised(likelihood(well)), counted(well))
            wrong += [np.abs(shares - truth).mean() for shares in found]
    return float(wrong[0] / wrong[1]) if wrong[1] > 0 else 1.0


def simulated(
    labels: Indices, classes: int, cells: int, even: bool, rng: np.random.Generator
) -> tuple[Floats, Indices]:
    """Return (K,) shares that were drawn and (cells,) rows of a well with these shares.

    Shares are drawn evenly from all that the present classes allow, or near those of the labels.
    """
    present, counts = np.unique(labels, return_counts=True)
    shares = np.zeros(classes)
    shares[present] = rng.dirichlet(np.ones(len(present)) if even else 10 * counts / counts.sum())
    kinds = rng.choice(classes, cells, p=shares)
    rows = np.empty(cells, np.intp)
    for k in np.unique(kinds):
        rows[kinds == k] = rng.choice(np.flatnonzero(labels == k), int((kinds == k).sum()))
    return shares, rows


def _two_stage(groups: Indices, draws: int, rng: np.random.Generator) -> list[Indices]:
    """Return rows of bootstrap draws: groups with replacement, then cells within each drawn group."""
    members = [np.flatnonzero(groups == g) for g in np.unique(groups)]
    picks = [rng.integers(len(members), size=len(members)) for _ in range(draws)]
    return [np.concatenate([rng.choice(members[i], len(members[i])) for i in pick]) for pick in picks if len(pick)]


def _some(rows: Indices, rng: np.random.Generator) -> Indices:
    """Return the rows, or `MOST` of them."""
    return rows if len(rows) <= MOST else np.sort(rng.choice(rows, MOST, replace=False))


def _rates(confusion: Counts) -> Floats:
    """Return (K, K) rates of predictions given the truth; a class without cells is recognised always."""
    rates = row_normalised(confusion)
    empty = np.flatnonzero(np.asarray(confusion).sum(axis=1) == 0)
    rates[empty, empty] = 1.0
    return rates


def _argmax(probabilities: Probabilities) -> Indices:
    return probabilities.argmax(axis=1) if len(probabilities) else np.zeros(0, np.intp)


def _centred(probabilities: Probabilities) -> Floats:
    logs = np.log(np.asarray(probabilities, np.float64) + CLIP)
    return np.asarray(logs - logs.mean(axis=1, keepdims=True))
