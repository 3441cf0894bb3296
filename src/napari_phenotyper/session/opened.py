"""Open a session for the time of a command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_phenotyper.core.registry import Registry
from napari_phenotyper.engine.runner import Inline, Runner
from napari_phenotyper.engine.worker import Workers
from napari_phenotyper.session.opening import whole_path
from napari_phenotyper.session.session import Session
from napari_phenotyper.store.project import Project

SUFFIX = ".phenotyper"


def project_folder(plate: Path) -> Path:
    """Return where a plate's project lies unless the user says otherwise: X.phenotyper beside X or X.zarr."""
    plate = whole_path(plate)
    if plate.suffix == SUFFIX:
        return plate
    name = plate.name
    for ending in (".ome.zarr", ".zarr"):
        name = name.removesuffix(ending)
    return plate.parent / f"{name or 'plate'}{SUFFIX}"


def make_runner(jobs: int, cluster: str = "") -> Runner:
    """Return where work runs: here for one job, in worker processes for more, on a Dask cluster if one is named."""
    if cluster:
        from napari_phenotyper.engine.cluster import Cluster

        return Cluster(cluster)
    return Workers(jobs) if jobs > 1 else Inline()


@contextmanager
def opened(
    project: Path, runner: Runner | None = None, create: bool = True, read_only: bool | None = None
) -> Iterator[Session]:
    """Open a project and close it again whatever happens.

    Parameters
    ----------
    project
        Its folder.
    runner
        Where work runs; here if None. Closed with the session.
    create
        Whether to make it if it is not there.
    read_only
        True to take no lock; None to write if nobody else does, and to read beside whoever does.

    Raises
    ------
    ProjectError
    """
    folder = Project.open(project, create, read_only)
    session = None
    try:
        session = Session(folder, Registry(), runner or Inline())
        yield session
    finally:
        if session is not None:
            session.close()
        else:
            folder.close()
