"""The random forest."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.ensemble import RandomForestClassifier

from napari_phenotyper.classifiers import _tables as tables
from napari_phenotyper.classifiers._model import TableModel
from napari_phenotyper.classifiers.forest import Forest, RandomForest
from napari_phenotyper.core.errors import ModelError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.core.training import ModelState, TrainingSet

Make = Callable[..., TrainingSet]


def test_shares_agree_with_scikit_learn(make: Make) -> None:
    training = make(n=150, spread=2.0)
    model = RandomForest(trees=15).fit(training, no_progress)
    assert isinstance(model, TableModel) and isinstance(model.learnt, Forest)
    table = tables.table(training)
    peer = RandomForestClassifier(15, min_samples_leaf=2, class_weight="balanced_subsample", random_state=0)
    wanted = peer.fit(table.scores, table.labels).predict_proba(table.scores)
    np.testing.assert_allclose(model.learnt.shares(table.scores), wanted, atol=1e-6)


def test_importances_name_the_columns_that_tell(make: Make) -> None:
    importances = RandomForest(trees=30).fit(make(n=150), no_progress).state().meta["importances"]
    assert isinstance(importances, dict)
    assert sum(importances.values()) == pytest.approx(1)
    assert min(importances[f"column{k}"] for k in range(3)) > max(importances[f"column{k}"] for k in range(3, 6))


def test_a_tree_that_leads_in_a_circle_is_refused(make: Make) -> None:
    state = RandomForest(trees=5).fit(make(n=60), no_progress).state()
    children = state.arrays["children"].copy()
    children[0] = 0
    with pytest.raises(ModelError, match="trees"):
        RandomForest().restore(ModelState({**state.arrays, "children": children}, state.meta))
