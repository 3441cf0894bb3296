"""Jobs on a Dask cluster (extra `cluster`): the workers see the plate and the project folder under the same paths."""

from __future__ import annotations

from concurrent.futures import Future
from typing import Any

from napari_phenotyper.core.errors import ProjectError
from napari_phenotyper.core.progress import Cancelled, Progress, no_progress
from napari_phenotyper.engine.runner import Function, Part, Running, exhausted, ignore


def _call(fn: Function, args: tuple[Any, ...]) -> tuple[Any, list[Any]]:
    """Run a job on a cluster's worker, where nobody watches its progress; return its result, and the parts of it."""
    parts: list[Any] = []
    return exhausted(fn(*args, no_progress), parts.append), parts


class Cluster:
    """Runs jobs through a Dask scheduler.

    Parameters
    ----------
    address
        Of the scheduler, "tcp://host:8786".
    timeout
        How long to wait for it.

    Raises
    ------
    ProjectError
        If Dask is not installed or the scheduler does not answer.
    """

    def __init__(self, address: str, timeout: str = "10s") -> None:
        try:
            from distributed import Client
        except ImportError as error:
            remedy = 'Install it: pip install "napari-phenotyper[cluster]".'
            raise ProjectError("Dask is not installed.", remedy) from error
        try:
            self._client = Client(address, timeout=timeout, set_as_default=False)
        except OSError as error:
            raise ProjectError(f"No Dask scheduler answers at {address}.", "Start one: dask scheduler.") from error
        self.slots = max(sum(self._client.nthreads().values()), 1)

    def submit(
        self, fn: Function, args: tuple[Any, ...], report: Progress = no_progress, part: Part = ignore
    ) -> Running:
        """Queue the job on the cluster; parts of its result come when all of it is there."""
        theirs = self._client.submit(_call, fn, args, pure=False)
        ours: Future[Any] = Future()
        theirs.add_done_callback(lambda done: _hand_over(done, ours, part))
        return Running(ours, theirs.cancel)

    def close(self) -> None:
        """Leave the cluster; it goes on for others."""
        self._client.close()


def _hand_over(done: Any, ours: Future[Any], part: Part) -> None:
    """Put what a Dask future came to into ours."""
    if done.cancelled():
        ours.set_exception(Cancelled("cancelled on the cluster"))
    elif (error := done.exception()) is not None:
        ours.set_exception(error)
    else:
        result, parts = done.result()
        for value in parts:
            part(value)
        ours.set_result(result)
