"""Decision values of machines with a Gaussian kernel."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from sklearn.svm import SVC

from napari_phenotyper.kernels import rbf, rbf_torch
from napari_phenotyper.kernels.blocks import in_blocks
from napari_phenotyper.kernels.distances import square_distances

STEEPNESS = 3.0


def sample(classes: int, n: int = 600, columns: int = 20, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    centres = np.random.default_rng(99).normal(0, 0.5, (classes, columns))
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    return (centres[labels] + rng.normal(size=(n, columns))).astype(np.float32), labels


def trained(classes: int, cost: float = 10.0) -> tuple[rbf.Machines, SVC]:
    scores, labels = sample(classes)
    svc = SVC(C=cost, gamma=1 / 20, class_weight="balanced", decision_function_shape="ovo").fit(scores, labels)
    found = rbf.Machines(
        1 / 20,
        svc.support_vectors_.astype(np.float32),
        svc.n_support_.astype(np.int64),
        svc.dual_coef_.astype(np.float32),
        svc.intercept_.astype(np.float32),
    )
    return found, svc


def exact(svc: SVC, scores: np.ndarray) -> np.ndarray:
    values = svc.decision_function(scores.astype(np.float64))
    return values if values.ndim == 2 else -values[:, None]


def votes(decisions: np.ndarray, classes: int) -> np.ndarray:
    count = np.zeros((len(decisions), classes))
    for pair, (i, j) in enumerate(combinations(range(classes), 2)):
        count[:, i] += decisions[:, pair] > 0
        count[:, j] += decisions[:, pair] <= 0
    return count.argmax(axis=1)


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("tile", [8, 384])
def test_decision_values_are_those_of_libsvm(classes: int, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rbf, "TILE", tile)
    found, svc = trained(classes)
    new = sample(classes, 700, seed=1)[0]
    np.testing.assert_allclose(rbf.decisions(found, new), exact(svc, new), atol=2e-4)


@pytest.mark.parametrize("classes", [2, 7])
@pytest.mark.parametrize("short", [False, True])
def test_torch_gives_the_same_decision_values(classes: int, short: bool) -> None:
    found, svc = trained(classes)
    new = sample(classes, 700, seed=1)[0]
    errors = rbf_torch.decisions(found, new, short) - exact(svc, new)
    assert np.abs(errors).max() < (0.2 if short else 1e-3)
    assert errors.std() < rbf.ERRORS["bfloat16" if short else "float32"] * found.weight * 5


def test_votes_win_as_they_do_in_libsvm() -> None:
    found, svc = trained(7)
    new = sample(7, 5000, seed=1)[0]
    np.testing.assert_array_equal(votes(rbf.decisions(found, new), 7), svc.predict(new))


@pytest.mark.parametrize("arithmetic", ["float32", "bfloat16"])
def test_labels_are_those_of_float64(arithmetic: rbf.Arithmetic) -> None:
    found, svc = trained(7, cost=100.0)
    new = sample(7, 5000, seed=1)[0]
    wanted = rbf.couple(exact(svc, new), 7, STEEPNESS).argmax(axis=1)
    got = rbf.coupled(found, new, STEEPNESS, arithmetic).argmax(axis=1)
    assert (got == wanted).mean() >= 0.9995


def test_coupling_is_that_of_price_et_al() -> None:
    values = np.random.default_rng(0).normal(0, 1, (50, 6))
    shares = 1 / (1 + np.exp(-STEEPNESS * values))
    wanted = np.zeros((50, 4))
    for pair, (i, j) in enumerate(combinations(range(4), 2)):
        wanted[:, i] += 1 / shares[:, pair]
        wanted[:, j] += 1 / (1 - shares[:, pair])
    np.testing.assert_allclose(np.exp(rbf.couple(values, 4, STEEPNESS)), 1 / (wanted - 2), rtol=1e-9)


def test_coupling_survives_decision_values_without_bounds() -> None:
    values = np.array([[1e30, -1e30, 5.0]], np.float32)
    assert np.isfinite(rbf.couple(values, 3, STEEPNESS)).all()


def test_a_tie_in_short_numbers_is_settled_in_long_ones() -> None:
    found, svc = trained(2)
    new = sample(2, 4000, seed=1)[0]
    middle = np.argsort(np.abs(exact(svc, new)[:, 0]))[:20]
    given = rbf.coupled(found, new[middle], STEEPNESS, "bfloat16")
    wanted = rbf.couple(exact(svc, new[middle]), 2, STEEPNESS)
    np.testing.assert_allclose(given, wanted, atol=2e-4)


def test_a_class_without_support_vectors_is_no_obstacle() -> None:
    found, _ = trained(3)
    kept = slice(int(found.counts[0]), None)
    counts = np.array([0, *found.counts[1:]])
    less = replace(found, vectors=found.vectors[kept], counts=counts, dual=found.dual[:, kept])
    new = sample(3, 50, seed=1)[0]
    assert np.isfinite(rbf.coupled(less, new, STEEPNESS)).all()


def test_no_cells_give_no_rows() -> None:
    found, _ = trained(3)
    nothing = np.zeros((0, 20), np.float32)
    assert rbf.coupled(found, nothing, STEEPNESS).shape == (0, 3)
    assert rbf.coupled(found, nothing, STEEPNESS, "bfloat16").shape == (0, 3)


@pytest.mark.parametrize("threads", [1, 3])
def test_blocks_cover_every_row_once(threads: int) -> None:
    seen = np.zeros(1003, int)

    def work(start: int, stop: int) -> None:
        seen[start:stop] += 1

    in_blocks(1003, 100, work, threads)
    assert (seen == 1).all()


def test_an_error_in_a_block_is_raised() -> None:
    def work(start: int, stop: int) -> None:
        raise ValueError("block")

    with pytest.raises(ValueError, match="block"):
        in_blocks(1000, 100, work, 2)


def test_square_distances_are_never_negative_and_right() -> None:
    a, b = (np.random.default_rng(s).normal(0, 1, (30, 5)).astype(np.float32) for s in (0, 1))
    wanted = ((a[:, None] - b[None]) ** 2).sum(axis=2)
    np.testing.assert_allclose(square_distances(a, b), wanted, atol=1e-4)
    assert (square_distances(a, a) >= 0).all()
