"""Trees as plain arrays, shared by the classifiers that grow them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.core.cells import Float32
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.training import ModelState

LEAF = -1
"""What stands for a child where a node has none."""


@dataclass(frozen=True, eq=False)
class Trees:
    """All nodes of all trees, tree after tree; M nodes, T trees.

    Attributes
    ----------
    offsets
        (T + 1,) where each tree begins.
    children
        (M, 2) nodes, counted from where the tree begins, for values up to the threshold and above; `LEAF` in leaves.
    feature, threshold
        (M,) column and value that are compared.
    """

    offsets: NDArray[np.int64]
    children: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the trees."""
        return len(self.offsets) - 1

    def leaves(self, scores: Float32) -> Iterator[NDArray[np.intp]]:
        """Yield for each tree (n,) the leaf, counted over all nodes, that each of (n, D) cells ends in."""
        flat = self.children.ravel()
        for start, stop in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            children, feature = flat[2 * start : 2 * stop], self.feature[start:stop]
            threshold = self.threshold[start:stop]
            node = np.zeros(len(scores), np.intp)
            going = np.flatnonzero(children[2 * node] != LEAF)
            while len(going):
                here = node[going]
                above = scores[going, feature[here]] > threshold[here]
                below = children[2 * here + above]
                node[going] = below
                going = going[children[2 * below] != LEAF]
            yield node + start

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that `read` needs."""
        return {
            "offsets": self.offsets,
            "children": self.children,
            "feature": self.feature,
            "threshold": self.threshold,
        }


def read(state: ModelState, columns: int) -> Trees:
    """Return the trees of a state, each path of which ends in a leaf of its own tree. Raises ModelError."""
    offsets = np.asarray(tables.array(state, "offsets", np.int64, None), np.int64)
    children = np.asarray(tables.array(state, "children", np.int32, None, 2), np.int32)
    feature = np.asarray(tables.array(state, "feature", np.int32, len(children)), np.int32)
    threshold = np.asarray(tables.array(state, "threshold", np.float64, len(children)), np.float64)
    if not _are_whole(offsets, children) or not ((feature >= 0) & (feature < columns)).all():
        raise ModelError("The model's trees are damaged.", "Train again.")
    return Trees(offsets, children, feature, threshold)


def _are_whole(offsets: NDArray[np.int64], children: NDArray[np.int32]) -> bool:
    """Tell whether children come after their parent, in its tree: so a file cannot make a prediction run for ever."""
    if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != len(children) or not (np.diff(offsets) > 0).all():
        return False
    size = np.repeat(np.diff(offsets), np.diff(offsets))
    own = np.arange(len(children)) - np.repeat(offsets[:-1], np.diff(offsets))
    leaf = (children == LEAF).all(axis=1)
    inner = (children > own[:, None]).all(axis=1) & (children < size[:, None]).all(axis=1)
    return bool((leaf | inner).all())
