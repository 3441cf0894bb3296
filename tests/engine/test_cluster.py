"""Jobs on a Dask cluster keep the promise of every runner."""

from __future__ import annotations

import pytest

from napari_phenotyper.core.errors import PhenotyperError, ProjectError
from napari_phenotyper.core.progress import no_progress
from napari_phenotyper.engine.cluster import Cluster
from napari_phenotyper.engine.plate import run_all

distributed = pytest.importorskip("distributed", reason="the extra `cluster` is not installed")


def double(x, progress):
    if x < 0:
        raise PhenotyperError("The number is negative.", "Take another.")
    return 2 * x


@pytest.fixture
def cluster():
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None) as local:
        made = Cluster(local.scheduler_address)
        yield made
        made.close()


def test_a_plate_runs_on_the_cluster_and_a_failure_keeps_its_remedy(cluster):
    outcomes = run_all(cluster, double, [(str(i), (i,)) for i in (1, -1, 3)], no_progress)
    assert [o.result for o in outcomes] == [2, None, 6]
    assert outcomes[1].error == "The number is negative. Take another."


def test_a_scheduler_that_does_not_answer_is_told(monkeypatch):
    with pytest.raises(ProjectError, match="No Dask scheduler"):
        Cluster("tcp://127.0.0.1:1", timeout="1s")


def count(to, progress):
    yield from range(to)
    return "done"


def test_a_job_that_yields_hands_its_parts_over(cluster):
    parts = []
    assert cluster.submit(count, (3,), part=parts.append).future.result(30) == "done"
    assert parts == [0, 1, 2]
